"""python -m baselines CONFIG: one fair comparison, with its tables and figures."""

from collections.abc import Sequence

from baselines.options import COMMANDS
from wirelessenv.command_line import Parser, command, guarded


@guarded
def main(given: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a configuration or usage that cannot be used, 130 stopped."""
    asked, called = COMMANDS["compare"], "python -m baselines"
    return asked.run(asked.declare(Parser(prog=called)).parse_args(given), called)


if __name__ == "__main__":
    command(main)
