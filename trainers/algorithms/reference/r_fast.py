"""R-FAST (Zhu et al., 2024) as a plain loop over nodes, links and messages.

The listing is at the head of `trainers.algorithms.r_fast`; its line numbers are here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.problems.objective import NumpyArray, Objective


def r_fast(
    problem: Objective, draws: MessageDraws, *, step_size: float, batches: Sequence[Sequence[Any]] | None = None
) -> NumpyArray:
    """Run R-FAST; all x_i begin at 0.

    Args:
        problem: the costs f_1 ... f_n.
        draws: who wakes up (`updates`), and what arrives.
        step_size: eta.
        batches: D_i of the start is batches[0][i], that of tick t is batches[t + 1][i]; None: exact gradients.

    Returns:
        x_i after each tick, (ticks, n, d).
    """
    n, d = problem.clients, problem.size

    def gradient(i: int, point: NumpyArray, k: int) -> NumpyArray:
        return problem.gradient(i, point, None if batches is None else batches[k][i])

    receivers = [np.flatnonzero(row).tolist() for row in draws.graph]
    senders = [np.flatnonzero(column).tolist() for column in draws.graph.T]
    links = [(i, j) for i in range(n) for j in senders[i]]  # from j to i
    w, a = [1 / (len(senders[i]) + 1) for i in range(n)], [1 / (len(receivers[i]) + 1) for i in range(n)]
    x = [np.zeros(d) for _ in range(n)]
    g = [gradient(i, x[i], 0) for i in range(n)]
    z, rho, v = list(g), [np.zeros(d) for _ in range(n)], list(x)
    v_from, rho_from = {link: np.zeros(d) for link in links}, {link: np.zeros(d) for link in links}
    newest, sent_at = dict(rho_from), dict.fromkeys(links, -1)
    travelling: list[tuple[int, int, int, NumpyArray, NumpyArray, int]] = []  # (tick of arrival, i, j, v_j, rho_j, t)
    history = []
    for t in range(len(draws.updates)):
        awake = [i for i in range(n) if draws.updates[t, i]]
        for i in awake:
            v[i] = x[i] - step_size * z[i]  # 1
            lucky = [j for j in receivers[i] if draws.arrives[t, i, j]]
            travelling += [(t + int(draws.delay[t, i, j]), j, i, v[i], rho[i], t) for j in lucky]  # 2
        for i in awake:
            received = [message for message in travelling if message[0] <= t and message[1] == i]
            travelling = [message for message in travelling if not (message[0] <= t and message[1] == i)]
            for _, _, j, their_v, their_rho, when in received:  # 3
                if when > sent_at[i, j]:
                    v_from[i, j], newest[i, j], sent_at[i, j] = their_v, their_rho, when
            x[i] = w[i] * v[i] + sum(w[i] * v_from[i, j] for j in senders[i])  # 4
            new = gradient(i, x[i], t + 1)
            z[i] = z[i] + sum(newest[i, j] - rho_from[i, j] for j in senders[i]) + new - g[i]  # 5
            g[i] = new  # 6
            for j in senders[i]:
                rho_from[i, j] = newest[i, j]
            rho[i], z[i] = rho[i] + a[i] * z[i], a[i] * z[i]  # 7
        history.append(list(x))
    return np.array(history)
