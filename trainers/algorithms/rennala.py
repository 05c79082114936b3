"""Rennala SGD (Tyurin and Richtarik, 2023, Method 4): minibatches of whoever answers first, all at the newest point.

 1  the server sends x_0 to all n clients, and each computes grad f_i(x_0; xi); k = 0, g = 0, s = 0
 2  for each answer:
 3      the server receives grad f_j(x_{k'}; xi) from client j
 4      if k' = k
 5          g = g + grad f_j(x_k; xi) / S, s = s + 1
 6      else the server ignores it
 7      if s = S
 8          x_{k+1} = x_k - eta g, k = k + 1; g = 0, s = 0
 9      client j begins to compute grad f_j(x_k; xi)

Nobody is interrupted: a client whose point is no longer the newest finishes in vain. The paper's listing sends x_k to client
j before it asks whether the batch is full, so that the answer to it would be ignored; here the server applies, then sends.
With S = 1 this is Ringmaster ASGD with R = 1. The paper is about clients with the same costs (see Malenia SGD for others).
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.bounds.server_methods import minibatch_step
from trainers.events.ledger import AnswerEntry, Ledger, runs_where, some
from wirelessenv.config import Count


class RennalaSettings(LedgerSettings):
    """Settings of Rennala SGD, whose iteration is one answer."""

    kind: Literal["rennala"] = "rennala"
    batch: Count = Field(1, description="S: gradients of a step")


class RennalaLedger(Ledger):
    """Decisions of Rennala SGD: gradients at the newest point are collected until there are enough.

    Args:
        tasks: tau_C.
        batch: S.
    """

    COUNTS: ClassVar[tuple[str, ...]] = ("collected",)

    def __init__(self, tasks: int, batch: int) -> None:
        super().__init__(tasks)
        self.collected, self._batch = 0, batch

    def decide(self, slot: int, age: int) -> AnswerEntry:
        newest = age == 0  # 4
        self.collected += newest  # 5
        full = self.collected >= self._batch  # 7
        if full:
            self.collected = 0
        return AnswerEntry(newest / self._batch, full)


class Rennala(LedgerLearner):
    """Rennala SGD, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `RennalaSettings`, by name.

    >>> from trainers.problems.quadratic import Quadratic
    >>> learner = Rennala(Quadratic(clients=4), batch=3, step_size=0.2, exact=True).learn(400)
    >>> bool((learner.measures()["distance"] < 1e-6).all())
    True
    """

    Settings = RennalaSettings
    settings: RennalaSettings
    STATE: ClassVar[tuple[str, ...]] = (*LedgerLearner.STATE, "_collected")
    every_answer = False

    def _begin(self) -> None:
        super()._begin()
        self._collected = np.zeros_like(self._x)  # 1: g

    def _ledger(self, tasks: int) -> RennalaLedger:
        return RennalaLedger(tasks, self.settings.batch)

    def _update(self) -> None:
        (arrived, client, (sample,)), entry = self._next_entry()  # 2, 4, 7
        if some(entry.weight):
            self._collected += entry.weight * self._under_way[arrived]  # 3, 5; 6: else it is ignored
        if (runs := runs_where(entry.moves)) is not None:
            self._move(runs, self._eta * self._collected)  # 8
            self._collected[:, runs] = 0
        self._under_way[arrived] = self._answer(client, sample)  # 9

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "smoothness", None)
        return None if smoothness is None else (minibatch_step(smoothness), "the theorem of Tyurin and Richtarik (2023)")
