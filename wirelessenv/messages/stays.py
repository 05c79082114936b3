"""Stays in two states, on and off, for a while each: agents that sleep or leave, and links whose losses come in bursts."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import ConfigError, CountOrZero, Number, Piece, Probability
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import generator_state, set_generator_state, stream

States = NDArray[np.bool_]
MeanStay = Annotated[Number, Field(ge=1)]
"""in instants"""
Away = tuple[CountOrZero, CountOrZero, CountOrZero | None]
"""number of an agent, first instant, and the one after the last; None: for ever"""


class Stays(Piece):
    """Base class of stays in the states on and off."""

    probability_off: Probability = Field(0.0, description="of the event while off")

    @property
    @abstractmethod
    def share(self) -> float:
        """Share of the instants that are on, in the long run; of what is given the larger part has no end, so 1."""

    @abstractmethod
    def first(self, drawn: NDArray[np.float64]) -> States:
        """States in instant 0, of uniform numbers."""

    @abstractmethod
    def next(self, on: States, drawn: NDArray[np.float64], instant: int) -> States:
        """States of the next instant, of those before it.

        Args:
            on: the states of the instant before, (runs, *shape), agents first in shape.
            drawn: uniform numbers, the same shape.
            instant: its number, 1 or more.

        Returns:
            The states, the same shape.
        """

    def check_agents(self, name: str, agents: int) -> None:  # most have no lists
        """Check the agents that are named.

        Args:
            name: of the chance, for the sentence.
            agents: the number m.

        Raises:
            ConfigError: where one is named that there is not.
        """


class MarkovStays(Stays):
    """A chain of two states, begun in its stationary law: stays are geometric, with these means.

    For an agent: activation with memory (`on` awake, `off` asleep). For a link: the model of Gilbert (1960) and Elliott (1963).
    """

    kind: Literal["markov"] = "markov"
    on: MeanStay = Field(10.0, description="mean stay in the state on, instants")
    off: MeanStay = Field(10.0, description="mean stay in the state off, instants")

    @property
    def share(self) -> float:
        return self.on / (self.on + self.off)

    def first(self, drawn: NDArray[np.float64]) -> States:
        return np.asarray(drawn < self.share)

    def next(self, on: States, drawn: NDArray[np.float64], instant: int) -> States:
        return np.where(on, drawn >= 1 / self.on, drawn < 1 / self.off)


class GivenStays(Stays):
    """Stays that are given: agents are off, away, in these instants, and on in all others."""

    kind: Literal["given"] = "given"
    away: tuple[Away, ...] = Field(
        description="lists of an agent's number, the first instant and the one after the last, none: for ever"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "GivenStays":
        for agent, begin, end in self.away:
            if end is not None and end <= begin:
                raise ValueError(f"away: [{agent}, {begin}, {end}] is not valid: it ends before it begins")
        return self

    @property
    def share(self) -> float:
        return 1.0

    def first(self, drawn: NDArray[np.float64]) -> States:
        return self.next(np.ones(drawn.shape, bool), drawn, 0)

    def next(self, on: States, drawn: NDArray[np.float64], instant: int) -> States:
        there = np.ones(on.shape, bool)
        for agent, begin, end in self.away:
            if begin <= instant and (end is None or instant < end):
                there[:, agent] = False
        return there

    def check_agents(self, name: str, agents: int) -> None:
        if (most := max((one[0] for one in self.away), default=0)) >= agents:
            raise ConfigError(f"{name}.stays.away: agent {most} is not valid: the {agents} agents are numbered from 0")


class StaysDrawn:
    """States of all runs of a batch, instant after instant; one random stream a run."""

    def __init__(  # noqa: PLR0917  # as for trials
        self,
        stays: Stays,
        seeds: Sequence[int],
        purpose: str,
        shape: tuple[int, ...],
        episode: int = 0,
        senders: NDArray[np.integer] | None = None,
    ) -> None:
        """Begin before the first instant.

        Args:
            stays: their law.
            seeds: one for each run.
            purpose: name of the random streams.
            shape: of the states of a run, agents (or senders) first.
            episode: the episode whose streams these are.
            senders: refused for given stays, whose agents are the first axis.
        """
        if senders is not None and isinstance(stays, GivenStays):
            raise ConfigError("stays: given ones are not valid for lists of links: use them as presence")
        self.stays = stays
        self._generators = [stream(seed, purpose, episode) for seed in seeds]
        self._shape = shape
        self._instant, self._on = 0, np.ones((len(seeds), *shape), bool)

    def draw(self, instants: int) -> States:
        """The states of the next instants, (instants, runs, *shape)."""
        drawn = np.stack([generator.random((instants, *self._shape)) for generator in self._generators], axis=1)
        states = np.empty(drawn.shape, bool)
        for place in range(instants):
            first = self._instant == 0
            self._on = self.stays.first(drawn[place]) if first else self.stays.next(self._on, drawn[place], self._instant)
            states[place] = self._on
            self._instant += 1
        return states

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        streams = [generator_state(generator) for generator in self._generators]
        return {"streams": streams, "instant": self._instant, "on": self._on.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_outside("instant", state["instant"], 0)
        for generator, saved in zip(self._generators, state["streams"], strict=True):
            set_generator_state(generator, saved)
        self._instant, self._on = int(state["instant"]), np.array(state["on"])
