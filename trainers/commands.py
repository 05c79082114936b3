"""Work of the commands that train, once their options are read."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from trainers.experiments import delays, listing, plots, search, tables
from trainers.experiments.experiment import Experiment
from trainers.experiments.run_directory import RunDirectory
from trainers.experiments.runner import run
from trainers.fidelity import claims as fidelity
from trainers.fidelity import theory
from trainers.workbench.devices import refuse_absent
from trainers.workbench.engine_choice import engine_chosen
from trainers.workbench.shards import ShardFinished, WorkShard, alone
from trainers.workbench.terminal import print_table
from trainers.workbench.work_directory import safe
from trainers.workbench.workers import Interrupted, WorkerDied
from wirelessenv.command_line import writing
from wirelessenv.config import ConfigError
from wirelessenv.shipped import claims, configuration
from wirelessenv.text import one_line


def train_command(chosen: Namespace) -> int:
    """Train an experiment, draw its figure and print its summary."""
    refuse_absent(chosen.device)
    out = Path(chosen.out or Path("runs") / Path(chosen.config).stem)
    options = {name: getattr(chosen, name) for name in ("resume", "device", "quiet", "workers", "force", "log")}
    shard = WorkShard.parse(chosen.shard) if chosen.shard is not None else None
    with RunDirectory(out).standing_in() if chosen.resume or shard else nullcontext():
        experiment = _experiment(chosen)
    again = "the same command" if shard else "the same command with --resume"
    with engine_chosen(chosen) as engine, _working(out, again):
        directory = run(experiment, out, engine=engine, shard=shard, **options)
    with writing(out), nullcontext() if shard is None else shard.assembling(out):
        paths = plots.plot(directory.path)
    for row in directory.diverged():
        told = "Diverged: {curve}, seed {seed}, by iteration {iteration} ({quantity}).".format_map(row)
        print(one_line(told), file=sys.stderr)
    if not chosen.quiet:
        _print_summary(directory)
        print(one_line(f"Figure: {paths[0]}"))
    return 0


@contextmanager
def _working(out: Path, again: str = "the same command") -> Iterator[None]:
    """Turn work on a run that does not come to its end into one sentence, which names the command that goes on."""
    try:
        with writing(out, lambda: safe(out)):
            yield
    except Interrupted:
        raise Interrupted(f"Stopped, and saved: {again} goes on. It is in {out}") from None
    except WorkerDied:
        raise WorkerDied(f"A worker process failed or was killed: {again} goes on. It is in {out}") from None


def search_command(chosen: Namespace) -> int:
    """Train a grid of step sizes and print what each reaches."""
    out = Path(chosen.out or Path("runs") / "search" / Path(chosen.config).stem)
    with RunDirectory(out).standing_in():
        experiment = Experiment.load(configuration(chosen.config, "experiment"), chosen.set)
    try:
        steps, seeds = [float(one) for one in chosen.steps.split(",")], [int(one) for one in chosen.seeds.split(",")]
    except ValueError as error:
        raise ConfigError(f"--steps, --seeds: numbers separated by commas are needed ({error})") from None
    shard = WorkShard.parse(chosen.shard) if chosen.shard is not None else None
    with engine_chosen(chosen) as engine, _working(out):
        options = {
            "resume": True,
            "workers": chosen.workers,
            "engine": engine,
            "shard": shard,
        }
        rows = search.search(experiment, steps, seeds, out, last=chosen.last, **options)
    print_table(f"{experiment.measure} after {experiment.iterations} iterations, mean over seeds {chosen.seeds}", rows)
    return 0


def plot_command(chosen: Namespace) -> int:
    """Draw a run's figure from its directory."""
    where = chosen.out or chosen.directory
    with writing(where, lambda: "; give another folder with --out"):
        paths = plots.plot(chosen.directory, chosen.x, chosen.out)
    for path in paths:
        print(one_line(path))
    return 0


def delays_command(chosen: Namespace) -> int:
    """Print how late messages are."""
    print_table("Message delays, in instants of global time", delays.delays(_experiment(chosen)))
    return 0


def fidelity_command(chosen: Namespace) -> int:
    """Check the papers' claims, and write and print the table."""
    runs = Path(chosen.runs or ("runs/quick" if chosen.quick else "runs"))
    path = Path(chosen.claims) if chosen.claims else claims()
    shard = WorkShard.parse(chosen.shard) if chosen.shard is not None else None
    with engine_chosen(chosen) as engine:

        def make(experiment: Experiment, out: Path) -> RunDirectory:
            print(one_line(f"{out}: {experiment.title}"), file=sys.stderr)
            with _working(out):
                directory = run(experiment, out, resume=True, workers=chosen.workers, engine=engine, shard=shard)
            with writing(out), nullcontext() if shard is None else shard.assembling(out):
                plots.plot(directory.path)
            return directory

        if shard is not None:
            for name, experiment in fidelity.experiments(path, chosen.quick):
                with suppress(ShardFinished):
                    make(experiment, runs / name)
    with nullcontext() if shard is None else _last(runs, shard, path, chosen.quick), writing(runs):
        rows = fidelity.check(path, runs, make if shard is None else partial(_made, shard), chosen.quick)
        table = fidelity.write_tables(rows, runs)
    print_table("Claims, and what was measured (95 % interval)", [{key: row[key] for key in _SHOWN} for row in rows])
    print(one_line(f"Table with sources and remarks: {table}"))
    return 0


@contextmanager
def _last(runs: Path, shard: WorkShard, path: Path, quick: bool) -> Iterator[None]:
    """Context of the shard of claims that is last, which alone checks them; raises ShardFinished in the others."""
    left = [name for name, one in fidelity.experiments(path, quick) if not RunDirectory(runs / name).finished(one)]
    if left:
        raise ShardFinished(
            f"Shard {shard} is finished, others have not finished {left[0]}{f' and {len(left) - 1} more' if left[1:] else ''} "
            "yet: the last one checks the claims"
        )
    with alone(runs / ".claims.lock", f"Shard {shard} is finished; another one checks the claims"):
        yield


def _made(shard: WorkShard, experiment: Experiment, out: Path) -> RunDirectory:
    """A run whose parts are all there, assembled; raises ShardFinished where another shard is just doing so."""
    directory = RunDirectory(out)
    with shard.assembling(out):
        directory.assemble(experiment)
    return directory


_SHOWN = ("claim", "measured", "asked", "layouts", "verdict")


def runs_command(chosen: Namespace) -> int:
    """Show the runs below a directory."""
    print_table("Runs", listing.runs(chosen.directory))
    return 0


def theory_command(_: Namespace) -> int:
    """Print the papers' theory beside measurements."""
    for title, rows in theory.tables():
        print_table(title, rows)
    return 0


def _experiment(chosen: Namespace) -> Experiment:
    changes = [*chosen.set, *([f"seeds={chosen.seeds}"] if chosen.seeds else [])]
    return Experiment.load(configuration(chosen.config, "experiment"), changes)


def _print_summary(directory: RunDirectory) -> None:
    experiment = directory.experiment()
    title = f"{experiment.title or directory.path}: after {experiment.iterations} iterations"
    print_table(title, tables.table(directory.path))
