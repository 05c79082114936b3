"""Message graphs: links[i, j] is True where agent i may send to agent j (a_ij of Behmandpoor et al. (2024), Section VII)."""

from abc import abstractmethod
from typing import Annotated, Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import MOST, ConfigError, Count, Piece, Positive, Probability
from wirelessenv.messages import near_graph
from wirelessenv.messages.near_graph import Ends, Loudness, in_order

LinkMatrix = NDArray[np.bool_]
Agent = Annotated[int, Field(ge=-MOST, le=MOST, strict=True)]
"""Its number; which there are is known where the graph is built."""


MOST_DRAWS = 5 * 10**8
"""Links that are drawn in search of a strongly connected graph: some seconds."""


class Graph(Piece):
    """A law of message graphs."""

    @abstractmethod
    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        """A message graph of this law.

        Args:
            agents: the number m.
            rng: the random generator to draw from.
            positions: the transmitters' (m, 2), in the scenario's unit of length, or None.

        Returns:
            The links (m, m), [sender, receiver], with a False diagonal.

        Raises:
            ConfigError: where the settings do not fit the number of agents.
        """

    def ends(self, agents: int, positions: NDArray[np.float64], loudness: Loudness) -> Ends:
        """The same graph as lists of senders and receivers, for networks whose faint links are cut.

        Args:
            agents: the number m.
            positions: the transmitters', (m, 2), in the scenario's unit of length.
            loudness: of the pairs that hear each other: two agents each, and the sum of their mean gains both ways.

        Returns:
            Senders and receivers of the links, by receiver and then by sender.

        Raises:
            ConfigError: where the settings do not fit the number of agents, or a law has no lists.
        """
        kinds = sorted(name for name, kind in Graph.kinds.items() if kind.ends is not Graph.ends)  # type: ignore[attr-defined]  # all are graphs
        named = self.dump()["kind"]
        raise ConfigError(
            f'graph.kind: "{named}" is not valid with a cut: it has no lists of neighbours: use {", ".join(kinds)}'
        )


class BlockGraph(Graph):
    """All-ones blocks of `kappa` agents, one every `stride` agents, no self-loops (Behmandpoor et al., 2024, Section VIII).

    `stride` is kappa / 2 where it is not given. An agent in the interior then has 3 kappa / 2 - 1 neighbours.
    """

    kind: Literal["block"] = "block"
    kappa: Count = 6
    stride: Count | None = None

    @model_validator(mode="after")
    def _blocks_overlap(self) -> "BlockGraph":
        if self.kappa < 2:
            raise ValueError(f"kappa {self.kappa} is not valid: a block needs at least 2 agents")
        if self.stride is None and self.kappa % 2:
            raise ValueError(f"kappa {self.kappa} is odd, so that half of it is no stride: give an even kappa, or a stride")
        if self.stride is not None and self.stride >= self.kappa:
            raise ValueError(f"stride {self.stride} is not valid: blocks of kappa {self.kappa} overlap for strides below it")
        return self

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        if agents < self.kappa:
            raise ConfigError(f"graph.kappa: {self.kappa} is not valid: there are only {agents} agents")
        stride = self.stride or self.kappa // 2
        links = np.zeros((agents, agents), bool)
        for begin in range(0, agents - self.kappa + stride, stride):
            start = min(begin, agents - self.kappa)  # the last block ends with the last agent
            links[start : start + self.kappa, start : start + self.kappa] = True
        return without_loops(links)

    def ends(self, agents: int, positions: NDArray[np.float64], loudness: Loudness) -> Ends:
        if agents < self.kappa:
            raise ConfigError(f"graph.kappa: {self.kappa} is not valid: there are only {agents} agents")
        stride = self.stride or self.kappa // 2
        starts = np.minimum(np.arange(0, agents - self.kappa + stride, stride), agents - self.kappa)
        one, other = np.divmod(np.arange(self.kappa**2), self.kappa)
        return in_order(starts[:, None] + one, starts[:, None] + other, agents)


class CompleteGraph(Graph):
    """A complete graph: everybody sends to everybody."""

    kind: Literal["complete"] = "complete"

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        return without_loops(np.ones((agents, agents), bool))


class RingGraph(Graph):
    """Agent i sends to i + 1, and to i - 1 unless the ring is one-way (`both_ways: false`)."""

    kind: Literal["ring"] = "ring"
    both_ways: bool = Field(True, strict=True)

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        links = np.roll(np.eye(agents, dtype=bool), 1, axis=1)
        return without_loops(links | links.T if self.both_ways else links)

    def ends(self, agents: int, positions: NDArray[np.float64], loudness: Loudness) -> Ends:
        here, there = np.arange(agents), (np.arange(agents) + 1) % agents
        if self.both_ways:
            here, there = np.append(here, there), np.append(there, here)
        return in_order(here, there, agents)


class ErdosRenyiGraph(Graph):
    """Each directed link exists with `probability`, independently; redrawn until the graph is strongly connected.

    It is drawn at most `tries` times, and no more often than some seconds allow.
    """

    kind: Literal["erdos_renyi"] = "erdos_renyi"
    probability: Probability = 0.3
    tries: Annotated[Count, Field(le=1_000_000)] = 100_000

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        tries = min(self.tries, max(1, MOST_DRAWS // max(agents**2, 5000)))
        for _ in range(tries):
            links = without_loops(rng.random((agents, agents)) < self.probability)
            if strongly_connected(links):
                return links
        raise ConfigError(
            f"graph.probability: {self.probability} is not valid: none of {tries} directed Erdos-Renyi graphs of "
            f"{agents} agents was strongly connected; use a larger probability"
        )


class NearestGraph(Graph):
    """Each agent sends to the `neighbours` agents whose transmitters are nearest to its own.

    Where that leaves groups that do not reach each other, which is common (a group is a strongly connected component), the two
    nearest agents of different groups send to each other, too, until all are one.
    """

    kind: Literal["k_nearest"] = "k_nearest"
    neighbours: Count = 4

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        if positions is None or not np.isfinite(positions).all():
            raise ConfigError('graph.kind: "k_nearest" is not valid: the scenario places no transmitters')
        if self.neighbours >= agents:
            raise ConfigError(f"graph.neighbours: {self.neighbours} is not valid: an agent has {agents - 1} others")
        return _nearest(np.linalg.norm(positions[:, None] - positions[None], axis=-1), self.neighbours)

    def ends(self, agents: int, positions: NDArray[np.float64], loudness: Loudness) -> Ends:
        if self.neighbours >= agents:
            raise ConfigError(f"graph.neighbours: {self.neighbours} is not valid: an agent has {agents - 1} others")
        return near_graph.joined(near_graph.nearest(positions, self.neighbours), positions)


class WithinGraph(Graph):
    """Agents whose transmitters are at most `radius` apart send to each other.

    Groups that do not reach each other are joined by their nearest pair, as in `k_nearest`.
    """

    kind: Literal["within"] = "within"
    radius: Positive = 3.0

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        if positions is None or not np.isfinite(positions).all():
            raise ConfigError('graph.kind: "within" is not valid: the scenario places no transmitters')
        distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
        return _joined(without_loops(distance <= self.radius), distance)

    def ends(self, agents: int, positions: NDArray[np.float64], loudness: Loudness) -> Ends:
        return near_graph.joined(near_graph.within(positions, self.radius), positions)


class StrongestGraph(Graph):
    """Each agent hears from the `neighbours` agents with which it shares the loudest interference, on average over fading.

    The loudness of a pair is the sum of its two mean gains, from each transmitter to the other's receiver. Groups that do not
    reach each other are joined by their loudest pair, as in `k_nearest`.
    """

    kind: Literal["strongest"] = "strongest"
    neighbours: Count = 4

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        raise ConfigError(
            'graph.kind: "strongest" is not valid here: it goes by mean gains, which environments know; use k_nearest or block'
        )

    def of_gains(self, mean_gain: NDArray[np.floating]) -> LinkMatrix:
        """The message graph of a layout.

        Args:
            mean_gain: E|h|^2, linear, (m, m), [receiver, transmitter].

        Returns:
            The links (m, m), [sender, receiver], with a False diagonal.

        Raises:
            ConfigError: for more neighbours than there are.
        """
        if self.neighbours >= len(mean_gain):
            raise ConfigError(f"graph.neighbours: {self.neighbours} is not valid: an agent has {len(mean_gain) - 1} others")
        loudness = mean_gain.astype(np.float64) + mean_gain.T
        return _nearest(-loudness, self.neighbours).T

    def ends(self, agents: int, positions: NDArray[np.float64], loudness: Loudness) -> Ends:
        # an agent with fewer neighbours in its list hears from fewer, and groups are joined where they are nearest
        one, other, gain = loudness
        order = np.lexsort((other, -gain, one))
        rank = np.arange(len(one)) - np.searchsorted(one[order], one[order])
        kept = order[rank < self.neighbours]
        return near_graph.joined(in_order(other[kept], one[kept], agents), positions)


def _nearest(distance: NDArray[np.float64], neighbours: int) -> LinkMatrix:
    """Links (m, m) from each agent to the nearest ones; the two nearest of different groups are joined until all are one.

    Args:
        distance: symmetric, (m, m); changed in place.
        neighbours: how many, fewer than m.

    Returns:
        The links, [sender, receiver].
    """
    agents = len(distance)
    np.fill_diagonal(distance, np.inf)
    links = np.zeros((agents, agents), bool)
    np.put_along_axis(links, np.argsort(distance, axis=1, kind="stable")[:, :neighbours], True, axis=1)
    return _joined(links, distance)


def _joined(links: LinkMatrix, distance: NDArray[np.float64]) -> LinkMatrix:
    """The links (m, m), and those between the two nearest agents of different groups until all are one."""
    agents = len(links)
    group_of = np.arange(agents)
    joined = _contracted(_digraph(links), group_of)
    for pair in np.argsort(distance, axis=None, kind="stable"):  # the nearest first
        if joined.number_of_nodes() == 1:
            break
        i, j = divmod(int(pair), agents)
        if group_of[i] != group_of[j]:
            links[i, j] = links[j, i] = True
            joined.add_edges_from([(group_of[i], group_of[j]), (group_of[j], group_of[i])])
            joined = _contracted(joined, group_of)
    return links


class EdgeGraph(Graph):
    """The links of a list: [[0, 1], [1, 0]] lets agents 0 and 1 send to each other."""

    kind: Literal["edges"] = "edges"
    edges: tuple[tuple[Agent, Agent], ...]

    def build(self, agents: int, rng: np.random.Generator, positions: NDArray[np.float64] | None = None) -> LinkMatrix:
        links = np.zeros((agents, agents), bool)
        for sender, receiver in self.edges:
            if not (0 <= sender < agents and 0 <= receiver < agents) or sender == receiver:
                raise ConfigError(
                    f"graph.edges: [{sender}, {receiver}] is not valid: a link joins two different agents 0 to {agents - 1}"
                )
            links[sender, receiver] = True
        return links


def without_loops(links: LinkMatrix) -> LinkMatrix:
    """`links` with its diagonal cleared, in place."""
    np.fill_diagonal(links, False)
    return links


def _digraph(links: LinkMatrix) -> nx.DiGraph:
    return nx.from_numpy_array(links, create_using=nx.DiGraph)


def _contracted(joined: nx.DiGraph, group_of: NDArray[np.intp]) -> nx.DiGraph:
    """The graph of strongly connected groups of a graph of groups; `group_of` is brought up to it, in place."""
    condensed = nx.condensation(joined)
    number = np.zeros(group_of.max() + 1, np.intp)
    for group, new in condensed.graph["mapping"].items():
        number[group] = new
    group_of[:] = number[group_of]
    contracted = nx.DiGraph()
    contracted.add_nodes_from(condensed)
    contracted.add_edges_from(condensed.edges)
    return contracted


def strongly_connected(links: LinkMatrix) -> bool:
    """True where messages can reach everybody from everybody (Behmandpoor et al., 2024, Assumption VII)."""
    return bool(_reached(links).all() and _reached(links.T).all())


def _reached(links: LinkMatrix) -> NDArray[np.bool_]:
    """The agents that messages of agent 0 reach, (m,), itself included."""
    reached: NDArray[np.bool_] = np.arange(len(links)) == 0
    at = np.flatnonzero(reached)
    while at.size:
        at = np.flatnonzero(links[at].any(axis=0) & ~reached)
        reached[at] = True
    return reached


def diameter(links: LinkMatrix) -> int:
    """The largest number of links on a shortest path; raises ConfigError where somebody is not reached. One agent has 0.

    The agents that each one reaches within 1, 2, ... links stand in bits; one that reaches all is looked at no longer.
    """
    agents, most = len(checked(links)), int(links.sum(1).max())
    ends = np.argsort(~links, axis=1, kind="stable")[:, :most]
    ends = np.where(np.take_along_axis(links, ends, 1), ends, np.arange(agents)[:, None])  # whom it sends to, and itself
    reached, everybody = _bits(links | np.eye(agents, dtype=bool)), _bits(np.ones((1, agents), bool))
    found = min(agents - 1, 1)
    while (left := np.flatnonzero((reached != everybody).any(1))).size:
        further = reached[left]
        for end in ends[left].T:
            further |= reached[end]
        reached[left], found = further, found + 1
    return found


def hop_counts(links: LinkMatrix) -> NDArray[np.int32]:
    """Number of links on a shortest path between each two agents.

    Args:
        links: the graph, (m, m), [sender, receiver].

    Returns:
        (m, m), [sender, receiver]; 0 on the diagonal, m where no path leads there.
    """
    agents = len(links)
    hops = np.full((agents, agents), agents, np.int32)
    reached, count = np.eye(agents, dtype=bool), 0
    newest = reached
    while newest.any():
        hops[newest] = count
        newest, count = (newest.astype(np.float32) @ links > 0) & ~reached, count + 1
        reached = reached | newest
    return hops


def _bits(rows: LinkMatrix) -> NDArray[np.uint64]:
    """Rows (n, m) of truth values as bits, (n, m / 64)."""
    padded = np.zeros((len(rows), -(-rows.shape[1] // 64) * 64), bool)
    padded[:, : rows.shape[1]] = rows
    return np.packbits(padded, axis=1).view(np.uint64)


def checked(links: LinkMatrix) -> LinkMatrix:
    """`links`, or a ConfigError that says who cannot be reached."""
    heard, hearing = _reached(links), _reached(links.T)
    if heard.all() and hearing.all():
        return links
    sender, missed = (int(hearing.argmin()), 0) if heard.all() else (0, int(heard.argmin()))
    raise ConfigError(
        f"graph: not strongly connected: nothing that agent {sender} sends can reach agent {missed}; "
        "every agent must reach every other, directly or through others"
    )
