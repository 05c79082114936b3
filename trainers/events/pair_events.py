"""Pairs of nodes that average their models: who asks whom, and when the two are averaged.

A node that wakes up asks one neighbour, chosen uniformly, over the link to it, which may delay or lose the request. When a
request arrives, both nodes' models become their mean, at once and as a whole, and the answer takes no time and is not lost:
else one of the two could be averaged alone, and the mean of all models would move. Of requests that arrive in the same tick
those to nodes of lower numbers come first, of these those from nodes of lower numbers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.events.link_events import BLOCK, LinkEvents
from wirelessenv.saved_state import refuse_misfit
from wirelessenv.scenario import Messaging
from wirelessenv.streams import generator_state, set_generator_state, stream


class PairEvents(LinkEvents):
    """Link events in which a node sends to one neighbour, and the averages that follow from them.

    Args:
        messaging: graph, activity, delays and losses.
        nodes: n.
        seeds: one for each run.
    """

    def __init__(self, messaging: Messaging, nodes: int, seeds: Sequence[int]) -> None:
        super().__init__(messaging, nodes, seeds)
        self._choosing = [stream(seed, "neighbour") for seed in seeds]
        order = np.argsort(~self.graphs, axis=2, kind="stable")  # the neighbours of each node first
        self._neighbours = order[:, :, : max(int(self.out_degree.max()), 1)]
        self._mixing = np.zeros((0, len(seeds), nodes, nodes))
        self._answers = np.zeros((0, len(seeds)), np.intp)

    @property
    def mixing(self) -> NDArray[np.float64]:
        """W of the last tick, (runs, n, n), doubly stochastic: x becomes W x."""
        return np.asarray(self._mixing[self._done - 1])

    @property
    def answers(self) -> NDArray[np.intp]:
        """Requests that arrived in the last tick, (runs,)."""
        return np.asarray(self._answers[self._done - 1])

    def _may_send(self) -> NDArray[np.bool_]:
        shape = (BLOCK, *self.out_degree.shape[1:])
        drawn = np.stack([generator.random(shape) for generator in self._choosing], axis=1)
        place = (drawn * self.out_degree).astype(np.intp)
        chosen = np.take_along_axis(self._neighbours[None], place[..., None], axis=3)
        asked = np.arange(self.graphs.shape[2]) == chosen
        return np.asarray(asked & self._awake[..., None])

    def _draw(self) -> None:
        super()._draw()
        self._mix()

    def _mix(self) -> None:
        """Work out W of all ticks of the block: the averages of a tick one after the other, those of all ticks side by side."""
        last, (runs, nodes) = int(self.delays[-1]), self.out_degree.shape
        ticks = len(self._awake)
        arriving = np.zeros((ticks, len(self.sender)), np.intp)  # two over one link in one tick make one average
        for delay in self.delays:
            arriving += self._travels[last - delay : last - delay + ticks] == delay
        tick, link = np.nonzero(arriving)
        run, first, second = self.receiver[link] // nodes, self.receiver[link] % nodes, self.sender[link] % nodes
        self._mixing = np.broadcast_to(np.eye(nodes), (ticks, runs, nodes, nodes)).copy()
        which = tick * runs + run  # in order of ticks and, within them, of links, which are in the order of runs
        counts = np.bincount(which, arriving[tick, link], ticks * runs)
        self._answers = counts.astype(np.intp).reshape(ticks, runs)
        turn = np.arange(len(which)) - np.searchsorted(which, which)  # 0 for the first average of its tick and run, ...
        for number in range(int(turn.max(initial=-1)) + 1):
            at = turn == number
            t, r, i, j = tick[at], run[at], first[at], second[at]
            mean = (self._mixing[t, r, i] + self._mixing[t, r, j]) / 2
            self._mixing[t, r, i] = self._mixing[t, r, j] = mean

    def state(self) -> dict[str, Any]:
        return super().state() | {"choosing": [generator_state(generator) for generator in self._choosing]}

    def set_state(self, state: dict[str, Any]) -> None:
        refuse_misfit(state["choosing"], [generator_state(one) for one in self._choosing], "traffic.choosing")
        super().set_state(state)
        for generator, saved in zip(self._choosing, state["choosing"], strict=True):
            set_generator_state(generator, saved)
        self._mix()
