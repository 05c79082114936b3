"""The PettingZoo parallel environment: a batch of one, as dicts of agents."""

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Space
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from wirelessenv.envs.actions import Actions
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.options import AScenario, Options, tells_options
from wirelessenv.envs.rendering import Screen
from wirelessenv.envs.seeding import begin
from wirelessenv.envs.settings import RENDER_MODES, Settings, checked_render_mode

Infos = dict[str, dict[str, Any]]


class PowerControlEnv(ParallelEnv[str, NDArray[np.float32], NDArray[np.float32]]):  # type: ignore[misc]  # PettingZoo ships no types
    """Each transmitter observes, chooses its power for the same slot, and is paid for it.

    Agents: tx_0 ... tx_{m-1}.
    Actions: see the option `actions`; Box (1,) in [-1, 1], mapped to [0, p_max], by default; of M bands (M,), scaled down
    where powers add up to more than p_max. With learned messages the numbers of the message follow. Numbers outside the
    space are clipped to it; NaN, wrong shapes and levels that do not exist are refused.
    Observations: Box, float32, see the option `observation`; by default the aggregation sequence (K,) of the slot in which the
    action will be used; of M bands (M K,), band by band. With messages there follow, for each agent in the order i, i + 1, ...
    (own first), the newest numbers that agent i knows of it (0 if none), and then their ages in slots (-1 if none); with
    `message_neighbours` those of the agent itself and of so many others, the loudest first.
    Rewards: see the option `reward`; by default the agent's utility in the slot, a Python float.
    Infos: of the last slot rate (bit/s/Hz), sinr_db (at least -200) and power, these two lists of M bands; with messages
    largest_age and mean_age of what the agent knows of others, in slots, -1 where it knows nothing.
    State: the coming slot's (m, m) gains |h|^2, [receiver, transmitter], of M bands (M, m, m), flattened.
    Episodes are truncated after `max_cycles` slots; nothing terminates. `reset(seed=s)` starts the streams of seed s,
    `reset()` their next episode; without any seed the first reset takes a random one. `np_random`, which wrappers draw from,
    and `np_random_seed` are Gymnasium's: `reset(seed=s)` seeds it.

    Args:
        scenario: a preset's name, a mapping, or a Scenario.
        render_mode: "rgb_array" (render returns a picture), "human" (a window), or None.
        options: the other fields of `Settings`; `max_episode_steps` is another name of `max_cycles`.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "power_control_v0",
        "render_modes": list(RENDER_MODES),
        "render_fps": 10,
        "is_parallelizable": True,
    }

    _np_random: np.random.Generator | None = None
    _np_random_seed: int | None = None
    np_random, np_random_seed = gymnasium.Env.np_random, gymnasium.Env.np_random_seed

    @tells_options
    def __init__(self, scenario: AScenario = "dense", *, render_mode: str | None = None, **options: Unpack[Options]) -> None:
        self.settings = Settings.of(scenario, options, "render_mode")
        self.render_mode = checked_render_mode(render_mode)
        self._screen = Screen(self.render_mode)
        self.scenario, self.max_cycles = self.settings.scenario, self.settings.max_cycles
        self.possible_agents = [f"tx_{i}" for i in range(self.scenario.transmitters)]
        self.agents: list[str] = []
        self._batch, self._actions = Batch(self.settings, 1, drawn=render_mode is not None), Actions(self.settings)
        self.observation_spaces = {agent: self._batch.observation_space() for agent in self.possible_agents}
        self.action_spaces = {agent: self._actions.space(number) for number, agent in enumerate(self.possible_agents)}
        self.state_space = self._batch.state_space()

    def observation_space(self, agent: str) -> Box:
        """The agent's space; the same object at every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space[Any]:
        """The agent's space; the same object at every call."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], Infos]:
        """Begin an episode: the first of a new seed, or the next.

        Args:
            seed: a whole number; None: the next episode.
            options: accepted and not used.

        Returns:
            Observations and infos of the first slot, by agent.

        Raises:
            ConfigError: for a seed that is none, or options that are no mapping.
        """
        begin(self, self._batch, seed, options)
        self.agents = self.possible_agents[:]
        self._show()
        return self._observations(), self._infos()

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Use the actions in the current slot, pay for it, and show the next one."""
        agents = self.agents
        if not agents:
            raise RuntimeError("step: the episode is over or was never begun: call reset() first")
        rewards = self._batch.step(*self._actions.of_agents(actions, agents))
        over = self._batch.cycle >= self.max_cycles
        if over:
            self.agents = []
        self._show()
        return (
            self._observations(),
            dict(zip(agents, rewards[0].tolist(), strict=True)),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            self._infos(),
        )

    def state(self) -> NDArray[np.float32]:
        """The coming slot's gains |h|^2, [receiver, transmitter], flattened to (m * m,), of M bands (M * m * m,)."""
        return np.asarray(self._batch.state()[0])

    def render(self) -> NDArray[np.uint8] | None:
        """A picture (600, 900, 3) of the last slot with `rgb_array`; shows it with `human`; else nothing."""
        return self._screen.render(self._batch.scene, self._batch.episodes)

    def close(self) -> None:
        """Close the window, if there is one."""
        self._screen.close()

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()

    def _observations(self) -> dict[str, NDArray[np.float32]]:
        return dict(zip(self.possible_agents, self._batch.observations()[0], strict=True))

    def _infos(self) -> Infos:
        told = [values[0].tolist() for values in self._batch.infos().values()]
        if self.settings.messages is None:
            return {
                agent: {"rate": rate, "sinr_db": sinr, "power": power}
                for agent, rate, sinr, power in zip(self.possible_agents, *told, strict=True)
            }
        return {
            agent: {"rate": rate, "sinr_db": sinr, "power": power, "largest_age": largest, "mean_age": mean}
            for agent, rate, sinr, power, largest, mean in zip(self.possible_agents, *told, strict=True)
        }
