"""What SGP and PARS-Push share: nodes that wake up, messages that are late or lost, and push-sum's pairs (x, y).

A Messaging means here what it means in `Knowledge`, from the same random streams. In a tick a node is awake with
`activity.update` (its longest silence is Gamma_w of papers/002), and only then acts, sends and takes in what has arrived; it
sends over a link with `activity.transmit`. A message that is sent in tick t over a link of delay d is there in tick t + d,
when the receiver takes it in, or waits until the receiver wakes up (longest delay: Gamma_d). Losses in a row (Gamma_f)
count failed sends, not ticks. Nobody queries, and sums travel on by nature: `activity.query` and `relay` mean nothing here.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.problems.objective import Array, Objective
from wirelessenv.config import ConfigError, finite
from wirelessenv.messages.activity import Trials
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.scenario import Messaging
from wirelessenv.streams import generator_state, set_generator_state, stream

BLOCK = 64
"""Ticks of messages that are drawn at a time: they depend on nothing that is learned."""


class Tick(NamedTuple):
    """What happens in a tick, for all runs. `links` are those of `Traffic`, delays are 0 ... the longest."""

    awake: NDArray[np.bool_]
    """(runs, n)"""
    sends: NDArray[np.intp]
    """(runs, n): over how many links each node sends."""
    arriving: NDArray[np.bool_]
    """(delays, links): whether the message that was sent so many ticks ago arrives now."""


class Traffic:
    """Who wakes up, who sends, and what arrives when, tick after tick, for a batch of runs.

    The links of all runs stand in one list, in the order of their receivers. Nodes are numbered run by run: run * n + i.
    """

    def __init__(self, messaging: Messaging, nodes: int, seeds: Sequence[int]) -> None:
        self.graphs = message_graphs(messaging, nodes, seeds)
        """(runs, n, n): [sender, receiver]."""
        self._ends = run, receiver, sender = np.nonzero(self.graphs.swapaxes(1, 2))
        self.sender: NDArray[np.intp] = run * nodes + sender
        self.receiver: NDArray[np.intp] = run * nodes + receiver
        self.out_degree: NDArray[np.intp] = self.graphs.sum(2)
        """d_i^+, (runs, n)"""
        self.delays: NDArray[np.intp] = np.arange(messaging.links.delay.largest + 1)
        self._first_link = np.searchsorted(self.receiver, np.arange(self.out_degree.size))
        self._delay = messaging.links.delay
        self._trials = {
            "update": Trials(messaging.activity.update, seeds, "update", (nodes,)),
            "transmit": Trials(messaging.activity.transmit, seeds, "transmit", (nodes, nodes)),
            "loss": Trials(messaging.links.loss.arrival(), seeds, "loss", (nodes, nodes)),
        }
        self._delay_streams = [stream(seed, "delay") for seed in seeds]
        self._awake = np.zeros((0, *self.out_degree.shape), bool)
        self._sends = np.zeros(self._awake.shape, np.intp)
        self._travels = np.full((self.delays[-1], len(self.sender)), -1)  # of every message its delay; -1: never arrives
        self._done = 0  # ticks of this block

    def next(self) -> Tick:
        """The next tick."""
        if self._done == len(self._awake):
            self._draw()
        self._done += 1
        return Tick(self._awake[self._done - 1], self._sends[self._done - 1], self._recent() == self.delays[:, None])

    def on_their_way(self) -> NDArray[np.bool_]:
        """Whether the message that was sent so many ticks ago will arrive later than now, (delays, links)."""
        return np.asarray(self._recent() > self.delays[:, None])

    def _recent(self) -> Any:
        """The delays of the messages that were sent 0, 1, ... ticks ago, (delays, links)."""
        return self._travels[self.delays[-1] + self._done - 1 - self.delays]

    def _draw(self) -> None:
        self._awake = self._trials["update"].draw(BLOCK)
        may_send = np.broadcast_to(self._awake[..., None], (BLOCK, *self.graphs.shape))
        sent = self.graphs & may_send & self._trials["transmit"].draw(BLOCK, where=may_send)
        arrives = sent & self._trials["loss"].draw(BLOCK, where=sent)
        travels = np.where(arrives, self._delay.draw(self._delay_streams, BLOCK, self.graphs.shape[1]), -1)
        run, receiver, sender = self._ends
        kept = self._travels[len(self._travels) - self.delays[-1] :]
        self._travels = np.concatenate([kept, travels[:, run, sender, receiver]])
        self._sends, self._done = sent.sum(-1), 0

    def at_receivers(self, values: Array) -> Array:
        """Sums over the links to each node, (..., runs * n, k) of (..., links, k); in a connected graph each has one."""
        return np.add.reduceat(values, self._first_link, axis=-2)

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here, messages on their way included."""
        return {
            "trials": {name: trials.state() for name, trials in self._trials.items()},
            "delay": [generator_state(generator) for generator in self._delay_streams],
            "block": (self._awake, self._sends, self._travels, self._done),  # never changed in place
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name, trials in self._trials.items():
            trials.set_state(state["trials"][name])
        for generator, saved in zip(self._delay_streams, state["delay"], strict=True):
            set_generator_state(generator, saved)
        self._awake, self._sends, self._travels, self._done = state["block"]


class PushSumLearner(GradientLearner):
    """Nodes i = 1 ... n with x_i in R^d and y_i > 0, whose z_i = x_i / y_i are to agree on a minimiser of f.

    The step size in tick t is theta(t) = step_size ((1 + offset) / (t + offset))^decay, and theta(0) = 0: constant without
    `decay`; step_size / t with decay 1, as in papers/002, Proposition 1. All is float64. A setting (variant, run) that
    diverges goes on as infinity and then NaN, and disturbs no other.

    Args:
        objective: the costs f_1 ... f_n of the nodes.
        messaging: graph, waking, delays and losses; see the head of this file.
        step_size: theta(1), or one for each variant.
        seed: the run's seed, or one for each run. Every run has a graph of its own.
        decay: power with which the step size falls.
        offset: how many ticks later that fall begins.
        exact: exact gradients of f_i instead of samples.

    Raises:
        ConfigError: for a setting that cannot be used.
    """

    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "pairs", "messages", "_posted")
    words: ClassVar[int]
    """How many numbers of 32 bits a message has beside those of a vector."""

    def __init__(
        self,
        objective: Objective,
        messaging: Messaging,
        step_size: float | Sequence[float],
        seed: int | Sequence[int] = 0,
        *,
        decay: float = 0.0,
        offset: float = 0.0,
        exact: bool = False,
    ) -> None:
        super().__init__(objective, step_size, seed)
        if objective.clients < 2:
            raise ConfigError(f"clients: {objective.clients} is not valid: push-sum is for 2 nodes or more")
        self.decay, self.offset, self.exact = finite("decay", decay), finite("offset", offset), exact
        self.traffic = Traffic(messaging, objective.clients, self.seeds)
        shape = (self.variants, len(self.seeds), objective.clients, objective.size + 1)
        self.pairs = np.ones(shape)
        """(x_i, y_i), (variants, runs, n, d + 1)"""
        self.pairs[..., :-1] = self._start()[:, :, None]
        self.messages = np.zeros(len(self.seeds), np.int64)
        """Sent so far, lost or not, (runs,)."""
        self._posted = np.zeros((self.variants, len(self.traffic.delays), shape[1] * shape[2], shape[3]))

    @property
    def x(self) -> Array:
        """x_i, (variants, runs, n, d)."""
        return self.pairs[..., :-1]

    @property
    def y(self) -> Array:
        """y_i, (variants, runs, n, 1)."""
        return self.pairs[..., -1:]

    @property
    def nodes(self) -> Array:
        """z_i = x_i / y_i, (variants, runs, n, d)."""
        with np.errstate(all="ignore"):  # what diverges is NaN, and seen in the measures
            return np.asarray(self.x / self.y)

    @property
    def solution(self) -> Array:
        """The mean of z_i over the nodes, (variants, runs, d)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.nodes.mean(2))

    def theta(self, tick: int) -> float:
        """What step_size is multiplied by in tick t."""
        return ((1 + self.offset) / (tick + self.offset)) ** self.decay if tick else 0.0

    @abstractmethod
    def _tick(self, tick: Tick) -> None:
        """Tick t = `iteration` of the pseudo-code, for all nodes."""

    @abstractmethod
    def total(self) -> Array:
        """The sum of (x, y) over all nodes and over all links, (variants, runs, d + 1)."""

    def _update(self) -> None:
        tick = self.traffic.next()
        with np.errstate(all="ignore"):
            self._tick(tick)
        self.messages += tick.sends.sum(1)

    def _batches(self, count: int) -> Sequence[Array | None]:
        """`count` independent batches for every node, each (runs, n, ...); sleeping nodes draw theirs too."""
        if self.exact:
            return [None] * count
        nodes = np.tile(np.arange(self.objective.clients), count)
        drawn = [self.objective.draw(nodes, generator) for generator in self._samples]
        batches = np.stack(drawn) if len(drawn) > 1 else drawn[0][None]
        return list(batches.reshape(len(drawn), count, -1, *batches.shape[2:]).swapaxes(0, 1))

    def _send(self, message: Array) -> None:
        """Every node's message of this tick; whether it is sent, and where to, `Traffic` knows."""
        self._posted[:, self.iteration % len(self.traffic.delays)] = message.reshape(self._posted[:, 0].shape)

    def _sent(self, ago: Array, link: Any = slice(None)) -> Array:
        """What was sent over links so many ticks ago, (variants, ..., d + 1)."""
        return self._posted[:, (self.iteration - ago) % len(self.traffic.delays), self.traffic.sender[link]]

    def _acting(self, nodes: Array) -> Array:
        """The points that are measured, of z_i (variants, runs, n, d)."""
        return nodes

    def measures(self) -> dict[str, Array]:
        """What is known now, each (variants, runs).

        The problem's measures of z_i, mean over the nodes; `consensus_distance`, the root of the mean over nodes of
        ||z_i - mean||^2; `mass`, the sum of y over nodes and links, by n; `messages` and `bits` sent so far, lost or not.
        """
        with np.errstate(all="ignore"):
            z = self.nodes
            values = self.objective.measures_of_nodes(self._acting(z))
            apart = np.sqrt(((z - z.mean(2, keepdims=True)) ** 2).sum(-1).mean(-1))
            mass = self.total()[..., -1] / self.objective.clients
        messages = np.broadcast_to(self.messages, mass.shape)
        bits = messages * 32 * (self.objective.size + self.words)
        sent = {"messages": messages, "entries": bits // 32, "bits": bits}  # an entry is a number of 32 bits
        return {**values, "consensus_distance": apart, "mass": mass, **sent}

    def state(self) -> dict[str, Any]:
        return {"traffic": self.traffic.state(), **super().state()}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.traffic.set_state(state["traffic"])
