"""Draws docs/images/live.png: agents that are really apart beside the simulator with the ages that were measured.

PYTHONPATH=. python docs/draw_live.py [ROUNDS]   some minutes on 2 cores
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.experiments.experiment import Experiment
from trainers.live.actors import CarryLimits, Ending, live_run
from trainers.live.plan import LivePlan
from trainers.live.report import ages_of, summary
from trainers.workbench.cluster import connected
from trainers.workbench.drawing import head, label, legends, panels, styled
from wirelessenv import Messaging
from wirelessenv.messages.knowledge import UNKNOWN, Knowledge
from wirelessenv.shipped import configuration
from wirelessenv.style import line

OUT = Path(__file__).parent / "images" / "live.png"
CASES = {"1 shard": (1, 0.0), "2 shards": (2, 0.0), "4 shards": (4, 0.0), "4 shards, one slow": (4, 0.1)}
"""Shards, and the seconds that the last one sleeps in each step."""
CURVE = "p=0.9"
"""Curve of fig2, of whose messaging the graph counts."""
LONGEST = 30
"""Delays that are tried in the simulator, in instants, at the most."""


def simulated(plan: LivePlan, told: dict[str, float]) -> tuple[int, list[float]]:
    """Utilities of the simulator with the delay whose mean age is nearest to what was measured.

    Args:
        plan: of the live run.
        told: its summary.

    Returns:
        The delay, and the utility at every evaluation.
    """
    links = plan.learner.knowledge[0].links  # type: ignore[attr-defined]  # Algorithm 2
    update = {"probability": max(0.05, min(1.0, told["updates an agent and round"]))}
    best = (np.inf, Messaging())
    for delay in range(1, LONGEST + 1):
        messaging = plan.curve.messaging.model_copy(
            update={
                "activity": Messaging(activity={"update": update}).activity,
                "links": Messaging(links={"delay": {"kind": "constant", "instants": delay}}).links,
            }
        )
        newest = Knowledge(messaging, links, [plan.seed], counting=False).steps(300)
        ages = (newest.times[:, None, None, None] - newest.newest)[newest.newest != UNKNOWN]
        mean = ages[ages > 0].mean() if (ages > 0).any() else 0.0
        best = min(best, (abs(mean - told["mean age"]), messaging), key=lambda one: one[0])
    fresh = plan.built()
    options: dict[str, Any] = {name: value for name, value in fresh._arguments().items() if name != "links"}
    learner = ZerothOrderLearner(fresh.problem, best[1], **options | {"memory": 200})
    found = [float(learner.measures()["utility"][0, 0])]
    for _ in range(plan.iterations // plan.evaluate_every):
        learner.learn(plan.evaluate_every)
        found.append(float(learner.measures()["utility"][0, 0]))
    return best[1].links.delay.largest, found


def main(rounds: int) -> None:
    """Run all cases and draw the figure, with a table on the terminal.

    Args:
        rounds: of each run.
    """
    torch.set_num_threads(1)
    changes = [f"iterations={rounds}", f"evaluate_every={max(1, rounds // 15)}", "learner.memory=200"]
    experiment = Experiment.load(configuration("fig2", "experiment"), changes)
    endings: dict[str, tuple[LivePlan, Ending]] = {}
    with connected(None, 2, "docs/draw_live.py") as ray:
        for name, (shards, sleep) in CASES.items():
            plan = LivePlan.of(experiment, CURVE, shards)
            limits = [CarryLimits() for _ in range(shards)]
            limits[-1] = limits[-1]._replace(sleep=sleep)
            with live_run(ray, plan, limits) as run:
                endings[name] = plan, run.run()
            print(name, f"{endings[name][1].iteration / endings[name][1].seconds:.0f} rounds/s", flush=True)
    with styled():
        _draw(endings)


def _draw(endings: dict[str, tuple[LivePlan, Ending]]) -> None:
    """Draw utilities over wall time and ages of all cases, and print what was measured."""
    figure, (left, right) = panels(2, height=2.9)
    for number, (name, (plan, ending)) in enumerate(endings.items()):
        told = summary(plan.kind, ending.schedule, plan.agents)
        seconds = [one.seconds for one in ending.kept]
        look = line(number)
        left.plot(seconds, [plan.measures(one)["utility"] for one in ending.kept], color=look.colour, label=f"{name}, live")
        delay, utilities = simulated(plan, told)
        left.plot(
            seconds[: len(utilities)],
            utilities[: len(seconds)],
            color=look.colour,
            linestyle=(0, (1.2, 1.2)),
            label=f"{name}, simulated, delay {delay}",
        )
        ages = np.sort(ages_of(plan.kind, ending.schedule))
        share, told_so = 1 - np.arange(len(ages)) / len(ages), f"{name}: mean {told['mean age']:.1f}"
        right.step(ages, share, color=look.colour, linestyle=look.dashes, label=told_so)
        print(name, told, f"simulated with delay {delay}", flush=True)
    right.set(yscale="log")
    label(left, "wall time (s)", "total utility (bit/s/Hz)")
    label(right, "age of an entry in an update (rounds)", "share that is as old or older")
    head([left, right], ["utility", "ages"], "Agents that are really apart, and simulated with the ages that were measured")
    entries = [dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True)) for axes in (left, right)]
    legends([left, right], entries)
    figure.savefig(OUT)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1500)
