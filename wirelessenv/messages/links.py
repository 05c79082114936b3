"""The way of a message over a link: delay and loss."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import ConfigError, Count, CountOrZero, Model, OneOrEach, Piece, Probability, each
from wirelessenv.messages.activity import Chance
from wirelessenv.messages.stays import MarkovStays, MeanStay, Stays

Travel = Annotated[CountOrZero, Field(le=10_000)]
"""in instants"""


class Delay(Piece):
    """Base class of delays: the number of instants that a message travels."""

    @property
    @abstractmethod
    def smallest(self) -> int:
        """The shortest delay that can be drawn."""

    @property
    @abstractmethod
    def largest(self) -> int:
        """The bound: the longest delay that can be drawn."""

    @abstractmethod
    def draw(self, generators: Sequence[np.random.Generator], instants: int, agents: int) -> NDArray[np.int64]:
        """The delays of the messages of the next instants.

        Args:
            generators: a random generator for each run.
            instants: their number.
            agents: the number m.

        Returns:
            Delays in instants, (instants, runs, m, m) [sender, receiver], or anything that broadcasts to it.
        """

    def draw_links(
        self, generator: np.random.Generator, instants: int, senders: Int[np.ndarray, " links"]
    ) -> Int[np.ndarray, "instants links"]:
        """The delays of the messages over a list of links, of one run.

        Args:
            generator: of the run.
            instants: their number.
            senders: number of the agent at which each link begins.

        Returns:
            Delays in instants: the first of as many as the smallest square of links holds.
        """
        square = int(np.ceil(np.sqrt(len(senders))))
        drawn = np.broadcast_to(self.draw([generator], instants, square), (instants, 1, square, square))
        return drawn.reshape(instants, -1)[:, : len(senders)]

    def check_agents(self, agents: int) -> None:
        """Raise ConfigError where the delay has values of agents, and not one for each of so many."""


class ConstantDelay(Delay):
    """Every message travels `instants` instants, or as many as the agent's own that sends it."""

    kind: Literal["constant"] = "constant"
    instants: OneOrEach[Travel] = Field(1, description="of all agents' messages, or a list of each sender's own")

    @property
    def smallest(self) -> int:
        return min(each(self.instants))

    @property
    def largest(self) -> int:
        return max(each(self.instants))

    def draw(self, generators: Sequence[np.random.Generator], instants: int, agents: int) -> NDArray[np.int64]:
        return np.reshape(self.instants, (1, 1, -1, 1))

    def draw_links(
        self, generator: np.random.Generator, instants: int, senders: Int[np.ndarray, " links"]
    ) -> Int[np.ndarray, "instants links"]:
        own = np.asarray(self.instants)[senders] if isinstance(self.instants, tuple) else np.full(len(senders), self.instants)
        return np.broadcast_to(own, (instants, len(senders)))

    def check_agents(self, agents: int) -> None:
        if isinstance(self.instants, tuple) and len(self.instants) != agents:
            said = f"{len(self.instants)} values are not valid for {agents} agents: give one, or one for each"
            raise ConfigError(f"links.delay.instants: {said}")


class UniformDelay(Delay):
    """A whole number from `shortest` to `longest`, drawn for every message, so that an old one may overtake a new one."""

    kind: Literal["uniform"] = "uniform"
    shortest: Travel = 1
    longest: Travel = 3

    @model_validator(mode="after")
    def _in_order(self) -> "UniformDelay":
        if self.longest < self.shortest:
            raise ValueError(f"longest {self.longest} is not valid: it is below shortest {self.shortest}")
        return self

    @property
    def smallest(self) -> int:
        return self.shortest

    @property
    def largest(self) -> int:
        return self.longest

    def draw(self, generators: Sequence[np.random.Generator], instants: int, agents: int) -> NDArray[np.int64]:
        shape = (instants, agents, agents)
        return np.stack([g.integers(self.shortest, self.longest + 1, shape) for g in generators], axis=1)


class Bursts(Piece):
    """Base class of losses that come in bursts."""

    @abstractmethod
    def stays(self) -> Stays:
        """Stays of a link in its good state, on, and in its bad one, off."""


class GilbertElliott(Bursts):
    """Links that are good and bad by turns, for geometric times, each link by itself, after Gilbert (1960) and Elliott (1963).

    While a link is good, messages are lost with the `probability` of the loss, while it is bad with the one here.
    """

    kind: Literal["gilbert_elliott"] = "gilbert_elliott"
    good: MeanStay = Field(20.0, description="mean stay in the good state, instants")
    bad: MeanStay = Field(5.0, description="mean stay in the bad state, instants")
    probability: Probability = Field(1.0, description="of a loss while the link is bad")

    def stays(self) -> Stays:
        return MarkovStays(on=self.good, off=self.bad, probability_off=1 - self.probability)


class Loss(Model):
    """Each message is lost with `probability`; at most `longest_run` in a row on a link (Gamma_f of Toghani et al. (2023))."""

    probability: Annotated[Probability, Field(lt=1)] = 0.0
    longest_run: Count | None = None
    bursts: Bursts | None = Field(None, description="losses in bursts; none: each message is lost by itself")

    @model_validator(mode="before")
    @classmethod
    def _number_is_probability(cls, data: Any) -> Any:
        return {"probability": data} if isinstance(data, int | float | str) and not isinstance(data, bool) else data

    @model_validator(mode="after")
    def _bursts_have_no_end(self) -> "Loss":
        if self.bursts is not None and self.longest_run is not None:
            raise ValueError("longest_run: is not valid beside bursts, which may last longer")
        return self

    def arrival(self) -> Chance:
        """The chance that a message arrives: a run of n losses is a silence that ends at trial n + 1."""
        if self.bursts is not None:
            return Chance(probability=1 - self.probability, stays=self.bursts.stays())
        silence = None if self.longest_run is None else self.longest_run + 1
        return Chance(probability=1 - self.probability, longest_silence=silence)


class Links(Model):
    """Delay and loss of all links; `delay: 3` is short for a constant one of 3 instants, `loss: 0.1` for its probability.

    `delay: [1, 3]` is short for constant ones of 1 and 3 instants, each sender's own.
    """

    delay: Delay = ConstantDelay()
    loss: Loss = Field(default_factory=Loss)

    @model_validator(mode="before")
    @classmethod
    def _number_is_delay(cls, data: Any) -> Any:
        delay = data.get("delay") if isinstance(data, dict) else None
        if isinstance(delay, int | list | tuple) and not isinstance(delay, bool):
            return {**data, "delay": {"kind": "constant", "instants": delay}}
        return data
