"""Report of the papers' claims, from the table that `wirelessenv fidelity` writes."""

import io
from collections import Counter
from pathlib import Path

import pandas as pd

from baselines.report.content import DirectoryReport, ReportTable
from trainers.workbench.files import read_file
from wirelessenv.config import ConfigError

TABLE = "fidelity.csv"


def of_claims(path: Path) -> DirectoryReport:
    """Read a folder of runs and claims about them.

    Args:
        path: of the folder.

    Returns:
        The report; what cannot be read is a sentence in it.
    """
    report = DirectoryReport(path, "claims")
    report.title = f"Claims: {path}"
    with report.part("claims"):
        rows = pd.read_csv(io.BytesIO(read_file(path / TABLE)), dtype=str, keep_default_na=False)
        if not {"claim", "verdict"} <= set(rows.columns):
            raise ConfigError(f"{path / TABLE}: is damaged: it has no columns of claims and verdicts")
        report.tables.append(ReportTable("Claims", rows.to_dict("records")))  # type: ignore[arg-type]  # names are text
        report.state = ", ".join(f"{count} {verdict}" for verdict, count in Counter(rows["verdict"]).most_common())
    return report
