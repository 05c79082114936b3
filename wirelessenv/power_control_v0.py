"""The environment as PettingZoo users expect it: `parallel_env`, `env` (AEC, with its usual wrappers), `raw_env` (AEC)."""

from typing import Any, Unpack

import numpy as np
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.env import AECEnv
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from wirelessenv.envs.options import AScenario, Options, tells_options
from wirelessenv.envs.parallel import PowerControlEnv as parallel_env

__all__ = ["env", "parallel_env", "raw_env"]


class _TurnByTurn(parallel_to_aec_wrapper):  # type: ignore[misc]  # PettingZoo ships no types
    """PettingZoo's AEC form, with the `np_random` of the environment in it."""

    @property
    def np_random(self) -> np.random.Generator:
        """The generator that `reset(seed=)` seeds."""
        return self.env.np_random  # type: ignore[no-any-return]  # PettingZoo ships no types

    @property
    def np_random_seed(self) -> int:
        """The seed of the last `reset(seed=)`."""
        return self.env.np_random_seed  # type: ignore[no-any-return]  # PettingZoo ships no types


@tells_options
def raw_env(
    scenario: AScenario = "dense", *, render_mode: str | None = None, **options: Unpack[Options]
) -> AECEnv[Any, Any, Any]:
    """The AEC form of `parallel_env`, with PettingZoo's check of order alone.

    Args:
        scenario: a preset's name, a mapping, or a Scenario.
        render_mode: "rgb_array", "human" or None.
        options: the other fields of `Settings`, or `max_episode_steps`.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """
    return OrderEnforcingWrapper(_TurnByTurn(parallel_env(scenario, render_mode=render_mode, **options)))


@tells_options
def env(scenario: AScenario = "dense", *, render_mode: str | None = None, **options: Unpack[Options]) -> AECEnv[Any, Any, Any]:
    """The AEC form of `parallel_env`, with PettingZoo's checks of bounds and order.

    Args:
        scenario: a preset's name, a mapping, or a Scenario.
        render_mode: "rgb_array", "human" or None.
        options: the other fields of `Settings`, or `max_episode_steps`.

    Raises:
        ConfigError: for a value that cannot be used; the sentence names field, value and what would be right.
    """
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(raw_env(scenario, render_mode=render_mode, **options)))
