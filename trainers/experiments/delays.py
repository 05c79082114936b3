"""Message delays: the ages of an experiment's curves, found without training."""

from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from trainers.algorithms.base.settings import MessagePassingSettings
from trainers.experiments.curves import Curve
from trainers.experiments.experiment import Experiment
from wirelessenv.config import ConfigError
from wirelessenv.messages.graph import diameter
from wirelessenv.messages.knowledge import UNKNOWN, Knowledge, message_graphs, needed_memory
from wirelessenv.network import draw_layout
from wirelessenv.text import one_line

BLOCK = 100
NO_MESSAGES = {
    "neighbours": "no messages",
    "diameter": "",
    "needed memory": "",
    "mean age": "",
    "D_max": "",
    "all know all from t": "never",
}


def delays(experiment: Experiment) -> list[dict[str, Any]]:
    """Ages of the queries that agents pass on, in the same streams as in training.

    So D_max is the one that a run of as many iterations measures. "all know all from t" counts instants until every agent has
    an entry of every other one, the latest over the seeds.

    Returns:
        A row for each curve: neighbours, diameter, needed memory, mean age, largest age D_max (instants of global time),
        instant from which all know all.

    Raises:
        ConfigError: where a curve's learner passes on no queries.
    """
    rows = []
    for name in experiment.curves:
        learner = experiment.curve(name).learner
        if not isinstance(learner, MessagePassingSettings):
            raise ConfigError(
                f'curve "{name}": has no ages of this kind: they are those of queries that agents pass on (zeroth_order, '
                "first_order)"
            )
        cooperative = getattr(learner, "cooperative", True)
        rows.append({"curve": name} | (_ages(experiment.curve(name), experiment, name) if cooperative else NO_MESSAGES))
    return rows


def _ages(curve: Curve, experiment: Experiment, name: str) -> dict[str, Any]:
    layouts = [draw_layout(curve.scenario, seed) for seed in experiment.seeds]
    positions = [layout.transmitters for layout in layouts]
    links = message_graphs(curve.messaging, curve.scenario.transmitters, experiment.seeds, positions)
    knowledge = Knowledge(curve.messaging, links, experiment.seeds)
    total, count, complete_at = 0, 0, np.full(len(experiment.seeds), -1)
    others = ~np.eye(curve.scenario.transmitters, dtype=bool)
    told = escape(f"delays of {one_line(name, 40)}")
    for start in track(range(0, experiment.iterations, BLOCK), told, console=Console(stderr=True), transient=True):
        now = knowledge.steps(min(BLOCK, experiment.iterations - start))
        known = now.newest != UNKNOWN
        total += int((known * (now.times[:, None, None, None] - now.newest))[..., others].sum())
        count += int(known[..., others].sum())
        complete = known.all((2, 3))
        first = np.where(complete.any(0), now.times[complete.argmax(0)], -1)
        complete_at = np.where(complete_at < 0, first, complete_at)
    neighbours = links.sum(1)
    return {
        "neighbours": f"{neighbours.min()} to {neighbours.max()}",
        "diameter": max(map(diameter, links)),
        "needed memory": needed_memory(curve.messaging, links),
        "mean age": f"{total / max(count, 1):.2f}",
        "D_max": int(knowledge.max_age.max()),
        "all know all from t": "never" if (complete_at < 0).any() else int(complete_at.max()),
    }
