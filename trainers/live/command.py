"""Work of the command that runs an experiment live, once its options are read."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.experiments.experiment import Experiment
from trainers.live.actors import CarryLimits, Ending, HubLost, live_run
from trainers.live.plan import LivePlan
from trainers.live.report import LiveDirectory, ages_of, counted, summary
from trainers.live.schedule import joined, read_pieces, write_piece, write_schedule
from trainers.workbench.cluster import connected
from trainers.workbench.terminal import print_table
from wirelessenv.command_line import writing
from wirelessenv.config import ConfigError, whole
from wirelessenv.shipped import configuration
from wirelessenv.text import one_line

PROCESSORS = 2
"""Processors that Ray shares out, where it is begun here; parties ask for none of them."""


def live_command(chosen: Namespace) -> int:
    """Run a curve live, write its directory, and print ages and what was reached."""
    changes = [*chosen.set, *([f"seeds=[{chosen.seed}]"] if chosen.seed is not None else [])]
    experiment = Experiment.load(configuration(chosen.config, "experiment"), changes)
    out = Path(chosen.out or Path("runs") / "live" / Path(chosen.config).stem)
    shards = whole("--shards", chosen.shards)
    plan = LivePlan.of(experiment, chosen.curve, shards, tick_seconds=_seconds("--tick", chosen.tick))
    limits = [CarryLimits() for _ in range(shards)]
    if chosen.slow:
        limits[-1] = limits[-1]._replace(sleep=_seconds("--slow", chosen.slow))
    with (
        writing(out),
        connected(chosen.address, PROCESSORS, "wirelessenv live") as ray,  # first: a directory is begun by a run alone
        LiveDirectory.opened(out, experiment, resume=False, device="cpu") as directory,
    ):
        ending, told = _run(ray, plan, limits, directory, quiet=chosen.quiet)
    if not chosen.quiet:
        print_table(f"{plan.name}, live: ages in {_INSTANTS[plan.kind]}, and what was reached", [told])
        print(one_line(f"Schedule: {directory.schedule}"))
    if chosen.check:
        replayed = plan.solution_of(plan.replayed(ending.schedule))
        apart = float(np.linalg.norm(replayed - ending.solution)) / max(float(np.linalg.norm(replayed)), 1e-300)
        print(f"Replayed by the simulator: the iterates differ by {apart:.1g} of their norm.")
    return 0


_INSTANTS = {"zeroth_order": "rounds", "async_bc": "updates", "pars_push": "ticks"}


def _seconds(option: str, milliseconds: float) -> float:
    if not 0 < milliseconds <= 60_000:
        raise ConfigError(f"{option}: {milliseconds:g} is not valid: it should be milliseconds, above 0 and at most 60000")
    return milliseconds / 1000


def _run(
    ray: Any, plan: LivePlan, limits: list[CarryLimits], directory: LiveDirectory, *, quiet: bool
) -> tuple[Ending, dict[str, Any]]:
    """Run to the end, or as far as it comes; in each case what happened is written."""
    numbers = count()
    with live_run(ray, plan, limits) as run:
        try:
            with _shown(plan.iterations, quiet) as shown:
                ending = run.run(shown, keep=lambda piece: write_piece(directory.pieces, next(numbers), plan.kind, piece))
        except KeyboardInterrupt:
            write(plan, run.ending(), directory)
            raise
        except HubLost as lost:
            raise HubLost(f"{lost}; {_saved(plan, directory)}") from None
        told = write(plan, ending, directory)
        again = sum(ending.lives) - len(ending.lives)
        if again:
            print(f"Shards that were lost and began again: {again}.", file=sys.stderr)
        for remark in ending.remarks:
            print(remark, file=sys.stderr)
        return ending, told


def _saved(plan: LivePlan, directory: LiveDirectory) -> str:
    """Write what is known of a run whose hub is lost; returns what that is."""
    pieces = read_pieces(directory.pieces, plan.kind)
    if not pieces:
        return "it was lost before anything of it was kept"
    known = joined(plan.kind, pieces)
    last = known.now
    write(plan, Ending(last.iteration, last.seconds, last.solution, known.kept, known.schedule, 0, [], []), directory)
    return f"its record up to iteration {last.iteration} is in {directory.path}, and can be replayed"


def write(plan: LivePlan, ending: Ending, directory: LiveDirectory) -> dict[str, Any]:
    """Write the schedule, the ages, and the measures of the solutions that were kept; pieces are no longer needed.

    Args:
        plan: of the run.
        ending: everything that it has left.
        directory: of the run.

    Returns:
        A row that says how it went.
    """
    write_schedule(directory.schedule, plan.kind, ending.schedule)
    directory.write_table("ages.csv", counted(ages_of(plan.kind, ending.schedule)))
    kept = [
        *(one for one in ending.kept if one.iteration < ending.iteration),
        ending.kept[-1]._replace(iteration=ending.iteration, seconds=ending.seconds, solution=ending.solution),
    ]
    rows: list[dict[str, Any]] = []
    for one in kept:
        head = {"curve": plan.name, "seed": plan.seed, "iteration": one.iteration, "wall_seconds": round(one.seconds, 6)}
        rows.append(head | plan.measures(one))
    directory.write_table("metrics.csv", rows)
    shutil.rmtree(directory.pieces, ignore_errors=True)  # all of it is in the other files now
    speed = {"iterations a second": ending.iteration / max(ending.seconds, 1e-9)}
    return {"shards": plan.shards, **rows[-1], **summary(plan.kind, ending.schedule, plan.agents), **speed}


@contextmanager
def _shown(iterations: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, and a function that is told how many iterations are done."""
    columns = TextColumn("live"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=iterations)
        yield lambda done: bar.update(task, completed=done)
