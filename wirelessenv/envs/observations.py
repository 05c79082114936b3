"""Observations of agents. A new one is a subclass of `Observation` with a kind of its own."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from wirelessenv.arrays import Floats
from wirelessenv.config import Count, Piece
from wirelessenv.envs.moment import Moment
from wirelessenv.messages.channel import own_order
from wirelessenv.scenario import Scenario


class Observation(Piece):
    """A part of what agents observe before the actions of a slot; an environment joins as many parts as it is given."""

    lowest: ClassVar[float] = 0.0
    """No number is below it."""

    @property
    def looks_back(self) -> bool:
        """True where it may look at slots that are over, and so at powers that were chosen there."""
        return True

    @property
    def needs_mean_gain(self) -> bool:
        """True where it looks at the mean gains of the layout."""
        return False

    @abstractmethod
    def size(self, scenario: Scenario) -> int:
        """The number of values for each agent."""

    @abstractmethod
    def observe(self, now: Moment) -> Floats:
        """The numbers, (E, m, size) float32, finite."""


class Aggregation(Observation):
    """The aggregation sequence of the slot in which the action will be used, K numbers (Behmandpoor et al., 2024, VIII)."""

    kind: Literal["aggregation"] = "aggregation"

    @property
    def looks_back(self) -> bool:
        return False

    def size(self, scenario: Scenario) -> int:
        return scenario.hops

    def observe(self, now: Moment) -> Floats:
        return now.features


class Local(Observation):
    """Measurements that an agent makes alone: four numbers.

    Its own channel in the coming slot, ln(1 + g_ii p_max / noise); in the last slot the interference at its receiver,
    ln(1 + I / noise), its power p / p_max, and its rate in bit/s/Hz.
    """

    kind: Literal["local"] = "local"

    def size(self, scenario: Scenario) -> int:
        return 4

    def observe(self, now: Moment) -> Floats:
        last = now.last
        interference = (last.cross @ last.power[..., None])[..., 0]
        wanted = np.einsum("eii->ei", now.gain)
        power = last.power / np.float32(now.scenario.max_power)
        return np.stack([now.snr(wanted), now.level(interference), power, last.rate], axis=-1)


ChannelTime = Annotated[
    Literal["now", "mean"], Field(description="now: of the coming slot; mean: on average over the fading, E[g] in place of g")
]


class Gain(Observation):
    """An agent's own channel, one number: ln(1 + g_ii p_max / noise)."""

    kind: Literal["gain"] = "gain"
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
        return np.asarray(now.snr(np.einsum("eii->ei", gain)))[..., None]


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
        return np.asarray(now.level(_crossing(now, self.source).sum(-1)))[..., None]


class Outgoing(Observation):
    """The interference O that an agent's transmitter causes at all other receivers together, one number: ln(1 + O / noise).

    With `powers`, O = sum over j of g_ji p_i in the last slot; with `pilots`, of g_ji p_max in the coming slot; with
    `mean`, of E[g_ji] p_max. The other receivers measure it, and each feeds one number back, in every slot or, of means, once.
    """

    kind: Literal["outgoing"] = "outgoing"
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
        return np.asarray(now.level(_crossing(now, self.source).sum(-2)))[..., None]


def _crossing(now: Moment, source: str) -> Floats:
    """Received powers of interference, (E, m, m) [receiver, transmitter], with a zero diagonal."""
    if source == "powers":
        return np.asarray(now.last.cross * now.last.power[:, None])
    gain = now.mean_gain if source == "mean" else now.gain
    assert gain is not None, "needs_mean_gain says so"
    cross = gain * (1 - np.eye(gain.shape[-1], dtype=np.float32))
    return np.asarray(cross * np.float32(now.scenario.max_power))


class Edges(Observation):
    """Both channels between an agent and every other one: 2 (m - 1) numbers, agents in its own order, i + 1, i + 2, ....

    First how loud each of them is at the agent's receiver in the coming slot, ln(1 + g_ij p_max / noise), which the receiver
    measures; then how loud the agent's transmitter was at the receiver of each in the last slot, ln(1 + g_ji p_max / noise),
    which that one has fed back. With `mean` both on average over the fading, fed back once.
    """

    kind: Literal["edges"] = "edges"
    source: ChannelTime = "now"

    @property
    def needs_mean_gain(self) -> bool:
        return self.source == "mean"

    def size(self, scenario: Scenario) -> int:
        return 2 * (scenario.transmitters - 1)

    def observe(self, now: Moment) -> Floats:
        agents = now.gain.shape[-1]
        itself, others = np.arange(agents)[:, None], own_order(agents)[:, 1:]
        here, there = (now.mean_gain, now.mean_gain) if self.source == "mean" else (now.gain, now.last.gain)
        assert here is not None, "needs_mean_gain says so"
        assert there is not None, "needs_mean_gain says so"
        return np.concatenate([now.snr(here[:, itself, others]), now.snr(there[:, others, itself])], axis=-1)


class Neighbours(Observation):
    """Observation of Nasir and Guo (2019): the agent itself, its `strongest` interferers, and those it disturbs most.

    Itself (6): last power / p_max; last rate; own channel now and in the last slot; the interference that the powers of
    the last slot would cause now, and that those of the slot before it caused in the last slot. Interferers (4 each):
    received power and the interferer's last rate, for those that are strongest with the channels of now and the powers of
    the last slot; the same one slot earlier. Interfered (3 each), in the last slot: the neighbour's own channel, its rate,
    and the agent's share of the interference and noise there. Channels and received powers as ln(1 + x / noise); places
    without a neighbour hold 0. Weights, which the paper has besides, are 1 here.
    """

    kind: Literal["neighbours"] = "neighbours"
    strongest: Annotated[Count, Field(le=10_000)] = 5

    def size(self, scenario: Scenario) -> int:
        return 6 + 7 * self.strongest

    def observe(self, now: Moment) -> Floats:
        last, before = now.last, now.before_last
        agents = now.gain.shape[-1]
        cross = now.gain * (1 - np.eye(agents, dtype=np.float32))
        arriving = cross * last.power[:, None]  # [receiver, transmitter]: with the powers of the last slot
        arrived = last.cross * before.power[:, None]
        disturbing = last.cross * last.power[:, None]
        share = disturbing / (disturbing.sum(-1, keepdims=True) + np.float32(now.scenario.noise))
        itself = [
            last.power / np.float32(now.scenario.max_power),
            last.rate,
            now.snr(np.einsum("eii->ei", now.gain)),
            now.snr(np.einsum("eii->ei", last.gain)),
            now.level(arriving.sum(-1)),
            now.level(arrived.sum(-1)),
        ]
        interferers = [
            picked
            for received, rate in ((arriving, last.rate), (arrived, before.rate))
            for picked in self._strongest(received, now.level(received), rate[:, None])
        ]
        own = np.einsum("eii->ei", last.gain)
        interfered = self._strongest(share.swapaxes(1, 2), now.snr(own)[:, None], last.rate[:, None], share.swapaxes(1, 2))
        return np.concatenate([np.stack(itself, axis=-1), *interferers, *interfered], axis=-1)

    def _strongest(self, strength: Floats, *quantities: Floats) -> list[Floats]:
        """Of each of `quantities` [agent, other] the entries where `strength` is largest, largest first; 0 beyond m - 1."""
        order = np.argsort(-strength, axis=-1, kind="stable")[..., : self.strongest]
        there = np.take_along_axis(strength, order, -1) > 0
        picked = [np.take_along_axis(np.broadcast_to(q, strength.shape), order, -1) * there for q in quantities]
        missing = self.strongest - order.shape[-1]
        return [np.pad(q, ((0, 0), (0, 0), (0, missing))) for q in picked] if missing else picked


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
        gains = now.snr(now.gain)[:, order[:, :, None], order[:, None, :]].reshape(environments, agents, -1)
        powers = now.last.power / np.float32(now.scenario.max_power)
        return np.concatenate([gains, powers[:, order], now.last.rate[:, order]], axis=-1)
