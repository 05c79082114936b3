"""How many iterations a method needs: until the mean of an error over the last iterations is small enough."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from trainers.dasgd import DASGD
from trainers.gradient_learner import GradientLearner
from trainers.problems.objective import Array

Error = Callable[[Array], Array]


class Window:
    """The mean of the last `length` values, element by element."""

    def __init__(self, length: int) -> None:
        self._values: deque[Array] = deque(maxlen=length)

    def add(self, values: Array) -> Array | None:
        """Take one more; the mean, or None before there are `length`."""
        self._values.append(values)
        return None if len(self._values) < (self._values.maxlen or 0) else np.mean(self._values, axis=0)


def gradient_norm(learner: GradientLearner) -> Error:
    """||grad f(x)||, (...) of points (..., d)."""
    return lambda x: np.asarray(np.linalg.norm(learner.objective.mean_gradient(x), axis=-1))


def iterations_to(learner: GradientLearner, target: float, *, cap: int, window: int = 20, error: Error | None = None) -> Array:
    """The first iteration at which the mean error of the last `window` iterations is at most `target`, (variants, runs).

    Infinity where that is not so within `cap` iterations; the error is ||grad f(x)|| where none is given. Learning ends when
    all have arrived, or all that have not are no longer finite: a diverged setting is an infinity, not a reason to stop.
    """
    error = gradient_norm(learner) if error is None else error
    errors, arrived = Window(window), np.full(learner.solution.shape[:-1], np.inf)

    def look(learner: GradientLearner) -> bool:
        values = error(learner.solution)
        mean = errors.add(values)
        if mean is not None:
            arrived[np.isinf(arrived) & (mean <= target)] = learner.iteration
        return bool((np.isinf(arrived) & np.isfinite(values)).any())

    learner.learn(cap, look)
    return arrived


def steps_to(learner: DASGD, target: float, *, cap: int, window: int = 30) -> Array:
    """The same for DASGD: the t of the first node whose own last `window` models have a mean ||grad f|| of at most `target`.

    `cap` counts the steps of all nodes together.
    """
    error = gradient_norm(learner)
    windows: dict[tuple[int, int], Window] = {}
    arrived: Any = np.full(learner.solution.shape[:-1], np.inf)

    def look(learner: DASGD) -> bool:
        going = False
        for order, (node, runs) in enumerate(zip(learner.last, learner.runs, strict=True)):
            if node is None or not np.isinf(arrived[:, runs]).any():
                continue
            values = error(learner.models[node][:, runs])
            mean = windows.setdefault((order, node), Window(window)).add(values)
            if mean is not None:
                part = arrived[:, runs]
                part[np.isinf(part) & (mean <= target)] = learner.steps[order, node]
            going = going or bool((np.isinf(arrived[:, runs]) & np.isfinite(values)).any())
        return going

    learner.learn(cap, look)
    return np.asarray(arrived)
