"""The one simulator: a scenario and random streams become blocks of slots and utilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from wirelessenv.channel.geometry import Positions, distances, serving_receiver
from wirelessenv.channel.sampling import Sampler, sampler
from wirelessenv.physics.aggregation import aggregate, visible_amplitude
from wirelessenv.physics.rates import rate, sinr, split
from wirelessenv.scenario import Scenario
from wirelessenv.streams import run_seeds, stream


@dataclass(frozen=True)
class Layout:
    """One placement of transmitters and receivers."""

    transmitters: Positions
    """(m, 2)"""
    receivers: Positions
    """(n, 2)"""
    serving: NDArray[np.intp]
    """r(i) of each transmitter, (m,)"""
    mean_gain: NDArray[np.float32]
    """E|h|^2 before association, (n, m)"""


def draw_layout(scenario: Scenario, seed: int, episode: int = 0) -> Layout:
    """The layout of (seed, episode), or of the scenario's own layout_seed where its layout is fixed."""
    key = (scenario.layout_seed, 0) if scenario.layout == "fixed" else (seed, episode)
    transmitters, receivers = scenario.placement.draw(
        stream(key[0], "layout", key[1]), scenario.transmitters, scenario.receivers
    )
    gain = scenario.path_loss.gain(distances(receivers, transmitters))
    return Layout(transmitters, receivers, serving_receiver(gain, scenario.association), gain.astype(np.float32))


@dataclass(frozen=True)
class Block:
    """Consecutive slots of every run."""

    gain: Any
    """|h|^2 (runs, slots, m, m) float32, [receiver of agent i, transmitter j]"""
    wanted: Any
    """its diagonal, (runs, slots, m)"""
    cross: Any
    """the rest of it, with a zero diagonal"""
    features: Any
    """What the policies see, (runs, slots, m, K) float32: the aggregation sequence, scaled as the scenario says."""


class Outcome(NamedTuple):
    """What powers lead to, for every agent (..., m)."""

    sinr: Any
    """linear"""
    rate: Any
    """bit/s/Hz"""
    utility: Any
    """in the unit of the scenario's utility"""


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
        self.device = device
        self._start(episode=0)

    @property
    def runs(self) -> int:
        """Number of networks in the batch."""
        return len(self.seeds)

    def _start(self, episode: int) -> None:
        scenario = self.scenario
        self.episode = episode
        self.layouts = [draw_layout(scenario, seed, episode) for seed in self.seeds]
        self._mean_gain = self._array(np.stack([layout.mean_gain for layout in self.layouts]))[:, None]
        self._serving = None if scenario.association == "ad_hoc" else np.stack([layout.serving for layout in self.layouts])
        self._sampler = sampler(self.seeds, "fading", episode, self.device)
        self._fading_state: Any = None
        self._history = self._array(np.ones((self.runs, scenario.transmitters, scenario.hops), np.float32))

    def _array(self, values: NDArray[np.float32]) -> Any:
        if self.device is None:
            return values
        import torch

        return torch.as_tensor(values, device=self.device)

    def reset(self, seed: int | Sequence[int] | None = None) -> None:
        """Begin the next episode of every run's streams, or the first one of new seeds."""
        if seed is not None:
            self.seeds = run_seeds(seed)
        self._start(episode=0 if seed is not None else self.episode + 1)

    def block(self, slots: int) -> Block:
        """The next `slots` slots."""
        gain, self._fading_state = self._gains(self._sampler, slots, self._fading_state)
        sequence, self._history = aggregate(visible_amplitude(gain, self.scenario.threshold), self._history)
        return Block(gain, *split(gain), self._scaled(sequence))

    def bank(self, slots: int, purpose: str) -> Block:
        """`slots` slots of a stream of their own, the same at every call: to evaluate on, beside those trained on."""
        scenario = self.scenario
        warm_up = scenario.hops - 1  # after it the aggregation sequence has forgotten how it began
        gain, _ = self._gains(sampler(self.seeds, purpose, self.episode, self.device), slots + warm_up, None)
        history = self._array(np.ones((self.runs, scenario.transmitters, scenario.hops), np.float32))
        sequence, _ = aggregate(visible_amplitude(gain, scenario.threshold), history)
        gain = gain[:, warm_up:]
        return Block(gain, *split(gain), self._scaled(sequence[:, warm_up:]))

    def _gains(self, draws: Sampler, slots: int, state: Any) -> tuple[Any, Any]:
        receivers, transmitters = self._mean_gain.shape[-2:]
        gain, state = self.scenario.fading.block(draws, slots, receivers, transmitters, state)
        gain *= self._mean_gain
        if self._serving is not None:
            gain = gain[np.arange(self.runs)[:, None, None], np.arange(slots)[:, None], self._serving[:, None]]
        return gain, state

    def _scaled(self, sequence: Any) -> Any:
        return array_namespace(sequence).log1p(sequence) if self.scenario.observation_scale == "log1p" else sequence

    def utilities(self, wanted: Any, cross: Any, power: Any) -> Any:
        """Utility of every agent (..., m), in the unit of the scenario's utility: see `outcome`."""
        return self.outcome(wanted, cross, power).utility

    def outcome(self, wanted: Any, cross: Any, power: Any) -> Outcome:
        """What powers (..., m) lead to in given slots.

        `wanted` (..., m) and `cross` (..., m, m) are a block's, or what `physics.rates.split` makes of gains.
        """
        ratio = sinr(wanted, cross, power, self.scenario.noise)
        reached = rate(ratio)
        return Outcome(ratio, reached, self.scenario.utility(reached, power))

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {
            "seeds": list(self.seeds),
            "episode": self.episode,
            "sampler": self._sampler.state(),
            "fading": self._fading_state,
            "history": self._history,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.seeds = tuple(state["seeds"])
        self._start(state["episode"])
        self._sampler.set_state(state["sampler"])
        self._fading_state = state["fading"]
        self._history = state["history"]
