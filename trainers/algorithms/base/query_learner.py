"""Base class of zeroth-order methods with a server: rounds in which clients measure costs at perturbed points."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.settings import LINKS, SampledSettings
from trainers.problems.objective import NumpyArray
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, Model, Positive
from wirelessenv.memory import check_room, part
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import generator_state, set_generator_state, stream


class Participation(Model):
    """The clients that the server asks in a round: so many of them, drawn anew each time."""

    participants: Count | None = Field(None, description="M, how many; none: all")


class QuerySettings(SampledSettings):
    """Settings of the zeroth-order methods with a server alike; an iteration is a round."""

    server: Annotated[Participation, LINKS] = Field(Participation(), description="which clients take part in a round")
    smoothing: Positive = Field(0.01, description="mu, the size of the perturbation")
    directions: Annotated[Count, Field(le=10_000)] = Field(1, description="perturbations in a local step")
    local_steps: Annotated[Count, Field(le=10_000)] = Field(1, description="H or K, steps of a client in a round")


class QueryLearner(GradientLearner):
    """A server with a point x, and clients that measure costs near it; a subclass defines `_round`.

    Time counts ticks, measurements of a batch one after the other. Where costs are measured on channels, a client's cost is
    that of a network in which all transmitters use the client's point: clients at points of their own take turns.
    """

    settings: QuerySettings
    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "x", "messages", "entries", "ticks")

    def _begin(self) -> None:
        super()._begin()
        clients, runs, settings = self.problem.clients, len(self.seeds), self.settings
        self.participants = settings.server.participants or clients
        """M, clients that take part in a round."""
        if self.participants > clients:
            raise ConfigError(f"server.participants: {self.participants} is not valid: the problem has {clients} clients")
        check_room(
            part(24, ("directions", settings.directions), ("curves", self.variants), ("clients", self.participants),
                 ("size", self.problem.size)),
        )  # fmt: skip
        self.x = self._start()
        """(variants, runs, d)"""
        self.messages, self.entries, self.ticks = (np.zeros(runs, np.int64) for _ in range(3))
        self._choosing = [stream(seed, "participants") for seed in self.seeds]

    @property
    def solution(self) -> NumpyArray:
        return self.x

    @property
    def _turns(self) -> int:
        """Ticks in which all participants measure once at points of their own."""
        return self.participants if self.problem.tick_slots else 1

    def _update(self) -> None:
        for run in range(len(self.seeds)):
            clients = np.arange(self.problem.clients)
            if self.participants < len(clients):
                clients = np.sort(self._choosing[run].permutation(len(clients))[: self.participants])
            self._round(run, clients)

    @abstractmethod
    def _round(self, run: int, clients: Int[NumpyArray, " k"]) -> None:
        """One round of a run with the clients that take part; counts messages, entries and ticks."""

    def _slopes(
        self,
        run: int,
        clients: Int[NumpyArray, " k"],
        points: Float[Doubles, "variants k d"],
        directions: Float[Doubles, "#p #k d"],
    ) -> Float[Doubles, "variants p k"]:
        """(F_i(x + mu v; xi) - F_i(x; xi)) / mu of each client and direction, all with the same new sample of the client.

        Args:
            run: number of the run.
            clients: who measures.
            points: x of each.
            directions: v.

        Returns:
            Slopes along v.
        """
        mu = self.settings.smoothing
        sample = None if self.settings.exact else self.problem.draw(clients, self._samples[run])
        plain = self.problem.cost(clients, points, sample)
        return np.asarray((self.problem.cost(clients, points[:, None] + mu * directions, sample) - plain[:, None]) / mu)

    def measures(self) -> dict[str, NumpyArray]:
        return self._measures_beside({"messages": self.messages, "entries": self.entries, "seconds": self.ticks})

    def state(self) -> dict[str, Any]:
        return {"choosing": [generator_state(one) for one in self._choosing], **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        for name in ("messages", "entries", "ticks"):
            refuse_outside(name, state[name], 0)
        for generator, saved in zip(self._choosing, state["choosing"], strict=True):
            set_generator_state(generator, saved)
        super()._set_state(state)
