"""Allocators as methods of a comparison: functions of the gains of one slot, maybe late; a user's own among them."""

import inspect
import math
import sys
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from baselines import allocators
from baselines.allocators.checks import generator, refuse_unequal_rates
from baselines.allocators.iterative import Start
from baselines.allocators.simple import MOST_PATTERNS, tries_all
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import NeededKnowledge, Untrained, refuse_without_lists
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, CountOrZero, NonNegative, Positive, Seed
from wirelessenv.imports import failure, imported
from wirelessenv.layout import refused_with_bands
from wirelessenv.network import NearBlock
from wirelessenv.per_agent import PerAgent, at_agents
from wirelessenv.physics.checks import numbers, powers
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.physics.utilities import Rate
from wirelessenv.scenario import Scenario

MOST_PAIRS = 30
"""Largest number of pairs for a certified optimum."""


class Allocator(Untrained):
    """A function of the gains of one slot, which may be `delay` slots old when its powers are used."""

    delay: CountOrZero = Field(0, description="slots between the gains it sees and its powers")

    @property
    def knows(self) -> NeededKnowledge:
        return "everything"

    @property
    def memory(self) -> int:
        return self.delay

    @abstractmethod
    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        """Powers for the gains of one slot each.

        Args:
            gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m); direct ones divided by the
                scenario's SNR gap.
            noise: noise power of every receiver over all bands, (m,), or a number.
            p_max: largest power of every transmitter over all bands, likewise.
            bands: M; given where there are several.
            weights: of rates log2(1 + SINR), likewise; given where they are not all 1.

        Returns:
            powers (..., m), or (..., M, m).
        """

    def over_lists(
        self, near: NeighbourLists, gain: Doubles, noise: Doubles, p_max: PerAgent, weights: PerAgent | None = None
    ) -> Doubles:
        """Powers where links are cut, of allocators that are `of_lists`.

        Args:
            near: lists of the links that are not cut.
            gain: |h|^2 of these, (layouts, slots, links).
            noise: noise power of every receiver, (layouts, m).
            p_max: largest power of every transmitter, (m,), or a number.
            weights: of rates log2(1 + SINR), likewise; given where they are not all 1.

        Returns:
            powers (layouts, slots, m).
        """
        raise NotImplementedError(f"{type(self).__name__}: has no method over_lists, though it says that it is of_lists")

    def powers(self, held: HeldOut) -> Doubles:
        """Powers (layouts, warm_up + slots, m); of M bands (layouts, warm_up + slots, M, m)."""
        scenario, block = held.scenario, held.block
        if isinstance(block, NearBlock):
            refuse_without_lists(self, scenario)
            seen = np.maximum(np.arange(block.gain.shape[1]) - self.delay, 0)
            listed = held.rated_gain()[:, seen]
            return self.over_lists(block.lists, listed, block.noise, scenario.p_max, **self._given(self.over_lists, scenario))
        gain = allocators.delayed(held.rated_gain(), self.delay, bands=scenario.bands)
        return self.allocate(gain, scenario.noise_power, scenario.p_max, **self._given(self.allocate, scenario))

    def _given(self, function: Callable[..., Any], scenario: Scenario) -> dict[str, Any]:
        """Bands, weights and bandwidths, where they are not all 1, as keyword arguments of a function of this allocator."""
        given: dict[str, Any] = {"bands": scenario.bands} if scenario.bands > 1 else {}
        known, weights = inspect.signature(function).parameters, scenario.rate_weights
        if weights is None:
            return given
        if "weights" not in known:
            raise ConfigError(
                f"{type(self).__name__}: not valid with weights or bandwidths: its {function.__name__} takes none"
            )
        return given | {"weights": weights} | ({"bandwidth": at_agents(scenario.bandwidth)} if "bandwidth" in known else {})


class FullPower(Allocator):
    """Everybody at full power in every slot; of several bands evenly in all."""

    kind: Literal["full_power"] = "full_power"
    of_lists = True
    with_bands = True

    @property
    def knows(self) -> NeededKnowledge:
        return "nothing"

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.full_power(gain, noise, p_max, bands=bands)

    def powers(self, held: HeldOut) -> Doubles:
        """Powers (layouts, warm_up + slots, m)."""
        return np.full(held.block.wanted.shape, held.scenario.p_max / held.scenario.bands)


class RandomPower(Allocator):
    """Uniform powers in [0, p_max], drawn anew in every slot; of several bands uniform among those that add up to so much."""

    kind: Literal["random_power"] = "random_power"
    of_lists = True
    with_bands = True
    seed: Seed = 0

    @property
    def knows(self) -> NeededKnowledge:
        return "nothing"

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.random_power(gain, noise, p_max, bands=bands, seed=self.seed)

    def powers(self, held: HeldOut) -> Doubles:
        """Powers (layouts, warm_up + slots, m); those of a layout do not depend on the others."""
        if held.scenario.bands > 1:
            return _by_layout(allocators.random_power, held, self.seed)
        shape = held.block.wanted.shape[1:]
        return np.stack([generator([self.seed, layout]).random(shape) for layout in held.layouts]) * held.scenario.p_max


class RandomBand(Allocator):
    """Full power in one band, drawn anew in every slot, or none."""

    kind: Literal["random_band"] = "random_band"
    with_bands = True
    idle: Annotated[NonNegative, Field(le=1)] = Field(0.0, description="probability that a transmitter is silent")
    seed: Seed = 0

    @property
    def knows(self) -> NeededKnowledge:
        return "nothing"

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.random_band(gain, noise, p_max, bands=bands, idle=self.idle, seed=self.seed)

    def powers(self, held: HeldOut) -> Doubles:
        """Powers (layouts, warm_up + slots, M, m); those of a layout do not depend on the others."""
        refuse_without_lists(self, held.scenario)
        return _by_layout(allocators.random_band, held, self.seed, idle=self.idle)


def _by_layout(allocator: Any, held: HeldOut, seed: int, **options: Any) -> Doubles:
    """Powers of an allocator that draws, with a seed for each layout."""
    scenario, rows = held.scenario, zip(held.block.gain, held.layouts, strict=True)
    given = (scenario.noise_power, scenario.p_max)
    return np.stack([allocator(gain, *given, bands=scenario.bands, seed=[seed, layout], **options) for gain, layout in rows])


class OnOff(Allocator):
    """The best of all patterns of 0 and p_max, of at most 16 pairs; of several bands in one of them, of fewer pairs."""

    kind: Literal["on_off"] = "on_off"
    with_bands = True

    def check(self, scenario: Scenario) -> None:
        if (scenario.bands + 1) ** scenario.transmitters > MOST_PATTERNS:
            raise ConfigError(f"{scenario.transmitters} pairs are not valid: {tries_all(scenario.bands)}")

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.on_off(gain, noise, p_max, weights, bands=bands)


class Iterative(Allocator):
    """Base class of WMMSE and fractional programming: starts, tolerance and iterations."""

    of_lists = True
    with_bands = True
    starts: tuple[Start, ...] = Field(
        ("full",), min_length=1, description='"full" or "random"; of several, the best end counts'
    )
    tolerance: NonNegative = Field(1e-3, description="bit/s/Hz: a channel whose sum rate changes by less stands still")
    iterations: Count = 100
    seed: Seed = Field(0, description="of random starts")

    def options(self) -> dict[str, Any]:
        """Settings as keyword arguments of the allocator."""
        return {name: getattr(self, name) for name in ("starts", "tolerance", "iterations", "seed")}

    def check(self, scenario: Scenario) -> None:
        if scenario.cut is not None and self.starts != ("full",):
            raise ConfigError(f"starts: {list(self.starts)} is not valid with scenario.cut: over lists there is ['full'] alone")


class WMMSE(Iterative):
    """Weighted minimum mean square error (Shi et al., 2011)."""

    kind: Literal["wmmse"] = "wmmse"

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.wmmse(gain, noise, p_max, weights, bands=bands, **self.options())

    def over_lists(
        self, near: NeighbourLists, gain: Doubles, noise: Doubles, p_max: PerAgent, weights: PerAgent | None = None
    ) -> Doubles:
        limits: dict[str, Any] = {"tolerance": self.tolerance, "iterations": self.iterations}
        return allocators.wmmse_over_lists(near, gain, noise, p_max, weights, **limits)


class FractionalProgramming(Iterative):
    """Fractional programming in closed form (Shen and Yu, 2018)."""

    kind: Literal["fractional_programming"] = "fractional_programming"

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.fractional_programming(gain, noise, p_max, weights, bands=bands, **self.options())

    def over_lists(
        self, near: NeighbourLists, gain: Doubles, noise: Doubles, p_max: PerAgent, weights: PerAgent | None = None
    ) -> Doubles:
        found = allocators.fractional_programming_over_lists
        return found(near, gain, noise, p_max, weights, tolerance=self.tolerance, iterations=self.iterations)


class MaxMin(Allocator):
    """Powers with the largest smallest SINR, of agents with equal weights and bandwidths."""

    kind: Literal["max_min"] = "max_min"

    def check(self, scenario: Scenario) -> None:
        refuse_unequal_rates(scenario)

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.max_min(gain, noise, p_max)


class CertifiedOptimum(Allocator):
    """Branch and bound; without `seconds` it refuses, half way, a channel that is too hard for it."""

    kind: Literal["certified_optimum"] = "certified_optimum"
    gap: Positive = Field(0.01, description="how far from the bound it may be")
    seconds: Positive | None = Field(None, description="for each slot; then its best powers so far count")

    def check(self, scenario: Scenario) -> None:
        refuse_uncertifiable(scenario)

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        channels = math.prod(gain.shape[:-2])
        seconds = None if self.seconds is None else self.seconds * channels
        return allocators.certified_optimum(gain, noise, p_max, weights, gap=self.gap, seconds=seconds)


def _is_there(reference: Any) -> Any:
    if isinstance(reference, str):
        imported(reference)
    return reference


class Custom(Allocator):
    """A user's own allocator(gain, noise, p_max) -> power, as "module:function".

    Of several bands it gets gains (..., M, m, m), and M where it has a parameter `bands`; its powers are (..., M, m). Noise and
    p_max that are each agent's own are arrays (m,); weights of rates it gets where it has a parameter `weights`.
    """

    kind: Literal["custom"] = "custom"
    with_bands = True
    allocator: Annotated[str, BeforeValidator(_is_there)] = Field(description="module:function")

    def made_of(self) -> tuple[Any, ...]:
        return (imported(self.allocator), sys.modules[self.allocator.partition(":")[0]])

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        allocator = imported(self.allocator)
        given = gain.shape
        try:
            returned = allocator(gain, noise, p_max, **_taken(allocator, bands, weights))
            power = np.asarray(returned)
        except (Exception, SystemExit) as error:
            raise ConfigError(f"{self.allocator}: has failed, {failure(error)}") from error
        if power.dtype.kind not in "iuf":
            raise ConfigError(f"{self.allocator}: powers of the type {power.dtype} are not valid: they should be real numbers")
        if power.shape != given[:-1]:
            raise ConfigError(f"{self.allocator}: powers of the shape {power.shape} are not valid for gains {given}")
        try:
            power = numbers("its powers", returned)
            powers("its powers", power, given[-1], p_max)
        except ConfigError as error:
            raise ConfigError(f"{self.allocator}: {error}") from None
        return np.array(power)


def _taken(allocator: Callable[..., Any], bands: int, weights: PerAgent | None) -> dict[str, Any]:
    """Bands and weights, where a user's function has parameters of these names."""
    try:
        known = inspect.signature(allocator).parameters
    except (TypeError, ValueError):
        return {}
    given = {"bands": bands} if weights is None else {"bands": bands, "weights": weights}
    return {name: value for name, value in given.items() if name in known}


def refuse_uncertifiable(scenario: Scenario) -> None:
    """Raises ConfigError where branch and bound does not find the utility of a comparison, or is out of its reach."""
    if scenario.cut is not None:
        raise ConfigError("it needs the gains of all links, and with scenario.cut there are lists of neighbours")
    if scenario.bands > 1:
        raise ConfigError(refused_with_bands("the certified optimum is that of one band"))
    if scenario.transmitters > MOST_PAIRS or scenario.sinr_cap_db is not None or not isinstance(scenario.utility, Rate):
        raise ConfigError(f"it is found for the sum of rates without a cap, of at most {MOST_PAIRS} pairs")
