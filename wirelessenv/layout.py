"""One placement of a network: positions, shadowing, mean gains, and who serves whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wirelessenv.channel.cut import NearLinks, near_links
from wirelessenv.channel.geometry import Positions, distances, serving_receiver
from wirelessenv.channel.shadowing import NoShadowing
from wirelessenv.config import ConfigError
from wirelessenv.scenario import Scenario
from wirelessenv.streams import stream


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
    """E|h|^2 before association, shadowing and antenna gain included, (n, m); of a series of gains the mean over its slots, and
    over its bands"""
    shadowing: NDArray[np.float64]
    """the shadowing in it, dB, (n, antennas)"""
    near: NearLinks | None = None
    """Links that are not cut; then `mean_gain` is theirs alone, (links,), and nobody is shadowed. None: no link is cut."""

    @property
    def link_gain(self) -> NDArray[np.float32]:
        """E|h|^2 (m, m), [receiver of agent i, transmitter j]; raises ConfigError where links are cut."""
        if self.near is not None:
            raise ConfigError(refused_with_cut("this needs the mean gains of all links"))
        return self.mean_gain[self.serving]

    @property
    def direct_gain(self) -> NDArray[np.float32]:
        """E|h|^2 of every agent's own link, (m,)."""
        if self.near is None:
            return np.array(self.link_gain.diagonal())
        return np.asarray(self.mean_gain[self.near.receiver == self.near.transmitter])


def refused_with_cut(what: str) -> str:
    """Say in one sentence that something has no form over neighbour lists.

    Args:
        what: it needs, as the sentence says it.

    Returns:
        The sentence, with what has such a form.
    """
    return (
        f"cut: not valid here: {what}, and with a cut there are lists of neighbours: leave it out; with it there are "
        "environments, Algorithms 1 and 2 (zeroth_order), comparisons, and pictures"
    )


def refused_with_bands(what: str) -> str:
    """Say in one sentence that something has no form for several bands.

    Args:
        what: it needs, as the sentence says it.

    Returns:
        The sentence, with what has such a form.
    """
    return f"bands: not valid here: {what}: leave it out; {WITH_BANDS}"


WITH_BANDS = (
    "several bands are known to networks, environments, allocators, Algorithm 2 and most policies: docs/guides/bands.md"
)
"""Places where scenarios may have bands, as sentences say them."""
LINKS_AT_ONCE = 2**15
"""Links of layouts whose gains are worked out together, so that they stay in the cache."""


def draw_layout(scenario: Scenario, seed: int, episode: int = 0) -> Layout:
    """The layout of a seed and episode, or of the scenario's own layout_seed where its layout is fixed.

    Args:
        scenario: the radio network.
        seed: the seed of a run.
        episode: its episode.

    Returns:
        The layout, the same at every call.

    Raises:
        ConfigError: where a mean gain is beyond 64-bit numbers, or there is no place for somebody.
    """
    return draw_layouts(scenario, [seed], episode)[0]


def draw_layouts(scenario: Scenario, seeds: Sequence[int], episode: int = 0) -> list[Layout]:
    """The layouts of some seeds, the same as `draw_layout` of each, in less time.

    Args:
        scenario: the radio network.
        seeds: one for each run.
        episode: the episode of all.

    Returns:
        A layout for each seed.

    Raises:
        ConfigError: where a mean gain is beyond 64-bit numbers, or there is no place for somebody.
    """
    if scenario.layout == "fixed":
        draw = _drawn if scenario.cut is None else _drawn_near
        return draw(scenario, [scenario.layout_seed], 0) * len(seeds)
    if scenario.cut is not None:
        return _drawn_near(scenario, seeds, episode)
    at_once = max(1, LINKS_AT_ONCE // (scenario.transmitters * (scenario.receivers or scenario.transmitters)))
    return [
        layout
        for begin in range(0, len(seeds), at_once)
        for layout in _drawn(scenario, seeds[begin : begin + at_once], episode)
    ]


def _drawn(scenario: Scenario, seeds: Sequence[int], episode: int) -> list[Layout]:
    """New layouts of some seeds, at once."""
    stations = scenario.receivers if scenario.association == "uplink" else None  # ad hoc, each transmitter has its own nearby
    placed = [scenario.placement.draw(stream(seed, "layout", episode), scenario.transmitters, stations) for seed in seeds]
    transmitters, receivers = (np.stack(places) for places in zip(*placed, strict=True))
    antenna = scenario.placement.antennas(scenario.transmitters)
    if scenario.gains is not None:
        gain, serving = _given(scenario, seeds)
        shadowing = np.zeros(gain.shape)
    else:
        shadowing = _shadowing(scenario, seeds, episode, receivers, antenna_positions(transmitters, antenna))
        with np.errstate(over="ignore"):
            gain, serving = antenna_gain(scenario, transmitters, receivers, shadowing)
        if not np.isfinite(gain).all():
            raise ConfigError(
                "path_loss, shadowing, direct_gain_db: not valid: the mean gain of a link is beyond 32-bit numbers, and 64-bit "
                "ones"
            )
        gain = gain if antenna is None else gain[..., antenna]
    mean_gain = np.minimum(gain, scenario.largest_gain).astype(np.float32)
    return [
        Layout(transmitters[run], receivers[run], serving[run], mean_gain[run], shadowing[run]) for run in range(len(seeds))
    ]


def _drawn_near(scenario: Scenario, seeds: Sequence[int], episode: int) -> list[Layout]:
    """New layouts of some seeds, of whose links those are left that are not cut."""
    layouts = []
    for seed in seeds:
        transmitters, receivers = scenario.placement.draw(stream(seed, "layout", episode), scenario.transmitters, None)
        near = near_links(
            scenario.path_loss,
            transmitters,
            receivers,
            scenario.weakest_gain,
            power=scenario.p_max / scenario.most_power,
            noise=scenario.noise_power / scenario.least_noise,
        )
        direct = np.where(near.receiver == near.transmitter, 10 ** (scenario.direct_gain_db / 10), 1.0)
        gain = np.minimum(near.gain * direct, scenario.largest_gain).astype(np.float32)
        own = np.arange(scenario.transmitters)
        layouts.append(Layout(transmitters, receivers, own, gain, np.zeros((0, 0)), near))
    return layouts


def _given(scenario: Scenario, seeds: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean gains of a user's own layouts, over the slots that are not held out, (runs, m, m), and who serves whom."""
    assert scenario.gains is not None
    series, window = scenario.given_gains(), scenario.gains.window(evaluation=False)
    chosen = [scenario.gains.layout_of(seed) for seed in seeds]
    of = {one: series[one, : window.slots].mean(axis=0, dtype=np.float64) for one in set(chosen)}
    if series.ndim == 5:
        of = {one: gain.mean(axis=0) for one, gain in of.items()}
    serving = np.broadcast_to(np.arange(scenario.transmitters), (len(seeds), scenario.transmitters))
    return with_direct_gain(scenario, np.stack([of[one] for one in chosen]), serving, None), serving


def _shadowing(
    scenario: Scenario, seeds: Sequence[int], episode: int, receivers: Positions, transmitters: Positions
) -> NDArray[np.float64]:
    """The shadowing of each seed, dB, (runs, n, antennas)."""
    if isinstance(scenario.shadowing, NoShadowing):  # which needs no streams
        return np.zeros((len(seeds), receivers.shape[1], transmitters.shape[1]))
    draw = scenario.shadowing.draw
    ends = zip(seeds, receivers, transmitters, strict=True)
    return np.stack([draw(stream(seed, "shadowing", episode), *places) for seed, *places in ends])


def antenna_positions(transmitters: Positions, antenna: NDArray[np.intp] | None) -> Positions:
    """Positions of the antennas of some transmitters.

    Args:
        transmitters: positions (..., m, 2).
        antenna: the antenna of each transmitter, (m,); None: everybody has one of its own.

    Returns:
        Positions (..., antennas, 2).
    """
    return transmitters if antenna is None else transmitters[..., np.unique(antenna, return_index=True)[1], :]


def antenna_gain(
    scenario: Scenario, transmitters: Positions, receivers: Positions, shadowing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean gains at given positions, and who serves whom.

    Args:
        scenario: the radio network.
        transmitters: positions (..., m, 2).
        receivers: positions (..., n, 2).
        shadowing: gains in dB, (..., n, antennas).

    Returns:
        Mean gains, linear, (..., n, antennas), and the serving receiver of every transmitter, (..., m).
    """
    antenna = scenario.placement.antennas(scenario.transmitters)
    gain = scenario.path_loss.gain(distances(receivers, antenna_positions(transmitters, antenna)))
    if shadowing.any():
        gain = gain * 10 ** (shadowing / 10)
    serving = serving_receiver(gain if antenna is None else gain[..., antenna], scenario.association)
    return with_direct_gain(scenario, gain, serving, antenna), serving


def with_direct_gain(
    scenario: Scenario, gain: NDArray[np.float64], serving: NDArray[np.intp], antenna: NDArray[np.intp] | None
) -> NDArray[np.float64]:
    """Mean gains with the antenna gain of the links between each transmitter and the receiver that serves it.

    Args:
        scenario: the radio network, with its `direct_gain_db`.
        gain: mean gains, linear, (..., n, antennas).
        serving: the receiver of each transmitter, (..., m).
        antenna: the antenna of each transmitter, (m,); None: everybody has one of its own.

    Returns:
        Mean gains, linear, (..., n, antennas).
    """
    if scenario.direct_gain_db != 0:
        gain = gain.copy()
        runs, agents = gain.reshape(-1, *gain.shape[-2:]), serving.shape[-1]
        own = np.arange(agents) if antenna is None else antenna
        runs[np.arange(len(runs))[:, None], serving.reshape(-1, agents), own] *= 10 ** (scenario.direct_gain_db / 10)
    return gain
