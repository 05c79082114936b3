"""Work of the command that reports, once its options are read."""

import json
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from baselines.comparison.directory import ComparisonDirectory
from baselines.report.content import DirectoryReport
from baselines.report.of_claims import TABLE, of_claims
from baselines.report.of_comparison import of_comparison
from baselines.report.of_run import of_run
from trainers.workbench.files import read_file, write_atomically
from wirelessenv.command_line import writing
from wirelessenv.config import ConfigError
from wirelessenv.extras import require
from wirelessenv.text import one_line

ENDINGS = {"html": "html", "json": "json", "latex": "tex"}
EVERY = 5.0
"""Seconds between two looks at directories that are watched."""


def report_command(chosen: Namespace) -> int:
    """Write a report of directories; with --watch again and again, until nobody works there."""
    paths = [Path(one) for one in chosen.directory]
    if chosen.watch and chosen.format != "html":
        raise ConfigError(f"--watch: {chosen.format} is not valid: a page in HTML alone is kept up to date")
    folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else Path()
    out = Path(chosen.out or folder / f"report.{ENDINGS[chosen.format]}")
    while True:
        reports = [read(path) for path in paths]
        going_on = chosen.watch and any(report.state.startswith("running") for report in reports)
        with writing(out, lambda: "; give another file with --out"):
            write_atomically(out, written(reports, chosen.format, going_on).encode())
        if not going_on:
            break
        time.sleep(EVERY)
    print(one_line(out))
    return 0


def read(path: Path) -> DirectoryReport:
    """Read whatever a directory holds: a run, a comparison, or claims.

    Args:
        path: of the directory.

    Returns:
        Its report; where it holds none of them, that says so.
    """
    if (path / "config.yaml").exists():
        return of_comparison(path) if _what(path) == ComparisonDirectory.what else of_run(path)
    if (path / TABLE).exists():
        return of_claims(path)
    report = DirectoryReport(path, "")
    why = f"holds no run, no comparison and no {TABLE}" if path.is_dir() else "there is no such directory"
    report.faults.append(one_line(f"{path}: {why}"))
    return report


def _what(path: Path) -> str:
    """Kind of work that the manifest names; where it says nothing, a configuration with methods is a comparison's."""
    found: dict[str, str] = {}
    with DirectoryReport(path, "").part("manifest"):
        found |= dict(json.loads(read_file(path / "manifest.json")))
    with DirectoryReport(path, "").part("configuration"):
        guess = ComparisonDirectory.what if b"\nmethods:" in read_file(path / "config.yaml") else "run"
        found.setdefault("what", guess)
    return found.get("what", "run")


def written(reports: Sequence[DirectoryReport], form: str, going_on: bool = False) -> str:
    """Write reports as the text of one file.

    Args:
        reports: of directories.
        form: "html", "json" or "latex".
        going_on: the page is to look at itself again.

    Returns:
        The whole file.
    """
    if form == "json":
        return json.dumps([report.as_data() for report in reports], indent=1, allow_nan=False) + "\n"
    if form == "latex":
        require("wirelessenv report --format latex", "jinja2", "report")  # pandas writes LaTeX through it
        return "\n".join(part for report in reports for part in _latex(report))
    from baselines.report.page import page  # noqa: PLC0415  # plotly is needed here alone

    return page(reports, going_on)


def _latex(report: DirectoryReport) -> list[str]:
    said = [f"% {one_line(text)}" for text in (report.path, report.title, report.state, *report.faults) if str(text)]
    tables = [
        pd.DataFrame(list(table.rows)).fillna("").to_latex(index=False, escape=True, caption=_escaped(table.title))
        for table in report.tables
    ]
    return ["\n".join(said) + "\n", *tables]


def _escaped(text: str) -> str:
    """A caption, which pandas leaves as it is."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(one, f"\\{one}" if one in "&%$#_{}" else one) for one in one_line(text))
