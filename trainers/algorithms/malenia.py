"""Malenia SGD (Tyurin and Richtarik, 2023, Method 6): Rennala SGD for clients that differ, which waits until all are heard.

 1  the server sends x_0 to all n clients, and each computes grad f_i(x_0; xi); k = 0, G_i = 0, B_i = 0
 2  for each answer:
 3      the server receives grad f_j(x_{k'}; xi) from client j
 4      if k' = k
 5          G_j = G_j + grad f_j(x_k; xi), B_j = B_j + 1
 6      else the server ignores it
 7      if all B_i > 0 and their harmonic mean is at least S / n
 8          x_{k+1} = x_k - (eta / n) sum_i G_i / B_i, k = k + 1; G_i = 0, B_i = 0
 9      client j begins to compute grad f_j(x_k; xi)

S = n, the default, waits until every client is heard once; more gradients of fast clients make their part less noisy. Nobody
is interrupted: a client whose point is no longer the newest finishes in vain. The paper's listing sends x_k to client j
before it looks at line 7, so that the slowest client would begin every round in vain; here the server applies, then sends.
With one client this is SGD with batches of S.
"""

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.bounds.server_methods import minibatch_step
from trainers.events.ledger import Ledger, runs_where, some, weighed
from wirelessenv.config import Count


class MaleniaSettings(LedgerSettings):
    """Settings of Malenia SGD, whose iteration is one answer."""

    kind: Literal["malenia"] = "malenia"
    batch: Count | None = Field(None, description="S: n times the harmonic mean of gradients a client; none: n, one of each")


class MaleniaEntry(NamedTuple):
    """Decision about one answer, and, where x moves, the weights of the clients' sums."""

    weight: Any
    """1, or 0 where the answer is ignored"""
    moves: Any
    """true where x moves once the answer is in"""
    shares: Any
    """1 / (n B_i), (n,) or (runs, n); 0 where x does not move"""


class MaleniaLedger(Ledger):
    """Decisions of Malenia SGD: gradients at the newest point count until there are enough of every client.

    Args:
        tasks: n; a slot is a client.
        batch: S.
    """

    COUNTS: ClassVar[tuple[str, ...]] = ("counted",)

    def __init__(self, tasks: int, batch: int) -> None:
        super().__init__(tasks)
        self.counted, self._batch, self._nothing = [0] * tasks, batch, np.zeros(tasks)

    def decide(self, slot: int, age: int) -> MaleniaEntry:
        newest = age == 0  # 4
        self.counted[slot] += newest  # 5
        if not newest or not all(self.counted) or not self._enough():  # 7
            return MaleniaEntry(float(newest), False, self._nothing)
        shares = 1 / (len(self.counted) * np.array(self.counted, float))
        self.counted = [0] * len(self.counted)
        return MaleniaEntry(1.0, True, shares)

    def _enough(self) -> bool:
        clients = len(self.counted)
        return clients**2 >= self._batch * sum(1 / count for count in self.counted) * (1 - 1e-12)  # 1e-12: for rounding


class Malenia(LedgerLearner):
    """Malenia SGD, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `MaleniaSettings`, by name.

    >>> from trainers.problems.least_squares import LeastSquares
    >>> learner = Malenia(LeastSquares(zeta=100.0), step_size=0.3, exact=True).learn(1000)
    >>> bool((learner.measures()["distance"] < 1e-6).all())
    True
    """

    Settings = MaleniaSettings
    settings: MaleniaSettings
    STATE: ClassVar[tuple[str, ...]] = (*LedgerLearner.STATE, "_sums")
    every_client = True
    every_answer = False

    def _begin(self) -> None:
        super()._begin()
        self._sums = np.zeros_like(self._under_way)  # 1: G_i, (n, variants, runs, d)

    def _ledger(self, tasks: int) -> MaleniaLedger:
        return MaleniaLedger(tasks, self.settings.batch or tasks)

    def _update(self) -> None:
        (arrived, client, (sample,)), entry = self._next_entry()  # 2, 4, 7
        if some(entry.weight):
            self._sums[arrived] += weighed(entry.weight, self._under_way[arrived])  # 3, 5; 6: else it is ignored
        if (runs := runs_where(entry.moves)) is not None:
            shares = np.atleast_2d(entry.shares)[runs].T[:, None, :, None]  # (n, 1, runs or 1, 1)
            self._x[:, runs] -= self._eta * (shares * self._sums[:, :, runs]).sum(0)  # 8
            self._sums[:, :, runs] = 0
        self._under_way[arrived] = self._answer(client, sample)  # 9

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "smoothness", None)
        return None if smoothness is None else (minibatch_step(smoothness), "the theorem of Tyurin and Richtarik (2023)")
