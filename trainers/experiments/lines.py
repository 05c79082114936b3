"""Lines of a figure as numbers: means, medians and intervals of a run's curves, panel by panel, for whoever draws them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from trainers.experiments.experiment import Experiment
from trainers.experiments.figures import OF_REFERENCE, Axis, Panel, Point
from trainers.experiments.outcomes import Outcomes
from trainers.workbench.outcomes import told
from wirelessenv.arrays import Doubles

AXES: dict[Axis, str] = {
    "iteration": "iteration t",
    "slots": "channel slots",
    "simulated_seconds": "simulated time (s)",
    "bits": "bits sent, all agents",
    "wall_seconds": "training time a run (s)",
}
FULL_POWER = {"full_power": 1.0, "full_power_difference": 0.0}
"""The level of full power in a panel that is relative to it."""
AGAINST = {
    "full_power": " relative to full power",
    "full_power_difference": " minus that of full power",
    "best": " relative to the best",
    "reference": " relative to ",
    "reference_gap": " missing to ",
}
_SAME = 0.01
"""Largest relative difference of two axes that are taken to be the same."""


_NOTHING = (np.empty(0), np.empty(0), np.empty(0), np.empty(0))


class Line(NamedTuple):
    """Line of a panel: values at places, with the ends of their intervals."""

    name: str
    x: Doubles
    middle: Doubles
    low: Doubles
    high: Doubles
    said: str = ""
    """a remark on seeds that are not in it"""
    age: int | None = None
    """D_max of its messages; None where it has none"""


class Scale(NamedTuple):
    """A second horizontal axis: what its values are at places of the first."""

    label: str
    places: Doubles
    """increasing from 0"""
    values: Doubles

    def there(self, x: Any) -> Any:
        """Values of the second axis at x of the first; beyond the last place in proportion."""
        return _between(x, self.places, self.values)

    def back(self, value: Any) -> Any:
        """Places of the first axis at values of the second."""
        return _between(value, self.values, self.places)


def _between(x: Any, places: Doubles, values: Doubles) -> Any:
    inside = np.interp(x, places, values)
    ends = values[1] / places[1], values[-1] / places[-1]
    return np.where(x > places[-1], x * ends[1], np.where(x < places[1], x * ends[0], inside))


class PanelLines(NamedTuple):
    """Everything that is drawn in a panel."""

    panel: Panel
    lines: tuple[Line, ...]
    x_label: str
    y_label: str
    errors: str
    """a sentence on the lines, and the bands or bars about them"""
    level: float | None = None
    """value of full power on the vertical axis"""
    second: Scale | None = None


def lines_of(panel: Panel, experiment: Experiment, outcomes: Outcomes) -> PanelLines:
    """Compute what a panel shows.

    Args:
        panel: of the experiment.
        experiment: of the run.
        outcomes: of the run.

    Returns:
        Its lines, with labels in plain text.
    """
    return _points(panel, experiment, outcomes) if panel.points else _curves(panel, experiment, outcomes)


def without_copies(panels: Sequence[PanelLines]) -> list[PanelLines]:
    """Leave out panels that show the lines of another one with another scale under them: that one gets a second axis.

    Args:
        panels: of one figure.

    Returns:
        Those that show something of their own.
    """
    kept: list[PanelLines] = []
    for panel in panels:
        for place, other in enumerate(kept):
            scale = None if other.second else _scale(other, panel)
            if scale is not None:
                kept[place] = other._replace(second=scale)
                break
        else:
            kept.append(panel)
    return kept


def _scale(one: PanelLines, other: PanelLines) -> Scale | None:
    """The horizontal axis of `other` as a function of that of `one`, if it is the same for all lines; else None."""
    if one.panel.points or other.panel.points or one.y_label != other.y_label or one.panel.y_range != other.panel.y_range:
        return None
    if one.x_label == other.x_label or [line.name for line in one.lines] != [line.name for line in other.lines]:
        return None
    pairs = []
    for first, second in zip(one.lines, other.lines, strict=True):
        shared = min(len(first.x), len(second.x))  # a logarithmic axis lacks what is at 0
        left = [len(line.x) - shared for line in (first, second)]
        if max(left) > 1 or not np.array_equal(first.middle[left[0] :], second.middle[left[1] :]):
            return None
        x, theirs = first.x[left[0] :], second.x[left[1] :]
        pairs.append((x[x > 0], theirs[x > 0]))
    x, theirs = max(pairs, key=lambda pair: len(pair[0]), default=(np.empty(0),) * 2)
    if not x.size or not np.isfinite(theirs).all() or (theirs <= 0).any() or (np.diff(theirs) <= 0).any():
        return None
    scale = Scale(other.x_label, np.append(0, x), np.append(0, theirs))
    same = all(np.allclose(scale.there(places), values, rtol=_SAME) for places, values in pairs)
    return scale if same else None


def _curves(panel: Panel, experiment: Experiment, outcomes: Outcomes) -> PanelLines:
    names, reference = panel.curves or tuple(experiment.curves), panel.reference or experiment.reference
    metrics = outcomes.sound
    shown = metrics[metrics["curve"].isin(names) | (metrics["curve"] == reference)].copy()
    column = panel.y or experiment.measure
    level = FULL_POWER.get(panel.relative_to) if column == "utility" and has_full_power(shown) else None
    shown["value"] = _values(shown, panel, column, level, reference)
    theirs = shown[shown["curve"] == reference]
    found = tuple(_curve(name, shown[shown["curve"] == name], theirs, panel, outcomes) for name in names)
    against = "" if level is None and panel.relative_to in FULL_POWER else AGAINST[panel.relative_to]
    against += str(reference) if panel.relative_to in OF_REFERENCE else ""
    y_label = panel.y_label or column.replace("_", " ") + against
    errors = "medians; bands: quartiles"
    if panel.average == "mean":
        paired = " of the paired difference to " + str(reference) if not theirs.empty else ""
        errors = f"means; bands: 95 % intervals{paired}"
    errors = f"Lines: {errors}, over {len(experiment.seeds)} seeds"
    return PanelLines(panel, found, panel.x_label or AXES[panel.x], y_label, errors, level)


def _values(shown: pd.DataFrame, panel: Panel, column: str, level: float | None, reference: str | None) -> "pd.Series[float]":
    """The column as the panel has it: relative to something, or as it is."""
    found: pd.Series[float] = shown[column]
    if level is not None:
        full: pd.Series[float] = shown["full_power_utility"]
        against: pd.Series[float] = found / full if level == 1 else found - full
        return against
    if panel.relative_to == "best":
        best: pd.Series[float] = found / shown.groupby("seed")[column].transform("max")
        return best
    if panel.relative_to in OF_REFERENCE:
        keys = ["seed", "iteration"]
        theirs = shown[shown["curve"] == reference].set_index(keys)[column]
        ratio: pd.Series[float] = found / shown.set_index(keys).index.map(theirs.to_dict()).to_numpy(float)
        return ratio if panel.relative_to == "reference" else 1 - ratio
    return found


def has_full_power(metrics: pd.DataFrame) -> bool:
    """True where every row has the utility of full power."""
    return "full_power_utility" in metrics and bool(metrics["full_power_utility"].notna().all())


def _curve(name: str, curve: pd.DataFrame, reference: pd.DataFrame, panel: Panel, outcomes: Outcomes) -> Line:
    values = curve.pivot(index="iteration", columns="seed", values="value").astype(float)
    if panel.log_x:  # where nothing is spent yet has no place on it
        values = values[curve.groupby("iteration")[panel.x].mean() > 0]
    if panel.average == "mean":
        values = values.dropna(axis=1)  # seeds that arrived before the others
    at = curve.groupby("iteration")[panel.x].mean().reindex(values.index).astype(float)
    said, age = outcomes.told(name, values.shape[1]), largest_age(curve)
    if values.empty:
        return Line(name, *_NOTHING, said, age)
    if panel.average == "median":
        middle, low, high = values.median(axis=1), values.quantile(0.25, axis=1), values.quantile(0.75, axis=1)
    else:
        middle = values.mean(axis=1)
        other = reference.pivot(index="iteration", columns="seed", values="value").astype(float)
        half = half_width(values if other.empty else (values - other.reindex(values.index)).dropna(axis=1))
        low, high = middle - half, middle + half
    return Line(
        name, np.asarray(at, float), np.asarray(middle, float), np.asarray(low, float), np.asarray(high, float), said, age
    )


def _points(panel: Panel, experiment: Experiment, outcomes: Outcomes) -> PanelLines:
    """Lines through the mean ends of curves, with 95 % intervals over seeds; what did not get there has no point."""
    column = panel.y or experiment.measure
    found = tuple(_point_line(name, points, panel, experiment, outcomes) for name, points in panel.points.items())
    errors = f"Points: means; bars: 95 % intervals, over {len(experiment.seeds)} seeds"
    return PanelLines(panel, found, panel.x_label, panel.y_label or column.replace("_", " "), errors)


def _point_line(name: str, points: Sequence[Point], panel: Panel, experiment: Experiment, outcomes: Outcomes) -> Line:
    column = panel.y or experiment.measure
    ends = [_of_point(outcomes, panel, point, experiment, point.y or column) for point in points]
    there = [(point.x, last) for point, last in zip(points, ends, strict=True) if len(last) and last.notna().all()]
    diverged = [at for point in points for at in outcomes.diverged(point.curve)]
    every = len(points) * len(experiment.seeds)
    if not there:
        return Line(name, *_NOTHING, told(0, every, diverged) if diverged else "never")
    at, middle = np.array([x for x, _ in there], float), np.array([last.mean() for _, last in there])
    half = np.array([float(half_width(last.to_frame().T).iloc[0]) if len(last) > 1 else 0.0 for _, last in there])
    return Line(name, at, middle, middle - half, middle + half, told(every - len(diverged), every, diverged))


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


def columns_of(panels: Sequence[Panel], experiment: Experiment) -> Iterator[str]:
    """The columns of metrics.csv that panels speak of.

    Args:
        panels: of the experiment.
        experiment: of the run.

    Yields:
        Names of columns; one may come twice.
    """
    for panel in panels:
        yield panel.y or experiment.measure
        yield from (point.y for line in panel.points.values() for point in line if point.y)
        yield from () if panel.points else (panel.x,)
        yield from () if panel.when is None else (panel.when.column,)


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
