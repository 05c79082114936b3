"""Positions of transmitters and receivers, and the receiver that serves each transmitter."""

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import ConfigError, Count, NonNegative, Piece, Positive

Positions = NDArray[np.float64]


MOST_REDRAWS, MOST_DISTANCES = 10_000, 2 * 10**8
"""A layout that has not come right after so many redraws, or distances looked at in them, is taken to be impossible."""


class Placement(Piece):
    """A law of positions, and of where those who move go next."""

    mobile: ClassVar[frozenset[str]] = frozenset()
    """The parties that can move, "transmitters" or "receivers"."""
    uplink: ClassVar[bool] = True
    """True where receivers can be base stations that belong to no transmitter."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        """Draw the positions of a layout.

        Args:
            rng: the random generator to draw from.
            transmitters: the number m.
            receivers: the number n; None: one of its own for each transmitter.

        Returns:
            Positions (m, 2) of the transmitters and (n, 2) of the receivers, in the scenario's unit of length.

        Raises:
            ConfigError: where the settings leave no place.
        """

    def antennas(self, transmitters: int) -> NDArray[np.intp] | None:
        """The antenna that each transmitter uses, (m,); None: everybody has one of its own.

        Transmitters of one antenna share its position and its channels. Antennas are numbered from 0 without a gap.
        """
        return None

    def outlines(self) -> Positions | None:
        """Corners of the cells, (cells, corners, 2), for a map; None where there are none."""
        return None

    def waypoints(self, rng: np.random.Generator, who: str, count: int, transmitters: int) -> Positions:
        """Draw the next places of those who move.

        Transmitters find their way on the map; a receiver moves relative to its own transmitter, which it follows.

        Args:
            rng: the random generator to draw from.
            who: "transmitters" or "receivers".
            count: the number of them that need a place.
            transmitters: the number m.

        Returns:
            Places (count, 2), in the scenario's unit of length.

        Raises:
            ConfigError: where this placement does not say.
        """
        raise ConfigError(f'placement: "{type(self).model_fields["kind"].default}" does not say where {who} could go')


class UniformPlacement(Placement):
    """Transmitters uniform in a square, each receiver uniform in a smaller square about its transmitter.

    With m transmitters the square is [-half_width m, half_width m]^2 and a receiver lies within +- receiver_offset m of
    its transmitter in each coordinate, so that the density falls as 1/m (Behmandpoor et al., 2024, Section VIII). Base
    stations, which belong to no transmitter, are uniform in the large square.

    With a `density` rho the area grows as m instead, and links keep their lengths: the square has the area m / rho, and
    receiver_offset m0 takes the place of receiver_offset m, where m0 = 1 / (4 half_width^2 rho) is the number of transmitters
    that have this density in the square above.
    """

    kind: Literal["uniform"] = "uniform"
    half_width: Positive = 1.0
    receiver_offset: Positive = 0.25
    density: Positive | None = Field(
        None, description="transmitters in a unit of area, whatever m is; none: 1 / (4 half_width^2 m), which falls with m"
    )
    mobile: ClassVar[frozenset[str]] = frozenset({"transmitters", "receivers"})

    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        side, offset = self._reaches(transmitters)
        placed = rng.uniform(-side, side, (transmitters, 2))
        if receivers is None:
            return placed, placed + rng.uniform(-offset, offset, (transmitters, 2))
        return placed, rng.uniform(-side, side, (receivers, 2))

    def waypoints(self, rng: np.random.Generator, who: str, count: int, transmitters: int) -> Positions:
        side, offset = self._reaches(transmitters)
        reach = side if who == "transmitters" else offset
        return rng.uniform(-reach, reach, (count, 2))

    def _reaches(self, transmitters: int) -> tuple[float, float]:
        """Half the side of the square, and the largest offset of a receiver."""
        if self.density is None:
            return self.half_width * transmitters, self.receiver_offset * transmitters
        return math.sqrt(transmitters / self.density) / 2, self.receiver_offset / (4 * self.half_width**2 * self.density)


class PairPlacement(Placement):
    """Transmitters uniform in a square [0, side]^2; each receiver at a uniform distance and angle from its own.

    A receiver is redrawn, with a distance and an angle of its own, until it is inside the square and at least
    `smallest_cross` away from every other transmitter; given the transmitters this is the law of redrawing all receivers
    until all of them are. The defaults are those of Shen et al., Graph Neural Networks for Scalable Radio Resource
    Management (2021), in metres.

    Those who move keep the laws of the square and of the link, not those of neighbours: on its way a receiver may leave the
    square by less than `longest_link`, or be nearer to a transmitter than the smallest distances.
    """

    kind: Literal["pairs"] = "pairs"
    side: Positive = 1000.0
    shortest_link: NonNegative = 2.0
    longest_link: Positive = 65.0
    smallest_cross: NonNegative = 1.0
    mobile: ClassVar[frozenset[str]] = frozenset({"transmitters", "receivers"})
    uplink: ClassVar[bool] = False

    @model_validator(mode="after")
    def _links_fit(self) -> Self:
        if not self.shortest_link <= self.longest_link <= self.side / 2:
            raise ValueError(
                f"longest_link: {self.longest_link} is not valid: it should be from shortest_link {self.shortest_link} to half "
                f"of side {self.side}"
            )
        return self

    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        placed = rng.uniform(0, self.side, (transmitters, 2))
        found = np.empty_like(placed)
        missing, looked_at = np.arange(transmitters), 0
        for redraw in range(MOST_REDRAWS):
            looked_at += missing.size * transmitters
            if redraw and looked_at > MOST_DISTANCES:
                break
            found[missing] = placed[missing] + self._offsets(rng, missing.size)
            apart = distances(found[missing], placed)
            apart[np.arange(missing.size), missing] = np.inf
            inside = ((found[missing] >= 0) & (found[missing] <= self.side)).all(axis=1)
            missing = missing[~inside | (apart.min(axis=1) < self.smallest_cross)]
            if not missing.size:
                return placed, found
        raise ConfigError(
            f"placement.smallest_cross: {self.smallest_cross} is not valid: {transmitters} transmitters in a square of side "
            f"{self.side} leave some receiver no place so far from all the others"
        )

    def waypoints(self, rng: np.random.Generator, who: str, count: int, transmitters: int) -> Positions:
        return rng.uniform(0, self.side, (count, 2)) if who == "transmitters" else self._offsets(rng, count)

    def _offsets(self, rng: np.random.Generator, count: int) -> Positions:
        length = rng.uniform(self.shortest_link, self.longest_link, count)
        angle = rng.uniform(0, 2 * math.pi, count)
        return np.stack([length * np.cos(angle), length * np.sin(angle)], axis=-1)


class HexagonalPlacement(Placement):
    """A downlink: base stations in the middle of hexagonal cells, users uniform in theirs, `smallest_distance` away from it.

    Cells lie in rings around the first, which is at the origin. `inner_radius` R is the radius of a cell's inscribed circle:
    neighbouring base stations are 2R apart, a cell's corners 2R / sqrt(3) from its middle. Link i belongs to cell i modulo
    `cells`, so that links are dealt to cells in turn; its transmitter is the cell's base station, whose antenna and channels
    all links of the cell share, and its receiver a user of its own. Users who move stay in their cell, and may pass their
    base station nearer than `smallest_distance`. The defaults are those of Nasir and Guo, Deep Actor-Critic Learning for
    Distributed Power Control in Wireless Mobile Networks (2020), in metres.
    """

    kind: Literal["hexagonal"] = "hexagonal"
    cells: Annotated[Count, Field(le=10_000)] = 10
    inner_radius: Positive = 400.0
    smallest_distance: NonNegative = 35.0
    mobile: ClassVar[frozenset[str]] = frozenset({"receivers"})
    uplink: ClassVar[bool] = False

    @model_validator(mode="after")
    def _users_have_room(self) -> Self:
        if self.smallest_distance >= self.inner_radius:
            raise ValueError(
                f"smallest_distance: {self.smallest_distance} is not valid: it should be less than inner_radius "
                f"{self.inner_radius}"
            )
        return self

    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        stations = self.stations()[np.arange(transmitters) % self.cells]
        return stations, stations + self._users(rng, transmitters)

    def antennas(self, transmitters: int) -> NDArray[np.intp] | None:
        """The cell of each link; cells beyond the number of links have none, and stay silent."""
        return np.arange(transmitters) % self.cells

    def waypoints(self, rng: np.random.Generator, who: str, count: int, transmitters: int) -> Positions:
        return self._users(rng, count)

    def outlines(self) -> Positions:
        angles = np.arange(6) * (math.pi / 3) + math.pi / 6
        corners = 2 * self.inner_radius / math.sqrt(3) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        return self.stations()[:, None] + corners

    def stations(self) -> Positions:
        """The base stations, (cells, 2): ring by ring, each from its easternmost cell on, anticlockwise."""
        angles = np.arange(6) * (math.pi / 3)
        steps = 2 * self.inner_radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        found, ring = [np.zeros(2)], 0
        while len(found) < self.cells:
            ring += 1
            place = ring * steps[0]
            for side in range(6):
                for _ in range(ring):
                    found.append(place)
                    place = place + steps[(side + 2) % 6]
        return np.array(found[: self.cells])

    def _users(self, rng: np.random.Generator, count: int) -> Positions:
        """Offsets from the base station, uniform in the hexagon less the disc about its middle."""
        angles = np.arange(3) * (math.pi / 3)
        normals = np.stack([np.cos(angles), np.sin(angles)])  # of the three pairs of sides
        corner = 2 * self.inner_radius / math.sqrt(3)
        users = np.empty((count, 2))
        missing = np.arange(count)
        while missing.size:
            users[missing] = rng.uniform(-1, 1, (missing.size, 2)) * [self.inner_radius, corner]
            outside = (np.abs(users[missing] @ normals) > self.inner_radius).any(axis=1)
            near = np.linalg.norm(users[missing], axis=1) < self.smallest_distance
            missing = missing[outside | near]
        return users


class NoPlacement(Placement):
    """No geometry: every link has the same mean gain. Positions are NaN, so that nothing can use them by mistake."""

    kind: Literal["none"] = "none"
    uplink: ClassVar[bool] = False

    def draw(self, rng: np.random.Generator, transmitters: int, receivers: int | None) -> tuple[Positions, Positions]:
        return np.full((transmitters, 2), np.nan), np.full((receivers or transmitters, 2), np.nan)


def distances(
    receivers: Float[np.ndarray, "*runs rx 2"], transmitters: Float[np.ndarray, "*runs tx 2"]
) -> Float[np.ndarray, "*runs rx tx"]:
    """Euclidean distances between receivers and transmitters.

    Args:
        receivers: positions (..., n, 2).
        transmitters: positions (..., m, 2), in the same unit of length.

    Returns:
        Distances (..., n, m), [receiver, transmitter], in that unit.
    """
    return np.asarray(np.linalg.norm(receivers[..., :, None, :] - transmitters[..., None, :, :], axis=-1))


def serving_receiver(gain: Float[np.ndarray, "*runs rx tx"], association: Literal["ad_hoc", "uplink"]) -> NDArray[np.intp]:
    """The serving receiver r(i) of each transmitter i: receiver i itself, or that with the largest mean gain.

    In an uplink where the gain falls with distance the latter is the nearest base station (Behmandpoor et al., 2024, Section
    II).

    Args:
        gain: mean gains (..., n, m), linear, [receiver, transmitter].
        association: "ad_hoc" or "uplink".

    Returns:
        The receivers r(i), (..., m).
    """
    if association == "ad_hoc":
        return np.broadcast_to(np.arange(gain.shape[-1]), (*gain.shape[:-2], gain.shape[-1]))
    return np.asarray(np.argmax(gain, axis=-2))
