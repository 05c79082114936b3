"""Draws docs/images/live.png: agents that are really apart beside the simulator with the ages that were measured.

PYTHONPATH=. python docs/draw_live.py [ROUNDS]   some minutes on 2 cores
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.experiments.experiment import Experiment
from trainers.live.actors import CarryLimits, Ending, live_run
from trainers.live.party import Arrays
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
LONGEST, SELDOM = 60, 0.01
"""Delays that are tried in the simulator, in instants, at the most; the least probability of an update."""


def simulated(plan: LivePlan, schedule: Arrays) -> list[float]:
    """Utilities of the simulator whose agents update as often as those of their shard did, and whose entries are as old.

    Args:
        plan: of the live run.
        schedule: of it.

    Returns:
        The utility at every evaluation.
    """
    links = plan.learner.knowledge[0].links  # type: ignore[attr-defined]  # Algorithm 2
    shard, rounds = schedule["shard"], len(schedule["post"])
    often = np.bincount(schedule["update_agent"], minlength=len(shard)) / rounds
    update = np.clip([often[shard == one].mean() for one in shard], SELDOM, 1).tolist()
    measured = _ages(schedule["update_round"], schedule["update_agent"], schedule["update_heard"], shard)
    delays = np.ones(shard.max() + 1, int)
    for one in np.argsort(measured):  # from the quickest on: delays of slower ones hardly change its ages
        tried = []
        for delay in range(int(delays.max()), LONGEST + 1):
            delays[one:] = delay
            found = _ages_of(plan, _messaging(plan, update, delays[shard]), links, shard)
            tried.append((abs(found[one] - measured[one]), delay))
            if found[one] > measured[one] + 1:
                break
        delays[one] = min(tried)[1]
    fresh = plan.built()
    options: dict[str, Any] = {name: value for name, value in fresh._arguments().items() if name != "links"}
    learner = ZerothOrderLearner(fresh.problem, _messaging(plan, update, delays[shard]), **options | {"memory": 400})
    print(
        "simulated: delays of the shards",
        delays.tolist(),
        "updates",
        [round(one, 3) for one in sorted(set(update))],
        flush=True,
    )
    found = [float(learner.measures()["utility"][0, 0])]
    for _ in range(plan.iterations // plan.evaluate_every):
        learner.learn(plan.evaluate_every)
        found.append(float(learner.measures()["utility"][0, 0]))
    return found


def _messaging(plan: LivePlan, update: list[float], delays: NDArray[np.int64]) -> Messaging:
    """Messaging of the run's graph with each agent's probability of updates, and its messages' delay."""
    delay = {"kind": "constant", "instants": delays.tolist()}
    return Messaging(graph=plan.curve.messaging.graph, activity={"update": {"probability": update}}, links={"delay": delay})


def _ages(now: Any, agent: Any, heard: Any, shard: Any) -> NDArray[np.float64]:
    """Mean age of entries of others in updates, by the shard that they are of.

    Args:
        now: instants of updates, (updates,).
        agent: who updates, likewise.
        heard: T of what it used, (updates, m).
        shard: of each agent, (m,).
    """
    used = (heard != UNKNOWN) & (np.arange(len(shard)) != agent[:, None])
    return np.array([(now[:, None] - heard)[:, shard == one][used[:, shard == one]].mean() for one in range(shard.max() + 1)])


def _ages_of(plan: LivePlan, messaging: Messaging, links: Any, shard: Any) -> NDArray[np.float64]:
    """The same in the simulator."""
    known = Knowledge(messaging, links, [plan.seed], counting=False).steps(300)
    time, run, agent = np.nonzero(known.updating[200:])  # once ages are what they stay
    return _ages(known.times[200 + time], agent, known.newest[200 + time, run, agent], shard)


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
        utilities = simulated(plan, ending.schedule)
        left.plot(
            seconds[: len(utilities)],
            utilities[: len(seconds)],
            color=look.colour,
            linestyle=(0, (1.2, 1.2)),
            label=f"{name}, simulated",
        )
        ages = np.sort(ages_of(plan.kind, ending.schedule))
        share, told_so = 1 - np.arange(len(ages)) / len(ages), f"{name}: mean {told['mean age']:.1f}"
        right.step(ages, share, color=look.colour, linestyle=look.dashes, label=told_so)
        print(name, told, flush=True)
    right.set(yscale="log")
    label(left, "wall time (s)", "total utility (bit/s/Hz)")
    label(right, "age of an entry in an update (rounds)", "share that is as old or older")
    head([left, right], ["utility", "ages"], "Agents that are really apart, and simulated with the ages that were measured")
    entries = [dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True)) for axes in (left, right)]
    legends([left, right], entries)
    figure.savefig(OUT)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1500)
