"""The run-time check of annotations, shapes of arrays included, for the import hook in conftest.py."""

from typing import Any

from beartype import BeartypeConf, beartype

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
"""Modules whose every call is checked in the test run."""
ARRAYS_CHECKED = [
    "baselines.allocators.certified",
    "baselines.allocators.checks",
    "baselines.allocators.fair",
    "baselines.allocators.simple",
    "trainers.problems.images",
    "trainers.problems.objective",
    "trainers.problems.ridge_regression",
    "trainers.problems.torch_loss",
    "trainers.problems.wireless_objective",
]
"""Modules that refuse what users hand in by sentences of their own, so that of every call the arrays alone are checked.

Inner loops are annotated alone, for checks of them take longer than the tests: iterative and boxes of allocators; quadratic,
least_squares and logistic of problems.
"""
_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand where a float is asked for


def check(function: Any) -> Any:
    """Check a function's annotations at every call; constructors look at what users hand in themselves."""
    return function if function.__qualname__.endswith("__init__") else _checked(function)


def check_arrays(function: Any) -> Any:
    """Check those annotations of a function that hold shapes of arrays."""
    for name, hint in function.__annotations__.items():
        function.__annotations__[name] = hint if "jaxtyping" in repr(hint) else Any
    return check(function)
