"""Runs a comparison: trains what needs training, finds optima, evaluates everybody, in worker processes; resumes."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from baselines.comparison.comparison import Comparison
from baselines.comparison.curves import write_curves
from baselines.comparison.directory import ComparisonDirectory, Task, TaskKind, tasks, trainings_of
from baselines.comparison.figures import draw
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Learned, Preparing
from baselines.comparison.tables import write_tables
from baselines.comparison.work import ComparisonJob, progress_file
from trainers.workbench.devices import refuse_absent
from trainers.workbench.engines import LOCAL, Engine
from trainers.workbench.files import read_file
from trainers.workbench.progress import Cadence
from trainers.workbench.shards import ShardFinished, WorkShard
from trainers.workbench.workers import LOOK_EVERY, Interrupted, stop_request
from wirelessenv import own_code
from wirelessenv.config import ConfigError

MOST_TOGETHER = 5
"""Tasks that one process does: starting it takes some seconds."""


def compare(
    comparison: Comparison,
    out: str | Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    engine: Engine = LOCAL,
    force: bool = False,
    quiet: bool = False,
    device: str = "cpu",
    shard: WorkShard | None = None,
) -> ComparisonDirectory:
    """Run a comparison and write its directory: trainings, optima, evaluations, tables, figures.

    Nothing but `decision_ms` and `training_seconds` depends on `workers`. Finished tasks are never done again; a training
    that is interrupted begins anew.

    Args:
        comparison: of methods on scenarios.
        out: the directory; it is made.
        resume: go on with the comparison that the directory holds, if it holds one.
        workers: processes; None: one for each core.
        engine: where these are.
        force: resume even with other versions of packages.
        quiet: show no progress.
        device: "cpu" or "cuda", of networks that are trained through the rate; all else computes on the CPU.
        shard: of the tasks; others are other commands', and the last of these does what needs them all. None: all tasks.

    Returns:
        The directory, complete.

    Raises:
        ConfigError: before anything is written, for settings that cannot be used.
        ShardFinished: where other shards are not finished yet, or another one assembles what they have made.
        Interrupted: on SIGINT or SIGTERM.
        WorkerDied: when a worker was killed; on Ray, again and again.
        WorkerRefused: when a worker met something that it cannot use.
        OSError: when the disk refuses.
    """
    refuse_absent(device)
    engine.check(device)
    workers = engine.workers(workers) if device == "cpu" else 1
    if resume or shard is not None:
        ComparisonDirectory(out).refuse_changed_sources(comparison)
    refuse(comparison)
    with ComparisonDirectory.opened(out, comparison, resume=resume, device=device, force=force, shard=shard) as directory:
        comparison = directory.configuration()  # the same, in the order of the files that are there
        unprepared = _prepare(comparison, directory, Preparing(workers, engine, quiet, force, shard))
        methods = ("", *comparison.methods)  # "": of what belongs to none
        code = {(scenario, name): comparison.code(scenario, name) for scenario in comparison.scenarios for name in methods}
        job = ComparisonJob(comparison.text(), code, own_code.texts(comparison.modules), device)
        with _shown(comparison, directory, quiet) as look, stop_request() as stop:

            def work_off(some: Sequence[Task]) -> None:
                left = [
                    task for task in some if not _done_before(comparison, directory, task, code[task.scenario, task.method])
                ]
                if not engine.work_off(job, _bundles(left, workers), directory.path, workers, look=look, stop=stop):
                    raise Interrupted

            if shard is not None:
                mine = shard.mine(_independent(comparison))
                work_off([task for task in mine if (task.scenario, task.method) not in unprepared])
                if others := shard.note_end(directory.path):
                    told = f"Shard {shard} is finished, {others} of {shard.of} are not yet"
                    raise ShardFinished(f"{told}: the last one does the rest, and assembles {out}")
            with nullcontext() if shard is None else shard.assembling(directory.path):
                work_off([*tasks(comparison, "trainings"), *tasks(comparison, "optima")])
                work_off(tasks(comparison, "evaluations"))
                _assemble(comparison, directory)
    return directory


def _assemble(comparison: Comparison, directory: ComparisonDirectory) -> None:
    directory.assemble(comparison)
    write_tables(directory)
    draw(directory)
    write_curves(directory)


def _independent(comparison: Comparison) -> list[Task]:
    """The tasks that need no others, of each kind in order."""
    alone = [task for task in tasks(comparison, "evaluations") if not trainings_of(comparison, task)]
    return [*tasks(comparison, "trainings"), *tasks(comparison, "optima"), *alone]


def refuse(comparison: Comparison) -> None:
    """Raises ConfigError for a comparison that is not possible: a layout that cannot be drawn, a run of another scenario."""
    for scenario in comparison.scenarios.values():
        HeldOut.draw(scenario, [0], 1, 0)
        for method in comparison.methods.values():
            if isinstance(method, Learned):
                method.refuse(scenario, range(comparison.layouts))


def _prepare(comparison: Comparison, directory: ComparisonDirectory, how: Preparing) -> set[tuple[str, str]]:
    """Let methods prepare their trainings; returns scenario and method of those for which other shards are still at it."""
    left = set()
    for scenario_name, scenario in comparison.scenarios.items():
        for name, method in comparison.methods.items():
            if isinstance(method, Learned):
                folder = directory.run(comparison, scenario_name, name)
                try:
                    method.prepare(scenario, range(comparison.layouts), folder, how)
                except ShardFinished:
                    left.add((scenario_name, name))
    return left


def _done_before(comparison: Comparison, directory: ComparisonDirectory, task: Task, code: str) -> bool:
    file = directory.file(comparison, task)
    if not file.exists():
        return False
    try:
        made_with = directory.read(comparison, task).get("code", "")
    except ConfigError as error:
        print(f"{error}; it is set aside, and done again", file=sys.stderr)
        file.replace(file.with_name(file.name + ".refused"))
        return False
    if made_with != code:
        file.unlink()
        return False
    return True


def _bundles(left: list[Task], workers: int) -> list[tuple[Task, ...]]:
    """Short tasks of the same kind and method together, a few to a process; never so many that a worker is left idle."""
    alike: dict[tuple[object, ...], list[Task]] = {}
    for task in left:
        alike.setdefault((task.kind, task.scenario, task.method if task.kind == "trainings" else ""), []).append(task)
    found = []
    for some in alike.values():
        long = some[0].kind == "trainings" and some[0].layout is None
        size = 1 if long else min(MOST_TOGETHER, -(-len(some) // workers))
        found += [tuple(some[start : start + size]) for start in range(0, len(some), size)]
    return found


@contextmanager
def _shown(comparison: Comparison, directory: ComparisonDirectory, quiet: bool) -> Iterator[Callable[[], None]]:
    """A progress bar, and a function that brings it up to date now and then."""
    every = [task for kind in get_args(TaskKind) for task in tasks(comparison, kind)]
    total = sum(_weight(comparison, task) for task in every)
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
        line = bar.add_task("", total=total, told="")

        def update() -> None:
            with cadence.spending():
                done = [task for task in every if directory.file(comparison, task).exists()]
                units = sum(_done(comparison, directory, task) for task in every)
                rate = (_slots(comparison, directory, every) - first) / (time.perf_counter() - started)
                told = ", ".join(
                    f"{sum(task.kind == kind for task in done)}/{sum(task.kind == kind for task in every)} {kind}"
                    for kind in dict.fromkeys(task.kind for task in every)
                )
                bar.update(line, completed=units, told=f"{told}, {rate:.0f} slots/s")

        def look() -> None:
            if cadence.due():
                update()

        yield look
        update()


def _weight(comparison: Comparison, task: Task) -> int:
    method = comparison.methods.get(task.method)
    return method.stages if task.kind == "trainings" and isinstance(method, Learned) else 1


def _done(comparison: Comparison, directory: ComparisonDirectory, task: Task) -> int:
    if directory.file(comparison, task).exists():
        return _weight(comparison, task)
    return _noted(comparison, directory, task)[0] if task.kind == "trainings" else 0


def _noted(comparison: Comparison, directory: ComparisonDirectory, task: Task) -> tuple[int, int]:
    """Stage and slots that a training has noted."""
    note = progress_file(directory.file(comparison, task))
    try:
        told = re.fullmatch(rb"(\d{1,15}) (\d{1,15})", read_file(note, 100)) if note.exists() else None
    except ConfigError:  # it only feeds the progress bar
        told = None
    return (int(told[1]), int(told[2])) if told else (0, 0)


def _slots(comparison: Comparison, directory: ComparisonDirectory, every: list[Task]) -> int:
    """Slots that all trainings have used so far."""
    return sum(_noted(comparison, directory, task)[1] for task in every if task.kind == "trainings")
