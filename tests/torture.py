"""python -m tests.torture [KILLS]: kill a run at random moments, resume it, and compare its numbers with an undisturbed one.

Mostly SIGKILL to the main process, sometimes to a worker, sometimes SIGTERM or SIGINT. A kill counts when the run was
still going on.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from wirelessenv.command_line import Parser, command, guarded

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
# The command line, with checkpoints often enough that there is something to destroy.
CHILD = """
from trainers import __main__, commands, runner
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


def newest_child(process: int) -> int | None:
    """A worker of the process, if it has one yet (its other child is the standard library's resource tracker)."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except OSError:
        return None
    return int(workers[-1]) if workers else None


def wait_for_handlers(process: subprocess.Popen[bytes]) -> None:
    """Until the run takes signals: while it still imports, a library may swallow the KeyboardInterrupt of a SIGINT."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.01)


def torture(config: Path, out: Path, kills: int, rng: random.Random) -> int:
    """Kill the run of `out` up to `kills` times, until it comes to its end; returns how many kills met it going on."""
    for done in range(kills):
        workers = rng.choice([1, 1, 1, 2])
        process = subprocess.Popen(command_of(config, out, workers), stderr=subprocess.DEVNULL)  # noqa: S603  # our own program
        time.sleep(rng.uniform(1.0, 4.0) + (2.5 if workers > 1 else 0))
        if process.poll() is not None:
            if process.returncode == 0:
                return done
            raise SystemExit(f"the run ended by itself with status {process.returncode}")
        kind = rng.choice([signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT])
        if kind != signal.SIGKILL:
            wait_for_handlers(process)
        victim = newest_child(process.pid) if workers > 1 and rng.random() < 0.4 else None
        with suppress(ProcessLookupError):  # it may have come to its end meanwhile
            os.kill(victim or process.pid, signal.SIGKILL if victim else kind)
        process.wait(timeout=60)
    return kills


@guarded
def main(given: Sequence[str]) -> int:
    parser = Parser(
        prog="python -m tests.torture",
        description="Kill a run at random moments, resume it, and compare its numbers with those of an undisturbed one.",
    )
    parser.add_argument("kills", metavar="KILLS", type=int, nargs="?", default=100, help="how often (default: 100)")
    parser.add_argument("iterations", metavar="ITERATIONS", type=int, nargs="?", default=60_000, help="of each run")
    chosen = parser.parse_args(given)
    return torture_until(chosen.kills, chosen.iterations)


def torture_until(kills: int, iterations: int) -> int:
    started, rng = time.monotonic(), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        config, whole = Path(folder) / "small.yaml", Path(folder) / "whole"
        config.write_text(CONFIG.replace("ITERATIONS", str(iterations)))
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
        subprocess.run(command_of(config, whole, 2), check=True)  # noqa: S603  # our own program
        done = runs = different = 0
        while done < kills:
            runs += 1
            cut = Path(folder) / f"cut{runs}"
            done += torture(config, cut, kills - done, rng)
            subprocess.run(command_of(config, cut, 2), check=True)  # noqa: S603  # our own program
            different += rows(cut) != rows(whole)
            print(f"{done} kills, {runs} runs of {len(rows(whole))} rows, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{runs - different} of {runs} runs identical with the undisturbed one after {done} kills")
    return 1 if different else 0


if __name__ == "__main__":
    command(main)
