"""Work of `wirelessenv bench`, once its options are read."""

import os
import sys
from argparse import Namespace

from wirelessenv.command_line import importing

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def bench_command(chosen: Namespace) -> int:
    """Measure and print speeds; begins the program anew where numpy was there before the number of threads was set."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | ONE_THREAD)  # noqa: S606  # this very program
    with importing():
        from benchmarks import speeds
    return speeds.report(chosen.out)
