"""Allocators without iterations: everybody at full power, at random, and the best pattern of on and off."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from baselines.allocators.checks import ChannelGains, PerReceiver, PerTransmitter, Powers, checked, generator, value_of
from baselines.allocators.watch import Watch
from wirelessenv.arrays import ArrayLike, Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, gains, numbers

MOST_PATTERNS = 2**16
AT_ONCE = 2**14


def full_power(gain: ChannelGains, noise: PerReceiver, p_max: PerTransmitter, weights: PerReceiver | None = None) -> Powers:
    """Powers of everybody at the maximum, whatever the channel.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.

    Returns:
        powers (..., m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    _, _, most, _ = checked(gain, noise, p_max, weights)
    return np.array(most).reshape(np.shape(gain)[:-1])


def random_power(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    seed: int | Sequence[int] = 0,
) -> Powers:
    """Powers drawn uniformly from [0, p_max], independent of the channel.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        seed: of the draws, one number or several.

    Returns:
        powers (..., m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    _, _, most, _ = checked(gain, noise, p_max, weights)
    return (generator(seed).random(most.shape) * most).reshape(np.shape(gain)[:-1])


def on_off(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """The best of all 2^m patterns of 0 and p_max, for at most 16 pairs.

    For two pairs that is an optimum of the sum rate (Gjendemsjo et al., 2008); for more it is a lower bound.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        seconds: of time for all channels together, after which the best of the patterns tried so far counts; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m), each 0 or p_max.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used, and for more than 16 pairs.
    """
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    agents = gains.shape[-1]
    if 2**agents > MOST_PATTERNS:
        raise ConfigError(f"gain: {agents} pairs are not valid: on_off tries all patterns, of at most 16 pairs")
    best = np.empty_like(most)
    with Watch("on/off", len(gains), seconds, progress) as watch:
        for begin in range(0, len(gains), AT_ONCE):
            part = slice(begin, begin + AT_ONCE)
            best[part] = _best_pattern(gains[part], noises[part], most[part], weight[part], watch)
            watch.done(len(best[part]))
    return best.reshape(np.shape(gain)[:-1])


def _best_pattern(
    gains: Float[Doubles, "n m m"],
    noises: Float[Doubles, "n m"],
    most: Float[Doubles, "n m"],
    weight: Float[Doubles, "n m"],
    watch: Watch,
) -> Float[Doubles, "n m"]:
    agents, rows = gains.shape[-1], np.arange(len(gains))
    patterns = (np.arange(2**agents)[:, None] >> np.arange(agents) & 1).astype(float)
    best, value = np.zeros_like(most), np.full(len(gains), -np.inf)
    for start in range(0, len(patterns), step := max(1, AT_ONCE // len(gains))):
        power = patterns[start : start + step, None] * most
        found = value_of(gains, noises, power, weight)
        pick = found.argmax(0)
        better = found[pick, rows] > value
        best[better], value[better] = power[pick, rows][better], found[pick, rows][better]
        if watch.over():
            break
    return best


def delayed(gain: Float[np.ndarray, "*batch slots rx tx"] | ArrayLike, slots: int) -> Float[np.ndarray, "*batch slots rx tx"]:
    """Gains of some slots before, for an allocator that learns of them late; at first the first ones.

    >>> delayed(np.arange(4.0).reshape(4, 1, 1), 2).ravel().tolist()
    [0.0, 0.0, 0.0, 1.0]

    Args:
        gain: a series, (..., time, m, m).
        slots: of delay, at least 0.

    Returns:
        A series of the same shape.

    Raises:
        ConfigError: for gains or slots that cannot be used.
    """
    series, slots = numbers("gain", gain, double=False), count("slots", slots, 0)
    gains("gain", series, axes="(..., time, m, m)", fewest=3)
    return np.asarray(series[..., np.maximum(np.arange(series.shape[-3]) - min(slots, series.shape[-3]), 0), :, :])
