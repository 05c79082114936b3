"""The environment as PettingZoo users expect it: `parallel_env`, `env` (AEC, with its usual wrappers), `raw_env` (AEC)."""

from typing import Any

import numpy as np
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.env import AECEnv
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from wirelessenv.envs.parallel import PowerControlEnv as parallel_env

__all__ = ["env", "parallel_env", "raw_env"]


class _TurnByTurn(parallel_to_aec_wrapper):  # type: ignore[misc]  # PettingZoo ships no types
    """PettingZoo's AEC form, with the `np_random` of the environment in it."""

    @property
    def np_random(self) -> np.random.Generator:
        """Seeded by `reset(seed=)`."""
        return self.env.np_random  # type: ignore[no-any-return]  # PettingZoo ships no types

    @property
    def np_random_seed(self) -> int:
        """What it was seeded with."""
        return self.env.np_random_seed  # type: ignore[no-any-return]  # PettingZoo ships no types


def raw_env(scenario: Any = "dense", **options: Any) -> AECEnv[Any, Any, Any]:
    """The AEC form of `parallel_env(scenario, **options)`, with PettingZoo's check of order alone."""
    return OrderEnforcingWrapper(_TurnByTurn(parallel_env(scenario, **options)))


def env(scenario: Any = "dense", **options: Any) -> AECEnv[Any, Any, Any]:
    """The AEC form of `parallel_env(scenario, **options)`, with PettingZoo's checks of bounds and order."""
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(raw_env(scenario, **options)))
