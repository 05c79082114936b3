"""A comparison's curves: utilities of methods over what they differ in, as a table and as a figure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.tables import amount, relative, with_interval
from trainers.workbench.axes import share, tick_at, tick_plainly
from trainers.workbench.drawing import Labelled, head, label, legends, panels, save, styled
from trainers.workbench.files import write_atomically
from trainers.workbench.intervals import Interval
from trainers.workbench.terminal import markdown_table
from wirelessenv import style
from wirelessenv.text import drawn, one_line

MOST_COLUMNS = 4


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
        found = curves_of(comparison, table)
        lines = [
            line
            for scenario, curves in found.items()
            for x, of_lines in curves.items()
            for line in ("", f"**{one_line(scenario)}: {one_line(x)}**", "", *markdown_table(list(_rows(x, of_lines))))
        ]
        with styled():
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
    """Bits a slot of each method, and its utility over that of the method that curves are relative to, by method."""
    reference = rows[rows["method"] == comparison.relative_to].groupby("layout")["utility"].mean()
    rows = rows.assign(reference_utility=rows["layout"].map(reference))
    methods = {str(name): some for name, some in rows[rows["utility"].notna()].groupby("method", sort=False)}
    return {name: Place(float(some["bits_a_slot"].iloc[0]), relative(some, "reference")) for name, some in methods.items()}


def curves_of(comparison: Comparison, table: pd.DataFrame) -> dict[str, dict[str, Lines]]:
    """Compute the curves of a comparison.

    Args:
        comparison: with its curves.
        table: of comparison.csv.

    Returns:
        By scenario, curve and line, points in order of x.
    """
    return {name: _of_scenario(comparison, table[table["scenario"] == name]) for name in comparison.scenarios}


def _of_scenario(comparison: Comparison, rows: pd.DataFrame) -> dict[str, Lines]:
    """Points in order of x, by curve and line."""
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
    """Panels of each curve, up to four in a row, block by block of each scenario."""
    columns = min(len(comparison.curves), MOST_COLUMNS)
    rows = -(-len(comparison.curves) // columns)
    figure, every = panels(len(found) * rows * columns, columns, 1.9)
    names = list(dict.fromkeys(line for lines in comparison.curves.values() for line in lines))
    axes, scenarios, entries = [], [], Labelled()
    for block, (scenario, curves) in enumerate(found.items()):
        free = every[block * rows * columns : (block + 1) * rows * columns]
        for panel, (x, lines) in zip(free, curves.items(), strict=False):
            apart = {line for line, points in comparison.curves[x].items() if any(one.x is None for one in points)}
            entries = _panel(panel, lines, names, apart) | entries
            label(panel, x, f"utility / {comparison.relative_to}")
            axes.append(panel)
            scenarios.append(scenario)
        for panel in free[len(curves) :]:
            panel.remove()
    share(axes, scenarios, "y", squeezed=True)
    head(axes, [name if place == scenarios.index(name) else "" for place, name in enumerate(scenarios)], comparison.title)
    told = f"Points: interquartile means over {comparison.layouts} layouts; bars: 95 % bootstrap intervals"
    legends(axes, [{name: entries[name] for name in map(drawn, names) if name in entries}] * len(axes), told)
    return figure


def _panel(panel: Axes, lines: Lines, names: list[str], apart: set[str]) -> Labelled:
    """Draw the lines of a curve; those of methods that differ in more than x are points apart."""
    places = [one.x for points in lines.values() for one in points]
    if max(places, default=0) >= 1000:
        panel.set_xscale("log")
    entries = {
        drawn(name): _line(panel, points, names.index(name), joined=name not in apart)
        for name, points in lines.items()
        if points
    }
    tick_plainly(panel)  # some lines may have no point: all trainings diverged
    if panel.get_xscale() == "linear" and all(float(x).is_integer() for x in places):
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if places:
        tick_at(panel, np.array(places))
    return entries


def _line(panel: Axes, points: list[Place], place: int, *, joined: bool) -> Any:
    x, middle = [one.x for one in points], np.array([one.found.estimate for one in points])
    low, high = np.array([[one.found.low, one.found.high] for one in points]).T
    errors = np.nan_to_num([middle - low, high - middle], posinf=0)
    colour, dashes, marker = style.line(place)
    look: dict[str, Any] = {
        "color": colour,
        "linestyle": dashes if joined else "none",
        "marker": marker,
        "markerfacecolor": "white",
    }
    return panel.errorbar(x, middle, yerr=errors, elinewidth=0.8, markersize=3.5, **look)
