"""python -m baselines CONFIG: one fair comparison, with its tables and figures."""

from collections.abc import Sequence

from wirelessenv.command_line import Parser, command, guarded, importing


@guarded
def main(given: Sequence[str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a configuration or usage that cannot be used, 130 stopped."""
    chosen = _parser().parse_args(given)
    with importing():
        from baselines import commands
    return commands.compare_command(chosen)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m baselines",
        description="Compare methods on the same channels: train what needs training, evaluate everybody, write the tables.",
    )
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, such as configs/compare/dense.yaml")
    parser.add_argument("--out", metavar="DIR", help="where it is written (default: runs/compare/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the comparison that DIR holds, if it holds one")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: layouts=5")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--force", action="store_true", help="resume even with other versions")
    parser.add_argument(
        "--no-imports",
        action="store_true",
        help="refuse methods module:name, which are code that is run: for strangers' files",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no tables")
    return parser


if __name__ == "__main__":
    command(main)
