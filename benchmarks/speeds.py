"""The table of speeds. Each pair is measured in turn in one process, on one thread."""

import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from benchmarks import allocators, bands, environments, gradient_methods, large_networks, live, plain_numpy, sweeps, talking
from benchmarks.reporting import row, spread
from trainers import WirelessProblem, ZerothOrderLearner
from trainers.workbench.files import write_atomically
from trainers.workbench.terminal import markdown_table, print_table
from wirelessenv import Messaging

ROUNDS, LIVE_ROUNDS = 7, 3
MESSAGING = Messaging(activity={"update": 0.9, "transmit": 0.9})


def learner(runs: int, variants: int = 1, device: str = "cpu") -> Callable[[int], float]:
    """A learner of m = 24, B = 20, kappa = 6, p = 0.9, ready to be measured.

    Args:
        runs: side by side.
        variants: curves of each run.
        device: "cpu" or "cuda".

    Returns:
        A function that trains on and returns milliseconds an iteration.
    """
    seeds = list(range(runs))
    made = ZerothOrderLearner(WirelessProblem("paper", seed=seeds, device=device), [MESSAGING] * variants, seed=seeds)

    def run(iterations: int) -> float:
        before = made.train_seconds
        made.learn(iterations)
        if device == "cuda":
            torch.cuda.synchronize()
        return 1e3 * (made.train_seconds - before) / iterations

    run(96 if runs == 1 else 32)
    return run


def in_turn(contenders: dict[str, tuple[Callable[[int], float], int]], bar: Progress) -> dict[str, list[float]]:
    """Each contender's milliseconds an iteration in every round: A B C, A B C, ..., so that a drift meets all alike.

    Args:
        contenders: by name: a function that runs some iterations, and how many.
        bar: shows progress.

    Returns:
        By name, one number for each round.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in bar.track(range(ROUNDS), description=", ".join(contenders)):
        for name, (run, iterations) in contenders.items():
            found[name].append(run(iterations))
    return found


def report(out: Path | None = None) -> int:
    """Measure all of it, print each table once it is measured, and write them to `out` as Markdown."""
    torch.set_num_threads(1)
    text = []
    for title, measure in sections().items():
        print(f"Measuring: {title}", file=sys.stderr, flush=True)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            rows = measure(bar)
        print_table(title, rows)
        text.append("\n".join([f"**{title}**", "", *markdown_table(rows)]))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, ("\n\n".join(text) + "\n").encode())
    return 0


def sections() -> dict[str, Callable[[Progress], list[dict[str, Any]]]]:
    """Functions that measure the rows of a table each and show their progress in a bar, by the title of the table."""
    rounds = f"median of {ROUNDS} rounds"
    found: dict[str, Callable[[Progress], list[dict[str, Any]]]] = {
        f"Speed on one thread: {rounds} (smallest to largest)": lambda bar: learners(bar) + environments.table(ROUNDS, bar),
        f"Allocators on one thread: {rounds} or of the channels (range)": lambda bar: (
            allocators.table(ROUNDS, bar) + talking.table(ROUNDS, bar)
        ),
        f"Several bands on one thread: {rounds} (range)": lambda bar: bands.table(ROUNDS, bar),
        "Gradient methods on one thread": lambda _: gradient_methods.table(),
        "Large networks on one thread: Algorithm 2 (B = 20, K = 5, three hops) and the environment": large_networks.table,
    }
    if find_spec("ray") is not None:
        found["A sweep with two workers"] = lambda _: sweeps.table()
        found[f"Agents in processes of their own: median of {LIVE_ROUNDS} rounds (range)"] = lambda _: live.table(LIVE_ROUNDS)
    if torch.cuda.is_available():
        found[f"Algorithm 2 on {torch.cuda.get_device_name()}"] = lambda _: gpu_table()
    return found


def learners(bar: Progress) -> list[dict[str, Any]]:
    """Rows of Algorithm 2: plain numpy, one run, and batches of runs and curves.

    Args:
        bar: shows progress.
    """
    batches = {f"{runs} runs": (learner(runs), max(20, 320 // runs)) for runs in (2, 5, 10, 20)}
    times = in_turn({"plain numpy": (plain_numpy.make(), 300), "1 run": (learner(1), 320)} | batches, bar)
    shared = in_turn({"10 runs x 4 curves": (learner(10, 4), 20)}, bar)
    one = times["1 run"]
    ratios = [plain / ours for plain, ours in zip(times["plain numpy"], one, strict=True)]
    rows = [
        row("Algorithm 2, plain numpy, ms an iteration", spread(times["plain numpy"], ".3f")),
        row("Algorithm 2, learner, ms an iteration", spread(one, ".3f"), f"{spread(ratios, '.2f')} times as fast", "2"),
    ]
    for name in batches:
        runs = int(name.split()[0])
        each = [value / runs for value in times[name]]
        relative = [a / b for a, b in zip(each, one, strict=True)]
        asked = "1.25" if runs == 20 else "1 at the best size"
        rows.append(
            row(f"{name} in a batch, ms a run-iteration", spread(each, ".3f"), f"{spread(relative, '.2f')} of 1 run", asked)
        )
    each = [value / 40 for value in shared["10 runs x 4 curves"]]
    rows.append(row("10 runs x 4 curves, ms a run-iteration", spread(each, ".3f")))
    return rows


def gpu_table() -> list[dict[str, Any]]:
    """Runs x iterations a second over batch sizes on a GPU, and the share of its memory bandwidth."""
    rows = []
    source = torch.empty(2**28, device="cuda")
    target = torch.empty_like(source)
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(10):
        target.copy_(source)
    torch.cuda.synchronize()
    bandwidth = 10 * 2 * source.numel() * 4 / (time.perf_counter() - started)
    for runs in (1, 10, 100, 1000):
        run = learner(runs, device="cuda")
        seconds = statistics.median(run(20) for _ in range(3)) / 1e3
        # Bytes that must move: perturbations written once and read for each age in use (9), parameters read and written,
        # gains and amplitudes written and read.
        size = 24 * 1141 * 4 * (1 + 9 + 2 + 2 + 2) + 40 * 24 * 24 * 4 * 6
        share = f"{runs * size / seconds / bandwidth:.1%}"
        rows.append({"runs": runs, "run-iterations/s": f"{runs / seconds:.0f}", "share of memory bandwidth": share})
    return rows
