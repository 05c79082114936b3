"""Harms done to a run or a comparison besides kills: a full disk, and write permission that is taken away.

After each, --resume must go on to the same numbers.
"""

import ctypes
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.torture import Work

OVERRIDE = (1, 2)
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: what lets root ignore permissions."""
_DROP = 24  # PR_CAPBSET_DROP
_LIBC = ctypes.CDLL(None)


def bound_by_permissions() -> None:
    """In a child, before it begins: root without the right to ignore permissions; others are bound by them anyway."""
    if os.geteuid() == 0:
        for one in OVERRIDE:
            _LIBC.prctl(_DROP, one, 0, 0, 0)


def full_disk(rng: random.Random) -> Callable[[], None]:
    """In a child, before it begins: no file may grow beyond a size drawn at random; what it writes more is refused."""
    most = int(2 ** rng.uniform(8, 17))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def permit(out: Path, write: bool) -> None:
    """Give or take write permission everywhere below a directory."""
    for folder, _, files in os.walk(out):
        for place in (Path(folder), *(Path(folder, name) for name in files)):
            mode = place.stat().st_mode
            place.chmod(mode | 0o200 if write else mode & ~0o222)


def take_permission(process: subprocess.Popen[bytes], out: Path) -> None:
    """Take write permission away while the process works; wait for its end; give it back."""
    permit(out, write=False)
    try:
        process.wait(timeout=120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        raise
    finally:
        permit(out, write=True)


def fill_disk(config: Path, out: Path, times: int, rng: random.Random, *, work: Work, said: Any) -> int:
    """Let the work meet a full disk `times` times; returns how often it could not write."""
    met = 0
    for _ in range(times):
        full = subprocess.Popen(work.command(config, out, 1), stderr=said, preexec_fn=full_disk(rng))  # noqa: PLW1509, S603  # no threads here
        met += _ended(full) != 0
    return met


def lose_permission(config: Path, out: Path, times: int, rng: random.Random, *, work: Work, said: Any) -> int:
    """Take write permission from the work `times` times; returns how often it could not write."""
    met = 0
    for _ in range(times):
        command = work.command(config, out, 1)
        process = subprocess.Popen(command, stderr=said, preexec_fn=bound_by_permissions)  # noqa: PLW1509, S603  # no threads here
        while process.poll() is None and not (out / "config.yaml").exists():  # before, there is nothing to take it from
            time.sleep(0.05)
        time.sleep(rng.uniform(2.0, 6.0) + (rng.uniform(0, 5) if work.name == "comparison" else 0))
        if process.poll() is None:
            take_permission(process, out)
        met += _ended(process) != 0
    return met


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The status with which it ended: 0 done, or 1 for what cannot be written; any other is a fault."""
    status = process.wait(timeout=180)
    if status not in (0, 1):
        raise SystemExit(f"it ended with status {status}")
    return status
