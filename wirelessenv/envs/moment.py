"""The moment of an observation: between two slots, before the actions of the next one."""

from typing import Any, NamedTuple

import numpy as np

from wirelessenv.arrays import Floats
from wirelessenv.physics.kernels import rate
from wirelessenv.physics.loudest import Loudest
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.scenario import Scenario


class PastSlot(NamedTuple):
    """A slot that is over, in every environment of a batch."""

    gain: Floats
    """(E, m, m), of M bands (E, M, m, m); where links are cut (E, links), as in `NeighbourLists`"""
    cross: Floats
    """gain with a zero diagonal; (E, links): 0 in the places of direct links"""
    power: Floats
    """(E, m); of M bands (E, M, m)"""
    sinr: Floats
    """likewise, linear"""
    rate: Floats
    """(E, m), bit/s/Hz of the whole bandwidth"""
    utility: Floats
    """(E, m)"""

    @classmethod
    def never(cls, environments: int, scenario: Scenario, near: NeighbourLists | None = None) -> "PastSlot":
        """The slot before the first one: nothing was sent and nothing received.

        Args:
            environments: the number E.
            scenario: of them.
            near: lists of the links that are not cut; None: none is.

        Returns:
            Zeros of all shapes.
        """
        agents, bands = scenario.transmitters, (scenario.bands,) if scenario.bands > 1 else ()
        links = (*bands, agents, agents) if near is None else (near.links,)
        shapes = (links, (*bands, agents), (agents,))
        gains, each, row = (np.zeros((environments, *shape), np.float32) for shape in shapes)
        return cls(gains, gains, each, each, row, row)

    def each_band(self, scenario: Scenario) -> "PastSlot":
        """The slot in each of M bands, (E M, ...), as one of scenarios of one band; rates are those of a band."""
        gain, cross, power, sinr = (_joined(part) for part in self[:4])
        return PastSlot(
            gain,
            cross,
            power,
            sinr,
            scenario.in_bandwidth(rate(sinr, scenario.sinr_cap, scenario.snr_gap)),
            np.repeat(self.utility, scenario.bands, axis=0),
        )


class Moment(NamedTuple):
    """All that observations and rewards may look at, for E environments of m agents."""

    scenario: Scenario
    gain: Floats
    """|h|^2 of the coming slot, (E, m, m) [receiver, transmitter], of M bands (E, M, m, m); where links are cut (E, links), as
    in `near`"""
    features: Floats
    """its aggregation sequence, (E, m, K); of M bands (E, m, M K)"""
    last: PastSlot
    """the slot before"""
    before_last: PastSlot
    known: Floats | None = None
    """[i, k]: the newest numbers that i knows of agent (i + k) mod m, (E, m, m, size), or, where links are cut, of those near
    it, (E, m, places, size); itself at k = 0; None without messages"""
    ages: Floats | None = None
    """their ages in slots, (E, m, m) or (E, m, places); -1 where nothing is known"""
    mean_gain: Floats | None = None
    """E|h|^2 of the layouts, (E, m, m) [receiver, transmitter]; None where no part of an observation needs it"""
    near: NeighbourLists | None = None
    """Lists of the links that are not cut; None where none is."""
    loudest: Loudest | None = None
    """neighbours of every agent with the loudest mean gains, as many as somebody looks at; None where nobody does"""

    @classmethod
    def without_past(cls, scenario: Scenario, gain: Floats, features: Floats, near: NeighbourLists | None = None) -> "Moment":
        """The moments before some slots, for observations that look at the coming slot alone.

        Args:
            scenario: of the network.
            gain: |h|^2 of the slots, (E, m, m); of M bands (E, M, m, m).
            features: their aggregation sequences, (E, m, K); of M bands (E, m, M K).
            near: lists of the links that are not cut; None: none is.

        Returns:
            Moments in which nothing was ever sent.
        """
        row = features.shape[:2]
        each = (row[0], scenario.bands, row[1]) if scenario.bands > 1 else row
        never = PastSlot(*(np.broadcast_to(np.float32(0), shape) for shape in 2 * [gain.shape] + 2 * [each] + 2 * [row]))
        return cls(scenario, gain, features, never, never, near=near)

    def each_band(self) -> "Moment":
        """The same moment in each of M bands, as E M environments of one band with its share of the noise.

        What does not differ from band to band is repeated: utilities, numbers that were heard, and mean gains.
        """
        bands, (environments, agents, _) = self.scenario.bands, self.features.shape
        features = self.features.reshape(environments, agents, bands, -1).swapaxes(1, 2)
        known, ages, mean = (
            None if part is None else np.repeat(part, bands, axis=0) for part in (self.known, self.ages, self.mean_gain)
        )
        return Moment(
            self.scenario.of_one_band,
            _joined(self.gain),
            _joined(features),
            self.last.each_band(self.scenario),
            self.before_last.each_band(self.scenario),
            known,
            ages,
            mean,
            loudest=None if self.loudest is None else Loudest(*(np.repeat(part, bands, axis=0) for part in self.loudest)),
        )

    def wanted(self, gain: Floats) -> Floats:
        """Gains of direct links, (E, m), of gains as of the coming slot."""
        if self.near is None:
            return np.asarray(np.einsum("eii->ei", gain))
        return np.asarray(np.take_along_axis(gain, self.near.own, -1))

    def crossing(self, gain: Floats) -> Floats:
        """Cross gains, of gains as of the coming slot: 0 where a link is direct."""
        if self.near is None:
            return np.asarray(gain * (1 - np.eye(gain.shape[-1], dtype=np.float32)))
        return np.asarray(self.near.split(gain[:, None])[1][:, 0])

    def received(self, cross: Floats, power: Floats) -> Floats:
        """Interference at each receiver, sum_j g_ij p_j.

        Args:
            cross: cross gains, (E, m, m) or (E, links).
            power: of all transmitters, (E, m).

        Returns:
            Received powers, (E, m).
        """
        if self.near is None:
            return np.asarray((cross @ power[..., None])[..., 0])
        return np.asarray(self.near.received(cross[:, None], power[:, None])[:, 0])

    def at_limits(self, gain: Floats) -> Floats:
        """Gains of all links, as of the coming slot, as `snr` takes them.

        They are the gains, or, where p_max or noise are each agent's own, g_ij p_j / noise_i.
        """
        ratio = self.scenario.snr(self.near)
        return gain if isinstance(ratio, float) else np.asarray(gain * ratio.astype(np.float32))

    def snr(self, gain: Any) -> Any:
        """ln(1 + gain p_max / noise), of gains `at_limits`: from 0 to very large ones on a scale that learns well."""
        ratio = self.scenario.snr()
        return np.log1p(gain * np.float32(ratio)) if isinstance(ratio, float) else np.log1p(gain)

    def over_noise(self, power: Floats) -> Floats:
        """Received powers of all links, (E, m, m) or (E, links), as `level` takes them.

        They are the powers, or, where noise is each agent's own, over that of their receivers.
        """
        noise = self.scenario.noise_power
        if isinstance(noise, float):
            return power
        quiet = (1 / noise).astype(np.float32)
        if self.near is None:
            return np.asarray(power * quiet[:, None])
        return np.asarray(power * self.near.of_receivers(np.broadcast_to(quiet, (self.near.runs, self.near.agents))))

    def level(self, power: Any) -> Any:
        """ln(1 + power / noise) of received powers, of links `over_noise`."""
        noise = self.scenario.noise_power
        return np.log1p(power * np.float32(1 / noise)) if isinstance(noise, float) else np.log1p(power)


def _joined(values: Floats) -> Floats:
    """Numbers (E, M, ...) of M bands as those of E M environments."""
    return values.reshape(-1, *values.shape[2:])
