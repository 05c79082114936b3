"""Overlap SGP (Assran et al., 2019) as a plain loop over nodes, links and messages.

The listing is at the head of `trainers.algorithms.osgp`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.problems.objective import NumpyArray, Objective


def osgp(
    problem: Objective, draws: MessageDraws,
    *, step_sizes: Sequence[float], overlap: int, batches: Sequence[Sequence[Any]] | None = None,
) -> NumpyArray:  # fmt: skip
    """Run overlap SGP; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), and what would arrive if it were sent; no `transmit`, and no `longest_run`.
        step_sizes: theta(0), theta(1), ...
        overlap: tau.
        batches: D_i of tick t is batches[t][i]; None: exact gradients.

    Returns:
        z_i after each tick, (ticks, n, d).
    """
    n = problem.clients
    x, y, c = [np.zeros(problem.size) for _ in range(n)], [1.0] * n, [0] * n
    travelling: list[tuple[int, int, NumpyArray, float]] = []  # (tick of arrival, receiver, part of x, part of y)
    history = []
    for t, step in enumerate(step_sizes):
        awake = [i for i in range(n) if draws.updates[t, i]]
        for i in awake:
            x[i] = x[i] - step * problem.gradient(i, x[i] / y[i], None if batches is None else batches[t][i])  # 1
            if (c[i] + 1) % (overlap + 1) == 0:  # 2
                receivers = np.flatnonzero(draws.graph[i]).tolist()
                x[i], y[i] = x[i] / (len(receivers) + 1), y[i] / (len(receivers) + 1)  # 3
                lucky = [j for j in receivers if draws.arrives[t, i, j]]
                travelling += [(t + int(draws.delay[t, i, j]), j, x[i], y[i]) for j in lucky]  # 4
            c[i] += 1  # 6
        for i in awake:
            for _, _, part_x, part_y in [part for part in travelling if part[0] <= t and part[1] == i]:
                x[i], y[i] = x[i] + part_x, y[i] + part_y  # 5
            travelling = [part for part in travelling if not (part[0] <= t and part[1] == i)]
        history.append([x[i] / y[i] for i in range(n)])
    return np.array(history)
