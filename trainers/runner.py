"""Runs an experiment: trains its curves, evaluates, shows progress, writes the run directory, and resumes."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.experiment import Experiment
from trainers.message_passing import MessagePassingLearner
from trainers.run_directory import RunDirectory

CHECKPOINT_SHARE = 0.02
"""The largest share of the time that goes into checkpoints."""


class Interrupted(Exception):  # noqa: N818  # it is no error: the run was asked to stop, and can go on
    """The run was asked to stop; its state is saved."""


def run(
    experiment: Experiment, out: str | Path, *, resume: bool = False, device: str = "cpu", quiet: bool = False
) -> RunDirectory:
    """Train every curve on every seed and write the run directory `out`.

    Raises ConfigError, before anything is written, for settings that do not fit; Interrupted on SIGINT or SIGTERM, with
    everything saved.
    """
    groups = experiment.groups()
    for names in groups:  # refuses what cannot be trained before anything is written
        experiment.build(names, experiment.seeds, device)
    directory = RunDirectory.open(out, experiment, resume, device)
    first, state = directory.load_checkpoint()
    total = experiment.iterations * len(experiment.curves)
    done = sum(experiment.iterations * len(names) for names in groups[:first])
    with _progress(quiet) as bar, _stop_request() as stop:
        task = bar.add_task("training", total=total, completed=done, rate="")
        for group in range(first, len(groups)):
            learner = experiment.build(groups[group], experiment.seeds, device)
            if state is not None:
                learner.set_state(state)
                bar.advance(task, learner.iteration * len(groups[group]))
            _train(learner, experiment, groups, group, directory, bar=bar, task=task, stop=stop, fresh=state is None)
            state = None
    return directory


def _train(
    learner: MessagePassingLearner,
    experiment: Experiment,
    groups: list[list[str]],
    group: int,
    directory: RunDirectory,
    *,
    bar: Progress,
    task: Any,
    stop: list[int],
    fresh: bool,
) -> None:
    names = groups[group]
    full_power = learner.problem.full_power_utility()
    if fresh:
        directory.append(_rows(learner, experiment, names, full_power))
    saved_at, cost = time.perf_counter(), 0.0
    while learner.iteration < experiment.iterations:
        started, before = time.perf_counter(), learner.iteration
        todo = min(experiment.evaluate_every, experiment.iterations - before)
        learner.learn(todo)
        directory.append(_rows(learner, experiment, names, full_power))
        rate = todo * len(names) * len(experiment.seeds) / (time.perf_counter() - started)
        bar.update(task, advance=todo * len(names), rate=f"{rate:.0f} run-iterations/s")
        now = time.perf_counter()
        if stop or now - saved_at > cost / CHECKPOINT_SHARE + 5:
            directory.save_checkpoint(group, learner.state())
            saved_at, cost = time.perf_counter(), time.perf_counter() - now
        if stop and learner.iteration < experiment.iterations:
            raise Interrupted
    directory.save_policies(group, names, experiment.seeds, learner.parameters)
    directory.save_checkpoint(group + 1, None)


def _rows(
    learner: MessagePassingLearner, experiment: Experiment, names: list[str], full_power: np.ndarray[Any, Any]
) -> Iterator[dict[str, Any]]:
    """One row for each curve and seed: where the runs stand now."""
    utility = learner.problem.evaluate(learner.parameters)
    slots = np.broadcast_to(learner.problem.slots, utility.shape)
    counts = {name: getattr(learner, name) for name in ("messages", "entries", "bits", "max_age", "dropped_queries")}
    changed_bits = learner.changed_entries * learner.entry_bits
    for variant, curve in enumerate(names):
        for index, seed in enumerate(experiment.seeds):
            at = (index, variant)
            yield {
                "curve": curve,
                "seed": seed,
                "iteration": learner.iteration,
                "slots": int(slots[at]),
                "simulated_seconds": float(slots[at] * learner.problem.slot_seconds),
                **{name: int(count[at]) for name, count in counts.items()},
                "bits_delta": int(changed_bits[at]),
                "wall_seconds": learner.train_seconds / utility.size,
                "utility": float(utility[at]),
                "full_power_utility": float(full_power[index]),
            }


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


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
