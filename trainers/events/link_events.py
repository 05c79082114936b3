"""Link events: which nodes wake up, which messages are sent, lost, or late, tick after tick.

A Messaging means here what it means in `Knowledge`, from the same random streams. In a tick a node is awake with
`activity.update` (its longest silence is Gamma_w of Toghani et al. (2023)), and only then acts, sends and takes in what has
arrived; it sends over a link with `activity.transmit`. A message that is sent in tick t over a link of delay d is there in
tick t + d, when the receiver takes it in, or waits until the receiver wakes up (longest delay: Gamma_d). Losses in a row
(Gamma_f) count failed sends, not ticks. Nobody queries, and sums travel on by nature: `activity.query` and `relay` mean
nothing here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wirelessenv.messages.activity import Trials
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.saved_state import refuse_length, refuse_misfit, refuse_outside
from wirelessenv.scenario import Messaging
from wirelessenv.streams import generator_state, set_generator_state, stream

BLOCK = 64
"""Ticks of messages that are drawn at a time: they depend on nothing that is learned."""


class Tick(NamedTuple):
    """Events of one tick, for all runs. `links` are those of `LinkEvents`, delays are 0 ... the longest."""

    awake: NDArray[np.bool_]
    """(runs, n)"""
    sends: NDArray[np.intp]
    """(runs, n): number of links over which each node sends."""
    arriving: NDArray[np.bool_]
    """(delays, links): true where the message that was sent so many ticks ago arrives now."""


class LinkEvents:
    """Waking, sending and arriving, tick after tick, for a batch of runs.

    The links of all runs stand in one list, in the order of their receivers. Nodes are numbered run by run: run * n + i.

    Args:
        messaging: graph, activity, delays and losses.
        nodes: n.
        seeds: one for each run.
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
        if not messaging.activity.presence.certain:
            self._trials["presence"] = Trials(messaging.activity.presence, seeds, "presence", (nodes,))
        self._delay_streams = [stream(seed, "delay") for seed in seeds]
        self._awake = np.zeros((0, *self.out_degree.shape), bool)
        self._sends = np.zeros(self._awake.shape, np.intp)
        self._travels = np.full((self.delays[-1], len(self.sender)), -1)  # of every message its delay; -1: never arrives
        self._done = 0  # ticks of this block

    def next(self) -> Tick:
        """Events of the next tick."""
        if self._done == len(self._awake):
            self._draw()
        self._done += 1
        return Tick(self._awake[self._done - 1], self._sends[self._done - 1], self._recent() == self.delays[:, None])

    def on_their_way(self) -> NDArray[np.bool_]:
        """Mask of the messages sent so many ticks ago that will arrive later than now, (delays, links)."""
        return np.asarray(self._recent() > self.delays[:, None])

    def _recent(self) -> Any:
        """The delays of the messages that were sent 0, 1, ... ticks ago, (delays, links)."""
        return self._travels[self.delays[-1] + self._done - 1 - self.delays]

    def _draw(self) -> None:
        self._awake = self._trials["update"].draw(BLOCK)
        there = self._trials["presence"].draw(BLOCK) if "presence" in self._trials else None
        if there is not None:
            self._awake = self._awake & there
        may_send = self._may_send()
        sent = self.graphs & may_send & self._trials["transmit"].draw(BLOCK, where=may_send)
        arrives = sent & self._trials["loss"].draw(BLOCK, where=sent)
        if there is not None:
            arrives &= there[:, :, None]
        travels = np.where(arrives, self._delay.draw(self._delay_streams, BLOCK, self.graphs.shape[1]), -1)
        run, receiver, sender = self._ends
        kept = self._travels[len(self._travels) - self.delays[-1] :]
        self._travels = np.concatenate([kept, travels[:, run, sender, receiver]])
        self._sends, self._done = sent.sum(-1), 0

    def _may_send(self) -> NDArray[np.bool_]:
        """Mask of the links over which nodes would send in the block that has been drawn, (ticks, runs, n, n)."""
        return np.broadcast_to(self._awake[..., None], (BLOCK, *self.graphs.shape))

    def at_receivers(self, values: NDArray[Any]) -> NDArray[Any]:
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
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        longest, nodes = int(self.delays[-1]), self.graphs.shape[1]
        awake, sends, travels, done = refuse_length("traffic.block", state["block"], 4, 4)
        ticks = BLOCK if np.shape(awake)[:1] == (BLOCK,) else 0  # 0: no tick has been drawn yet
        model = (
            np.zeros((ticks, *self.out_degree.shape), bool),
            np.zeros((ticks, *self.out_degree.shape), np.intp),
            np.zeros((longest + ticks, len(self.sender)), self._travels.dtype),
            0,
        )
        refuse_misfit([awake, sends, travels, done], model, "traffic.block")
        refuse_outside("traffic.block.1", sends, 0, nodes)
        refuse_outside("traffic.block.2", travels, -1, longest)
        refuse_outside("traffic.block.3", done, 0, ticks)
        for name, trials in self._trials.items():
            trials.set_state(state["trials"][name])
        for generator, saved in zip(self._delay_streams, state["delay"], strict=True):
            set_generator_state(generator, saved)
        self._awake, self._sends, self._travels, self._done = state["block"]


class SparingLinkEvents(LinkEvents):
    """Events of nodes that send in every k-th tick alone in which they are awake.

    Args:
        messaging: graph, activity, delays and losses.
        nodes: n.
        seeds: one for each run.
        every: k.
    """

    def __init__(self, messaging: Messaging, nodes: int, seeds: Sequence[int], every: int) -> None:
        super().__init__(messaging, nodes, seeds)
        self._every, self._woken = every, np.zeros(self.out_degree.shape, np.intp)

    def _may_send(self) -> NDArray[np.bool_]:
        wakings = self._woken + self._awake.cumsum(0)
        self._woken = wakings[-1] % self._every
        turn = self._awake & (wakings % self._every == 0)
        return np.broadcast_to(turn[..., None], (BLOCK, *self.graphs.shape))

    def state(self) -> dict[str, Any]:
        return super().state() | {"woken": self._woken.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("traffic.woken", state["woken"], 0, self._every - 1)
        super().set_state(state)
        self._woken = np.array(state["woken"])
