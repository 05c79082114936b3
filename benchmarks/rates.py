"""Measured rates: calls of a step a second."""

import time
from collections.abc import Callable
from typing import Any

Rate = Callable[[], float]


def per_second(step: Callable[[], Any], steps: int, each: int = 1) -> Rate:
    """A function that measures the rate of a step.

    Args:
        step: is called again and again.
        steps: calls in a measurement.
        each: counted for a call.

    Returns:
        A function that returns `each` x calls a second.
    """

    def measured() -> float:
        started = time.perf_counter()
        for _ in range(steps):
            step()
        return each * steps / (time.perf_counter() - started)

    step()
    return measured
