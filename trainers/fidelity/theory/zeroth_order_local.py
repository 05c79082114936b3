"""Bias against variance of the local variant of Algorithm 2 of Behmandpoor et al. (2024), `most_hops`, at a fixed point.

Agent i adds up the queries of agents at most h hops away. Let g_l = grad f_l, of all n = m n_l parameters, and let s_i be the
update of a step of size 1. Where a query of an agent d hops away is d instants old, those of one distance share a perturbation,
and those of different distances do not. With a_d = sum g_l over the agents d hops from i, c_d their number, [.]_i agent i's own
n_l entries, a small mu, B samples a measurement and separate noise of size tau, common to all agents,

    E s_i      = -(1/m) sum_{d <= h} [a_d]_i
    Var s_i    = (1/m^2) sum_{d <= h} { n_l (||a_d||^2 + 2 tau^2 c_d^2 / (mu^2 B)) + ||[a_d]_i||^2 }

since E (a'u)^2 ||u_i||^2 = n_l ||a||^2 + 2 ||a_i||^2 for u ~ N(0, I) (Isserlis). The bias is what far agents' gradients with
respect to one's own parameters add up to, and falls with h where agents feel near agents most. Their queries vary as much as
those of near agents, so that the variance grows with their number.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.fidelity.theory.zeroth_order import in_turn
from trainers.problems.analytic import AnalyticProblem
from wirelessenv.messages.graph import hop_counts
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.scenario import Messaging

SIZE, MU, BATCH, NOISE, LOCALITY = 2, 0.005, 1, 0.005, 0.6
MOST_HOPS = (0, 1, 2, 3, None)
"""h; 0: an agent's own query alone, None: those of all."""
RING = Messaging.of({"graph": "ring"})
"""Messages go one hop an instant, and nobody sleeps."""
DEVIATIONS = 4
"""Standard errors by which a measurement may miss what is exact."""


class Errors(NamedTuple):
    """Error of an update, summed over agents."""

    bias: float
    """||E s + grad f||^2"""
    variance: float
    """E||s - E s||^2"""


def exact(
    gradients: Float[np.ndarray, "m m size"],
    hops: Int[np.ndarray, "m m"],
    most_hops: int | None,
    *,
    smoothing: float,
    batch: int,
    noise: float,
) -> Errors:
    """Squared bias and variance of the update by the formulas at the head of this file.

    Args:
        gradients: df_l/dtheta_i, (l, i, n_l).
        hops: from l to i, (l, i), which is the age of the query of l that i holds.
        most_hops: h; None: all.
        smoothing: mu.
        batch: B.
        noise: tau.

    Returns:
        Both, summed over agents.
    """
    agents, _, size = gradients.shape
    bias = variance = 0.0
    for mine in range(agents):
        far = np.zeros(agents, bool) if most_hops is None else hops[:, mine] > most_hops
        bias += float((gradients[far, mine].sum(0) ** 2).sum())
        for distance in np.unique(hops[~far, mine]):
            there = hops[:, mine] == distance
            total = gradients[there].sum(0)
            spread = 2 * (noise * there.sum() / smoothing) ** 2 / batch
            variance += size * float((total**2).sum() + spread) + float((total[mine] ** 2).sum())
    return Errors(bias / agents**2, variance / agents**2)


def updates(problem: AnalyticProblem, samples: int) -> Float[np.ndarray, "samples runs variants n"]:
    """Updates of the learner at the start of a run, to which it is put back after each instant; one variant for each h.

    Args:
        problem: with its runs.
        samples: instants that are looked at, after all have heard all.

    Returns:
        (samples, runs, variants, n).
    """
    learner = ZerothOrderLearner(
        problem, RING, smoothing=MU, batch=BATCH, step_size=1.0, decay=0.0, memory=problem.agents, seed=problem.seeds,
        most_hops=[most or None for most in MOST_HOPS], cooperative=[most != 0 for most in MOST_HOPS],
    )  # fmt: skip
    start, found = learner.parameters.clone(), []
    for _ in range(problem.agents // 2 + samples):
        learner.parameters.copy_(start)
        moved = learner.learn(1).parameters - start
        found.append(moved.movedim(2, 1).flatten(2).double().numpy())
    return np.stack(found[-samples:])


def measured(found: Float[np.ndarray, "samples runs n"], gradient: Float[np.ndarray, " n"]) -> tuple[Errors, Errors]:
    """Squared bias and variance of updates, and the standard errors of both over runs, which are independent.

    The square of a mean is estimated without bias, as the mean product of two different runs' deviations.

    Args:
        found: updates s, (samples, runs, n).
        gradient: grad f, (n,).

    Returns:
        Estimates and standard errors.
    """
    runs = found.shape[1]
    off = found.mean(0) + gradient  # (runs, n)
    total = off.sum(0)
    pairs = float((total**2).sum() - (off**2).sum()) / (runs * (runs - 1))
    jackknife = [(((total - one) ** 2).sum() - (off**2).sum() + (one**2).sum()) / ((runs - 1) * (runs - 2)) for one in off]
    spread = np.sqrt((runs - 1) * np.var(jackknife))
    squares = ((found - found.mean((0, 1))) ** 2).sum(2).mean(0)  # (runs,)
    return (
        Errors(pairs, float(squares.mean() + off.var(0, ddof=1).sum() / runs)),  # and the variance of the mean subtracted
        Errors(float(spread), float(squares.std(ddof=1) / np.sqrt(runs))),
    )


def local_rows(agents: int, runs: int = 200, samples: int = 100) -> list[dict[str, Any]]:
    """Squared bias and variance for every h, exact and measured, relative to ||grad f||^2.

    "nearer up to" counts the independent updates whose mean has a smaller mean squared error than that of as many updates with
    the queries of all. "agree" asks that both measurements are within four standard errors of what is exact.

    Args:
        agents: m.
        runs: that are independent.
        samples: instants of each.

    Returns:
        A row for each h.
    """
    problem = AnalyticProblem(agents, SIZE, "convex", value_noise=NOISE, locality=LOCALITY, seed=range(runs))
    hops = hop_counts(message_graphs(RING, agents, [0])[0])
    found = updates(problem, samples)
    start = problem.policies.initial([0], agents)[0][:, None]
    gradients = problem.gradients(start)[0].numpy()  # (l, i, n_l)
    gradient = gradients.mean(0).ravel()
    unit = float((gradient**2).sum())
    known = [exact(gradients, hops, most, smoothing=MU, batch=BATCH, noise=NOISE) for most in MOST_HOPS]
    rows = []
    for variant, (most, truth) in enumerate(zip(MOST_HOPS, known, strict=True)):
        estimate, error = measured(found[:, :, variant], gradient)
        agree = all(abs(a - b) <= DEVIATIONS * c for a, b, c in zip(estimate, truth, error, strict=True))
        saved = known[-1].variance - truth.variance
        rows.append(
            {
                "m": agents,
                "h": "all" if most is None else most,
                "squared bias": f"{truth.bias / unit:.2g}",
                "measured": f"{estimate.bias / unit:.2g} +- {error.bias / unit:.1g}",
                "variance": f"{truth.variance / unit:.3g}",
                "measured variance": f"{estimate.variance / unit:.3g} +- {error.variance / unit:.1g}",
                "nearer up to": f"{saved / truth.bias:.2g} updates" if truth.bias else "",
                "verdict": "agree" if agree else "differ",
            }
        )
    return rows


def report() -> list[dict[str, Any]]:
    """Rows for a small and a larger number of agents."""
    return in_turn([partial(local_rows, 8, runs=200), partial(local_rows, 32, runs=50)])
