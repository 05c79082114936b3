"""The Gymnasium environment: one controller for all transmitters."""

import sys
from collections.abc import Sequence
from typing import Any, Unpack

import gymnasium
import numpy as np
from gymnasium.wrappers import RenderCollection
from numpy.typing import NDArray

from wirelessenv.config import ConfigError
from wirelessenv.envs.actions import Actions
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.options import AScenario, Options, tells_options
from wirelessenv.envs.rendering import Screen
from wirelessenv.envs.seeding import begin
from wirelessenv.envs.settings import RENDER_MODES, Settings, checked_render_mode


class CentralPowerControlEnv(gymnasium.Env[NDArray[np.float32], NDArray[Any]]):
    """One controller sees what all m agents observe, (m, size), and chooses all actions, (m,).

    With learned messages an action is (m, 1 + message_size), of M bands (m, M), and with discrete actions (m,) whole numbers.
    The reward is the mean of the agents' rewards, infos hold arrays (m,). Everything else is as in
    `wirelessenv.envs.parallel.PowerControlEnv`, and for the same seed and actions the numbers are the same; infos hold each
    agent's reward, too: `rewards`. Step before reset and after the end raise RuntimeError.
    """

    metadata = {  # noqa: RUF012  # as Gymnasium declares it
        "render_modes": list(RENDER_MODES),
        "render_fps": 10,
    }

    @tells_options
    def __init__(self, scenario: AScenario = "dense", *, render_mode: str | None = None, **options: Unpack[Options]) -> None:
        self.settings = Settings.of(scenario, options, "render_mode")
        self.render_mode = checked_render_mode(render_mode)
        self._screen = Screen(self.render_mode)
        self._batch, self._actions = Batch(self.settings, 1, drawn=render_mode is not None), Actions(self.settings)
        self.observation_space = self._batch.joint_observation_space()
        self.state_space = self._batch.state_space()
        self.action_space = self._actions.joint_space(self._batch.agents)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode: the first of a new seed, or the next.

        Args:
            seed: a whole number; None: the next episode.
            options: accepted and not used.

        Returns:
            Observations (m, size), and infos with arrays (m,).

        Raises:
            ConfigError: for a seed that is none, or options that are no mapping.
        """
        begin(self, self._batch, seed, options)
        self._show()
        return self._batch.observations()[0], self._infos()

    def step(self, action: NDArray[Any]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Use the actions in the current slot, pay for it, and show the next one."""
        if not 0 <= self._batch.cycle < self.settings.max_cycles:
            raise RuntimeError("step: the episode is over or was never begun: call reset() first")
        rewards = self._batch.step(*self._actions.of_array(action, self.action_space.shape or (), self._batch.agents))
        over = self._batch.cycle >= self.settings.max_cycles
        self._show()
        return self._batch.observations()[0], float(rewards.mean(dtype=np.float64)), False, over, self._infos()

    def state(self) -> NDArray[np.float32]:
        """The coming slot's gains |h|^2, [receiver, transmitter], flattened to (m * m,), of M bands (M * m * m,)."""
        return np.asarray(self._batch.state()[0])

    def render(self) -> Any:
        """A picture (600, 900, 3) of the last slot with `rgb_array`; shows it with `human`; else nothing."""
        return self._screen.render(self._batch.scene, self._batch.episodes)

    def close(self) -> None:
        """Close the window, if there is one."""
        self._screen.close()

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()

    def _infos(self) -> dict[str, NDArray[np.float32]]:
        return {name: values[0] for name, values in self._batch.infos().items()} | {"rewards": self._batch.rewards()[0]}


@tells_options
def made(
    *, scenario: AScenario = "dense", render_mode: str | None = None, **options: Unpack[Options]
) -> gymnasium.Env[NDArray[np.float32], NDArray[Any]]:
    """A `CentralPowerControlEnv` for `gymnasium.make`, of as many slots as its `max_episode_steps` says.

    `gymnasium.make` tells that number to its TimeLimit alone, which can shorten an episode but not lengthen it; so it is read
    where it stands, in the frame of the caller. A function, without the metadata of a class, sees every `render_mode` first.

    Args:
        scenario: a preset's name, a mapping, or a Scenario.
        render_mode: "rgb_array", "rgb_array_list", "human" or None.
        options: the other fields of `Settings`, or `max_episode_steps`.

    Returns:
        The environment; with "rgb_array_list" in Gymnasium's wrapper that collects pictures.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """
    caller = sys._getframe(1)
    if caller.f_code is gymnasium.make.__code__:
        length = caller.f_locals["max_episode_steps"]
        options["max_episode_steps"] = caller.f_locals["env_spec"].max_episode_steps if length is None else length
    if "autoreset_mode" in options:
        raise ConfigError(
            "autoreset_mode: one environment has none; with vectorization_mode sync or async it is one of the vector_kwargs"
        )
    if isinstance(render_mode, str) and render_mode == "rgb_array_list":
        return RenderCollection(CentralPowerControlEnv(scenario, render_mode="rgb_array", **options))
    return CentralPowerControlEnv(scenario, render_mode=render_mode, **options)
