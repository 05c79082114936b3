"""Base class of methods whose nodes wake up and send vectors over links that delay and lose, tick after tick."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.learner import Seeds
from trainers.algorithms.base.settings import SampledSettings
from trainers.events.link_events import LinkEvents, Tick
from trainers.problems.objective import NumpyArray, Objective
from wirelessenv.config import ConfigError
from wirelessenv.saved_state import refuse_outside
from wirelessenv.scenario import Messaging


class LinkSettings(SampledSettings):
    """Settings of the methods over links alike; graph, waking, delays and losses are the messaging."""


class LinkLearner(GradientLearner):
    """Nodes i = 1 ... n that each hold a row of numbers and are to agree on a minimiser of f; an iteration is a tick.

    All is float64. A setting (variant, run) that diverges goes on as infinity and then NaN, and disturbs no other.
    """

    settings: LinkSettings
    links: list[Messaging]
    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "messages", "_posted")
    words: ClassVar[int]
    """Numbers of 32 bits that a message has beside those of its vectors."""
    vectors: ClassVar[int] = 1
    """Vectors of d numbers in a message."""
    idea: ClassVar[str] = "averaging"
    """The word for what nodes do with each other, in sentences."""
    both_ways: ClassVar[bool] = False
    """True where each link needs another one back."""

    def __init__(
        self,
        problem: Objective,
        links: Messaging | str | dict[str, Any] = Messaging(),  # noqa: B008  # frozen
        *,
        seed: Seeds = 0,
        **settings: Any,
    ) -> None:
        super().__init__(problem, links, seed=seed, **settings)

    def _each_link(self, links: Any) -> list[Messaging]:
        return [Messaging.of(links)]

    def _begin(self) -> None:
        super()._begin()
        clients = self.problem.clients
        if clients < 2:
            raise ConfigError(f"clients: {clients} is not valid: {self.idea} is for 2 nodes or more")
        self.link_events = self._events()
        graphs = self.link_events.graphs
        if self.both_ways and not np.array_equal(graphs, graphs.swapaxes(1, 2)):
            raise ConfigError(
                f"graph: {self.links[0].graph.kind} is not valid: {self.settings.kind} needs links that lead both ways, "  # type: ignore[attr-defined]  # every member has a kind
                "such as those of a ring or a complete graph"
            )
        self.messages = np.zeros(len(self.seeds), np.int64)
        """Sent so far, lost or not, (runs,)."""
        senders, ago = len(self.seeds) * clients, len(self.link_events.delays)
        self._posted = np.zeros((self.variants, ago, senders, self._width))

    def _events(self) -> LinkEvents:
        """Waking, sending and arriving of all runs."""
        return LinkEvents(self.links[0], self.problem.clients, self.seeds)

    @property
    def _width(self) -> int:
        """Numbers of a message that are kept until it arrives."""
        return self.vectors * self.problem.size

    def _everywhere(self, point: NumpyArray) -> NumpyArray:
        """Points (variants, runs, d) at all nodes, (variants, runs, n, d)."""
        return np.repeat(point[:, :, None], self.problem.clients, axis=2)

    @property
    @abstractmethod
    def nodes(self) -> NumpyArray:
        """The nodes' answers, (variants, runs, n, d)."""

    @property
    def solution(self) -> NumpyArray:
        """The mean of the nodes' answers, (variants, runs, d)."""
        with np.errstate(all="ignore"):  # what diverges is NaN, and seen in the measures
            return np.asarray(self.nodes.mean(2))

    @abstractmethod
    def _tick(self, tick: Tick) -> None:
        """Tick t = `iteration` of the pseudo-code, for all nodes."""

    def _update(self) -> None:
        tick = self.link_events.next()
        with np.errstate(all="ignore"):
            self._tick(tick)
        self.messages += tick.sends.sum(1)

    def _batches(self, count: int) -> Sequence[NumpyArray | None]:
        """`count` independent batches for every node, each (runs, n, ...); sleeping nodes draw theirs too."""
        if self.settings.exact:
            return [None] * count
        nodes = np.tile(np.arange(self.problem.clients), count)
        drawn = [self.problem.draw(nodes, generator) for generator in self._samples]
        batches = np.stack(drawn) if len(drawn) > 1 else drawn[0][None]
        return list(batches.reshape(len(drawn), count, -1, *batches.shape[2:]).swapaxes(0, 1))

    def _gradient(self, points: NumpyArray) -> NumpyArray:
        """Gradients of all nodes at points of their own (variants, runs, n, d), each on a new batch."""
        (batch,) = self._batches(1)
        return self.problem.gradient(np.arange(self.problem.clients), points, batch)

    def _send(self, message: NumpyArray) -> None:
        """Every node's message of this tick; whether it is sent, and where to, `LinkEvents` knows."""
        self._posted[:, self.iteration % len(self.link_events.delays)] = message.reshape(self._posted[:, 0].shape)

    def _sent(self, ago: NumpyArray, link: Any = slice(None)) -> NumpyArray:
        """Messages sent over links so many ticks ago, (variants, ..., numbers)."""
        return self._posted[:, (self.iteration - ago) % len(self.link_events.delays), self.link_events.sender[link]]

    def _acting(self, nodes: NumpyArray) -> NumpyArray:
        """The points that are measured, of the nodes' answers (variants, runs, n, d)."""
        return nodes

    def _own_measures(self) -> dict[str, NumpyArray]:
        """Measures of the method's own, each (variants, runs)."""
        return {}

    def measures(self) -> dict[str, NumpyArray]:
        """Measures by name, each (variants, runs).

        The problem's measures of the nodes' answers z_i, mean over the nodes; `consensus_distance`, the root of the mean over
        nodes of ||z_i - mean||^2; `messages` and `bits` sent so far, lost or not.
        """
        with np.errstate(all="ignore"):
            z = self.nodes
            values = self.problem.measures_of_nodes(self._acting(z))
            apart = np.sqrt(((z - z.mean(2, keepdims=True)) ** 2).sum(-1).mean(-1))
            own = self._own_measures()
        messages = np.broadcast_to(self.messages, apart.shape)
        bits = messages * 32 * (self.vectors * self.problem.size + self.words)
        sent = {"messages": messages, "entries": bits // 32, "bits": bits}  # an entry is a number of 32 bits
        return {**values, "consensus_distance": apart, **own, **sent}

    def state(self) -> dict[str, Any]:
        return {"traffic": self.link_events.state(), **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("messages", state["messages"], 0)
        super()._set_state(state)
        self.link_events.set_state(state["traffic"])
