"""Plans of updates: which past measurements an agent adds up in an instant, and with what weights.

A part of line 8 of Algorithm 2 (Behmandpoor et al., 2024), whose listing is at the head of `trainers.algorithms.zeroth_order`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wirelessenv.messages.knowledge import UNKNOWN, Instants, Knowledge
from wirelessenv.messages.near_knowledge import ENTRIES_AT_ONCE, NearKnowledge
from wirelessenv.saved_state import refuse_length, refuse_misfit, refuse_outside, refuse_unsound

AHEAD = 32  # instants worked out at once; they do not depend on what is learned


class Plan(NamedTuple):
    """Update of one instant: the rows of past measurements that agents hold, and their weights."""

    rows: Tensor
    """T[i, l] % memory for every entry, (runs, i, variants, l)"""
    weights: Tensor
    """its weight, the same shape: the step size, or 0 where the entry is unknown or too old or the agent does not update"""
    updating: NDArray[np.bool_]
    """(runs, agents, variants)"""
    oldest: int
    """the largest age of an entry with a weight"""
    who: Tensor | None = None
    """Numbers l of the agents whose entries are in the last axis, (runs, i, variants, places); None: all, in order."""


class Steps(NamedTuple):
    """Schedule of a step size: gamma_t = size / (s + 1)^decay in instant s = t of the schedule, or t modulo `restart`."""

    size: float
    decay: float
    restart: int | None = None
    learn_for: int | None = None
    """instants of the schedule in which agents update; None: all"""
    of_agents: tuple[float, ...] | None = None
    """factors of the step size, one for each agent; None: 1"""

    def at(self, times: Any) -> Any:
        """gamma_t at whole times t, one or an array of them; agents' own factors aside."""
        return self.size / (self._of_schedule(times) + 1) ** self.decay

    def learning(self, times: Any) -> Any:
        """True at the times t at which agents may update; one or an array of them."""
        return self._of_schedule(times) < (np.inf if self.learn_for is None else self.learn_for)

    def _of_schedule(self, times: Any) -> Any:
        return times if self.restart is None else times % self.restart


class Planner:
    """Turns what agents know into weights of past measurements, instant after instant.

    The update of agent i at time t sums over all l of which it knows a measurement, made at T[i, l], with weight
    gamma_t (see `Steps`) if it updates. Entries older than the memory are left out and counted.
    """

    def __init__(  # noqa: PLR0917  # one learner calls it, with all it has
        self,
        knowledge: Sequence[Knowledge | NearKnowledge],
        steps: Sequence[Steps],
        memory: int,
        perturb_sleeping: bool,
        device: str,
        near: Sequence[NDArray[np.bool_] | None],
    ) -> None:
        """Plan for a batch of runs and variants.

        Args:
            knowledge: who has heard what, one for each variant.
            steps: schedule of the step size of each variant.
            memory: how many instants an agent remembers.
            perturb_sleeping: whether agents that do not update perturb all the same.
            device: where the plans are needed.
            near: for each variant, whose measurements l an agent i uses, (runs, i, l); None: everybody's.
        """
        self.knowledge, self._steps = knowledge, steps
        self._memory, self._perturb_sleeping, self._device, self._near = memory, perturb_sleeping, device, near
        self._shapes = [one.shape if isinstance(one, NearKnowledge) else one.links.shape for one in knowledge]
        runs, agents = self._shapes[0][:2]
        self._places = max(shape[2] for shape in self._shapes)
        self._who = _joined([one.who for one in knowledge if isinstance(one, NearKnowledge)], self._places)
        self.dropped = np.zeros((runs, len(knowledge)), np.int64)
        """Entries left out because they were older than the memory, (runs, variants)."""
        self._plans: list[Plan] = []
        self._updated = np.zeros((len(knowledge), memory, runs, agents), bool)  # in the last instants before the plans

    def next(self, wanted: int) -> Plan:
        """Plan of the next instant.

        Args:
            wanted: how many plans will be asked for before somebody looks at the counts.
        """
        if not self._plans:
            fits = AHEAD if self._who is None else max(1, ENTRIES_AT_ONCE // self._who.numel())
            self._plans = self._work_out(min(wanted, AHEAD, fits))
        return self._plans.pop(0)

    @property
    def ahead(self) -> int:
        """Number of instants whose plans have been worked out and not asked for."""
        return len(self._plans)

    def _empty(self) -> Plan:
        """A plan in which nothing counts."""
        runs, agents = self._shapes[0][:2]
        entries = torch.zeros((runs, agents, len(self.knowledge), self._places), device=self._device)
        return Plan(entries.long(), entries, np.zeros((runs, agents, len(self.knowledge)), bool), 0)

    def _work_out(self, instants: int) -> list[Plan]:
        runs, agents = self._shapes[0][:2]
        shape = (instants, runs, agents, len(self.knowledge))
        begin = np.empty if self._who is None else np.zeros  # where agents hear of few, lists have empty places at their ends
        rows, weights = begin((*shape, self._places), np.int64), begin((*shape, self._places), np.float32)
        updating, oldest = np.empty(shape, bool), np.zeros(instants, np.int64)
        for variant, knowledge in enumerate(self.knowledge):
            now, steps = knowledge.steps(instants), self._steps[variant]  # 2, 3, 4, 5
            times = now.times[:, None, None, None]
            now = now._replace(updating=now.updating & steps.learning(times[..., 0]))
            awake = now.updating[..., None]
            places = self._shapes[variant][2]
            np.remainder(now.newest, self._memory, out=rows[:, :, :, variant, :places])
            usable, ages = now.newest != UNKNOWN, now.oldest.max(1)
            if (near := self._near[variant]) is not None:
                usable &= near
                ages = np.where(usable, times - now.newest, 0).max((1, 2, 3))
            if ages.max() >= self._memory:  # 6: the perturbations of some entries are forgotten
                known, usable = usable, usable & (now.newest > times - self._memory)
                self.dropped[:, variant] += np.count_nonzero(known & ~usable & awake, axis=(0, 2, 3))
            if not self._perturb_sleeping:
                usable &= self._perturbed_at(variant, now)
            gamma = steps.at(times).astype(np.float32)  # 8: gamma^t, or 0 for who does not update
            if steps.of_agents is not None:
                gamma = gamma * np.array(steps.of_agents, np.float32)[:, None]
            np.multiply(usable, awake * gamma, out=weights[:, :, :, variant, :places])
            updating[..., variant] = now.updating
            oldest = np.maximum(oldest, np.minimum(ages, self._memory - 1))
        leaves = (
            torch.from_numpy(rows).to(self._device),
            torch.from_numpy(weights).to(self._device),
            updating,
            oldest.tolist(),
        )
        return [Plan(*leaf, self._who) for leaf in zip(*leaves, strict=True)]

    def _perturbed_at(self, variant: int, now: Instants) -> NDArray[np.bool_]:
        """Mask of the entries at whose T[i, l] agent i updated, and so perturbed, (instants, runs, i, l)."""
        updated = np.concatenate([self._updated[variant], now.updating])  # from `memory` instants ago
        self._updated[variant] = updated[-self._memory :]
        past = np.maximum(now.newest - int(now.times[0]) + self._memory, 0)  # older ones are not usable anyway
        return np.asarray(updated[past, np.arange(past.shape[1])[:, None, None], np.arange(past.shape[2])[:, None]])

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {
            "knowledge": [knowledge.state() for knowledge in self.knowledge],
            "dropped": self.dropped.copy(),
            "updated": self._updated.copy(),
            "plans": [{name: leaf for name, leaf in plan._asdict().items() if name != "who"} for plan in self._plans],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_outside("planner.dropped", state["dropped"], 0)
        plans = refuse_length("planner.plans", state["plans"], 0, AHEAD)
        for number, plan in enumerate(plans):
            where = f"planner.plans.{number}"
            refuse_misfit(plan, dict(list(self._empty()._asdict().items())[:-1]), where)
            for name in ("rows", "oldest"):
                refuse_outside(f"{where}.{name}", plan[name], 0, self._memory - 1)
            refuse_unsound(f"{where}.weights", plan["weights"])
        for knowledge, saved in zip(self.knowledge, state["knowledge"], strict=True):
            knowledge.set_state(saved)
        self.dropped, self._updated = np.array(state["dropped"]), np.array(state["updated"])
        self._plans = [Plan(**plan, who=self._who) for plan in plans]


def _joined(each: Sequence[NDArray[np.int64]], places: int) -> Tensor | None:
    """Numbers of the agents that each agent hears of, (runs, m, variants, places); None where there are no lists."""
    if not each:
        return None
    return torch.from_numpy(np.stack([np.pad(who, ((0, 0), (0, 0), (0, places - who.shape[2]))) for who in each], axis=2))
