"""Message delays: the ages of an experiment's curves, found without training."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Bool
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.algorithms.base.settings import MessagePassingSettings
from trainers.experiments.curves import Curve
from trainers.experiments.experiment import Experiment
from wirelessenv.config import ConfigError
from wirelessenv.messages.graph import diameter
from wirelessenv.messages.knowledge import UNKNOWN, Knowledge, message_graphs, needed_memory
from wirelessenv.network import draw_layout

ENTRIES = 10**6
"""Entries that are looked at in one go: a moment's work, so that the bar moves."""
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
    an entry of every other one, the latest over the seeds. A bar on stderr shows how far it is.

    Returns:
        A row for each curve: neighbours, diameter, needed memory, mean age, largest age D_max (instants of global time),
        instant from which all know all.

    Raises:
        ConfigError: where a curve's learner passes on no queries.
    """
    talking = {}
    for name in experiment.curves:
        curve = experiment.curve(name)
        if not isinstance(curve.learner, MessagePassingSettings):
            raise ConfigError(
                f'curve "{name}": has no ages of this kind: they are those of queries that agents pass on (zeroth_order, '
                "first_order)"
            )
        if getattr(curve.learner, "cooperative", True):
            talking[name] = curve
    talks = {name: json.dumps([curve.messaging.dump(), curve.scenario.dump()]) for name, curve in talking.items()}
    with _shown(len(set(talks.values())) * experiment.iterations) as done:
        heard: dict[str, dict[str, Any]] = {}  # curves that talk alike on the same layouts hear the same
        for name, curve in talking.items():
            if talks[name] not in heard:
                heard[talks[name]] = _ages(curve, experiment, done)
    rows = {name: _memory(curve, experiment) | heard[talks[name]] for name, curve in talking.items()}
    return [{"curve": name} | rows.get(name, NO_MESSAGES) for name in experiment.curves]


@contextmanager
def _shown(instants: int) -> Iterator[Callable[[int], None]]:
    """A progress bar, and a function that is told how many more instants are done."""
    columns = TextColumn("delays"), BarColumn(), MofNCompleteColumn(), TextColumn("instants"), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("delays", total=instants)
        yield lambda more: bar.advance(task, more)


def _links(curve: Curve, experiment: Experiment) -> Bool[np.ndarray, "runs m m"]:
    positions = [draw_layout(curve.scenario, seed).transmitters for seed in experiment.seeds]
    return message_graphs(curve.messaging, curve.scenario.transmitters, experiment.seeds, positions)


def _memory(curve: Curve, experiment: Experiment) -> dict[str, Any]:
    links = _links(curve, experiment)
    neighbours = links.sum(1)
    return {
        "neighbours": f"{neighbours.min()} to {neighbours.max()}",
        "diameter": max(map(diameter, links)),
        "needed memory": needed_memory(curve.messaging, links, getattr(curve.learner, "most_hops", None)),
    }


def _ages(curve: Curve, experiment: Experiment, done: Callable[[int], None]) -> dict[str, Any]:
    links = _links(curve, experiment)
    knowledge = Knowledge(curve.messaging, links, experiment.seeds)
    total, count, complete_at = 0, 0, np.full(len(experiment.seeds), -1)
    others = ~np.eye(curve.scenario.transmitters, dtype=bool)
    block = max(ENTRIES // links.size, 1)
    for start in range(0, experiment.iterations, block):
        now = knowledge.steps(min(block, experiment.iterations - start))
        known = now.newest != UNKNOWN
        total += int((known * (now.times[:, None, None, None] - now.newest))[..., others].sum())
        count += int(known[..., others].sum())
        complete = known.all((2, 3))
        first = np.where(complete.any(0), now.times[complete.argmax(0)], -1)
        complete_at = np.where(complete_at < 0, first, complete_at)
        done(len(now.times))
    return {
        "mean age": f"{total / max(count, 1):.2f}",
        "D_max": int(knowledge.max_age.max()),
        "all know all from t": "never" if (complete_at < 0).any() else int(complete_at.max()),
    }
