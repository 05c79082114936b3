"""Forms of a network's links: matrices of all gains, or lists of neighbours where links are cut."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from wirelessenv.arrays import Array
from wirelessenv.channel.fading import Span
from wirelessenv.channel.sampling import Sampler, sampler
from wirelessenv.config import ConfigError
from wirelessenv.large_scale import Setting
from wirelessenv.layout import Layout, refused_with_cut
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
    """Noise power: a number, or that of every receiver, (runs, m)."""

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
            |h|^2, linear, (runs, slots, m, m) or (runs, slots, links), and what the fading remembers after them.
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
            wanted: g_ii, linear, (..., m).
            cross: cross gains as of `split`.
            power: transmit powers, (..., m).

        Returns:
            SINRs, linear, (..., m).
        """

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


class AllLinks(LinkForm):
    """Every transmitter meets every receiver: gains are matrices."""

    def __init__(self, scenario: Scenario, seeds: Sequence[int], device: str | None) -> None:
        self._scenario, self._seeds, self._device = scenario, seeds, device
        self._antenna = scenario.placement.antennas(scenario.transmitters)
        self.noise = scenario.noise

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
        received(wanted, cross, power, self._scenario.max_power)


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
        arriving = np.stack([one.cut_gain for one in found if one is not None]) * scenario.max_power
        self.noise = (arriving + scenario.noise).astype(np.float32)

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
        powers("power", power, near.agents, self._scenario.max_power)
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
    """The form of the links of a batch of networks: lists where a scenario cuts links, else matrices.

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
        return AllLinks(scenario, seeds, device)
    if device is not None:
        raise ConfigError(f"device: {shown(device)} is not valid with a cut: lists of neighbours are numpy's: leave device out")
    return NearbyLinks(scenario, layouts, seeds)


__all__ = ["AllLinks", "LinkForm", "NearbyLinks", "link_form", "refused_with_cut"]
