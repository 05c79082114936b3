"""Utilities, the pay of an agent for a slot: a function of its rate and its power, numpy or torch alike."""

from abc import abstractmethod
from typing import Annotated, Literal

from array_api_compat import array_namespace
from jaxtyping import Float
from pydantic import Field

from wirelessenv.arrays import Array
from wirelessenv.config import NonNegative, Piece, Positive


class Utility(Piece):
    """Base class of utilities; larger is better."""

    @abstractmethod
    def __call__(self, rate: Float[Array, "*batch m"], power: Float[Array, "*#batch m"]) -> Float[Array, "*batch m"]:
        """The utility of every agent.

        Args:
            rate: rates in bit/s/Hz, (..., m).
            power: transmit powers, (..., m).

        Returns:
            Utilities in the unit of this law, (..., m).
        """


class Rate(Utility):
    """U = R: the rate itself, in bit/s/Hz."""

    kind: Literal["rate"] = "rate"

    def __call__(self, rate: Float[Array, "*batch m"], power: Float[Array, "*#batch m"]) -> Float[Array, "*batch m"]:
        return rate


class ProportionalFairness(Utility):
    """U = ln(R + floor): the sum over agents is the proportional-fair objective of one slot; `floor` keeps it finite."""

    kind: Literal["proportional_fairness"] = "proportional_fairness"
    floor: Positive = 1e-3

    def __call__(self, rate: Float[Array, "*batch m"], power: Float[Array, "*#batch m"]) -> Float[Array, "*batch m"]:
        return array_namespace(rate).log(rate + self.floor)


class EnergyEfficiency(Utility):
    """U = R / (p / amplifier_efficiency + circuit_power): bit/s/Hz for each unit of consumed power."""

    kind: Literal["energy_efficiency"] = "energy_efficiency"
    amplifier_efficiency: Annotated[Positive, Field(ge=1e-6)] = 1.0
    circuit_power: Positive = 1.0

    def __call__(self, rate: Float[Array, "*batch m"], power: Float[Array, "*#batch m"]) -> Float[Array, "*batch m"]:
        return rate / (power / self.amplifier_efficiency + self.circuit_power)


class Latency(Utility):
    """U = -min(packet / R, longest): minus the time to send `packet` bit/Hz, in seconds, at most `longest`."""

    kind: Literal["latency"] = "latency"
    packet: Annotated[Positive, Field(ge=1e-10, le=1e10)] = 1.0
    longest: Annotated[Positive, Field(ge=1e-10, le=1e10)] = 100.0

    def __call__(self, rate: Float[Array, "*batch m"], power: Float[Array, "*#batch m"]) -> Float[Array, "*batch m"]:
        return -self.packet / array_namespace(rate).clip(rate, self.packet / self.longest)


class MinimumRate(Utility):
    """U = R - weight max(0, minimum - R): the rate, with a penalty for every bit/s/Hz below a minimum."""

    kind: Literal["minimum_rate"] = "minimum_rate"
    minimum: Annotated[Positive, Field(le=1e6)] = 0.5
    weight: NonNegative = 1.0

    def __call__(self, rate: Float[Array, "*batch m"], power: Float[Array, "*#batch m"]) -> Float[Array, "*batch m"]:
        return rate - self.weight * array_namespace(rate).clip(self.minimum - rate, 0.0)
