"""Theorem VI.4 (i), (ii) of Behmandpoor et al. (2024) beside runs: outdated parameters and costs approach the present ones."""

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.bounds.zeroth_order import largest_delay, largest_step, outdated_bound
from trainers.fidelity.theory.zeroth_order import AGENTS, MESSAGINGS, SIZE, in_turn
from trainers.problems.analytic import AnalyticProblem
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.scenario import Messaging


def outdated_distance(
    history: Float[np.ndarray, "instants runs n"], newest: Int[np.ndarray, "runs agents agents"], now: int
) -> Float[np.ndarray, "runs agents"]:
    """||Theta-bar_l^t - Theta_l^t||^2 = sum_i ||theta^t - theta^{T[l, i]}||^2 for every agent l.

    Args:
        history: theta^0, theta^1, ..., with all agents' parameters in a row, (instants, runs, n).
        newest: T[l, i] of each run, known for all, (runs, l, i).
        now: t.

    Returns:
        (runs, l).
    """
    run = np.arange(newest.shape[0])[:, None, None]
    missed = history[now][:, None, None] - history[newest, run]
    return np.asarray((missed**2).sum((2, 3)))


def outdated_costs(
    costs: Float[np.ndarray, "instants runs agents"], newest: Int[np.ndarray, "runs agents agents"], now: int
) -> Float[np.ndarray, "runs agents agents"]:
    """|f_i(theta^t) - f_i(theta^{T[l, i]})| for every two agents l and i.

    Args:
        costs: f_i(theta^0), f_i(theta^1), ..., (instants, runs, i).
        newest: T[l, i] of each run, known for all, (runs, l, i).
        now: t.

    Returns:
        (runs, l, i).
    """
    run, _, other = np.ogrid[: newest.shape[0], : newest.shape[1], : newest.shape[2]]
    return np.asarray(np.abs(costs[now][:, None] - costs[newest, run, other]))


def outdated_rows(messaging: str, runs: int = 50, iterations: int = 2000) -> list[dict[str, Any]]:
    """Both distances at the end over those early in a run, with common noise and gamma^t = gamma^0 / sqrt(t + 1), and (30).

    Early is when everybody has heard everybody. "holds" asks that each mean, the largest over agents, is at most its bound at
    both times, and falls to less than a tenth.

    Args:
        messaging: a name of MESSAGINGS.
        runs: over which expectations are means.
        iterations: T.

    Returns:
        Two rows: claim, D_max, measured, published, corrected, verdict.
    """
    talk, seeds = Messaging.of(MESSAGINGS[messaging]), range(runs)
    problem = AnalyticProblem(AGENTS, SIZE, "convex", slope_noise=0.2, seed=seeds)
    twin = Knowledge(talk, message_graphs(talk, AGENTS, seeds), seeds)
    newest = twin.steps(iterations).newest
    delay = largest_delay(twin)
    step = largest_step(problem.constants.smoothness, AGENTS, delay) / 2
    known: dict[str, Any] = {"smoothing": 0.1, "batch": 1, "common_noise": True}
    learner = ZerothOrderLearner(problem, talk, step_size=step, decay=0.5, memory=delay + 10, seed=seeds, **known)
    history, costs = [], []
    for _ in range(iterations):
        history.append(learner.parameters[:, :, 0].reshape(runs, -1).numpy().copy())
        costs.append(problem.costs(learner.parameters)[:, 0].numpy())
        learner.learn(1)
    past, paid = np.stack(history), np.stack(costs)
    first = max(int((newest >= 0).all((1, 2, 3)).argmax()), delay)
    times = (first, iterations - 1)
    far = [outdated_distance(past, newest[now], now).mean(0).max() for now in times]
    off = [outdated_costs(paid, newest[now], now).mean(0).max() for now in times]
    missed = [step / np.sqrt(np.arange(now - delay, now) + 1) for now in times]
    size: dict[str, Any] = {"agents": AGENTS, "size": SIZE, **known}
    bounds = [[outdated_bound(problem.constants, gamma, published=p, **size) for p in (True, False)] for gamma in missed]
    lipschitz = problem.constants.gradient  # E|f_i - f_i| <= L^0 sqrt(E||.||^2)
    slack = [[lipschitz * np.sqrt(bound) for bound in both] for both in bounds]
    return [
        _row(f"Theorem VI.4 ({name}), {messaging}, t = {first} to {iterations - 1}", delay, found, limits)
        for name, found, limits in (("i", far, bounds), ("ii", off, slack))
    ]


def _row(claim: str, delay: int, found: list[float], limits: list[list[float]]) -> dict[str, Any]:
    """A row of two times: what was measured, and the bounds, published and corrected."""
    published, corrected = zip(*limits, strict=True)
    kept = all(value <= bound for value, bound in zip(found, corrected, strict=True))
    return {
        "claim": claim,
        "D_max": delay,
        "measured": f"{found[0]:.2g} to {found[1]:.2g}",
        "published": f"{published[0]:.2g} to {published[1]:.2g}",
        "corrected": f"{corrected[0]:.2g} to {corrected[1]:.2g}",
        "verdict": "holds" if kept and found[1] < found[0] / 10 else "fails",
    }


def report() -> list[dict[str, Any]]:
    """Rows about outdated parameters, in the form of the table of bounds."""
    return in_turn([partial(outdated_rows, messaging) for messaging in MESSAGINGS if messaging != "no delay"])
