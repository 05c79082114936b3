"""Arrival of runs at a target: the mean of the gradient's norm over the last iterations is small enough."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.algorithms.base.settings import Target
from trainers.problems.objective import NumpyArray
from wirelessenv.saved_state import refuse_length, refuse_misfit


class Arrival:
    """Watch for the arrival of every variant and run of a learner.

    Args:
        target: when a run has arrived.
        shape: (variants, runs).

    >>> watch = Arrival(Target(below=2.0, window=3, power=1), shape=(1, 1))
    >>> for spent, norm in enumerate([5.0, 1.0, 2.0, 3.0], 1):
    ...     watch.look(np.array([[norm]]), lambda: spent)
    >>> float(watch.arrived[0, 0]), watch.done
    (4.0, True)
    """

    def __init__(self, target: Target, shape: tuple[int, int]) -> None:
        self._target, self._power = target.below, target.power
        self._far = 2 * target.window * target.below  # 2: for rounding
        self._last: deque[NumpyArray] = deque(maxlen=target.window)
        self.arrived: NumpyArray = np.full(shape, np.nan)
        """Spent until the mean of ||grad f||^power over the last `window` iterations was at most the target, (variants, runs);
        NaN before."""
        self.done = False
        """True once all have arrived, or those that have not are no longer finite."""

    def look(self, norms: NumpyArray, spent: Callable[[], NumpyArray | int]) -> None:
        """Take the gradients' norms after an iteration.

        Args:
            norms: ||grad f(x)||, (variants, runs).
            spent: returns the iterations or steps until then, one number or (runs,); called where a run arrives.
        """
        errors = norms**self._power
        self._last.append(errors)
        if not self.done and errors.min() > self._far and errors.max() < np.inf:
            return  # one of the last is so large that their mean is beyond the target: most iterations end here
        if len(self._last) == self._last.maxlen:
            here = np.isnan(self.arrived) & (np.mean(self._last, axis=0) <= self._target)
            if here.any():
                self.arrived = np.where(here, spent(), self.arrived)
        self.done = not (np.isnan(self.arrived) & np.isfinite(errors)).any()

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {"last": list(self._last), "arrived": self.arrived, "done": self.done}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        last = refuse_length("watch.last", state["last"], 0, self._last.maxlen or 0)
        refuse_misfit(last, [self.arrived] * len(last), "watch.last")
        self._last.clear()
        self._last.extend(last)
        self.arrived, self.done = state["arrived"], state["done"]
