"""Theorem 1 of Tosi and Theobald (2023) beside runs on problems of known constants: python -m trainers theory."""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.bounds.dasgd import dasgd_rate, dasgd_rate_loose
from trainers.events.inboxes import Inboxes, Network
from trainers.events.staleness import Staleness
from trainers.problems.logistic import Logistic
from trainers.problems.objective import Objective, Points
from trainers.problems.quadratic import Quadratic

RUNS = 20
NOISE = 0.3
STEADY: dict[str, Any] = {"staggered": False}
NETWORKS: dict[str, tuple[int, dict[str, Any]]] = {
    "n = 2, one 10 times as slow": (2, {**STEADY, "computing": {"kind": "given", "seconds": [1, 10]}}),
    "n = 2, messages late by 10": (2, {**STEADY, "link_scale": 10}),
    "n = 5, ring, lockstep": (5, {**STEADY, "graph": "ring"}),
}


class CostConstants(NamedTuple):
    """Constants of a problem that Theorem 1 needs."""

    smoothness: float
    """L"""
    gap: float
    """r_0 = f(x_0) - f*"""
    noise: float
    """sigma"""
    gradient: float | None
    """Q; None where gradients are not bounded"""


def logistic(exact: bool) -> tuple[Logistic, CostConstants]:
    """Logistic regression of Figure 2b: gradients are bounded by the mean of ||a||, their noise by its root mean square.

    Args:
        exact: no noise; else a sample is one row.

    Returns:
        The problem, and its constants.
    """
    problem = Logistic.gaussian()
    rows = np.stack([problem.gradient(0, np.zeros(problem.size), np.array([row])) for row in range(problem.rows)])
    norms = 2 * np.linalg.norm(rows, axis=1)  # at 0 a row's gradient is -b a / 2
    best = minimize(problem.mean_cost, np.zeros(problem.size), jac=problem.mean_gradient, method="BFGS", tol=1e-10)
    gap = float(problem.mean_cost(np.zeros(problem.size)) - best.fun)
    return problem, CostConstants(problem.smoothness, gap, 0.0 if exact else sqrt((norms**2).mean()), float(norms.mean()))


def quadratic(noise: float = 0.0, clients: int = 1) -> tuple[Quadratic, CostConstants]:
    """The quadratic of Figure 2a, whose gradients are not bounded.

    Args:
        noise: standard deviation of a gradient's coordinate.
        clients: n.

    Returns:
        The problem, and its constants.
    """
    problem = Quadratic(noise=noise, clients=clients)
    gap = float(problem.mean_cost(np.zeros(problem.size)) - problem.mean_cost(problem.minimiser))
    return problem, CostConstants(problem.smoothness, gap, noise * sqrt(problem.size), None)


def staleness(nodes: int, network: dict[str, Any], updates: int) -> dict[str, float]:
    """Staleness of the first steps of all nodes together, from the start on, as Definition 2 counts it.

    Args:
        nodes: n.
        network: graph and durations.
        updates: steps of all nodes together.

    Returns:
        S_avg, S_max and their loose forms, by name.
    """
    events, record = Inboxes(Network.parse(network, "network"), nodes, 0), Staleness(nodes)
    for _ in range(updates):
        step = events.step()
        if step is not None:
            record.add(step)
    return record.summary()


def squared_gradients(learner: DASGD, updates: int) -> tuple[float, int]:
    """Measure (1/(T_i+1)) sum_t ||grad f(x_i^t)||^2, mean over runs, of the node i where it is largest.

    Args:
        learner: at its start, one order of events for all runs.
        updates: steps of all nodes together.

    Returns:
        The mean, and the largest T_i, which makes the bound smallest.
    """
    sums = np.full(learner.nodes, _square(learner.problem, learner.models[0]))
    for _ in range(updates):
        (node,) = learner.learn(1).last
        if node is not None:
            sums[node] += _square(learner.problem, learner.models[node])
    steps = learner.steps[0]
    return float((sums / (steps + 1)).max()), int(steps.max())


def _square(problem: Objective, points: Points) -> float:
    return float((problem.mean_gradient(points) ** 2).sum(-1).mean())


def bound_beside_run(name: str, noisy: bool, bounded: bool, steps: int = 2000) -> dict[str, Any]:
    """Measured mean squared gradient beside (11) on logistic regression, or beside (12) on the quadratic.

    The step is the one that makes the corrected bound small.

    Args:
        name: of NETWORKS.
        noisy: gradients of samples.
        bounded: (11), else (12).
        steps: T of a node, nearly.

    Returns:
        A row: claim, S_avg, S_max, measured, published, corrected, verdict.
    """
    nodes, network = NETWORKS[name]
    problem, known = logistic(not noisy) if bounded else quadratic(NOISE if noisy else 0.0)
    stale, updates = staleness(nodes, network, nodes * steps), nodes * steps
    eta, _ = _rates(known, stale, steps, published=False)
    learner = DASGD(problem, network, nodes=nodes, step_size=eta, exact=not noisy, seed=range(RUNS), timetable_seed=0)
    measured, longest = squared_gradients(learner, updates)
    published, corrected = (_rates(known, stale, longest, published=one)[1] for one in (True, False))
    noise = "samples" if noisy else "exact"
    loose = "" if bounded else "loose_"
    return {
        "claim": f"({11 if bounded else 12}), {'logistic' if bounded else 'quadratic'}, {noise}, {name}",
        "S_avg": f"{stale[loose + 's_avg']:.3g}",
        "S_max": f"{stale[loose + 's_max']:.0f}",
        "step": f"{eta:.3g}",
        "measured": f"{measured:.3g}",
        "published": f"{published:.3g}",
        "corrected": f"{corrected:.3g}",
        "verdict": "holds" if measured <= corrected else "fails",
    }


def _rates(known: CostConstants, stale: dict[str, float], steps: int, *, published: bool) -> tuple[float, float]:
    """Step and bound of (11) where gradients are bounded, else of (12)."""
    law = {"smoothness": known.smoothness, "noise": known.noise, "published": published}
    if known.gradient is not None:
        return dasgd_rate(steps, known.gap, gradient=known.gradient, average=stale["s_avg"], **law)  # type: ignore[arg-type]  # each of its own type
    loose = {"average": stale["loose_s_avg"], "largest": stale["loose_s_max"]}
    return dasgd_rate_loose(steps, known.gap, **loose, **law)  # type: ignore[arg-type]  # each of its own type


def beside_synchronous(late: float, steps: int = 2500) -> dict[str, Any]:
    """Mean squared gradient of two nodes with late messages over that of synchronous SGD, with noise, after as many gradients.

    The step is the one that makes (12) small. That of synchronous SGD, whose n gradients are averaged, is n times the same, or
    n times the one that makes (12) small without staleness.

    Args:
        late: by how many gradients' times messages are.
        steps: T.

    Returns:
        A row: S_max, S_max / sqrt(T), step, both ratios, and that of (12) with and without staleness.
    """
    network, nodes = {**STEADY, "link_scale": late}, 2
    stale = staleness(nodes, network, nodes * steps)
    problem, known = quadratic(NOISE)
    eta, bound = _rates(known, stale, steps, published=False)
    fresh_eta, fresh_bound = _rates(known, dict.fromkeys(stale, 0.0), steps, published=False)
    learner = DASGD(problem, network, nodes=nodes, step_size=eta, seed=range(RUNS), timetable_seed=0)
    measured, _ = squared_gradients(learner, nodes * steps)
    same, own = synchronous([eta, fresh_eta], nodes, steps)
    return {
        "S_max": f"{stale['s_max']:.0f}",
        "S_max / sqrt(T)": f"{stale['s_max'] / sqrt(steps):.2g}",
        "step": f"{eta:.3g}",
        "measured, same step": f"{measured / same:.3f}",
        "measured, own steps": f"{measured / own:.3g}",
        "(12)": f"{bound / fresh_bound:.3g}",
    }


def synchronous(step_sizes: list[float], nodes: int, steps: int) -> list[float]:
    """Mean squared gradient of synchronous SGD on the quadratic with noise.

    Args:
        step_sizes: of a gradient; the mean of n is taken n times as far.
        nodes: n.
        steps: T, gradients.

    Returns:
        (1/(T+1)) sum_t E||grad f(x_t)||^2 for each step size.
    """
    problem, _ = quadratic(NOISE, clients=nodes)
    learner = SyncSGD(problem, step_size=[nodes * one for one in step_sizes], seed=range(RUNS))
    squares = []
    for _ in range(steps // nodes + 1):
        squares.append((problem.mean_gradient(learner.solution) ** 2).sum(-1).mean(-1))
        learner.learn(nodes)
    means: list[float] = np.mean(squares, axis=0).tolist()
    return means


def bounds_report() -> list[dict[str, Any]]:
    """A row for each network, bound and sort of gradients."""
    return [bound_beside_run(name, noisy, bounded) for bounded in (True, False) for noisy in (False, True) for name in NETWORKS]


def synchronous_report() -> list[dict[str, Any]]:
    """A row for each delay of messages, up to S_max far above sqrt(T) = 50."""
    return [beside_synchronous(late) for late in (0.5, 5, 12, 24, 100)]
