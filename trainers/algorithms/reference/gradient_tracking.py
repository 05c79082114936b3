"""Gradient tracking (Nedich et al., 2017) as a plain loop over rounds, nodes and neighbours.

The listing is at the head of `trainers.algorithms.gradient_tracking`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.algorithms.reference.rounds import metropolis_weights, round_ends
from trainers.problems.objective import NumpyArray, Objective


def gradient_tracking(
    problem: Objective, draws: MessageDraws, *, step_size: float, batches: Sequence[Sequence[Any]] | None = None
) -> NumpyArray:
    """Run gradient tracking; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), who sends, and what arrives.
        step_size: eta.
        batches: D_i of the start is batches[0][i], that of round k is batches[k + 1][i]; None: exact gradients.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n, w = problem.clients, metropolis_weights(draws.graph)

    def gradients(points: list[NumpyArray], k: int) -> list[NumpyArray]:
        return [problem.gradient(i, points[i], None if batches is None else batches[k][i]) for i in range(n)]

    x, history, k = [np.zeros(problem.size) for _ in range(n)], [], 1
    g = gradients(x, 0)
    y = list(g)
    for over in round_ends(draws):
        if over:
            x = [sum(w[i][j] * x[j] for j in range(n)) - step_size * y[i] for i in range(n)]  # 1, 2
            new = gradients(x, k)  # 3
            y = [sum(w[i][j] * y[j] for j in range(n)) + new[i] - g[i] for i in range(n)]  # 4
            g, k = new, k + 1  # 5
        history.append(x)
    return np.array(history)
