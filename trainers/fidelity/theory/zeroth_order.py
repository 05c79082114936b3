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
from trainers.bounds.zeroth_order import direction_variance, gradient_bound, largest_delay, largest_step
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
    batch: int = 1,
    runs: int = 100,
    iterations: int = 600,
) -> dict[str, Any]:
    """Measured min_t E||grad_l f~_l||^2 beside the bound (15) of Behmandpoor et al. (2024), published and corrected.

    With half the largest step size.

    Args:
        messaging: a name of MESSAGINGS.
        shape: of the costs.
        common_noise: both queries of an instant meet the same sample.
        smoothing: mu.
        batch: B.
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
        problem, talk, smoothing=smoothing, batch=batch, step_size=step, decay=0.0, memory=delay + 10,
        common_noise=common_noise, seed=seeds,
    )  # fmt: skip
    gradients, gap = [], 0.0
    for t in range(iterations):
        if t == warm_up:
            gap = float(problem.costs(learner.parameters).mean()) - problem.constants.minimum
        gradients.append(problem.gradients(learner.parameters)[:, 0])
        learner.learn(1)
    measured = stale_gradients(gradients, heard.newest).mean(1)[warm_up:].min(0).max()
    known: dict[str, Any] = {"delay": delay, "agents": AGENTS, "size": SIZE, "smoothing": smoothing, "batch": batch}
    known["common_noise"] = common_noise
    published, corrected = (
        gradient_bound(problem.constants, [step] * iterations, gap, warm_up=warm_up, published=published, **known)
        for published in (True, False)
    )
    noise = "common" if common_noise else "separate"
    return {
        "claim": f"(15), {shape}, {noise} noise, {messaging}" + (f", B = {batch}" if batch > 1 else ""),
        "D_max": delay,
        "measured": f"{measured:.3g}",
        "published": f"{published:.3g}",
        "corrected": f"{corrected:.3g}",
        "verdict": "holds" if measured <= corrected else "fails",
    }


def direction_beside_run(batch: int, *, common_noise: bool, runs: int = 2000, smoothing: float = 0.1) -> dict[str, Any]:
    """Variance of a step's direction at theta^0 beside its bound, Proposition A.5: what a batch averages, and what not.

    The B samples of a query share one perturbation, so that a large B leaves the variance of the random direction as it is.

    Args:
        batch: B.
        common_noise: both queries of an instant meet the same sample.
        runs: over which variances are taken.
        smoothing: mu.

    Returns:
        A row: claim, D_max, measured, published, corrected, verdict.
    """
    problem = AnalyticProblem(AGENTS, SIZE, "convex", value_noise=0.02, slope_noise=0.2, seed=range(runs))
    options: dict[str, Any] = {"smoothing": smoothing, "batch": batch, "common_noise": common_noise}
    learner = ZerothOrderLearner(problem, "centralised", step_size=1.0, decay=0.0, memory=1, seed=range(runs), **options)
    steps = learner.learn(1).parameters[:, :, 0].double()  # runs start at 0, so that this is s^0, (runs, l, size)
    measured = float(steps.var(0).sum(1).max())
    published, corrected = (
        direction_variance(problem.constants, agents=AGENTS, size=SIZE, published=which, **options) for which in (True, False)
    )
    noise = "common" if common_noise else "separate"
    kept = "holds" if measured <= corrected else "fails"
    return {
        "claim": f"Proposition A.5, {noise} noise, B = {batch}",
        "D_max": 0,
        "measured": f"{measured:.3g}",
        "published": f"{published:.3g}",
        "corrected": f"{corrected:.3g}",
        "verdict": kept if measured <= published else f"{kept}, fails as published",
    }


def in_turn(rows: Sequence[Callable[[], list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Rows of a table, computed one after the other; a bar on stderr shows how far it is, for it takes minutes."""
    told = Console(stderr=True)
    return [one for some in track(rows, "runs beside theory", console=told, transient=True) for one in some()]


def report() -> list[dict[str, Any]]:
    """Rows about the bound (15) and the variance in it."""
    cases: list[Callable[[], dict[str, Any]]] = [
        partial(bound_beside_run, messaging, shape, common_noise=common)
        for messaging in MESSAGINGS
        for shape in ("convex", "nonconvex")
        for common in (False, True)
    ]
    cases += [partial(bound_beside_run, "ring, delay 1", common_noise=common, batch=20) for common in (False, True)]
    cases += [partial(direction_beside_run, batch, common_noise=common) for common in (False, True) for batch in (1, 20, 500)]
    return in_turn([partial(_alone, case) for case in cases])


def _alone(case: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    return [case()]
