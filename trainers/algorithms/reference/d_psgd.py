"""D-PSGD (Lian et al., 2017) as a plain loop over rounds, nodes and neighbours.

The listing is at the head of `trainers.algorithms.d_psgd`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.algorithms.reference.rounds import metropolis_weights, round_ends
from trainers.problems.objective import NumpyArray, Objective


def d_psgd(
    problem: Objective, draws: MessageDraws, *, step_size: float, batches: Sequence[Sequence[Any]] | None = None
) -> NumpyArray:
    """Run D-PSGD; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), who sends, and what arrives.
        step_size: eta.
        batches: D_i of round k is batches[k][i]; None: exact gradients.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n, w = problem.clients, metropolis_weights(draws.graph)
    x, history, k = [np.zeros(problem.size) for _ in range(n)], [], 0
    for over in round_ends(draws):
        if over:
            g = [problem.gradient(i, x[i], None if batches is None else batches[k][i]) for i in range(n)]  # 1
            x = [sum(w[i][j] * x[j] for j in range(n)) - step_size * g[i] for i in range(n)]  # 2, 3
            k += 1
        history.append(x)
    return np.array(history)
