"""Kills of runs and comparisons at random moments; after each, --resume must go on to the same numbers.

Mostly SIGKILL to the main process, sometimes to a worker, sometimes SIGTERM or SIGINT. A kill counts when the work was
still going on.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

CONFIG = """
scenario: {preset: dense, transmitters: 8, hops: 3}
messaging: {graph: ring, links: {delay: {kind: uniform, shortest: 1, longest: 3}, loss: 0.1}}
problem: {evaluation_slots: 30}
policy: {hidden: [6]}
learner: {smoothing: 0.5, batch: 4, memory: 30}
iterations: ITERATIONS
evaluate_every: 50
seeds: 7
reference: centralised
curves:
  centralised: {messaging: centralised}
  ring: {messaging: {activity: {update: 0.5, transmit: 0.5}}}
"""
COMPARED = """
scenarios: {four: {preset: dense, transmitters: 4}}
layouts: 4
slots: 10
warm_up: 5
seeds: 2
optimum: {slots: 5}
methods:
  fractional programming: fractional_programming
  certified optimum: certified_optimum
  GNN: {method: gnn, steps: 60, networks: 4}
  PPO: {method: ppo, reward: sum, slots: 1600}
"""
CLOCKS = ("decision_ms", "training_seconds")
# The command line, with checkpoints often enough that there is something to destroy.
CHILD = """
from trainers import __main__, commands
from trainers.experiments import runner
from wirelessenv.command_line import command
runner.SAVE_EVERY = 0.05
run = runner.run
commands.run = lambda *a, **k: run(*a, save_every=0.05, **k)
command(__main__.main)
"""


def command_of(config: Path, out: Path, workers: int) -> list[str]:
    options = ["--out", str(out), "--resume", "--quiet", "--workers", str(workers)]
    return [sys.executable, "-c", CHILD, str(config), *options]


def rows(out: Path) -> list[dict[str, str]]:
    """The metrics but for the time they took."""
    with (out / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key != "wall_seconds"} for row in csv.DictReader(file)]


def tables(out: Path) -> list[dict[str, str]]:
    """The numbers of a comparison but for the time they took, and how its methods have learned."""
    found = []
    for name in ("comparison.csv", "learning.csv"):
        with (out / name).open() as file:
            found += [{key: value for key, value in row.items() if key not in CLOCKS} for row in csv.DictReader(file)]
    return found


def comparison_of(config: Path, out: Path, workers: int) -> list[str]:
    return [sys.executable, "-m", "baselines", str(config), *command_of(config, out, workers)[4:]]


class Work(NamedTuple):
    """Work that is disturbed: a run or a comparison."""

    name: str
    config: str
    command: Callable[[Path, Path, int], list[str]]
    numbers: Callable[[Path], Any]


RUN = Work("run", CONFIG, command_of, rows)
COMPARISON = Work("comparison", COMPARED, comparison_of, tables)


def newest_child(process: int) -> int | None:
    """A worker of the process, if it has one yet: a child of the server that forks workers, which is a child of the process."""
    try:
        workers = [worker for server in _children(process) for worker in _children(server)]
    except OSError:
        return None
    return workers[-1] if workers else None


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def wait_for_handlers(process: subprocess.Popen[bytes]) -> None:
    """Until the run takes signals: while it still imports, a library may swallow the KeyboardInterrupt of a SIGINT."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def torture(
    config: Path, out: Path, kills: int, rng: random.Random, *, work: Work = RUN, said: Any = subprocess.DEVNULL
) -> int:
    """Kill the work of `out` up to `kills` times, until it comes to its end; returns how many kills met it going on."""
    for done in range(kills):
        workers = rng.choice([1, 1, 1, 2]) if work is RUN else 2
        process = subprocess.Popen(work.command(config, out, workers), stderr=said)  # noqa: S603  # our own program
        time.sleep(rng.uniform(1.0, 4.0) + (2.5 if workers > 1 else 0) + (rng.uniform(0, 6) if work is COMPARISON else 0))
        if process.poll() is not None:
            if process.returncode == 0:
                return done
            raise SystemExit(f"the {work.name} ended by itself with status {process.returncode}")
        kind = rng.choice([signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT])
        if kind != signal.SIGKILL:
            wait_for_handlers(process)
        victim = newest_child(process.pid) if workers > 1 and rng.random() < 0.4 else None
        with suppress(ProcessLookupError):  # it may have come to its end meanwhile
            os.kill(victim or process.pid, signal.SIGKILL if victim else kind)
        process.wait(timeout=120)
    return kills
