"""Malenia SGD (Tyurin and Richtarik, 2023) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.malenia`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def malenia(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    batch: int,
    answers: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run Malenia SGD, or with exact gradients where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when; clients go on by themselves.
        start: x_0, (d,).
        step_size: eta.
        batch: S.
        answers: that the server receives.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x after each answer, (answers, d).
    """
    x, k, n, history = start, 0, problem.clients, []
    heard: list[list[NumpyArray]] = [[] for _ in range(n)]
    working = {i: (0, problem.gradient(i, x, sample(i))) for i in timetable.first}  # 1
    for j in timetable.client(answers).tolist():  # 2
        version, gradient = working[j]  # 3
        if version == k:  # 4
            heard[j].append(gradient)  # 5
        if all(heard) and n * n >= batch * sum(1 / len(own) for own in heard) * (1 - 1e-12):  # 7
            x = x - step_size * np.mean([np.mean(own, axis=0) for own in heard], axis=0)  # 8
            k, heard = k + 1, [[] for _ in range(n)]
        working[j] = (k, problem.gradient(j, x, sample(j)))  # 9
        history.append(x)
    return np.array(history)
