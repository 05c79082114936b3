"""Theorem 1 of Toghani et al. (2023) on costs that are not convex and keep its assumptions: python -m trainers theory."""

from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from trainers.algorithms.pars_push import PARSPushLearner, personal_gradient, personal_points
from trainers.bounds.pars_push import (
    LossConstants,
    nonconvex_leading_term,
    nonconvex_smoothness,
    nonconvex_step,
    nonconvex_variance,
)
from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from trainers.workbench.intervals import interval
from wirelessenv.arrays import Doubles
from wirelessenv.scenario import Messaging
from wirelessenv.streams import stream

ALPHA = 0.3
TALK: dict[str, Any] = {
    "graph": "complete",
    "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 2}, "loss": {"probability": 0.3, "longest_run": 1}},
}
"""Everybody wakes up in every tick, as Theorem 1 asks for; links delay and lose."""


class Cauchy(Objective):
    """l(z; a, b) = log(1 + (a'z - b)^2) / 2 with ||a|| = 1, over a few rows of each client: robust regression, not convex.

    With s = a'z - b, the gradient is s / (1 + s^2) a, and the Hessian (1 - s^2) / (1 + s^2)^2 aa': G = 1/2, L = 1, and
    H = 1.46, which is at s = tan(pi / 8).

    Args:
        clients: n.
        size: d.
        count: rows of each client.
        seed: of the rows.
    """

    constants = LossConstants(
        convexity=-1 / 8,
        smoothness=1.0,
        gradient=0.5,
        hessian_slope=float(2 * np.tan(np.pi / 8) * (3 - np.tan(np.pi / 8) ** 2) / (1 + np.tan(np.pi / 8) ** 2) ** 3),
    )

    def __init__(self, clients: int = 5, *, size: int = 3, count: int = 3, seed: int = 0) -> None:
        rng = stream(seed, "regression")
        self.clients, self.size, self.count = clients, size, count
        a = rng.normal(size=(clients, count, size))
        b = rng.normal(scale=3, size=(clients, count, 1))
        self.table: Float[Doubles, "n rows columns"] = np.concatenate([a / np.linalg.norm(a, axis=-1, keepdims=True), b], -1)
        """Rows (a, b), (n, rows, d + 1)."""

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        return np.asarray(self.table[clients, rng.integers(self.count, size=np.shape(clients))][..., None, :])

    def _residual(self, clients: Clients, x: Points, sample: Sample | None) -> tuple[NumpyArray, NumpyArray]:
        rows = self.table[clients] if sample is None else sample
        return rows[..., :-1], (rows[..., :-1] * x[..., None, :]).sum(-1) - rows[..., -1]

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        return np.asarray(np.log1p(self._residual(clients, x, sample)[1] ** 2).mean(-1) / 2)

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        a, s = self._residual(clients, x, sample)
        return np.asarray(((s / (1 + s**2))[..., None] * a).mean(-2))

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        a, s = self._residual(clients, x, sample)
        along = (a * vector[..., None, :]).sum(-1) * (1 - s**2) / (1 + s**2) ** 2
        return np.asarray((along[..., None] * a).mean(-2))

    def _batches(self, steps: int) -> list[list[NumpyArray]]:
        """All sequences of u + 1 rows, each as likely as another."""
        return [[self.table[:, [row]] for row in rows] for rows in product(range(self.count), repeat=steps + 1)]

    def personal_slope(self, x: Points, steps: int) -> Points:
        """Gradient of F^(u), whose steps are on batches of one row, exactly.

        Args:
            x: (..., d).
            steps: u.
        """
        clients, z = np.arange(self.clients), np.repeat(x[..., None, :], self.clients, -2)
        slopes = [personal_gradient(self, clients, z, ALPHA, batches) for batches in self._batches(steps)]
        return np.asarray(np.mean(slopes, axis=0).mean(-2))

    def personal_start(self, steps: int) -> float:
        """The value of F^(u) at 0, a mean over all sequences of rows."""
        clients, z = np.arange(self.clients), np.zeros((self.clients, self.size))
        every = self._batches(steps)
        ends = [(personal_points(self, clients, z, ALPHA, batches[:-1])[-1], batches[-1]) for batches in every]
        return float(np.mean([self.cost(clients, end, batch) for end, batch in ends]))


def mean_square(steps: int, ticks: int, runs: int, every: int = 10) -> tuple[NumpyArray, float]:
    """Mean over T ticks of ||grad F^(u)||^2 at the mean of all mass, on nodes and links, with the step of Theorem 1.

    Args:
        steps: u.
        ticks: T.
        runs: how many.
        every: ticks between evaluations.

    Returns:
        The mean of each run, (runs,), and the theorem's leading term.
    """
    problem = Cauchy()
    smoothness = nonconvex_smoothness(problem.constants, steps, ALPHA)
    learner = PARSPushLearner(
        problem, Messaging.of(TALK), seed=range(runs), inner_steps=steps, inner_step_size=ALPHA,
        step_size=nonconvex_step(smoothness, problem.clients, ticks),
    )  # fmt: skip
    squares = []
    for _ in range(ticks // every):
        mean = learner.total()[0, :, :-1] / problem.clients  # (runs, d)
        squares.append((problem.personal_slope(mean, steps) ** 2).sum(-1))
        learner.learn(every)
    noise = nonconvex_variance(problem.constants, steps, ALPHA)
    term = nonconvex_leading_term(smoothness, problem.personal_start(steps), noise, nodes=problem.clients, ticks=ticks)
    return np.mean(squares, axis=0), term


def nonconvex_rows(steps: int, times: tuple[int, ...] = (100, 400, 1600), runs: int = 10) -> list[dict[str, Any]]:
    """Theorem 1 beside runs, with its step for every T.

    Args:
        steps: u.
        times: values of T.
        runs: over which the mean is taken.

    Returns:
        A row for each T: u, T, mean squared gradient, leading term, their ratio, verdict on the term with constant 1.
    """
    rows = []
    for ticks in times:
        squares, term = mean_square(steps, ticks, runs)
        found = interval(squares, "mean")
        rows.append(
            {
                "u": steps,
                "T": ticks,
                "measured": f"{found.estimate:.3g} [{found.low:.3g}, {found.high:.3g}]",
                "leading term": f"{term:.3g}",
                "ratio": f"{found.estimate / term:.2g}",
                "verdict": "holds" if found.high <= term else "fails" if found.low > term else "undecided",
            }
        )
    return rows
