"""A comparison's figures, from its directory alone."""

import math
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
from trainers.workbench.axes import share
from trainers.workbench.drawing import Labelled, curve_look, head, label, legends, panels, save, styled
from trainers.workbench.outcomes import labelled
from wirelessenv import style
from wirelessenv.text import drawn

LEAST_RATE = 1e-3
"""bit/s/Hz: a user with less has nothing."""


def draw(directory: ComparisonDirectory) -> list[Path]:
    """Draw bars, cdf and learning as PNG and PDF; returns the paths. Learning is drawn only where a method has learned."""
    with styled():
        figures = {"bars": _bars(directory), "cdf": _cdfs(directory)}
        if len(learning := directory.table("learning.csv")):
            figures["learning"] = _learning(directory.configuration(), learning)
        return [path for name, figure in figures.items() for path in save(figure, directory.path, name)]


def _label(rows: pd.DataFrame, method: str, comparison: Comparison) -> str:
    """A method's name, with a remark on those of its trainings that diverged."""
    return labelled(drawn(method), said(rows, comparison.methods[method]))


def _bars(directory: ComparisonDirectory) -> Figure:
    """Utility relative to full power with its interval, a bar for each method, from the largest to the smallest."""
    comparison, table = directory.configuration(), directory.table("comparison.csv")
    count = len(comparison.scenarios)
    figure, axes = panels(count, height=0.9 + 0.19 * len(comparison.methods))
    if count == 1:
        figure.set_size_inches(5.2, 0.9 + 0.19 * len(comparison.methods))
    for panel, scenario in zip(axes, comparison.scenarios, strict=True):
        _bars_of(panel, table[table["scenario"] == scenario], comparison)
    head(axes, list(comparison.scenarios), comparison.title)
    told = f"Interquartile means over {comparison.layouts} layouts; lines: 95 % bootstrap intervals"
    legends(axes, [_knowing(table)] * count, told)
    return figure


def _bars_of(axes: Axes, rows: pd.DataFrame, comparison: Comparison) -> None:
    methods = [(str(name), some) for name, some in rows.groupby("method", sort=False)]
    found = {name: relative(some, "full_power") for name, some in methods if some["utility"].notna().any()}
    methods.sort(key=lambda one: -found[one[0]].estimate if one[0] in found else math.inf)
    for place, (name, some) in enumerate(methods):
        if name not in found:
            continue
        one, knows = found[name], str(some["knows"].iloc[0])
        error = [[one.estimate - one.low], [one.high - one.estimate]] if np.isfinite(one.low) else None
        hatch = "////" if some["trained"].iloc[0] == "this layout" else None
        axes.barh(place, one.estimate, xerr=error, height=0.7, error_kw={"elinewidth": 1}, hatch=hatch, **_look(knows))
    axes.set_yticks(range(len(methods)), [_label(some, name, comparison) for name, some in methods])
    axes.set_ylim(len(methods) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.axvline(1, color=style.DARK, linewidth=0.8, linestyle=":")
    label(axes, "utility relative to full power (dotted)", "")


def _look(knows: str) -> dict[str, Any]:
    return {"facecolor": style.KNOWING[knows], "edgecolor": style.DARK, "linewidth": 0.5}


def _knowing(table: pd.DataFrame) -> Labelled:
    there: Labelled = {f"knows {knows}": Patch(**_look(knows)) for knows in style.KNOWING if (table["knows"] == knows).any()}
    if (table["trained"] == "this layout").any():
        there["trained on this layout"] = Patch(facecolor="white", edgecolor=style.DARK, hatch="////", linewidth=0.5)
    return there


def _cdfs(directory: ComparisonDirectory) -> Figure:
    comparison, table = directory.configuration(), directory.table("comparison.csv")
    figure, axes = panels(len(comparison.scenarios))
    scenarios = list(comparison.scenarios)
    entries = [_cdf(panel, name, directory, table) for panel, name in zip(axes, scenarios, strict=True)]
    share(axes, ["rate"] * len(axes), "x")
    head(axes, scenarios, comparison.title)
    legends(axes, entries, f"Users of all {comparison.layouts} layouts")
    return figure


def _cdf(axes: Axes, scenario: str, directory: ComparisonDirectory, table: pd.DataFrame) -> Labelled:
    """The share of users, of all layouts, whose mean rate is at most x."""
    comparison, largest, entries = directory.configuration(), LEAST_RATE, Labelled()
    for place, name in enumerate(comparison.methods):
        rates = directory.rates(comparison, scenario, name)
        rates = np.sort(rates[~np.isnan(rates)])
        shares = (np.arange(len(rates)) + 1) / max(len(rates), 1)
        rows = table[(table["scenario"] == scenario) & (table["method"] == name)]
        at = np.maximum(rates, LEAST_RATE / 2)
        (entries[_label(rows, name, comparison)],) = axes.step(at, shares, where="post", **curve_look(place))
        largest = max([largest, *rates[-1:]])
    axes.set_xscale("log")
    axes.set_xlim(LEAST_RATE, 1.3 * largest)
    axes.set_ylim(0, 1)
    label(axes, "mean rate of a user (bit/s/Hz)", "share of users")
    return entries


def _learning(comparison: Comparison, learning: pd.DataFrame) -> Figure:
    """Utility relative to full power over slots of training, a panel for what the methods must know."""
    names = dict.fromkeys(zip(learning["scenario"], learning["method"], strict=True))
    groups: dict[tuple[str, str], list[str]] = {}
    for knows in reversed(style.KNOWING):
        for scenario, method in names:
            if comparison.methods[method].knows == knows:
                groups.setdefault((str(scenario), knows), []).append(str(method))
    figure, axes = panels(len(groups))
    several = len(comparison.scenarios) > 1
    entries = [
        _learning_of(panel, learning[learning["scenario"] == scenario], methods)
        for panel, ((scenario, _), methods) in zip(axes, groups.items(), strict=True)
    ]
    for which in ("x", "y"):
        share(axes, ["learning"] * len(axes), which, squeezed=True)
    head(axes, [f"{scenario}: knows {knows}" if several else f"knows {knows}" for scenario, knows in groups], comparison.title)
    told = (
        "Lines: medians; bands: quartiles, over trainings, or over layouts where each is trained on.\nWho learns across "
        "layouts is measured on other layouts than those of the tables, on which more or less can be gained."
    )
    legends(axes, entries, told)
    return figure


def _learning_of(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> Labelled:
    training = rows.groupby(["method", "seed", "layout"], dropna=False)["relative"]
    rows = rows[training.transform(lambda values: values.notna().all())]  # of those that came through
    entries = Labelled()
    for place, name in enumerate(methods):
        some = rows[(rows["method"] == name) & (rows["slots"] > 0)]
        by_slots = some.groupby("slots")["relative"]
        middle, low, high = by_slots.median(), by_slots.quantile(0.25), by_slots.quantile(0.75)
        look = curve_look(place)
        (entries[drawn(name)],) = axes.plot(middle.index, middle, **look)
        axes.fill_between(middle.index, low, high, color=look["color"], alpha=0.1, linewidth=0)
    entries[FULL_POWER] = axes.axhline(1, color=style.GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    if (rows["slots"] > 0).any():  # else all have diverged
        axes.set_xscale("log")
    label(axes, "slots of training, all networks", "utility relative to full power")
    return entries
