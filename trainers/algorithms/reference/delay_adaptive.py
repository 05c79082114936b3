"""Delay-adaptive Async-SGD (Koloskova et al., 2022) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.delay_adaptive`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def delay_adaptive(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    full_up_to: int,
    answers: int,
    sample: Callable[[int], Any] = lambda client: None,
) -> NumpyArray:
    """Run delay-adaptive Async-SGD, or with exact gradients where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when, and who is asked next.
        start: x_0, (d,).
        step_size: eta.
        full_up_to: age up to which a gradient has the whole step, tau_C in the paper.
        answers: that the server receives.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        x_1, x_2, ..., (answers, d).
    """
    x, history = start, []
    working = {(k, 0): problem.gradient(k, x, sample(k)) for k in timetable.first}  # 1: by client and when it was asked
    arriving, asked, chosen = (
        column(answers).tolist() for column in (timetable.client, timetable.sent_at, timetable.next_client)
    )
    for t in range(answers):  # 2
        g, tau = working.pop((arriving[t], asked[t])), t - asked[t]  # 3
        eta_t = step_size if tau <= full_up_to else step_size * full_up_to / tau  # 4
        x = x - eta_t * g  # 5
        working[chosen[t], t + 1] = problem.gradient(chosen[t], x, sample(chosen[t]))  # 6, 7
        history.append(x)
    return np.array(history)
