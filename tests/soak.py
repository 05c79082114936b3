"""python -m tests.soak: do much of the same thing for long; memory and time must stay flat.

Each sort has a process of its own, which does a tenth of its count to warm up, and then its count in ten parts. After each
part the process's memory is looked at. A sort fails where the last three parts leave more than GROWTH MiB more than the first
three, or take more than RATIO times their processor time (medians).
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before numpy is there

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from wirelessenv.command_line import Parser, command, guarded, importing

PARTS = 10
GROWTH = 5.0
"""MiB."""
RATIO = 1.5
NETWORKS = 50
"""Networks that the vector form steps at once; each counts as a step."""

Do = Callable[[int], object]
"""Does it so many times."""


def vector_steps() -> Do:
    from wirelessenv.envs.vector import VectorPowerControlEnv

    envs = VectorPowerControlEnv(NETWORKS, "dense", messages="utility")
    envs.reset(seed=0)
    actions = envs.action_space.sample()
    return lambda count: [envs.step(actions) and None for _ in range(-(-count // NETWORKS))]


def single_steps() -> Do:
    from wirelessenv import power_control_v0

    env = power_control_v0.parallel_env("dense")
    env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}

    def do(count: int) -> None:
        for _ in range(count):
            if not env.agents:
                env.reset()
            env.step(actions)

    return do


def vector_resets() -> Do:
    from wirelessenv.envs.vector import VectorPowerControlEnv

    envs = VectorPowerControlEnv(4, "dense", messages="utility")
    return lambda count: [envs.reset() and None for _ in range(count)]


def frames() -> Do:
    from wirelessenv import power_control_v0

    env = power_control_v0.parallel_env("dense", render_mode="rgb_array", max_cycles=20)
    env.reset(seed=0)

    def do(count: int) -> None:
        for _ in range(count):
            if not env.agents:
                env.reset()
            env.step({agent: env.action_space(agent).sample() for agent in env.agents})
            assert env.render() is not None

    return do


def algorithm_2() -> Do:
    from trainers import WirelessProblem, ZerothOrderLearner
    from trainers.problems.policies import PolicySettings
    from wirelessenv import Messaging, Scenario

    delay = {"kind": "uniform", "shortest": 1, "longest": 3}
    messaging = Messaging(graph="ring", links={"delay": delay, "loss": 0.1}, activity={"update": 0.5, "transmit": 0.5})
    problem = WirelessProblem(Scenario(preset="dense", transmitters=4), PolicySettings(hidden=(5,)), evaluation_slots=30)
    return ZerothOrderLearner(problem, messaging, batch=2, smoothing=0.5).learn


def async_bc() -> Do:
    from trainers.algorithms.async_bc import AsyncBC
    from trainers.problems.least_squares import LeastSquares

    return AsyncBC(LeastSquares(zeta=100.0), {"concurrency": 3}, step_size=1e-4, exact=True).learn


class Sort(NamedTuple):
    """Something that is done, how often, and what makes it ready."""

    what: str
    count: int
    begin: Callable[[], Do]


SORTS = (
    Sort(f"environment steps, vector form ({NETWORKS} networks a call)", 1_000_000, vector_steps),
    Sort("environment steps, parallel form", 1_000_000, single_steps),
    Sort("vector resets, 4 networks", 10_000, vector_resets),
    Sort("frames", 1_000, frames),
    Sort("iterations of Algorithm 2, 4 agents", 100_000, algorithm_2),
    Sort("updates of AsyncBC", 2_000_000, async_bc),
)


def resident() -> float:
    """MiB that this process holds in memory, once what nobody needs is gone."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measured(begin: Callable[[], Do], each: int) -> tuple[list[float], list[float]]:
    """MiB after each part, and its processor seconds; a part is `each` times, and one that warms up goes before."""
    do = begin()
    do(each)
    memory, seconds = list[float](), list[float]()
    for _ in range(PARTS):
        started = time.process_time()
        do(each)
        seconds.append(time.process_time() - started)
        memory.append(resident())
    return memory, seconds


def judged(memory: Sequence[float], seconds: Sequence[float]) -> tuple[float, float, bool]:
    """MiB of growth, how many times as long the last parts took as the first, and whether both are within their bounds."""
    first, last = ([statistics.median(one[part]) for one in (memory, seconds)] for part in (slice(3), slice(-3, None)))
    growth, ratio = last[0] - first[0], last[1] / first[1]
    return growth, ratio, growth <= GROWTH and ratio <= RATIO


def soak(share: float) -> int:
    """All sorts, with a share of their counts; returns the exit status."""
    failed = 0
    print(f"{'':52} {'count':>9} {'MiB':>7} {'growth':>7} {'s':>6} {'last/first':>10}")
    for sort in SORTS:
        each = max(1, round(sort.count * share / PARTS))
        with ProcessPoolExecutor(1, get_context("spawn")) as own:
            memory, seconds = own.submit(measured, sort.begin, each).result()
        growth, ratio, flat = judged(memory, seconds)
        failed += not flat
        numbers = f"{each * PARTS:>9} {memory[0]:>7.1f} {growth:>+7.2f} {sum(seconds):>6.1f} {ratio:>10.2f}"
        print(f"{sort.what:52} {numbers}  {'flat' if flat else 'GROWS'}", flush=True)
        if not flat:
            print(f"    MiB {[round(one, 2) for one in memory]}, s {[round(one, 2) for one in seconds]}")
    print(
        f"{len(SORTS) - failed} of {len(SORTS)} flat: at most {GROWTH:g} MiB more, last parts at most {RATIO:g} times as long"
    )
    return 1 if failed else 0


@guarded
def main(given: Sequence[str]) -> int:
    parser = Parser(prog="python -m tests.soak", description="Do much of the same for long; memory and time must stay flat.")
    parser.add_argument("share", metavar="SHARE", type=float, nargs="?", default=1.0, help="of the counts (default: 1)")
    chosen = parser.parse_args(given)
    with importing():
        import numpy  # noqa: F401  # what is slow: each sort's process imports its own
    return soak(chosen.share)


if __name__ == "__main__":
    command(main)
