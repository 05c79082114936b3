"""Variants of Algorithm 2, as plain as its loop: estimates that vary less, steps that begin anew."""

from collections.abc import Callable, Sequence

import numpy as np

from wirelessenv.arrays import Doubles


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


def slopes(
    measure: Callable[..., Sequence[Doubles]], theta: Doubles, moves: Doubles, feedback: str, last: Doubles | None
) -> tuple[Doubles, Doubles]:
    """Measure the falls of the costs along each direction.

    Args:
        measure: takes policies, each (m, n); gives the mean costs F_i with each, (m,).
        theta: theta^t, (m, n).
        moves: mu u of each direction, (K, m, n).
        feedback: two_point, antithetic or residual.
        last: the costs that were measured last, (m,); None: none were.

    Returns:
        Falls of the costs F_i, (K, m), and the costs that were measured last.
    """
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
