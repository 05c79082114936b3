"""Theory of the zeroth-order method (Behmandpoor et al., 2024) beside runs on a problem whose constants are known."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.bounds.zeroth_order import gradient_bound, largest_delay, largest_step
from trainers.problems.analytic import AnalyticProblem
from wirelessenv.messages.knowledge import UNKNOWN, Knowledge, message_graphs
from wirelessenv.scenario import Messaging

AGENTS, SIZE = 4, 2
MESSAGINGS: dict[str, dict[str, Any]] = {
    "no delay": {"preset": "centralised"},
    "ring, delay 1": {"graph": "ring"},
    "ring, delay 1 to 3, asleep half the time": {
        "graph": "ring",
        "activity": {"update": 1.0, "transmit": {"probability": 0.5, "longest_silence": 4}},
        "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}},
    },
}


def stale_gradients(gradients: Sequence[torch.Tensor], newest: NDArray[np.int32]) -> NDArray[np.float64]:
    """Squared norms of gradients made of stale entries, ||grad_l f~_l||^2; entries unknown count 0.

    (1/m) sum_i df_i/dtheta_l at theta^T, T = T[l, i].

    Args:
        gradients: df_i/dtheta_l at theta^t, (runs, i, l, size), for every instant t.
        newest: T (instants, runs, l, i).

    Returns:
        (instants, runs, l).
    """
    history = torch.stack(list(gradients)).numpy()  # (t, runs, i, l, size)
    instants, runs, agents = newest.shape[:3]
    run, mine, theirs = np.ogrid[:runs, :agents, :agents]
    squares = np.empty((instants, runs, agents))
    for t in range(instants):
        entries = history[np.maximum(newest[t], 0), run, theirs, mine]  # (runs, l, i, size)
        total = (entries * (newest[t] != UNKNOWN)[..., None]).sum(2) / agents
        squares[t] = (total**2).sum(-1)
    return squares


def bound_beside_run(
    messaging: str,
    shape: Literal["convex", "nonconvex"] = "nonconvex",
    *,
    common_noise: bool = False,
    smoothing: float = 0.1,
    runs: int = 100,
    iterations: int = 600,
) -> dict[str, Any]:
    """Measured min_t E||grad_l f~_l||^2 beside the bound (15) of Behmandpoor et al. (2024), published and corrected.

    B = 1, and half the largest step size.

    Args:
        messaging: a name of MESSAGINGS.
        shape: of the costs.
        common_noise: both queries of an instant meet the same sample.
        smoothing: mu.
        runs: over which expectations are means.
        iterations: T.

    Returns:
        A row: claim, D_max, measured, published, corrected, verdict.
    """
    talk, seeds = Messaging.of(MESSAGINGS[messaging]), range(runs)
    problem = AnalyticProblem(AGENTS, SIZE, shape, value_noise=0.02, slope_noise=0.2, seed=seeds)
    twin = Knowledge(talk, message_graphs(talk, AGENTS, seeds), seeds)
    heard = twin.steps(iterations)
    delay = largest_delay(twin)
    complete = (heard.newest != UNKNOWN).all((1, 2, 3))
    warm_up = int(complete.argmax())
    step = largest_step(problem.constants.smoothness, AGENTS, delay) / 2
    learner = ZerothOrderLearner(
        problem, talk, smoothing=smoothing, batch=1, step_size=step, decay=0.0, memory=delay + 10,
        common_noise=common_noise, seed=seeds,
    )  # fmt: skip
    gradients, gap = [], 0.0
    for t in range(iterations):
        if t == warm_up:
            gap = float(problem.costs(learner.parameters).mean()) - problem.constants.minimum
        gradients.append(problem.gradients(learner.parameters)[:, 0])
        learner.learn(1)
    measured = stale_gradients(gradients, heard.newest).mean(1)[warm_up:].min(0).max()
    known: dict[str, Any] = {"delay": delay, "agents": AGENTS, "size": SIZE, "smoothing": smoothing, "batch": 1}
    known["common_noise"] = common_noise
    published, corrected = (
        gradient_bound(problem.constants, [step] * iterations, gap, warm_up=warm_up, published=published, **known)
        for published in (True, False)
    )
    noise = "common" if common_noise else "separate"
    return {
        "claim": f"(15), {shape}, {noise} noise, {messaging}",
        "D_max": delay,
        "measured": f"{measured:.3g}",
        "published": f"{published:.3g}",
        "corrected": f"{corrected:.3g}",
        "verdict": "holds" if measured <= corrected else "fails",
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
    talk, seeds = Messaging.of(MESSAGINGS[messaging]), range(runs)
    problem = AnalyticProblem(AGENTS, SIZE, "convex", slope_noise=0.2, seed=seeds)
    twin = Knowledge(talk, message_graphs(talk, AGENTS, seeds), seeds)
    twin.steps(iterations)
    delay = largest_delay(twin)
    step = largest_step(problem.constants.smoothness, AGENTS, delay) / 2
    learner = ZerothOrderLearner(
        problem, talk, smoothing=0.01, batch=1, step_size=step, decay=0.5, memory=delay + 10, common_noise=True, seed=seeds
    )
    times = np.unique(np.geomspace(iterations / 10, iterations, 30).astype(int))
    squares = []
    for before, now in zip([0, *times[:-1]], times, strict=True):
        learner.learn(int(now - before))
        gradient = problem.gradients(learner.parameters)[:, 0].mean(1)  # (runs, l, size)
        squares.append((gradient**2).sum((1, 2)).numpy())
    table, rng = np.stack(squares), np.random.default_rng(0)

    def slope(chosen: NDArray[np.intp]) -> float:
        best = np.minimum.accumulate(table[:, chosen].mean(1))
        return float(np.polyfit(np.log(times), np.log(best), 1)[0])

    low, high = np.percentile([slope(rng.integers(runs, size=runs)) for _ in range(500)], [2.5, 97.5])
    return {
        "claim": f"Theorem VI.4, rate, {messaging}",
        "D_max": delay,
        "measured": f"slope {slope(np.arange(runs)):.2f} [{low:.2f}, {high:.2f}]",
        "published": "-0.5 or steeper",
        "corrected": "the same, up to a logarithm",
        "verdict": "holds" if high <= -0.5 else "fails" if low > -0.5 else "undecided",
    }


def report() -> list[dict[str, Any]]:
    """A row for each comparison of theory and measurement; a bar on stderr shows how far it is, for it takes minutes."""
    rows: list[Callable[[], dict[str, Any]]] = [
        partial(bound_beside_run, messaging, shape, common_noise=common)
        for messaging in MESSAGINGS
        for shape in ("convex", "nonconvex")
        for common in (False, True)
    ]
    rows += [partial(rate, messaging) for messaging in ("no delay", "ring, delay 1")]
    return [row() for row in track(rows, "runs beside theory", console=Console(stderr=True), transient=True)]
