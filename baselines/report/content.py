"""Parts of a report, whatever it is written as: text, tables, charts, and sentences on what cannot be shown."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from trainers.workbench.files import reading
from wirelessenv.config import ConfigError
from wirelessenv.text import one_line

Cells = dict[str, str]


class Trace(NamedTuple):
    """One line, row of points or bar of a chart."""

    name: str
    x: Sequence[Any]
    y: Sequence[Any]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    """ends of intervals; empty: none"""
    kind: str = "line"
    """line, points (with bars of errors), bars (lying), dots, or links"""


class Chart(NamedTuple):
    """Drawing of a report, with what is to be said under it."""

    title: str
    x_label: str
    y_label: str
    traces: Sequence[Trace]
    note: str = ""
    log_x: bool = False
    log_y: bool = False
    level: float | None = None
    """value of full power on the vertical axis"""
    map: bool = False
    """a unit is as long in both directions"""


class ReportTable(NamedTuple):
    """Table of a report, in rows of cells."""

    title: str
    rows: Sequence[Cells]


class DirectoryReport:
    """Everything that is known of one directory.

    Args:
        path: of the directory.
        kind: "run", "comparison", "claims" or "".
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind
        self.title, self.state = str(path), ""
        self.configuration = ""
        """YAML text"""
        self.machine: dict[str, Any] = {}
        self.charts: list[Chart] = []
        self.layouts: list[Chart] = []
        self.tables: list[ReportTable] = []
        self.faults: list[str] = []
        """sentences on what is missing or damaged"""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Context for one part: whatever is wrong with it becomes a sentence of the report, and the other parts stay.

        Args:
            name: of the part, as the sentence begins.
        """
        try:
            with reading(self.path):
                yield
        except ConfigError as error:
            if not any(fault.endswith(one_line(error)) for fault in self.faults):  # parts of one file say the same
                self.faults.append(one_line(f"{name}: {error}"))

    def as_data(self) -> dict[str, Any]:
        """The report as dicts, lists, numbers and text; what is not a finite number is null."""
        return {
            "path": str(self.path),
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "faults": self.faults,
            "machine": self.machine,
            "configuration": self.configuration,
            "tables": {table.title: list(table.rows) for table in self.tables},
            "charts": [_finite(chart) for chart in (*self.charts, *self.layouts)],
        }


def _finite(chart: Chart) -> dict[str, Any]:
    found = chart._asdict()
    found["traces"] = [
        {key: numbers(value) if key in {"x", "y", "low", "high"} else value for key, value in trace._asdict().items()}
        for trace in chart.traces
    ]
    return found


def numbers(values: Sequence[Any]) -> list[Any]:
    """Values for JSON, which knows neither infinity nor NaN: None takes their place."""
    return [None if isinstance(one, float) and not abs(one) < float("inf") else one for one in values]
