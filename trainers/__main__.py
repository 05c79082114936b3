"""python -m trainers CONFIG: run an experiment. Also: search, plot, delays, fidelity, list, theory."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from wirelessenv.command_line import Parser, command, guarded, importing

AXES = ("iteration", "slots", "simulated_seconds", "bits", "wall_seconds")


@guarded
def main(given: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a configuration or usage that cannot be used, 130 stopped and saved."""
    parsers = {"search": _search, "plot": _plot, "delays": _delays, "fidelity": _fidelity, "list": _list, "theory": _theory}
    named = bool(given) and given[0] in parsers
    name = given[0] if named else "run"
    chosen: Namespace = (parsers[name] if named else _run)().parse_args(given[1:] if named else given)
    with importing():
        from trainers import commands
        from wirelessenv.imports import no_imports
    with no_imports(getattr(chosen, "no_imports", False)):
        return int(getattr(commands, f"{name}_command")(chosen))


def _run() -> Parser:
    parser = Parser(
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
    return parser


def _search() -> Parser:
    parser = Parser(
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
    _add_no_imports(parser)
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    return parser


def _plot() -> Parser:
    parser = Parser(prog="python -m trainers plot", description="Draw a run's figure from its directory.")
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--x", choices=AXES, default="iteration", help="what the horizontal axis shows")
    parser.add_argument("--out", metavar="FOLDER", help="where the figure is written (default: DIR)")
    _add_no_imports(parser)
    return parser


def _delays() -> Parser:
    parser = Parser(
        prog="python -m trainers delays",
        description="Print how late messages are, without training anything: ages do not depend on what is learned.",
    )
    _add_experiment(parser)
    return parser


def _fidelity() -> Parser:
    parser = Parser(
        prog="python -m trainers fidelity",
        description="Check the papers' claims: train what is not trained yet, draw the figures, print and write the table.",
    )
    parser.add_argument("--claims", metavar="FILE", default="configs/paper/claims.yaml")
    parser.add_argument("--runs", metavar="DIR", help="where the runs are (default: runs, or runs/quick)")
    parser.add_argument("--quick", action="store_true", help="few layouts and iterations: too little to decide")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    return parser


def _list() -> Parser:
    parser = Parser(prog="python -m trainers list", description="Show the runs below a directory.")
    parser.add_argument("directory", metavar="DIR", nargs="?", default="runs", type=Path)
    _add_no_imports(parser)
    return parser


def _theory() -> Parser:
    return Parser(
        prog="python -m trainers theory",
        description="Print what the papers' theory says beside what runs on problems of known constants measure.",
    )


def _add_experiment(parser: Parser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, such as configs/paper/fig2.yaml")
    parser.add_argument("--seeds", metavar="N", help="how many seeds, 0 to N - 1")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: scenario.noise=0.5")
    _add_no_imports(parser)


def _add_no_imports(parser: Parser) -> None:
    parser.add_argument(
        "--no-imports", action="store_true", help="refuse what names code of a user's own, which is run: for strangers' files"
    )


if __name__ == "__main__":
    command(main)
