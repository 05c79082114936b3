"""python -m trainers CONFIG: run an experiment. Also: plot DIR, delays CONFIG."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from trainers import delays, plots
from trainers.experiment import Experiment
from trainers.run_directory import RunDirectory
from trainers.runner import Interrupted, run
from trainers.terminal import print_table
from wirelessenv.config import ConfigError

USAGE_ERROR, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 2 a configuration or usage that cannot be used, 130 interrupted and saved."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"plot": _plot, "delays": _delays}
    try:
        if given and given[0] in commands:
            return commands[given[0]](given[1:])
        return _run(given)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED


def _run(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainers",
        description="Run the experiment of a YAML file and write its run directory.",
        epilog="Other commands: python -m trainers plot DIR, python -m trainers delays CONFIG.",
    )
    _add_experiment(parser)
    parser.add_argument("--out", metavar="DIR", help="the run directory (default: runs/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that DIR holds, if it holds one")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no table")
    chosen = parser.parse_args(given)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device: cuda is not valid: torch sees no GPU; use cpu")
    out = Path(chosen.out or Path("runs") / Path(chosen.config).stem)
    try:
        directory = run(_experiment(chosen), out, resume=chosen.resume, device=chosen.device, quiet=chosen.quiet)
    except Interrupted:
        print(f"Stopped, and saved: the same command with --resume goes on. It is in {out}", file=sys.stderr)
        return INTERRUPTED
    paths = plots.plot(directory.path)
    if not chosen.quiet:
        _print_summary(directory)
        print(f"Figure: {paths[0]}")
    return 0


def _plot(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainers plot", description="Draw a run's figure from its directory.")
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--x", choices=tuple(plots.AXES), default="iteration", help="what the horizontal axis shows")
    chosen = parser.parse_args(given)
    for path in plots.plot(chosen.directory, chosen.x):
        print(path)
    return 0


def _delays(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainers delays",
        description="Print how late messages are, without training anything: ages do not depend on what is learned.",
    )
    _add_experiment(parser)
    rows = delays.delays(_experiment(parser.parse_args(given)))
    print_table("Message delays, in instants of global time", rows)
    return 0


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, such as configs/paper/fig2.yaml")
    parser.add_argument("--seeds", metavar="N", help="how many seeds, 0 to N - 1")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: scenario.noise=0.5")


def _experiment(chosen: argparse.Namespace) -> Experiment:
    return Experiment.load(chosen.config, [*chosen.set, *([f"seeds={chosen.seeds}"] if chosen.seeds else [])])


def _print_summary(directory: RunDirectory) -> None:
    experiment = directory.experiment()
    gain = f"share of the gain of {experiment.reference}"
    rows = []
    for row in plots.summary(directory.path):
        shown = {
            "curve": row["curve"],
            "D_max": "no messages" if row["D_max"] is None else row["D_max"],
            "utility / full power": f"{row['relative']:.3f} +- {row['half_width']:.3f}",
        }
        rows.append(shown | ({gain: f"{row['share']:.2f}"} if row["share"] is not None else {}))
    print_table(f"{experiment.title or directory.path}: after {experiment.iterations} iterations", rows)


if __name__ == "__main__":
    sys.exit(main())
