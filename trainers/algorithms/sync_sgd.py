"""Synchronous (stochastic) gradient descent: what the asynchronous methods are compared with.

 1  for t = 0, 1, ...
 2      the server sends x_t to all n clients, and client i computes grad f_i(x_t; xi_i)
 3      when the slowest has answered, x_{t+1} = x_t - (eta / n) sum_i grad f_i(x_t; xi_i)

An iteration is one gradient, as in the asynchronous methods: round t is n iterations, and x moves with the last of them.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.settings import LINKS, SampledSettings
from trainers.events.durations import Constant, Duration, round_seconds
from trainers.problems.objective import NumpyArray
from wirelessenv.saved_state import refuse_unsound


class SyncSGDSettings(SampledSettings):
    """Settings of synchronous SGD; an iteration is a gradient, a round n of them."""

    kind: Literal["sync_sgd"] = "sync_sgd"
    computing: Annotated[Duration, LINKS] = Field(
        Constant(), description="how long a client takes; a round takes as long as its slowest"
    )


class SyncSGD(GradientLearner):
    """Sync-SGD, or gradient descent where `exact`: all clients, once a round; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long a client takes, a `Duration` or a mapping; a round takes as long as its slowest.
        seed: the run's seed, or one for each run.
        settings: those of `SyncSGDSettings`, by name.
    """

    Settings = SyncSGDSettings
    settings: SyncSGDSettings
    STATE: ClassVar[tuple[str, ...]] = ("iteration", "train_seconds", "_x", "_total", "_seconds")

    def _begin(self) -> None:
        super()._begin()
        self._x = self._start()
        self._eta = self.step_size.astype(self._x.dtype)
        self._seconds = np.zeros(len(self.seeds))
        self._total = np.zeros_like(self._x)

    @property
    def solution(self) -> NumpyArray:
        return self._x

    def _update(self) -> None:
        clients = self.problem.clients
        turn, client = divmod(self.iteration, clients)  # 1: t, and whose turn it is
        sample = None if self.settings.exact else np.stack([self.problem.draw(client, rng) for rng in self._samples])
        self._total += self.problem.gradient(client, self._x, sample)  # 2
        if client == clients - 1:
            self._x = self._x - self._eta * self._total / clients  # 3
            self._total[:] = 0
            self._seconds = self._seconds + round_seconds(self.settings.computing, clients, self.seeds, turn)

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_unsound("_seconds", state["_seconds"])
        super()._set_state(state)

    def measures(self) -> dict[str, NumpyArray]:
        vectors = 2 * self.iteration  # a point to a client, a gradient back
        return self._measures_beside({"messages": vectors, "entries": vectors * self.problem.size, "seconds": self._seconds})
