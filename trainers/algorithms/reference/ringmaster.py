"""Ringmaster ASGD (Maranjyan, Tyurin and Richtarik, 2025) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.ringmaster`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def ringmaster(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    threshold: float,
    answers: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run Ringmaster ASGD, or with exact gradients where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when, and who is asked next.
        start: x_0, (d,).
        step_size: eta.
        threshold: R, may be infinite.
        answers: that the server receives.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x after each answer, (answers, d).
    """
    x, k, history = start, 0, []
    working = {(i, 0): (0, problem.gradient(i, x, sample(i))) for i in timetable.first}  # 1: by client and when it was asked
    arriving, asked, chosen = (
        column(answers).tolist() for column in (timetable.client, timetable.sent_at, timetable.next_client)
    )
    for t in range(answers):  # 2
        version, g = working.pop((arriving[t], asked[t]))  # 3
        if k - version < threshold:  # 4
            x = x - step_size * g  # 5
            k += 1  # 6
        working[chosen[t], t + 1] = (k, problem.gradient(chosen[t], x, sample(chosen[t])))  # 7, 8
        history.append(x)
    return np.array(history)
