"""Base class of the gradient methods: batches of runs and step sizes, targets, bounds, checkpoints."""

from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.algorithms.base.arrival import Arrival
from trainers.algorithms.base.learner import Learner, Seeds
from trainers.algorithms.base.settings import GradientSettings
from trainers.bounds.gradient_methods import beyond
from trainers.events.timetable import CHUNK
from trainers.problems.objective import NumpyArray, Objective
from wirelessenv.config import ConfigError
from wirelessenv.memory import check_room, part
from wirelessenv.streams import generator_state, set_generator_state, stream


class GradientLearner(Learner):
    """Runs (seeds) and variants (step sizes) of one method side by side: points are (variants, runs, d).

    Samples come from a stream of each run's own, and variants of a run share them. `STATE` names the attributes that change
    while it learns. A subclass defines `_update`, one event of its pseudo-code.
    """

    STATE: ClassVar[tuple[str, ...]] = ("iteration", "train_seconds")
    takes = ("clients", "size", "gradient", "cost")
    wants = "this method needs an objective, such as Quadratic() or WirelessObjective()"
    one_cost: ClassVar[bool] = False
    """True where all nodes have the same cost, so that a problem of different clients is given as their mean."""

    settings: GradientSettings
    each: list[Any]
    problem: Objective

    def __init__(self, problem: Objective, links: Any = None, *, seed: Seeds = 0, **settings: Any) -> None:
        super().__init__(problem, links, seed=seed, **settings)

    def _begin(self) -> None:
        self.step_size: NDArray[np.float64] = np.array([one.step_size for one in self.each], float)[:, None, None]
        """(variants, 1, 1)"""
        target = self.settings.target
        self.arrival = None if target is None else Arrival(target, (self.variants, len(self.seeds)))
        """Watch for the runs' arrival, if a target is set."""
        self._samples = [stream(one, "sample") for one in self.seeds]
        self._check_room(self.problem.clients)

    def _check_room(self, copies: int, of: str = "clients") -> None:
        """Raises ConfigError where there is no room for so many points of every run and variant, and for samples."""
        runs = ("seeds", len(self.seeds))
        check_room(
            part(48, runs, ("curves", self.variants), (of, copies), ("size", self.problem.size)),
            part(8 * CHUNK, runs, ("batch", getattr(self.problem, "batch", 1))),
        )

    def _start(self) -> NumpyArray:
        """Points where the runs begin, (variants, runs, d): the same for all variants of a run."""
        points = self.problem.starts(self.seeds)
        return np.broadcast_to(points, (self.variants, *points.shape)).copy()

    @property
    @abstractmethod
    def solution(self) -> NumpyArray:
        """Answer of the method so far, (variants, runs, d)."""

    def measures(self) -> dict[str, NumpyArray]:
        """Measures by name, each (variants, runs): those of the problem at the solution, and the method's own."""
        return self.problem.measures(self.solution)

    def _measures_beside(self, counts: dict[str, Any]) -> dict[str, NumpyArray]:
        """The problem's measures of the solution beside counts, which broadcast to (variants, runs); an entry has 32 bits."""
        with np.errstate(over="ignore", invalid="ignore"):
            known = self.problem.measures(self.solution)
        shape = (self.variants, len(self.seeds))
        counts = counts | {"bits": 32 * counts["entries"]}
        return known | {name: np.broadcast_to(np.asarray(row), shape) for name, row in counts.items()}

    @property
    def done(self) -> bool:
        """True once all runs that are watched have arrived, or can arrive no more."""
        return self.arrival is not None and self.arrival.done

    def spent(self) -> NumpyArray | int:
        """Unit of arrivals: the iterations so far."""
        return self.iteration

    def bound(self, iterations: int) -> tuple[float, str] | None:
        """The largest step size for which a theorem holds over so many iterations, and which; None where none is known."""
        return None

    def warnings(self, iterations: int) -> list[str]:
        """A sentence for each step size that is beyond a known bound."""
        known = self.bound(iterations)
        steps = [] if known is None else self.step_size.ravel().tolist()
        return [sentence for step in steps if known is not None and (sentence := beyond(step, *known))]

    def report(self) -> dict[str, NumpyArray]:
        """Columns of metrics.csv, each (runs, variants); time and slots in the problem's units."""
        known = dict(self.measures())
        passed = known.pop("seconds", np.full((self.variants, len(self.seeds)), self.iteration))
        known["simulated_seconds"] = passed * self.problem.tick_seconds
        if self.problem.tick_slots:
            known["slots"] = passed * self.problem.tick_slots
        if self.arrival is not None:
            known["arrived"] = self.arrival.arrived
        return {name: values.T for name, values in known.items()}

    def finite(self) -> NumpyArray:
        """Mask of the solutions that are finite, (runs, variants)."""
        return np.asarray(np.isfinite(self.solution).all(-1).T)

    @property
    def parameters(self) -> torch.Tensor:
        """A copy of the solution, (runs, variants, d)."""
        return torch.from_numpy(np.ascontiguousarray(self.solution.swapaxes(0, 1)))

    def learn(self, iterations: int, callback: Callable[[Self], bool | None] | None = None, progress_bar: bool = False) -> Self:
        """Run some iterations; a run whose step is too large overflows to infinities and NaNs in silence, the others go on.

        Args:
            iterations: how many, 0 or more.
            callback: called with the learner after each; when it returns False, learning ends.
            progress_bar: whether to show progress.

        Returns:
            The learner itself.

        Raises:
            ConfigError: where `iterations` is not a count.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return super().learn(iterations, callback, progress_bar)

    def _look(self) -> None:
        if self.arrival is not None:
            self.arrival.look(self._norms(), self.spent)

    def _norms(self) -> NumpyArray:
        """Norms ||grad f|| at the solution, (variants, runs)."""
        return np.asarray(np.linalg.norm(self.problem.mean_gradient(self.solution), axis=-1))

    def _problem_configuration(self) -> dict[str, Any]:
        return {"kind": type(self.problem).__name__, "clients": self.problem.clients, "size": self.problem.size}

    @classmethod
    def _problem_of(cls, path: str | Path, saved: dict[str, Any], given: Objective | None, device: str) -> Objective:
        if given is None:
            raise ConfigError(f"{path}: give load() the problem that it was trained on: a {saved.get('kind')}")
        for name, own in (("kind", type(given).__name__), ("clients", given.clients), ("size", given.size)):
            if own != saved.get(name):
                raise ConfigError(f"{path}: it was trained on another problem than the one given: the {name} differs")
        return given

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        streams = [generator_state(generator) for generator in self._samples]
        watch = {} if self.arrival is None else {"watch": self.arrival.state()}
        return {"samples": streams, **watch, **{name: deepcopy(getattr(self, name)) for name in self.STATE}}

    def _set_state(self, state: dict[str, Any]) -> None:
        for generator, saved in zip(self._samples, state["samples"], strict=True):
            set_generator_state(generator, saved)
        if self.arrival is not None:
            self.arrival.set_state(state["watch"])
        for name in self.STATE:
            setattr(self, name, deepcopy(state[name]))
