"""Forms of a network's links: matrices of all gains, or lists of neighbours where links are cut."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float
from numpy.typing import NDArray

from wirelessenv.arrays import Array
from wirelessenv.channel.bands import fade_bands
from wirelessenv.channel.fading import Span
from wirelessenv.channel.sampling import Sampler, sampler
from wirelessenv.config import ConfigError
from wirelessenv.large_scale import Setting
from wirelessenv.layout import Layout, refused_with_cut
from wirelessenv.per_agent import PerAgent, beside
from wirelessenv.physics import kernels
from wirelessenv.physics.checks import LARGEST, POWER_GAINS, powers, within
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.physics.rates import received
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown


class LinkForm(ABC):
    """Base class of the forms: gains of slots, sums over links, and SINRs."""

    near: NeighbourLists | None = None
    """Lists of the links that are not cut; None where none is."""
    noise: Any
    """Noise power of the whole bandwidth: a number, or that of every receiver, (m,), where links are cut (runs, m)."""
    bands: tuple[int, ...] = ()
    """Axis of bands in gains and powers, (M,); none where there is one band."""

    @abstractmethod
    def sampler(self, purpose: str, episode: int) -> Any:
        """The source of the fading of all runs.

        Args:
            purpose: of the numbers, which has streams of its own.
            episode: likewise.

        Returns:
            A sampler, at the start of its streams.
        """

    @abstractmethod
    def gains(self, draws: Any, setting: Setting, state: Any) -> tuple[Any, Any]:
        """Gains of some slots, with their fading.

        Args:
            draws: of `sampler`.
            setting: mean gains of the slots, and association.
            state: what the fading remembers; None at the start.

        Returns:
            |h|^2, linear, (runs, slots, m, m), (runs, slots, M, m, m) or (runs, slots, links), and what the fading remembers
            after them.
        """

    @abstractmethod
    def split(self, gain: Any) -> tuple[Any, Any]:
        """Wanted gains (runs, slots, m) and cross gains; see `rates.split`."""

    product: ClassVar[Any]
    """Sums over transmitters of values of links times numbers of transmitters (runs, slots, m), the same shape."""

    @abstractmethod
    def sinr(self, wanted: Array, cross: Array, power: Array) -> Array:
        """SINRs of powers that are right by construction.

        Args:
            wanted: g_ii, linear, (..., m); of M bands (..., M, m), as are the powers and the result.
            cross: cross gains as of `split`.
            power: transmit powers, (..., m).

        Returns:
            SINRs, linear, (..., m).
        """

    def over_bands(self, rates: Array, power: Array) -> tuple[Array, Array]:
        """Rates and powers of agents over all bands.

        Args:
            rates: log2(1 + SINR) in each band, (..., M, m); of one band (..., m).
            power: likewise.

        Returns:
            Rates in bit/s/Hz of the whole bandwidth, and sums of powers, each (..., m).
        """
        return rates, power

    @abstractmethod
    def check(self, wanted: Array, cross: Array, power: Array) -> None:
        """Check that gains and powers fit each other; raises ConfigError.

        Args:
            wanted: g_ii, linear, (..., m).
            cross: cross gains as of `split`.
            power: transmit powers, (..., m).
        """


def _at_most(gain: Any, largest: float) -> Any:
    """`gain`, in place, with `largest` where it is more."""
    if not isinstance(gain, np.ndarray):
        return gain.clamp_(max=largest)
    return gain if gain.max() <= largest else np.minimum(gain, np.float32(largest), out=gain)


def _on_device(value: PerAgent, device: str | None) -> Any:
    """A number, or those of agents in single precision where the gains are."""
    if isinstance(value, float) or device is None:
        return beside(value, np.empty(0, np.float32))
    import torch  # noqa: PLC0415  # only who has a device has torch

    return beside(value, torch.empty(0, dtype=torch.float32, device=device))


class AllLinks(LinkForm):
    """Every transmitter meets every receiver: gains are matrices."""

    def __init__(self, scenario: Scenario, seeds: Sequence[int], device: str | None) -> None:
        self._scenario, self._seeds, self._device = scenario, seeds, device
        self._antenna = scenario.placement.antennas(scenario.transmitters)
        self.noise = _on_device(scenario.noise_power, device)
        self.band_noise = _on_device(scenario.band_noise, device)

    def sampler(self, purpose: str, episode: int) -> Sampler:
        return sampler(self._seeds, purpose, episode, self._device)

    def gains(self, draws: Sampler, setting: Setting, state: Any) -> tuple[Any, Any]:
        receivers, antennas = setting.mean_gain.shape[-2:]
        slots = setting.serving.shape[1]
        span = Span(slots, receivers, antennas, self._scenario.slot_seconds)
        gain, state = self._scenario.fading.block(draws, span, state)
        with np.errstate(over="ignore"):
            gain *= setting.mean_gain
        gain = _at_most(gain, self._scenario.largest_gain)
        if self._scenario.association == "uplink":
            serving = np.array(setting.serving)  # torch does not index with views that cannot be written to
            gain = gain[np.arange(len(self._seeds))[:, None, None], np.arange(slots)[:, None], serving]
        if self._antenna is not None:
            gain = gain[..., self._antenna]
        return gain, state

    def split(self, gain: Any) -> tuple[Any, Any]:
        return kernels.split(gain)

    product = staticmethod(kernels.interference)

    def sinr(self, wanted: Array, cross: Array, power: Array) -> Array:
        return kernels.sinr(wanted, cross, power, self.noise)

    def check(self, wanted: Array, cross: Array, power: Array) -> None:
        received(wanted, cross, power, self._scenario.p_max)


class BandLinks(AllLinks):
    """Every transmitter meets every receiver in each of several bands, which share the noise evenly."""

    def __init__(self, scenario: Scenario, seeds: Sequence[int], device: str | None) -> None:
        super().__init__(scenario, seeds, device)
        self.bands = (scenario.bands,)

    def gains(self, draws: Sampler, setting: Setting, state: Any) -> tuple[Any, Any]:
        scenario, slots = self._scenario, setting.serving.shape[1]
        receivers, antennas = setting.mean_gain.shape[-2:]
        span = Span(slots, receivers, antennas, scenario.slot_seconds)
        fade, state = fade_bands(
            scenario.fading, draws, span, state, bands=scenario.bands, correlation=scenario.band_correlation
        )
        mean = setting.mean_gain if setting.mean_gain.ndim == 5 else setting.mean_gain[:, :, None]
        with np.errstate(over="ignore"):
            gain = _at_most(fade * mean, scenario.largest_gain)
        if scenario.association == "uplink":
            run, slot, band = np.ogrid[: len(self._seeds), :slots, : scenario.bands]
            gain = gain[run[..., None], slot[..., None], band[..., None], np.array(setting.serving)[:, :, None]]
        if self._antenna is not None:
            gain = gain[..., self._antenna]
        return gain, state

    def sinr(self, wanted: Array, cross: Array, power: Array) -> Array:
        return kernels.sinr(wanted, cross, power, self.band_noise)

    def over_bands(self, rates: Array, power: Array) -> tuple[Array, Array]:
        return rates.mean(-2), power.sum(-2)

    def check(self, wanted: Array, cross: Array, power: Array) -> None:
        (bands,), agents = self.bands, self._scenario.transmitters
        for name, array, right in (("power", power, (bands, agents)), ("wanted", wanted, (bands, agents))):
            if tuple(array.shape[-2:]) != right:
                told = f"it should be (..., M, m), (..., {bands}, {agents})"
                raise ConfigError(f"{name}: the shape {tuple(array.shape)} is not valid for {bands} bands: {told}")
        if tuple(cross.shape[-3:]) != (bands, agents, agents):
            told = f"it should be (..., M, m, m), (..., {bands}, {agents}, {agents})"
            raise ConfigError(f"cross: the shape {tuple(cross.shape)} is not valid for {bands} bands: {told}")
        received(wanted, cross, power, self._scenario.p_max)
        budget("power", power, self._scenario.p_max)


def budget(name: str, power: Array, most: PerAgent) -> None:
    """Check that the powers of several bands together are within the budget of every agent.

    Args:
        name: the argument, as a sentence names it.
        power: transmit powers, (..., M, m).
        most: p_max of all bands together, of all agents, or (m,).

    Raises:
        ConfigError: where they are not.
    """
    powers(f"{name}: its sum over bands", array_namespace(power).sum(power, axis=-2), power.shape[-1], most)


class NearbyLinks(LinkForm):
    """Lists of neighbours: far links are cut, and the mean of what arrives over them at full power is noise.

    Every run has a sampler of its own, because their links are not equally many. Where nothing is cut, its numbers are those
    of the matrices.
    """

    near: NeighbourLists

    def __init__(self, scenario: Scenario, layouts: Sequence[Layout], seeds: Sequence[int]) -> None:
        self._scenario, self._seeds = scenario, seeds
        found = [layout.near for layout in layouts]
        self.near = NeighbourLists(scenario.transmitters, [(one.receiver, one.transmitter) for one in found if one is not None])
        arriving = np.stack([one.cut_gain for one in found if one is not None]) * scenario.most_power
        self.noise = (arriving + scenario.noise_power).astype(np.float32)

    def sampler(self, purpose: str, episode: int) -> "EachSampler":
        return EachSampler([sampler([seed], purpose, episode) for seed in self._seeds])

    def gains(self, draws: "EachSampler", setting: Setting, state: Any) -> tuple[Any, Any]:
        slots = setting.serving.shape[1]
        before = [None] * self.near.runs if state is None else state
        drawn, after = [], []
        for count, source, memory in zip(self.near.counts, draws.each, before, strict=True):
            span = Span(slots, 1, count, self._scenario.slot_seconds)
            gain, now = self._scenario.fading.block(source, span, memory)
            drawn.append(gain.reshape(1, slots, count))
            after.append(now)
        gain = drawn[0]
        if len(drawn) > 1:
            gain = np.zeros((self.near.runs, slots, self.near.links), np.float32)
            for run, one in enumerate(drawn):
                gain[run, :, : one.shape[-1]] = one[0]
        with np.errstate(over="ignore"):
            gain *= setting.mean_gain
        return _at_most(gain, self._scenario.largest_gain), None if after[0] is None else after

    def split(self, gain: NDArray[np.float32]) -> tuple[Any, Any]:
        return self.near.split(gain)

    @property
    def product(self) -> Any:
        return self.near.received

    def sinr(
        self,
        wanted: Float[Array, "runs *slots m"],
        cross: Float[Array, "runs *slots links"],
        power: Float[Array, "runs *slots m"],
    ) -> Float[Array, "runs *slots m"]:
        shape = self.near.runs, -1, self.near.agents
        arriving = self.near.received(cross.reshape(*shape[:2], self.near.links), power.reshape(shape))
        arriving += self.noise[:, None]
        return wanted * power / arriving.reshape(power.shape)

    def check(self, wanted: Array, cross: Array, power: Array) -> None:
        near, slots = self.near, tuple(power.shape[1:-1])
        right = {"power": near.agents, "wanted": near.agents, "cross": near.links}
        for (name, last), array in zip(right.items(), (power, wanted, cross), strict=True):
            if not isinstance(array, np.ndarray) or array.shape != (near.runs, *slots, last):
                told = f"the shape {tuple(array.shape)}" if isinstance(array, np.ndarray) else shown(type(array).__name__)
                raise ConfigError(f"{name}: {told} is not valid: with a cut it should be an array {(near.runs, *slots, last)}")
        powers("power", power, near.agents, self._scenario.p_max)
        within("wanted", wanted, 0, LARGEST, POWER_GAINS)
        within("cross", cross, 0, LARGEST, POWER_GAINS)


class EachSampler:
    """Samplers of all runs, each for itself."""

    def __init__(self, each: Sequence[Sampler]) -> None:
        self.each = each

    def state(self) -> list[Any]:
        """Everything that `set_state` needs to go on from here."""
        return [one.state() for one in self.each]

    def set_state(self, state: list[Any]) -> None:
        """Go on from a saved state."""
        for one, saved in zip(self.each, state, strict=True):
            one.set_state(saved)


def link_form(scenario: Scenario, layouts: Sequence[Layout], seeds: Sequence[int], device: str | None) -> LinkForm:
    """The form of the links of a batch of networks: lists where a scenario cuts links, else matrices, of each band.

    Args:
        scenario: of all networks.
        layouts: of every run.
        seeds: of every run.
        device: a torch device; None: numpy.

    Returns:
        The form.

    Raises:
        ConfigError: for lists on a torch device.
    """
    if scenario.cut is None:
        return (AllLinks if scenario.bands == 1 else BandLinks)(scenario, seeds, device)
    if device is not None:
        raise ConfigError(f"device: {shown(device)} is not valid with a cut: lists of neighbours are numpy's: leave device out")
    return NearbyLinks(scenario, layouts, seeds)


__all__ = ["AllLinks", "BandLinks", "LinkForm", "NearbyLinks", "link_form", "refused_with_cut"]
