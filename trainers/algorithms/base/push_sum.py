"""Base class of SGP and PARS-Push: push-sum's pairs (x, y) on nodes that wake up, over links that delay and lose."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.learner import Seeds
from trainers.algorithms.base.settings import SampledSettings
from trainers.events.link_events import LinkEvents, Tick
from trainers.problems.objective import NumpyArray, Objective
from wirelessenv.config import ConfigError, NonNegative
from wirelessenv.saved_state import refuse_outside
from wirelessenv.scenario import Messaging


class PushSumSettings(SampledSettings):
    """Settings of SGP and PARS-Push alike; graph, waking, delays and losses are the messaging."""

    decay: NonNegative = Field(0.0, description="theta(t) = step_size ((1 + offset) / (t + offset))^decay")
    offset: NonNegative = Field(0.0, description="how many ticks later that fall begins")


class PushSumLearner(GradientLearner):
    """Nodes i = 1 ... n with x_i in R^d and y_i > 0, whose z_i = x_i / y_i are to agree on a minimiser of f.

    The step size in tick t is theta(t) = step_size ((1 + offset) / (t + offset))^decay, and theta(0) = 0: constant without
    `decay`; step_size / t with decay 1, as in Toghani et al. (2023), Proposition 1. All is float64. A setting (variant, run)
    that diverges goes on as infinity and then NaN, and disturbs no other.
    """

    settings: PushSumSettings
    links: list[Messaging]
    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "pairs", "messages", "_posted")
    words: ClassVar[int]
    """Numbers of 32 bits that a message has beside those of a vector."""

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
        clients, size = self.problem.clients, self.problem.size
        if clients < 2:
            raise ConfigError(f"clients: {clients} is not valid: push-sum is for 2 nodes or more")
        self.link_events = LinkEvents(self.links[0], clients, self.seeds)
        shape = (self.variants, len(self.seeds), clients, size + 1)
        self.pairs = np.ones(shape)
        """(x_i, y_i), (variants, runs, n, d + 1)"""
        self.pairs[..., :-1] = self._start()[:, :, None]
        self.messages = np.zeros(len(self.seeds), np.int64)
        """Sent so far, lost or not, (runs,)."""
        self._posted = np.zeros((self.variants, len(self.link_events.delays), shape[1] * shape[2], shape[3]))

    @property
    def x(self) -> NumpyArray:
        """x_i, (variants, runs, n, d)."""
        return self.pairs[..., :-1]

    @property
    def y(self) -> NumpyArray:
        """y_i, (variants, runs, n, 1)."""
        return self.pairs[..., -1:]

    @property
    def nodes(self) -> NumpyArray:
        """z_i = x_i / y_i, (variants, runs, n, d)."""
        with np.errstate(all="ignore"):  # what diverges is NaN, and seen in the measures
            return np.asarray(self.x / self.y)

    @property
    def solution(self) -> NumpyArray:
        """The mean of z_i over the nodes, (variants, runs, d)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.nodes.mean(2))

    def step_schedule(self, tick: int) -> float:
        """theta(t) / step_size: what the step size is multiplied by in tick t."""
        offset = self.settings.offset
        return ((1 + offset) / (tick + offset)) ** self.settings.decay if tick else 0.0

    @abstractmethod
    def _tick(self, tick: Tick) -> None:
        """Tick t = `iteration` of the pseudo-code, for all nodes."""

    @abstractmethod
    def total(self) -> NumpyArray:
        """The sum of (x, y) over all nodes and over all links, (variants, runs, d + 1)."""

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

    def _send(self, message: NumpyArray) -> None:
        """Every node's message of this tick; whether it is sent, and where to, `LinkEvents` knows."""
        self._posted[:, self.iteration % len(self.link_events.delays)] = message.reshape(self._posted[:, 0].shape)

    def _sent(self, ago: NumpyArray, link: Any = slice(None)) -> NumpyArray:
        """Messages sent over links so many ticks ago, (variants, ..., d + 1)."""
        return self._posted[:, (self.iteration - ago) % len(self.link_events.delays), self.link_events.sender[link]]

    def _acting(self, nodes: NumpyArray) -> NumpyArray:
        """The points that are measured, of z_i (variants, runs, n, d)."""
        return nodes

    def measures(self) -> dict[str, NumpyArray]:
        """Measures by name, each (variants, runs).

        The problem's measures of z_i, mean over the nodes; `consensus_distance`, the root of the mean over nodes of
        ||z_i - mean||^2; `mass`, the sum of y over nodes and links, by n; `messages` and `bits` sent so far, lost or not.
        """
        with np.errstate(all="ignore"):
            z = self.nodes
            values = self.problem.measures_of_nodes(self._acting(z))
            apart = np.sqrt(((z - z.mean(2, keepdims=True)) ** 2).sum(-1).mean(-1))
            mass = self.total()[..., -1] / self.problem.clients
        messages = np.broadcast_to(self.messages, mass.shape)
        bits = messages * 32 * (self.problem.size + self.words)
        sent = {"messages": messages, "entries": bits // 32, "bits": bits}  # an entry is a number of 32 bits
        return {**values, "consensus_distance": apart, "mass": mass, **sent}

    def state(self) -> dict[str, Any]:
        return {"traffic": self.link_events.state(), **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("messages", state["messages"], 0)
        super()._set_state(state)
        self.link_events.set_state(state["traffic"])
