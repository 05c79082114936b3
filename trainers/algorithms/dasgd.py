"""Decentralised asynchronous SGD: Algorithm 1 of Tosi and Theobald (2023), without a server and without averaging.

 1  t = 0, x_i = x^0
 6  while true: g = receiveGradient()
 7      if there is one:
 8          x_i = x_i - eta g; t = t + 1
10      else if there is a sample xi left:
11          g_i = grad F(x_i, xi)
12          x_i = x_i - eta g_i
13          sendGradient(g_i)
14          t = t + 1

All nodes add up the same gradients with the same fixed step, each in its own order; when everything is delivered they hold
the same model. `inboxes.py` says who does what when, forwards, and drops what comes twice.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.settings import LINKS, SampledSettings
from trainers.bounds.gradient_methods import dasgd_step
from trainers.events.inboxes import Inboxes, Network
from trainers.events.staleness import Staleness, measured_staleness
from trainers.problems.objective import Array
from wirelessenv.config import ConfigError, Count, Seed


class DASGDSettings(SampledSettings):
    """The settings of `DASGD`; an iteration is a step of one node."""

    kind: Literal["dasgd"] = "dasgd"
    nodes: Annotated[Count, Field(le=1000)] | None = Field(
        None, description="n; none: one for each client of the problem, 2 where it has one client"
    )
    network: Annotated[Network, LINKS] = Field(
        Network(), description="who is connected to whom, and how long computing and messages take"
    )
    timetable_seed: Seed | None = Field(None, description="the seed of one order of events for all runs, which is faster")

    def for_clients(self, clients: int) -> Self:
        return self if self.nodes is not None else self.model_copy(update={"nodes": clients})


class DASGD(GradientLearner):
    """DASGD on n nodes, for runs and variants side by side: `_update` is one step of one node in each run.

    So `iteration` counts the steps of all nodes together; `steps` counts t of each. The answer is node 0's model. The
    algorithm is meant for costs that are the same on all nodes: an objective has one client, which all nodes use, or n.

    Args:
        problem: the cost, or the n costs.
        links: who is connected to whom, and how long computing and messages take: a `Network`, or a mapping.
        seed: the run's seed, or one for each run.
        settings: see below.

    >>> from trainers.problems.quadratic import Quadratic
    >>> learner = DASGD(Quadratic(), nodes=3, step_size=0.05, exact=True).learn(900).finish()
    >>> bool((learner.measures()["distance"] < 1e-3).all()), bool((learner.models[0] - learner.models[1]).max() < 1e-12)
    (True, True)
    """

    Settings = DASGDSettings
    settings: DASGDSettings
    one_cost = True
    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "models", "_travelling", "last")
    SHAPES = ("models",)

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
        self.models: Array = np.stack([self._start()] * self.nodes)  # line 3
        """x_i, (n, variants, runs, d)."""
        self._eta = self.step_size.astype(self.models.dtype)
        self.inboxes = [Inboxes(self.settings.network, self.nodes, seed) for seed in self._owners]
        """One order of events for all runs, or one for each."""
        self.staleness = [Staleness(self.nodes) for _ in self._owners]
        self._travelling: list[dict[int, tuple[Array, int]]] = [{} for _ in self._owners]
        """Gradients on their way, and how many nodes have yet to apply them."""
        self.last: list[int | None] = [None] * len(self._owners)
        """Which node has just made a step, in each order of events."""

    @property
    def solution(self) -> Array:
        return np.asarray(self.models[0])

    @property
    def steps(self) -> Array:
        """T_i, how many gradients each node has applied, (orders of events, n)."""
        return np.stack([one.steps for one in self.staleness])

    def bound(self, iterations: int) -> tuple[float, str] | None:
        smoothness = getattr(self.problem, "smoothness", None)
        if not self.settings.exact or smoothness is None:
            return None
        averages = [
            measured_staleness(self.settings.network, self.nodes, rounds=20, seed=seed)["s_avg"] for seed in self._owners
        ]
        return dasgd_step(smoothness, max(averages)), "Theorem 1 of Tosi and Theobald (2023)"

    def spent(self) -> Array:
        """The largest T_i, for each run."""
        return np.broadcast_to(self.steps.max(-1), len(self.seeds))

    def _update(self) -> None:
        for order, (inboxes, runs) in enumerate(zip(self.inboxes, self.runs, strict=True)):
            step = inboxes.step()  # line 6
            self.last[order] = None if step is None else step.node
            if step is None:  # all is delivered
                continue
            if step.node != step.origin:  # lines 7 to 9
                gradient, missing = self._travelling[order].pop(step.gradient)
                if missing > 1:
                    self._travelling[order][step.gradient] = gradient, missing - 1
            else:  # lines 10, 11 and 13
                gradient = self._gradient(step.node, runs)
                if self.nodes > 1:
                    self._travelling[order][step.gradient] = gradient, self.nodes - 1
            self.models[step.node][:, runs] -= self._eta * gradient  # line 8, or 12
            self.staleness[order].add(step)  # lines 9 and 14

    def _gradient(self, node: int, runs: slice) -> Array:
        """Line 11: grad F(x_i, xi), (variants, these runs, d)."""
        client = node if self.problem.clients > 1 else 0
        sample = None if self.settings.exact else np.stack([self.problem.draw(client, rng) for rng in self._samples[runs]])
        return self.problem.gradient(client, self.models[node][:, runs], sample)

    def finish(self) -> Self:
        """No sample is left: nodes finish what they compute, and all gradients are delivered and applied."""
        for one in self.inboxes:
            one.close()
        while any(one.travelling for one in self.inboxes):
            self.learn(1)
        return self

    def measures(self) -> dict[str, Array]:
        """What is known now, each (variants, runs): the problem's measures, staleness, simulated time, what was sent.

        `steps` is the largest T_i, `gradients` counts those computed; a message is a gradient on one link.
        """
        rows = [
            record.summary()
            | {"steps": record.steps.max(), "gradients": one.computed, "seconds": record.seconds, "messages": one.messages}
            for record, one in zip(self.staleness, self.inboxes, strict=True)
        ]
        known = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        known["entries"] = known["messages"] * self.problem.size
        known["bits"] = 32 * known["entries"]
        shape = (self.variants, len(self.seeds))
        with np.errstate(over="ignore", invalid="ignore"):
            return super().measures() | {name: np.broadcast_to(row, shape) for name, row in known.items()}

    def state(self) -> dict[str, Any]:
        orders = [
            {"inboxes": one.state(), "staleness": record.state()}
            for one, record in zip(self.inboxes, self.staleness, strict=True)
        ]
        return {"orders": orders, **super().state()}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        for one, record, saved in zip(self.inboxes, self.staleness, state["orders"], strict=True):
            one.set_state(saved["inboxes"])
            record.set_state(saved["staleness"])
        for one, own, runs in zip(self.inboxes, self._travelling, self.runs, strict=True):
            shapes = {gradient.shape for gradient, _ in own.values()}
            if set(own) != one.on_their_way or not shapes <= {self.models[0][:, runs].shape}:
                raise ConfigError("state: its gradients on their way are not those of its order of events")
