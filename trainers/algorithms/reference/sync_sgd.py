"""Synchronous SGD as a plain loop over rounds and clients.

The listing is at the head of `trainers.algorithms.sync_sgd`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.problems.objective import NumpyArray, Objective


def sync_sgd(
    problem: Objective, start: NumpyArray, *, step_size: float, rounds: int, sample: Callable[[int], Any] = lambda client: None
) -> NumpyArray:
    """Run Sync-SGD, or gradient descent where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        start: x_0, (d,).
        step_size: eta.
        rounds: of n gradients each.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x_1, x_2, ..., (rounds, d).
    """
    x, history = start, []
    for _ in range(rounds):  # 1
        answers = [problem.gradient(i, x, sample(i)) for i in range(problem.clients)]  # 2
        x = x - step_size / problem.clients * np.sum(answers, axis=0)  # 3
        history.append(x)
    return np.array(history)
