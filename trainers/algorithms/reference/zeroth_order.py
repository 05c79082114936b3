"""Algorithm 2 of Behmandpoor et al. (2024) as a plain loop; Algorithm 1 where messages do not relay.

The listing is at the head of `trainers.algorithms.zeroth_order`; its line numbers are here.
"""

from collections.abc import Callable, Sequence

import numpy as np

from trainers.algorithms.reference.draws import Flags, MessageDraws
from trainers.algorithms.reference.messages import Messages, counted
from trainers.algorithms.reference.variants import AgentMoments, slopes
from wirelessenv.arrays import Doubles


def zeroth_order(
    measure: Callable[..., Sequence[Doubles]], start: Doubles, draws: MessageDraws, perturbations: Doubles,
    *, smoothing: float | Sequence[float], step_sizes: Sequence[float], memory: int, relay: bool = True,
    perturb_sleeping: bool = True, most_hops: int | None = None, uses: Flags | None = None,
    feedback: str = "two_point", momentum: float = 0.0, second_moment: float = 0.0, agent_steps: Sequence[float] | None = None,
) -> Doubles:  # fmt: skip
    """Run Algorithm 2, or Algorithm 1.

    Args:
        measure: takes theta^t and theta^t + mu u^t, each (m, n), or other policies; gives the mean costs F_i over B samples
            with each, (m,).
        start: theta^0, (m, n).
        draws: who queries, updates and sends, and what arrives.
        perturbations: u^0, u^1, ..., (instants, m, n); several directions a query: (instants, K, m, n).
        smoothing: mu, or mu_0, mu_1, ...
        step_sizes: gamma^0, gamma^1, ..., such as those of `schedule`; where it is 0, nobody updates.
        memory: how many perturbations an agent keeps.
        relay: whether messages carry all that their sender holds.
        perturb_sleeping: whether agents that do not update perturb all the same; else their u_i is 0.
        most_hops: agents from which messages need more hops are left out of the update; None: nobody is.
        uses: N_rx, whose queries l agent i uses, (i, l); None: everybody's.
        feedback: two_point, antithetic or residual.
        momentum: beta_1 of the running mean of an agent's estimates; 0: none.
        second_moment: beta_2 of Adam; 0: not Adam.
        agent_steps: factors of the step sizes, each agent's own; None: 1.

    Returns:
        theta^1, theta^2, ..., (instants, m, n).
    """
    m, theta, history = len(start), start.astype(float), []
    perturbations = perturbations[:, None] if perturbations.ndim == 3 else perturbations
    many = perturbations.shape[1]
    last = None  # the costs that were measured last
    moments = [AgentMoments(theta.shape[1], momentum, second_moment) for _ in range(m)]
    mu = np.broadcast_to(smoothing, len(perturbations))
    own_steps = np.ones(m) if agent_steps is None else agent_steps
    messages = Messages(draws, relay, held=[{} for _ in range(m)])
    kept: list[dict[int, Doubles]] = [{} for _ in range(m)]  # of each agent: time -> u_i, (K, n)
    counts = counted(draws.graph, most_hops, uses)
    for t in range(len(perturbations)):
        for i in range(m):
            kept[i].pop(t - memory, None)  # 6
            updates = draws.updates[t, i] and step_sizes[t] > 0
            kept[i][t] = perturbations[t, :, i] * (perturb_sleeping or updates)  # 7 of the instant before
        falls, last = slopes(measure, theta, mu[t] * np.stack([own[t] for own in kept], axis=1), feedback, last)
        for i in range(m):
            if draws.queries[t, i]:  # 1
                messages.held[i][i] = (t, falls[:, i] / (mu[t] * m * many))  # equation (4)
        messages.exchange(t)  # 2 to 5
        following = theta.copy()
        for i in range(m):
            if draws.updates[t, i] and step_sizes[t] > 0:  # 8
                estimate = np.zeros(theta.shape[1])
                for about, (time, query) in messages.held[i].items():
                    if counts[i][about] and time in kept[i]:
                        estimate += query @ kept[i][time]  # equation (7)
                following[i] += own_steps[i] * step_sizes[t] * moments[i].direction(estimate)  # equation (6)
        theta = following
        history.append(theta)
    return np.array(history)
