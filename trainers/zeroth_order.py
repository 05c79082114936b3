"""The asynchronous zeroth-order message-passing learner: Algorithms 1 and 2 of papers/000.

Agents perturb their policies together, each measures its own utility, and only these scalars travel; each agent then
moves along its own past perturbations, weighted with what it has heard. F of the paper is a cost; here F = -utility, so
that the update climbs the total utility. Step numbers in the comments are those of Algorithm 2.

Choices where the paper is silent or contradicts itself: one iteration of global time is 2B slots, B with theta and B with
theta + mu u; all agents perturb at every query instant; the rate's logarithm is to base 2; what nobody knows has
timestamp -1; each agent has its own initial weights; entries older than the memory of perturbations are left out of the
sum and counted.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, log2
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from trainers.problems.problem import Problem
from trainers.problems.wireless import WirelessProblem
from trainers.storage import read_tensors, write_tensors
from wirelessenv.channel.sampling import sampler
from wirelessenv.config import ConfigError
from wirelessenv.messages.knowledge import UNKNOWN, Instants, Knowledge, message_graphs, needed_memory
from wirelessenv.scenario import Messaging
from wirelessenv.streams import run_seeds

Callback = Callable[["ZerothOrderLearner"], bool | None]

PLANNED = 32  # instants whose messages are worked out at once


class Plan(NamedTuple):
    """What an instant's messages mean for its update."""

    rows: Tensor
    """T[i, l] % memory for every entry, (runs, i, variants, l)"""
    weights: Tensor
    """its weight, the same shape: the step size, or 0 where the entry is unknown or too old or the agent does not update"""
    updating: NDArray[np.bool_]
    """(runs, agents, variants)"""
    oldest: int
    """the largest age of an entry with a weight"""


class ZerothOrderLearner:
    """Algorithm 2 (Algorithm 1 where the messaging does not relay) for a batch of runs.

    r_i^t = (1 / (mu m B)) sum_b {F_i(theta^t, xi^b) - F_i(theta^t + mu u^t, xi'^b)}                 equation (4)
    theta_i^{t+1} = theta_i^t + gamma^t sum_l r_l^{T_i^{l,t}} u_i^{T_i^{l,t}},  gamma^t = step_size / (t + 1)^decay

    A run is one seed: a layout, its channels and its initial policies. `messaging`, `smoothing`, `step_size`, `decay`
    and `cooperative` may be sequences of equal length: variants of the learner that train side by side on the same
    runs and share their channels and perturbations, so that their differences are paired.

    >>> from trainers import WirelessProblem
    >>> learner = ZerothOrderLearner(WirelessProblem("dense", seed=3), Messaging(), smoothing=0.2, seed=3)
    >>> learner.learn(5).iteration
    5

    Args:
        problem: what is optimised.
        messaging: who talks to whom, when, and how late; a preset's name will do.
        smoothing: mu, the size of the perturbation.
        batch: B, samples a measurement; a query takes two measurements.
        step_size, decay: gamma^t = step_size / (t + 1)^decay.
        memory: how many perturbations an agent keeps.
        common_noise: the perturbed measurement replays the channels of the plain one (it still counts as B slots).
        perturb_sleeping: whether agents that do not update in an instant perturb in it all the same.
        cooperative: False: an agent uses its own queries only and sends nothing (the selfish learner).
        seed: the run's seed, or one for each run of the problem.

    Raises:
        ConfigError: for settings that do not fit each other; one sentence.
    """

    def __init__(
        self,
        problem: Problem,
        messaging: Messaging | str | dict[str, Any] | Sequence[Messaging] = "paper",
        *,
        smoothing: float | Sequence[float] = 2.0,
        batch: int = 20,
        step_size: float | Sequence[float] = 0.5,
        decay: float | Sequence[float] = 0.25,
        memory: int = 40,
        common_noise: bool = False,
        perturb_sleeping: bool = True,
        cooperative: bool | Sequence[bool] = True,
        seed: int | Sequence[int] = 0,
    ) -> None:
        self.problem, self.seeds = problem, run_seeds(seed)
        if len(self.seeds) != len(problem.seeds):
            raise ConfigError(f"seed: {len(self.seeds)} seeds are not valid: the problem has {len(problem.seeds)} runs")
        several = isinstance(messaging, Sequence) and not isinstance(messaging, str)
        self.messagings = [Messaging.of(one) for one in (messaging if several else [messaging])]
        self.variants = max(map(_length, (self.messagings, smoothing, step_size, decay, cooperative)))
        self.messagings = self.messagings * (self.variants if len(self.messagings) == 1 else 1)
        self.smoothing = self._for_each_variant("smoothing", smoothing)
        self.step_size = self._for_each_variant("step_size", step_size)
        self.decay = self._for_each_variant("decay", decay)
        self.cooperative = self._for_each_variant("cooperative", cooperative).astype(bool)
        self.batch, self.memory = _whole("batch", batch), _whole("memory", memory)
        self.common_noise, self.perturb_sleeping = common_noise, perturb_sleeping
        self.knowledge = [self._knowledge(variant) for variant in range(self.variants)]

        runs, agents, size = len(self.seeds), problem.agents, problem.policies.size
        device = torch.device(problem.device)
        start = problem.policies.initial(self.seeds, agents).to(device)
        self.iteration = 0
        self.train_seconds = 0.0
        self._draws = sampler(self.seeds, "perturbation", device=None if problem.device == "cpu" else problem.device)
        # Plain and perturbed parameters side by side, so that one call evaluates both: (2, runs, agents, variants, size).
        self._parameters = start[None, :, :, None].repeat(2, 1, 1, self.variants, 1)
        self._perturbations = torch.zeros((self.memory, runs, agents, size), device=device)  # row t % memory is u^t
        self._drawn = self._as_drawn()
        self._queries = torch.zeros((runs, self.memory, self.variants, agents), device=device)  # [:, t % memory] is r^t
        self._mu = torch.tensor(self.smoothing, dtype=torch.float32, device=device)[:, None]
        self._per_mu_m = 1 / (self._mu * agents)
        self._plans: list[Plan] = []
        self._updated = np.zeros((self.variants, self.memory, runs, agents), bool)  # in the last instants before the plans
        self.dropped_queries = np.zeros((runs, self.variants), np.int64)
        """Entries left out of updates because they were older than the memory, (runs, variants)."""

    def _for_each_variant(self, name: str, value: Any) -> NDArray[Any]:
        values = np.atleast_1d(np.asarray(value))
        if len(values) not in (1, self.variants):
            raise ConfigError(f"{name}: {len(values)} values are not valid: there are {self.variants} variants")
        if values.dtype.kind not in "fib" or not np.isfinite(values).all() or (name == "smoothing" and (values <= 0).any()):
            raise ConfigError(
                f"{name}: {value!r} is not valid: it should be a finite number{' above 0' * (name == 'smoothing')}"
            )
        return np.broadcast_to(values, self.variants).copy()

    def _as_drawn(self) -> Any:
        """The perturbations as the sampler takes them: the same memory, a numpy array on the CPU."""
        return self._perturbations.numpy() if self.problem.device == "cpu" else self._perturbations

    def _knowledge(self, variant: int) -> Knowledge:
        messaging = self.messagings[variant]
        links = message_graphs(messaging, self.problem.agents, self.seeds, self.problem.positions())
        if not self.cooperative[variant]:
            return Knowledge(messaging, np.zeros_like(links), self.seeds)
        needed = needed_memory(messaging, links)
        if self.memory < needed:
            raise ConfigError(
                f"memory: {self.memory} is not valid: the graph's diameter times the largest delay asks for at least "
                f"{needed} perturbations"
            )
        return Knowledge(messaging, links, self.seeds)

    @property
    def parameters(self) -> Tensor:
        """The policies theta, (runs, agents, variants, size)."""
        return self._parameters[0]

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
        """Bits sent so far (runs, variants), losses included: 32 for a value, 32 for its time, ceil(log2 m) for its agent."""
        return self.entries * self.entry_bits

    @property
    def entry_bits(self) -> int:
        """Bits of one entry of a message."""
        return 64 + ceil(log2(self.problem.agents))

    def learn(self, iterations: int, callback: Callback | None = None, progress_bar: bool = False) -> "ZerothOrderLearner":
        """Run `iterations` iterations; `callback(learner)` after each ends the training when it returns False."""
        steps: Iterable[int] = range(iterations)
        for done in track(steps, "learning") if progress_bar else steps:
            if not self._plans:
                self._plans = self._plan(1 if callback is not None else min(PLANNED, iterations - done))
            self._iterate(self._plans.pop(0))
            if callback is not None and callback(self) is False:
                break
        return self

    def _iterate(self, plan: "Plan") -> None:
        started = time.perf_counter()
        t, row = self.iteration, self.iteration % self.memory

        # 1. Query: perturb with u^t ~ N(0, I), measure plain and perturbed, keep {r^t, t}.
        self._perturb(row, plan.updating)
        plain, perturbed = self.problem.measure(self._parameters, self.batch, self.common_noise)
        torch.sub(perturbed, plain, out=self._queries[:, row]).mul_(self._per_mu_m)

        # 2. to 6. Broadcast, receive, remember: the plan knows which entry T[i, l] everybody holds now.
        terms = self._queries.gather(1, plan.rows).mul_(plan.weights)

        # 7., 8. Update: theta_i += gamma sum_l r_l^{T[i, l]} u_i^{T[i, l]}, the terms of one perturbation added up first.
        weight_of_row = torch.zeros((*terms.shape[:3], self.memory), device=terms.device).scatter_add_(3, plan.rows, terms)
        self._move(weight_of_row, range(t - plan.oldest, t + 1))

        self.iteration += 1
        self.train_seconds += time.perf_counter() - started

    def _perturb(self, row: int, updating: NDArray[np.bool_]) -> None:
        self._draws.fill_normal(self._drawn[row][:, None])
        perturbation = self._perturbations[row].unsqueeze(2)
        if not self.perturb_sleeping:
            perturbation = perturbation * torch.from_numpy(updating).to(perturbation.device)[..., None]
        torch.addcmul(self._parameters[0], perturbation, self._mu, out=self._parameters[1])

    def _plan(self, instants: int) -> list["Plan"]:
        """What the next instants' messages mean for the updates; it does not depend on what is learned."""
        started = time.perf_counter()
        shape = (instants, len(self.seeds), self.problem.agents, self.variants)
        rows, weights = np.empty((*shape, shape[2]), np.int64), np.empty((*shape, shape[2]), np.float32)
        updating, oldest = np.empty(shape, bool), np.zeros(instants, np.int64)
        for variant, knowledge in enumerate(self.knowledge):
            now = knowledge.steps(instants)
            times, awake = now.times[:, None, None, None], now.updating[..., None]
            np.remainder(now.newest, self.memory, out=rows[:, :, :, variant])
            usable = now.newest != UNKNOWN
            if now.oldest.max() >= self.memory:
                known, usable = usable, usable & (now.newest > times - self.memory)
                self.dropped_queries[:, variant] += np.count_nonzero(known & ~usable & awake, axis=(0, 2, 3))
            if not self.perturb_sleeping:
                usable &= self._perturbed_at(variant, now)
            gamma = self.step_size[variant] / (times + 1) ** self.decay[variant]
            np.multiply(usable, awake * gamma.astype(np.float32), out=weights[:, :, :, variant])
            updating[..., variant] = now.updating
            oldest = np.maximum(oldest, np.minimum(now.oldest.max(1), self.memory - 1))
        device = self._queries.device
        leaves = (torch.from_numpy(rows).to(device), torch.from_numpy(weights).to(device), updating, oldest.tolist())
        self.train_seconds += time.perf_counter() - started
        return [Plan(*leaf) for leaf in zip(*leaves, strict=True)]

    def _perturbed_at(self, variant: int, now: Instants) -> NDArray[np.bool_]:
        """Whether agent i updated, and so perturbed, at T[i, l]: (instants, runs, i, l)."""
        updated = np.concatenate([self._updated[variant], now.updating])  # from `memory` instants ago
        self._updated[variant] = updated[-self.memory :]
        past = np.maximum(now.newest - int(now.times[0]) + self.memory, 0)  # older ones are not usable anyway
        return updated[past, np.arange(past.shape[1])[:, None, None], np.arange(past.shape[2])[:, None]]

    def _move(self, weight_of_row: Tensor, times: range) -> None:
        """theta_i += sum over the perturbations of `times` of weight times perturbation."""
        runs, agents, variants, size = self.parameters.shape
        theta = self.parameters.view(runs * agents, variants, size)
        weights = weight_of_row.view(runs * agents, variants, self.memory)
        perturbations = self._perturbations.view(self.memory, runs * agents, size).transpose(0, 1)
        for first, last in _without_wrap(times, self.memory):
            theta.baddbmm_(weights[:, :, first:last], perturbations[:, first:last])

    def predict(self, observations: Any, run: int = 0, variant: int = 0) -> Any:
        """Actions of a run's policies for observations (..., agents, inputs) or a dict of them by agent.

        They come in the form and the units of the problem: powers in [0, p_max], or an environment's actions.
        """
        return self.problem.act(self.parameters[run, :, variant], observations)

    def save(self, path: str | Path) -> None:
        """Write everything that `load` needs to go on bit for bit, atomically."""
        write_tensors(path, {"problem": self.problem.configuration(), "settings": self._settings(), "state": self.state()})

    @classmethod
    def load(cls, path: str | Path, problem: Problem | None = None, device: str = "cpu") -> "ZerothOrderLearner":
        """A learner as it was saved; on a problem of its own where that is a wireless one, else on the one given."""
        saved = read_tensors(path)
        if problem is None and not saved["problem"]:
            raise ConfigError(f"{path}: it was trained on a foreign environment: give load() the problem")
        problem = problem or WirelessProblem.from_configuration(saved["problem"], device)
        messaging = [Messaging.of(one) for one in saved["settings"].pop("messaging")]
        learner = cls(problem, messaging, **saved["settings"])
        learner.set_state(saved["state"])
        return learner

    def _settings(self) -> dict[str, Any]:
        per_variant = {name: getattr(self, name).tolist() for name in ("smoothing", "step_size", "decay", "cooperative")}
        shared = {name: getattr(self, name) for name in ("batch", "memory", "common_noise", "perturb_sleeping")}
        messaging = [messaging.dump() for messaging in self.messagings]
        return {"messaging": messaging, **per_variant, **shared, "seed": list(self.seeds)}

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here: parameters, memories, messages on their way, streams."""
        return {
            **{name: getattr(self, name) for name in self._STATE},
            "draws": self._draws.state(),
            "plans": [plan._asdict() for plan in self._plans],
            "knowledge": [knowledge.state() for knowledge in self.knowledge],
            "problem": self.problem.state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name in self._STATE:
            setattr(self, name, state[name])
        self._drawn = self._as_drawn()
        self._draws.set_state(state["draws"])
        self._plans = [Plan(**plan) for plan in state["plans"]]
        for knowledge, saved in zip(self.knowledge, state["knowledge"], strict=True):
            knowledge.set_state(saved)
        self.problem.set_state(state["problem"])

    _STATE = (
        "iteration",
        "train_seconds",
        "_parameters",
        "_perturbations",
        "_queries",
        "_updated",
        "dropped_queries",
    )


def _without_wrap(times: range, memory: int) -> Iterator[tuple[int, int]]:
    """The rows `time % memory` of consecutive times, as one or two contiguous [first, last) ranges."""
    first, count = times.start % memory, len(times)
    yield first, min(first + count, memory)
    if first + count > memory:
        yield 0, first + count - memory


def _length(value: Any) -> int:
    return 1 if np.ndim(value) == 0 else len(value)


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"{name}: {value!r} is not valid: it should be a whole number, 1 or more")
    return int(value)
