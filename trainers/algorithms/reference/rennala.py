"""Rennala SGD (Tyurin and Richtarik, 2023) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.rennala`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def rennala(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    batch: int,
    answers: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run Rennala SGD, or with exact gradients where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when, and who is asked next.
        start: x_0, (d,).
        step_size: eta.
        batch: S.
        answers: that the server receives.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x after each answer, (answers, d).
    """
    x, k, history = start, 0, []
    collected: list[NumpyArray] = []
    working = {(i, 0): (0, problem.gradient(i, x, sample(i))) for i in timetable.first}  # 1: by client and when it was asked
    arriving, asked, chosen = (
        column(answers).tolist() for column in (timetable.client, timetable.sent_at, timetable.next_client)
    )
    for t in range(answers):  # 2
        version, gradient = working.pop((arriving[t], asked[t]))  # 3
        if version == k:  # 4
            collected.append(gradient)  # 5
        if len(collected) == batch:  # 7
            x, k, collected = x - step_size * np.mean(collected, axis=0), k + 1, []  # 8
        working[chosen[t], t + 1] = (k, problem.gradient(chosen[t], x, sample(chosen[t])))  # 9
        history.append(x)
    return np.array(history)
