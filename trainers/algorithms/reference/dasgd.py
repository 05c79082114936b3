"""DASGD, Algorithm 1 of Tosi and Theobald (2023), as a plain loop over nodes and messages.

The listing is at the head of `trainers.algorithms.dasgd`; its line numbers are here. Events are simulated once more.
"""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from trainers.events.inboxes import Network
from trainers.problems.objective import NumpyArray, Objective
from wirelessenv.streams import stream


class Gradient(NamedTuple):
    """A gradient on its way."""

    number: int
    origin: int
    had: frozenset[int]
    """G_j, what its origin had applied when it computed it."""
    value: NumpyArray


class Applied(NamedTuple):
    """A step of a node: t of the listing goes on by one."""

    node: int
    origin: int
    staleness: int
    """|S|, the size of the symmetric difference of G_i and G_j."""
    models: NumpyArray  # x_i of all nodes after it, (n, d)


def dasgd(
    problem: Objective, network: Network, start: NumpyArray,
    *, nodes: int, step_size: float, iterations: int, seed: int, sample: Callable[[int], Any] = lambda client: None,
) -> list[Applied]:  # fmt: skip
    """Run DASGD; there always is a sample left.

    Args:
        problem: the one cost of all nodes, or n costs.
        network: who is connected to whom, and how long computing and messages take.
        start: x^0, (d,).
        nodes: n.
        step_size: eta.
        iterations: steps of all nodes together.
        seed: of the graph and of random times.
        sample: gives the next sample of a client; None stands for the exact gradient.

    Returns:
        The steps, in the order in which they are made.
    """
    links = network.graph.build(nodes, stream(seed, "graph"))
    computing, travel = network.computing.means(nodes), network.links.means(nodes) * network.link_scale
    clocks, link_clocks = ([stream(seed, name, i) for i in range(nodes)] for name in ("computing time", "link delay"))
    models = [start] * nodes  # 1 to 3
    applied, seen = [set[int]() for _ in range(nodes)], [set[int]() for _ in range(nodes)]
    inboxes = [deque[tuple[Gradient, int]]() for _ in range(nodes)]
    begun: list[tuple[int, frozenset[int]]] = [(0, frozenset())] * nodes  # of the gradient that a node computes: number, G_j
    agenda: list[tuple[float, int, int, Any]] = []  # (when, order, node, the message that arrives or None: it has computed)
    numbers, orders, history = count(), count(), list[Applied]()

    def begin(i: int, now: float) -> None:
        begun[i] = next(numbers), frozenset(applied[i])
        taken = computing[i] * (clocks[i].exponential() if network.computing.random else 1.0)
        heapq.heappush(agenda, (now + taken, next(orders), i, None))

    def apply(i: int, gradient: Gradient, sender: int) -> None:
        stale = len(applied[i] ^ gradient.had)
        models[i] = models[i] - step_size * gradient.value  # 8, or 12
        applied[i].add(gradient.number)
        history.append(Applied(i, gradient.origin, stale, np.array(models)))  # 9, or 14
        for j in np.flatnonzero(links[i]).tolist():
            if j != sender:  # 13: sent, or forwarded to all but the node that it came from
                taken = travel[i] * (link_clocks[i].exponential() if network.links.random and travel[i] > 0 else 1.0)
                heapq.heappush(agenda, (now + taken, next(orders), j, (gradient, i)))

    for i in range(nodes):
        begin(i, computing[i] * i / nodes if network.staggered else 0.0)
    while len(history) < iterations:  # 5
        now, _, i, message = heapq.heappop(agenda)
        if message is not None:  # it waits until node i has computed
            if message[0].number not in seen[i]:
                seen[i].add(message[0].number)
                inboxes[i].append(message)
            continue
        client = i if problem.clients > 1 else 0
        gradient = Gradient(begun[i][0], i, begun[i][1], problem.gradient(client, models[i], sample(client)))  # 10, 11
        seen[i].add(gradient.number)
        apply(i, gradient, i)
        while inboxes[i]:  # 6, 7
            apply(i, *inboxes[i].popleft())
        begin(i, now)
    return history[:iterations]
