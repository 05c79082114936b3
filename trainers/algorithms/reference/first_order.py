"""The first-order counterpart of Algorithm 2 (Behmandpoor et al., 2024) as a plain loop.

The listing is at the head of `trainers.algorithms.first_order`; its line numbers are here.
"""

from collections.abc import Callable, Sequence

import numpy as np

from trainers.algorithms.reference.draws import MessageDraws
from trainers.algorithms.reference.messages import Messages
from wirelessenv.arrays import Doubles


def first_order(
    measure: Callable[[Doubles], tuple[Doubles, Doubles]], start: Doubles, draws: MessageDraws,
    *, step_sizes: Sequence[float], memory: int, relay: bool = True,
) -> Doubles:  # fmt: skip
    """Run gradient ascent with the messages of Algorithm 2.

    Args:
        measure: takes theta^t, (m, n); gives the slopes dU_l/dp_i in each of B slots, (m, B, m) by l, slot and i, and the
            derivatives dp_i/dtheta_i of each agent's power in them, (m, B, n).
        start: theta^0, (m, n).
        draws: who queries, updates and sends, and what arrives.
        step_sizes: gamma^0, gamma^1, ...
        memory: of how many instants an agent keeps the derivatives of its power.
        relay: whether messages carry all that their sender holds.

    Returns:
        theta^1, theta^2, ..., (instants, m, n).
    """
    m, theta, history = len(start), start.astype(float), []
    messages = Messages(draws, relay, held=[{} for _ in range(m)])
    kept: list[dict[int, Doubles]] = [{} for _ in range(m)]  # of each agent: time -> dp_i/dtheta_i
    for t in range(len(step_sizes)):
        slopes, derivatives = measure(theta)
        for i in range(m):
            kept[i].pop(t - memory, None)  # 6
            kept[i][t] = derivatives[i]  # 7
            if draws.queries[t, i]:
                messages.held[i][i] = (t, slopes[i])  # 1
        messages.exchange(t)  # 2 to 5
        following = theta.copy()
        for i in range(m):
            if draws.updates[t, i]:  # 8
                for time, heard in messages.held[i].values():
                    if time in kept[i]:
                        for slope, derivative in zip(heard[:, i], kept[i][time], strict=True):
                            following[i] += step_sizes[t] * slope * derivative / (m * len(heard))
        theta = following
        history.append(theta)
    return np.array(history)
