"""Sum rates with a floor, as a method of a comparison."""

from typing import Any, Literal

from pydantic import Field

from baselines import allocators
from baselines.comparison.allocation import Allocator
from wirelessenv.arrays import Doubles
from wirelessenv.config import Count, NonNegative, Positive
from wirelessenv.per_agent import PerAgent


class RateFloor(Allocator):
    """Fractional programming whose weights let nobody's mean rate stay below a floor (Naderializadeh et al., 2022)."""

    kind: Literal["rate_floor"] = "rate_floor"
    floor: NonNegative = Field(0.75, description="of everybody's mean rate over time, bit/s/Hz")
    step: Positive = Field(2.0, description="of the prices of the floor, a bit/s/Hz")
    every: Count = Field(5, description="slots between two changes of the prices, which are 0 in the first slot of the warm-up")

    def allocate(  # noqa: PLR0917  # what its base class gives it, and the bandwidth
        self,
        gain: Doubles,
        noise: PerAgent,
        p_max: PerAgent,
        bands: int = 1,
        weights: PerAgent | None = None,
        bandwidth: PerAgent = 1.0,
    ) -> Doubles:
        limits: dict[str, Any] = {"floor": self.floor, "step": self.step, "every": self.every}
        return allocators.rate_floor(gain, noise, p_max, weights, bandwidth=bandwidth, **limits)
