"""Options of the commands that train: declared for `wirelessenv` and for `python -m trainers` alike."""

from pathlib import Path

from wirelessenv.command_line import Parser
from wirelessenv.subcommands import Command, add_engine, add_no_imports, add_shard

AXES = ("iteration", "slots", "simulated_seconds", "bits", "wall_seconds")


def _train(parser: Parser) -> None:
    _add_experiment(parser)
    parser.add_argument("--out", metavar="DIR", help="the run directory (default: runs/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that DIR holds, if it holds one")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    add_engine(parser, "; changes no number")
    add_shard(parser)
    parser.add_argument("--force", action="store_true", help="resume even with other versions or on another device")
    parser.add_argument(
        "--log", choices=("tensorboard", "mlflow", "wandb"), action="append", default=[], help="write metrics there, too"
    )
    parser.add_argument("--tensorboard", dest="log", action="append_const", const="tensorboard", help="--log tensorboard")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no table")


def _search(parser: Parser) -> None:
    _add_config(parser)
    parser.add_argument("--steps", metavar="A,B,C", required=True, help="step sizes")
    parser.add_argument(
        "--seeds", metavar="A,B,C", default="100,101,102", help="seeds, none of which the experiment reports on"
    )
    parser.add_argument("--last", type=int, default=1, metavar="N", help="judge by the mean of the last N evaluations")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value")
    parser.add_argument("--out", metavar="DIR", help="the run directory (default: runs/search/NAME)")
    add_no_imports(parser)
    add_engine(parser)
    add_shard(parser)


def _plot(parser: Parser) -> None:
    parser.add_argument("directory", metavar="DIR", help="a run directory, such as runs/fig2")
    parser.add_argument("--x", choices=AXES, help="what all horizontal axes show (default: what each panel says)")
    parser.add_argument("--out", metavar="FOLDER", help="where the figure is written (default: DIR)")
    add_no_imports(parser)


def _fidelity(parser: Parser) -> None:
    parser.add_argument("--claims", metavar="FILE", help="other claims than the papers', which come with the package")
    parser.add_argument("--runs", metavar="DIR", help="where the runs are (default: runs, or runs/quick)")
    parser.add_argument("--quick", action="store_true", help="few layouts and iterations: too little to decide")
    add_engine(parser)
    add_shard(parser)


def _runs(parser: Parser) -> None:
    parser.add_argument("directory", metavar="DIR", nargs="?", default="runs", type=Path, help="default: runs")
    add_no_imports(parser)


def _live(parser: Parser) -> None:
    _add_config(parser)
    parser.add_argument("--curve", metavar="NAME", help="which one (default: the first)")
    parser.add_argument("--shards", type=int, default=2, metavar="N", help="processes that the agents live in (default: 2)")
    parser.add_argument("--address", metavar="ADDRESS", help="HOST:PORT of a Ray cluster, or auto (default: Ray begins here)")
    parser.add_argument("--seed", metavar="N", help="seed of the run (default: the experiment's first)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: iterations=500")
    parser.add_argument("--tick", type=float, default=5.0, metavar="MS", help="PARS-Push: length of a tick (default: 5 ms)")
    parser.add_argument("--slow", type=float, metavar="MS", help="let the last shard sleep so long in each step")
    parser.add_argument("--check", action="store_true", help="let the simulator replay the run, and compare")
    parser.add_argument("--out", metavar="DIR", help="directory of the run (default: runs/live/NAME of the configuration)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no table")
    add_no_imports(parser)


def _theory(_: Parser) -> None:
    pass


def _add_experiment(parser: Parser) -> None:
    _add_config(parser)
    parser.add_argument("--seeds", metavar="N", help="how many seeds, 0 to N - 1")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: scenario.noise=0.5")
    add_no_imports(parser)


def _add_config(parser: Parser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, or the name of a shipped experiment, such as fig2")


COMMANDS = {
    "train": Command(
        "Run the experiment of a YAML file and write its run directory.",
        "fig2 --seeds 3 --set iterations=300 --out runs/short",
        _train,
        "trainers.commands:train_command",
    ),
    "plot": Command("Draw a run's figure from its directory.", "runs/fig2 --x bits", _plot, "trainers.commands:plot_command"),
    "runs": Command("Show the runs below a directory.", "runs", _runs, "trainers.commands:runs_command"),
    "search": Command(
        "Train every curve with every step size of a grid, on seeds of its own, and print what each reaches.",
        "async_bc_fig1 --steps 0.01,0.001 --seeds 100,101",
        _search,
        "trainers.commands:search_command",
    ),
    "live": Command(
        "Run a curve with agents that are really apart: processes whose messages are late because they are (Algorithm 2, "
        "AsyncBC, PARS-Push). The schedule is recorded, and the simulator can replay it.",
        "fig2 --shards 2 --set iterations=500 --check",
        _live,
        "trainers.live.command:live_command",
    ),
    "delays": Command(
        "Print how late messages are, without training anything: ages do not depend on what is learned.",
        "fig2",
        _add_experiment,
        "trainers.commands:delays_command",
    ),
    "fidelity": Command(
        "Check the papers' claims: train what is not trained yet, draw the figures, print and write the table.",
        "--quick",
        _fidelity,
        "trainers.commands:fidelity_command",
    ),
    "theory": Command(
        "Print what the papers' theory says beside what runs on problems of known constants measure.",
        "",
        _theory,
        "trainers.commands:theory_command",
    ),
}
