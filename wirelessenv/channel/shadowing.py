"""Large-scale shadowing by obstacles: a random gain of every link, in dB, that changes only where its ends move."""

from abc import abstractmethod
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from wirelessenv.channel.geometry import Positions, distances
from wirelessenv.config import ConfigError, NonNegative, Piece

MOST_CORRELATED = 4000
"""Places whose shadowing is correlated: the work grows with the third power, to some ten seconds here."""


class Shadowing(Piece):
    """Base class of shadowing: gains in dB by obstacles."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, receivers: Positions, transmitters: Positions) -> NDArray[np.float64]:
        """Draw the shadowing of all links.

        Args:
            rng: the random generator to draw from.
            receivers: positions (n, 2).
            transmitters: positions (m, 2).

        Returns:
            Gains in dB, (n, m), [receiver, transmitter].
        """

    @abstractmethod
    def move(
        self,
        rng: np.random.Generator,
        shadowing: NDArray[np.float64],
        before: tuple[Positions, Positions],
        after: tuple[Positions, Positions],
    ) -> NDArray[np.float64]:
        """The shadowing after the ends of links have moved.

        Args:
            rng: the random generator to draw from.
            shadowing: gains in dB before, (n, m), [receiver, transmitter].
            before: positions of receivers (n, 2) and transmitters (m, 2) before.
            after: the same after.

        Returns:
            Gains in dB after, (n, m).
        """


class NoShadowing(Shadowing):
    """No obstacles: 0 dB for every link."""

    kind: Literal["none"] = "none"

    def draw(self, rng: np.random.Generator, receivers: Positions, transmitters: Positions) -> NDArray[np.float64]:
        return np.zeros((len(receivers), len(transmitters)))

    def move(
        self,
        rng: np.random.Generator,
        shadowing: NDArray[np.float64],
        before: tuple[Positions, Positions],
        after: tuple[Positions, Positions],
    ) -> NDArray[np.float64]:
        return shadowing


class LogNormalShadowing(Shadowing):
    """Gaussian in dB: S ~ N(0, std_db^2), correlated over a distance d_c = `correlation_distance`, in the unit of length.

    Two links whose receivers are a distance D apart, and their transmitters E, have correlation exp(-(D + E) / d_c); hence
    exp(-D / d_c) for two receivers of one transmitter. This is Gudmundson's exponential law (1991), with a factor for each
    end (Wang, Tameh and Nix, Joint Shadowing Process in Urban Peer-to-Peer Radio Channels, 2008). With d_c = 0 all links
    are independent.

    When the ends of a link have moved by D and E, S' = r S + sqrt(1 - r^2) W with r = exp(-(D + E) / d_c) (Gudmundson's
    autoregression), where the innovations W of all links have the law of a new draw at the new positions; with d_c = 0, a
    link whose ends moved is drawn anew.

    The gain 10^(S / 10) has median 1 and a larger mean, exp((std_db ln 10 / 10)^2 / 2): 5.5 at 8 dB. It is not normalised,
    as published settings do not.
    """

    kind: Literal["log_normal"] = "log_normal"
    std_db: Annotated[NonNegative, Field(le=50, description="standard deviation in dB")] = 8.0
    correlation_distance: Annotated[NonNegative, Field(description="0: independent links")] = 0.0

    def draw(self, rng: np.random.Generator, receivers: Positions, transmitters: Positions) -> NDArray[np.float64]:
        field = rng.standard_normal((len(receivers), len(transmitters)))
        if self.correlation_distance > 0:
            field = self._root(receivers) @ field @ self._root(transmitters).T
        return np.asarray(self.std_db * field)

    def move(
        self,
        rng: np.random.Generator,
        shadowing: NDArray[np.float64],
        before: tuple[Positions, Positions],
        after: tuple[Positions, Positions],
    ) -> NDArray[np.float64]:
        gone = [np.asarray(np.linalg.norm(new - old, axis=-1)) for old, new in zip(before, after, strict=True)]
        memory = self._correlation(gone[0])[:, None] * self._correlation(gone[1])
        innovation = self.draw(rng, *after)
        return np.asarray(memory * shadowing + np.sqrt(1 - memory**2) * innovation)

    def _correlation(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.correlation_distance == 0:
            return np.where(distance == 0, 1.0, 0.0)
        return np.asarray(np.exp(-distance / self.correlation_distance))

    def _root(self, positions: Positions) -> NDArray[np.float64]:
        """Cholesky's factor of the correlation of positions; the jitter lets two of them coincide."""
        if len(positions) > MOST_CORRELATED:
            raise ConfigError(
                f"shadowing.correlation_distance: {self.correlation_distance} is not valid for {len(positions)} transmitters "
                f"or receivers: correlated shadowing is drawn for at most {MOST_CORRELATED}; 0 lets links be independent"
            )
        correlation = self._correlation(distances(positions, positions))
        return np.asarray(np.linalg.cholesky(correlation + 1e-9 * np.eye(len(positions))), np.float64)
