"""EXTRA (Shi et al., 2015) as a plain loop over rounds, nodes and neighbours.

The listing is at the head of `trainers.algorithms.extra`; its line numbers are here.
"""

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.algorithms.reference.rounds import metropolis_weights, round_ends
from trainers.problems.objective import NumpyArray, Objective


def extra(problem: Objective, draws: MessageDraws, *, step_size: float) -> NumpyArray:
    """Run EXTRA with exact gradients; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), who sends, and what arrives.
        step_size: eta.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n, w = problem.clients, metropolis_weights(draws.graph)
    v = (np.eye(n) + w) / 2
    x, history = [np.zeros(problem.size) for _ in range(n)], []
    before: list[NumpyArray] = []
    g: list[NumpyArray] = []
    for over in round_ends(draws):
        if over:
            new_g = [problem.gradient(i, x[i]) for i in range(n)]  # 2, 5
            if not before:  # 1
                new_x = [sum(w[i][j] * x[j] for j in range(n)) - step_size * new_g[i] for i in range(n)]  # 2
            else:  # 3, 4
                new_x = [
                    x[i] + sum(w[i][j] * x[j] - v[i][j] * before[j] for j in range(n)) - step_size * (new_g[i] - g[i])
                    for i in range(n)
                ]  # 6
            before, x, g = x, new_x, new_g  # 2, 7
        history.append(x)
    return np.array(history)
