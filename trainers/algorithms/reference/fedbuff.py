"""FedBuff (Nguyen et al., 2022) as a plain loop over answers.

The listing is at the head of `trainers.algorithms.fedbuff`; its line numbers are here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.events.timetable import Timetable
from trainers.problems.objective import NumpyArray, Objective


def fedbuff(
    problem: Objective,
    timetable: Timetable,
    start: NumpyArray,
    *,
    step_size: float,
    buffer: int,
    server_step: float,
    weighted: bool,
    answers: int,
    samples: Callable[[int], list[Any]],
) -> NumpyArray:
    """Run FedBuff, or with exact gradients where samples are None.

    Args:
        problem: the costs f_1 ... f_n.
        timetable: who answers when, and who is asked next.
        start: x_0, (d,).
        step_size: eta of the clients.
        buffer: K.
        server_step: eta_g.
        weighted: whether a change is divided by sqrt(1 + age).
        answers: that the server receives.
        samples: gives the next Q samples of a client; None stands for the exact gradient.

    Returns:
        x after each answer, (answers, d).
    """

    def trained(i: int) -> NumpyArray:
        y = x
        for xi in samples(i):  # 8
            y = y - step_size * problem.gradient(i, y, xi)
        return np.asarray(x - y)  # 9

    x, k, history = start, 0, []
    delta: list[NumpyArray] = []
    working = {(i, 0): (0, trained(i)) for i in timetable.first}  # 1: by client and when it was asked
    arriving, asked, chosen = (
        column(answers).tolist() for column in (timetable.client, timetable.sent_at, timetable.next_client)
    )
    for t in range(answers):  # 2
        version, change = working.pop((arriving[t], asked[t]))  # 3
        delta.append(change / np.sqrt(1 + k - version) if weighted else change)  # 4
        if len(delta) == buffer:  # 5
            x, k, delta = x - server_step * np.sum(delta, axis=0) / buffer, k + 1, []  # 6
        working[chosen[t], t + 1] = (k, trained(chosen[t]))  # 7
        history.append(x)
    return np.array(history)
