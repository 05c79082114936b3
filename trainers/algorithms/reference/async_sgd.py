"""Asynchronous SGD with a server (Koloskova et al., 2022) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.async_sgd`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def async_sgd(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    iterations: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run Async-SGD, or Async-GD where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when, and who is asked next.
        start: x_0, (d,).
        step_size: eta.
        iterations: answers that the server applies.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x_1, x_2, ..., (iterations, d).
    """
    x, history = start, []
    answers = {(k, 0): problem.gradient(k, x, sample(k)) for k in timetable.first}  # 1: by client and when it was asked
    arriving, asked, chosen = (
        column(iterations).tolist() for column in (timetable.client, timetable.sent_at, timetable.next_client)
    )
    for t in range(iterations):  # 2
        g = answers.pop((arriving[t], asked[t]))  # 3
        x = x - step_size * g  # 4
        answers[chosen[t], t + 1] = problem.gradient(chosen[t], x, sample(chosen[t]))  # 5, 6
        history.append(x)
    return np.array(history)
