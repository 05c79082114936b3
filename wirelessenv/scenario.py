"""The radio of a network as one configuration: `Scenario`. Its counterpart for messages is messages/messaging.py.

>>> Scenario(preset="dense", noise=0.5).max_power
10.0
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from wirelessenv.channel.fading import Fading, NoFading, Rayleigh
from wirelessenv.channel.gains import Gains
from wirelessenv.channel.geometry import NoPlacement, Placement, UniformPlacement
from wirelessenv.channel.mobility import Mobility, NoMobility
from wirelessenv.channel.path_loss import NoPathLoss, PathLoss, PowerLaw
from wirelessenv.channel.shadowing import NoShadowing, Shadowing
from wirelessenv.config import (
    LARGEST,
    ConfigError,
    Count,
    Finite,
    NonNegative,
    Number,
    OneOrEach,
    Piece,
    Positive,
    Seed,
    each,
)
from wirelessenv.messages.messaging import Messaging
from wirelessenv.per_agent import PerAgent, at_agents, beside
from wirelessenv.physics.kernels import rate
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.physics.utilities import Rate, Utility
from wirelessenv.presets import MESSAGINGS, SCENARIOS, PresetModel
from wirelessenv.sentences import shown
from wirelessenv.units import AsPower, in_watts

FLOAT32_MAX = float(np.finfo(np.float32).max)
Agents = Annotated[Count, Field(le=10_000)]
"""Every one of them may meet every other."""
Power = Annotated[Finite, AsPower, Field(gt=0, le=FLOAT32_MAX)]
Bands = Annotated[Count, Field(le=1000)]
_GEOMETRY = ("placement", "path_loss", "shadowing", "mobility")
"""the parts of a scenario that gains take the place of"""


FAINT = 1e-3
"""Received power over noise at p_max below which a link is not seen, where nothing else is said."""


def _relative_threshold(given: Mapping[str, Any]) -> dict[str, float]:
    """The threshold that follows from noise and power; none where these cannot be used, which is refused elsewhere."""
    try:
        noise, power = (
            [float(in_watts(one)) for one in (value if isinstance(value, list | tuple | np.ndarray) else [value])]
            for value in (given.get("noise", 1.0), given.get("max_power", 10.0))
        )
        found = math.sqrt(FAINT * min(noise) / max(power))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return {}
    return {"threshold": found} if math.isfinite(found) else {}


LARGE, USUAL_CUT = 100, 0.01
"""Transmitters from which on lists of neighbours are faster than matrices, and the cut that `auto` then is."""


def _no_other_word(cut: Any) -> Any:
    """Refuse words; "auto" has become a number, or nothing, before."""
    try:
        return float(cut) if isinstance(cut, str) else cut
    except ValueError:
        raise ValueError(f"{shown(cut)} is not valid: it should be a number below 1, or auto") from None


class Scenario(PresetModel):
    """The radio network: layout, channel, noise, powers and utilities.

    Gains are power gains |h|^2. The unit of length is free where no law asks for metres, and powers and noise share one; where
    one of them says its unit, as in "-104 dBm", numbers are watts. A user's own `gains` take the place of placement, path loss,
    shadowing and mobility, and of fading where none is asked for.

    With M `bands` of equal width, each has its own fading and noise / M, a transmitter divides max_power among them, and a rate
    is that of the whole bandwidth, (1 / M) sum_b log2(1 + SINR_b) in bit/s/Hz.

    Largest powers, noise, weights and bandwidths may be lists with each agent's own; lists of equal values are that value.
    """

    transmitters: Agents = Field(24, description="m: number of agents")
    receivers: Agents | None = Field(None, description="base stations of an uplink; none: a receiver for each transmitter")
    association: Literal["ad_hoc", "uplink"] = Field(
        "ad_hoc",
        description="who receives: a receiver of each transmitter's own, or the base station with the largest mean gain",
    )
    placement: Placement = Field(UniformPlacement(), description="where transmitters and receivers are")
    path_loss: PathLoss = Field(PowerLaw(), description="how gains fall with distance")
    shadowing: Shadowing = Field(NoShadowing(), description="slow random factors of the gains, one for each link")
    direct_gain_db: Number = Field(0.0, ge=-1000, le=1000, description="antenna gain of direct links alone")
    fading: Fading = Field(Rayleigh(), description="fast random factors of the gains, from slot to slot")
    mobility: Mobility = Field(NoMobility(), description="who moves, and how")
    bands: Bands = Field(
        1, description="M: bands of equal width, with equal shares of the noise; max_power is that of all together"
    )
    band_correlation: Annotated[NonNegative, Field(le=1)] = Field(
        0.0, description="r: the complex fading of bands b and c has the correlation r^|b - c|; 0: independent, 1: the same"
    )
    gains: Gains | None = Field(None, description="a user's own gains, in place of geometry: an array, a file, or a mapping")
    cut: Annotated[Annotated[Positive, Field(lt=1)] | None, BeforeValidator(_no_other_word)] = Field(
        None,
        description="links whose mean received power at p_max is below so many times the noise are cut, and the mean of what "
        "arrives over them added to the noise of their receiver; none: every transmitter meets every receiver; auto: 0.01 from "
        "100 transmitters on, else none",
    )
    noise: OneOrEach[Power] = Field(
        1.0, description='noise power; "-104 dBm" is read as watts; a list: at the receiver of each agent'
    )
    max_power: OneOrEach[Power] = Field(10.0, description="p_max: powers are in [0, max_power]; a list: of each transmitter")
    weights: OneOrEach[Positive] = Field(
        1.0, description="w: an agent's utility is so many times that of the law `utility`; a list: of each agent"
    )
    bandwidth: OneOrEach[Positive] = Field(
        1.0,
        description="B: rates are B log2(1 + SINR), in bit/s/Hz where it is 1; a list: of each agent; noise, gains and powers "
        "are those of the whole link, whatever B is",
    )
    sinr_cap_db: Annotated[Number, Field(ge=-1000, le=1000)] | None = Field(None, description="the largest SINR that counts")
    snr_gap_db: Annotated[Number, Field(ge=0, le=100)] | None = Field(
        None, description="SNR gap of modulation and coding: rates are log2(1 + SINR / gap); none: no gap"
    )
    utility: Utility = Field(Rate(), description="U: what an agent earns in a slot, from its rate and its power")
    hops: Annotated[Count, Field(le=10_000)] = Field(5, description="K: length of the aggregation sequence")
    threshold: NonNegative = Field(
        0.01,
        description="amplitudes |h| below it are not seen by the policies; where it is not given, those of links that p_max "
        "reaches more than 30 dB below the noise: sqrt(0.001 noise / max_power)",
    )
    observation_scale: Literal["raw", "log1p", "log1p_snr"] = Field(
        "raw", description="of the aggregation sequence y: y, ln(1 + y), or ln(1 + y) with amplitudes |h| sqrt(p_max / noise)"
    )
    slot_seconds: Positive = Field(0.025, description="duration of a slot")
    layout: Literal["fixed", "per_episode"] = Field(
        "per_episode", description="in environments: every episode has a layout of its own, or all have that of `layout_seed`"
    )
    layout_seed: Seed = Field(0, description="seed of a fixed layout")

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        return SCENARIOS

    @classmethod
    def _completed(cls, merged: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        if "threshold" not in merged:
            merged = merged | _relative_threshold(merged)
        if merged.get("cut") == "auto":
            agents = merged.get("transmitters", cls.model_fields["transmitters"].default)
            merged = merged | {
                "cut": USUAL_CUT if isinstance(agents, int) and agents >= LARGE and merged.get("bands", 1) == 1 else None
            }
        if merged.get("gains") is None:
            return merged
        gains = merged["gains"] if isinstance(merged["gains"], Gains) else Gains.parse(merged["gains"], "gains")
        follows: dict[str, Any] = {part: "none" for part in (*_GEOMETRY, "fading") if part not in given}
        if "transmitters" not in given:
            follows["transmitters"] = gains.load().shape[-1]
        if "bands" not in given and not gains.unread:
            follows["bands"] = gains.bands
        return merged | follows | {"gains": gains}

    @property
    def sinr_cap(self) -> float:
        """The largest SINR that counts, linear; infinite where there is none."""
        return math.inf if self.sinr_cap_db is None else min(10 ** (self.sinr_cap_db / 10), FLOAT32_MAX)

    @property
    def snr_gap(self) -> float:
        """The SNR gap, linear; 1 where there is none."""
        return 1.0 if self.snr_gap_db is None else float(10 ** (self.snr_gap_db / 10))

    @field_validator("noise", "max_power", "weights", "bandwidth")
    @classmethod
    def _equal_values_are_one(cls, value: Any, info: ValidationInfo) -> Any:
        agents = info.data.get("transmitters")  # none where that is refused itself
        if not isinstance(value, tuple) or agents is None:
            return value
        if len(value) != agents:
            raise ValueError(f"{len(value)} values are not valid for {agents} transmitters: give one, or one for each")
        return value[0] if len(set(value)) == 1 else value

    @model_validator(mode="after")
    def _in_32_bits(self) -> Self:
        smallest = float(np.finfo(np.float32).tiny)
        for name, largest in (("noise", FLOAT32_MAX), ("max_power", LARGEST)):
            for value in each(getattr(self, name)):
                if not smallest <= value <= largest:
                    raise ValueError(f"{name}: {value:g} is not valid: it should be from {smallest:.2g} to {largest:.2g}")
        if self.least_noise / self.bands < smallest:
            raise ValueError(
                f"noise: {self.least_noise:g} is not valid for {self.bands} bands, among which it is split: it is too small"
            )
        if self.most_power / self.least_noise > LARGEST:
            raise ValueError(
                f"max_power: {self.most_power:g} is not valid beside noise {self.least_noise:g}: it is beyond {LARGEST:.2g} "
                "times it"
            )
        return self

    @property
    def p_max(self) -> PerAgent:
        """Largest power of every transmitter: a number, or (m,)."""
        return at_agents(self.max_power)

    @property
    def most_power(self) -> float:
        """The largest power that any transmitter may use."""
        return max(each(self.max_power))

    @property
    def noise_power(self) -> PerAgent:
        """Noise power at the receiver of every agent, of all bands together: a number, or (m,)."""
        return at_agents(self.noise)

    @property
    def least_noise(self) -> float:
        """The smallest noise power of any receiver."""
        return min(each(self.noise))

    def snr(self, near: NeighbourLists | None = None) -> float | NDArray[Any]:
        """p_max over noise, which makes SNRs of gains: a number, or, where one of them is each agent's own, of each link.

        Args:
            near: lists of the links that are not cut; None: none is.

        Returns:
            A number; else (m, m), [receiver, transmitter], or (runs, links) of lists.
        """
        power, noise = self.p_max, self.noise_power
        if isinstance(power, float) and isinstance(noise, float):
            return power / noise
        agents = self.transmitters
        power, noise = np.broadcast_to(power, agents), np.broadcast_to(noise, agents)
        if near is None:
            return np.asarray(power / noise[:, None])
        rows = (near.runs, agents)
        return np.asarray(near.of_transmitters(np.broadcast_to(power, rows)) / near.of_receivers(np.broadcast_to(noise, rows)))

    @property
    def rate_weights(self) -> PerAgent | None:
        """Weights w B of log2(1 + SINR) in the weighted sum of rates: a number, or (m,); None where all are 1."""
        if isinstance(self.weights, float) and isinstance(self.bandwidth, float):
            found = self.weights * self.bandwidth
            return None if found == 1 else found
        return np.asarray(at_agents(self.weights) * at_agents(self.bandwidth))

    @property
    def largest_gain(self) -> float:
        """Gains |h|^2 beyond it count as it: so large that SINRs and received powers, over noise or not, are finite in 32 bits.

        No published setting comes near: it is above 10^27 / m where max_power is at most 10^10 times the noise, and 1.
        """
        power = self.most_power
        return FLOAT32_MAX / (2 * self.transmitters * max(1.0, power, self.bands * power / self.least_noise))

    @model_validator(mode="after")
    def _gains_take_the_place_of_geometry(self) -> Self:
        if self.gains is None:
            return self
        for part in _GEOMETRY:
            if _kind(getattr(self, part)) != "none":
                raise ValueError(
                    f'{part}: "{_kind(getattr(self, part))}" is not valid beside gains, which take its place: leave it out, or '
                    'use "none"'
                )
        if self.association != "ad_hoc":
            raise ValueError('association: "uplink" is not valid beside gains: say gains.association, which knows their shape')
        if not self.gains.unread:
            self.given_gains()
            if self.gains.shared and not isinstance(self.fading, NoFading):
                raise ValueError(
                    f'fading: "{_kind(self.fading)}" is not valid beside gains of base stations: their links would fade apart'
                )
        return self

    def given_gains(self) -> NDArray[np.float32]:
        """The user's own gains, (layouts, slots, m, m), or (layouts, slots, M, m, m) where they have bands.

        Raises:
            ConfigError: where they are not those of this scenario.
        """
        assert self.gains is not None
        gain = self.gains.load()
        if gain.shape[-1] != self.transmitters:
            raise ConfigError(
                f"transmitters: {self.transmitters} is not valid: {self.gains.name} holds the gains of {gain.shape[-1]} "
                "transmitters"
            )
        if self.gains.bands not in (1, self.bands):
            raise ConfigError(
                f"bands: {self.bands} is not valid: {self.gains.name} holds the gains of {self.gains.bands} bands"
            )
        if self.gains.bands < self.bands and isinstance(self.fading, NoFading):
            raise ConfigError(
                f"bands: {self.bands} is not valid: {self.gains.name} has no axis of bands, and without fading all of them "
                "would be the same"
            )
        return gain

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.association == "uplink" and self.receivers is None:
            raise ValueError("receivers: missing: an uplink needs the number of its base stations")
        if self.association == "uplink" and self.receivers is not None and self.receivers >= self.transmitters:
            raise ValueError(
                f"receivers: {self.receivers} is not valid: an uplink has fewer receivers than its "
                f"{self.transmitters} transmitters"
            )
        if self.association == "ad_hoc" and self.receivers not in (None, self.transmitters):
            raise ValueError(
                f"receivers: {self.receivers} is not valid: ad hoc, each of the {self.transmitters} transmitters has its "
                "own; set it to null, or association to uplink"
            )
        if self.association == "uplink" and isinstance(self.placement, NoPlacement):
            raise ValueError('association: "uplink" is not valid without a placement: no base station is nearest')
        if isinstance(self.placement, NoPlacement) != isinstance(self.path_loss, NoPathLoss):
            raise ValueError('path_loss: a path loss needs positions: use kind "none" for both it and placement, or neither')
        if self.association == "uplink" and not self.placement.uplink:
            raise ValueError(
                f'placement: "{_kind(self.placement)}" is not valid for an uplink: it has no base stations to receive'
            )
        return self

    @model_validator(mode="after")
    def _cut_finds_neighbours_by_distance(self) -> Self:
        if self.cut is None:
            return self
        fixed = {"gains": self.gains is None, "association": self.association == "ad_hoc"}
        fixed |= {"placement": not isinstance(self.placement, NoPlacement) and self.placement.antennas(1) is None}
        fixed |= {"shadowing": isinstance(self.shadowing, NoShadowing), "mobility": isinstance(self.mobility, NoMobility)}
        for name, right in fixed.items():
            if not right:
                given = getattr(self, name)
                told = f' "{_kind(given) if isinstance(given, Piece) else given}"' if name != "gains" else ""
                raise ValueError(
                    f"cut: {self.cut:g} is not valid beside {name}{told}: neighbours are found by distance, which serves pairs "
                    'with positions that stand still, without shadowing (placement "uniform" or "pairs", ad hoc)'
                )
        return self

    @model_validator(mode="after")
    def _bands_fade_apart(self) -> Self:
        if self.bands > 1 and self.cut is not None:
            raise ValueError(f"bands: {self.bands} is not valid beside cut: lists of neighbours are those of one band")
        if self.bands == 1 and self.band_correlation:
            raise ValueError(f"band_correlation: {self.band_correlation:g} has no effect on one band: leave it out")
        if 0 < self.band_correlation < 1 and not self.fading.complex_law:
            raise ValueError(
                f'band_correlation: {self.band_correlation:g} is not valid for fading "{_kind(self.fading)}", a law of gains '
                "without complex amplitudes: it should be 0 or 1"
            )
        return self

    @property
    def band_noise(self) -> PerAgent:
        """Noise power in each band at the receiver of every agent: a number, or (m,)."""
        return self.noise_power / self.bands

    def earned(self, sinr: Any, power: Any, agents: Any = None) -> Any:
        """Utilities that agents earn with given SINRs.

        Args:
            sinr: linear, (..., m); of M bands (..., M, m).
            power: transmit powers, likewise.
            agents: whose they are, numbers that broadcast with (..., m); None: those of all, in order.

        Returns:
            Utilities (..., m), of rates of the whole bandwidth and of the powers of all bands together.
        """
        rates = rate(sinr, self.sinr_cap, self.snr_gap)
        rates, power = (rates, power) if self.bands == 1 else (rates.mean(-2), power.sum(-2))
        return self.paid(self.in_bandwidth(rates, agents), power, agents)

    def in_bandwidth(self, rates: Any, agents: Any = None) -> Any:
        """Rates B log2(1 + SINR).

        Args:
            rates: log2(1 + SINR), (..., m).
            agents: as of `earned`.

        Returns:
            Rates (..., m).
        """
        return rates if self.bandwidth == 1 else rates * beside(at_agents(self.bandwidth), rates, agents)

    def paid(self, rates: Any, power: Any, agents: Any = None) -> Any:
        """Utilities of rates and powers, weighted.

        Args:
            rates: B log2(1 + SINR), (..., m).
            power: transmit powers of all bands together, (..., m).
            agents: as of `earned`.

        Returns:
            Utilities (..., m).
        """
        paid = self.utility(rates, power)
        return paid if self.weights == 1 else paid * beside(at_agents(self.weights), paid, agents)

    @property
    def of_one_band(self) -> "Scenario":
        """The same with the noise of one of the bands, where a transmitter may use all its power; itself where there is one."""
        if self.bands == 1:
            return self
        noise = tuple(one / self.bands for one in each(self.noise))
        return self.model_copy(update={"bands": 1, "band_correlation": 0.0, "noise": noise if len(noise) > 1 else noise[0]})

    @property
    def weakest_gain(self) -> float:
        """Mean gain E|h|^2 below which a link is cut, of the loudest transmitter at the quietest receiver; 0: none is."""
        return 0.0 if self.cut is None else self.cut * self.least_noise / self.most_power

    @model_validator(mode="after")
    def _shadowing_and_mobility_have_positions(self) -> Self:
        if isinstance(self.placement, NoPlacement) and not isinstance(self.shadowing, NoShadowing):
            raise ValueError(f'shadowing: "{_kind(self.shadowing)}" is not valid without a placement: it belongs to positions')
        mobile = self.placement.mobile - ({"receivers"} if self.association == "uplink" else set())
        if still := sorted(set(self.mobility.who()) - mobile):
            able = f": with it, {' and '.join(sorted(mobile))} can move" if mobile else ": with it, nobody can move"
            where = f'placement "{_kind(self.placement)}"' + (" in an uplink" if self.association == "uplink" else "")
            raise ValueError(f'mobility: "{_kind(self.mobility)}" of {" and ".join(still)} is not valid for {where}{able}')
        return self


def _kind(piece: Piece) -> str:
    """The name that a piece goes by."""
    return str(type(piece).model_fields["kind"].default)


__all__ = ["MESSAGINGS", "SCENARIOS", "Messaging", "Scenario"]
