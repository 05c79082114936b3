"""The one simulator: a scenario and random streams become blocks of slots and utilities."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float, Float32
from numpy.typing import NDArray

from wirelessenv.arrays import Array, ArrayLike
from wirelessenv.config import ConfigError
from wirelessenv.large_scale import LargeScale, Setting, large_scale
from wirelessenv.layout import Layout, draw_layout, draw_layouts
from wirelessenv.link_forms import link_form
from wirelessenv.memory import Part, check_room, part, room_for
from wirelessenv.per_agent import beside
from wirelessenv.physics.checks import alike, count
from wirelessenv.physics.kernels import aggregate, rate, visible_amplitude
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.saved_state import misfit, refuse_infinite, refuse_misfit, refuse_outside, refuse_unsound
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown
from wirelessenv.streams import run_seeds


@dataclass(frozen=True)
class Block:
    """Consecutive slots of every run."""

    gain: Float32[Array, "runs slots *links"]
    """|h|^2 (runs, slots, m, m) float32, [receiver of agent i, transmitter j]; of M bands (runs, slots, M, m, m); where links
    are cut (runs, slots, links), as in `near`"""
    wanted: Float32[Array, "runs slots *bands m"]
    """its diagonal, (runs, slots, m); of M bands (runs, slots, M, m)"""
    cross: Float32[Array, "runs slots *links"]
    """the rest of it, with a zero diagonal, or 0 in the places of direct links"""
    features: Float32[Array, "runs slots m hops"]
    """Inputs of the policies, (runs, slots, m, K) float32: the aggregation sequence, scaled as the scenario says; of M bands
    (runs, slots, m, M K), the sequence of each band, one after the other."""
    transmitters: NDArray[np.float64]
    """positions (runs, slots, m, 2), numpy on any device, as are the next two; read-only views where nothing moves"""
    receivers: NDArray[np.float64]
    """positions (runs, slots, n, 2)"""
    serving: NDArray[np.intp]
    """r(i) of each transmitter (runs, slots, m)"""

    @property
    def near(self) -> NeighbourLists | None:
        """Lists of the links that are not cut; None where none is."""
        return None


@dataclass(frozen=True)
class NearBlock(Block):
    """Consecutive slots of every run, of networks whose faint links are cut."""

    lists: NeighbourLists
    """the links that are not cut"""
    noise: Float32[np.ndarray, "runs m"]
    """noise power at every receiver, with what arrives over the links that are cut on average"""

    @property
    def near(self) -> NeighbourLists:
        return self.lists


class Outcome(NamedTuple):
    """Result of the powers of a slot, for every agent (..., m)."""

    sinr: Float[Array, "*bands m"]
    """linear; of M bands (..., M, m)"""
    rate: Float[Array, "*batch m"]
    """bit/s/Hz of the whole bandwidth, the mean over bands; times the agent's bandwidth, where that is not 1"""
    utility: Float[Array, "*batch m"]
    """in the unit of the scenario's utility, weighted"""


OBJECTS = 2500
"""Bytes of a run's layout and random streams, beside the numbers in them."""


NEIGHBOURS = 16
"""Links of an agent, where links are cut and the layout is not drawn yet."""


def block_parts(
    scenario: Scenario, runs: int, slots: int, *, of: str = "slots", each: str = "seeds", near: NeighbourLists | None = None
) -> tuple[Part, ...]:
    """The memory that a block of slots takes.

    Args:
        scenario: the radio network.
        runs: the number of runs.
        slots: the number of slots of each.
        of: the setting that says how many slots.
        each: the setting that says how many runs.
        near: lists of neighbours, where links are cut and the layout is known.

    Returns:
        Parts with the names of the settings that they grow with.
    """
    agents, many = ("transmitters", scenario.transmitters), ((each, runs), (of, slots))
    bands = (("bands", scenario.bands),) if scenario.bands > 1 else ()
    sequence = part(12, *many, *bands, agents, ("hops", scenario.hops))
    if scenario.cut is not None:
        links = ("neighbours, of which a larger cut leaves", NEIGHBOURS if near is None else -(-near.links // near.agents))
        return (
            part(OBJECTS, (each, runs)),
            part(40, (each, runs), agents, links),
            part(20, *many, agents, links),  # gains, cross gains, amplitudes, and draws of the fading
            sequence,
            *scenario.fading.parts((each, runs), agents, links),
        )
    return (
        part(64, agents, agents),  # a layout while it is drawn
        part(OBJECTS, (each, runs)),
        part(40, (each, runs), agents, agents),
        part(36, *many, *bands, agents, agents),  # gains, cross gains, amplitudes, and draws of the fading
        sequence,
        *scenario.fading.parts((each, runs), *bands, agents, agents),
    )


def known_device(device: Any) -> str | None:
    """The name of a torch device, None for numpy; raises ConfigError where torch has no such device."""
    if device is None:
        return None
    try:
        import torch  # only who has a device has torch

        found = torch.device(device)
        torch.zeros(1, device=found).item()
    except Exception as error:  # whatever torch, or the library of a device, raises
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f'device: {shown(device)} is not valid: it should be "cpu", "cuda" or None ({said})') from None
    return str(found)


def warn_if_hidden(scenario: Scenario, layouts: Sequence[Layout]) -> None:
    """Warn where the threshold hides nearly all links, the direct ones too: all aggregation sequences are then the same.

    Args:
        scenario: of the network.
        layouts: of some runs.
    """
    direct = np.sqrt(np.stack([layout.direct_gain for layout in layouts[:SOME]]))
    if scenario.threshold == 0 or (direct >= scenario.threshold).mean() >= FEW:
        return
    warnings.warn(
        f"scenario.threshold: {scenario.threshold:.3g} hides nearly all links from the policies: direct ones have amplitudes "
        f"of {np.median(direct):.2g} (median); 0 hides none, and where it is left out it follows from noise and max_power",
        stacklevel=3,
    )


SOME, FEW = 16, 0.1
"""Layouts that are looked at, and the share of their direct links that should be seen."""


class WirelessNetwork:
    """A batch of networks with the same scenario, one for each seed.

    The channel does not depend on actions, so slots are made in blocks: `block` makes the next ones, `utilities` says
    what powers earn in them. The batch lives in numpy arrays, or, where a torch `device` is given, in torch tensors there.

    >>> network = WirelessNetwork("dense", seed=[0, 1])
    >>> block = network.block(slots=20)
    >>> network.utilities(block.wanted, block.cross, np.full((2, 20, 24), 10.0, np.float32)).shape
    (2, 20, 24)
    """

    def __init__(
        self, scenario: Scenario | str | dict[str, Any], seed: int | Sequence[int] = 0, device: str | None = None
    ) -> None:
        self.scenario = Scenario.of(scenario)
        self.seeds = run_seeds(seed)
        self.device = known_device(device)
        self._start(episode=0)

    @property
    def runs(self) -> int:
        """Number of networks in the batch."""
        return len(self.seeds)

    @property
    def near(self) -> NeighbourLists | None:
        """Lists of the links that are not cut; None where none is."""
        return self._form.near

    @property
    def noise(self) -> Any:
        """Noise power of all bands together: a number, or that of every receiver, (m,); where links are cut (runs, m).

        With a cut it includes what arrives over the links that are cut, on average.
        """
        return self._form.noise

    def _start(self, episode: int) -> None:
        scenario = self.scenario
        check_room(*block_parts(scenario, self.runs, 1), device=self.device)
        self._checked = 1  # slots of the largest block that there was room for
        self.episode = episode
        self.layouts = draw_layouts(scenario, self.seeds, episode)
        warn_if_hidden(scenario, self.layouts)
        self._form = link_form(scenario, self.layouts, self.seeds, self.device)
        self._large_scale = self._new_large_scale()
        self._sampler = self._form.sampler("fading", episode)
        self._fading_state: Any = None
        self._history = self._array(self._first_sequence())

    def _first_sequence(self) -> NDArray[np.float32]:
        return np.ones((self.runs, *self._form.bands, self.scenario.transmitters, self.scenario.hops), np.float32)

    def _new_large_scale(self, purpose: str = "") -> LargeScale:
        return large_scale(self.scenario, self.layouts, self.seeds, self.episode, self._array, purpose=purpose)

    def _array(self, values: NDArray[np.float32]) -> Any:
        if self.device is None:
            return values
        import torch

        return torch.as_tensor(values, device=self.device)

    def reset(self, seed: int | Sequence[int] | None = None, episode: int = 0) -> None:
        """Begin an episode of every run.

        Args:
            seed: new seeds; None: the next episode of those there are.
            episode: with new seeds, which of theirs; the first by default.
        """
        if seed is not None:
            self.seeds = run_seeds(seed)
        self._start(episode=episode if seed is not None else self.episode + 1)

    def block(self, slots: int) -> Block:
        """The next `slots` slots; raises ConfigError for fewer than one."""
        slots = count("slots", slots)
        if slots > self._checked:
            check_room(*block_parts(self.scenario, self.runs, slots, near=self.near), device=self.device)
            self._checked = slots
        setting = self._large_scale.block(slots)
        gain, self._fading_state = self._form.gains(self._sampler, setting, self._fading_state)
        sequence, self._history = aggregate(self._amplitude(gain), self._history, self._form.product)
        return self._block(gain, sequence, setting.transmitters, setting.receivers, setting.serving)

    def bank(self, slots: int, purpose: str, *, present: bool = False) -> Block:
        """Slots of a stream of their own, the same at every call: to evaluate on, beside those trained on.

        Where transmitters or receivers move, they set out from the layout once more, on ways of their own; or, where the
        `present` is asked for, all slots are of the places of the last block's last slot, with equal fading at every call.

        Args:
            slots: their number.
            purpose: names the stream.
            present: take mean gains as they are now, and nobody moves in these slots.

        Returns:
            The slots of every run.

        Raises:
            ConfigError: for fewer than one slot, or a purpose that is no string.
        """
        scenario, slots = self.scenario, count("slots", slots)
        if not isinstance(purpose, str):
            raise ConfigError(f"purpose: {shown(purpose)} is not valid: it should be a name")
        warm_up = scenario.hops - 1  # after it the aggregation sequence has forgotten how it began
        of = "slots" if slots > warm_up else "hops"
        with room_for(*block_parts(scenario, self.runs, slots + warm_up, of=of, near=self.near), device=self.device):
            setting = self._present(slots + warm_up) if present else self._new_large_scale(purpose).block(slots + warm_up)
            gain, _ = self._form.gains(self._form.sampler(purpose, self.episode), setting, None)
            sequence, _ = aggregate(self._amplitude(gain), self._array(self._first_sequence()), self._form.product)
            places = (setting.transmitters[:, warm_up:], setting.receivers[:, warm_up:], setting.serving[:, warm_up:])
            return self._block(gain[:, warm_up:], sequence[:, warm_up:], *places)

    def present(self) -> list[Layout]:
        """Layout of every run as it is now, in the last slot of the last block; of its shadowing the first one is told."""
        if self.near is not None:  # nobody moves
            return list(self.layouts)
        now, antenna = self._large_scale.present(), self.scenario.placement.antennas(self.scenario.transmitters)
        gain = np.asarray(now.mean_gain if self.device is None else now.mean_gain.cpu())[:, 0]
        gain = gain.mean(1) if gain.ndim == 4 else gain  # of a user's own gains of several bands
        gain = gain if antenna is None else gain[..., antenna]
        places = zip(self.layouts, gain, now.transmitters[:, 0], now.receivers[:, 0], now.serving[:, 0], strict=True)
        return [
            replace(layout, mean_gain=gains, transmitters=senders, receivers=receivers, serving=serving)
            for layout, gains, senders, receivers, serving in places
        ]

    def _present(self, slots: int) -> Setting:
        now = self._large_scale.present()

        def held(place: NDArray[Any]) -> NDArray[Any]:
            return np.broadcast_to(place, (self.runs, slots, *place.shape[2:]))

        return Setting(now.mean_gain, held(now.transmitters), held(now.receivers), held(now.serving))

    def _fading_after_a_slot(self) -> Any:
        """The state that the fading remembers, at the beginning of an episode: the model of what it may remember later."""
        setting = self._new_large_scale().block(1)
        return self._form.gains(self._form.sampler("fading", self.episode), setting, None)[1]

    def _amplitude(self, gain: Any) -> Any:
        """|h| as the policies see it."""
        amplitude = visible_amplitude(gain, self.scenario.threshold)
        if self.scenario.observation_scale == "log1p_snr":
            ratio = self.scenario.snr(self.near)
            if isinstance(ratio, float):
                amplitude *= math.sqrt(ratio)
            else:
                amplitude *= beside(np.sqrt(ratio) if self.near is None else np.sqrt(ratio)[:, None], amplitude)
        return amplitude

    def _block(self, gain: Any, sequence: Any, *places: Any) -> Block:
        xp = array_namespace(sequence)
        if self._form.bands:  # an agent sees all bands
            sequence = xp.permute_dims(sequence, (0, 1, 3, 2, 4))
            sequence = xp.reshape(sequence, (*sequence.shape[:-2], -1))
        features = sequence if self.scenario.observation_scale == "raw" else xp.log1p(sequence)
        seen: Any = (gain, *self._form.split(gain), features, *places)
        return Block(*seen) if self.near is None else NearBlock(*seen, self.near, self.noise)  # type: ignore[call-arg]  # six before these

    def utilities(self, wanted: ArrayLike, cross: ArrayLike, power: ArrayLike) -> Float[Array, "*batch m"]:
        """Utility of every agent in given slots; see `outcome`.

        Args:
            wanted: gains g_ii, linear, (..., m); of M bands (..., M, m).
            cross: gains g_ij with a zero diagonal, linear, (..., m, m); of M bands (..., M, m, m).
            power: transmit powers in [0, max_power], (..., m); of M bands (..., M, m), of that sum over bands.

        Returns:
            Utilities (..., m), in the unit of the scenario's utility.

        Raises:
            ConfigError: for what cannot be used.
        """
        return self.outcome(wanted, cross, power).utility

    def outcome(self, wanted: ArrayLike, cross: ArrayLike, power: ArrayLike) -> Outcome:
        """SINR, rate and utility of every agent in given slots.

        Args:
            wanted: gains g_ii, linear, (..., m): a block's, or what `physics.rates.split` makes of gains; of M bands
                (..., M, m).
            cross: gains g_ij with a zero diagonal, linear, (..., m, m), likewise; of M bands (..., M, m, m); where links are
                cut (runs, slots, links).
            power: transmit powers in [0, max_power], (..., m); of M bands (..., M, m), of that sum over bands.

        Returns:
            Arrays (..., m); SINRs of M bands are (..., M, m).

        Raises:
            ConfigError: for what cannot be used.
        """
        wanted, cross, power = alike(wanted=wanted, cross=cross, power=power)
        self._form.check(wanted, cross, power)
        return self.outcome_unchecked(wanted, cross, power)

    def outcome_unchecked(
        self, wanted: Float[Array, "*#bands m"], cross: Float[Array, "*#links"], power: Float[Array, "*#bands m"]
    ) -> Outcome:
        """The same as `outcome` of powers that are right by construction: for inner loops.

        Args:
            wanted: gains g_ii, linear, (..., m); of M bands (..., M, m).
            cross: gains g_ij with a zero diagonal, linear, (..., m, m); of M bands (..., M, m, m); where links are cut
                (runs, slots, links).
            power: transmit powers in [0, max_power], (..., m); of M bands (..., M, m), of that sum over bands.

        Returns:
            Arrays (..., m); SINRs of M bands are (..., M, m).
        """
        ratio = self._form.sinr(wanted, cross, power)
        reached, total = self._form.over_bands(rate(ratio, self.scenario.sinr_cap, self.scenario.snr_gap), power)
        reached = self.scenario.in_bandwidth(reached)
        return Outcome(ratio, reached, self.scenario.paid(reached, total))

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {
            "seeds": list(self.seeds),
            "episode": self.episode,
            "large_scale": self._large_scale.state(),
            "sampler": self._sampler.state(),
            "fading": self._fading_state,
            "history": self._history,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError where it is that of another network, or damaged."""
        if not isinstance(state, dict) or not {"seeds", "episode"} <= set(state):
            raise misfit("network", "has no seeds")
        refuse_outside("network.episode", state["episode"], 0)
        self.seeds = run_seeds(state["seeds"])
        self._start(state["episode"])
        refuse_misfit(state, self.state(), "network")
        refuse_unsound("network.history", state["history"])
        if state["fading"] is not None:  # None: no slot has been drawn yet
            refuse_misfit(state["fading"], self._fading_after_a_slot(), "network.fading")
            refuse_infinite("network.fading", state["fading"])
        self._large_scale.set_state(state["large_scale"])
        self._sampler.set_state(state["sampler"])
        self._fading_state = state["fading"]
        self._history = state["history"]


__all__ = ["Block", "Layout", "WirelessNetwork", "draw_layout"]
