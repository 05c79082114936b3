"""Link schedulers as methods of a comparison: every transmitter is silent or at full power."""

from typing import Literal

from pydantic import Field

from baselines import allocators
from baselines.allocators.scheduling import MARGIN
from baselines.comparison.allocation import Allocator
from wirelessenv.arrays import Doubles
from wirelessenv.config import Count, NonNegative, Positive
from wirelessenv.per_agent import PerAgent


class GreedyScheduling(Allocator):
    """Links switched on one after another, strongest first, as long as the sum rate grows (Cui et al., 2019)."""

    kind: Literal["greedy_scheduling"] = "greedy_scheduling"

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.greedy_scheduling(gain, noise, p_max, weights)


class ITLinQ(Allocator):
    """Links that disturb each other so little that interference is as good as noise (Naderializadeh and Avestimehr, 2014)."""

    kind: Literal["itlinq"] = "itlinq"
    exponent: NonNegative = Field(0.5, description="eta: INRs are at most M SNR^eta")
    margin: Positive = Field(MARGIN, description="M, linear: 25 dB")

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.itlinq(gain, noise, p_max, weights, exponent=self.exponent, margin=self.margin)


class FPLinQ(Allocator):
    """Binary fractional programming (Shen and Yu, 2017)."""

    kind: Literal["fplinq"] = "fplinq"
    iterations: Count = 100

    def allocate(
        self, gain: Doubles, noise: PerAgent, p_max: PerAgent, bands: int = 1, weights: PerAgent | None = None
    ) -> Doubles:
        return allocators.fplinq(gain, noise, p_max, weights, iterations=self.iterations)
