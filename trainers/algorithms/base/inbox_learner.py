"""Base class of the methods without a server: orders of events, gradients on their way, staleness, counts."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.settings import LINKS, SampledSettings
from trainers.events.inboxes import Inboxes, Network, Step
from trainers.events.staleness import Staleness
from trainers.problems.objective import NumpyArray
from wirelessenv.config import ConfigError, Count, Seed
from wirelessenv.saved_state import refuse_length, refuse_misfit, refuse_outside


class InboxSettings(SampledSettings):
    """Settings of the methods without a server; an iteration is a step of one node."""

    nodes: Annotated[Count, Field(le=1000)] | None = Field(
        None, description="n; none: one for each client of the problem, 2 where it has one client"
    )
    network: Annotated[Network, LINKS] = Field(
        Network(), description="who is connected to whom, and how long computing and messages take"
    )
    timetable_seed: Seed | None = Field(None, description="the seed of one order of events for all runs, which is faster")

    def for_clients(self, clients: int) -> Self:
        return self if self.nodes is not None else self.model_copy(update={"nodes": clients})


class InboxLearner(GradientLearner):
    """Nodes with a model each that exchange gradients, for runs and variants side by side.

    An iteration is one step of one node in each run: `iteration` counts the steps of all nodes together, `steps` those of
    each. The answer is node 0's model. A subclass defines `_step`.
    """

    settings: InboxSettings
    one_cost = True
    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "models", "_travelling", "last")

    def _begin(self) -> None:
        super()._begin()
        clients, one_seed = self.problem.clients, self.settings.timetable_seed
        self.nodes: int = self.settings.nodes or (clients if clients > 1 else 2)
        """n"""
        if clients not in (1, self.nodes):
            raise ConfigError(f"nodes: {self.nodes} is not valid: the problem has {clients} clients, not 1 or {self.nodes}")
        self._check_room(self.nodes, "nodes")
        shared = one_seed is not None or len(self.seeds) == 1
        self._owners = self.seeds if one_seed is None else (one_seed,)
        self.runs = [slice(None)] if shared else [slice(run, run + 1) for run in range(len(self.seeds))]
        """The runs that each order of events is of."""
        self.models: NumpyArray = np.stack([self._start()] * self.nodes)
        """x_i, (n, variants, runs, d)."""
        self._eta = self.step_size.astype(self.models.dtype)
        self.inboxes = [Inboxes(self.settings.network, self.nodes, seed) for seed in self._owners]
        """One order of events for all runs, or one for each."""
        self.staleness = [Staleness(self.nodes) for _ in self._owners]
        self._travelling: list[dict[int, tuple[NumpyArray, int]]] = [{} for _ in self._owners]
        """Gradients on their way, and how many nodes have yet to apply them."""
        self._last_norms: NumpyArray | None = None
        self.last: list[int | None] = [None] * len(self._owners)
        """Which node has just made a step, in each order of events."""

    @property
    def solution(self) -> NumpyArray:
        return np.asarray(self.models[0])

    @property
    def steps(self) -> NumpyArray:
        """T_i, how many gradients each node has applied, (orders of events, n)."""
        return np.stack([one.steps for one in self.staleness])

    def spent(self) -> NumpyArray:
        """The largest T_i, for each run."""
        return np.broadcast_to(self.steps.max(-1), len(self.seeds))

    def _update(self) -> None:
        for order, inboxes in enumerate(self.inboxes):
            step = inboxes.step()
            self.last[order] = None if step is None else step.node
            if step is not None:  # else all is delivered
                self._step(order, step)
                self.staleness[order].add(step)

    def _norms(self) -> NumpyArray:
        if self._last_norms is None or 0 in self.last:  # else the answer, node 0's model, is what it was
            self._last_norms = super()._norms()
        return self._last_norms

    @abstractmethod
    def _step(self, order: int, step: Step) -> None:
        """Node `step.node` applies a gradient, in the runs of an order of events."""

    def _computed(self, order: int, node: int) -> NumpyArray:
        """Gradients grad F(x_i, xi) at samples drawn now, (variants, these runs, d)."""
        client, runs = node if self.problem.clients > 1 else 0, self.runs[order]
        sample = None if self.settings.exact else np.stack([self.problem.draw(client, rng) for rng in self._samples[runs]])
        return self.problem.gradient(client, self.models[node][:, runs], sample)

    def _sent(self, order: int, step: Step, gradient: NumpyArray) -> None:
        """A gradient sets out to all other nodes."""
        if self.nodes > 1:
            self._travelling[order][step.gradient] = gradient, self.nodes - 1

    def _received(self, order: int, step: Step) -> NumpyArray:
        """The gradient that a node applies, which is kept until the last node has had it."""
        gradient, missing = self._travelling[order].pop(step.gradient)
        if missing > 1:
            self._travelling[order][step.gradient] = gradient, missing - 1
        return gradient

    def finish(self) -> Self:
        """No sample is left: nodes finish what they compute, and all gradients are delivered and applied."""
        for one in self.inboxes:
            one.close()
        while any(one.travelling for one in self.inboxes):
            with np.errstate(over="ignore", invalid="ignore"):
                self._iteration()  # also where all have arrived
            if all(one is None for one in self.last):
                raise ConfigError("state: it is damaged: gradients have been lost on their way")
        return self

    def measures(self) -> dict[str, NumpyArray]:
        """Measures by name, each (variants, runs): the problem's, staleness, simulated time, messages and bits so far.

        `steps` is the largest T_i, `gradients` counts those computed; a message is a gradient on one link.
        """
        rows = [
            record.summary()
            | {"steps": record.steps.max(), "gradients": one.computed, "seconds": record.seconds, "messages": one.messages}
            for record, one in zip(self.staleness, self.inboxes, strict=True)
        ]
        known = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        return self._measures_beside(known | {"entries": known["messages"] * self.problem.size})

    def state(self) -> dict[str, Any]:
        orders = [
            {"inboxes": one.state(), "staleness": record.state()}
            for one, record in zip(self.inboxes, self.staleness, strict=True)
        ]
        return {"orders": orders, **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        last = refuse_length("last", state["last"], len(self._owners), len(self._owners))
        refuse_outside("last", [one for one in last if one is not None], 0, self.nodes - 1)
        refuse_length("_travelling", state["_travelling"], len(self._owners), len(self._owners))
        for saved in state["orders"]:  # a gradient is begun with a step, or was at the start
            refuse_outside("orders.inboxes.computed", saved["inboxes"]["computed"], 0, state["iteration"] + self.nodes)
        for one, record, saved in zip(self.inboxes, self.staleness, state["orders"], strict=True):
            one.set_state(saved["inboxes"])
            record.set_state(saved["staleness"])
        for one, own, runs in zip(self.inboxes, state["_travelling"], self.runs, strict=True):
            gradient, missing = self.models[0][:, runs], one.missing()
            if not isinstance(own, dict) or set(own) != set(missing):
                raise ConfigError("state: its gradients on their way are not those of its order of events")
            refuse_misfit(own, {number: [gradient, count] for number, count in missing.items()}, "_travelling")
            for number, count in missing.items():
                refuse_outside(f"_travelling.{number}", own[number][1], count, count)
        super()._set_state(state)
        self._last_norms = None
