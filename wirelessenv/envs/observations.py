"""Observations of agents. A new one is a subclass of `Observation` with a kind of its own."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError, Count, Piece
from wirelessenv.envs.link_places import Everybody, Listed
from wirelessenv.envs.moment import Moment
from wirelessenv.messages.channel import own_order
from wirelessenv.physics.loudest import at_places
from wirelessenv.scenario import Scenario


class Observation(Piece):
    """A part of what agents observe before the actions of a slot; an environment joins as many parts as it is given."""

    lowest: ClassVar[float] = 0.0
    """No number is below it."""
    of_lists: ClassVar[bool] = False
    """True where it can look at lists of neighbours, which there are where a scenario cuts links."""

    @property
    def looks_back(self) -> bool:
        """True where it may look at slots that are over, and so at powers that were chosen there."""
        return True

    @property
    def needs_mean_gain(self) -> bool:
        """True where it looks at the mean gains of the layout."""
        return False

    @property
    def loudest(self) -> int:
        """The number of loudest neighbours that it looks at."""
        return 0

    @abstractmethod
    def size(self, scenario: Scenario) -> int:
        """The number of values for each agent, in one band."""

    @abstractmethod
    def observe(self, now: Moment) -> Floats:
        """The numbers, (E, m, size) float32, finite, in one band."""

    def width(self, scenario: Scenario) -> int:
        """The number of values for each agent in all bands."""
        return scenario.bands * self.size(scenario)

    def seen(self, now: Moment, each_band: Callable[[], Moment]) -> Floats:
        """The numbers in all bands, one band after the other, (E, m, width): that of one alone in each.

        Args:
            now: the moment.
            each_band: gives it in each band.

        Returns:
            The numbers.
        """
        bands = now.scenario.bands
        if bands == 1:
            return self.observe(now)
        each = self.observe(each_band())  # (E M, m, size)
        environments, agents = now.features.shape[:2]
        return each.reshape(environments, bands, agents, -1).swapaxes(1, 2).reshape(environments, agents, -1)


def seen_by(parts: Sequence[Observation], now: Moment) -> list[Floats]:
    """The numbers of each part of an observation, in all bands.

    Args:
        parts: that an observation is joined of.
        now: the moment.

    Returns:
        Numbers of each part, (E, m, width).
    """
    each_band = cache(now.each_band)  # once for all parts
    return [part.seen(now, each_band) for part in parts]


def refuse_without_lists(scenario: Scenario, observation: Sequence[Observation]) -> None:
    """Refuse an observation of all links where links are cut.

    Args:
        scenario: the radio network.
        observation: the parts that an observation is joined of.

    Raises:
        ConfigError: where there is a cut, and a part needs all links.
    """
    for one in observation if scenario.cut is not None else ():
        if isinstance(one, Edges) and one.strongest is None:
            raise ConfigError(
                "observation.strongest: missing: with scenario.cut edges are those of so many neighbours, the loudest ones"
            )
        if not one.of_lists:
            kinds = ", ".join(sorted(name for name, kind in Observation.kinds.items() if getattr(kind, "of_lists", False)))
            raise ConfigError(
                f'observation: "{one.dump()["kind"]}" is not valid with scenario.cut: it looks at all channels, and with a cut '
                f"there are lists of neighbours: use {kinds}"
            )


class Aggregation(Observation):
    """The aggregation sequence of the slot in which the action will be used, K numbers (Behmandpoor et al., 2024, VIII).

    Where a scenario cuts links, its lists of neighbours define the sequence: nothing is exchanged over a link that is cut. That
    of all links is near with a cut of 0.001 or less.
    """

    kind: Literal["aggregation"] = "aggregation"
    of_lists = True

    @property
    def looks_back(self) -> bool:
        return False

    def size(self, scenario: Scenario) -> int:
        return scenario.hops

    def observe(self, now: Moment) -> Floats:
        return now.features

    def seen(self, now: Moment, each_band: Callable[[], Moment]) -> Floats:
        return now.features  # band by band already


class Local(Observation):
    """Measurements that an agent makes alone: four numbers.

    Its own channel in the coming slot, ln(1 + g_ii p_max / noise); in the last slot the interference at its receiver,
    ln(1 + I / noise), its power p / p_max, and its rate in bit/s/Hz.
    """

    kind: Literal["local"] = "local"
    of_lists = True

    def size(self, scenario: Scenario) -> int:
        return 4

    def observe(self, now: Moment) -> Floats:
        last = now.last
        interference = now.received(now.over_noise(last.cross), last.power)
        power = last.power / np.float32(now.scenario.p_max)
        own = now.snr(now.wanted(now.at_limits(now.gain)))
        return np.stack([own, now.level(interference), power, last.rate], axis=-1)


ChannelTime = Annotated[
    Literal["now", "mean"], Field(description="now: of the coming slot; mean: on average over the fading, E[g] in place of g")
]


class Gain(Observation):
    """An agent's own channel, one number: ln(1 + g_ii p_max / noise)."""

    kind: Literal["gain"] = "gain"
    of_lists = True
    source: ChannelTime = "now"

    @property
    def looks_back(self) -> bool:
        return self.source != "now"

    @property
    def needs_mean_gain(self) -> bool:
        return self.source == "mean"

    def size(self, scenario: Scenario) -> int:
        return 1

    def observe(self, now: Moment) -> Floats:
        gain = now.mean_gain if self.source == "mean" else now.gain
        assert gain is not None, "needs_mean_gain says so"
        return np.asarray(now.snr(now.wanted(now.at_limits(gain))))[..., None]


Source = Annotated[
    Literal["powers", "pilots", "mean"],
    Field(
        description="powers: those of the last slot; pilots: p_max from everybody, in the coming slot; mean: p_max from "
        "everybody, on average over the fading"
    ),
]


class Incoming(Observation):
    """The interference I at an agent's own receiver, one number: ln(1 + I / noise).

    With `powers`, I = sum over j of g_ij p_j in the last slot, which the receiver has measured; with `pilots`, of g_ij p_max in
    the coming slot, which it measures while others send pilots; with `mean`, of E[g_ij] p_max, measured over a long time.
    """

    kind: Literal["incoming"] = "incoming"
    of_lists = True
    source: Source = "powers"

    @property
    def looks_back(self) -> bool:
        return self.source != "pilots"

    @property
    def needs_mean_gain(self) -> bool:
        return self.source == "mean"

    def size(self, scenario: Scenario) -> int:
        return 1

    def observe(self, now: Moment) -> Floats:
        cross, power = _crossing(now, self.source)
        arriving = (cross * power[:, None]).sum(-1) if now.near is None else now.received(cross, power)
        return np.asarray(now.level(arriving))[..., None]


class Outgoing(Observation):
    """The interference O that an agent's transmitter causes at all other receivers together, one number: ln(1 + O / noise).

    With `powers`, O = sum over j of g_ji p_i in the last slot; with `pilots`, of g_ji p_max in the coming slot; with
    `mean`, of E[g_ji] p_max. The other receivers measure it, and each feeds one number back, in every slot or, of means, once.
    """

    kind: Literal["outgoing"] = "outgoing"
    of_lists = True
    source: Source = "powers"

    @property
    def looks_back(self) -> bool:
        return self.source != "pilots"

    @property
    def needs_mean_gain(self) -> bool:
        return self.source == "mean"

    def size(self, scenario: Scenario) -> int:
        return 1

    def observe(self, now: Moment) -> Floats:
        cross, power = _crossing(now, self.source)
        if now.near is None:
            return np.asarray(now.level((cross * power[:, None]).sum(-2)))[..., None]
        heard = now.near.collected(cross[:, None], np.ones_like(power)[:, None])[:, 0]
        return np.asarray(now.level(heard * power))[..., None]


def _crossing(now: Moment, source: str) -> tuple[Floats, Floats]:
    """Cross gains, over the noise where that is each agent's own, and the powers (E, m) that cross them."""
    if source == "powers":
        return now.over_noise(now.last.cross), now.last.power
    gain = now.mean_gain if source == "mean" else now.gain
    assert gain is not None, "needs_mean_gain says so"
    return now.over_noise(now.crossing(gain)), np.full_like(now.last.power, now.scenario.p_max)


class Edges(Observation):
    """Both channels between an agent and every other one: 2 (m - 1) numbers, agents in its own order, i + 1, i + 2, ....

    First how loud each of them is at the agent's receiver in the coming slot, ln(1 + g_ij p_max / noise), which the receiver
    measures; then how loud the agent's transmitter was at the receiver of each in the last slot, ln(1 + g_ji p_max / noise),
    which that one has fed back. With `mean` both on average over the fading, fed back once. With `strongest` the others are so
    many alone, those with the loudest sums of both mean gains, loudest first; places without a neighbour hold 0.
    """

    kind: Literal["edges"] = "edges"
    of_lists = True
    source: ChannelTime = "now"
    strongest: Annotated[Count, Field(le=10_000)] | None = Field(
        None, description="of so many others, loudest first; none: of all; needed where the scenario cuts links"
    )

    @property
    def needs_mean_gain(self) -> bool:
        return self.source == "mean"

    @property
    def loudest(self) -> int:
        return self.strongest or 0

    def size(self, scenario: Scenario) -> int:
        return 2 * (scenario.transmitters - 1 if self.strongest is None else self.strongest)

    def observe(self, now: Moment) -> Floats:
        if self.strongest is not None:
            return self._strongest(now, self.strongest)
        agents = now.gain.shape[-1]
        itself, others = np.arange(agents)[:, None], own_order(agents)[:, 1:]
        here, there = (now.mean_gain, now.mean_gain) if self.source == "mean" else (now.gain, now.last.gain)
        assert here is not None, "needs_mean_gain says so"
        assert there is not None, "needs_mean_gain says so"
        here, there = now.at_limits(here), now.at_limits(there)
        return np.concatenate([now.snr(here[:, itself, others]), now.snr(there[:, others, itself])], axis=-1)

    def _strongest(self, now: Moment, most: int) -> Floats:
        """The same of the loudest neighbours alone."""
        here, there = (now.mean_gain, now.mean_gain) if self.source == "mean" else (now.gain, now.last.gain)
        assert here is not None, "needs_mean_gain says so"
        assert there is not None, "needs_mean_gain says so"
        assert now.loudest is not None, "loudest says so"
        places = ((now.at_limits(here), now.loudest.here), (now.at_limits(there), now.loudest.there))
        each = [at_places(gain.reshape(len(gain), 1, -1), place[..., :most])[:, 0] for gain, place in places]
        return np.concatenate([now.snr(gain) for gain in each], axis=-1)


class Neighbours(Observation):
    """Observation of Nasir and Guo (2019): the agent itself, its `strongest` interferers, and those it disturbs most.

    Itself (6): last power / p_max; last rate; own channel now and in the last slot; the interference that the powers of
    the last slot would cause now, and that those of the slot before it caused in the last slot. Interferers (4 each):
    received power and the interferer's last rate, for those that are strongest with the channels of now and the powers of
    the last slot; the same one slot earlier. Interfered (3 each), in the last slot: the neighbour's own channel, its rate,
    and the agent's share of the interference and noise there. Channels and received powers as ln(1 + x / noise); places
    without a neighbour hold 0. Weights, which the paper has besides, are no part of it: see `weight`.
    """

    kind: Literal["neighbours"] = "neighbours"
    of_lists = True
    strongest: Annotated[Count, Field(le=10_000)] = 5

    def size(self, scenario: Scenario) -> int:
        return 6 + 7 * self.strongest

    def observe(self, now: Moment) -> Floats:
        last, before = now.last, now.before_last
        own = now.wanted(now.at_limits(last.gain))
        places = Everybody() if now.near is None else Listed(now.near)
        cross, crossed = now.over_noise(now.crossing(now.gain)), now.over_noise(last.cross)
        arriving = cross * places.from_transmitters(last.power)  # with the powers of the last slot
        arrived = crossed * places.from_transmitters(before.power)
        disturbing = crossed * places.from_transmitters(last.power)
        noise = now.scenario.noise if isinstance(now.scenario.noise, float) else 1.0  # which `over_noise` has taken out
        share = disturbing / places.from_receivers(places.summed(disturbing) + np.float32(noise))
        itself = [
            last.power / np.float32(now.scenario.p_max),
            last.rate,
            now.snr(now.wanted(now.at_limits(now.gain))),
            now.snr(own),
            now.level(places.summed(arriving)),
            now.level(places.summed(arrived)),
        ]
        interferers = [
            picked
            for received, rate in ((arriving, last.rate), (arrived, before.rate))
            for picked in self._strongest(
                places.rows(received), now.level(places.rows(received)), places.rows(places.from_transmitters(rate))
            )
        ]
        shares = places.columns(share)
        there = [places.columns(places.from_receivers(values)) for values in (now.snr(own), last.rate)]
        interfered = self._strongest(shares, *there, shares)
        return np.concatenate([np.stack(itself, axis=-1), *interferers, *interfered], axis=-1)

    def _strongest(self, strength: Floats, *quantities: Floats) -> list[Floats]:
        """Entries of each of `quantities` [agent, other] at the largest `strength`, largest first; 0 beyond m - 1."""
        order = np.argsort(-strength, axis=-1, kind="stable")[..., : self.strongest]
        there = np.take_along_axis(strength, order, -1) > 0
        picked = [np.take_along_axis(np.broadcast_to(q, strength.shape), order, -1) * there for q in quantities]
        missing = self.strongest - order.shape[-1]
        return [np.pad(q, ((0, 0), (0, 0), (0, missing))) for q in picked] if missing else picked


class Weight(Observation):
    """The weight w of an agent and its bandwidth B, one number in all bands: ln(1 + w B)."""

    kind: Literal["weight"] = "weight"
    of_lists = True

    @property
    def looks_back(self) -> bool:
        return False

    def size(self, scenario: Scenario) -> int:
        return 1

    def width(self, scenario: Scenario) -> int:
        return 1

    def observe(self, now: Moment) -> Floats:
        worth, shape = now.scenario.rate_weights, now.features.shape[:2]
        return np.broadcast_to(np.log1p(np.float32(1 if worth is None else worth)), shape)[..., None]

    def seen(self, now: Moment, each_band: Callable[[], Moment]) -> Floats:
        return self.observe(now)


class Full(Observation):
    """Everything: all channels of the coming slot, ln(1 + g p_max / noise), then all last powers / p_max and last rates.

    Agent i finds agents in its own order, i, i + 1, ..., so that one policy may serve all: m^2 + 2 m numbers.
    """

    kind: Literal["full"] = "full"

    def size(self, scenario: Scenario) -> int:
        return scenario.transmitters**2 + 2 * scenario.transmitters

    def observe(self, now: Moment) -> Floats:
        environments, agents = now.last.power.shape
        order = own_order(agents)
        gains = now.snr(now.at_limits(now.gain))[:, order[:, :, None], order[:, None, :]].reshape(environments, agents, -1)
        powers = now.last.power / np.float32(now.scenario.p_max)
        return np.concatenate([gains, powers[:, order], now.last.rate[:, order]], axis=-1)
