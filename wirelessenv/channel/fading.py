"""Small-scale fading: |f|^2 for every link and slot, in blocks of slots.

A law is stateless; what it must remember from slot to slot (an autoregressive process) is handed back to its caller and
returned with the next call, so that a run can be saved and resumed. All laws here have the same code for numpy and
torch: they use the draws of a `Sampler` and arithmetic.
"""

import math
from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import Field

from wirelessenv.channel.sampling import Sampler
from wirelessenv.config import NonNegative, Piece, Positive


class Fading(Piece):
    """A law of the small-scale gain |f|^2; the channel's gain is the mean gain times it."""

    @abstractmethod
    def block(self, sampler: Sampler, slots: int, receivers: int, transmitters: int, state: Any) -> tuple[Any, Any]:
        """(gains (runs, slots, receivers, transmitters) float32, state after the block); `state` None at the start."""


class Rayleigh(Fading):
    """f ~ CN(0, 1), fresh every slot: |f|^2 is exponential with mean 1."""

    kind: Literal["rayleigh"] = "rayleigh"

    def block(self, sampler: Sampler, slots: int, receivers: int, transmitters: int, state: Any) -> tuple[Any, Any]:
        return sampler.exponential(slots, receivers, transmitters), None


class Rician(Fading):
    """f = sqrt(k / (k + 1)) + sqrt(1 / (k + 1)) CN(0, 1), fresh every slot, k = `k_factor`; E|f|^2 = 1.

    The phase of the direct path does not enter |f|^2. k = 0 is Rayleigh fading in law.
    """

    kind: Literal["rician"] = "rician"
    k_factor: NonNegative = 1.0

    def block(self, sampler: Sampler, slots: int, receivers: int, transmitters: int, state: Any) -> tuple[Any, Any]:
        parts = sampler.normal(slots, 2, receivers, transmitters)
        scatter = math.sqrt(0.5 / (self.k_factor + 1))
        direct = math.sqrt(self.k_factor / (self.k_factor + 1))
        return (direct + scatter * parts[:, :, 0]) ** 2 + (scatter * parts[:, :, 1]) ** 2, None


class RealAR1(Fading):
    """Real first-order autoregression x[t] = memory x[t-1] + innovation w[t], w ~ N(0, 1); the gain is x^2.

    It starts in its stationary law N(0, innovation^2 / (1 - memory^2)), which has not variance 1 in general: with the
    0.7 and 0.3 of the authors of papers/000 it is 0.18, so that their channels are 7.5 dB weaker than CN(0, 1) ones.
    """

    kind: Literal["real_ar1"] = "real_ar1"
    memory: Annotated[NonNegative, Field(lt=1)] = 0.7
    innovation: Positive = 0.3

    def block(self, sampler: Sampler, slots: int, receivers: int, transmitters: int, state: Any) -> tuple[Any, Any]:
        if state is None:
            stationary = self.innovation / math.sqrt(1 - self.memory**2)
            state = stationary * sampler.normal(1, receivers, transmitters)[:, 0]
        values = self.innovation * sampler.normal(slots, receivers, transmitters)
        for slot in range(slots):
            values[:, slot] += self.memory * state
            state = values[:, slot]
        return values**2, state * 1


class NoFading(Fading):
    """f = 1: the gain is the mean gain in every slot."""

    kind: Literal["none"] = "none"

    def block(self, sampler: Sampler, slots: int, receivers: int, transmitters: int, state: Any) -> tuple[Any, Any]:
        return sampler.ones(slots, receivers, transmitters), None
