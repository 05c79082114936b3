"""The distributed two-point method (Tang, Zhang and Li, 2021) as a plain loop over rounds, nodes and neighbours.

The listing is at the head of `trainers.algorithms.two_point`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.algorithms.reference.rounds import metropolis_weights, round_ends
from trainers.problems.objective import NumpyArray, Objective


def two_point(
    problem: Objective, draws: MessageDraws, directions: NumpyArray,
    *, step_sizes: Sequence[float], smoothing: Sequence[float], batches: Sequence[Sequence[Any]] | None = None,
) -> NumpyArray:  # fmt: skip
    """Run the method; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), who sends, and what arrives.
        directions: z_i of round k is directions[k, i].
        step_sizes: eta_0, eta_1, ...
        smoothing: mu_0, mu_1, ...
        batches: D_i of round k is batches[k][i]; None: exact costs.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n, w = problem.clients, metropolis_weights(draws.graph)
    x, history, k = [np.zeros(problem.size) for _ in range(n)], [], 0
    for over in round_ends(draws):
        if over:
            sent = []
            for i in range(n):
                batch, z, mu = None if batches is None else batches[k][i], directions[k, i], smoothing[k]  # 1
                above, below = problem.cost(i, x[i] + mu * z, batch), problem.cost(i, x[i] - mu * z, batch)
                sent.append(x[i] - step_sizes[k] * (above - below) / (2 * mu) * z)  # 2, 3
            x = [sum(w[i][j] * sent[j] for j in range(n)) for i in range(n)]  # 4
            k += 1
        history.append(x)
    return np.array(history)
