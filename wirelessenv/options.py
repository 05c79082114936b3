"""Options of the commands that need the environment alone: list and show."""

from wirelessenv.command_line import Parser
from wirelessenv.subcommands import Command

MOST_SLOTS = 1000
"""Pictures of a clip, which are in memory together, 1.6 MB each."""
MOST_FRAMES = 100
"""A second: a GIF counts in hundredths of one."""


def _list(_: Parser) -> None:
    pass


def _show(parser: Parser) -> None:
    parser.add_argument("scenario", metavar="SCENARIO", help="a preset's name, or a YAML file")
    parser.add_argument("--out", metavar="FILE.gif", default="clip.gif", help="default: clip.gif")
    parser.add_argument("--slots", type=int, default=60, metavar="N", help=f"1 to {MOST_SLOTS}; default: 60")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of layout, channels and random powers; default: 0")
    parser.add_argument("--powers", choices=("full", "random"), default="random", help="what the transmitters do")
    parser.add_argument(
        "--messages", action="store_true", help="let transmitters tell their utilities to the next ones in a ring"
    )
    parser.add_argument("--fps", type=int, default=10, metavar="N", help=f"frames a second, 1 to {MOST_FRAMES}; default: 10")


COMMANDS = {
    "list": Command(
        "Print the configurations that come with the package, and the presets of scenarios and messagings with their sources.",
        "",
        _list,
        "wirelessenv.listing:list_command",
    ),
    "show": Command(
        "Write a clip of a scenario.", "drifting --messages --out clip.gif", _show, "wirelessenv.clips:show_command"
    ),
}
