"""What learners share whose agents pass measurements on: runs and variants, messages and their counts, saving, loading."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from trainers.algorithms.base.learner import counted
from trainers.events.plan import AHEAD, Plan, Planner
from trainers.problems.problem import Problem
from trainers.problems.wireless import WirelessProblem
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv.config import LARGEST, ConfigError, whole
from wirelessenv.memory import Part, check_room, part
from wirelessenv.messages.knowledge import Knowledge, entry_bits, message_graphs, needed_memory
from wirelessenv.scenario import Messaging
from wirelessenv.sentences import shown
from wirelessenv.streams import run_seeds

SMOOTHING = 1e-6, 1e6
"""Perturbations below are lost in the rounding of 32-bit parameters; beyond, nothing is left of the parameters."""
_BOUNDS = {
    "smoothing": (*SMOOTHING, " from {:g} to {:g}".format(*SMOOTHING)),
    "step_size": (0.0, LARGEST, f", 0 or more, at most {LARGEST:g}"),
}
"""The least and the most that a setting may be, and how that is said."""
Messagings = Messaging | str | dict[str, Any] | Sequence[Messaging]


class MessagePassingLearner(ABC):
    """A batch of runs (seeds) of one learner, in one or several variants that share the runs' channels.

    `EACH` names the settings that may differ between variants, `SHARED` those that may not, `TRUTHS` those that are true or
    false, `STATE` the attributes that change while it learns. A subclass defines `_iterate`: query, receive, update.
    """

    EACH: ClassVar[tuple[str, ...]] = ("step_size", "decay", "cooperative")
    SHARED: ClassVar[tuple[str, ...]] = ("batch", "memory")
    TRUTHS: ClassVar[tuple[str, ...]] = ("cooperative", "common_noise", "perturb_sleeping")
    STATE: ClassVar[tuple[str, ...]] = ("iteration", "train_seconds", "_parameters")

    def __init__(self, problem: Problem, messaging: Messagings, seed: int | Sequence[int], **settings: Any) -> None:
        self.problem, self.seeds = problem, run_seeds(seed)
        if len(self.seeds) != len(problem.seeds):
            raise ConfigError(f"seed: {len(self.seeds)} seeds are not valid: the problem has {len(problem.seeds)} runs")
        several = isinstance(messaging, Sequence) and not isinstance(messaging, str)
        self.messagings = [Messaging.of(one) for one in (messaging if several else [messaging])]
        self.variants = max(map(_length, (self.messagings, *(settings[name] for name in self.EACH))))
        if len(self.messagings) not in (1, self.variants):
            raise ConfigError(f"messaging: {len(self.messagings)} are not valid: there are {self.variants} variants")
        self.messagings = self.messagings * (self.variants if len(self.messagings) == 1 else 1)
        for name in self.EACH:
            setattr(self, name, self._for_each_variant(name, settings[name]))
        for name in self.SHARED:
            setattr(self, name, (_truth if name in self.TRUTHS else whole)(name, settings[name]))
        self.iteration = 0
        self.train_seconds = 0.0
        runs, agents, size = len(self.seeds), problem.agents, problem.policies.size
        check_room(*self._parts(), device=problem.device)
        start = problem.policies.initial(self.seeds, agents).to(problem.device)
        self._parameters = start[:, :, None].expand(runs, agents, self.variants, size).clone()
        self.knowledge = [self._knowledge(variant) for variant in range(self.variants)]
        self._planner = Planner(
            self.knowledge, self.step_size, self.decay, self.memory, getattr(self, "perturb_sleeping", True), problem.device
        )

    # Settings that every learner has; set by name above.
    step_size: NDArray[Any]
    decay: NDArray[Any]
    cooperative: NDArray[Any]
    batch: int
    memory: int

    def _parts(self) -> tuple[Part, ...]:
        """What it takes, with the names of the settings that say how much."""
        policies = self.problem.policies
        agents, variants = ("transmitters", self.problem.agents), ("curves", self.variants)
        each, memory, batch = ("seeds", len(self.seeds)), ("memory", self.memory), ("batch", self.batch)
        hidden = ("policy.hidden (parameters)", policies.size)
        return (
            part(20, each, agents, variants, hidden),
            part(12 * policies.width, each, agents, variants, batch),
            part(48, each, agents, agents, batch),  # the channels of a measurement
            part(5, memory, each, agents, hidden),
            part(14, memory, each, agents, variants),
            part(16 * AHEAD, each, agents, agents, variants),
        )

    def _for_each_variant(self, name: str, value: Any) -> NDArray[Any]:
        values = np.atleast_1d(np.asarray(value))
        if len(values) not in (1, self.variants):
            raise ConfigError(f"{name}: {len(values)} values are not valid: there are {self.variants} variants")
        least, most, said = _BOUNDS.get(name, (-LARGEST, LARGEST, f" from {-LARGEST:g} to {LARGEST:g}"))
        right = "true or false" if name in self.TRUTHS else f"a finite number{said}"
        sound = values.dtype.kind in ("b" if name in self.TRUTHS else "fiu") and values.ndim == 1
        if not sound or not ((values >= least) & (values <= most)).all():
            raise ConfigError(f"{name}: {shown(value)} is not valid: it should be {right}")
        return np.broadcast_to(values, self.variants).copy()

    def _knowledge(self, variant: int) -> Knowledge:
        messaging = self.messagings[variant]
        links = message_graphs(messaging, self.problem.agents, self.seeds, self.problem.positions())
        if not self.cooperative[variant]:
            return Knowledge(messaging, np.zeros_like(links), self.seeds)
        needed = needed_memory(messaging, links)
        if self.memory < needed:
            raise ConfigError(
                f"memory: {self.memory} is not valid: the graph's diameter times the largest delay asks for at least "
                f"{needed} instants"
            )
        return Knowledge(messaging, links, self.seeds)

    done = False  # it learns as long as it is asked to

    @property
    def parameters(self) -> Tensor:
        """The policies theta, (runs, agents, variants, size)."""
        return self._parameters

    def learn(self, iterations: int, callback: Callable[[Self], bool | None] | None = None, progress_bar: bool = False) -> Self:
        """Run `iterations` iterations; `callback(learner)` after each ends the training when it returns False."""
        for done in counted(iterations, progress_bar):
            started = time.perf_counter()
            self._iterate(self._planner.next(1 if callback is not None else iterations - done))
            self.iteration += 1
            self.train_seconds += time.perf_counter() - started
            if callback is not None and callback(self) is False:
                break
        return self

    @abstractmethod
    def _iterate(self, plan: Plan) -> None:
        """One iteration: query, receive, update."""

    @property
    @abstractmethod
    def value_bits(self) -> int:
        """Bits of what one entry of a message carries, beside its agent and its time."""

    @property
    def entry_bits(self) -> int:
        """Bits of one entry of a message."""
        return entry_bits(self.problem.agents, self.value_bits)

    def _told(self, what: str) -> NDArray[np.int64]:
        return np.stack([getattr(knowledge, what) for knowledge in self.knowledge], axis=1)

    @property
    def max_age(self) -> NDArray[np.int64]:
        """Largest age met so far of an entry that an agent holds, (runs, variants)."""
        return self._told("max_age")

    @property
    def messages(self) -> NDArray[np.int64]:
        """Messages sent so far, losses included, (runs, variants)."""
        return self._told("messages")

    @property
    def entries(self) -> NDArray[np.int64]:
        """Entries in them, (runs, variants)."""
        return self._told("entries")

    @property
    def changed_entries(self) -> NDArray[np.int64]:
        """Those of them that changed since the last message over the same link, (runs, variants)."""
        return self._told("changed_entries")

    @property
    def bits(self) -> NDArray[np.int64]:
        """Bits sent so far, losses included, (runs, variants)."""
        return self.entries * self.entry_bits

    @property
    def dropped_queries(self) -> NDArray[np.int64]:
        """Entries left out of updates because they were older than the memory, (runs, variants)."""
        return self._planner.dropped

    def warnings(self, iterations: int) -> list[str]:
        """Nothing: no bound is known of a wireless network."""
        return []

    def report(self) -> dict[str, NDArray[Any]]:
        """Columns of metrics.csv, each (runs, variants)."""
        utility = self.problem.evaluate(self.parameters)
        slots = np.broadcast_to(self.problem.slots, utility.shape)
        counts = ("messages", "entries", "bits", "max_age", "dropped_queries")
        return {
            "utility": utility,
            "full_power_utility": np.broadcast_to(self._full_power[:, None], utility.shape),
            "slots": slots,
            "simulated_seconds": slots * self.problem.slot_seconds,
            **{name: getattr(self, name) for name in counts},
            "bits_delta": self.changed_entries * self.entry_bits,
        }

    @cached_property
    def _full_power(self) -> NDArray[np.float64]:
        return self.problem.full_power_utility()

    def finite(self) -> NDArray[np.bool_]:
        """Whether all parameters are finite, (runs, variants)."""
        return np.asarray(self.parameters.isfinite().all(3).all(1).cpu())

    def learned(self) -> Tensor:
        """The policies, (runs, agents, variants, size)."""
        return self.parameters

    def predict(self, observations: Any, run: int = 0, variant: int = 0) -> Any:
        """Actions of a run's policies for observations (..., agents, inputs) or a dict of them by agent.

        They come in the form and the units of the problem: powers in [0, p_max], or an environment's actions.
        """
        runs, _, variants, _ = self.parameters.shape
        if not (0 <= run < runs and 0 <= variant < variants):
            raise ConfigError(f"run, variant: {run}, {variant} are not valid: there are {runs} runs and {variants} variants")
        return self.problem.act(self.parameters[run, :, variant], observations)

    def save(self, path: str | Path) -> None:
        """Write everything that `load` needs to go on bit for bit, atomically."""
        kept = {"learner": type(self).__name__, "problem": self.problem.configuration()}
        write_tensors(path, {**kept, "settings": self._settings(), "state": self.state()})

    @classmethod
    def load(cls, path: str | Path, problem: Problem | None = None, device: str = "cpu") -> Self:
        """A learner as it was saved; on a problem of its own where that is a wireless one, else on the one given.

        Raises ConfigError where the file holds another learner, or was trained on another problem than the one given.
        """
        saved = read_tensors(path)
        if saved.get("learner") != cls.__name__:
            raise ConfigError(f"{path}: holds no {cls.__name__}: {saved.get('learner', 'something else')}")
        if problem is None and not saved["problem"]:
            raise ConfigError(f"{path}: it was trained on a foreign environment: give load() the problem")
        if problem is not None and (given := problem.configuration()) != saved["problem"]:
            changed = next(key for key in (given | saved["problem"]) if given.get(key) != saved["problem"].get(key))
            raise ConfigError(f"{path}: it was trained on another problem than the one given: the {changed} differs")
        problem = problem or WirelessProblem.from_configuration(saved["problem"], device)
        messaging = [Messaging.of(one) for one in saved["settings"].pop("messaging")]
        learner = cls(problem, messaging, **saved["settings"])
        learner.set_state(saved["state"])
        return learner

    def _settings(self) -> dict[str, Any]:
        each = {name: getattr(self, name).tolist() for name in self.EACH}
        shared = {name: getattr(self, name) for name in self.SHARED}
        return {"messaging": [one.dump() for one in self.messagings], **each, **shared, "seed": list(self.seeds)}

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here: parameters, memories, messages on their way, streams."""
        attributes = {name: getattr(self, name) for name in self.STATE}
        return {**attributes, "planner": self._planner.state(), "problem": self.problem.state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name in self.STATE:
            setattr(self, name, state[name])
        self._planner.set_state(state["planner"])
        self.problem.set_state(state["problem"])


def in_memory(times: range, memory: int) -> Iterator[slice]:
    """The rows `time % memory` of consecutive times, as one or two slices."""
    first, count = times.start % memory, len(times)
    yield slice(first, min(first + count, memory))
    if first + count > memory:
        yield slice(0, first + count - memory)


def _length(value: Any) -> int:
    return 1 if np.ndim(value) == 0 else len(value)


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be true or false")
    return bool(value)
