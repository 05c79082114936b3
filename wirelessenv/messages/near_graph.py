"""Message graphs as lists of links, for networks too large for matrices: by distance, joined where groups are nearest.

scipy, which finds neighbours and groups, is imported when the first list is made: the light environment does without.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import ConfigError
from wirelessenv.physics.neighbours import scipy_needed

AgentNumbers = NDArray[np.integer[Any]]
Loudness = tuple[AgentNumbers, AgentNumbers, NDArray[np.floating[Any]]]
"""Pairs of agents that hear each other, in both orders, and the sum of their mean gains both ways."""


class Ends(NamedTuple):
    """Links of a message graph, by receiver and then by sender."""

    sender: AgentNumbers
    """(links,)"""
    receiver: AgentNumbers
    """(links,)"""


def in_order(sender: AgentNumbers, receiver: AgentNumbers, agents: int) -> Ends:
    """Links in order, each of them once, and none from an agent to itself.

    Args:
        sender: numbers of agents, of any shape.
        receiver: the same.
        agents: the number m.

    Returns:
        The links.
    """
    key = np.sort((receiver.astype(np.int64) * agents + sender).ravel())
    key = key[np.append(True, np.diff(key) > 0)] if key.size else key
    receiver, sender = np.divmod(key, agents)
    apart = sender != receiver
    return Ends(sender[apart], receiver[apart])


def nearest(positions: NDArray[np.float64], neighbours: int) -> Ends:
    """Links from each agent to the nearest ones.

    Args:
        positions: (m, 2).
        neighbours: how many, fewer than m.

    Returns:
        The links.
    """
    agents = len(positions)
    _, found = _tree(positions).query(positions, neighbours + 1)
    itself = np.arange(agents)[:, None]
    found = np.where((found == itself).any(1, keepdims=True), found, np.append(itself, found[:, :-1], axis=1))
    here = np.broadcast_to(itself, found.shape)
    return in_order(here, found, agents)


def within(positions: NDArray[np.float64], radius: float) -> Ends:
    """Links between all agents that are at most a radius apart, both ways.

    Args:
        positions: (m, 2).
        radius: in their unit of length.

    Returns:
        The links.
    """
    pairs = _tree(positions).query_pairs(radius, output_type="ndarray")
    return in_order(pairs, pairs[:, ::-1], len(positions))


def joined(ends: Ends, positions: NDArray[np.float64]) -> Ends:
    """The links, and those between the two nearest agents of different groups, until all agents are one group.

    A group is a strongly connected component: each of its agents can reach each other one.

    Args:
        ends: of the links.
        positions: (m, 2).

    Returns:
        The links of a strongly connected graph.
    """
    agents, added = len(positions), [np.zeros((0, 2), np.int64)]
    group_of = _groups(ends.sender, ends.receiver, agents)
    bonds = [np.stack([group_of[ends.sender], group_of[ends.receiver]], axis=1)]
    radius = float(np.ptp(positions, axis=0).max()) / max(agents, 1) ** 0.5 + 1e-12
    while group_of.max(initial=0) > 0:
        pairs = _tree(positions).query_pairs(radius, output_type="ndarray")
        pairs = pairs[group_of[pairs[:, 0]] != group_of[pairs[:, 1]]]
        order = np.lexsort((pairs[:, 1], pairs[:, 0], np.linalg.norm(np.diff(positions[pairs], axis=1)[:, 0], axis=-1)))
        pairs, radius = pairs[order], 2 * radius
        while len(pairs):
            added.append(pairs[:1])
            here, there = group_of[pairs[0]]
            edges = np.concatenate([*bonds, [[here, there], [there, here]]])
            merged = _groups(edges[:, 0], edges[:, 1], int(group_of.max()) + 1)
            edges = merged[edges]
            bonds, group_of = [np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)], merged[group_of]
            pairs = pairs[group_of[pairs[:, 0]] != group_of[pairs[:, 1]]]
    more = np.concatenate(added)
    sender, receiver = np.append(ends.sender, [more[:, 0], more[:, 1]]), np.append(ends.receiver, [more[:, 1], more[:, 0]])
    return in_order(sender, receiver, agents)


def refuse_unconnected(ends: Ends, agents: int) -> None:
    """Refuse a graph in which somebody does not reach everybody.

    Args:
        ends: of its links.
        agents: the number m.

    Raises:
        ConfigError: where there is more than one group.
    """
    group_of = _groups(ends.sender, ends.receiver, agents)
    if (other := int(group_of.argmax())) and group_of.max() > 0:
        raise ConfigError(
            f"graph: not strongly connected: agents 0 and {other} do not reach each other; every agent must reach every other, "
            "directly or through others"
        )


def heard_of(ends: Ends, agents: int, hops: int) -> Ends:
    """Pairs of agents of which the one is reached by messages of the other.

    Args:
        ends: of the links.
        agents: the number m.
        hops: the largest number of links on the way; 0: everybody hears of itself alone.

    Returns:
        The agents that are heard of, in the place of senders, and those who hear, everybody of itself included.
    """
    sparse = scipy_needed("cut: message graphs").sparse
    ones = np.ones(len(ends.sender), np.float32)
    step = sparse.csr_array((ones, (ends.receiver, ends.sender)), shape=(agents, agents))
    reached = itself = sparse.eye_array(agents, dtype=np.float32, format="csr")
    for _ in range(hops):
        reached = step @ reached + itself
        reached.data[:] = 1
    pairs = reached.tocoo()
    order = np.lexsort((pairs.coords[1], pairs.coords[0]))
    return Ends(pairs.coords[1][order].astype(np.int64), pairs.coords[0][order].astype(np.int64))


def _groups(sender: AgentNumbers, receiver: AgentNumbers, agents: int) -> AgentNumbers:
    """The number of each agent's strongly connected component."""
    sparse = scipy_needed("cut: message graphs").sparse
    graph = sparse.csr_array((np.ones(len(sender), np.int8), (sender, receiver)), shape=(agents, agents))
    return np.asarray(sparse.csgraph.connected_components(graph, directed=True, connection="strong")[1])


def _tree(positions: NDArray[np.float64]) -> Any:
    return scipy_needed("cut: message graphs").spatial.cKDTree(positions)
