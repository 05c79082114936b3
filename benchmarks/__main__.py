"""python -m benchmarks: the table of speeds."""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before numpy is there

from collections.abc import Sequence
from pathlib import Path

from wirelessenv.command_line import Parser, command, guarded, importing


@guarded
def main(given: Sequence[str]) -> int:
    description = "Measure speeds side by side and print them; it takes minutes."
    parser = Parser(prog="python -m benchmarks", description=description)
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the tables there, too, as Markdown")
    chosen = parser.parse_args(given)
    with importing():
        from benchmarks import speeds
    return speeds.report(chosen.out)


if __name__ == "__main__":
    command(main)
