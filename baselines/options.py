"""Options of the command that compares: declared for `wirelessenv compare` and for `python -m baselines` alike."""

from wirelessenv.command_line import Parser
from wirelessenv.subcommands import Command, add_engine, add_no_imports, add_shard


def _compare(parser: Parser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, or the name of a shipped comparison, such as dense")
    parser.add_argument("--out", metavar="DIR", help="where it is written (default: runs/compare/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the comparison that DIR holds, if it holds one")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: layouts=5")
    add_engine(parser)
    add_shard(parser)
    device = "of networks that are trained through the rate (the GNN, message and aggregation policies)"
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help=device)
    parser.add_argument("--force", action="store_true", help="resume even with other versions or on another device")
    add_no_imports(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no tables")


def _report(parser: Parser) -> None:
    parser.add_argument("directory", metavar="DIR", nargs="+", help="runs, comparisons, or folders with fidelity.csv")
    parser.add_argument(
        "--format", choices=("html", "json", "latex"), default="html", help="a page, all numbers, or the tables (default: html)"
    )
    parser.add_argument("--out", metavar="FILE", help="default: DIR/report.html, .json or .tex; of several DIRs here")
    parser.add_argument("--watch", action="store_true", help="keep the page up to date until nobody works on DIR any more")
    add_no_imports(parser)


COMMANDS = {
    "report": Command(
        "Write one page about runs, comparisons or claims: results, curves, layouts, configuration and machine. It holds all "
        "that it shows, and opens without a network.",
        "runs/fig2 --watch",
        _report,
        "baselines.report.command:report_command",
        extra="report",
    ),
    "compare": Command(
        "Compare methods on the same channels: train what needs training, evaluate everybody, write the tables.",
        "dense --set layouts=5 --out runs/few",
        _compare,
        "baselines.commands:compare_command",
        extra="compare",
    ),
}
