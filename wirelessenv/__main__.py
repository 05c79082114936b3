"""wirelessenv, or python -m wirelessenv: the one command line of the environment, the trainers and the comparisons."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

from wirelessenv import __version__
from wirelessenv.command_line import Parser, command, guarded, importing
from wirelessenv.config import nearest
from wirelessenv.subcommands import Command, needing


class Entry(NamedTuple):
    """A command in the list of commands; the module that declares it is imported when it is asked for."""

    module: str
    about: str


ENTRIES = {
    "list": Entry("wirelessenv.options", "shipped configurations, and presets of scenarios and messagings"),
    "show": Entry("wirelessenv.options", "a clip of a scenario"),
    "train": Entry("trainers.options", "run an experiment: train its curves, draw its figure"),
    "plot": Entry("trainers.options", "draw a run's figure from its directory"),
    "runs": Entry("trainers.options", "the runs below a directory, their state and what they reached"),
    "search": Entry("trainers.options", "find step sizes on a grid"),
    "live": Entry("trainers.options", "run agents in processes of their own, whose messages are really late"),
    "delays": Entry("trainers.options", "how late the messages of an experiment are, without training"),
    "fidelity": Entry("trainers.options", "check the papers' claims"),
    "theory": Entry("trainers.options", "the papers' bounds beside measurements"),
    "compare": Entry("baselines.options", "compare methods on the same channels"),
    "report": Entry("baselines.options", "write a page about runs, comparisons or claims"),
    "bench": Entry("benchmarks.options", "measure speeds"),
}


@guarded
def main(given: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 something that cannot be used, 130 stopped."""
    program = "wirelessenv" if Path(sys.argv[0]).name == "wirelessenv" else "python -m wirelessenv"
    word = given[0] if given else ""
    parser = Parser(prog=program, description="Transmitters that share a channel, and methods that learn in it.")
    parser.add_argument("--version", action="version", version=f"wirelessenv {__version__}")
    parser.epilog = f"Each command has --help, with an example: {program} train --help"
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    asked: Command | None = None
    for name, entry in ENTRIES.items():
        its_own = commands.add_parser(name, help=entry.about)
        if name == word:
            asked = _command(name, f"{program} {name}")
            asked.declare(its_own)
    if asked is None and word and not word.startswith("-"):
        parser.error(f"{word}: unknown command{nearest(word, ENTRIES)}")
    chosen = parser.parse_args(given)
    assert asked is not None, "argparse leaves where there is no command"
    return asked.run(chosen, f"{program} {word}")


def _command(name: str, called: str) -> Command:
    with needing(called, "train"), importing():
        found: dict[str, Command] = import_module(ENTRIES[name].module).COMMANDS
    return found[name]


def program() -> NoReturn:
    """Start the command from the console script."""
    command(main)


if __name__ == "__main__":
    program()
