"""Ringmaster ASGD (Maranjyan, Tyurin and Richtarik, 2025): Async-SGD that ignores gradients older than a threshold.

 1  the server sends x_0 to all n clients, and each computes grad f_i(x_0; xi); k = 0
 2  for each answer:
 3      the server receives g = grad f_j(x_{k - delta}; xi) from client j
 4      if delta < R
 5          x_{k+1} = x_k - eta g
 6          k = k + 1
 7      else the server ignores g
 8      client j begins to compute grad f_j(x_k; xi)

This is the paper's method without stops (Algorithm 4): a client is not interrupted when its gradient has become too old. The
age delta counts steps of x, not answers. R = 1 is SGD from whoever answers first, R = infinity (no threshold) Async-SGD. The
paper is about clients with the same costs; where costs differ, ignoring slow clients leaves their costs out.
"""

from typing import Literal

from pydantic import Field

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.bounds.server_methods import ringmaster_step
from trainers.events.ledger import AnswerEntry, Ledger, weighed
from wirelessenv.config import Count


class RingmasterSettings(LedgerSettings):
    """Settings of Ringmaster ASGD, whose iteration is one answer."""

    kind: Literal["ringmaster"] = "ringmaster"
    threshold: Count | None = Field(None, description="R: gradients of this age, in steps of x, are ignored; none: none are")


class RingmasterLedger(Ledger):
    """Decisions of Ringmaster ASGD: a young gradient moves x, an old one does nothing.

    Args:
        tasks: tau_C.
        threshold: R; None: infinity.
    """

    def __init__(self, tasks: int, threshold: int | None) -> None:
        super().__init__(tasks)
        self._threshold = threshold

    def decide(self, slot: int, age: int) -> AnswerEntry:
        young = self._threshold is None or age < self._threshold  # 4
        return AnswerEntry(float(young), young)


class Ringmaster(LedgerLearner):
    """Ringmaster ASGD, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `RingmasterSettings`, by name.

    >>> from trainers.problems.quadratic import Quadratic
    >>> learner = Ringmaster(Quadratic(clients=4), threshold=2, step_size=0.1, exact=True).learn(400)
    >>> bool((learner.measures()["distance"] < 1e-6).all()), int(learner.measures()["steps"].item()) < 400
    (True, True)
    """

    Settings = RingmasterSettings
    settings: RingmasterSettings
    every_answer = False

    def _ledger(self, tasks: int) -> RingmasterLedger:
        return RingmasterLedger(tasks, self.settings.threshold)

    def _update(self) -> None:
        (arrived, client, (sample,)), entry = self._next_entry()  # 2, 4
        self._x = self._x - weighed(entry.weight, self._eta) * self._under_way[arrived]  # 3, 5, 6, 7
        self._under_way[arrived] = self._answer(client, sample)  # 8

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness, threshold = getattr(self.problem, "smoothness", None), self.settings.threshold
        if smoothness is None or threshold is None:
            return None
        return ringmaster_step(smoothness, threshold), "the theorem of Maranjyan et al. (2025)"
