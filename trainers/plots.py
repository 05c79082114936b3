"""Figures and tables of a run, from its directory alone."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from trainers.experiment import Axis, Experiment, Panel
from trainers.run_directory import RunDirectory
from trainers.storage import write_atomically

matplotlib.use("Agg")

AXES: dict[Axis, str] = {
    "iteration": "iteration t",
    "slots": "channel slots",
    "simulated_seconds": "simulated time (s)",
    "bits": "bits sent, all agents",
    "wall_seconds": "training time a run (s)",
}
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind


def plot(path: str | Path, x: Axis | None = None) -> list[Path]:
    """Draw figure.png and figure.pdf of a run directory, panel by panel; returns their paths.

    Each line is the mean over layouts of utility / full-power utility (of the utility itself where there is no full
    power), or of the utility / the panel's best on the same layout (`relative_to: best`). The band about a curve is the
    95 % interval (Student) of its mean paired difference to the reference: where the reference's line is outside it, the
    two differ. Without a reference it is the interval of the mean itself, which is paired with full power. `x` replaces
    every panel's own axis.
    """
    directory = RunDirectory(path)
    experiment, metrics = directory.experiment(), directory.metrics()
    panels = experiment.panels if x is None else [panel.model_copy(update={"x": x}) for panel in experiment.panels]
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(6.4 * columns**0.8, 4.2 * rows**0.9), layout="constrained")
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, place)
        _draw_panel(axes, panel, experiment, metrics)
    figure.suptitle(experiment.title, fontsize="medium")
    paths = []
    for kind in ("png", "pdf"):
        target = directory.path / f"figure.{kind}"
        beside = directory.path / f"figure.part.{kind}"
        figure.savefig(beside, dpi=160, metadata={"CreationDate": None} if kind == "pdf" else None)
        write_atomically(target, beside.read_bytes())
        beside.unlink()
        paths.append(target)
    return paths


def _draw_panel(axes: Axes, panel: Panel, experiment: Experiment, metrics: pd.DataFrame) -> None:
    names, reference = panel.curves or tuple(experiment.curves), panel.reference or experiment.reference
    shown = metrics[metrics["curve"].isin(names) | (metrics["curve"] == reference)].copy()
    full_power = panel.relative_to == "full_power" and bool(shown["full_power_utility"].notna().all())
    if full_power:
        shown["value"] = shown["utility"] / shown["full_power_utility"]
    elif panel.relative_to == "best":
        shown["value"] = shown["utility"] / shown.groupby("seed")["utility"].transform("max")
    else:
        shown["value"] = shown["utility"]
    if panel.log_x:
        axes.set_xscale("log")
    for colour, name in zip(COLOURS * len(names), names, strict=False):
        if name in set(shown["curve"]):
            _draw(axes, shown[shown["curve"] == name], shown[shown["curve"] == reference], panel.x, colour)
    if full_power:
        axes.axhline(1, color="grey", linewidth=0.8, linestyle=":", label="full power")
    axes.set_xlabel(AXES[panel.x])
    against = "full power" if full_power else "the best" if panel.relative_to == "best" else ""
    axes.set_ylabel(f"utility relative to {against}" if against else "utility")
    axes.set_title(panel.title, fontsize="small")
    axes.grid(alpha=0.2)
    axes.legend(frameon=False, fontsize="small")


def _draw(axes: Axes, curve: pd.DataFrame, reference: pd.DataFrame, x: str, colour: str) -> None:
    values = curve.pivot(index="iteration", columns="seed", values="value")
    if axes.get_xscale() == "log":  # where nothing is spent yet has no place on it
        values = values[curve.groupby("iteration")[x].mean() > 0]
    at = curve.groupby("iteration")[x].mean().reindex(values.index)
    mean, name = values.mean(axis=1), curve["curve"].iloc[0]
    label = f"{name} ($D_{{max}}$ = {curve['max_age'].max()})" if curve["messages"].max() else name
    axes.plot(at, mean, color=colour, linewidth=1.5, label=label)
    other = reference.pivot(index="iteration", columns="seed", values="value")
    half = half_width(values if other.empty else values - other.reindex(values.index))
    axes.fill_between(at, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)


def half_width(values: pd.DataFrame) -> "pd.Series[float]":
    """Half the 95 % Student interval of every row's mean; NaN for a single column."""
    runs = values.shape[1]
    quantile = float(stats.t.ppf(0.975, max(runs - 1, 1)))
    half: pd.Series[float] = values.std(axis=1, ddof=1) * (quantile / np.sqrt(runs))
    return half


def summary(path: str | Path) -> list[dict[str, Any]]:
    """The last evaluation of every curve: curve, D_max, relative utility with its interval, share of the reference's gain.

    The share is (end - start) / (reference's end - start), the median over layouts: paired by layout, and not ruled by
    those where the reference gains next to nothing.
    """
    directory = RunDirectory(path)
    experiment, metrics = directory.experiment(), directory.metrics()
    ends = {name: _ends(metrics, name) for name in experiment.curves}
    rows = []
    for name, (start, end, full_power) in ends.items():
        relative = end / full_power if full_power.notna().all() else end
        half = float(half_width(relative.to_frame().T).iloc[0])
        share = None
        if experiment.reference is not None:
            best = ends[experiment.reference][1]
            share = float(((end - start) / (best - start)).median())
        curve = metrics[metrics["curve"] == name]
        age = int(curve["max_age"].max()) if curve["messages"].max() else None
        rows.append({"curve": name, "D_max": age, "relative": float(relative.mean()), "half_width": half, "share": share})
    return rows


def _ends(metrics: pd.DataFrame, name: str) -> tuple["pd.Series[float]", "pd.Series[float]", "pd.Series[float]"]:
    """(utility at the start, utility at the end, full-power utility) of a curve, by seed."""
    curve = metrics[metrics["curve"] == name]
    first, last = curve[curve["iteration"] == curve["iteration"].min()], curve[curve["iteration"] == curve["iteration"].max()]
    by_seed = [part.set_index("seed")[column] for part, column in ((first, "utility"), (last, "utility"))]
    return by_seed[0], by_seed[1], last.set_index("seed")["full_power_utility"]
