"""From actions to powers and messages: spaces, clipping, and what is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space
from numpy.typing import NDArray

from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError
from wirelessenv.envs.settings import Settings
from wirelessenv.per_agent import beside
from wirelessenv.sentences import shown


class Actions:
    """Meaning of actions: their spaces, and the powers and messages they stand for.

    A continuous action is a power, of M bands M of them or M + 1 shares, and, with learned messages, the numbers of the
    message, each in [-1, 1]. Numbers outside the space are clipped to it, infinite ones included; NaN, a wrong shape and a
    level that does not exist are refused.
    """

    def __init__(self, settings: Settings) -> None:
        self._discrete, self._simplex = settings.actions == "discrete", settings.actions == "simplex"
        self._bands = settings.scenario.bands
        self.numbers = 1 if self._discrete else self._bands + self._simplex
        """Numbers of an action that stand for powers."""
        self.width = self.numbers + settings.chosen_width
        self._most = beside(settings.scenario.p_max, np.empty(0, np.float32))
        self._above, self._levels = settings.levels - 1, self._bands * (settings.levels - 1) + 1
        low, high = {"power": (0.0, settings.scenario.p_max), "discrete": (0, self._levels - 1)}.get(
            settings.actions, (-1.0, 1.0)
        )
        self._low = np.array([low] * self.numbers + [-1.0] * settings.chosen_width, np.float32)
        each = [high] * self.numbers + [np.ones(np.shape(high))] * settings.chosen_width
        self._high = np.stack(each, axis=-1).astype(np.float32)
        """(width,), or (m, width) where bounds are each agent's own"""
        self._offset, self._scale = np.float32(low), np.float32(settings.scenario.p_max / (high - low))
        self._row_scale = self._scale if self._scale.ndim == 0 else self._scale[:, None]

    def space(self, agent: int) -> Space[Any]:
        """The action space of one agent."""
        return Discrete(self._levels) if self._discrete else Box(self._low, self._high[agent] if self._own else self._high)

    def shared_space(self) -> Space[Any]:
        """The action space of all agents; raises ConfigError where they have spaces of their own."""
        if self._own:
            raise ConfigError(
                'actions: "power" is not valid here where max_power is each agent\'s own: all agents share one space: use '
                '"normalised", where 1 is the agent\'s own p_max'
            )
        return self.space(0)

    @property
    def _own(self) -> bool:
        return self._high.ndim == 2

    def joint_space(self, agents: int) -> Space[Any]:
        """All agents': (m,), or (m, 1 + size of a message)."""
        if self._discrete:
            return MultiDiscrete([self._levels] * agents)
        shape = (agents,) if self.width == 1 else (agents, self.width)
        low, high = (np.broadcast_to(bound, (agents, self.width)).reshape(shape) for bound in (self._low, self._high))
        return Box(low, high)

    def of_agents(self, actions: Mapping[str, Any], agents: Sequence[str]) -> tuple[Floats, Floats]:
        """Powers and messages of the actions of all agents.

        Args:
            actions: the action of each agent, by its name.
            agents: the names of all agents.

        Returns:
            Powers (1, m) in [0, p_max], of M bands (1, M, m), and messages (1, m, size) in [-1, 1].

        Raises:
            ValueError: with one sentence, for actions that cannot be used.
        """
        try:
            return self._meant(np.array([actions[agent] for agent in agents]).reshape(1, len(agents), self.width))
        except (IndexError, KeyError, TypeError, ValueError):
            wrong = self._what_is_wrong(actions, agents)
            if wrong is not None:
                raise ValueError(wrong) from None
            mixed = np.array([np.ravel(actions[agent]) for agent in agents])  # numbers beside arrays of one
            return self._meant(mixed.reshape(1, len(agents), self.width))

    def of_array(self, actions: Any, shape: tuple[int, ...], agents: int) -> tuple[Floats, Floats]:
        """Powers and messages of one array of actions.

        Args:
            actions: numbers of the right shape.
            shape: the right shape: agents are its last axis, or the last but one where an action has several numbers.
            agents: the number m of agents in an environment.

        Returns:
            Powers (E, m) in [0, p_max], of M bands (E, M, m), and messages (E, m, size) in [-1, 1].

        Raises:
            ValueError: with one sentence, for actions that cannot be used.
        """
        try:
            chosen = _array(actions)
            if chosen.shape != shape:
                raise ValueError(f"actions: shape {chosen.shape} is not valid: it should be {shape}")
            return self._meant(chosen.reshape(-1, agents, self.width))
        except TypeError:
            raise ValueError(f"actions: {shown(actions)} is not valid: it should be numbers, shape {shape}") from None

    def _meant(self, chosen: NDArray[Any]) -> tuple[Floats, Floats]:
        if self._discrete and (chosen.dtype.kind not in "iu" or not ((chosen >= 0) & (chosen < self._levels)).all()):
            raise ValueError(f"actions: {shown(chosen.ravel())} is not valid: {self._right()}")
        clipped = np.minimum(np.maximum(chosen, self._low), self._high).astype(np.float32, casting="same_kind")
        if self._bands > 1:
            power = self._one_band(chosen[..., 0]) if self._discrete else self._divided(clipped[..., : self.numbers])
        else:
            power = clipped[..., 0]
            power = (power - self._offset) * self._scale
        if not clipped.sum() >= -np.inf:  # one pass that NaN does not survive
            raise ValueError(f"actions: NaN is not valid: {self._right()}")
        return power, clipped[..., self.numbers :]

    def _one_band(self, chosen: NDArray[Any]) -> Floats:
        """Powers (E, M, m) of levels (E, m): 0 is silence, 1 ... levels - 1 are of band 0, the next ones of band 1."""
        band, level = np.divmod(chosen.astype(np.int64)[:, None] - 1, self._above)
        power = ((level + 1) * (self._most / self._above)).astype(np.float32)
        return np.where(band == np.arange(self._bands)[:, None], power, np.float32(0))

    def _divided(self, chosen: Floats) -> Floats:
        """Powers (E, M, m) of the powers or shares (E, m, numbers) of each band."""
        power = np.ascontiguousarray(((chosen - self._offset) * self._row_scale).swapaxes(1, 2))
        total = power.sum(1, keepdims=True)
        if not self._simplex:
            return np.asarray(power * np.minimum(self._most / np.maximum(total, np.float32(self._most)), np.float32(1)))
        share = np.divide(np.float32(self._most), total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(power[:, : self._bands] * share)

    def _right(self) -> str:
        if self._discrete:
            return f"it should be a whole number from 0 to {self._levels - 1}"
        count = "one number" if self.numbers == 1 else f"{self.numbers} numbers"
        told, most = self.width - self.numbers, "p_max of the agent" if self._own else f"{self._high[0]:g}"
        return f"it should be {count} in [{self._low[0]:g}, {most}]" + (f" and {told} in [-1, 1]" if told else "")

    def _what_is_wrong(self, actions: Any, agents: Sequence[str]) -> str | None:
        if not isinstance(actions, Mapping):
            return f"actions: {shown(actions)} is not valid: it should map every agent to its action"
        for agent in agents:
            if agent not in actions:
                return f"actions: there is none for {agent}: every one of the {len(agents)} agents needs one"
            value = _array(actions[agent])
            sound = value.dtype.kind in ("iu" if self._discrete else "fiub") and value.size == self.width
            if not sound or np.isnan(value).any() or (self._discrete and not 0 <= value < self._levels):
                return f"actions[{agent!r}]: {shown(actions[agent])} is not valid: {self._right()}"
        return None


def _array(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:  # lists of different lengths
        return np.empty((), object)
