"""Motion of transmitters and receivers over time."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.channel.geometry import Positions
from wirelessenv.config import ConfigError, Count, NonNegative, Piece, Positive

Waypoints = Callable[[int], Positions]
"""Draws so many places to go to, (count, 2)."""
MOST_LEGS = 10_000
"""between two changes of position"""


class Mobility(Piece):
    """A law of motion. Positions change at intervals of some slots, and mean gains with them."""

    @abstractmethod
    def interval(self) -> int | None:
        """Slots between two changes of position; None: nothing ever moves."""

    @abstractmethod
    def who(self) -> tuple[str, ...]:
        """Which of "transmitters" and "receivers" move."""

    @abstractmethod
    def begin(self, rng: np.random.Generator, count: int, waypoints: Waypoints) -> dict[str, NDArray[Any]]:
        """Memory of walkers who are about to set out.

        Args:
            rng: the random generator to draw from.
            count: the number of walkers.
            waypoints: draws so many places to go to, (count, 2).

        Returns:
            Arrays by name, of `count` rows each, for `move`.
        """

    @abstractmethod
    def move(
        self,
        rng: np.random.Generator,
        positions: Positions,
        memory: dict[str, NDArray[Any]],
        seconds: float,
        waypoints: Waypoints,
    ) -> tuple[Positions, dict[str, NDArray[Any]]]:
        """Positions of walkers some time later; what was given is left as it is.

        Args:
            rng: the random generator to draw from.
            positions: (count, 2), in the unit of length.
            memory: what `begin` or the last `move` returned.
            seconds: the time that passes, in seconds.
            waypoints: draws so many places to go to, (count, 2).

        Returns:
            Positions (count, 2) then, and the memory for the next call.

        Raises:
            ConfigError: where the walk has too many legs.
        """


class NoMobility(Mobility):
    """Everybody stays where the layout has them."""

    kind: Literal["none"] = "none"

    def interval(self) -> int | None:
        return None

    def who(self) -> tuple[str, ...]:
        return ()

    def begin(self, rng: np.random.Generator, count: int, waypoints: Waypoints) -> dict[str, NDArray[Any]]:
        return {}

    def move(
        self,
        rng: np.random.Generator,
        positions: Positions,
        memory: dict[str, NDArray[Any]],
        seconds: float,
        waypoints: Waypoints,
    ) -> tuple[Positions, dict[str, NDArray[Any]]]:
        return positions, memory


class RandomWaypoint(Mobility):
    """Walk straight to a random place at a random speed, rest there, and again (Johnson and Maltz, 1996).

    The speed of each leg is uniform in [slowest, fastest], in units of length a second (m/s where the layout is in metres);
    the placement says where one can go. A receiver of an ad hoc or cellular network belongs to its transmitter: it moves
    relative to it, and goes along where that moves. Positions are those of the layout in the first slot, and change every
    `update_slots` slots. The law of positions tends to one that is denser in the middle than a uniform one, and slow legs
    take longer, so that the mean speed over time is below the mean of the speeds; hence `slowest` is above 0.
    """

    kind: Literal["random_waypoint"] = "random_waypoint"
    slowest: Positive = 0.5
    fastest: Positive = 1.5
    pause: Annotated[NonNegative, Field(description="seconds of rest at each place")] = 0.0
    update_slots: Annotated[Count, Field(description="slots between two changes of position")] = 20
    moves: Literal["transmitters", "receivers", "both"] = "both"

    @model_validator(mode="after")
    def _speeds_fit(self) -> Self:
        if self.slowest > self.fastest:
            raise ValueError(f"slowest: {self.slowest} is not valid: it should be at most fastest {self.fastest}")
        return self

    def interval(self) -> int | None:
        return self.update_slots

    def who(self) -> tuple[str, ...]:
        return ("transmitters", "receivers") if self.moves == "both" else (self.moves,)

    def begin(self, rng: np.random.Generator, count: int, waypoints: Waypoints) -> dict[str, NDArray[Any]]:
        return {"target": waypoints(count), "speed": self._speeds(rng, count), "rest": np.zeros(count)}

    def _speeds(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        return rng.uniform(self.slowest, self.fastest, count)

    def move(
        self,
        rng: np.random.Generator,
        positions: Positions,
        memory: dict[str, NDArray[Any]],
        seconds: float,
        waypoints: Waypoints,
    ) -> tuple[Positions, dict[str, NDArray[Any]]]:
        positions = positions.copy()
        target, speed, rest = (memory[name].copy() for name in ("target", "speed", "rest"))
        left = np.full(len(positions), float(seconds))
        for _ in range(MOST_LEGS):
            resting = np.minimum(rest, left)
            rest, left = rest - resting, left - resting
            way = target - positions
            length = np.linalg.norm(way, axis=1)
            needed = length / speed
            arrived = (left > 0) & (needed <= left)
            going = (left > 0) & ~arrived
            positions[going] += way[going] * (left[going] / needed[going])[:, None]
            if not arrived.any():
                return positions, {"target": target, "speed": speed, "rest": rest}
            positions[arrived] = target[arrived]
            left[going], left[arrived] = 0.0, left[arrived] - needed[arrived]
            target[arrived] = waypoints(int(arrived.sum()))
            speed[arrived] = self._speeds(rng, int(arrived.sum()))
            rest[arrived] = self.pause
        raise ConfigError(
            f"mobility.fastest: {self.fastest} is not valid: walkers reach {MOST_LEGS} places between two changes of position"
        )
