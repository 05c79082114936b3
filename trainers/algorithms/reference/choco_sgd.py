"""CHOCO-SGD (Koloskova et al., 2019, Algorithm 2) as a plain loop over rounds, nodes and neighbours.

The listing is at the head of `trainers.algorithms.choco_sgd`; its line numbers are here.
"""

from collections.abc import Callable

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.algorithms.reference.rounds import metropolis_weights, round_ends
from trainers.problems.objective import NumpyArray, Objective


def choco_sgd(
    problem: Objective,
    draws: MessageDraws,
    *,
    step_size: float,
    consensus_step: float,
    compress: Callable[[int, int, NumpyArray], NumpyArray],
    tau: float,
) -> NumpyArray:
    """Run CHOCO-SGD with exact gradients; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        draws: who wakes up (`updates`), who sends, and what arrives.
        step_size: eta.
        consensus_step: gamma.
        compress: gives C(v) of node i in round k, from (k, i, v).
        tau: 1 + omega of an unbiased C, 1 of a biased one.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n, w = problem.clients, metropolis_weights(draws.graph)
    x, h = [np.zeros(problem.size) for _ in range(n)], [np.zeros(problem.size) for _ in range(n)]
    history, k = [], 0
    for over in round_ends(draws):
        if over:
            x = [x[i] - step_size * problem.gradient(i, x[i], None) for i in range(n)]  # 1
            q = [compress(k, i, x[i] - h[i]) / tau for i in range(n)]  # 2, 3
            h = [h[i] + q[i] for i in range(n)]  # 4
            x = [x[i] + consensus_step * sum(w[i][j] * (h[j] - h[i]) for j in range(n)) for i in range(n)]  # 5
            k += 1
        history.append(x)
    return np.array(history)
