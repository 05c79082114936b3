"""Values of powers on held-out slots: utilities, rates and power of every layout."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from baselines.allocators import sum_rate
from baselines.comparison.held_out import HeldOut
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.physics.checks import count, numbers, powers


class Measured(NamedTuple):
    """Results of powers on every layout, in the slots that count."""

    utility: Doubles
    """Sum of utilities, mean over slots, (layouts,)."""
    rates: Doubles
    """Rate of every user, mean over slots, bit/s/Hz, (layouts, m)."""
    power: Doubles
    """Power of all transmitters together, mean over slots, (layouts,)."""
    first: Doubles
    """Sum of weighted rates in each of the first k slots, for which the optimum is found, bit/s/Hz, (layouts, k)."""

    @classmethod
    def of(cls, held: HeldOut, power: ArrayLike, first: int) -> "Measured":
        """Measure powers on held-out slots.

        Args:
            held: layouts with their slots.
            power: of every transmitter in every slot, (layouts, warm_up + slots, m); of M bands (layouts,
                warm_up + slots, M, m).
            first: slots for which the optimum is found.

        Returns:
            The results, one for each layout.

        Raises:
            ConfigError: where `power` has another shape or leaves [0, p_max].
        """
        given: Doubles = numbers("powers", power)
        scenario, bands = held.scenario, held.scenario.bands
        first, shape = count("first", first, 0), held.block.wanted.shape
        if given.shape != shape:
            axes = "(layouts, slots, m)" if bands == 1 else "(layouts, slots, M, m)"
            raise ConfigError(f"powers of the shape {given.shape} are not valid for {axes} {shape}")
        powers("powers", given, shape[-1], scenario.p_max)
        used = held.counted(given.astype(np.float32))
        listed = held.block.near is not None
        network = WirelessNetwork(scenario, held.layouts if listed else held.layouts[0])
        outcome = network.outcome(held.counted(held.block.wanted), held.counted(held.block.cross), used)
        if listed:  # whose certified optimum nobody finds
            found = np.empty((len(used), 0))
        else:
            gain = held.rated_gain(first)
            counted = used[:, :first].astype(float)
            found = sum_rate(gain, scenario.noise_power, counted, scenario.rate_weights, bands=bands)
        return cls(
            outcome.utility.sum(-1, dtype=float).mean(1),
            outcome.rate.mean(1, dtype=float),
            used.sum(tuple(range(2, used.ndim)), dtype=float).mean(1),
            found,
        )

    def without(self, lost: NDArray[np.bool_]) -> "Measured":
        """The same with NaN on the layouts that are `lost`, (layouts,)."""
        return Measured(*(np.where(lost.reshape(-1, *[1] * (part.ndim - 1)), np.nan, part) for part in self))

    @classmethod
    def joined(cls, parts: "list[Measured]") -> "Measured":
        """Results of several parts as one, in order."""
        return cls(*(np.concatenate(some) for some in zip(*parts, strict=True)))

    def columns(self) -> dict[str, Doubles]:
        """Columns of comparison.csv by name, each (layouts,)."""
        total = self.rates.sum(1)
        squares = self.rates.shape[1] * (self.rates**2).sum(1)
        return {
            "utility": self.utility,
            "sum_rate": total,
            "p5_rate": np.percentile(self.rates, 5, axis=1),
            "jain": np.divide(total**2, squares, out=0 * total, where=squares > 0),
            "energy_efficiency": np.divide(total, self.power, out=0 * total, where=self.power > 0),
        }
