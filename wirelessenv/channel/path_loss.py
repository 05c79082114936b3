"""The mean gain of a link as a function of its length."""

import math
from abc import abstractmethod
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from wirelessenv.channel.waves import SPEED_OF_LIGHT
from wirelessenv.config import Number, Piece, Positive


class PathLoss(Piece):
    """A law of the large-scale gain."""

    @abstractmethod
    def gain(self, distance: Float[np.ndarray, "*links"]) -> Float[np.ndarray, "*links"]:
        """Mean power gain E|h|^2 (not amplitude, not dB) at each distance."""


class PowerLaw(PathLoss):
    """Amplitude d^-a, hence gain d^-2a, with a = `amplitude_exponent` (Behmandpoor et al., 2024, Section VIII: a = 2.2).

    Distances below `smallest_distance` count as that, so that the gain stays finite; the paper gives no such bound.
    """

    kind: Literal["power_law"] = "power_law"
    amplitude_exponent: Positive = 2.2
    smallest_distance: Positive = 0.1

    def gain(self, distance: Float[np.ndarray, "*links"]) -> Float[np.ndarray, "*links"]:
        return np.asarray(np.maximum(distance, self.smallest_distance) ** (-2 * self.amplitude_exponent))


class DualSlope(PathLoss):
    """Short-range loss of two slopes, 20 dB a decade up to the breakpoint R_bp and 40 dB a decade beyond; metres.

    PL = L_bp + 6 + 20 log10(d / R_bp) dB, the last term doubled where d > R_bp, with R_bp = 4 h1 h2 / lambda and L_bp =
    |20 log10(lambda^2 / (8 pi h1 h2))|, antennas h1 and h2 metres high and lambda the wavelength (ITU-R P.1411, as Shen et
    al. use it in Graph Neural Networks for Scalable Radio Resource Management, 2021, whose values the defaults are).
    """

    kind: Literal["dual_slope"] = "dual_slope"
    carrier: Annotated[Positive, Field(le=1e15, description="Hz")] = 2.4e9
    transmitter_height: Annotated[Positive, Field(description="m")] = 1.5
    receiver_height: Annotated[Positive, Field(description="m")] = 1.5
    smallest_distance: Annotated[Positive, Field(description="m: shorter distances count as this")] = 1.0

    def gain(self, distance: Float[np.ndarray, "*links"]) -> Float[np.ndarray, "*links"]:
        wavelength, heights = SPEED_OF_LIGHT / self.carrier, self.transmitter_height * self.receiver_height
        at_breakpoint = abs(20 * math.log10(wavelength**2 / (8 * math.pi * heights))) + 6
        decades = np.log10(np.maximum(distance, self.smallest_distance) * (wavelength / (4 * heights)))
        loss = at_breakpoint + np.where(decades > 0, 40, 20) * decades
        return np.asarray(10 ** (-loss / 10))


class LogDistance(PathLoss):
    """PL = intercept_db + slope_db log10(d / 1 km) dB, d in metres.

    The defaults are the macro cell of 3GPP TR 36.814 at 2 GHz: 128.1 + 37.6 log10(d_km).
    """

    kind: Literal["log_distance"] = "log_distance"
    intercept_db: Annotated[Number, Field(ge=-1000, le=1000, description="loss at 1 km")] = 128.1
    slope_db: Annotated[Positive, Field(le=1000, description="dB a decade")] = 37.6
    smallest_distance: Annotated[Positive, Field(description="m: shorter distances count as this")] = 1.0

    def gain(self, distance: Float[np.ndarray, "*links"]) -> Float[np.ndarray, "*links"]:
        loss = self.intercept_db + self.slope_db * np.log10(np.maximum(distance, self.smallest_distance) / 1000)
        return np.asarray(10 ** (-loss / 10))


class NoPathLoss(PathLoss):
    """Gain 1 at every distance."""

    kind: Literal["none"] = "none"

    def gain(self, distance: Float[np.ndarray, "*links"]) -> Float[np.ndarray, "*links"]:
        return np.ones_like(distance)
