"""Training of an experiment: groups in worker processes, progress, the run directory, and resuming."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from trainers.experiments.experiment import Experiment
from trainers.experiments.groups import Group, GroupFiles, groups_of
from trainers.experiments.run_directory import RunDirectory
from trainers.experiments.sinks import SINKS, Sink
from trainers.experiments.strided import AnyLearner
from trainers.experiments.training import train
from trainers.workbench.engines import LOCAL, Engine, OwnModules
from trainers.workbench.progress import Cadence
from trainers.workbench.shards import ShardFinished, WorkShard
from trainers.workbench.workers import LOOK_EVERY, Interrupted, stop_request
from wirelessenv import own_code
from wirelessenv.config import ConfigError, nearest

SAVE_EVERY = 5.0
"""Seconds between checkpoints, at least."""


def run(
    experiment: Experiment,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "cpu",
    quiet: bool = False,
    workers: int | None = None,
    engine: Engine = LOCAL,
    shard: WorkShard | None = None,
    force: bool = False,
    save_every: float = SAVE_EVERY,
    log: Sequence[str] = (),
) -> RunDirectory:
    """Train every curve on every seed and write a run directory.

    Args:
        experiment: with its curves and seeds.
        out: the directory, made where there is none.
        resume: go on with the run that is there, if there is one.
        device: "cpu" or "cuda".
        quiet: show no progress.
        workers: processes, by default one for each core, at most one for each group of runs; changes no number.
        engine: where these are; changes no number.
        shard: of the groups; others are other commands', and the last of these assembles all. None: all groups.
        force: resume also with other versions or on another device.
        save_every: seconds between checkpoints; more where they would cost more than 2 % of the time.
        log: where else metrics are written: "tensorboard", "mlflow", "wandb".

    Returns:
        The directory, complete.

    Raises:
        ConfigError: before anything is written, for settings that do not fit.
        ShardFinished: where other shards are not finished yet, or another one assembles what they have made.
        Interrupted: on SIGINT or SIGTERM, with everything saved.
        WorkerDied: where a worker was killed; on Ray, again and again.
        OSError: where the disk refuses.
    """
    engine.check(device)
    groups, models = groups_of(experiment), []
    most = min(engine.workers(workers), len(groups))
    engine = engine.fitting(most, device)
    for name in log:
        SINKS[name].require()
    for group in groups:  # refuses what cannot be trained before anything is written
        learner = experiment.build(group.curves, group.seeds, device)
        models.append(learner.parameters.to("meta"))  # shape and dtype alone
        if group.number == 0:
            _refuse_columns(experiment, learner)
        if not quiet and group.seeds[0] == experiment.seeds[0]:
            for sentence in learner.warnings(experiment.iterations):
                print(f"{' and '.join(group.curves)}: {sentence}", file=sys.stderr)
    with RunDirectory.opened(out, experiment, resume=resume, device=device, force=force, shard=shard) as directory:
        experiment = directory.experiment()  # the same, of the copies that are there
        job = TrainingJob(experiment.text(), directory.code(experiment), own_code.texts(experiment.modules), save_every, device)
        sinks = [SINKS[name](directory.path) for name in dict.fromkeys(log)]
        if shard is not None:
            groups, models = shard.mine(groups), shard.mine(models)
        with _shown(directory, experiment, groups, quiet, sinks) as look, stop_request() as stop:
            left = _unfinished(directory.path, groups, models)
            finished = not left or engine.work_off(job, left, directory.path, most, look=look, stop=stop)
        if shard is not None and finished and (others := shard.note_end(directory.path)):
            raise ShardFinished(f"Shard {shard} is finished, {others} of {shard.of} are not yet: the last one assembles {out}")
        if shard is None or finished:
            with nullcontext() if shard is None else shard.assembling(directory.path):
                directory.assemble(experiment)
                for sink in sinks:
                    sink.update(directory.metrics())
                    sink.close()
    if not finished:
        raise Interrupted
    return directory


def _refuse_columns(experiment: Experiment, learner: AnyLearner) -> None:
    known, until = learner.report(), experiment.until
    for name, column in (("measure", experiment.measure), ("until.column", until.column if until else experiment.measure)):
        if column not in known:
            raise ConfigError(f'{name}: "{column}" is not a column of metrics.csv{nearest(column, known)}')


def _unfinished(path: Path, groups: list[Group], models: list[Tensor]) -> list[Group]:
    """The groups that need a process; those that need none are tidied up. `models`: the form of what each one learns."""
    left = []
    for group, model in zip(groups, models, strict=True):
        files = GroupFiles(path, group)
        if files.finished(model):
            files.forget_checkpoints()
        else:
            left.append(group)
    return left


class TrainingJob(NamedTuple):
    """Everything that a process needs to train a group."""

    experiment: str
    """As YAML text, complete."""
    code: str
    """Checksum of the user's own code, as it was when the run began."""
    modules: OwnModules
    save_every: float
    device: str

    def work(self, group: Group, folder: Path, asked: Callable[[], bool]) -> bool:
        """Train a group to its end, or until asked to stop.

        Args:
            group: of the experiment.
            folder: the run directory, or a copy.
            asked: returns True once the group is to be saved and left.

        Returns:
            True where the group is at its end.

        Raises:
            ConfigError: where the user's own code has changed since the run began.
        """
        experiment = Experiment.from_text(self.experiment)
        if RunDirectory(folder).code(experiment) != self.code:
            raise ConfigError("modules: the code of a piece of your own has changed since the run was begun")
        return train(experiment, group, folder, lambda _: asked(), device=self.device, save_every=self.save_every)

    def inputs(self, group: Group) -> list[str]:
        """Files of the group, from which it goes on."""
        return [f"groups/{group.number:03d}/*"]


@contextmanager
def _shown(
    directory: RunDirectory, experiment: Experiment, groups: list[Group], quiet: bool, sinks: Sequence[Sink]
) -> Iterator[Callable[[], None]]:
    """A progress bar of groups, and a function that brings it, the tables and the sinks up to date now and then."""
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
    total, alone = experiment.iterations * sum(group.runs for group in groups), groups == groups_of(experiment)
    looking, assembling = Cadence(LOOK_EVERY), Cadence(5.0)
    with bar:
        task = bar.add_task("training", total=total, rate="", completed=directory.progress(experiment, groups))

        def look() -> None:
            if looking.due():
                with looking.spending():
                    bar.update(task, completed=directory.progress(experiment, groups))
                speed = bar.tasks[0].speed
                bar.update(task, rate=f"{speed:.0f} run-iterations/s" if speed else "")
            if alone and assembling.due():
                with assembling.spending():
                    directory.assemble(experiment)
                    for sink in sinks if directory.progress(experiment, groups) else ():
                        sink.update(directory.metrics())

        yield look
        bar.update(task, completed=directory.progress(experiment, groups))
