"""Ends of rounds and Metropolis weights as plain loops, for the references of methods in rounds."""

import numpy as np
from numpy.typing import NDArray

from trainers.algorithms.reference.draws import MessageDraws


def round_ends(draws: MessageDraws) -> list[bool]:
    """Ticks at whose end a round is over: everybody was awake in it, and a message of it has arrived over every link.

    Args:
        draws: who wakes up (`updates`), and what arrives.

    Returns:
        For each tick, whether a round ends.
    """
    ticks, n = draws.updates.shape
    links = [(i, j) for i in range(n) for j in range(n) if draws.graph[i, j]]
    ends, begun = [], 0
    for now in range(ticks):
        worked = bool(draws.updates[begun : now + 1].any(0).all())
        heard = all(
            any(draws.arrives[t, i, j] and t + draws.delay[t, i, j] <= now for t in range(begun, now + 1)) for i, j in links
        )
        ends.append(worked and heard)
        begun = now + 1 if ends[-1] else begun
    return ends


def metropolis_weights(graph: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights 1 / (1 + the larger degree) over links that lead both ways, node by node; a node keeps what is left of 1.

    Args:
        graph: (n, n).

    Returns:
        W, (n, n).
    """
    n = len(graph)
    weights = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if graph[i, j]:
                weights[i, j] = 1 / (1 + max(sum(graph[i]), sum(graph[j])))
        weights[i, i] = 1 - sum(weights[i])
    return weights
