"""Ringleader ASGD (Maranjyan and Richtarik, 2025, Algorithm 1): a table of all clients' gradients, and turns that bound ages.

 1  the server sends x_0 to all n clients; each goes on computing grad f_i at the point that it has been sent last
 2  k = 0, all G_i = 0, b_i = 0; the turn begins
 3  for each answer:
 4      the server receives g from client j
 5      if not all clients have been heard in this turn, j included: G_j = G_j + g, b_j = b_j + 1
 6      or if client j has not been sent a point in this turn:
 7          G_j = G_j + g, b_j = b_j + 1
 8          x_{k+1} = x_k - (eta / n) sum_i G_i / b_i, k = k + 1
 9          the server sends x_k to client j
10          if all have been sent a point: G_i = G_i+, b_i = b_i+, G_i+ = 0, b_i+ = 0; the next turn begins
11      else: G_j+ = G_j+ + g, b_j+ = b_j+ + 1

The answer with which all have been heard is the first of lines 6 to 9. What is in G_i+ when a turn begins has been heard in
it. So every client moves x once a turn, all its gradients in the table are at one point, and that point is at most 2 n - 2
steps old. Means G_i / b_i and their sum are kept up to date here, which needs no sum over clients at a step. With one client
this is SGD.
"""

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.bounds.server_methods import ringleader_step
from trainers.events.ledger import Ledger, runs_where, some, weighed


class RingleaderSettings(LedgerSettings):
    """Settings of Ringleader ASGD, whose iteration is one answer."""

    kind: Literal["ringleader"] = "ringleader"


class RingleaderEntry(NamedTuple):
    """Decision about one answer; a weight is that of a new number in a running mean."""

    weight: Any
    """1 / b_j with this answer, or 0 where it is for the next turn"""
    later: Any
    """1 / b_j+ with this answer, or 0 where it is for this turn"""
    moves: Any
    """true where x moves, and client j is sent it"""
    turns: Any
    """true where the turn ends after it"""


class RingleaderLedger(Ledger):
    """Decisions of Ringleader ASGD: first all are heard, then each moves x once.

    Args:
        tasks: n; a slot is a client.
    """

    COUNTS: ClassVar[tuple[str, ...]] = ("heard", "heard_later", "served")

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.heard, self.heard_later, self.served = [0] * tasks, [0] * tasks, [0] * tasks

    def decide(self, slot: int, age: int) -> RingleaderEntry:
        if self.served[slot]:  # 11
            self.heard_later[slot] += 1
            return RingleaderEntry(0.0, 1 / self.heard_later[slot], False, False)
        self.heard[slot] += 1  # 5, 7
        weight, everybody = 1 / self.heard[slot], all(self.heard)
        self.served[slot] = int(everybody)  # 6, 9
        turns = everybody and all(self.served)  # 10
        if turns:
            self.heard, self.heard_later, self.served = self.heard_later, [0] * len(self.heard), [0] * len(self.heard)
        return RingleaderEntry(weight, 0.0, everybody, turns)


class Ringleader(LedgerLearner):
    """Ringleader ASGD, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `RingleaderSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = Ringleader(LeastSquares(zeta=100.0), step_size=0.05, exact=True).learn(2000)
    >>> bool((learner.measures()["distance"] < 1e-6).all())
    True
    """

    Settings = RingleaderSettings
    settings: RingleaderSettings
    STATE: ClassVar[tuple[str, ...]] = (*LedgerLearner.STATE, "_means", "_later", "_mean", "_sent")
    every_client = True
    every_answer = False

    def _begin(self) -> None:
        super()._begin()
        self._means, self._later = np.zeros_like(self._under_way), np.zeros_like(self._under_way)  # 2: (n, variants, runs, d)
        self._mean = np.zeros_like(self._x)  # (1/n) sum_i G_i / b_i
        self._count = np.array(len(self._means), self._x.dtype)  # n
        self._sent = np.broadcast_to(self._x, self._under_way.shape).copy()  # 1: the point that each client has

    def _ledger(self, tasks: int) -> RingleaderLedger:
        return RingleaderLedger(tasks)

    def _update(self) -> None:
        (arrived, client, (sample,)), entry = self._next_entry()  # 3
        answer, point = self._under_way[arrived], self._sent[arrived]  # 4
        if some(entry.later):
            self._later[arrived] += weighed(entry.later, answer - self._later[arrived])  # 11
        if some(entry.weight):
            change = weighed(entry.weight, answer - self._means[arrived])
            self._means[arrived] += change  # 5, 7
            self._mean += change / self._count
        if (runs := runs_where(entry.moves)) is not None:
            self._move(runs, self._eta * self._mean)  # 8
            point[:, runs] = self._x[:, runs]  # 9
            self._sent[arrived] = point
        if (runs := runs_where(entry.turns)) is not None:
            self._means[:, :, runs], self._later[:, :, runs] = self._later[:, :, runs], 0  # 10
            self._mean[:, runs] = self._means[:, :, runs].sum(0) / self._count
        self._under_way[arrived] = self._received(client, self.problem.gradient(client, point, sample))  # 1

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "local_smoothness", getattr(self.problem, "smoothness", None))
        if smoothness is None:
            return None
        return ringleader_step(smoothness, self.problem.clients), "the theorem of Maranjyan and Richtarik (2025)"
