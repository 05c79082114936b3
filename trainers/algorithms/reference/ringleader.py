"""Ringleader ASGD (Maranjyan and Richtarik, 2025) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.ringleader`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def ringleader(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    answers: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run Ringleader ASGD, or with exact gradients where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when; clients go on by themselves.
        start: x_0, (d,).
        step_size: eta.
        answers: that the server receives.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x after each answer, (answers, d).
    """
    x, n, history = start, problem.clients, []
    points = dict.fromkeys(timetable.first, start)  # 1
    working = {i: problem.gradient(i, points[i], sample(i)) for i in timetable.first}
    table: list[list[NumpyArray]] = [[] for _ in range(n)]  # 2
    later: list[list[NumpyArray]] = [[] for _ in range(n)]
    served: set[int] = set()
    for j in timetable.client(answers).tolist():  # 3
        if j in served:
            later[j].append(working[j])  # 11
        else:
            table[j].append(working[j])  # 5, 7
            if all(table):  # 6
                x = x - step_size * np.mean([np.mean(own, axis=0) for own in table], axis=0)  # 8
                points[j] = x  # 9
                served.add(j)
        if len(served) == n:  # 10
            table, later, served = later, [[] for _ in range(n)], set()
        working[j] = problem.gradient(j, points[j], sample(j))  # 1
        history.append(x)
    return np.array(history)
