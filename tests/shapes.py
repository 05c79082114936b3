"""The run-time check of annotations, shapes of arrays included, for the import hook in conftest.py."""

from functools import wraps
from typing import Any

from beartype import BeartypeConf, beartype
from jaxtyping import config

CHECKED = [
    "wirelessenv.channel.path_loss",
    "wirelessenv.messages.channel",
    "wirelessenv.messages.knowledge",
    "wirelessenv.physics.kernels",
    "wirelessenv.physics.rates",
    "wirelessenv.physics.aggregation",
    "wirelessenv.physics.utilities",
    "trainers.problems.analytic",
    "trainers.problems.parallel_env",
    "trainers.problems.policies",
    "trainers.problems.wireless",
]
"""Modules whose calls are checked in the test run, the first `CALLS` of every test."""
ARRAYS_CHECKED = [
    "baselines.allocators.boxes",
    "baselines.allocators.certified",
    "baselines.allocators.checks",
    "baselines.allocators.fair",
    "baselines.allocators.iterative",
    "baselines.allocators.simple",
    "trainers.problems.images",
    "trainers.problems.least_squares",
    "trainers.problems.logistic",
    "trainers.problems.objective",
    "trainers.problems.quadratic",
    "trainers.problems.ridge_regression",
    "trainers.problems.torch_loss",
    "trainers.problems.tridiagonal",
    "trainers.problems.wireless_objective",
]
"""Modules that refuse what users hand in by sentences of their own, so that the arrays alone are checked."""
_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand where a float is asked for
CALLS = 300
"""Calls that are checked in a test: the inner loops of a test that learns make a million of the same."""
_left = CALLS


def begin() -> None:
    """Check the calls of a test from its first one on."""
    global _left  # noqa: PLW0603  # the import hook knows functions alone
    _left = CALLS
    config.update("jaxtyping_disable", False)


def check(function: Any) -> Any:
    """Check a function's annotations; constructors look at what users hand in themselves."""
    if function.__qualname__.endswith("__init__"):
        return function
    checked = _checked(function)

    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        global _left  # noqa: PLW0603  # see above
        _left -= 1
        if _left < 0:
            config.update("jaxtyping_disable", True)
        return checked(*args, **kwargs)

    return counted


def check_arrays(function: Any) -> Any:
    """Check those annotations of a function that hold shapes of arrays."""
    for name, hint in function.__annotations__.items():
        function.__annotations__[name] = hint if "jaxtyping" in repr(hint) else Any
    return check(function)
