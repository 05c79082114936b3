"""python -m benchmarks: the table of speeds."""

from collections.abc import Sequence

from benchmarks.options import COMMANDS
from wirelessenv.command_line import Parser, command, guarded


@guarded
def main(given: Sequence[str]) -> int:
    asked, called = COMMANDS["bench"], "python -m benchmarks"
    return asked.run(asked.declare(Parser(prog=called)).parse_args(given), called)


if __name__ == "__main__":
    command(main)
