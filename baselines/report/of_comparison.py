"""Report of a comparison, finished or not."""

import math
from pathlib import Path

import pandas as pd

from baselines.comparison.comparison import Comparison
from baselines.comparison.curves import curves_of
from baselines.comparison.directory import ComparisonDirectory, tasks
from baselines.comparison.tables import relative, tables
from baselines.report.content import Chart, DirectoryReport, ReportTable, Trace
from baselines.report.shared import begin, layouts
from wirelessenv import style

_KINDS = ("trainings", "optima", "evaluations")


def of_comparison(path: Path) -> DirectoryReport:
    """Read what the directory of a comparison holds.

    Args:
        path: of the directory.

    Returns:
        The report; what cannot be read is a sentence in it.
    """
    report, directory = begin(path, "comparison"), ComparisonDirectory(path)
    with report.part("state"):
        comparison = directory.configuration()
        report.title = comparison.title or report.title
        every = [task for kind in _KINDS for task in tasks(comparison, kind)]  # type: ignore[arg-type]  # one of three
        done = sum(directory.file(comparison, task).exists() for task in every)
        now = "running" if directory.in_use() else "finished" if done == len(every) else "stopped"
        report.state = f"{now}, {done} of {len(every)} tasks done"
    with report.part("results"):
        for scenario, reached, costs in tables(directory):
            report.tables.append(ReportTable(f"{scenario}: results", reached))
            report.tables.append(ReportTable(f"{scenario}: costs", costs))
    with report.part("bars"):
        report.charts += _bars(directory.configuration(), directory.table("comparison.csv"))
    with report.part("curves"):
        report.charts += _curves(directory.configuration(), directory.table("comparison.csv"))
    with report.part("learning"):
        if (path / "learning.csv").exists() or report.state.startswith("finished"):
            report.charts += _learning(directory.table("learning.csv"))
    with report.part("layouts"):
        for name, radio in directory.configuration().scenarios.items():
            report.layouts += layouts(name, radio, [0, 1])
    return report


def _bars(comparison: Comparison, table: pd.DataFrame) -> list[Chart]:
    charts = []
    for scenario, rows in table.groupby("scenario", sort=False):
        valued = rows[rows["utility"].notna()]
        groups = [(knows, valued[valued["knows"] == knows]) for knows in style.KNOWING if (valued["knows"] == knows).any()]
        told = f"Interquartile means over {comparison.layouts} layouts, 95 % bootstrap intervals"
        traces = [_bars_of(f"knows {knows}", some) for knows, some in groups]
        charts.append(Chart(str(scenario), "utility relative to full power", "", traces, told, level=1.0))
    return charts


def _bars_of(title: str, rows: pd.DataFrame) -> Trace:
    """Bars of methods that must know the same."""
    found = {str(name): relative(some, "full_power") for name, some in rows.groupby("method", sort=False)}
    values = (
        [one.estimate for one in found.values()],
        [one.low for one in found.values()],
        [one.high for one in found.values()],
    )
    middle, low, high = ([value if math.isfinite(value) else 0.0 for value in row] for row in values)
    return Trace(title, middle, list(found), low, high, kind="bars")


def _curves(comparison: Comparison, table: pd.DataFrame) -> list[Chart]:
    charts = []
    for scenario, of_scenario in curves_of(comparison, table).items():
        for x, lines in of_scenario.items():
            traces = [
                Trace(
                    name,
                    [one.x for one in points],
                    [one.found.estimate for one in points],
                    [one.found.low for one in points],
                    [one.found.high for one in points],
                    kind="points",
                )
                for name, points in lines.items()
                if points
            ]
            charts.append(Chart(f"{scenario}: {x}", x, f"utility / {comparison.relative_to}", traces))
    return charts


def _learning(table: pd.DataFrame) -> list[Chart]:
    charts = []
    for scenario, rows in table[table["slots"] > 0].groupby("scenario", sort=False):
        traces = []
        for name, some in rows.groupby("method", sort=False):
            by_slots = some.groupby("slots")["relative"]
            middle, low, high = (by_slots.quantile(part) for part in (0.5, 0.25, 0.75))
            traces.append(Trace(str(name), middle.index.tolist(), middle.tolist(), low.tolist(), high.tolist()))
        told = "Medians and quartiles; who learns across layouts is measured on others than those of the tables"
        x_label, y_label = "slots of training, all networks", "utility relative to full power"
        charts.append(Chart(f"{scenario}: while they learn", x_label, y_label, traces, told, log_x=True, level=1.0))
    return charts
