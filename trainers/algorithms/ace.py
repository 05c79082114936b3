"""ACE, all-client engagement (Chang et al., 2025): every answer moves x along the newest gradients of all clients.

 1  the server sends x_0 to all n clients, and each computes grad f_i(x_0; xi)
 2  for each answer:
 3      the server receives g from client j
 4      u = u + (g - U_j) / n, U_j = g
 5      if all clients have been heard
 6          x_{t+1} = x_t - eta u, t = t + 1
 7      the server sends x_t to client j, which begins to compute grad f_j(x_t; xi)

So u = (1/n) sum_i U_i once all have been heard, and fast clients count no more than slow ones. In the paper clients wait for
the first step, and all are sent x_1; here those that have answered go on at x_0, as clients of a timetable do, and those that
are at work finish. One gradient is a task (no local steps), as in the paper; its variant ACED, which leaves out clients whose
gradient is too old, is not here. This is the incremental aggregated gradient, in the order of answers; with one client it is
SGD.
"""

from typing import ClassVar, Literal

import numpy as np

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.events.ledger import AnswerEntry, Ledger, runs_where


class ACESettings(LedgerSettings):
    """Settings of ACE, whose iteration is one answer."""

    kind: Literal["ace"] = "ace"


class ACELedger(Ledger):
    """Decisions of ACE: all answers count, and move x as soon as all clients have been heard.

    Args:
        tasks: n; a slot is a client.
    """

    COUNTS: ClassVar[tuple[str, ...]] = ("heard",)

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.heard = [0] * tasks

    def decide(self, slot: int, age: int) -> AnswerEntry:
        if self.version == 0:  # once x moves, all have been heard
            self.heard[slot] = 1
        return AnswerEntry(1.0, self.version > 0 or all(self.heard))  # 5


class ACE(LedgerLearner):
    """ACE, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `ACESettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = ACE(LeastSquares(zeta=100.0), step_size=0.05, exact=True).learn(2000)
    >>> bool((learner.measures()["distance"] < 1e-6).all())
    True
    """

    Settings = ACESettings
    settings: ACESettings
    STATE: ClassVar[tuple[str, ...]] = (*LedgerLearner.STATE, "_newest", "_mean")
    every_client = True
    every_answer = False

    def _begin(self) -> None:
        super()._begin()
        self._newest = np.zeros_like(self._under_way)  # U_i, (n, variants, runs, d)
        self._mean = np.zeros_like(self._x)  # u
        self._count = np.array(len(self._newest), self._x.dtype)  # n

    def _ledger(self, tasks: int) -> ACELedger:
        return ACELedger(tasks)

    def _update(self) -> None:
        (arrived, client, (sample,)), entry = self._next_entry()  # 2
        answer = self._under_way[arrived]  # 3
        self._mean += (answer - self._newest[arrived]) / self._count  # 4
        self._newest[arrived] = answer
        if (runs := runs_where(entry.moves)) is not None:  # 5
            self._move(runs, self._eta * self._mean)  # 6
        self._under_way[arrived] = self._answer(client, sample)  # 7
