"""Base class of SGP and PARS-Push: push-sum's pairs (x, y) on nodes that wake up, over links that delay and lose."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from pydantic import Field

from trainers.algorithms.base.link_learner import LinkLearner, LinkSettings
from trainers.problems.objective import NumpyArray
from wirelessenv.config import NonNegative


class PushSumSettings(LinkSettings):
    """Settings of SGP and PARS-Push alike; graph, waking, delays and losses are the messaging."""

    decay: NonNegative = Field(0.0, description="theta(t) = step_size ((1 + offset) / (t + offset))^decay")
    offset: NonNegative = Field(0.0, description="how many ticks later that fall begins")


class PushSumLearner(LinkLearner):
    """Nodes i = 1 ... n with x_i in R^d and y_i > 0, whose z_i = x_i / y_i are to agree on a minimiser of f.

    The step size in tick t is theta(t) = step_size ((1 + offset) / (t + offset))^decay, and theta(0) = 0: constant without
    `decay`; step_size / t with decay 1, as in Toghani et al. (2023), Proposition 1.
    """

    settings: PushSumSettings
    STATE: ClassVar[tuple[str, ...]] = (*LinkLearner.STATE, "pairs")
    idea = "push-sum"

    def _begin(self) -> None:
        super()._begin()
        self.pairs = np.ones((self.variants, len(self.seeds), self.problem.clients, self.problem.size + 1))
        """(x_i, y_i), (variants, runs, n, d + 1)"""
        self.pairs[..., :-1] = self._start()[:, :, None]

    @property
    def _width(self) -> int:
        return self.problem.size + 1

    @property
    def x(self) -> NumpyArray:
        """x_i, (variants, runs, n, d)."""
        return self.pairs[..., :-1]

    @property
    def y(self) -> NumpyArray:
        """y_i, (variants, runs, n, 1)."""
        return self.pairs[..., -1:]

    @property
    def nodes(self) -> NumpyArray:
        """z_i = x_i / y_i, (variants, runs, n, d)."""
        with np.errstate(all="ignore"):  # what diverges is NaN, and seen in the measures
            return np.asarray(self.x / self.y)

    def step_schedule(self, tick: int) -> float:
        """theta(t) / step_size: what the step size is multiplied by in tick t."""
        offset = self.settings.offset
        return ((1 + offset) / (tick + offset)) ** self.settings.decay if tick else 0.0

    @abstractmethod
    def total(self) -> NumpyArray:
        """The sum of (x, y) over all nodes and over all links, (variants, runs, d + 1)."""

    def _own_measures(self) -> dict[str, NumpyArray]:
        """`mass`, the sum of y over nodes and links, by n."""
        return {"mass": self.total()[..., -1] / self.problem.clients}
