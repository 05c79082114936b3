"""Proposition 1 of Toghani et al. (2023), constant steps and biased estimates beside runs: python -m trainers theory."""

from typing import Any

import numpy as np
from jaxtyping import Float

from trainers.algorithms.pars_push import MetaGradient, PARSPushLearner, personal_gradient
from trainers.bounds.pars_push import LossConstants, largest_inner_step, leading_term, personal_convexity
from trainers.problems.ridge_regression import RidgeRegression
from trainers.workbench.intervals import interval
from wirelessenv.arrays import Doubles
from wirelessenv.scenario import Messaging
from wirelessenv.streams import stream

RUNS = 10
_SLEEP: dict[str, Any] = {"activity": {"update": {"probability": 0.5, "longest_silence": 2}}}
_LATE: dict[str, Any] = {"delay": {"kind": "uniform", "shortest": 1, "longest": 2}}
MESSAGINGS: dict[str, dict[str, Any]] = {
    "ideal links": {},
    "sleep": _SLEEP,
    "sleep, delay": {**_SLEEP, "links": _LATE},
    "sleep, delay, loss": {**_SLEEP, "links": {**_LATE, "loss": {"probability": 0.3, "longest_run": 1}}},
}
TIMES = (500, 1000, 2000)
"""T at which distances are measured."""
GRID = 2.0 ** np.arange(-8, 0, 0.5)
"""Constant steps."""


def small_problem(batch: int = 2) -> RidgeRegression:
    """Ridge regression of 4 clients in R^3, over 4 feature vectors of each, whose constants are known."""
    return RidgeRegression(clients=4, size=3, local_vectors=4, batch=batch, seed=3)


def constants(problem: RidgeRegression) -> LossConstants:
    """Constants of every sample's cost, of which the ridge alone is strongly convex; H = 0, so that G plays no part."""
    rows = problem.feature_sets
    steepest = 2 * float((rows**2).sum(-1).max()) + problem.ridge
    return LossConstants(convexity=problem.ridge, smoothness=steepest, gradient=0.0, hessian_slope=0.0)


def distances(
    problem: RidgeRegression, point: Float[Doubles, " d"], times: tuple[int, ...], *, runs: int = RUNS, **settings: Any
) -> Float[Doubles, "times runs"]:
    """Squared distances ||z_i - z||^2, mean over the nodes, over links that sleep, delay and lose.

    Args:
        problem: the costs.
        point: z.
        times: ticks after which they are measured.
        runs: how many, each with a graph of its own.
        settings: of the learner.

    Returns:
        (times, runs).
    """
    talk = Messaging.of({**MESSAGINGS["sleep, delay, loss"], "graph": {"kind": "erdos_renyi", "probability": 0.5}})
    learner, found = PARSPushLearner(problem, talk, seed=range(runs), **settings), []
    for before, now in zip((0, *times[:-1]), times, strict=True):
        nodes = learner.learn(now - before).nodes[0]
        found.append(((nodes - point) ** 2).sum(-1).mean(-1))
    return np.array(found)


def gradient_variance(
    problem: RidgeRegression, point: Float[Doubles, " d"], steps: int, alpha: float, draws: int = 500
) -> float:
    """E||grad f_i(w_i^(u); D_iu) - grad F_i^(u)||^2 at a point, mean over the clients, estimated.

    Args:
        problem: the costs.
        point: z.
        steps: u.
        alpha: size of the inner steps.
        draws: over which the mean is taken.

    Returns:
        The variance.
    """
    rng, clients = stream(0, "sample"), np.arange(problem.clients)
    drawn = [
        personal_gradient(problem, clients, point[None], alpha, [problem.draw(clients, rng) for _ in range(steps + 1)])
        for _ in range(draws)
    ]
    return float(np.var(drawn, axis=0).sum(-1).mean())


def rate_row(steps: int, times: tuple[int, ...] = TIMES, offset: int = 1000, runs: int = RUNS) -> dict[str, Any]:
    """Proposition 1 beside a run with theta(t) = 1 / (mu^(u) (t + offset)): without an offset, it diverges here, too.

    The row shows that the published leading term cannot be right: with all costs multiplied by 0.01, theta is multiplied by
    100 and the iterates are the same, but Gamma_w sigma^2 / (mu n T) is 100 times smaller. mu must be squared, as in
    Spiridonoff et al. (2020), Theorem 15.

    Args:
        steps: u.
        times: ticks after which distances are measured.
        offset: ticks by which theta is late.
        runs: over which the mean is taken.

    Returns:
        A row: u, alpha, the slope of the distance over T, and T E||z_i - z*||^2 at the end beside the leading terms.
    """
    problem = small_problem()
    known = constants(problem)
    alpha = largest_inner_step(known, steps, 0.5, 0.5) if steps else 0.0
    convexity = personal_convexity(known, steps, alpha)
    best = problem.personal_cost(steps, "batches", alpha).minimiser
    learner = {
        "inner_steps": steps, "inner_step_size": alpha, "decay": 1, "offset": offset,
        "step_size": 1 / (convexity * (1 + offset)),
    }  # fmt: skip
    squares = distances(problem, best, times, runs=runs, **learner)
    slope = float(np.polyfit(np.log(times), np.log(squares.mean(1)), 1)[0])
    found = interval(squares[-1] * times[-1], "mean")
    noise = gradient_variance(problem, best, steps, alpha)
    sleepy = MESSAGINGS["sleep"]["activity"]["update"]["longest_silence"]
    terms = {one: leading_term(noise, convexity, problem.clients, sleepy, published=one) for one in (True, False)}
    return {
        "u": steps,
        "alpha": f"{alpha:.3g}",
        "slope": f"{slope:.2f}",
        "T E||z - z*||^2": f"{found.estimate:.3g} [{found.low:.3g}, {found.high:.3g}]",
        "published": f"{terms[True]:.3g}",
        "published, costs x 0.01": f"{0.01 * terms[True]:.3g}",
        "corrected": f"{terms[False]:.3g}",
        "verdict": "holds" if found.high <= terms[False] else "fails" if found.low > terms[False] else "undecided",
    }


def offset_rows(offsets: tuple[int, ...] = (0, 30, 100, 300, 1000), ticks: int = 1000) -> list[dict[str, Any]]:
    """theta(t) = 1 / (mu (t + offset)), exact gradients, u = 0: how far off runs are on the way, and at the end.

    Args:
        offsets: 0 is Proposition 1.
        ticks: T.

    Returns:
        A row for each offset: theta(1) by 2 / L, the largest of ||z_i - z*||^2 over its start, and the last.
    """
    problem, times = small_problem(), tuple(range(20, ticks + 1, 20))
    best, steepest = problem.minimiser(), float(np.linalg.eigvalsh(problem.hessians.mean(0))[-1])
    start, rows = float((best**2).sum()), []
    for offset in offsets:
        first = 1 / (problem.ridge * (1 + offset))
        squares = distances(problem, best, times, exact=True, decay=1, offset=offset, step_size=first) / start
        rows.append(
            {
                "offset": offset,
                "theta(1) by 2 / L": f"{first * steepest / 2:.2g}",
                "largest": f"{squares.max():.2g}",
                "at the end": f"{np.median(squares[-1]):.2g}",
            }
        )
    return rows


def largest_stable_step(messaging: str, inner_steps: int, *, runs: int = 3, ticks: int = 600) -> float:
    """The largest constant step of a grid with which every run ends nearer than it began: Figure 2's problem, exact gradients.

    Args:
        messaging: a name of MESSAGINGS.
        inner_steps: u.
        runs: each with a graph of its own.
        ticks: T.

    Returns:
        The step, or NaN where none is stable.
    """
    problem = RidgeRegression(seed=0)
    talk = Messaging.of({**MESSAGINGS[messaging], "graph": {"kind": "erdos_renyi", "probability": 0.15}})
    best = problem.minimiser(inner_steps)
    learner = PARSPushLearner(
        problem, talk, seed=range(runs), exact=True, inner_steps=inner_steps, step_size=GRID.tolist()
    )  # fmt: skip
    with np.errstate(all="ignore"):
        squares = ((learner.learn(ticks).nodes - best) ** 2).sum(-1).mean(-1)
    stable = np.logical_and.accumulate((squares < (best**2).sum()).all(1))
    return float(GRID[stable].max()) if stable.any() else float("nan")


def stable_step_rows(inner_steps: tuple[int, ...] = (0, 3), **options: int) -> list[dict[str, Any]]:
    """Largest stable steps beside 2 / L of gradient descent on F^(u).

    Args:
        inner_steps: values of u.
        options: `runs` and `ticks` of `largest_stable_step`.

    Returns:
        A row for each u and messaging.
    """
    rows = []
    for u in inner_steps:
        limit = 2 / np.linalg.eigvalsh(RidgeRegression(seed=0).personal_cost(u).curvature.mean(0))[-1]
        for messaging in MESSAGINGS:
            found = largest_stable_step(messaging, u, **options)
            rows.append(
                {
                    "u": u,
                    "links": messaging,
                    "2 / L": f"{limit:.3g}",
                    "largest stable step": f"{found:.3g}",
                    "over 2 / L": f"{found / limit:.2g}",
                }
            )
    return rows


def limits(problem: RidgeRegression, steps: int, alpha: float) -> dict[MetaGradient, Float[Doubles, " d"]]:
    """Points at which the mean of each estimate vanishes, where they are known in closed form.

    Args:
        problem: the costs.
        steps: u.
        alpha: size of the inner steps.

    Returns:
        Points z by the estimate's name.
    """
    kept = np.linalg.matrix_power(np.eye(problem.size) - alpha * problem.hessians, steps)
    f = problem.personal_cost(0)
    first = np.linalg.solve((kept @ f.curvature).sum(0), (kept @ f.linear[..., None])[..., 0].sum(0))
    return {
        "unbiased": problem.personal_cost(steps, "batches", alpha).minimiser,
        "separate_hessians": problem.minimiser(steps, alpha),
        "first_order": first,
    }


def bias_rows(steps: int, alpha: float = 0.1, ticks: int = 3000, runs: int = RUNS) -> list[dict[str, Any]]:
    """Points to which the estimates of grad F^(u) lead with steps that fall as 1 / t: squared distance to z*(u).

    A bias stays where an estimate ends farther off than the unbiased one. One that moves away from z*(u) may not have reached
    its own limit yet.

    Args:
        steps: u.
        alpha: size of the inner steps.
        ticks: T.
        runs: over which the mean is taken.

    Returns:
        A row for each estimate: u, distance at T / 4 and at T by ||z*(u)||^2, that of its limit, verdict.
    """
    problem = small_problem()
    points = limits(problem, steps, alpha)
    best, least, rows = points["unbiased"], 0.0, []
    for kind, point in points.items():
        learner = {"inner_steps": steps, "inner_step_size": alpha, "meta_gradient": kind}
        schedule = {"decay": 1, "offset": 400, "step_size": 4 / 401}
        squares = distances(problem, best, (ticks // 4, ticks), runs=runs, **learner, **schedule) / (best**2).sum()
        bias = float(((point - best) ** 2).sum() / (best**2).sum())
        found = interval(squares[-1], "mean")
        least = least if bias else found.high
        told = found.low > least if bias else found.estimate < squares[0].mean() / 2
        rows.append(
            {
                "u": steps,
                "estimate": kind,
                "at T / 4": f"{squares[0].mean():.2g}",
                "at T": f"{found.estimate:.2g} [{found.low:.2g}, {found.high:.2g}]",
                "its limit": f"{bias:.2g}",
                "verdict": ("a bias stays" if bias else "goes on falling") if told else "undecided",
            }
        )
    return rows
