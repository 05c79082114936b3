"""Report of a run, finished or not."""

from pathlib import Path

from baselines.report.content import Chart, DirectoryReport, ReportTable, Trace
from baselines.report.shared import begin, layouts
from trainers.experiments.lines import PanelLines
from trainers.experiments.listing import state
from trainers.experiments.plots import read_lines
from trainers.experiments.run_directory import RunDirectory
from trainers.experiments.tables import table


def of_run(path: Path) -> DirectoryReport:
    """Read what the directory of a run holds.

    Args:
        path: of the directory.

    Returns:
        The report; what cannot be read is a sentence in it.
    """
    report, directory = begin(path, "run"), RunDirectory(path)
    with report.part("state"):
        found = state(directory)
        report.state = f"{found['state']}, {found['progress']}"
    with report.part("results"):
        report.tables.append(ReportTable("Results", [{key: str(cell) for key, cell in row.items()} for row in table(path)]))
    with report.part("curves"):
        title, panels = read_lines(directory)
        report.title = title or report.title
        report.charts += [_chart(panel) for panel in panels]
    with report.part("diverged runs"):
        if diverged := directory.diverged():
            report.tables.append(ReportTable("Diverged", diverged))
    with report.part("layouts"):
        experiment = directory.experiment()
        problem = experiment.curve(next(iter(experiment.curves))).problem
        if "scenario" in experiment.model_fields_set or problem.kind in {"wireless", "talking"}:  # type: ignore[attr-defined]  # every member has a kind
            report.layouts += layouts("scenario", experiment.scenario, list(experiment.seeds))
    return report


def _chart(panel: PanelLines) -> Chart:
    settings = panel.panel
    traces = []
    for line in panel.lines:
        said = "; ".join(filter(None, (line.said, "" if line.age is None else f"D_max = {line.age}")))
        kind = "points" if settings.points else "line"
        x, middle, low, high = (one.tolist() for one in (line.x, line.middle, line.low, line.high))
        traces.append(Trace(f"{line.name} ({said})" if said else line.name, x, middle, low, high, kind))
    return Chart(
        settings.title, panel.x_label, panel.y_label, traces, panel.errors, settings.log_x, settings.log_y, panel.level
    )
