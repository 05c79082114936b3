"""The step range (0, 1 / M) of Theorem VI.2 of Behmandpoor et al. (2024) beside the largest steps that are stable in runs."""

from typing import Any

import numpy as np

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.bounds.zeroth_order import largest_step
from trainers.problems.analytic import AnalyticProblem
from wirelessenv.scenario import Messaging

SIZE = 2
GRID = 2.0 ** np.arange(-7, 1.5, 0.5)
CASES = ((2, 0), (4, 0), (8, 0), (2, 4), (4, 4), (8, 4), (2, 16), (4, 16), (8, 16))
"""(m, D_max)"""


def largest_stable_step(agents: int, delay: int, *, runs: int = 20, iterations: int = 600) -> float:
    """The largest constant step of a grid after which the mean cost is at most a tenth of its start: no noise, small mu.

    Every agent hears every other after `delay` instants. With the smallest steps the end is not reached in time; a step is
    unstable where a larger one than the best fails.

    Args:
        agents: m.
        delay: D_max.
        runs: over which the mean is taken.
        iterations: T.

    Returns:
        The step, or NaN where none is stable.
    """
    talk = Messaging.of({"graph": "complete", "links": {"delay": delay}, "relay": False})
    problem = AnalyticProblem(agents, SIZE, "convex", seed=range(runs))
    learner = ZerothOrderLearner(
        problem, talk, smoothing=1e-3, batch=1, common_noise=True, step_size=GRID.tolist(), decay=0.0, memory=delay + 1,
        seed=range(runs),
    )  # fmt: skip
    start = problem.costs(learner.parameters).mean((0, 2)).numpy()
    end = problem.costs(learner.learn(iterations).parameters).mean((0, 2)).numpy()
    stable = GRID[end <= start / 10]
    return float(stable.max()) if stable.size else float("nan")


def step_rows(**options: int) -> list[dict[str, Any]]:
    """The largest stable step against m and D_max, beside 1 / M.

    Args:
        options: `runs` and `iterations` of `largest_stable_step`.

    Returns:
        A row for each case: m, D_max, 1 / M, measured, over 1 / M.
    """
    rows = []
    for agents, delay in CASES:
        limit, found = largest_step(1.0, agents, delay), largest_stable_step(agents, delay, **options)
        rows.append(
            {
                "m": agents,
                "D_max": delay,
                "1 / M": f"{limit:.3g}",
                "largest stable step": f"{found:.3g}",
                "over 1 / M": f"{found / limit:.2g}",
            }
        )
    return rows
