"""Theory of AsyncBC (Gao et al., 2025) beside runs: independent noise, and where exact gradients stop."""

from typing import Any

import numpy as np
from jaxtyping import Float

from trainers.algorithms.async_bc import AsyncBC
from trainers.bounds.gradient_methods import async_bc_bias, async_bc_level, independent_noise
from trainers.problems.least_squares import LeastSquares
from wirelessenv.arrays import Doubles

D1 = [i**2 / 4 for i in range(1, 5)]  # curvatures of Appendix D.1
NOTE_1 = {f"L_max = {k} L": [float(k)] * (16 // k) + [0.0] * (16 - 16 // k) for k in (2, 4, 16)}  # of note 1, L = 1, n = 16


def independent_noise_report(runs: int = 200, iterations: int = 400) -> list[dict[str, Any]]:
    """Theorem 3 of Gao et al. (2025) on its own problem: what independent noise adds, as a lower bound and as measured.

    f_i = ||x - b_i||^2 / 2, d = 10, tau_C = 1, sigma^2 = 0.01 a coordinate of a difference. The last column is the least that
    E||x_T - x*||^2 is at any T, over its start: a smaller step gathers more noise on its way.

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
            "least over all T, of the start": "{:.2g}, T = {}".format(*least_with_noise(0.1, step)),
        }
        for step, row in zip(steps, squares, strict=True)
    ]


def least_with_noise(noise: float, step: float) -> tuple[float, int]:
    """The least of E||x_T - x*||^2 / ||x_0 - x*||^2 over T, where ||x_0 - x*||^2 = d, and that T.

    Args:
        noise: sigma, of a coordinate.
        step: eta, below 1.

    Returns:
        The least ratio, and T, 1 or more.
    """
    passed = np.arange(1, int(20 / step) + 2)
    path = (1 - step) ** passed  # of x_T, T = 1, 2, ...
    added = noise**2 * np.concatenate([[0.0], np.cumsum((1 - path) ** 2)[:-1]])
    ratio = path**2 + added
    return float(ratio.min()), int(passed[ratio.argmin()])


def levels_report(runs: int = 200, step: float = 0.01) -> list[dict[str, Any]]:
    """Squared gradients at which AsyncBC-GD stops, over those at x_0: predicted, and measured.

    Args:
        runs: over which means and standard errors are taken; with the greedy choice a fifth of them.
        step: eta; with the greedy choice a twentieth of it.

    Returns:
        A row for each problem, tau_C and choice of clients.
    """
    cases = {"D.1": D1, **NOTE_1}
    rows = [_level(name, curvatures, 1, runs, step) for name, curvatures in cases.items()]
    return [*rows, _level("D.1", D1, 4, runs, step), *(_greedy(name, own, runs, step) for name, own in _TWO_CHOICES.items())]


_TWO_CHOICES = {"D.1": D1, "equal clients": [1.0] * 4}


def _level(name: str, curvatures: list[float], tau_c: int, runs: int, step: float) -> dict[str, Any]:
    found = stopped(curvatures, {"concurrency": tau_c}, runs, step)
    return _row(f"{name}, tau_C = {tau_c}, uniform", async_bc_level(step, curvatures), found)


def _greedy(name: str, curvatures: list[float], runs: int, step: float) -> dict[str, Any]:
    server = {"concurrency": 2, "assignment": "inactive"}
    found = stopped(curvatures, server, max(runs // 5, 2), step / 20)  # the bias is that of small steps, and varies little
    return _row(f"{name}, tau_C = 2, greedy", async_bc_bias(curvatures, shares_of(server, len(curvatures)).tolist()), found)


def _row(case: str, predicted: float, found: Float[Doubles, " runs"]) -> dict[str, Any]:
    error = found.std(ddof=1) / np.sqrt(len(found))
    return {"case": case, "predicted": f"{predicted:.3g}", "measured": f"{found.mean():.3g} +- {error:.2g}"}


def shares_of(server: dict[str, Any], clients: int, updates: int = 20000) -> Float[Doubles, " clients"]:
    """The part of all tasks that each client gets.

    Args:
        server: a mapping of `Server`.
        clients: n.
        updates: that are counted.

    Returns:
        Shares, which add up to 1.
    """
    table = AsyncBC(LeastSquares(clients=clients), server, exact=True).timetables[0]
    return np.bincount(table.next_client(updates), minlength=clients) / updates


def stopped(curvatures: list[float], server: dict[str, Any], runs: int, step: float) -> Float[Doubles, " runs"]:
    """||grad f||^2 / ||grad f(x_0)||^2 where AsyncBC-GD has stopped moving, on f_i = h_i x^2 / 2.

    Args:
        curvatures: h_i.
        server: a mapping of `Server`.
        runs: with timetables of their own.
        step: eta.

    Returns:
        The ratio for each run.
    """
    problem = LeastSquares(size=1, zeta=0.0, scales=np.sqrt(curvatures).tolist())
    start = problem.mean_gradient(problem.starts([0]))
    learner = AsyncBC(problem, server, step_size=step, exact=True, seed=range(runs))
    learner.learn(int(6 / (step * problem.smoothness)))
    return np.asarray(((problem.mean_gradient(learner.solution) / start) ** 2)[0, :, 0])
