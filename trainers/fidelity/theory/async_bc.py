"""Theory of AsyncBC (Gao et al., 2025) beside runs."""

from typing import Any

import numpy as np

from trainers.algorithms.async_bc import AsyncBC
from trainers.bounds.gradient_methods import independent_noise
from trainers.problems.least_squares import LeastSquares


def independent_noise_report(runs: int = 200, iterations: int = 400) -> list[dict[str, Any]]:
    """Theorem 3 of Gao et al. (2025) on its own problem: what independent noise adds, as a lower bound and as measured.

    f_i = ||x - b_i||^2 / 2, d = 10, tau_C = 1, sigma^2 = 0.01 a coordinate of a difference.

    Args:
        runs: over which means and standard errors are taken.
        iterations: T.

    Returns:
        A row for each step size.
    """
    problem = LeastSquares(scales=[1.0] * 4, zeta=2.0, noise=0.1 / np.sqrt(2))
    steps = [0.9, 0.1, 0.01, 0.001]
    learner = AsyncBC(problem, {"concurrency": 1}, step_size=steps, same_sample=False, seed=range(runs)).learn(iterations - 1)
    squares = ((learner.solution - problem.minimiser) ** 2).sum(-1)
    return [
        {
            "eta": f"{step:g}",
            "T": iterations,
            "without noise": f"{problem.size * (1 - step) ** (2 * iterations):.3g}",
            "what noise adds, at least": f"{independent_noise(problem.size, 0.1, step, iterations):.3g}",
            "measured E||x_T - x*||^2": f"{row.mean():.3g} +- {row.std(ddof=1) / np.sqrt(runs):.2g}",
        }
        for step, row in zip(steps, squares, strict=True)
    ]
