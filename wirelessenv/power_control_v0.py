"""The environment as PettingZoo users expect it: `parallel_env`, `env` (AEC, with its usual wrappers), `raw_env` (AEC)."""

from typing import Any

from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.env import AECEnv
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from wirelessenv.envs.parallel import PowerControlEnv as parallel_env

__all__ = ["env", "parallel_env", "raw_env"]


def raw_env(**options: Any) -> AECEnv[Any, Any, Any]:
    """The AEC form of `parallel_env(**options)`, without wrappers."""
    return parallel_to_aec(parallel_env(**options))


def env(**options: Any) -> AECEnv[Any, Any, Any]:
    """The AEC form of `parallel_env(**options)`, with PettingZoo's checks of bounds and order."""
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(raw_env(**options)))
