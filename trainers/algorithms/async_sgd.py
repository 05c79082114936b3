"""Asynchronous (stochastic) gradient descent with a server: Async-SGD and Async-GD.

As Gao et al. (2025) has it after Koloskova, Stich and Jaggi (2022): the server steps along each answer as it arrives. The
paper prints no listing; this is ours, in the words of its AsyncBC:

 1  the server sends x_0 to tau_C active clients, and each computes grad f_k(x_0; xi)
 2  for t = 0, 1, ...
 3      the server receives g = grad f_j(x_{t - tau_t}; xi) from client j = j_t
 4      x_{t+1} = x_t - eta g
 5      the server selects a new client k uniformly and sends it x_{t+1}
 6      client k computes grad f_k(x_{t+1}; xi)
"""

from typing import Literal

from trainers.algorithms.base.answer_learner import AnswerLearner, AnswerSettings


class AsyncSGDSettings(AnswerSettings):
    """Settings of Async-GD and Async-SGD."""

    kind: Literal["async_sgd"] = "async_sgd"


class AsyncSGD(AnswerLearner):
    """Async-SGD, or Async-GD where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: whom the server asks, and how long they take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `AsyncSGDSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = AsyncSGD(LeastSquares(zeta=0.0), step_size=[0.02, 0.05], exact=True, seed=[0, 1]).learn(400)
    >>> bool((learner.measures()["distance"] < 1e-2).all())
    True
    """

    Settings = AsyncSGDSettings
    settings: AsyncSGDSettings

    def _update(self) -> None:
        arrived, client, (sample,) = self._next()  # 2, and 5: the timetable has chosen k
        self._x = self._x - self._eta * self._under_way[arrived]  # 3, 4
        self._under_way[arrived] = self._answer(client, sample)  # 6
