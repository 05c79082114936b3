"""Staleness of gradients in DASGD: S_avg and S_max, measured and expected (Tosi and Theobald, 2023, Section 4.1)."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from trainers.events.inboxes import Inboxes, Network, Step
from wirelessenv.saved_state import refuse_outside, refuse_unsound
from wirelessenv.streams import stream


class Staleness:
    """Sums and maxima of staleness over the steps of every node."""

    def __init__(self, nodes: int) -> None:
        self.steps, self.stale, self.loose = np.zeros(nodes, int), np.zeros(nodes, int), np.zeros(nodes, int)
        self.stale_max, self.loose_max, self.seconds = 0, 0, 0.0

    def add(self, step: Step) -> None:
        """Count one step of a node."""
        self.steps[step.node] += 1
        self.seconds = step.seconds
        self.stale[step.node] += step.stale
        self.loose[step.node] += step.loose
        self.stale_max, self.loose_max = max(self.stale_max, step.stale), max(self.loose_max, step.loose)

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return deepcopy(vars(self))

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        for name in ("steps", "stale", "loose", "stale_max", "loose_max"):
            refuse_outside(f"staleness.{name}", state[name], 0)
        refuse_unsound("staleness.seconds", state["seconds"])
        vars(self).update(deepcopy(state))

    def summary(self) -> dict[str, float]:
        """S_avg, S_max and their loose forms; 0 before the first step."""
        steps = np.maximum(self.steps, 1)
        return {
            "s_avg": float((self.stale / steps).max()),
            "s_max": float(self.stale_max),
            "loose_s_avg": float((self.loose / steps).max()),
            "loose_s_max": float(self.loose_max),
        }


MOST_EVENTS = 4_000_000
"""Steps and messages that are simulated to know the staleness of a network: some ten seconds."""


def rounds_within(network: Network, nodes: int, most: int = 20, *, runs: int = 1) -> int:
    """Rounds of n gradients, at most `most`, that `measured_staleness` counts within MOST_EVENTS; 0 where not even one is.

    Args:
        network: graph and durations.
        nodes: n.
        most: rounds that are enough.
        runs: the number of times that it is called.
    """
    links = int(np.count_nonzero(network.graph.build(nodes, stream(0, "graph"))))
    return min(most, MOST_EVENTS // (2 * nodes * (nodes + links) * runs))


def different_seeds(network: Network, nodes: int, seeds: Sequence[int]) -> list[int]:
    """The first of some seeds for each course of events: where nothing is random, all have the same.

    Args:
        network: graph and durations.
        nodes: n.
        seeds: of runs.
    """
    if network.computing.random or network.links.random:
        return list(seeds)
    found: dict[bytes, int] = {}
    for seed in seeds:
        found.setdefault(network.graph.build(nodes, stream(seed, "graph")).tobytes(), seed)
    return list(found.values())


def measured_staleness(network: Network | dict[str, Any], nodes: int, rounds: int, seed: int = 0) -> dict[str, float]:
    """S_avg and S_max of some rounds of n gradients, n^2 steps, after as many that do not count.

    S_avg is the largest over nodes of the mean of |S| over all steps of a node, its own gradients included (Definition 2);
    the loose ones are those of Equation (10).

    Args:
        network: graph and durations: a `Network`, or a mapping.
        nodes: n.
        rounds: rounds that count.
        seed: of the events.

    Returns:
        `s_avg`, `s_max`, `loose_s_avg` and `loose_s_max`.
    """
    simulated = Inboxes(Network.parse(network, "network"), nodes, seed)
    record = Staleness(nodes)
    for count in range(2 * rounds * nodes**2):
        step = simulated.step()
        if step is not None and count >= rounds * nodes**2:
            record.add(step)
    return record.summary()


def section_4_1(nodes: tuple[int, ...] = (3, 5, 9), rounds: int = 200) -> list[dict[str, Any]]:
    """Compare what Section 4.1 of Tosi and Theobald (2023) expects with what is measured, under timing that it leaves open.

    Expected: S_avg = (n + 1) / 2 and S_max = n where everybody hears everybody, (n^2 + 1) / 2 and n^2 on a ring.

    Args:
        nodes: the n that are compared.
        rounds: rounds of n gradients that are measured.

    Returns:
        One row for each n, graph and timing.
    """
    random = {"computing": {"kind": "exponential"}, "staggered": False}
    rows: list[dict[str, Any]] = []
    for n in nodes:
        cases: list[tuple[str, str, dict[str, Any]]] = [
            ("complete", "staggered", {}),
            ("complete", "lockstep", {"staggered": False}),
            ("complete", "random", random),
            ("ring", "staggered", {"graph": "ring"}),
            ("ring", "lockstep", {"graph": "ring", "staggered": False}),
            ("ring", "random", {"graph": "ring", **random}),
            ("one-way ring", "lockstep", {"graph": {"kind": "ring", "both_ways": False}, "staggered": False}),
        ]
        for graph, timing, network in cases:
            expected = (n + 1, n) if graph == "complete" else (n**2 + 1, n**2)
            rows.append(
                {"nodes": n, "graph": graph, "timing": timing, "s_avg_expected": expected[0] / 2, "s_max_expected": expected[1]}
                | measured_staleness(network, n, rounds)
            )
    return rows
