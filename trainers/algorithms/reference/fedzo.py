"""FedZO (Fang et al., 2022) as a plain loop over rounds, clients, steps and directions.

The listing is at the head of `trainers.algorithms.fedzo`; its line numbers are here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainers.problems.objective import NumpyArray, Objective


def fedzo(
    problem: Objective, start: NumpyArray, asked: Sequence[Sequence[int]], directions: Callable[[], NumpyArray],
    *, step_size: float, smoothing: float, local_steps: int, batches: Callable[[Sequence[int]], Any],
) -> list[NumpyArray]:  # fmt: skip
    """Run FedZO with as many rounds as `asked` has.

    Args:
        problem: the costs f_1 ... f_n.
        start: x_0, (d,).
        asked: the clients of each round.
        directions: gives v of the next local step of all clients of a round, (b_2, M, d).
        step_size: eta.
        smoothing: mu.
        local_steps: H.
        batches: gives the clients' batches in the next local step, one for each.

    Returns:
        x after each round.
    """
    x, d, history = start, problem.size, []
    for clients in asked:  # 1, 2
        x_i = dict.fromkeys(clients, x)  # 3
        for _ in range(local_steps):
            v, batch = directions(), batches(clients)  # 4
            for place, i in enumerate(clients):
                plain = problem.cost(i, x_i[i], batch[place])
                e = np.zeros(d)
                for direction in v[:, place]:
                    change = problem.cost(i, x_i[i] + smoothing * direction, batch[place]) - plain
                    e = e + d * change / smoothing * direction / len(v)  # 5
                x_i[i] = x_i[i] - step_size * e  # 6
        x = x + sum(x_i[i] - x for i in clients) / len(clients)  # 7, 8
        history.append(x)
    return history
