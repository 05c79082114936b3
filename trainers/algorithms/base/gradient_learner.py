"""What the gradient methods share: a batch of runs in several variants, stepped together, saved and resumed."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.algorithms.base.arrival import Arrival
from trainers.algorithms.base.learner import counted
from trainers.bounds.gradient_methods import beyond
from trainers.events.timetable import CHUNK
from trainers.problems.objective import Array, Objective
from wirelessenv.config import ConfigError
from wirelessenv.memory import check_room, part
from wirelessenv.streams import generator_state, run_seeds, set_generator_state, stream


class GradientLearner(ABC):
    """Runs (seeds) and variants (step sizes) of one method side by side: points are (variants, runs, d).

    Samples come from a stream of each run's own, and variants of a run share them. `STATE` names the attributes that change
    while it learns, `SHAPES` those of them whose shapes tell a state of another learner. A subclass defines `_update`, one
    event of its pseudo-code.
    """

    STATE: ClassVar[tuple[str, ...]] = ("iteration", "train_seconds")
    SHAPES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, objective: Objective, step_size: float | Sequence[float], seed: int | Sequence[int] = 0) -> None:
        self.objective, self.seeds = objective, run_seeds(seed)
        try:
            sizes = np.atleast_1d(np.asarray(step_size, float))
        except (TypeError, ValueError):
            sizes = np.array([np.nan])
        if sizes.ndim != 1 or not sizes.size or not np.isfinite(sizes).all() or (sizes < 0).any():
            raise ConfigError(
                f"step_size: {step_size!r} is not valid: it should be a finite number, 0 or more, or a list of them"
            )
        self.step_size: NDArray[np.float64] = sizes[:, None, None]
        """(variants, 1, 1)"""
        self.iteration = 0
        self.train_seconds = 0.0
        self._watch: Arrival | None = None
        self._samples = [stream(one, "sample") for one in self.seeds]
        self._check_room(objective.clients)

    def _check_room(self, copies: int, of: str = "clients") -> None:
        """Raises ConfigError where there is no room for so many points of every run and variant, and for samples."""
        runs = ("seeds", len(self.seeds))
        check_room(
            part(48, runs, ("curves", self.variants), (of, copies), ("size", self.objective.size)),
            part(8 * CHUNK, runs, ("batch", getattr(self.objective, "batch", 1))),
        )

    @property
    def variants(self) -> int:
        """Step sizes side by side."""
        return len(self.step_size)

    def _start(self) -> Array:
        """Where the runs begin, (variants, runs, d): the same for all variants of a run."""
        points = self.objective.starts(self.seeds)
        return np.broadcast_to(points, (self.variants, *points.shape)).copy()

    @property
    @abstractmethod
    def solution(self) -> Array:
        """What the method would answer now, (variants, runs, d)."""

    @abstractmethod
    def _update(self) -> None:
        """One iteration."""

    def measures(self) -> dict[str, Array]:
        """What is known now, each (variants, runs): the problem's measures of the solution, and the method's own."""
        return self.objective.measures(self.solution)

    def watch(self, target: float, window: int, power: int = 1) -> Arrival:
        """Report when the mean of ||grad f||^power over the last iterations is at most `target`, and learn no longer then."""
        self._watch = Arrival(target, window, power, (self.variants, len(self.seeds)))
        return self._watch

    @property
    def done(self) -> bool:
        """Whether all runs have arrived where they are watched, or can arrive no more."""
        return self._watch is not None and self._watch.done

    def spent(self) -> Array | int:
        """What an arrival is counted in: iterations."""
        return self.iteration

    def bound(self, iterations: int) -> tuple[float, str] | None:
        """The largest step size for which a theorem holds over so many iterations, and which; None where none is known."""
        return None

    def warnings(self, iterations: int) -> list[str]:
        """A sentence for each step size that is beyond a known bound."""
        known = self.bound(iterations)
        steps = [] if known is None else self.step_size.ravel().tolist()
        return [sentence for step in steps if known is not None and (sentence := beyond(step, *known))]

    def report(self) -> dict[str, Array]:
        """Columns of metrics.csv, each (runs, variants); time and slots in the problem's units."""
        known = dict(self.measures())
        passed = known.pop("seconds", np.full((self.variants, len(self.seeds)), self.iteration))
        known["simulated_seconds"] = passed * self.objective.tick_seconds
        if self.objective.tick_slots:
            known["slots"] = passed * self.objective.tick_slots
        if self._watch is not None:
            known["arrived"] = self._watch.arrived
        return {name: values.T for name, values in known.items()}

    def finite(self) -> Array:
        """Whether the solution is finite, (runs, variants)."""
        return np.asarray(np.isfinite(self.solution).all(-1).T)

    def learned(self) -> torch.Tensor:
        """The solution, (runs, variants, d)."""
        return torch.from_numpy(np.ascontiguousarray(self.solution.swapaxes(0, 1)))

    def learn(self, iterations: int, callback: Callable[[Self], bool | None] | None = None, progress_bar: bool = False) -> Self:
        """Run `iterations` iterations; `callback(learner)` after each ends it when it returns False."""
        for _ in counted(iterations, progress_bar):
            if self.done:
                break
            started = time.perf_counter()
            self._update()
            self.iteration += 1
            if self._watch is not None:
                self._watch.look(np.linalg.norm(self.objective.mean_gradient(self.solution), axis=-1), self.spent())
            self.train_seconds += time.perf_counter() - started
            if callback is not None and callback(self) is False:
                break
        return self

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        streams = [generator_state(generator) for generator in self._samples]
        watch = {} if self._watch is None else {"watch": self._watch.state()}
        return {"samples": streams, **watch, **{name: deepcopy(getattr(self, name)) for name in self.STATE}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError where it belongs to another learner, or another version of it."""
        if lacking := [name for name in self.state() if name not in state]:
            raise ConfigError(
                f"state: it lacks {lacking[0]}: it was saved by another learner, or by another version of wirelessenv"
            )
        if any(np.shape(getattr(self, name)) != np.shape(state[name]) for name in self.SHAPES):
            raise ConfigError("state: it belongs to a learner of other runs, variants, clients or nodes")
        for generator, saved in zip(self._samples, state["samples"], strict=True):
            set_generator_state(generator, saved)
        if self._watch is not None:
            self._watch.set_state(state["watch"])
        for name in self.STATE:
            setattr(self, name, deepcopy(state[name]))
