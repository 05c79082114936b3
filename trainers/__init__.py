"""Trainers: how transmitters learn their policies. See `python -m trainers --help`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.first_order import FirstOrderLearner
    from trainers.policies import Policies
    from trainers.problems.parallel_env import ParallelEnvProblem
    from trainers.problems.wireless import WirelessProblem
    from trainers.zeroth_order import ZerothOrderLearner

__all__ = ["FirstOrderLearner", "ParallelEnvProblem", "Policies", "WirelessProblem", "ZerothOrderLearner"]
_MODULES = {
    "FirstOrderLearner": "first_order",
    "ParallelEnvProblem": "problems.parallel_env",
    "Policies": "policies",
    "WirelessProblem": "problems.wireless",
    "ZerothOrderLearner": "zeroth_order",
}


def __getattr__(name: str) -> Any:
    """What the package offers, imported when it is asked for: torch takes seconds, and `--help` needs none of it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
