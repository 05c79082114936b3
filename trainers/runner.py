"""Runs an experiment: trains its groups in worker processes, shows progress, writes the run directory, and resumes."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.board import Board, require
from trainers.experiment import Experiment
from trainers.groups import Group, GroupFiles, groups_of
from trainers.run_directory import RunDirectory
from trainers.training import At, Cadence, train

SAVE_EVERY = 5.0
"""Seconds between checkpoints, at least."""
LOOK_EVERY = 0.5
"""Seconds between two looks at what the workers have done."""
STOP = ".stop"
"""A file in the run directory that asks the workers to save and stop. A file, because no kill can leave it half locked."""


FINISHED, FAILED, STOPPED = 0, 1, 3
"""How a worker ended: its exit status. Anything else is a kill."""


class Interrupted(Exception):  # noqa: N818  # it is no error: the run was asked to stop, and can go on
    """The run was asked to stop; its state is saved."""


class WorkerDied(Exception):  # noqa: N818  # the name says what happened
    """A worker process ended by itself; what was saved before is safe."""


def run(
    experiment: Experiment,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "cpu",
    quiet: bool = False,
    workers: int | None = None,
    force: bool = False,
    save_every: float = SAVE_EVERY,
    tensorboard: bool = False,
) -> RunDirectory:
    """Train every curve on every seed and write the run directory `out`.

    The numbers do not depend on `workers` (default: one for each core, at most one for each group of runs). Checkpoints
    are `save_every` seconds apart, and further where they would cost more than 2 % of the time.

    Raises ConfigError, before anything is written, for settings that do not fit; Interrupted on SIGINT or SIGTERM, with
    everything saved; WorkerDied when a worker was killed; OSError when the disk refuses.
    """
    if tensorboard:
        require()
    groups = groups_of(experiment)
    for group in groups:  # refuses what cannot be trained before anything is written
        learner = experiment.build(group.curves, group.seeds, device)
        if not quiet and group.seeds[0] == experiment.seeds[0]:
            for sentence in learner.warnings(experiment.iterations):
                print(f"{' and '.join(group.curves)}: {sentence}", file=sys.stderr)
    workers = 1 if device != "cpu" else min(workers or os.cpu_count() or 1, len(groups))
    with RunDirectory.opened(out, experiment, resume=resume, device=device, force=force) as directory:
        (directory.path / STOP).unlink(missing_ok=True)
        job = Job(experiment.text(), directory.path, save_every)
        board = Board(directory.path) if tensorboard else None
        with _shown(directory, experiment, quiet, board) as look, _stop_request() as stop:
            left = _unfinished(directory.path, groups)
            if workers == 1 or not left:
                finished = _in_this_process(job, left, device, look, stop)
            else:
                finished = _in_workers(job, left, workers, look, stop)
        directory.assemble(experiment)
        if board is not None:
            board.update(directory.metrics())
            board.close()
    if not finished:
        raise Interrupted
    return directory


def _unfinished(path: Path, groups: list[Group]) -> list[Group]:
    """The groups that need a process; those that need none are tidied up."""
    left = []
    for group in groups:
        files = GroupFiles(path, group)
        if files.finished():
            files.forget_checkpoints()
        else:
            left.append(group)
    return left


class Job(NamedTuple):
    """What a process needs to train a group."""

    experiment: str
    """as text"""
    path: Path
    save_every: float

    def train(self, group: Group, at: At, device: str = "cpu") -> bool:
        """Train a group to its end, or until `at` asks to stop."""
        experiment = Experiment.from_text(self.experiment)
        return train(experiment, group, self.path, at, device=device, save_every=self.save_every)

    def train_in_worker(self, group: Group) -> None:
        """In a process of its own: train a group until the main process, or SIGTERM, asks to stop.

        Leaves Ctrl-C to the main process, and does not outlive it. The exit status tells how it ended.
        """
        asked: list[int] = []
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
        threading.Thread(target=_end_with_parent, daemon=True).start()
        stop = self.path / STOP
        try:
            finished = self.train(group, lambda _: bool(asked) or stop.exists())
        except OSError as error:
            print(f"{self.path}: cannot be written ({error.strerror or error})", file=sys.stderr)
            sys.exit(FAILED)
        sys.exit(FINISHED if finished else STOPPED)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(FAILED)


def _in_this_process(job: Job, groups: list[Group], device: str, look: Callable[[], None], stop: list[int]) -> bool:
    def at(iteration: int) -> bool:
        look()
        return bool(stop)

    return all(job.train(group, at, device) for group in groups)


def _in_workers(job: Job, groups: list[Group], workers: int, look: Callable[[], None], stop: list[int]) -> bool:
    """One process a group, `workers` at a time: whatever kills one leaves no pool or queue in disorder."""
    context, asked = get_context("spawn"), job.path / STOP
    waiting, ended = list(groups), []
    running: list[SpawnProcess] = []
    try:
        while running or waiting:
            while waiting and len(running) < workers:
                running.append(context.Process(target=job.train_in_worker, args=(waiting.pop(0),)))
                running[-1].start()
            wait([process.sentinel for process in running], timeout=LOOK_EVERY)
            gone = [process for process in running if not process.is_alive()]  # asked once: another may end meanwhile
            ended += [process.exitcode for process in gone]
            running = [process for process in running if process not in gone]
            look()
            if stop or not set(ended) <= {FINISHED}:
                asked.touch()
                waiting.clear()
    finally:
        asked.unlink(missing_ok=True)
    if not set(ended) <= {FINISHED, STOPPED} and not stop:  # who stops the main process may stop the workers, too
        raise WorkerDied
    return ended == [FINISHED] * len(groups)


@contextmanager
def _shown(directory: RunDirectory, experiment: Experiment, quiet: bool, board: Board | None) -> Iterator[Callable[[], None]]:
    """A progress bar, and a function that brings it, the tables and the board up to date now and then."""
    bar = Progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
        speed_estimate_period=300,
    )
    total = experiment.iterations * len(experiment.curves) * len(experiment.seeds)
    looking, assembling = Cadence(LOOK_EVERY), Cadence(5.0)
    with bar:
        task = bar.add_task("training", total=total, rate="", completed=directory.progress(experiment))

        def look() -> None:
            if looking.due():
                with looking.spending():
                    bar.update(task, completed=directory.progress(experiment))
                speed = bar.tasks[0].speed
                bar.update(task, rate=f"{speed:.0f} run-iterations/s" if speed else "")
            if assembling.due():
                with assembling.spending():
                    directory.assemble(experiment)
                    if board is not None and directory.progress(experiment):
                        board.update(directory.metrics())

        yield look
        bar.update(task, completed=directory.progress(experiment))


@contextmanager
def _stop_request() -> Iterator[list[int]]:
    """Turn SIGINT and SIGTERM into a list that is not empty, so that a run stops where its state is whole."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
