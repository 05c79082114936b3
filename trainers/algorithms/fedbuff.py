"""FedBuff (Nguyen et al., 2022, Algorithm 1): clients train by themselves, and their changes are buffered before x moves.

 1  the server sends x to tau_C clients; k = 0, Delta = 0
 2  for each answer:
 3      the server receives Delta_j from client j
 4      Delta = Delta + Delta_j, k = k + 1
 5      if k = K
 6          x = x - eta_g Delta / K; k = 0, Delta = 0
 7      the server sends x to a client i, which does as follows
 8          y_0 = x; for q = 1 ... Q: y_q = y_{q-1} - eta grad f_i(y_{q-1}; xi_q)
 9          Delta_i = y_0 - y_Q

`step_size` is the clients' eta, eta_g is `server_step`. A task takes a client its time once, with all Q steps. The paper
samples the next client from those without a task, which is `assignment: inactive`; with `same`, the default here, it is the
one that has answered. With `weighted`, line 4 adds Delta_j / sqrt(1 + age), as in the paper's experiments: the age counts
steps of x. With K = Q = 1 and eta_g = 1 this is Async-SGD.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.bounds.server_methods import fedbuff_step
from trainers.events.ledger import AnswerEntry, Ledger, runs_where, weighed
from trainers.problems.objective import Clients, NumpyArray
from wirelessenv.config import Count, Positive


class FedBuffSettings(LedgerSettings):
    """Settings of FedBuff, whose iteration is one answer."""

    kind: Literal["fedbuff"] = "fedbuff"
    buffer: Count = Field(1, description="K: changes that are added up before x moves")
    local_steps: Annotated[Count, Field(le=10_000)] = Field(1, description="Q: steps of a client by itself")
    server_step: Positive = Field(1.0, description="eta_g: what the mean change is multiplied by")
    weighted: bool = Field(False, strict=True, description="divide a change by sqrt(1 + its age)")


class FedBuffLedger(Ledger):
    """Decisions of FedBuff: all answers count, and x moves when the buffer is full.

    Args:
        tasks: tau_C.
        buffer: K.
        weighted: whether old answers count less.
    """

    COUNTS: ClassVar[tuple[str, ...]] = ("buffered",)

    def __init__(self, tasks: int, buffer: int, weighted: bool) -> None:
        super().__init__(tasks)
        self.buffered, self._buffer, self._weighted = 0, buffer, weighted

    def decide(self, slot: int, age: int) -> AnswerEntry:
        self.buffered += 1  # 4
        full = self.buffered >= self._buffer  # 5
        if full:
            self.buffered = 0
        return AnswerEntry(1 / sqrt(1 + age) if self._weighted else 1.0, full)


class FedBuff(LedgerLearner):
    """FedBuff, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take, and whom the server asks: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `FedBuffSettings`, by name.

    >>> from trainers.problems.quadratic import Quadratic
    >>> learner = FedBuff(Quadratic(clients=4), buffer=3, local_steps=2, step_size=0.1, exact=True).learn(400)
    >>> bool((learner.measures()["distance"] < 1e-6).all())
    True
    """

    Settings = FedBuffSettings
    settings: FedBuffSettings
    STATE: ClassVar[tuple[str, ...]] = (*LedgerLearner.STATE, "_buffer")

    def _begin(self) -> None:
        super()._begin()
        self._buffer = np.zeros_like(self._x)  # 1: Delta
        self._per_change = self.settings.server_step / self.settings.buffer  # eta_g / K

    @property
    def draws(self) -> int:
        return self.settings.local_steps

    def _ledger(self, tasks: int) -> FedBuffLedger:
        return FedBuffLedger(tasks, self.settings.buffer, self.settings.weighted)

    def _first_tasks(self) -> None:
        self._under_way = np.stack([self._change(client, samples) for client, samples in self._first()])  # 1

    def _change(self, client: Clients, samples: Sequence[NumpyArray | None]) -> NumpyArray:
        """Change of a client that trains by itself from x on: lines 8 and 9."""
        change = self._eta * self.problem.gradient(client, self._x, samples[0])
        for sample in samples[1:]:
            change = change + self._eta * self.problem.gradient(client, self._x - change, sample)
        return self._received(client, change)

    def _update(self) -> None:
        (arrived, client, samples), entry = self._next_entry()  # 2, 5
        self._buffer += weighed(entry.weight, self._under_way[arrived])  # 3, 4
        if (runs := runs_where(entry.moves)) is not None:
            self._move(runs, self._per_change * self._buffer)  # 6
            self._buffer[:, runs] = 0
        self._under_way[arrived] = self._change(client, samples)  # 7, 8, 9

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "local_smoothness", getattr(self.problem, "smoothness", None))
        if smoothness is None:
            return None
        step = fedbuff_step(smoothness, self.settings.server_step, self.settings.local_steps)
        return step, "the theorem of Nguyen et al. (2022)"
