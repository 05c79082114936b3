"""Trainers: how transmitters learn their policies. See `python -m trainers --help`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.algorithms.first_order import FirstOrderLearner
    from trainers.algorithms.zeroth_order import ZerothOrderLearner
    from trainers.problems.parallel_env import ParallelEnvProblem
    from trainers.problems.policies import Policies
    from trainers.problems.wireless import WirelessProblem

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
