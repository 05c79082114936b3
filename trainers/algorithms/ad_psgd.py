"""Asynchronous decentralised parallel SGD (AD-PSGD; Lian et al., 2018): nodes average with one neighbour at a time.

Each node i, with the model h_i at which it computes; at first x_i = h_i = x_0:

 1  for each tick in which it wakes up:
 2      it has computed g_i = grad f_i(h_i; D_i)
 3      it asks a neighbour j, chosen uniformly, to average
 4  in each tick, of each request of a node i that arrives at a node j: x_i = x_j = (x_i + x_j) / 2
 5  for each node i that has woken up in this tick:
 6      x_i = x_i - eta g_i
 7      h_i = x_i, at which it computes until it wakes up again

As in the paper, a gradient is of the model that the node had when it began to compute; since then others may have averaged
with it, also while it slept: answering takes no computing. What the paper leaves open here: its links lose nothing and
averages are atomic. So they are here: a request may be late or lost, and then the average is late or not made; the answer
takes no time (`trainers.events.pair_events`). Then the mean of all models moves by the gradients alone, under any loss. The
paper avoids deadlock by a bipartite graph; nobody waits here, and any graph serves whose links lead both ways.
"""

from typing import ClassVar, Literal

import numpy as np

from trainers.algorithms.base.link_learner import LinkLearner, LinkSettings
from trainers.events.link_events import LinkEvents, Tick
from trainers.events.pair_events import PairEvents
from trainers.problems.objective import NumpyArray


class ADPSGDSettings(LinkSettings):
    """Settings of asynchronous decentralised parallel SGD."""

    kind: Literal["ad_psgd"] = "ad_psgd"


class ADPSGDLearner(LinkLearner):
    """AD-PSGD; see the head of this file. Requests and answers are messages, x: 32 d bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `ADPSGDSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = ADPSGDLearner(LeastSquares(), {"graph": "ring", "links": {"loss": 0.3}}, step_size=0.01, exact=True)
    >>> bool((learner.learn(1000).measures()["distance"] < 0.3).all())
    True
    """

    Settings = ADPSGDSettings
    settings: ADPSGDSettings
    link_events: PairEvents
    both_ways = True
    words = 0
    STATE: ClassVar[tuple[str, ...]] = (*(name for name in LinkLearner.STATE if name != "_posted"), "x", "read")

    def _events(self) -> LinkEvents:
        return PairEvents(self.links[0], self.problem.clients, self.seeds)

    @property
    def _width(self) -> int:
        return 0  # what is averaged is what both have when the request arrives

    def _begin(self) -> None:
        super()._begin()
        self.x = self._everywhere(self._start())
        """x_i, (variants, runs, n, d)."""
        self.read = self.x.copy()
        """h_i, the same shape."""

    @property
    def nodes(self) -> NumpyArray:
        """x_i, (variants, runs, n, d)."""
        return self.x

    def _tick(self, tick: Tick) -> None:
        awake = tick.awake[..., None]  # 1
        gradient = self._gradient(self.read)  # 2
        self.x = self.link_events.mixing @ self.x  # 3, 4
        np.subtract(self.x, self.step_size[..., None] * gradient, out=self.x, where=awake)  # 5, 6
        np.copyto(self.read, self.x, where=awake)  # 7
        self.messages += self.link_events.answers
