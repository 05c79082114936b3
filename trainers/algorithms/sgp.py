"""Stochastic gradient push (Assran et al., 2019), what Toghani et al. (2023) compares with: push-sum that trusts its links.

The paper prints no listing for these links; this is ours:

 1  for t = 0, 1, ..., each node i that is awake:
 2      x_i = x_i - theta(t) grad f_i(z_i; D_i), where z_i = x_i / y_i
 3      x_i = x_i / (k + 1), y_i = y_i / (k + 1), where it sends to k neighbours: equal parts, one of which it keeps
 4      send (x_i, y_i) to each of them
 5      x_i = x_i + sum x, y_i = y_i + sum y of the parts that have arrived since it was last awake

In line 5 all have sent before any looks at what has arrived.

A part that is lost is gone, of x and of y alike. z = x / y stays an average, but the sum of y tends to 0 while the steps
do not: in z they grow like theta / y, until they are too large. A step missed in sleep is missed.
"""

from typing import ClassVar, Literal

import numpy as np

from trainers.algorithms.base.push_sum import PushSumLearner, PushSumSettings
from trainers.events.link_events import Tick
from trainers.problems.objective import NumpyArray


class SGPSettings(PushSumSettings):
    """Settings of stochastic gradient push."""

    kind: Literal["sgp"] = "sgp"


class SGPLearner(PushSumLearner):
    """Stochastic gradient push over links that sleep, delay and lose. A message is (x, y): 32 (d + 1) bits.

    Args:
        problem: the costs f_1 ... f_n of the nodes.
        links: graph, waking, delays and losses: a `Messaging`, its preset's name or a mapping. Every run has its own graph.
        seed: the run's seed, or one for each run.
        settings: those of `SGPSettings`, by name.

    >>> from trainers.problems.ridge_regression import RidgeRegression
    >>> learner = SGPLearner(RidgeRegression(), {"links": {"loss": 0.2}}, step_size=0.01, seed=[0, 1])
    >>> bool((learner.learn(100).measures()["mass"] < 0.1).all())
    True
    """

    Settings = SGPSettings
    settings: SGPSettings
    STATE: ClassVar[tuple[str, ...]] = (*PushSumLearner.STATE, "_waiting")
    words = 1

    def _begin(self) -> None:
        super()._begin()
        self._waiting = np.zeros(self.pairs.shape)  # what has arrived at each node since it was last awake

    def _tick(self, tick: Tick) -> None:
        t, awake = self.iteration, tick.awake[..., None]  # 1
        theta = self.step_size[..., None] * self.step_schedule(t)
        (batch,) = self._batches(1)
        gradient = self.problem.gradient(np.arange(self.problem.clients), self.nodes, batch)
        np.subtract(self.x, theta * gradient, out=self.x, where=awake)  # 2: x_i = x_i - theta(t) grad f_i(z_i; D_i)
        np.divide(self.pairs, tick.sends[..., None] + 1, out=self.pairs, where=awake)  # 3: (x_i, y_i) = (x_i, y_i) / (k + 1)
        self._send(self.pairs)  # 4
        arriving = np.where(tick.arriving[..., None], self._sent(self.link_events.delays[:, None]), 0)
        self._waiting += self.link_events.at_receivers(arriving.sum(1)).reshape(self.pairs.shape)
        np.add(self.pairs, self._waiting, out=self.pairs, where=awake)  # 5: (x_i, y_i) = (x_i, y_i) + all that waits at i
        np.copyto(self._waiting, 0, where=awake)

    def total(self) -> NumpyArray:
        """The sum of (x, y) over all nodes, parts that wait and parts on their way, (variants, runs, d + 1)."""
        travelling = np.zeros_like(self.pairs)
        if self.iteration:
            ago = self.link_events.delays[:, None]
            sent = self._sent(ago + 1)  # `iteration` is the next tick already
            on_way = np.where(self.link_events.on_their_way()[..., None], sent, 0)
            travelling = self.link_events.at_receivers(on_way.sum(1)).reshape(self.pairs.shape)
        return np.asarray((self.pairs + self._waiting + travelling).sum(2))
