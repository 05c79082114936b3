"""The way of a message over a link: delay and loss."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import Count, CountOrZero, Model, Piece, Probability
from wirelessenv.messages.activity import Chance

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
            Delays in instants, (instants, runs, m, m) or anything that broadcasts to it.
        """


class ConstantDelay(Delay):
    """Every message travels `instants` instants."""

    kind: Literal["constant"] = "constant"
    instants: Travel = 1

    @property
    def smallest(self) -> int:
        return self.instants

    @property
    def largest(self) -> int:
        return self.instants

    def draw(self, generators: Sequence[np.random.Generator], instants: int, agents: int) -> NDArray[np.int64]:
        return np.full((1, 1, 1, 1), self.instants)


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


class Loss(Model):
    """Each message is lost with `probability`; at most `longest_run` in a row on a link (Gamma_f of Toghani et al. (2023))."""

    probability: Annotated[Probability, Field(lt=1)] = 0.0
    longest_run: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _number_is_probability(cls, data: Any) -> Any:
        return {"probability": data} if isinstance(data, int | float | str) and not isinstance(data, bool) else data

    def arrival(self) -> Chance:
        """The chance that a message arrives: a run of n losses is a silence that ends at trial n + 1."""
        silence = None if self.longest_run is None else self.longest_run + 1
        return Chance(probability=1 - self.probability, longest_silence=silence)


class Links(Model):
    """Delay and loss of all links; `delay: 3` is short for a constant one of 3 instants, `loss: 0.1` for its probability."""

    delay: Delay = ConstantDelay()
    loss: Loss = Field(default_factory=Loss)

    @model_validator(mode="before")
    @classmethod
    def _number_is_delay(cls, data: Any) -> Any:
        delay = data.get("delay") if isinstance(data, dict) else None
        if isinstance(delay, int) and not isinstance(delay, bool):
            return {**data, "delay": {"kind": "constant", "instants": delay}}
        return data
