"""python -m baselines CONFIG: one fair comparison, with its tables and figures."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from baselines.compare import compare
from baselines.comparison import Comparison
from baselines.tables import tables
from trainers.terminal import print_table
from trainers.workers import Interrupted, WorkerDied, WorkerRefused
from wirelessenv.config import ConfigError

FAILED, USAGE_ERROR, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 a configuration or usage that cannot be used, 130 stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m baselines",
        description="Compare methods on the same channels: train what needs training, evaluate everybody, write the tables.",
    )
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, such as configs/compare/dense.yaml")
    parser.add_argument("--out", metavar="DIR", help="where it is written (default: runs/compare/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with the comparison that DIR holds, if it holds one")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value: layouts=5")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--force", action="store_true", help="resume even with other versions")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no tables")
    chosen = parser.parse_args(arguments)
    out = Path(chosen.out or Path("runs") / "compare" / Path(chosen.config).stem)
    again = f"the same command with --resume goes on. It is in {out}"
    try:
        comparison = Comparison.load(chosen.config, chosen.set)
        options = {name: getattr(chosen, name) for name in ("resume", "workers", "force", "quiet")}
        directory = compare(comparison, out, **options)
    except ConfigError as error:
        return _said(error, USAGE_ERROR)
    except WorkerRefused:
        return USAGE_ERROR
    except (Interrupted, KeyboardInterrupt):
        return _said(f"Stopped; what is finished is saved: {again}", INTERRUPTED)
    except WorkerDied:
        return _said(f"A worker process failed or was killed: {again}", FAILED)
    except OSError as error:
        return _said(f"{out}: cannot be written ({error.strerror or error}); what was saved before is safe", FAILED)
    if not chosen.quiet:
        for scenario, reached, costs in tables(directory):
            print_table(f"{scenario}: what methods reach on {comparison.layouts} layouts", reached)
            print_table(f"{scenario}: what they need", costs)
        print(f"Tables and figures: {directory.path / 'comparison.md'}")
    return 0


def _said(what: object, status: int) -> int:
    print(what, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
