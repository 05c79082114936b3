"""ACE, all-client engagement (Chang et al., 2025), as a plain loop over answers.

The listing is at the head of `trainers.algorithms.ace`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def ace(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    answers: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run ACE, or with exact gradients where samples are None.

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
    x, history = start, []
    newest: dict[int, NumpyArray] = {}
    working = {i: problem.gradient(i, x, sample(i)) for i in timetable.first}  # 1
    for j in timetable.client(answers).tolist():  # 2
        newest[j] = working[j]  # 3, 4
        if len(newest) == problem.clients:  # 5
            x = x - step_size * np.mean([newest[i] for i in range(problem.clients)], axis=0)  # 6
        working[j] = problem.gradient(j, x, sample(j))  # 7
        history.append(x)
    return np.array(history)
