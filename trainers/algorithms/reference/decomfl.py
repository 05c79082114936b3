"""DeComFL (Li et al., 2024) as a plain loop whose clients keep models of their own, and hear of others' scalars alone.

The listing is at the head of `trainers.algorithms.decomfl`; its line numbers are here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainers.problems.objective import NumpyArray, Objective


def decomfl(
    problem: Objective, start: NumpyArray, asked: Sequence[Sequence[int]], drawn: Callable[[int], NumpyArray],
    *, step_size: float, smoothing: float, batches: Callable[[Sequence[int]], Any],
) -> tuple[list[NumpyArray], int]:  # fmt: skip
    """Run DeComFL with as many rounds as `asked` has.

    Args:
        problem: the costs f_1 ... f_n.
        start: x_0, (d,), which all know.
        asked: the clients of each round.
        drawn: gives z_kp of the seeds of round r, (K, P, d).
        step_size: eta.
        smoothing: mu.
        batches: gives the clients' batches in the next local step, one for each.

    Returns:
        The server's x after each round, and the seeds and scalars that were sent.
    """

    def rebuilt(model: NumpyArray, r: int, scalars: NumpyArray) -> NumpyArray:
        for k, z in enumerate(drawn(r)):
            for p, one in enumerate(z):
                model = model - step_size * scalars[k][p] * one / len(z)
        return model

    x, models, last = start, [start] * problem.clients, [0] * problem.clients
    told: list[NumpyArray] = []  # mean scalars g_kp of each round
    history, sent = [], 0
    for r, clients in enumerate(asked):  # 1, 2
        answers: dict[int, NumpyArray] = {}
        own = dict.fromkeys(clients, start)
        seeds = drawn(r)
        for i in clients:
            for missed in range(last[i], r):  # 3, 4
                models[i] = rebuilt(models[i], missed, told[missed])
                sent += 2 * told[missed].size
            last[i], own[i], answers[i] = r, models[i], np.zeros(seeds.shape[:2])  # 5
            sent += 2 * answers[i].size
        for k, z in enumerate(seeds):
            batch = batches(clients)
            for place, i in enumerate(clients):
                plain = problem.cost(i, own[i], batch[place])
                for p, one in enumerate(z):
                    answers[i][k, p] = (problem.cost(i, own[i] + smoothing * one, batch[place]) - plain) / smoothing  # 6
                own[i] = own[i] - step_size * sum(answers[i][k, p] * one for p, one in enumerate(z)) / len(z)  # 7
        told.append(np.mean([answers[i] for i in clients], axis=0))  # 8, 9
        x = rebuilt(x, r, told[r])
        history.append(x)
    return history, sent
