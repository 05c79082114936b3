"""One placement of a network: positions, shadowing, mean gains, and who serves whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wirelessenv.channel.geometry import Positions, distances, serving_receiver
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
    """E|h|^2 before association, shadowing and antenna gain included, (n, m); of a series of gains the mean over its slots"""
    shadowing: NDArray[np.float64]
    """the shadowing in it, dB, (n, antennas)"""


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
    key = (scenario.layout_seed, 0) if scenario.layout == "fixed" else (seed, episode)
    stations = scenario.receivers if scenario.association == "uplink" else None  # ad hoc, each transmitter has its own nearby
    transmitters, receivers = scenario.placement.draw(stream(key[0], "layout", key[1]), scenario.transmitters, stations)
    if scenario.gains is not None:
        serving = np.arange(scenario.transmitters)
        gain = scenario.given_gains().mean(axis=0, dtype=np.float64)
        gain = with_direct_gain(scenario, gain, serving, None)
        gain = np.minimum(gain, scenario.largest_gain)
        return Layout(transmitters, receivers, serving, gain.astype(np.float32), np.zeros_like(gain))
    antenna = scenario.placement.antennas(scenario.transmitters)
    shadowing = scenario.shadowing.draw(
        stream(key[0], "shadowing", key[1]), receivers, antenna_positions(transmitters, antenna)
    )
    with np.errstate(over="ignore"):
        gain, serving = antenna_gain(scenario, transmitters, receivers, shadowing)
    if not np.isfinite(gain).all():
        raise ConfigError(
            "path_loss, shadowing, direct_gain_db: not valid: the mean gain of a link is beyond 32-bit numbers, and 64-bit ones"
        )
    by_transmitter = np.minimum(gain if antenna is None else gain[:, antenna], scenario.largest_gain)
    return Layout(transmitters, receivers, serving, by_transmitter.astype(np.float32), shadowing)


def antenna_positions(transmitters: Positions, antenna: NDArray[np.intp] | None) -> Positions:
    """Positions of the antennas of some transmitters.

    Args:
        transmitters: positions (m, 2).
        antenna: the antenna of each transmitter, (m,); None: everybody has one of its own.

    Returns:
        Positions (antennas, 2).
    """
    return transmitters if antenna is None else transmitters[np.unique(antenna, return_index=True)[1]]


def antenna_gain(
    scenario: Scenario, transmitters: Positions, receivers: Positions, shadowing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean gains at given positions, and who serves whom.

    Args:
        scenario: the radio network.
        transmitters: positions (m, 2).
        receivers: positions (n, 2).
        shadowing: gains in dB, (n, antennas).

    Returns:
        Mean gains, linear, (n, antennas), and the serving receiver of every transmitter, (m,).
    """
    antenna = scenario.placement.antennas(scenario.transmitters)
    gain = scenario.path_loss.gain(distances(receivers, antenna_positions(transmitters, antenna)))
    if shadowing.any():
        gain = gain * 10 ** (shadowing / 10)
    serving = serving_receiver(gain if antenna is None else gain[:, antenna], scenario.association)
    return with_direct_gain(scenario, gain, serving, antenna), serving


def with_direct_gain(
    scenario: Scenario, gain: NDArray[np.float64], serving: NDArray[np.intp], antenna: NDArray[np.intp] | None
) -> NDArray[np.float64]:
    """Mean gains with the antenna gain of the links between each transmitter and the receiver that serves it.

    Args:
        scenario: the radio network, with its `direct_gain_db`.
        gain: mean gains, linear, (n, antennas).
        serving: the receiver of each transmitter, (m,).
        antenna: the antenna of each transmitter, (m,); None: everybody has one of its own.

    Returns:
        Mean gains, linear, (n, antennas).
    """
    if scenario.direct_gain_db != 0:
        gain = gain.copy()
        gain[serving, np.arange(len(serving)) if antenna is None else antenna] *= 10 ** (scenario.direct_gain_db / 10)
    return gain
