"""Seconds of a sweep with two workers: processes of this machine, and tasks of Ray."""

import tempfile
import time
from pathlib import Path

from benchmarks.reporting import row
from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run
from trainers.workbench.cluster import connected
from trainers.workbench.engines import LOCAL, Engine
from trainers.workbench.ray_engine import OnRay

WORKERS = 2
GROUPS = 6
ITERATIONS = 5_000
"""Iterations of a group of five seeds: about 20 s of one core."""


def table(iterations: int = ITERATIONS) -> list[dict[str, str]]:
    """One sweep on each engine, on Ray without the time in which Ray begins, which is told apart.

    Args:
        iterations: of each run.

    Returns:
        Rows of the printed table.
    """
    local = _seconds(LOCAL, iterations)
    started = time.perf_counter()
    with connected(None, WORKERS):
        begun = time.perf_counter() - started
        with OnRay() as engine:
            there = _seconds(engine, iterations)
    what = f"sweep of {GROUPS} groups with {WORKERS} workers on Ray, s"
    against = f"{there / local:.2f} of the local engine's time ({local:.0f} s); Ray begins in {begun:.0f} s"
    return [row(what, f"{there:.0f}", against, "1.15 for groups of 20 s")]


def _seconds(engine: Engine, iterations: int) -> float:
    experiment = Experiment.parse(
        {
            "scenario": "dense",
            "iterations": iterations,
            "evaluate_every": 1000,
            "seeds": 5 * GROUPS,
            "learner": {"smoothing": 0.2},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run(experiment, Path(folder, "run"), workers=WORKERS, engine=engine, quiet=True)
        return time.perf_counter() - started
