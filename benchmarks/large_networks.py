"""Time and memory of networks of many transmitters whose faint links are cut, each in a process of its own, on one thread."""

import json
import math
import subprocess
import sys
from typing import Any

from rich.progress import Progress

from benchmarks.reporting import row

AGENTS = (100, 300, 1000, 3000, 10_000)
WORK = """
import json, pathlib, resource, sys, time
import numpy as np, torch
from trainers import WirelessProblem, ZerothOrderLearner
from wirelessenv import power_control_v0
torch.set_num_threads(1)
agents = int(sys.argv[1])
if agents == 24:
    scenario, links, options = "dense", "paper", {}
else:
    scenario = {"preset": "dense", "transmitters": agents, "cut": 0.01, "placement": {"density": 1 / 6}}
    links, options = {"graph": "k_nearest"}, {"most_hops": 3, "memory": 4}
problem = WirelessProblem(scenario, evaluation_slots=100)
learner = ZerothOrderLearner(problem, links, smoothing=0.2, batch=20, **options)
env = power_control_v0.parallel_env(scenario, max_cycles=10**9)
env.reset(seed=0)
actions = {agent: np.array([0.3], np.float32) for agent in env.agents}
def seconds(step, times):
    step()
    found = []
    for _ in range(7):
        started = time.process_time()  # one thread's: whoever else computes here takes less part in it
        for _ in range(times):
            step()
        found.append((time.process_time() - started) / times)
    return min(found)
told = {"iteration": seconds(lambda: learner.learn(16), max(1, 625 // agents)) / 16}  # as between two evaluations
told["step"] = seconds(lambda: env.step(actions), max(4, 30_000 // agents))
learner.measures()
peak, status = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, pathlib.Path("/proc/self/status")
if status.exists():  # on Linux the other number may be that of the process that began this one
    peak = status.read_text().split("VmHWM:")[1].split()[0]
told["memory"] = int(peak) / 2**20
print(json.dumps(told))
"""


def measured(agents: int) -> dict[str, float]:
    """Seconds of the processor for an iteration of Algorithm 2 and an environment step, and GiB at the most, of m agents."""
    done = subprocess.run([sys.executable, "-c", WORK, str(agents)], capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(bar: Progress) -> list[dict[str, Any]]:
    """Time an agent over m, its exponent, and memory.

    Args:
        bar: shows progress.

    Returns:
        Rows of the printed table.
    """
    found = {agents: measured(agents) for agents in bar.track((24, *AGENTS), description="large networks")}
    rows = []
    for agents, told in found.items():
        each = {name: f"{told[name] / agents * 1e6:.1f}" for name in ("iteration", "step")}
        form = "all links" if agents == 24 else "lists of neighbours"
        relative = f"{told['iteration'] / agents / (found[24]['iteration'] / 24):.2f} of m = 24; {told['memory']:.2f} GiB"
        rows.append(row(f"m = {agents}, {form}: us an agent and iteration", each["iteration"], relative, "25"))
        rows.append(row(f"m = {agents}, {form}: us an agent and environment step", each["step"]))
    decades = math.log(AGENTS[-1] / AGENTS[0])
    for name, what in (("iteration", "an iteration"), ("step", "an environment step")):
        exponent = math.log(found[AGENTS[-1]][name] / found[AGENTS[0]][name]) / decades
        rows.append(row(f"exponent of {what} in m, {AGENTS[0]} to {AGENTS[-1]}", f"{exponent:.2f}", asked="1.1"))
    return rows
