"""The mean gain of a link as a function of its length."""

from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import Piece, Positive


class PathLoss(Piece):
    """A law of the large-scale gain."""

    @abstractmethod
    def gain(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean power gain E|h|^2 (not amplitude, not dB) at each distance."""


class PowerLaw(PathLoss):
    """Amplitude d^-a, hence gain d^-2a, with a = `amplitude_exponent` (papers/000, Section VIII: a = 2.2).

    Distances below `smallest_distance` count as that, so that the gain stays finite; the paper gives no such bound.
    """

    kind: Literal["power_law"] = "power_law"
    amplitude_exponent: Positive = 2.2
    smallest_distance: Positive = 0.1

    def gain(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.maximum(distance, self.smallest_distance) ** (-2 * self.amplitude_exponent))


class NoPathLoss(PathLoss):
    """Gain 1 at every distance."""

    kind: Literal["none"] = "none"

    def gain(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones_like(distance)
