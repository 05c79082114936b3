"""Options of the command that compares: declared for `wirelessenv compare` and for `python -m baselines` alike."""

from wirelessenv.command_line import Parser
from wirelessenv.subcommands import Command, add_engine, add_no_imports


def _compare(parser: Parser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, or the name of a shipped comparison, such as dense")
    parser.add_argument("--out", metavar="DIR", help="where it is written (default: runs/compare/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the comparison that DIR holds, if it holds one")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: layouts=5")
    add_engine(parser)
    device = "of networks that are trained through the rate (the GNN, message and aggregation policies)"
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help=device)
    parser.add_argument("--force", action="store_true", help="resume even with other versions or on another device")
    add_no_imports(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no tables")


COMMANDS = {
    "compare": Command(
        "Compare methods on the same channels: train what needs training, evaluate everybody, write the tables.",
        "dense --set layouts=5 --out runs/few",
        _compare,
        "baselines.commands:compare_command",
        extra="compare",
    )
}
