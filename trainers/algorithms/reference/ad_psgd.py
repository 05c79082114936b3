"""AD-PSGD (Lian et al., 2018) as a plain loop over nodes and requests.

The listing is at the head of `trainers.algorithms.ad_psgd`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.problems.objective import NumpyArray, Objective


def ad_psgd(
    problem: Objective, draws: MessageDraws, *, step_size: float, batches: Sequence[Sequence[Any]] | None = None
) -> NumpyArray:
    """Run AD-PSGD; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), whom a node asks (`sent`), and which requests arrive.
        step_size: eta.
        batches: D_i of tick t is batches[t][i]; None: exact gradients.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n = problem.clients
    x = [np.zeros(problem.size) for _ in range(n)]
    h = list(x)
    requests: list[tuple[int, int, int]] = []  # (tick of arrival, j, i)
    history = []
    for t in range(len(draws.updates)):
        awake = [i for i in range(n) if draws.updates[t, i]]  # 1
        g = {i: problem.gradient(i, h[i], None if batches is None else batches[t][i]) for i in awake}  # 2
        for i in awake:
            arriving = np.flatnonzero(draws.arrives[t, i]).tolist()
            requests += [(t + int(draws.delay[t, i, j]), j, i) for j in arriving]  # 3
        for _, j, i in sorted(request for request in requests if request[0] == t):  # 4
            x[i] = x[j] = (x[i] + x[j]) / 2
        for i in awake:  # 5
            x[i] = x[i] - step_size * g[i]  # 6
            h[i] = x[i]  # 7
        history.append(list(x))
    return np.array(history)


def chosen_neighbours(graph: NumpyArray, drawn: NumpyArray) -> NumpyArray:
    """The one link of each node that it asks over, in each tick: the k-th neighbour of d for a number in [k / d, (k + 1) / d).

    Args:
        graph: (n, n).
        drawn: uniform numbers, (ticks, n).

    Returns:
        True for that link, (ticks, n, n).
    """
    chosen = np.zeros((*drawn.shape, len(graph)), bool)
    for t, numbers in enumerate(drawn):
        for i, number in enumerate(numbers):
            neighbours = np.flatnonzero(graph[i])
            chosen[t, i, neighbours[int(number * len(neighbours))]] = True
    return chosen
