"""List of the runs below a directory: how far each is and what it has reached."""

from pathlib import Path
from typing import Any

from trainers.experiments.run_directory import NoMetrics, RunDirectory
from trainers.experiments.tables import summary
from trainers.workbench.files import reading
from wirelessenv.config import ConfigError


def runs(directory: Path) -> list[dict[str, Any]]:
    """List the run directories below `directory`.

    Returns:
        A row for each: name, state, progress, curves, seeds, and the last curve's measure.

    Raises:
        ConfigError: where there is none.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory}: {'is a file' if directory.exists() else 'there is no such directory'}")
    found = RunDirectory.below(directory)
    if not found:
        raise ConfigError(f"{directory}: holds no runs")
    return [_row_or_fault(run, run.path.relative_to(directory)) for run in found]


def _row_or_fault(run: RunDirectory, name: Path) -> dict[str, Any]:
    try:
        with reading(run.path):
            return _row(run, name)
    except ConfigError as error:
        return {"run": str(name), "state": "unreadable", "progress": "", "curves": "", "seeds": "", "reached": str(error)}


def _row(run: RunDirectory, name: Path) -> dict[str, Any]:
    experiment = run.experiment()
    try:
        last = summary(run.path)[-1]
        reached = f"{last['curve']}: {last['shown']}"
    except NoMetrics:
        reached = "nothing yet"
    now = state(run)
    return {"run": str(name), **now, "curves": len(experiment.curves), "seeds": len(experiment.seeds), "reached": reached}


def state(run: RunDirectory) -> dict[str, str]:
    """State and progress of a run in words, by these names; raises ConfigError where it is damaged."""
    experiment = run.experiment()
    total = experiment.iterations * len(experiment.curves) * len(experiment.seeds)
    done = run.progress(experiment)
    diverged = len(run.diverged())
    finished = done == total or run.finished(experiment)
    now = "running" if run.in_use() else "finished" if finished else "stopped"
    return {
        "state": f"{now}, {diverged} diverged" if diverged else now,
        "progress": "100%" if finished else f"{done / total:.0%}",
    }
