"""Tables of a run, from its directory alone."""

from pathlib import Path
from typing import Any

import numpy as np

from trainers.experiments.lines import half_width, has_full_power, largest_age
from trainers.experiments.outcomes import Outcomes
from trainers.experiments.run_directory import RunDirectory
from trainers.workbench.outcomes import beside

COSTS = {"slots": ("slots", 1.0), "simulated_seconds": ("simulated s", 1.0), "bits": ("Mbit of all agents", 1e-6)}
"""Columns of metrics.csv that are costs: what they are called in a table, and in which unit they stand there."""


def summary(path: str | Path) -> list[dict[str, Any]]:
    """Summarise the last evaluation of every curve.

    `relative` is the experiment's measure, relative to full power where there is one, mean over the seeds that have a
    value; `shown` is the text for a reader: the mean with its interval, of how many seeds it is, or that they diverged. The
    share is (end - start) / (reference's end - start), the median over layouts: paired by layout, and not ruled by those
    where the reference gains next to nothing.

    Returns:
        A row for each curve: curve, D_max, relative, half_width, sound, shown, share.
    """
    directory = RunDirectory(path)
    experiment = directory.experiment()
    outcomes = Outcomes(directory.metrics(), directory.diverged(), experiment.seeds)
    measure = experiment.measure
    relative_to_full_power = measure == "utility" and has_full_power(outcomes.sound)
    rows = []
    for name in experiment.curves:
        curve = outcomes.of(name)
        relative = outcomes.end(name, measure)
        if relative_to_full_power:
            relative = relative / outcomes.end(name, "full_power_utility")
        relative = relative[np.isfinite(relative)]
        half = float(half_width(relative.to_frame().T).iloc[0])
        number = f"{relative.mean():.4g}" + (f" +- {half:.2g}" if np.isfinite(half) else "") if len(relative) else ""
        rows.append(
            {
                "curve": name,
                "D_max": largest_age(curve),
                "relative": float(relative.mean()),
                "half_width": half,
                "sound": len(relative),
                "shown": beside(number, outcomes.told(name, len(relative))),
                "share": _share(outcomes, name, experiment.reference, measure),
            }
        )
    return rows


def table(path: str | Path) -> list[dict[str, str]]:
    """The summary as it is shown: curve, D_max, what it is judged by, and its share of the reference's gain."""
    experiment = RunDirectory(path).experiment()
    rows = []
    for row in summary(path):
        age = row["D_max"] if row["D_max"] is not None else "no messages" if row["sound"] else ""
        judged = "utility / full power" if experiment.measure == "utility" else experiment.measure
        shown = {"curve": str(row["curve"]), "D_max": str(age), judged: str(row["shown"])}
        share = "" if row["share"] is None else f"{row['share']:.2f}"
        rows.append(
            shown | ({f"share of the gain of {experiment.reference}": share} if experiment.reference is not None else {})
        )
    return rows


def costs(path: str | Path) -> list[dict[str, str]]:
    """Tell what each curve has cost in the end: slots, simulated time, bits of all agents, means over seeds without divergence.

    Args:
        path: of a run directory.

    Returns:
        A row for each curve, as it is shown: curve, what it is judged by, and those costs that the run knows.
    """
    directory = RunDirectory(path)
    outcomes = Outcomes(directory.metrics(), directory.diverged(), directory.experiment().seeds)
    known = [column for column in COSTS if column in outcomes.sound and outcomes.sound[column].notna().any()]
    rows = []
    for row in table(path):
        del row["D_max"]  # how late messages are is not what they cost
        for name, unit, column in ((*COSTS[column], column) for column in known):
            row[name] = _rounded(unit * outcomes.end(row["curve"], column).mean())
        rows.append(row)
    return rows


def _rounded(number: float) -> str:
    """Text of a number, to three digits or to whole ones; empty where there is none."""
    if not np.isfinite(number):
        return ""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _share(outcomes: Outcomes, name: str, reference: str | None, measure: str) -> float | None:
    """None where there is no reference, or no seed that both came through."""
    if reference is None:
        return None
    rows = outcomes.of(name)
    start = rows.loc[rows.groupby("seed")["iteration"].idxmin()].set_index("seed")[measure]
    found = (outcomes.end(name, measure) - start) / (outcomes.end(reference, measure) - start)
    return float(found.median()) if found.notna().any() else None
