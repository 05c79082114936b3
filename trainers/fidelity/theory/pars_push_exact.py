"""Condition number of F^(u) against alpha, and large u, of Toghani et al. (2023): in closed form on ridge regression."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from trainers.bounds.pars_push import LossConstants, personal_convexity, personal_smoothness
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv.arrays import Doubles

SHARES = (0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""alpha L"""
MANY_STEPS = (1, 3, 5, 10, 30, 100)
"""u"""


def condition(matrices: Float[Doubles, "*n d d"]) -> float:
    """The largest ratio of a largest to a smallest eigenvalue, of symmetric matrices (..., d, d)."""
    values = np.linalg.eigvalsh(matrices)
    return float((values[..., -1] / values[..., 0]).max())


def condition_rows(steps: int, shares: Sequence[float] = SHARES) -> list[dict[str, Any]]:
    """Condition number of F^(u) and the worst of F_i^(u), exact steps, beside that of Lemma 1's constants.

    Lemma 1 is read as "increases with larger alpha". Its bound does. The F_i^(u) of a quadratic has the eigenvalues
    h (1 - alpha h)^(2u): small alpha brings the large ones nearer to the small ones. Only once L (1 - alpha L)^(2u) is the
    smallest of all does the condition number grow, without limit at alpha = 1 / L.

    Args:
        steps: u.
        shares: alpha L.

    Returns:
        A row for each alpha: alpha L, u, F, worst F_i, Lemma 1.
    """
    problem = RidgeRegression("own_covariances", condition=10)
    spectra = np.linalg.eigvalsh(problem.hessians)
    known = LossConstants(spectra.min(), spectra.max(), gradient=0.0, hessian_slope=0.0)
    rows = []
    for share in shares:
        alpha = share / known.smoothness
        cost = problem.personal_cost(steps, inner_step_size=alpha)
        bound = personal_smoothness(known, steps, alpha) / personal_convexity(known, steps, alpha)
        rows.append(
            {
                "alpha L": f"{share:g}",
                "u": steps,
                "F": f"{condition(cost.curvature.mean(0)):.3g}",
                "worst F_i": f"{condition(cost.curvature):.3g}",
                "Lemma 1": f"{bound:.3g}",
            }
        )
    return rows


def large_u_rows(largest: float, steps: Sequence[int] = MANY_STEPS, layouts: int = 10) -> list[dict[str, Any]]:
    """Cost after u exact steps from the minimisers of F^(u) and of f, and from 0, above that of every node's own minimum.

    "u to infinity implies that there is no need for cooperation": whatever z is, w_i goes to the minimum of f_i.

    Args:
        largest: condition number of each node's covariance.
        steps: u.
        layouts: problems over which the median is taken.

    Returns:
        A row for each u: condition, u, costs above the nodes' own minima, least curvature of F^(u) by that of f.
    """
    problems = [RidgeRegression("own_covariances", condition=largest, seed=seed) for seed in range(layouts)]
    own = [problem.personal_cost(0) for problem in problems]
    least = [np.mean([cost(np.linalg.solve(cost.curvature[i], cost.linear[i]))[i] for i in range(10)]) for cost in own]
    rows = []
    for u in steps:
        costs = [problem.personal_cost(u) for problem in problems]
        starts = {
            "trained for u": [cost.minimiser for cost in costs],
            "trained for none": [cost.minimiser for cost in own],
            "0": [np.zeros(problem.size) for problem in problems],
        }
        above = {
            name: np.median([cost(z).mean() - low for cost, z, low in zip(costs, points, least, strict=True)])
            for name, points in starts.items()
        }
        flat = [
            np.linalg.eigvalsh(cost.curvature.mean(0))[0] / np.linalg.eigvalsh(first.curvature.mean(0))[0]
            for cost, first in zip(costs, own, strict=True)
        ]
        told = {name: f"{value:.3g}" for name, value in above.items()}
        rows.append({"condition": f"{largest:g}", "u": u, **told, "mu^(u) / mu": f"{np.median(flat):.2g}"})
    return rows
