"""What is compared: methods that turn channels into powers. A new one is a subclass of `Method` with a kind of its own."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from baselines.comparison.held_out import HeldOut
from wirelessenv.config import Count, Piece
from wirelessenv.scenario import Scenario

Floats = NDArray[np.float64]
Knowledge = Literal["nothing", "own channel", "neighbours", "everything"]
BITS = 32
"""In a number that is sent."""


def bits_to_know(what: Knowledge, scenario: Scenario) -> float:
    """Bits that must travel a slot: of everything, all gains to one place and all powers back.

    Of neighbours, the K - 1 numbers that every transmitter hands on for their aggregation sequences.
    """
    agents = scenario.transmitters
    return float(BITS * {"neighbours": agents * (scenario.hops - 1), "everything": agents**2 + agents}.get(what, 0))


class Method(Piece):
    """Channels to powers: `powers(held)`, or, of a Learned one, `powers(held, state)`."""

    @property
    @abstractmethod
    def knows(self) -> Knowledge:
        """What it must know to decide."""

    def bits(self, scenario: Scenario) -> float:
        """What must travel a slot so that it can decide."""
        return bits_to_know(self.knows, scenario)

    def check(self, scenario: Scenario) -> None:
        """Raises ConfigError where the method does not fit the scenario."""

    def made_of(self) -> tuple[Any, ...]:
        """Models, classes, functions and modules: where they are a user's own, results depend on their code."""
        return (self,)

    @property
    def memory(self) -> int:
        """Slots that it must have seen before it decides as it always will."""
        return 0


class Untrained(Method):
    """A method that needs no training."""

    @abstractmethod
    def powers(self, held: HeldOut) -> Floats:
        """Powers (layouts, warm_up + slots, m)."""


class Stage(NamedTuple):
    """Where a training is."""

    slots: int
    """of the channel that it has used, over all networks"""
    bits: float
    """sent for it so far"""
    state: dict[str, Any]
    """tensors and numbers from which `Learned.powers` decides"""
    relative: float | None = None
    """utility relative to full power, where the training has measured it itself; NaN: it has diverged, and ends here"""
    seconds: float | None = None
    """it has taken so far, where that was not here"""


class Learned(Method):
    """A method that trains first, across layouts (which are not those of the comparison) or on each layout by itself."""

    stages: ClassVar[int] = 20
    """Points of its learning curve."""
    seeds: Annotated[Count, Field(le=100_000)] | None = Field(
        None, description="trainings; none: as many as the comparison says"
    )

    @property
    @abstractmethod
    def across(self) -> bool:
        """Whether it learns from many layouts for all, or on each layout for that one."""

    @property
    @abstractmethod
    def knows_in_training(self) -> Knowledge:
        """What it must know to learn."""

    def refuse(self, scenario: Scenario, layouts: Sequence[int]) -> None:
        """Raises ConfigError, before anything is written, where it cannot learn for these layouts."""

    def prepare(self, scenario: Scenario, layouts: Sequence[int], folder: Path, **running: Any) -> None:
        """What is to be done before the trainings, in a folder of its own; goes on where it was stopped.

        `running` has `workers`, `quiet` and `force` as given to `compare`.
        """

    @abstractmethod
    def train(self, scenario: Scenario, seed: int, layout: int | None, folder: Path | None = None) -> Iterator[Stage]:
        """One training, stage by stage; the last is its end. `layout` is the seed of its layout, if it learns on one."""

    @abstractmethod
    def powers(self, held: HeldOut, state: dict[str, Any]) -> Floats:
        """Powers (layouts, warm_up + slots, m) of what was trained."""


def training_layouts(seed: int, number: int) -> Sequence[int]:
    """Seeds of layouts to learn from, for the training `seed`; none of them is a layout of a comparison."""
    return range(TRAINING + seed * number, TRAINING + (seed + 1) * number)


TRAINING = 2**40
"""From here on, layouts are learned from; those below are compared on."""
