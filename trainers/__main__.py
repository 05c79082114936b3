"""python -m trainers CONFIG: run an experiment. Also: search, plot, delays, fidelity, list, theory."""

from collections.abc import Sequence

from trainers.options import COMMANDS
from wirelessenv.command_line import Parser, command, guarded

_NAMES = {"search": "search", "plot": "plot", "delays": "delays", "fidelity": "fidelity", "list": "runs", "theory": "theory"}
_OTHERS = "Other commands: search CONFIG, plot DIR, delays CONFIG, fidelity, list [DIR], theory (each has --help)."


@guarded
def main(given: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a configuration or usage that cannot be used, 130 stopped and saved."""
    word = given[0] if given and given[0] in _NAMES else ""
    called = f"python -m trainers {word}".rstrip()
    asked = COMMANDS[_NAMES.get(word, "train")]
    parser = asked.declare(Parser(prog=called), "" if word else _OTHERS)
    return asked.run(parser.parse_args(given[1:] if word else given), called)


if __name__ == "__main__":
    command(main)
