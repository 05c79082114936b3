"""Runs a comparison: trains what needs training, finds optima, evaluates everybody, in worker processes; resumes."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory, Piece, What, pieces
from baselines.comparison.figures import draw
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Learned
from baselines.comparison.tables import write_tables
from baselines.comparison.work import Job, progress_file
from trainers.workbench.progress import Cadence
from trainers.workbench.workers import LOOK_EVERY, Interrupted, in_workers, processes, stop_request
from wirelessenv.config import ConfigError

MOST_TOGETHER = 5
"""Pieces that one process does: starting it takes some seconds."""


def compare(
    comparison: Comparison,
    out: str | Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    force: bool = False,
    quiet: bool = False,
) -> ComparisonDirectory:
    """Do all of it and write the directory `out`.

    Nothing but `decision_ms` and `training_seconds` depends on `workers` (default: one for each core). What is finished is
    never done again; a training that is interrupted begins anew.

    Raises ConfigError, before anything is written, for what cannot be used; Interrupted on SIGINT or SIGTERM; WorkerDied
    when a worker was killed; WorkerRefused when one met what it cannot use; OSError when the disk refuses.
    """
    workers = processes(workers)
    if resume:
        ComparisonDirectory(out).refuse_changed_sources(comparison)
    refuse(comparison)
    with ComparisonDirectory.opened(out, comparison, resume=resume, device="cpu", force=force) as directory:
        comparison = directory.configuration()  # the same, in the order of the files that are there
        _prepare(comparison, directory, workers=workers, quiet=quiet, force=force)
        methods = ("", *comparison.methods)  # "": of what belongs to none
        code = {(scenario, name): comparison.code(scenario, name) for scenario in comparison.scenarios for name in methods}
        job = Job(comparison.text(), directory.path, code)
        with _shown(comparison, directory, quiet) as look, stop_request() as stop:
            sorts: tuple[tuple[What, ...], ...] = (("trainings", "optima"), ("evaluations",))
            for what in sorts:
                left = _left(comparison, directory, what, code)
                if not in_workers(job.work, _bundles(left, workers), workers, directory.path, look=look, stop=stop):
                    raise Interrupted
        directory.assemble(comparison)
        write_tables(directory)
        draw(directory)
    return directory


def refuse(comparison: Comparison) -> None:
    """Raises ConfigError for what cannot be compared: a layout that cannot be drawn, a run of something else."""
    for scenario in comparison.scenarios.values():
        HeldOut.draw(scenario, [0], 1, 0)
        for method in comparison.methods.values():
            if isinstance(method, Learned):
                method.refuse(scenario, range(comparison.layouts))


def _prepare(comparison: Comparison, directory: ComparisonDirectory, **running: Any) -> None:
    for scenario_name, scenario in comparison.scenarios.items():
        for name, method in comparison.methods.items():
            if isinstance(method, Learned):
                folder = directory.run(comparison, scenario_name, name)
                method.prepare(scenario, range(comparison.layouts), folder, **running)


def _left(
    comparison: Comparison, directory: ComparisonDirectory, what: tuple[What, ...], code: dict[tuple[str, str], str]
) -> list[Piece]:
    """What is not done yet, with the folders that it will be kept in."""
    for folder in what:
        (directory.path / folder).mkdir(exist_ok=True)
    every = [piece for sort in what for piece in pieces(comparison, sort)]
    return [piece for piece in every if not _done_before(comparison, directory, piece, code[piece.scenario, piece.method])]


def _done_before(comparison: Comparison, directory: ComparisonDirectory, piece: Piece, code: str) -> bool:
    file = directory.file(comparison, piece)
    if not file.exists():
        return False
    try:
        made_with = directory.read(comparison, piece).get("code", "")
    except ConfigError as error:
        print(f"{error}; it is set aside, and done again", file=sys.stderr)
        file.replace(file.with_name(file.name + ".refused"))
        return False
    if made_with != code:
        file.unlink()
        return False
    return True


def _bundles(left: list[Piece], workers: int) -> list[tuple[Piece, ...]]:
    """Short pieces of the same sort and method together, a few to a process; never so many that a worker is left idle."""
    alike: dict[tuple[object, ...], list[Piece]] = {}
    for piece in left:
        alike.setdefault((piece.what, piece.scenario, piece.method if piece.what == "trainings" else ""), []).append(piece)
    found = []
    for some in alike.values():
        long = some[0].what == "trainings" and some[0].layout is None
        size = 1 if long else min(MOST_TOGETHER, -(-len(some) // workers))
        found += [tuple(some[start : start + size]) for start in range(0, len(some), size)]
    return found


@contextmanager
def _shown(comparison: Comparison, directory: ComparisonDirectory, quiet: bool) -> Iterator[Callable[[], None]]:
    """A progress bar, and a function that brings it up to date now and then."""
    every = [piece for what in ("trainings", "optima", "evaluations") for piece in pieces(comparison, what)]
    total = sum(_weight(comparison, piece) for piece in every)
    columns = (
        TextColumn("comparing"),
        BarColumn(bar_width=12),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    cadence, started = Cadence(LOOK_EVERY), time.perf_counter()
    first = _slots(comparison, directory, every)
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("", total=total, told="")

        def look() -> None:
            if not cadence.due():
                return
            with cadence.spending():
                done = [piece for piece in every if directory.file(comparison, piece).exists()]
                units = sum(_done(comparison, directory, piece) for piece in every)
                rate = (_slots(comparison, directory, every) - first) / (time.perf_counter() - started)
                told = ", ".join(
                    f"{sum(piece.what == what for piece in done)}/{sum(piece.what == what for piece in every)} {what}"
                    for what in dict.fromkeys(piece.what for piece in every)
                )
                bar.update(task, completed=units, told=f"{told}, {rate:.0f} slots/s")

        yield look


def _weight(comparison: Comparison, piece: Piece) -> int:
    method = comparison.methods.get(piece.method)
    return method.stages if piece.what == "trainings" and isinstance(method, Learned) else 1


def _done(comparison: Comparison, directory: ComparisonDirectory, piece: Piece) -> int:
    if directory.file(comparison, piece).exists():
        return _weight(comparison, piece)
    return _noted(comparison, directory, piece)[0] if piece.what == "trainings" else 0


def _noted(comparison: Comparison, directory: ComparisonDirectory, piece: Piece) -> tuple[int, int]:
    """Stage and slots of a training."""
    note = progress_file(directory.file(comparison, piece))
    told = note.read_text().split() if note.exists() else []
    return (int(told[0]), int(told[1])) if len(told) == 2 else (0, 0)


def _slots(comparison: Comparison, directory: ComparisonDirectory, every: list[Piece]) -> int:
    """That all trainings have used."""
    return sum(_noted(comparison, directory, piece)[1] for piece in every if piece.what == "trainings")
