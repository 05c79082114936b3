"""Search for step sizes that papers do not give: every curve with every step of a grid, on seeds of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trainers.experiments.experiment import Experiment
from trainers.experiments.outcomes import Outcomes
from trainers.experiments.run_directory import RunDirectory
from trainers.experiments.runner import run
from trainers.workbench.outcomes import told
from wirelessenv.config import ConfigError, merge

LARGER_IS_BETTER = ("utility", "accuracy")


def grid_of(experiment: Experiment, steps: Sequence[float], seeds: Sequence[int]) -> Experiment:
    """Experiment with every curve once for each step size, on other seeds, with nothing to draw.

    Args:
        experiment: whose curves are searched.
        steps: step sizes.
        seeds: none of which the experiment reports on.

    Returns:
        The experiment of the grid.

    Raises:
        ConfigError: where a seed is the experiment's, or two steps are the same to 6 digits.
    """
    shared = sorted(set(seeds) & set(experiment.seeds))
    if shared:
        raise ConfigError(f"--seeds: {shared[0]} is not valid: the experiment reports on it; search on others")
    if len({f"{step:g}" for step in steps}) < len(steps):
        raise ConfigError(f"--steps: {','.join(f'{step:g}' for step in steps)} is not valid: two are the same, to 6 digits")
    curves = {
        _name(name, step): merge(changes, {"learner": merge(_as_mapping(changes.get("learner")), {"step_size": step})})
        for name, changes in experiment.curves.items()
        for step in steps
    }
    dump = experiment.dump() | {"curves": curves, "seeds": list(seeds), "panels": [{}], "reference": None}
    return Experiment.parse(dump)


def search(
    experiment: Experiment, steps: Sequence[float], seeds: Sequence[int], out: Path, *, last: int = 1, **options: Any
) -> list[dict[str, Any]]:
    """Train the grid of step sizes, and judge each.

    A step at which a seed diverges, or does not arrive where runs are to arrive, does not count.

    Args:
        experiment: whose curves are searched.
        steps: step sizes.
        seeds: none of which the experiment reports on.
        out: the run directory.
        last: evaluations at the end of a run whose mean is judged.
        **options: of `run`.

    Returns:
        A row for each curve: the measure at each step, mean over seeds and evaluations, and the best step.

    Raises:
        ConfigError: where the grid cannot be used.
    """
    if last < 1:
        raise ConfigError(f"--last: {last} is not valid: it should be 1 or more")
    directory = run(grid_of(experiment, steps, seeds), out, **options)
    return [_row(directory, experiment, name, steps, seeds, last) for name in experiment.curves]


def _row(  # noqa: PLR0917  # what a search was asked for
    directory: RunDirectory, experiment: Experiment, name: str, steps: Sequence[float], seeds: Sequence[int], last: int
) -> dict[str, Any]:
    outcomes, measure = Outcomes(directory.metrics(), directory.diverged(), seeds), experiment.measure
    means, shown = {}, {}
    for step in steps:
        curve = _name(name, step)
        values = _last(outcomes.of(curve), measure, last)
        values = values[np.isfinite(values)]
        if len(values) == len(seeds):
            means[step] = float(values.mean())
        lost = outcomes.diverged(curve)
        shown[f"step {step:g}"] = f"{means[step]:.4g}" if step in means else told(0, len(seeds), lost) if lost else "-"
    pick = max if measure in LARGER_IS_BETTER else min
    return {"curve": name, **shown, "best": f"{pick(means, key=means.__getitem__):g}" if means else "none"}


def _last(rows: pd.DataFrame, measure: str, last: int) -> "pd.Series[float]":
    return rows.sort_values("iteration").groupby("seed").tail(last).groupby("seed")[measure].mean()


def _name(curve: str, step: float) -> str:
    return f"{curve}, step {step:g}"


def _as_mapping(learner: Any) -> dict[str, Any]:
    return {"kind": learner} if isinstance(learner, str) else dict(learner or {})
