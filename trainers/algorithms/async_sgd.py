"""Asynchronous (stochastic) gradient descent with a server, and the synchronous one: what AsyncBC is compared with.

As papers/004 has it after Koloskova, Stich and Jaggi (2022): the server steps along each answer as it arrives.

Async-(S)GD
 1  the first tau_C active clients k get x_0 and compute grad f_k(x_0; xi)
 2  for t = 0, 1, ...: the server receives g = grad f_j(x_{t - tau_t}; xi) from client j
 3      x_{t+1} = x_t - eta g
 4      a new client k gets x_{t+1} and computes grad f_k(x_{t+1}; xi)

Sync-SGD
 1  for t = 0, 1, ...: all n clients get x_t and compute grad f_i(x_t; xi_i)
 2      x_{t+1} = x_t - (eta / n) sum_i grad f_i(x_t; xi_i), when the slowest has answered

An iteration is one gradient in all of them: a round of Sync-SGD is n iterations, and x moves with the last of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.server_learner import ServerLearner
from trainers.events.durations import Constant, Duration
from trainers.problems.objective import Array, Objective
from wirelessenv.streams import stream


class AsyncSGD(ServerLearner):
    """Async-SGD, or Async-GD where `exact`; see the head of this file. Arguments as those of `ServerLearner`.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = AsyncSGD(LeastSquares(zeta=0.0), step_size=[0.02, 0.05], exact=True, seed=[0, 1]).learn(400)
    >>> bool((learner.measures()["distance"] < 1e-2).all())
    True
    """

    STATE: ClassVar[tuple[str, ...]] = (*ServerLearner.STATE, "_x")

    def _begin(self) -> None:
        first = [self.objective.gradient(client, self._x, sample) for client, (sample,) in self._first()]  # 1
        self._under_way = np.stack(first)

    def _update(self) -> None:
        arrived, client, (sample,) = self._next()
        self._x = self._x - self._eta * self._under_way[arrived]  # 2, 3
        self._under_way[arrived] = self.objective.gradient(client, self._x, sample)  # 4


class SyncSGD(GradientLearner):
    """Sync-SGD, or gradient descent where `exact`: all clients, once a round; see the head of this file.

    Args:
        objective: the n clients' costs.
        computing: how long a client takes; a round takes as long as its slowest.
        step_size: eta, or several, side by side.
        exact: whether clients answer with exact gradients.
        seed: the run's seed, or one for each run.
    """

    STATE: ClassVar[tuple[str, ...]] = ("iteration", "train_seconds", "_x", "_total", "_seconds")

    def __init__(
        self,
        objective: Objective,
        computing: Duration | dict[str, Any] | str | None = None,
        *,
        step_size: float | Sequence[float] = 0.1,
        exact: bool = False,
        seed: int | Sequence[int] = 0,
    ) -> None:
        super().__init__(objective, step_size, seed)
        self.exact, self._x = exact, self._start()
        self._eta = self.step_size.astype(self._x.dtype)
        self.computing = Constant() if computing is None else Duration.parse(computing, "computing")
        self._means = self.computing.means(objective.clients)
        self._seconds = np.zeros(len(self.seeds))
        self._total = np.zeros_like(self._x)

    @property
    def solution(self) -> Array:
        return self._x

    def _update(self) -> None:
        clients = self.objective.clients
        turn, client = divmod(self.iteration, clients)
        sample = None if self.exact else np.stack([self.objective.draw(client, rng) for rng in self._samples])
        self._total += self.objective.gradient(client, self._x, sample)  # 1
        if client == clients - 1:
            self._x = self._x - self._eta * self._total / clients  # 2
            self._total[:] = 0
            self._seconds = self._seconds + self._round(turn)

    def _round(self, turn: int) -> Array:
        """How long a round takes, (runs,)."""
        if not self.computing.random:
            return np.full(len(self.seeds), self._means.max())
        draws = [stream(seed, "computing time", turn).exponential(size=len(self._means)) for seed in self.seeds]
        return np.asarray((self._means * np.stack(draws)).max(1))

    def learn(self, iterations: int, callback: Callable[[Self], bool | None] | None = None, progress_bar: bool = False) -> Self:
        """Run `iterations` gradients; a run that diverges overflows in silence, and the others go on."""
        with np.errstate(over="ignore", invalid="ignore"):
            return super().learn(iterations, callback, progress_bar)

    def measures(self) -> dict[str, Array]:
        """What is known now, each (variants, runs)."""
        vectors = 2 * self.iteration
        sent = {"messages": vectors, "entries": vectors * self.objective.size}
        rows = sent | {"bits": 32 * sent["entries"], "seconds": self._seconds}
        shape = (self.variants, len(self.seeds))
        with np.errstate(over="ignore", invalid="ignore"):
            return super().measures() | {name: np.broadcast_to(np.asarray(row), shape) for name, row in rows.items()}
