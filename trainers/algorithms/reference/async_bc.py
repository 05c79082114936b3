"""AsyncBC-GD and AsyncBC-SGD, Algorithms 1 and 2 of Gao et al. (2025), as a plain loop over answers.

The listing is at the head of `trainers.algorithms.async_bc`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def async_bc(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    iterations: int,
    sample: Callable[[int], tuple[Any, Any]] = lambda client: (None, None),
) -> NumpyArray:
    """Run AsyncBC-SGD, or AsyncBC-GD where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when, and who is asked next.
        start: x_0, (d,).
        step_size: eta.
        iterations: answers that the server applies.
        sample: gives the next task of a client its samples (xi, xi') at both points, the same twice under Assumption 5; None
            stands for the exact gradient.

    Returns:
        (x_{t+1}, m_t) for t = 1, 2, ..., (iterations, 2, d).
    """

    def difference(k: int, new: NumpyArray, old: NumpyArray) -> NumpyArray:
        xi, other = sample(k)
        return np.asarray(problem.gradient(k, new, xi) - problem.gradient(k, old, other))

    m = problem.mean_gradient(start)  # 1
    old, new = start, start - step_size * m
    tau_c = len(timetable.first)
    answers = {(k, 1): difference(k, new, old) / tau_c for k in timetable.first}  # 2, 3: by client and when it was asked
    arriving, asked, chosen = (
        column(iterations).tolist() for column in (timetable.client, timetable.sent_at, timetable.next_client)
    )
    history = []
    for t in range(1, iterations + 1):  # 4; updates of a timetable begin at 0
        g = answers.pop((arriving[t - 1], asked[t - 1] + 1))  # 5
        m = m + g  # 6
        old, new = new, new - step_size * m  # 7
        k = chosen[t - 1]  # 8
        answers[k, t + 1] = difference(k, new, old)  # 9
        history.append([new, m])
    return np.array(history)
