"""Delay-adaptive Async-SGD (Koloskova et al., 2022; Mishchenko et al., 2022): steps that are smaller where gradients are old.

 1  the server sends x_0 to tau_C active clients, and each computes grad f_k(x_0; xi)
 2  for t = 0, 1, ...
 3      the server receives g = grad f_j(x_{t - tau_t}; xi) from client j = j_t
 4      eta_t = eta where tau_t <= tau_C, else eta tau_C / tau_t
 5      x_{t+1} = x_t - eta_t g
 6      the server selects a new client k and sends it x_{t+1}
 7      client k computes grad f_k(x_{t+1}; xi)

Koloskova et al. ask for eta_t < min(eta, 1 / (4 L tau_t)) where tau_t > tau_C, and eta at most 1 / (4 L tau_C). Line 4 keeps
to that for every such eta, and is the same at the largest one, without knowing L. Where no gradient is older than tau_C this
is Async-SGD. The largest tau does not bound eta: that is the point, in both papers. They are about clients with the same
costs, who go on by themselves (`assignment: same`, the default).
"""

from typing import Literal

from pydantic import Field

from trainers.algorithms.base.ledger_learner import LedgerLearner, LedgerSettings
from trainers.bounds.server_methods import delay_adaptive_step
from trainers.events.ledger import AnswerEntry, Ledger, weighed
from wirelessenv.config import Count


class DelayAdaptiveSettings(LedgerSettings):
    """Settings of delay-adaptive Async-SGD; an iteration is one answer."""

    kind: Literal["delay_adaptive"] = "delay_adaptive"
    full_up_to: Count | None = Field(None, description="age up to which a gradient has the whole step; none: tau_C")


class DelayAdaptiveLedger(Ledger):
    """Decisions of delay-adaptive Async-SGD: all answers move x, old ones less.

    Args:
        tasks: tau_C.
        full_up_to: age up to which an answer counts whole.
    """

    def __init__(self, tasks: int, full_up_to: int) -> None:
        super().__init__(tasks)
        self._full = full_up_to

    def decide(self, slot: int, age: int) -> AnswerEntry:
        return AnswerEntry(1.0 if age <= self._full else self._full / age, True)  # 4


class DelayAdaptive(LedgerLearner):
    """Delay-adaptive Async-SGD, or with exact gradients where `exact`; see the head of this file.

    Args:
        problem: the n clients' costs.
        links: how long clients take, and whom the server asks: a `Server`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: those of `DelayAdaptiveSettings`, by name.

    >>> from trainers.problems.quadratic import Quadratic
    >>> server = {"computing": {"kind": "given", "seconds": [1, 1, 1, 500]}}
    >>> learner = DelayAdaptive(Quadratic(clients=4), server, step_size=1 / 64, exact=True).learn(4000)
    >>> bool((learner.measures()["distance"] < 1e-6).all())
    True
    """

    Settings = DelayAdaptiveSettings
    settings: DelayAdaptiveSettings

    def _ledger(self, tasks: int) -> DelayAdaptiveLedger:
        return DelayAdaptiveLedger(tasks, self.settings.full_up_to or tasks)

    def _update(self) -> None:
        (arrived, client, (sample,)), entry = self._next_entry()  # 2, 4
        self._x = self._x - weighed(entry.weight, self._eta) * self._under_way[arrived]  # 3, 5
        self._under_way[arrived] = self._answer(client, sample)  # 6, 7

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "smoothness", None)
        if smoothness is None:
            return None
        full = max(self.settings.full_up_to or 0, self.timetables[0].concurrency)
        return delay_adaptive_step(smoothness, full), "the delay-adaptive theorem of Koloskova et al. (2022)"
