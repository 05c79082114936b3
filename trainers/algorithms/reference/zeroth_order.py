"""Algorithm 2 of Behmandpoor et al. (2024) as a plain loop; Algorithm 1 where messages do not relay.

The listing is at the head of `trainers.algorithms.zeroth_order`; its line numbers are here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import Flags, MessageDraws
from wirelessenv.arrays import Doubles

Entries = dict[int, tuple[int, Any]]
"""For each agent l that something is known of: (T, what l measured at time T)."""


@dataclass
class Messages:
    """The memories of all agents, and the messages on their way."""

    draws: MessageDraws
    relay: bool
    held: list[Entries] = field(default_factory=list)
    travelling: list[tuple[int, int, Entries]] = field(default_factory=list)
    """(instant of arrival, receiver, contents)"""

    def exchange(self, t: int) -> None:
        """Lines 2 to 5: send, receive and keep what is newer, in instant t."""
        for _, receiver, entries in [message for message in self.travelling if message[0] == t]:
            self._take(receiver, entries)  # 3
        self.travelling = [message for message in self.travelling if message[0] > t]
        for delayed in (False, True):  # a message of delay 0 holds what its sender holds now; others, in the end of t
            links = [
                link for link in np.argwhere(self.draws.arrives[t]).tolist() if (self.draws.delay[t][*link] > 0) == delayed
            ]
            leaving = [(t + int(self.draws.delay[t][i, j]), j, self._contents(i)) for i, j in links]  # 2
            self.travelling += [message for message in leaving if delayed]
            for _, receiver, entries in [] if delayed else leaving:
                self._take(receiver, entries)  # 3

    def _contents(self, i: int) -> Entries:
        """Contents of a message of agent i: all that it holds, or its own entry alone."""
        return dict(self.held[i]) if self.relay else {i: self.held[i][i]}

    def _take(self, i: int, entries: Entries) -> None:
        for about, entry in entries.items():
            if about not in self.held[i] or entry[0] > self.held[i][about][0]:
                self.held[i][about] = entry  # 4; 5: else the entry held stays


def zeroth_order(
    measure: Callable[..., Sequence[Doubles]], start: Doubles, draws: MessageDraws, perturbations: Doubles,
    *, smoothing: float | Sequence[float], step_sizes: Sequence[float], memory: int, relay: bool = True,
    perturb_sleeping: bool = True, most_hops: int | None = None, uses: Flags | None = None,
    feedback: str = "two_point", momentum: float = 0.0, second_moment: float = 0.0,
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

    Returns:
        theta^1, theta^2, ..., (instants, m, n).
    """
    m, theta, history = len(start), start.astype(float), []
    perturbations = perturbations[:, None] if perturbations.ndim == 3 else perturbations
    many = perturbations.shape[1]
    last = None  # the costs that were measured last
    moments = [AgentMoments(theta.shape[1], momentum, second_moment) for _ in range(m)]
    mu = np.broadcast_to(smoothing, len(perturbations))
    messages = Messages(draws, relay, held=[{} for _ in range(m)])
    kept: list[dict[int, Doubles]] = [{} for _ in range(m)]  # of each agent: time -> u_i, (K, n)
    near = [[most_hops is None or _hops(draws.graph, other, i) <= most_hops for other in range(m)] for i in range(m)]
    if uses is not None:
        near = [[near[i][other] and uses[i, other] for other in range(m)] for i in range(m)]
    for t in range(len(perturbations)):
        for i in range(m):
            kept[i].pop(t - memory, None)  # 6
            updates = draws.updates[t, i] and step_sizes[t] > 0
            kept[i][t] = perturbations[t, :, i] * (perturb_sleeping or updates)  # 7 of the instant before
        slopes, last = _slopes(measure, theta, mu[t] * np.stack([own[t] for own in kept], axis=1), feedback, last)
        for i in range(m):
            if draws.queries[t, i]:  # 1
                messages.held[i][i] = (t, slopes[:, i] / (mu[t] * m * many))  # equation (4)
        messages.exchange(t)  # 2 to 5
        following = theta.copy()
        for i in range(m):
            if draws.updates[t, i] and step_sizes[t] > 0:  # 8
                estimate = np.zeros(theta.shape[1])
                for about, (time, query) in messages.held[i].items():
                    if near[i][about] and time in kept[i]:
                        estimate += query @ kept[i][time]  # equation (7)
                following[i] += step_sizes[t] * moments[i].direction(estimate)  # equation (6)
        theta = following
        history.append(theta)
    return np.array(history)


def schedule(
    instants: int, step_size: float, decay: float, restart: int | None = None, learn_for: int | None = None
) -> list[float]:
    """List gamma^0, gamma^1, ... of a schedule that begins anew, and of agents that learn in a part of it.

    Args:
        instants: how many.
        step_size: gamma^0.
        decay: of the step size.
        restart: instants after which it is gamma^0 again; None: it never is.
        learn_for: instants of the schedule before agents stop learning; None: they never do.

    Returns:
        One for each instant; 0 where nobody learns.
    """
    found, past = [], 0
    for _ in range(instants):
        if past == restart:
            past = 0
        learns = learn_for is None or past < learn_for
        past += 1
        found.append(step_size / past**decay if learns else 0.0)
    return found


def _slopes(
    measure: Callable[..., Sequence[Doubles]], theta: Doubles, moves: Doubles, feedback: str, last: Doubles | None
) -> tuple[Doubles, Doubles]:
    """Falls of the costs F_i along mu u of each direction, (K, m), and the costs that were measured last."""
    if feedback == "two_point":
        plain, *perturbed = measure(theta, *(theta + move for move in moves))
        return np.array([plain - one for one in perturbed]), plain
    if feedback == "antithetic":
        costs = measure(*(theta - move for move in moves), *(theta + move for move in moves))
        pairs = zip(costs[: len(moves)], costs[len(moves) :], strict=True)
        return np.array([(minus - plus) / 2 for minus, plus in pairs]), costs[-1]
    falls = []
    for cost in measure(*(theta + move for move in moves)):
        falls.append(cost * 0 if last is None else last - cost)
        last = cost
    return np.array(falls), cost


class AgentMoments:
    """Momentum and Adam on the estimates of one agent; beta = 0 is without.

    Args:
        size: n.
        momentum: beta_1.
        second_moment: beta_2.
    """

    def __init__(self, size: int, momentum: float, second_moment: float) -> None:
        self.first, self.second, self.updates = np.zeros(size), np.zeros(size), 0
        self.betas = momentum, second_moment

    def direction(self, estimate: Doubles) -> Doubles:
        """Take the estimate of an update; returns the direction of the move."""
        one, two = self.betas
        self.updates += 1
        self.first = one * self.first + (1 - one) * estimate
        self.second = two * self.second + (1 - two) * estimate**2
        mean = self.first / (1 - one**self.updates)
        return mean / (np.sqrt(self.second / (1 - two**self.updates)) + 1e-8) if two else mean


def _hops(graph: Flags, sender: int, receiver: int) -> int:
    """Number of links that a message needs from a sender to a receiver."""
    reached, hops = {sender}, 0
    while receiver not in reached:
        reached |= {there for here in reached for there in np.flatnonzero(graph[here]).tolist()}
        hops += 1
    return hops
