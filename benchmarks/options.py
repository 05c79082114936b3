"""Options of the command that measures speeds: declared for `wirelessenv bench` and for `python -m benchmarks` alike."""

from pathlib import Path

from wirelessenv.command_line import Parser
from wirelessenv.subcommands import Command


def _bench(parser: Parser) -> None:
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the tables there, too, as Markdown")


COMMANDS = {
    "bench": Command(
        "Measure speeds side by side and print them; it takes minutes.",
        "--out speed.md",
        _bench,
        "benchmarks.commands:bench_command",
    )
}
