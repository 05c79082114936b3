"""AsyncBC-GD and AsyncBC-SGD: Algorithms 1 and 2 of Gao et al. (2025), SARAH with a server that does not wait.

 1  m_0 = grad f(x_0), x_1 = x_0 - eta m_0
 2  the server selects tau_C active clients uniformly and sends them x_1 and x_0
 3  each active client k computes g_1^k = (grad f_k(x_1; xi) - grad f_k(x_0; xi)) / tau_C
 4  for t = 1, 2, ...
 5      the server receives g_{t - tau_t} from client j_t
 6      m_t = m_{t-1} + g_{t - tau_t}
 7      x_{t+1} = x_t - eta m_t
 8      the server selects a new client k uniformly and sends it x_{t+1} and x_t
 9      client k computes g_{t+1} = grad f_k(x_{t+1}; xi) - grad f_k(x_t; xi)

AsyncBC-GD is without xi. Both gradients of a difference use the same sample xi (Assumption 5), unless `same_sample` is off:
then they have samples of their own, xi and xi', and no step size converges (Theorem 3). m_0 is exact in both algorithms. The
server applies, then sends; a client that is busy queues. 1 / tau_C weighs the first tasks alone: they all measure the same
step x_1 - x_0.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from trainers.algorithms.base.server_learner import ServerLearner, ServerSettings
from trainers.bounds.gradient_methods import async_bc_step, async_bc_step_sampled
from trainers.problems.objective import Clients, NumpyArray, Objective


def difference(objective: Objective, client: Clients, points: NumpyArray, samples: Sequence[NumpyArray | None]) -> NumpyArray:
    """The answer of a client, grad f_k(x_{t+1}; xi) - grad f_k(x_t; xi): lines 3 and 9.

    Args:
        objective: the costs.
        client: k, as for `Objective.gradient`.
        points: x_{t+1} and x_t, (2, ..., d).
        samples: xi of both gradients, or one for each; None for exact ones.

    Returns:
        The difference, (..., d).
    """
    if len(samples) == 1:
        new, old = objective.gradient(client, points, samples[0])
    else:
        new, old = (objective.gradient(client, x, xi) for x, xi in zip(points, samples, strict=True))
    return np.asarray(new - old)


def apply(answer: NumpyArray, points: NumpyArray, momentum: NumpyArray, step_size: NumpyArray) -> None:
    """Let the server take an answer, in place: lines 5 to 7.

    Args:
        answer: g_{t - tau_t}, (..., d).
        points: x_t and x_{t-1} before, x_{t+1} and x_t after, (2, ..., d).
        momentum: m_{t-1} before, m_t after, (..., d).
        step_size: eta, which broadcasts against them.
    """
    momentum += answer  # 5, 6
    points[1] = points[0]
    points[0] -= step_size * momentum  # 7


class AsyncBCSettings(ServerSettings):
    """Settings of AsyncBC-GD and AsyncBC-SGD."""

    kind: Literal["async_bc"] = "async_bc"
    same_sample: bool = Field(True, strict=True, description="both gradients of a difference see the same sample")


class AsyncBC(ServerLearner):
    """AsyncBC-SGD, or AsyncBC-GD where `exact`; see the head of this file.

    Iteration t of the paper is the learner's `iteration`; before the first, x_1 is known.

    Args:
        problem: the n clients' costs.
        links: whom the server asks, and how long they take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `AsyncBCSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = AsyncBC(LeastSquares(zeta=100.0), step_size=0.001, exact=True).learn(8000)
    >>> bool((learner.measures()["distance"] < 0.3).all())
    True
    """

    Settings = AsyncBCSettings
    settings: AsyncBCSettings
    STATE: ClassVar[tuple[str, ...]] = (*ServerLearner.STATE, "_points", "_momentum")
    VECTORS: ClassVar[int] = 3

    @property
    def solution(self) -> NumpyArray:
        return np.asarray(self._points[0])

    @property
    def momentum(self) -> NumpyArray:
        """Momentum m_t of the server, (variants, runs, d)."""
        return self._momentum

    @property
    def draws(self) -> int:
        return 1 if self.settings.same_sample else 2

    def _first_tasks(self) -> None:
        self._momentum = self.problem.mean_gradient(self._x).astype(self._x.dtype)  # 1: m_0
        self._points = np.stack([self._x - self._eta * self._momentum, self._x])  # 1: x_1 and x_0, then x_{t+1} and x_t
        tau_c = self.timetables[0].concurrency
        self._under_way = np.stack(
            [difference(self.problem, client, self._points, xi) / tau_c for client, xi in self._first()]
        )  # 2, 3

    def _update(self) -> None:
        arrived, client, sample = self._next()  # 4, and of 8: the timetable has chosen k
        apply(self._under_way[arrived], self._points, self._momentum, self._eta)  # 5, 6, 7
        self._under_way[arrived] = difference(self.problem, client, self._points, sample)  # 8, 9

    def bound(self, iterations: int) -> tuple[float, str] | None:
        if not (self.settings.exact or self.settings.same_sample):
            return None  # Theorem 3
        step, name, theorem = (
            (async_bc_step, "dissimilarity", 1)
            if self.settings.exact
            else (async_bc_step_sampled, "mean_squared_smoothness", 2)
        )
        constant = getattr(self.problem, name, None)
        smoothness = None if constant is None else getattr(self.problem, "smoothness", None)
        if constant is None or smoothness is None:
            return None
        summaries = [table.summary(iterations) for table in self.timetables]
        tau_c, tau_max = (max(summary[name] for summary in summaries) for name in ("tau_c", "tau_max"))
        return step(smoothness, constant, tau_c, tau_max, iterations), f"Theorem {theorem} of Gao et al. (2025)"
