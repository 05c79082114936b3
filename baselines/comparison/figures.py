"""A comparison's figures, from its directory alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from baselines.comparison.comparison import FULL_POWER, Comparison
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.tables import relative, said
from trainers.workbench.drawing import COLOURS, DASHES, save, title
from trainers.workbench.outcomes import labelled
from wirelessenv.text import drawn

KNOWING = {"nothing": "#999999", "own channel": "#56b4e9", "neighbours": "#009e73", "everything": "#0072b2"}
"""Colours by what must be known."""
LEAST_RATE = 1e-3
"""bit/s/Hz: a user with less has nothing."""


def draw(directory: ComparisonDirectory) -> list[Path]:
    """Draw bars, cdf and learning as PNG and PDF; returns the paths. Learning is drawn only where a method has learned."""
    comparison = directory.configuration()
    table, learning = directory.table("comparison.csv"), directory.table("learning.csv")
    bars = _panels(comparison, 1.9 + 0.27 * len(comparison.methods), lambda axes, name: _bars(axes, name, table, comparison))
    _bars_legend(bars, table)
    paths = save(bars, directory.path, "bars")
    paths += save(_panels(comparison, 4.6, lambda axes, name: _cdf(axes, name, directory, table)), directory.path, "cdf")
    if len(learning):
        paths += save(_panels(comparison, 4.6, lambda axes, name: _learning(axes, name, learning)), directory.path, "learning")
    return paths


def _panels(comparison: Comparison, height: float, one: Callable[[Axes, str], None]) -> Figure:
    """A figure with a panel for each scenario."""
    count = len(comparison.scenarios)
    figure = Figure(figsize=(7.6 if count == 1 else 5.6 * count, height), layout="constrained")
    for place, scenario in enumerate(comparison.scenarios, 1):
        axes = figure.add_subplot(1, count, place)
        one(axes, scenario)
        axes.set_title(title(scenario), fontsize="small")
        axes.grid(alpha=0.2)
    figure.suptitle(title(comparison.title), fontsize="medium")
    return figure


def _label(scenario: str, method: str, table: pd.DataFrame, comparison: Comparison) -> str:
    """A method's name, with a remark on those of its trainings that diverged."""
    rows = table[(table["scenario"] == scenario) & (table["method"] == method)]
    return labelled(drawn(method), said(rows, comparison.methods[method]))


def _bars(axes: Axes, scenario: str, table: pd.DataFrame, comparison: Comparison) -> None:
    """Utility relative to full power with its interval, a bar for each method, coloured by what it must know."""
    rows = table[table["scenario"] == scenario]
    methods = [(str(name), some) for name, some in rows.groupby("method", sort=False)]
    for place, (_, some) in enumerate(methods):
        if some["utility"].isna().all():
            continue
        found, knows = relative(some, "full_power"), str(some["knows"].iloc[0])
        error = [[found.estimate - found.low], [found.high - found.estimate]] if np.isfinite(found.low) else None
        drawn = axes.barh(place, found.estimate, xerr=error, color=KNOWING[knows], height=0.7, error_kw={"linewidth": 1})
        if some["trained"].iloc[0] == "this layout":
            drawn[0].set_hatch("///")
            drawn[0].set_edgecolor("white")
    labels = [_label(scenario, name, table, comparison) for name, _ in methods]
    axes.set_yticks(range(len(methods)), labels, fontsize="small")
    axes.set_ylim(-0.6, len(methods) - 0.4)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("utility relative to full power")


def _bars_legend(figure: Figure, table: pd.DataFrame) -> None:
    handles = [Patch(color=KNOWING[knows], label=f"knows {knows}") for knows in KNOWING if (table["knows"] == knows).any()]
    if (table["trained"] == "this layout").any():
        handles.append(Patch(facecolor="lightgrey", hatch="///", edgecolor="white", label="trained on this layout"))
    columns = 3 if table["scenario"].nunique() == 1 else len(handles)
    figure.legend(handles=handles, frameon=False, fontsize="small", loc="outside lower center", ncols=columns)


def _styles(names: list[str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place // len(COLOURS) % len(DASHES)]}
        for place, name in enumerate(names)
    }


def _cdf(axes: Axes, scenario: str, directory: ComparisonDirectory, table: pd.DataFrame) -> None:
    """The share of users, of all layouts, whose mean rate is at most x."""
    comparison, largest = directory.configuration(), LEAST_RATE
    for name, style in _styles(list(comparison.methods)).items():
        rates = directory.rates(comparison, scenario, name)
        rates = np.sort(rates[~np.isnan(rates)])
        shares = (np.arange(len(rates)) + 1) / max(len(rates), 1)
        label = _label(scenario, name, table, comparison)
        axes.step(np.maximum(rates, LEAST_RATE / 2), shares, where="post", label=label, linewidth=1.3, **style)
        largest = max([largest, *rates[-1:]])
    axes.set_xscale("log")
    axes.set_xlim(LEAST_RATE, 1.3 * largest)
    axes.set_xlabel("mean rate of a user (bit/s/Hz)")
    axes.set_ylabel("share of users")
    axes.set_ylim(0, 1)
    _beside(axes)


def _learning(axes: Axes, scenario: str, learning: pd.DataFrame) -> None:
    """Utility relative to full power over slots of training: median, and quartiles over trainings or layouts."""
    rows = learning[learning["scenario"] == scenario]
    training = rows.groupby(["method", "seed", "layout"], dropna=False)["relative"]
    rows = rows[training.transform(lambda values: values.notna().all())]  # of those that came through
    names = [str(name) for name in dict.fromkeys(rows["method"])]
    for name, style in _styles(names).items():
        some = rows[(rows["method"] == name) & (rows["slots"] > 0)]
        by_slots = some.groupby("slots")["relative"]
        middle, low, high = by_slots.median(), by_slots.quantile(0.25), by_slots.quantile(0.75)
        axes.plot(middle.index, middle, label=drawn(name), linewidth=1.3, **style)
        axes.fill_between(middle.index, low, high, color=style["color"], alpha=0.08, linewidth=0)
    axes.axhline(1, color="grey", linewidth=0.8, linestyle=":", label=FULL_POWER)
    axes.set_xscale("log")
    axes.set_xlabel("slots of training, all networks")
    axes.set_ylabel("utility relative to full power (median, quartiles)")
    _beside(axes)


def _beside(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
