"""Rates after Theorem VI.4 of Behmandpoor et al. (2024) beside runs: common and separate noise, schedules of mu and B."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.bounds.zeroth_order import largest_delay, largest_step
from trainers.fidelity.theory.zeroth_order import AGENTS, MESSAGINGS, SIZE, in_turn
from trainers.problems.analytic import AnalyticProblem
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.scenario import Messaging

POINTS = 30  # evaluations over the last nine tenths of a run
RESAMPLES = 500
SMOOTHING = (0.01, 0.02, 0.04)
SEPARATE: dict[str, Any] = {"value_noise": 0.02, "slope_noise": 0.0}
"""Noise where it is separate: additive, so that it rules at the end of a run. (Noise of slopes is also a noise of values, in
proportion to the distance from the minimum, and keeps runs at their beginning for thousands of iterations.)"""


@dataclass(frozen=True)
class Falling:
    """Squared gradients of runs over time."""

    times: NDArray[np.intp]
    """instants t at which they were looked at"""
    squares: NDArray[np.float64]
    """||grad f(theta^t)||^2, (times, runs, variants)"""
    delay: int
    """D_max"""

    def best(self, chosen: Any = slice(None)) -> Float[np.ndarray, "times variants"]:
        """min_{s <= t} of the mean over chosen runs."""
        return np.minimum.accumulate(self.squares[:, chosen].mean(1))

    def slope(self, chosen: Any = slice(None), variant: int = 0) -> float:
        """Slope of log min_{s <= t} E||grad f(theta^s)||^2 over log t.

        Args:
            chosen: numbers of runs that the mean is over.
            variant: its number.
        """
        return float(np.polyfit(np.log(self.times), np.log(self.best(chosen)[:, variant]), 1)[0])

    def resampled(self, statistic: Any) -> tuple[float, float, float]:
        """A statistic of runs, and its 95 % bootstrap interval over runs.

        Args:
            statistic: called with numbers of runs.

        Returns:
            Its value for all runs, and the ends of the interval.
        """
        rng, runs = np.random.default_rng(0), self.squares.shape[1]
        low, high = np.percentile([statistic(rng.integers(runs, size=runs)) for _ in range(RESAMPLES)], [2.5, 97.5])
        return float(statistic(np.arange(runs))), float(low), float(high)


def falling(
    messaging: str,
    shape: Literal["convex", "lopsided", "nonconvex"] = "convex",
    *,
    runs: int,
    iterations: int,
    value_noise: float = 0.0,
    slope_noise: float = 0.2,
    part: float = 0.1,
    **options: Any,
) -> Falling:
    """Run the learner with gamma^t = gamma^0 / sqrt(t + 1), gamma^0 a part of the largest step of Theorem VI.2.

    Args:
        messaging: a name of MESSAGINGS.
        shape: of the costs.
        runs: over which expectations are means.
        iterations: T.
        value_noise: tau of `AnalyticProblem`.
        slope_noise: rho of `AnalyticProblem`.
        part: gamma^0 M.
        options: settings of the learner; sequences give variants.

    Returns:
        Squared gradients at some times of the last nine tenths.
    """
    talk, seeds = Messaging.of(MESSAGINGS[messaging]), range(runs)
    problem = AnalyticProblem(AGENTS, SIZE, shape, value_noise=value_noise, slope_noise=slope_noise, seed=seeds)
    twin = Knowledge(talk, message_graphs(talk, AGENTS, seeds), seeds)
    twin.steps(iterations)
    delay = largest_delay(twin)
    step = part * largest_step(problem.constants.smoothness, AGENTS, delay)
    given: dict[str, Any] = {"batch": 1, "step_size": step, "decay": 0.5, "memory": delay + 10} | options
    learner = ZerothOrderLearner(problem, talk, seed=seeds, **given)
    times = np.unique(np.geomspace(iterations / 10, iterations, POINTS).astype(int))
    squares = []
    for before, now in zip([0, *times[:-1]], times, strict=True):
        learner.learn(int(now - before))
        gradient = problem.gradients(learner.parameters.movedim(2, 0)[..., None, :]).mean(3)[
            :, :, 0
        ]  # (variants, runs, l, size)
        squares.append((gradient**2).sum((2, 3)).T.numpy())
    return Falling(times, np.stack(squares), delay)


def row(claim: str, delay: int, found: tuple[float, float, float], promised: str, *, most: float) -> dict[str, Any]:
    """A row about a number that theory bounds from above.

    Args:
        claim: what is claimed.
        delay: D_max.
        found: estimate and 95 % interval.
        promised: the bound in words.
        most: the bound.

    Returns:
        A row: claim, D_max, measured, published, corrected, verdict.
    """
    estimate, low, high = found
    return {
        "claim": claim,
        "D_max": delay,
        "measured": f"{estimate:.2f} [{low:.2f}, {high:.2f}]",
        "published": promised,
        "corrected": "the same, up to a logarithm",
        "verdict": "holds" if high <= most else "fails" if low > most else "undecided",
    }


def rate(messaging: str, runs: int = 200, iterations: int = 4000) -> dict[str, Any]:
    """Slope of log min_{s <= t} E||grad f(theta^s)||^2 over log t, with gamma^t = gamma^0 / sqrt(t + 1) and common noise.

    Theorem VI.4 promises O(1 / sqrt(t)) down to a floor in mu^2: a slope of -1/2 or steeper. The 95 % interval is a
    bootstrap over runs; the slope is taken over the last nine tenths of the run. The promise is about large t: with a
    large delay the step is so small that some thousand iterations are still its beginning (D_max = 11: slope -0.17).

    Args:
        messaging: a name of MESSAGINGS.
        runs: over which expectations are means.
        iterations: T.

    Returns:
        A row: claim, D_max, measured, published, corrected, verdict.
    """
    found = falling(messaging, runs=runs, iterations=iterations, part=0.5, smoothing=0.01, common_noise=True)
    return row(
        f"Theorem VI.4, rate, {messaging}: slope", found.delay, found.resampled(found.slope), "-0.5 or steeper", most=-0.5
    )


def separate_noise(runs: int = 100, iterations: int = 2000, smoothing: Sequence[float] = SMOOTHING) -> list[dict[str, Any]]:
    """The rate with separate noise, O(mu^2) + O(1 / (mu^2 sqrt(t))): the slope in t, and the power of 1 / mu at the end.

    Args:
        runs: over which expectations are means.
        iterations: T.
        smoothing: values of mu, so small that noise rules.

    Returns:
        Two rows: claim, D_max, measured, published, corrected, verdict.
    """
    found = falling("no delay", runs=runs, iterations=iterations, **SEPARATE, smoothing=list(smoothing))

    def power(chosen: Any) -> float:
        return float(-np.polyfit(np.log(smoothing), np.log(found.best(chosen)[-1]), 1)[0])

    slope = found.resampled(partial(found.slope, variant=0))
    return [
        row(f"rate with separate noise, mu = {smoothing[0]:g}: slope", found.delay, slope, "-0.5 or steeper", most=-0.5),
        row("rate with separate noise: power of 1 / mu", found.delay, found.resampled(power), "2 at most", most=2),
    ]


def smoothing_schedule(runs: int = 100, iterations: int = 2000) -> list[dict[str, Any]]:
    """Slope with mu ~ 1 / sqrt(t), and where it ends beside constant mu = 1; common noise, lopsided costs.

    Args:
        runs: over which expectations are means.
        iterations: T.

    Returns:
        A row: claim, D_max, measured, published, corrected, verdict.
    """
    options: dict[str, Any] = {"smoothing": 1.0, "smoothing_decay": [0.0, 0.5], "common_noise": True}
    found = falling("no delay", "lopsided", runs=runs, iterations=iterations, **options)
    falls = found.resampled(partial(found.slope, variant=1))
    constant, shrinking = found.best()[-1]
    told = row("mu ~ 1 / sqrt(t), common noise: slope", found.delay, falls, "-0.5 or steeper", most=-0.5)
    told["measured"] += f"; ends at {shrinking:.1g}, constant mu at {constant:.1g}"
    return [told]


def batch_schedule(runs: int = 100, iterations: int = 2000) -> list[dict[str, Any]]:
    """B constant beside B ~ sqrt(t), for which the text promises O(1 / t); separate noise, mu = 0.02.

    Args:
        runs: over which expectations are means.
        iterations: T.

    Returns:
        Two rows: claim, D_max, measured, published, corrected, verdict.
    """
    rows = []
    for growth, most in ((0.0, -0.5), (0.5, -1.0)):
        found = falling(
            "no delay", runs=runs, iterations=iterations, **SEPARATE, smoothing=0.02, batch_growth=growth
        )  # fmt: skip
        name = f"{'B ~ sqrt(t)' if growth else 'B constant'}, separate noise"
        rows.append(row(f"{name}: slope", found.delay, found.resampled(found.slope), f"{most:g} or steeper", most=most))
    return rows


def report() -> list[dict[str, Any]]:
    """Rows about rates, in the form of the table of bounds."""
    several = [separate_noise, smoothing_schedule, batch_schedule]
    return in_turn([lambda: [rate("no delay"), rate("ring, delay 1")], *several])
