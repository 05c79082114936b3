"""Base classes of methods, which turn channels into powers. A new one is a subclass of `Method` with a kind of its own."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from baselines.comparison.held_out import HeldOut
from trainers.workbench.engines import Engine
from trainers.workbench.shards import WorkShard
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, Piece
from wirelessenv.layout import refused_with_bands
from wirelessenv.scenario import Scenario

NeededKnowledge = Literal["nothing", "own channel", "neighbours", "everything"]
BITS = 32
"""Bits of a number that is sent."""


def bits_to_know(what: NeededKnowledge, scenario: Scenario) -> float:
    """Bits that must travel in a slot so that somebody knows so much.

    For everything, all gains to one place and all powers back. For neighbours, the K - 1 numbers that every transmitter hands
    on for their aggregation sequences.

    Args:
        what: the knowledge that is needed.
        scenario: of the network.

    Returns:
        Bits, of all agents together.
    """
    agents = scenario.transmitters
    needed = {"neighbours": agents * (scenario.hops - 1), "everything": agents**2 + agents}
    return float(BITS * scenario.bands * needed.get(what, 0))


class Method(Piece):
    """Turns channels into powers: `powers(held)`, or, of a method that has learned, `powers(held, state)`."""

    of_lists: ClassVar[bool] = False
    """True where it can decide over lists of neighbours, which there are where a scenario cuts links."""
    with_bands: ClassVar[bool] = False
    """True where it knows scenarios of several bands, in which powers are (layouts, slots, M, m)."""

    @property
    @abstractmethod
    def knows(self) -> NeededKnowledge:
        """Knowledge that it needs to decide."""

    def bits(self, scenario: Scenario) -> float:
        """Bits that must travel in a slot so that it can decide."""
        return bits_to_know(self.knows, scenario)

    def check(self, scenario: Scenario) -> None:
        """Raises ConfigError where the method does not fit the scenario."""

    def check_bands(self, scenario: Scenario) -> None:
        """Raises ConfigError where the scenario has bands and the method does not know any."""
        if scenario.bands > 1 and not self.with_bands:
            raise ConfigError(refused_with_bands("this method chooses a power for one band"))

    @property
    def memory(self) -> int:
        """Slots that it must have seen before it decides as it always will."""
        return 0


def refuse_without_lists(method: Method, scenario: Scenario) -> None:
    """Refuse a method that needs the gains of all links where links are cut.

    Args:
        method: of a comparison.
        scenario: that it is to decide on.

    Raises:
        ConfigError: where there is a cut, and the method has no form over lists of neighbours.
    """
    if scenario.cut is None or method.of_lists:
        return
    name = method.dump().get("kind", type(method).__name__)
    kinds = sorted(kind for kind, one in Method.kinds.items() if getattr(one, "of_lists", False))
    raise ConfigError(
        f'method: "{name}" is not valid with scenario.cut: it needs the gains of all links, and with a cut there are lists of '
        f"neighbours: use {', '.join(kinds)}"
    )


class Untrained(Method):
    """A method that needs no training."""

    @abstractmethod
    def powers(self, held: HeldOut) -> Doubles:
        """Powers (layouts, warm_up + slots, m) on held-out slots; of M bands (layouts, warm_up + slots, M, m)."""


class Stage(NamedTuple):
    """A stage of a training, from which decisions can be made."""

    slots: int
    """Slots of the channel that it has used, over all networks."""
    bits: float
    """Bits sent for it so far."""
    state: dict[str, Any]
    """Tensors and numbers from which `Learned.powers` decides."""
    relative: float | None = None
    """Utility relative to full power, where the training has measured it itself; NaN: it has diverged, and ends here."""
    seconds: float | None = None
    """Seconds that it has taken so far, where that was not in this process."""


class Preparing(NamedTuple):
    """Settings of the work that comes before all trainings."""

    workers: int
    """Processes at a time."""
    engine: Engine
    quiet: bool
    """Show no progress."""
    force: bool
    """Go on even with other versions of packages."""
    shard: WorkShard | None = None
    """Share of the work that is this command's; None: all of it."""


class Learned(Method):
    """A method that trains first, across layouts (which are not those of the comparison) or on each layout by itself."""

    stages: ClassVar[int] = 20
    """Number of points of its learning curve."""
    on_device: ClassVar[bool] = False
    """True for networks that compute where `--device` says; others compute on the CPU."""
    seeds: Annotated[Count, Field(le=100_000)] | None = Field(
        None, description="trainings; none: as many as the comparison says"
    )

    @property
    def training(self) -> dict[str, Any]:
        """The settings that its training depends on: methods of a comparison that share them share their trainings."""
        return self.dump()

    @property
    def elsewhere(self) -> bool:
        """True where it is trained on a scenario of its own, the same whatever it is compared on."""
        return False

    @property
    @abstractmethod
    def across(self) -> bool:
        """True where it learns from many layouts for all, False where it learns on each layout for that one."""

    @property
    @abstractmethod
    def knows_in_training(self) -> NeededKnowledge:
        """Knowledge that it needs to learn."""

    def refuse(self, scenario: Scenario, layouts: Sequence[int]) -> None:
        """Refuse, before anything is written, layouts that it cannot learn for.

        Args:
            scenario: of the comparison.
            layouts: seeds of its layouts.

        Raises:
            ConfigError: where it cannot learn for them.
        """

    def prepare(self, scenario: Scenario, layouts: Sequence[int], folder: Path, how: Preparing) -> None:
        """Do the work that comes before all trainings; goes on where it was stopped.

        Args:
            scenario: of the comparison.
            layouts: seeds of its layouts.
            folder: of its own, for what it keeps.
            how: where that is done, and what is shown of it.

        Raises:
            ShardFinished: where this command's share is done, and those of others are not.
        """

    @abstractmethod
    def train(self, scenario: Scenario, seed: int, layout: int | None, folder: Path | None = None) -> Iterator[Stage]:
        """One training, stage by stage; the last stage is its end.

        Args:
            scenario: of the comparison.
            seed: of the training.
            layout: seed of the layout that it learns on; None where it learns across layouts.
            folder: that it has prepared.

        Yields:
            Stages, in order.
        """

    def learned(self, scenario: Scenario, seed: int) -> dict[str, Any]:
        """State of the last stage of a training across layouts.

        Args:
            scenario: the network.
            seed: of the training.

        Returns:
            The state.

        Raises:
            ConfigError: for settings that do not fit each other.
        """
        self.check_bands(scenario)
        self.check(scenario)
        *_, last = self.train(scenario, seed, None)
        return last.state

    @abstractmethod
    def powers(self, held: HeldOut, state: dict[str, Any]) -> Doubles:
        """Powers on held-out slots, as one training has learned to choose them.

        Args:
            held: layouts with their slots.
            state: of the training's last stage.

        Returns:
            powers (layouts, warm_up + slots, m).
        """


def training_layouts(seed: int, number: int) -> Sequence[int]:
    """Seeds of layouts to learn from; none of them is a layout of a comparison.

    Args:
        seed: of the training; other trainings have other layouts.
        number: of layouts.

    Returns:
        The seeds.
    """
    return range(TRAINING + seed * number, TRAINING + (seed + 1) * number)


TRAINING = 2**40
"""From here on, layouts are learned from; those below are compared on."""
