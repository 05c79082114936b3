"""A gradient learner whose iterations an experiment counts by several at a time, and ends before its own end."""

from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.learner import Learner
from wirelessenv.config import whole
from wirelessenv.saved_state import misfit


class Strided:
    """Gradient learner of which `stride` updates are one iteration; it is done after `most` of these.

    So that a round of n nodes, or a tick in which a server hears from n clients, is one iteration beside those of methods in
    which all nodes act at once.

    Args:
        learner: that is driven.
        stride: updates in an iteration.
        most: iterations after which it is done; None: no end of its own.
    """

    def __init__(self, learner: GradientLearner, stride: int, most: int | None) -> None:
        self.learner, self._stride, self._most = learner, stride, most

    @property
    def iteration(self) -> int:
        """Iterations done: updates divided by the stride."""
        return self.learner.iteration // self._stride

    @property
    def train_seconds(self) -> float:
        """Seconds spent in `learn`, of all runs together."""
        return self.learner.train_seconds

    @property
    def done(self) -> bool:
        """True once the learner is at its own end, or `most` iterations are done."""
        return self.learner.done or (self._most is not None and self.iteration >= self._most)

    def learn(self, iterations: int) -> None:
        """Run `iterations` times `stride` updates, or up to `most`."""
        wanted = whole("iterations", iterations, 0)
        left = wanted if self._most is None else max(0, min(wanted, self._most - self.iteration))
        self.learner.learn(left * self._stride)

    def warnings(self, iterations: int) -> list[str]:
        """A sentence for each step size that is beyond a known bound."""
        return self.learner.warnings(min(iterations, self._most or iterations) * self._stride)

    def report(self) -> dict[str, NDArray[Any]]:
        """Columns of metrics.csv, each (runs, variants)."""
        return self.learner.report()

    def finite(self) -> NDArray[Any]:
        """True where all parameters are finite, (runs, variants)."""
        return self.learner.finite()

    @property
    def parameters(self) -> Tensor:
        """Solution of each run and variant, (runs, variants, d)."""
        return self.learner.parameters

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return self.learner.state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError where it is none of this learner between two iterations."""
        self.learner.set_state(state)
        if self.learner.iteration % self._stride:
            raise misfit("iteration", f"is {self.learner.iteration}, which is not a multiple of the stride {self._stride}")


AnyLearner = Learner | Strided
"""Learners that an experiment trains."""
