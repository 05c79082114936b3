"""Figures and tables of a run, from its directory alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from trainers.experiments.experiment import Experiment
from trainers.experiments.figures import OF_REFERENCE, Axis, Panel, Point
from trainers.experiments.outcomes import Outcomes
from trainers.experiments.run_directory import RunDirectory
from trainers.workbench.drawing import COLOURS, DASHES, save, title
from trainers.workbench.outcomes import beside, labelled, told
from wirelessenv.config import ConfigError, nearest
from wirelessenv.text import drawn

AXES: dict[Axis, str] = {
    "iteration": "iteration t",
    "slots": "channel slots",
    "simulated_seconds": "simulated time (s)",
    "bits": "bits sent, all agents",
    "wall_seconds": "training time a run (s)",
}
FULL_POWER = {"full_power": 1, "full_power_difference": 0}
"""The level of full power in a panel that is relative to it."""
AGAINST = {
    "full_power": " relative to full power",
    "full_power_difference": " minus that of full power",
    "best": " relative to the best",
    "reference": " relative to ",
    "reference_gap": " missing to ",
}


def plot(path: str | Path, x: Axis | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw figure.png and figure.pdf of a run directory, panel by panel.

    Each line is the mean over layouts of utility / full-power utility (of the utility itself where there is no full
    power), of the utility minus that of full power (`relative_to: full_power_difference`), or of the utility / the panel's
    best on the same layout (`best`). The band about a curve is the 95 % interval (Student) of its mean paired difference
    to the reference: where the reference's line is outside it, the two differ. Without a reference it is the interval of
    the mean itself, which is paired with full power. Seeds that
    diverged are in no line; its label says how many they are.

    Args:
        path: of the run directory.
        x: the axis of all panels, instead of their own.
        out: the folder that the figures go to, made where there is none; the run directory, if not given.

    Returns:
        Paths of the two figures.

    Raises:
        ConfigError: where the directory is damaged, or its metrics lack a column.
    """
    directory = RunDirectory(path)
    experiment, metrics = directory.experiment(), directory.metrics()
    outcomes = Outcomes(metrics, directory.diverged(), experiment.seeds)
    panels = experiment.panels if x is None else [panel.model_copy(update={"x": x}) for panel in experiment.panels]
    for name in dict.fromkeys(_columns(panels, experiment)):
        if name not in metrics:
            raise ConfigError(f'{path}: its metrics have no column "{name}"{nearest(name, metrics.columns)}')
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(6.4 * columns**0.8, 4.2 * rows**0.9), layout="constrained")
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, place)
        draw = _draw_points if panel.points else _draw_panel
        draw(axes, panel, experiment, outcomes)
        if panel.y_range is not None:
            axes.set_ylim(*panel.y_range)
        axes.set_title(title(panel.title), fontsize="small")
        axes.grid(alpha=0.2)
        axes.legend(frameon=False, fontsize="small")
    said = ", ".join(part for part in (experiment.title, experiment.problem.stand_in) if part)
    figure.suptitle(title(said), fontsize="medium")
    folder = directory.path if out is None else Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return save(figure, folder, "figure")


def _columns(panels: Sequence[Panel], experiment: Experiment) -> Iterator[str]:
    """The columns of metrics.csv that panels speak of."""
    for panel in panels:
        yield panel.y or experiment.measure
        yield from (point.y for line in panel.points.values() for point in line if point.y)
        yield from () if panel.points else (panel.x,)
        yield from () if panel.when is None else (panel.when.column,)


def _draw_panel(axes: Axes, panel: Panel, experiment: Experiment, outcomes: Outcomes) -> None:
    names, reference = panel.curves or tuple(experiment.curves), panel.reference or experiment.reference
    metrics = outcomes.sound
    shown = metrics[metrics["curve"].isin(names) | (metrics["curve"] == reference)].copy()
    column = panel.y or experiment.measure
    level = FULL_POWER.get(panel.relative_to) if column == "utility" and _has_full_power(shown) else None
    if level == 1:
        shown["value"] = shown["utility"] / shown["full_power_utility"]
    elif level == 0:
        shown["value"] = shown["utility"] - shown["full_power_utility"]
    elif panel.relative_to == "best":
        shown["value"] = shown[column] / shown.groupby("seed")[column].transform("max")
    elif panel.relative_to in OF_REFERENCE:
        keys = ["seed", "iteration"]
        theirs = shown[shown["curve"] == reference].set_index(keys)[column]
        ratio = shown[column] / shown.set_index(keys).index.map(theirs.to_dict()).to_numpy(float)
        shown["value"] = ratio if panel.relative_to == "reference" else 1 - ratio
    else:
        shown["value"] = shown[column]
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    for number, name in enumerate(names):
        style = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        line = Line(name, shown[shown["curve"] == name], shown[shown["curve"] == reference], *style)
        _draw(axes, line, panel, outcomes)
    if level is not None:
        axes.axhline(level, color="grey", linewidth=0.8, linestyle=":", label="full power")
    axes.set_xlabel(title(panel.x_label) or AXES[panel.x])
    against = "" if level is None and panel.relative_to in FULL_POWER else AGAINST[panel.relative_to]
    against += drawn(str(reference)) if panel.relative_to in OF_REFERENCE else ""
    axes.set_ylabel(title(panel.y_label) or drawn(column.replace("_", " ")) + against)


def _has_full_power(metrics: pd.DataFrame) -> bool:
    return "full_power_utility" in metrics and bool(metrics["full_power_utility"].notna().all())


def _draw_points(axes: Axes, panel: Panel, experiment: Experiment, outcomes: Outcomes) -> None:
    """A line through the mean ends of curves, with 95 % intervals over seeds; what did not get there has no point."""
    column = panel.y or experiment.measure
    for colour, (name, points) in zip(COLOURS * len(panel.points), panel.points.items(), strict=False):
        ends = [_of_point(outcomes, panel, point, experiment, point.y or column) for point in points]
        found = [(point.x, last) for point, last in zip(points, ends, strict=True) if len(last) and last.notna().all()]
        diverged = [at for point in points for at in outcomes.diverged(point.curve)]
        every = len(points) * len(experiment.seeds)
        if not found:
            said = told(0, every, diverged) if diverged else "never"
            axes.plot([], [], color=colour, label=labelled(drawn(name), said))
            continue
        at, means = [x for x, _ in found], [last.mean() for _, last in found]
        half = [float(half_width(last.to_frame().T).iloc[0]) if len(last) > 1 else 0.0 for _, last in found]
        dashes = DASHES[list(panel.points).index(name) % len(DASHES)]  # lines may lie on each other
        label = labelled(drawn(name), told(every - len(diverged), every, diverged))
        axes.errorbar(at, means, half, color=colour, marker="o", markersize=4, capsize=3, linestyle=dashes, label=label)
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    axes.set_xlabel(title(panel.x_label))
    axes.set_ylabel(title(panel.y_label) or drawn(column.replace("_", " ")))


def _of_point(outcomes: Outcomes, panel: Panel, point: Point, experiment: Experiment, column: str) -> "pd.Series[float]":
    """Value of a point by seed, maybe relative to its reference."""
    own = _taken(outcomes, panel, point.curve, column)
    if panel.relative_to not in OF_REFERENCE:
        return own
    reference = str(point.reference or panel.reference or experiment.reference)
    ratio = own / _taken(outcomes, panel, reference, column).reindex(own.index)
    return ratio if panel.relative_to == "reference" else 1 - ratio


def _taken(outcomes: Outcomes, panel: Panel, curve: str, column: str) -> "pd.Series[float]":
    """A column where the panel takes it, by seed: at the end, or where another gets below a level; NaN if it never does."""
    if panel.when is None:
        return outcomes.end(curve, column, panel.last)
    rows = outcomes.of(curve)
    there = rows[rows[panel.when.column] <= panel.when.below]
    first = there.loc[there.groupby("seed")["iteration"].idxmin()].set_index("seed")[column]
    return first.reindex(rows["seed"].unique()).astype(float)


class Line(NamedTuple):
    """Curve of a panel, with its reference and its style."""

    name: str
    rows: pd.DataFrame
    reference: pd.DataFrame
    colour: str
    dashes: str


def _draw(axes: Axes, line: Line, panel: Panel, outcomes: Outcomes) -> None:
    curve = line.rows
    values = curve.pivot(index="iteration", columns="seed", values="value").astype(float)
    if axes.get_xscale() == "log":  # where nothing is spent yet has no place on it
        values = values[curve.groupby("iteration")[panel.x].mean() > 0]
    if panel.average == "mean":
        values = values.dropna(axis=1)  # seeds that arrived before the others
    at = curve.groupby("iteration")[panel.x].mean().reindex(values.index).astype(float)
    middle = values.mean(axis=1) if panel.average == "mean" else values.median(axis=1)
    age = largest_age(curve)
    label = labelled(drawn(line.name) + ("" if age is None else f" (D_max = {age})"), outcomes.told(line.name, values.shape[1]))
    axes.plot(at, middle, color=line.colour, linestyle=line.dashes, linewidth=1.5, label=label)
    if values.empty:
        return
    if panel.average == "median":
        low, high = values.quantile(0.25, axis=1), values.quantile(0.75, axis=1)
    else:
        other = line.reference.pivot(index="iteration", columns="seed", values="value").astype(float)
        half = half_width(values if other.empty else (values - other.reindex(values.index)).dropna(axis=1))
        low, high = middle - half, middle + half
    axes.fill_between(at, low, high, color=line.colour, alpha=0.15, linewidth=0)


def largest_age(curve: pd.DataFrame) -> int | None:
    """D_max of a curve's rows; None where there are none, or no messages."""
    aged = "max_age" in curve and len(curve) and curve["max_age"].notna().all() and curve["messages"].max()
    return int(curve["max_age"].max()) if aged else None


def half_width(values: pd.DataFrame) -> "pd.Series[float]":
    """Half the 95 % Student interval of every row's mean; NaN for a single column."""
    runs = values.shape[1]
    if runs < 2:
        return pd.Series(np.nan, values.index)
    quantile = float(stats.t.ppf(0.975, runs - 1))
    with np.errstate(over="ignore"):  # of what diverges
        half: pd.Series[float] = values.std(axis=1, ddof=1) * (quantile / np.sqrt(runs))
    return half


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
    relative_to_full_power = measure == "utility" and _has_full_power(outcomes.sound)
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


def _share(outcomes: Outcomes, name: str, reference: str | None, measure: str) -> float | None:
    """None where there is no reference, or no seed that both came through."""
    if reference is None:
        return None
    rows = outcomes.of(name)
    start = rows.loc[rows.groupby("seed")["iteration"].idxmin()].set_index("seed")[measure]
    found = (outcomes.end(name, measure) - start) / (outcomes.end(reference, measure) - start)
    return float(found.median()) if found.notna().any() else None
