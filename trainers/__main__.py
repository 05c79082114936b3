"""python -m trainers CONFIG: run an experiment. Also: search, plot, delays, fidelity, list, theory."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from trainers import delays, fidelity, listing, plots, search, theory_runs
from trainers.experiment import Experiment
from trainers.run_directory import RunDirectory
from trainers.runner import run
from trainers.staleness import section_4_1
from trainers.terminal import print_table
from trainers.workers import Interrupted, WorkerDied, WorkerRefused
from wirelessenv.config import ConfigError

FAILED, USAGE_ERROR, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a configuration or usage that cannot be used, 130 stopped and saved."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"search": _search, "plot": _plot, "delays": _delays, "fidelity": _fidelity, "list": _list, "theory": _theory}
    try:
        if given and given[0] in commands:
            return commands[given[0]](given[1:])
        return _run(given)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    except WorkerRefused:
        return USAGE_ERROR
    except (Interrupted, KeyboardInterrupt) as stopped:
        print(stopped or "Stopped.", file=sys.stderr)
        return INTERRUPTED
    except (WorkerDied, OSError) as failure:
        print(failure, file=sys.stderr)
        return FAILED


def _run(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainers",
        description="Run the experiment of a YAML file and write its run directory.",
        epilog="Other commands: search CONFIG, plot DIR, delays CONFIG, fidelity, list [DIR], theory (each has --help).",
    )
    _add_experiment(parser)
    parser.add_argument("--out", metavar="DIR", help="the run directory (default: runs/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that DIR holds, if it holds one")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core); changes no number")
    parser.add_argument("--force", action="store_true", help="resume even with other versions or on another device")
    parser.add_argument("--tensorboard", action="store_true", help="write scalars for TensorBoard to DIR/tensorboard")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no table")
    chosen = parser.parse_args(given)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device: cuda is not valid: torch sees no GPU; use cpu")
    out = Path(chosen.out or Path("runs") / Path(chosen.config).stem)
    options = {name: getattr(chosen, name) for name in ("resume", "device", "quiet", "workers", "force", "tensorboard")}
    directory = _trained(_experiment(chosen), out, **options)
    paths = plots.plot(directory.path)
    for row in directory.diverged():
        print("Diverged: {curve}, seed {seed}, by iteration {iteration} ({quantity}).".format_map(row), file=sys.stderr)
    if not chosen.quiet:
        _print_summary(directory)
        print(f"Figure: {paths[0]}")
    return 0


def _trained(experiment: Experiment, out: Path, **options: Any) -> RunDirectory:
    """`run`, with what happened in a sentence where it does not come to its end."""
    try:
        return run(experiment, out, **options)
    except Interrupted:
        raise Interrupted(f"Stopped, and saved: the same command with --resume goes on. It is in {out}") from None
    except WorkerDied:
        raise WorkerDied(
            f"A worker process failed or was killed: the same command with --resume goes on. It is in {out}"
        ) from None
    except OSError as error:
        raise OSError(f"{out}: cannot be written ({error.strerror or error}); what was saved before is safe") from None


def _search(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainers search",
        description="Train every curve with every step size of a grid, on seeds of its own, and print what each reaches.",
    )
    parser.add_argument("config", metavar="CONFIG")
    parser.add_argument("--steps", metavar="A,B,C", required=True, help="step sizes")
    parser.add_argument(
        "--seeds", metavar="A,B,C", default="100,101,102", help="seeds, none of which the experiment reports on"
    )
    parser.add_argument("--last", type=int, default=1, metavar="N", help="judge by the mean of the last N evaluations")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value")
    parser.add_argument("--out", metavar="DIR", help="the run directory (default: runs/search/NAME)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    chosen = parser.parse_args(given)
    experiment = Experiment.load(chosen.config, chosen.set)
    try:
        steps, seeds = [float(one) for one in chosen.steps.split(",")], [int(one) for one in chosen.seeds.split(",")]
    except ValueError as error:
        raise ConfigError(f"--steps, --seeds: numbers separated by commas are needed ({error})") from None
    out = Path(chosen.out or Path("runs") / "search" / Path(chosen.config).stem)
    rows = search.search(experiment, steps, seeds, out, last=chosen.last, resume=True, workers=chosen.workers)
    print_table(f"{experiment.measure} after {experiment.iterations} iterations, mean over seeds {chosen.seeds}", rows)
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


def _fidelity(given: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m trainers fidelity",
        description="Check the papers' claims: train what is not trained yet, draw the figures, print and write the table.",
    )
    parser.add_argument("--claims", metavar="FILE", default="configs/paper/claims.yaml")
    parser.add_argument("--runs", metavar="DIR", help="where the runs are (default: runs, or runs/quick)")
    parser.add_argument("--quick", action="store_true", help="few layouts and iterations: too little to decide")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    chosen = parser.parse_args(given)
    runs = Path(chosen.runs or ("runs/quick" if chosen.quick else "runs"))

    def make(experiment: Experiment, out: Path) -> RunDirectory:
        print(f"{out}: {experiment.title}", file=sys.stderr)
        directory = _trained(experiment, out, resume=True, workers=chosen.workers)
        plots.plot(directory.path)
        return directory

    rows = fidelity.check(Path(chosen.claims), runs, make, chosen.quick)
    table = fidelity.write_tables(rows, runs)
    print_table("Claims, and what was measured (95 % interval)", [{key: row[key] for key in _SHOWN} for row in rows])
    print(f"Table with sources and remarks: {table}")
    return 0


_SHOWN = ("claim", "measured", "asked", "layouts", "verdict")


def _list(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainers list", description="Show the runs below a directory.")
    parser.add_argument("directory", metavar="DIR", nargs="?", default="runs")
    rows = listing.runs(Path(parser.parse_args(given).directory))
    print_table("Runs", rows)
    return 0


def _theory(given: list[str]) -> int:
    argparse.ArgumentParser(
        prog="python -m trainers theory",
        description="Print what the papers' theory says beside what runs on problems of known constants measure.",
    ).parse_args(given)
    print_table("papers/000: theory, as published and corrected, beside measurement", theory_runs.report())
    print_table("papers/003, Section 4.1: staleness that is expected, beside what is measured", section_4_1())
    print_table(
        "papers/004, Theorem 3: independent noise, its bound beside what is measured", theory_runs.independent_noise_report()
    )
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
    judged = "utility / full power" if experiment.measure == "utility" else experiment.measure
    rows = []
    for row in plots.summary(directory.path):
        shown = {
            "curve": row["curve"],
            "D_max": "no messages" if row["D_max"] is None else row["D_max"],
            judged: f"{row['relative']:.4g} +- {row['half_width']:.2g}",
        }
        rows.append(shown | ({gain: f"{row['share']:.2f}"} if row["share"] is not None else {}))
    print_table(f"{experiment.title or directory.path}: after {experiment.iterations} iterations", rows)


if __name__ == "__main__":
    sys.exit(main())
