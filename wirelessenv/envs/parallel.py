"""The PettingZoo parallel environment: a view of a network of batch 1, stepped slot by slot."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from wirelessenv.config import ConfigError, shown
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Scenario

ActionKind = Literal["normalised", "power"]


class PowerControlEnv(ParallelEnv[str, NDArray[np.float32], NDArray[np.float32]]):  # type: ignore[misc]  # PettingZoo ships no types
    """Each transmitter sees its aggregation sequence, chooses its power for the same slot, and is paid its utility.

    Agents: tx_0 ... tx_{m-1}.
    Actions: Box (1,) in [-1, 1], mapped to [0, p_max] (`actions="normalised"`), or in [0, p_max] (`actions="power"`).
    A finite action outside its space is clipped to it, NaN and wrong shapes are refused.
    Observations: Box (K,), the aggregation sequence of the slot in which the action will be used.
    Rewards: the agent's utility in that slot, a Python float (bit/s/Hz with the utility `rate`).
    State: that slot's (m, m) gains |h|^2, [receiver, transmitter], flattened.
    Episodes are truncated after `max_cycles` slots; nothing terminates. `reset(seed=s)` starts the streams of seed s,
    `reset()` their next episode; without any seed the first reset takes a random one.

    Args:
        scenario: a preset's name, a mapping, or a Scenario.
        max_cycles: slots in an episode.
        actions: what an action means.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "power_control_v0", "render_modes": [], "is_parallelizable": True}

    BLOCK_SLOTS: ClassVar[int] = 64

    def __init__(
        self,
        scenario: Scenario | str | Mapping[str, Any] = "dense",
        max_cycles: int = 200,
        actions: ActionKind = "normalised",
        render_mode: None = None,
    ) -> None:
        if isinstance(max_cycles, bool) or not isinstance(max_cycles, int | np.integer) or max_cycles < 1:
            raise ConfigError(f"max_cycles: {max_cycles!r} is not valid: it should be a whole number, 1 or more")
        if actions not in ("normalised", "power"):
            raise ConfigError(f'actions: {actions!r} is not valid: it should be "normalised" or "power"')
        if render_mode is not None:
            raise ConfigError(f"render_mode: {render_mode!r} is not valid: there is none yet; leave it out")
        self.scenario = Scenario.of(scenario)
        self.max_cycles = int(max_cycles)
        self.actions: ActionKind = actions
        self.render_mode = None
        agents = self.scenario.transmitters
        self.possible_agents = [f"tx_{i}" for i in range(agents)]
        self.agents: list[str] = []
        low, high = (-1.0, 1.0) if actions == "normalised" else (0.0, self.scenario.max_power)
        self._scale = self.scenario.max_power / (high - low)
        self._low, self._high = np.float32(low), np.float32(high)
        self.observation_spaces = {a: Box(0.0, np.inf, (self.scenario.hops,), np.float32) for a in self.possible_agents}
        self.action_spaces = {a: Box(low, high, (1,), np.float32) for a in self.possible_agents}
        self.state_space = Box(0.0, np.inf, (agents * agents,), np.float32)
        self._network: WirelessNetwork | None = None  # made at the first reset, so that unseeded copies differ
        self._slot = 0

    def observation_space(self, agent: str) -> Box:
        """The agent's space; the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Box:
        """The agent's space; the same object at every call."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Any]]]:
        """Begin an episode. `options` are accepted and not used."""
        if self._network is None:
            first = int(np_random()[0].integers(2**32)) if seed is None else seed
            self._network = WirelessNetwork(self.scenario, first)
        else:
            self._network.reset(seed)
        self.agents = self.possible_agents[:]
        self._cycle = 0
        self._next_block(self._network)
        return self._observations(), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, NDArray[np.float32]]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Use the actions in the current slot, pay for it, and show the next one."""
        if self._network is None or not self.agents:
            raise RuntimeError("step: the episode is over or was never begun: call reset() first")
        agents = self.agents
        power = self._powers(actions)
        utilities = self._network.utilities(self._wanted[self._slot], self._cross[self._slot], power)
        self._cycle += 1
        self._slot += 1
        if self._slot == self.BLOCK_SLOTS:
            self._next_block(self._network)
        over = self._cycle >= self.max_cycles
        if over:
            self.agents = []
        return (
            self._observations(),
            dict(zip(agents, utilities.tolist(), strict=True)),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            {agent: {} for agent in agents},
        )

    def state(self) -> NDArray[np.float32]:
        """The current slot's gains |h|^2, [receiver, transmitter], flattened to (m * m,)."""
        if self._network is None:
            raise RuntimeError("state: there is none before the first reset()")
        return np.array(self._gain[self._slot].ravel())

    def render(self) -> None:
        """Nothing: `render_mode` is None."""

    def close(self) -> None:
        """Nothing to release."""

    def _next_block(self, network: WirelessNetwork) -> None:
        block = network.block(self.BLOCK_SLOTS)
        self._gain, self._wanted, self._cross, self._features = (
            block.gain[0],
            block.wanted[0],
            block.cross[0],
            block.features[0],
        )
        self._slot = 0

    def _observations(self) -> dict[str, NDArray[np.float32]]:
        return dict(zip(self.possible_agents, self._features[self._slot].copy(), strict=True))

    def _powers(self, actions: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        try:
            chosen = np.array([actions[agent] for agent in self.agents]).reshape(len(self.agents))
            clipped = np.minimum(np.maximum(chosen, self._low), self._high).astype(np.float32, casting="same_kind")
        except (IndexError, KeyError, TypeError, ValueError):
            raise ValueError(self._what_is_wrong(actions)) from None
        power: NDArray[np.float32] = (clipped - self._low) * self._scale
        if not power.sum() >= 0:  # one pass that NaN does not survive
            raise ValueError(self._what_is_wrong(actions))
        return power

    def _what_is_wrong(self, actions: Any) -> str:
        if not isinstance(actions, Mapping):
            return f"actions: {shown(actions)} is not valid: it should map every agent to one number"
        for agent in self.agents:
            if agent not in actions:
                return f"actions: there is none for {agent}: every one of the {len(self.agents)} agents needs one"
            value = np.asarray(actions[agent])
            if value.dtype.kind not in "fiub" or value.size != 1 or np.isnan(value).any():
                right = f"one number in [{self._low}, {self._high}]"
                return f"actions[{agent!r}]: {shown(actions[agent])} is not valid: it should be {right}"
        return "actions: they differ in shape: every one should be an array of one number, shape (1,)"
