"""The moment of an observation: between two slots, before the actions of the next one."""

from typing import Any, NamedTuple

import numpy as np

from wirelessenv.arrays import Floats
from wirelessenv.scenario import Scenario


class PastSlot(NamedTuple):
    """A slot that is over, in every environment of a batch."""

    gain: Floats
    """(E, m, m)"""
    cross: Floats
    """(E, m, m): gain with a zero diagonal."""
    power: Floats
    """(E, m)"""
    sinr: Floats
    """(E, m), linear"""
    rate: Floats
    """(E, m), bit/s/Hz"""
    utility: Floats
    """(E, m)"""

    @classmethod
    def never(cls, environments: int, agents: int) -> "PastSlot":
        """The slot before the first one: nothing was sent and nothing received.

        Args:
            environments: the number E.
            agents: the number m.

        Returns:
            Zeros of all shapes.
        """
        matrix, row = np.zeros((environments, agents, agents), np.float32), np.zeros((environments, agents), np.float32)
        return cls(matrix, matrix, row, row, row, row)


class Moment(NamedTuple):
    """All that observations and rewards may look at, for E environments of m agents."""

    scenario: Scenario
    gain: Floats
    """|h|^2 of the coming slot, (E, m, m) [receiver, transmitter]"""
    features: Floats
    """its aggregation sequence, (E, m, K)"""
    last: PastSlot
    """the slot before"""
    before_last: PastSlot
    known: Floats | None = None
    """[i, k]: the newest numbers that i knows of agent (i + k) mod m, (E, m, m, size); None without messages"""
    ages: Floats | None = None
    """their ages in slots, (E, m, m); -1 where nothing is known"""
    mean_gain: Floats | None = None
    """E|h|^2 of the layouts, (E, m, m) [receiver, transmitter]; None where no part of an observation needs it"""

    @classmethod
    def without_past(cls, scenario: Scenario, gain: Floats, features: Floats) -> "Moment":
        """The moments before some slots, for observations that look at the coming slot alone.

        Args:
            scenario: of the network.
            gain: |h|^2 of the slots, (E, m, m).
            features: their aggregation sequences, (E, m, K).

        Returns:
            Moments in which nothing was ever sent.
        """
        never = PastSlot(*(np.broadcast_to(np.float32(0), shape) for shape in 2 * [gain.shape] + 4 * [gain.shape[:2]]))
        return cls(scenario, gain, features, never, never)

    def snr(self, gain: Any) -> Any:
        """ln(1 + gain p_max / noise): gains from 0 to very large ones on a scale that learns well."""
        return np.log1p(gain * np.float32(self.scenario.max_power / self.scenario.noise))

    def level(self, power: Any) -> Any:
        """ln(1 + power / noise) of received powers."""
        return np.log1p(power * np.float32(1 / self.scenario.noise))
