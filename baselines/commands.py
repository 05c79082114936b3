"""Work of the command that compares, once its options are read."""

from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path

from baselines.comparison.compare import compare
from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.tables import tables
from trainers.workbench.engine_choice import engine_chosen
from trainers.workbench.shards import WorkShard
from trainers.workbench.terminal import print_table
from trainers.workbench.work_directory import safe
from trainers.workbench.workers import Interrupted, WorkerDied
from wirelessenv.command_line import writing
from wirelessenv.shipped import configuration
from wirelessenv.text import one_line


def compare_command(chosen: Namespace) -> int:
    """Run a comparison, draw its figures and print its tables."""
    out = Path(chosen.out or Path("runs") / "compare" / Path(chosen.config).stem)
    again = f"the same command with --resume goes on. It is in {out}"
    shard = WorkShard.parse(chosen.shard) if chosen.shard is not None else None
    with ComparisonDirectory(out).standing_in() if chosen.resume or shard else nullcontext():
        comparison = Comparison.load(configuration(chosen.config, "comparison"), chosen.set)
    options = {name: getattr(chosen, name) for name in ("resume", "workers", "force", "quiet", "device")}
    try:
        with engine_chosen(chosen) as engine, writing(out, lambda: safe(out)):
            directory = compare(comparison, out, engine=engine, shard=shard, **options)
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted(f"Stopped; what is finished is saved: {again}") from None
    except WorkerDied:
        raise WorkerDied(f"A worker process failed or was killed: {again}") from None
    if not chosen.quiet:
        for scenario, reached, costs in tables(directory):
            print_table(f"{scenario}: what methods reach on {comparison.layouts} layouts", reached)
            print_table(f"{scenario}: what they need", costs)
        print(one_line(f"Tables and figures: {directory.path / 'comparison.md'}"))
    return 0
