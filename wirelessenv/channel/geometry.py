"""Where transmitters and receivers stand, and which receiver serves which transmitter."""

from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import Piece, Positive

Positions = NDArray[np.float64]


class Placement(Piece):
    """A law of positions."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        """Positions (m, 2) of the transmitters and (n, 2) of the receivers, in the scenario's unit of length.

        `receivers` None: one of its own for each transmitter.
        """


class UniformPlacement(Placement):
    """Transmitters uniform in a square, each receiver uniform in a smaller square about its transmitter.

    With m transmitters the square is [-half_width m, half_width m]^2 and a receiver lies within +- receiver_offset m of
    its transmitter in each coordinate, so that the density falls as 1/m (papers/000, Section VIII). Base stations, which
    belong to no transmitter, are uniform in the large square.
    """

    kind: Literal["uniform"] = "uniform"
    half_width: Positive = 1.0
    receiver_offset: Positive = 0.25

    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        side, offset = self.half_width * transmitters, self.receiver_offset * transmitters
        placed = rng.uniform(-side, side, (transmitters, 2))
        if receivers is None:
            return placed, placed + rng.uniform(-offset, offset, (transmitters, 2))
        return placed, rng.uniform(-side, side, (receivers, 2))


class NoPlacement(Placement):
    """No geometry: every link has the same mean gain. Positions are NaN, so that nothing can use them by mistake."""

    kind: Literal["none"] = "none"

    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        return np.full((transmitters, 2), np.nan), np.full((receivers or transmitters, 2), np.nan)


def distances(receivers: Positions, transmitters: Positions) -> NDArray[np.float64]:
    """Euclidean distances (n, m), [receiver, transmitter], of positions (n, 2) and (m, 2)."""
    return np.asarray(np.linalg.norm(receivers[:, None] - transmitters[None], axis=-1))


def serving_receiver(gain: NDArray[np.floating], association: Literal["ad_hoc", "uplink"]) -> NDArray[np.intp]:
    """r(i) for each transmitter i, (m,): receiver i itself, or the receiver with the largest mean gain, (n, m).

    In an uplink where the gain falls with distance the latter is the nearest base station (papers/000, Section II).
    """
    if association == "ad_hoc":
        return np.arange(gain.shape[1])
    return np.asarray(np.argmax(gain, axis=0))
