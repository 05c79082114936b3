"""A comparison's curves: utilities of methods over what they differ in, as a table and as a figure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.tables import amount, relative, with_interval
from trainers.workbench.drawing import COLOURS, DASHES, save, title
from trainers.workbench.files import write_atomically
from trainers.workbench.intervals import Interval
from trainers.workbench.terminal import markdown_table
from wirelessenv.text import drawn, one_line


class Place(NamedTuple):
    """A point of a curve: where it stands, and the utility there."""

    x: float
    found: Interval


def write_curves(directory: ComparisonDirectory) -> list[Path]:
    """Write the curves as a page and as a figure, and a page of all methods on all scenarios.

    Args:
        directory: of a comparison, with its table.

    Returns:
        The paths; no curves where the comparison has none, no page of all scenarios where it has one.
    """
    comparison, table, paths = directory.configuration(), directory.table("comparison.csv"), []
    if comparison.curves:
        found = {name: _of_scenario(comparison, table[table["scenario"] == name]) for name in comparison.scenarios}
        lines = [
            line
            for scenario, curves in found.items()
            for x, of_lines in curves.items()
            for line in ("", f"**{one_line(scenario)}: {one_line(x)}**", "", *markdown_table(list(_rows(x, of_lines))))
        ]
        paths += [_page(directory, "curves", lines[1:]), *save(_figure(comparison, found), directory.path, "curves")]
    if len(comparison.scenarios) > 1:
        paths.append(_page(directory, "scenarios", markdown_table(list(_on_all(comparison, table)))))
    return paths


def _page(directory: ComparisonDirectory, name: str, lines: list[str]) -> Path:
    write_atomically(directory.path / f"{name}.md", ("\n".join(lines) + "\n").encode())
    return directory.path / f"{name}.md"


def _on_all(comparison: Comparison, table: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A row for each method, a column for each scenario."""
    found = {name: _relative(comparison, table[table["scenario"] == name]) for name in comparison.scenarios}
    for method in comparison.methods:
        ratios = {name: places.get(method) for name, places in found.items()}
        yield {"method": method} | {name: "" if one is None else with_interval(one.found) for name, one in ratios.items()}


Lines = dict[str, list[Place]]


def _relative(comparison: Comparison, rows: pd.DataFrame) -> dict[str, Place]:
    """By method, its bits a slot, and its utility over that of the method that curves are relative to."""
    reference = rows[rows["method"] == comparison.relative_to].groupby("layout")["utility"].mean()
    rows = rows.assign(reference_utility=rows["layout"].map(reference))
    methods = {str(name): some for name, some in rows[rows["utility"].notna()].groupby("method", sort=False)}
    return {name: Place(float(some["bits_a_slot"].iloc[0]), relative(some, "reference")) for name, some in methods.items()}


def _of_scenario(comparison: Comparison, rows: pd.DataFrame) -> dict[str, Lines]:
    """By curve and line, points in order of x."""
    at = _relative(comparison, rows)
    return {
        x: {
            line: sorted(
                (at[one.method] if one.x is None else at[one.method]._replace(x=one.x) for one in points if one.method in at),
                key=lambda place: place.x,
            )
            for line, points in lines.items()
        }
        for x, lines in comparison.curves.items()
    }


def _rows(x: str, lines: Lines) -> Iterator[dict[str, str]]:
    """A row for each x, a column for each line."""
    for place in sorted({one.x for points in lines.values() for one in points}):
        shown = amount(place) if place >= 1000 else f"{place:g}"
        here = {line: [with_interval(one.found) for one in points if one.x == place] for line, points in lines.items()}
        yield {x: shown} | {line: "; ".join(found) for line, found in here.items()}


def _figure(comparison: Comparison, found: dict[str, dict[str, Lines]]) -> Figure:
    """A row of panels for each scenario, a column for each curve."""
    columns = len(comparison.curves)
    figure = Figure(figsize=(3.2 * columns + 0.6, 3.1 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), columns, squeeze=False, sharey="row")
    names = list(dict.fromkeys(line for lines in comparison.curves.values() for line in lines))
    for row, (scenario, curves) in zip(axes, found.items(), strict=True):
        for panel, (x, lines) in zip(row, curves.items(), strict=True):
            for line, points in ((line, points) for line, points in lines.items() if points):  # all may have diverged
                place = names.index(line)
                style: dict[str, Any] = {
                    "color": COLOURS[place % len(COLOURS)],
                    "linestyle": DASHES[place // len(COLOURS) % len(DASHES)],
                }
                _line(panel, points, label=drawn(line), **style)
            panel.set_xlabel(drawn(x))
            panel.grid(alpha=0.2)
            if max((one.x for points in lines.values() for one in points), default=0) >= 1000:
                panel.set_xscale("log")
        row[0].set_ylabel(f"{drawn(scenario)}: utility / {drawn(comparison.relative_to)}")
    handles = {name: handle for panel in axes.flat for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    figure.suptitle(title(comparison.title), fontsize="medium")
    return figure


def _line(panel: Axes, points: list[Place], **style: Any) -> None:
    x, middle = [one.x for one in points], np.array([one.found.estimate for one in points])
    low, high = np.array([[one.found.low, one.found.high] for one in points]).T
    panel.errorbar(x, middle, yerr=np.nan_to_num([middle - low, high - middle], posinf=0), marker="o", markersize=3, **style)
