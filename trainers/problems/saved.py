"""The problems that a saved learner can build again by itself."""

from typing import Any

from trainers.problems.problem import Problem
from trainers.problems.wireless import WirelessProblem


def rebuilt(configuration: dict[str, Any], device: str = "cpu") -> Problem:
    """The problem that has this `Problem.configuration`, from its start.

    Args:
        configuration: what `configuration()` of the problem returned; not empty.
        device: where it computes, "cpu" or "cuda".

    Returns:
        The problem.

    Raises:
        ConfigError: where the configuration is not that of a problem.
    """
    return WirelessProblem.from_configuration(configuration, device)
