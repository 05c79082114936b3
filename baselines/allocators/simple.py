"""Allocators without iterations: everybody at full power, at random, in a random band, and the best pattern of on and off."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from baselines.allocators.channels import shares
from baselines.allocators.checks import ChannelGains, PerReceiver, PerTransmitter, Powers, checked, generator, value_of
from baselines.allocators.watch import Watch
from wirelessenv.arrays import ArrayLike, Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, gains, number, numbers, within

MOST_PATTERNS = 2**16
AT_ONCE = 2**14


def full_power(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
) -> Powers:
    """Powers of everybody at the maximum, whatever the channel; of several bands p_max, split evenly.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter over all bands, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.

    Returns:
        powers (..., m), or (..., M, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    _, _, most, _ = checked(gain, noise, p_max, weights, bands)
    if bands > 1:
        most = np.repeat(most[:, None] / bands, bands, axis=1)
    return np.array(most).reshape(np.shape(gain)[:-1])


def random_power(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    seed: int | Sequence[int] = 0,
) -> Powers:
    """Powers drawn uniformly from [0, p_max], independent of the channel; of several bands from all whose sum is so much.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter over all bands, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.
        seed: of the draws, one number or several.

    Returns:
        powers (..., m), or (..., M, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    _, _, most, _ = checked(gain, noise, p_max, weights, bands)
    rng = generator(seed)
    if bands == 1:
        return (rng.random(most.shape) * most).reshape(np.shape(gain)[:-1])
    return (shares(rng, most.shape, bands) * most[..., None]).swapaxes(1, 2).reshape(np.shape(gain)[:-1])


def random_band(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    idle: float = 0.0,
    seed: int | Sequence[int] = 0,
) -> Powers:
    """Everybody at full power in one band, drawn uniformly, or silent, independent of the channel.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter over all bands, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.
        idle: probability that a transmitter is silent, in [0, 1].
        seed: of the draws, one number or several.

    Returns:
        powers (..., m), or (..., M, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    _, _, most, _ = checked(gain, noise, p_max, weights, bands)
    idle = number("idle", idle, above=False)
    within("idle", np.array(idle), 0, 1, "a probability in [0, 1]")
    rng = generator(seed)
    chosen = np.where(rng.random(most.shape) < idle, bands, rng.integers(bands, size=most.shape))
    power = most[:, None] * (chosen[:, None] == np.arange(bands)[:, None])
    return np.asarray(power.reshape(np.shape(gain)[:-1]))


def on_off(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """The best of all 2^m patterns of 0 and p_max, for at most 16 pairs; of M bands (M + 1)^m patterns of one band or none.

    For two pairs and one band that is an optimum of the sum rate (Gjendemsjo et al., 2008); for more it is a lower bound.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter over all bands, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.
        seconds: of time for all channels together, after which the best of the patterns tried so far counts; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m), or (..., M, m), each 0 or p_max.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used, and for more than 16 pairs, or 2^16 patterns.
    """
    gains, noises, most, weight = checked(gain, noise, p_max, weights, bands)
    agents = gains.shape[-1]
    if (bands + 1) ** agents > MOST_PATTERNS:
        raise ConfigError(f"gain: {agents} pairs are not valid: {tries_all(bands)}")
    best = np.empty(gains.shape[:-1])
    with Watch("on/off", len(gains), seconds, progress) as watch:
        for begin in range(0, len(gains), AT_ONCE):
            part = slice(begin, begin + AT_ONCE)
            best[part] = _best_pattern(gains[part], noises[part], most[part], weight[part], watch)
            watch.done(len(best[part]))
    return best.reshape(np.shape(gain)[:-1])


def tries_all(bands: int) -> str:
    """Say how many pairs `on_off` can have."""
    most = int(math.log(MOST_PATTERNS) / math.log(bands + 1) + 1e-9)
    return f"on_off tries all patterns, of at most {most} pairs" + (f" in {bands} bands" if bands > 1 else "")


def _best_pattern(
    gains: Float[Doubles, "n *bands m m"],
    noises: Float[Doubles, "n m"],
    most: Float[Doubles, "n m"],
    weight: Float[Doubles, "n m"],
    watch: Watch,
) -> Float[Doubles, "n *bands m"]:
    agents, rows, bands = gains.shape[-1], np.arange(len(gains)), gains.shape[1] if gains.ndim == 4 else 1
    chosen = np.arange((bands + 1) ** agents)[:, None] // (bands + 1) ** np.arange(agents) % (bands + 1)  # 0: silent
    patterns = (chosen[:, None] == np.arange(1, bands + 1)[:, None]).astype(float)
    best, value = np.zeros(gains.shape[:-1]), np.full(len(gains), -np.inf)
    for start in range(0, len(patterns), step := max(1, AT_ONCE // len(gains))):
        power = (patterns[start : start + step, None] * most[:, None]).reshape(-1, *best.shape)
        found = value_of(gains, noises, power, weight, bands)
        pick = found.argmax(0)
        better = found[pick, rows] > value
        best[better], value[better] = power[pick, rows][better], found[pick, rows][better]
        if watch.over():
            break
    return best


def delayed(
    gain: Float[np.ndarray, "*batch slots rx tx"] | ArrayLike, slots: int, *, bands: int = 1
) -> Float[np.ndarray, "*batch slots rx tx"]:
    """Gains of some slots before, for an allocator that learns of them late; at first the first ones.

    >>> delayed(np.arange(4.0).reshape(4, 1, 1), 2).ravel().tolist()
    [0.0, 0.0, 0.0, 1.0]

    Args:
        gain: a series, (..., time, m, m); of M bands (..., time, M, m, m).
        slots: of delay, at least 0.
        bands: M.

    Returns:
        A series of the same shape.

    Raises:
        ConfigError: for gains or slots that cannot be used.
    """
    series, slots = numbers("gain", gain, double=False), count("slots", slots, 0)
    axes = "(..., time, m, m)" if bands == 1 else "(..., time, M, m, m)"
    gains("gain", series, axes=axes, fewest=3 if bands == 1 else 4)
    axis = series.ndim - (3 if bands == 1 else 4)
    there = series.shape[axis]
    return np.asarray(series.take(np.maximum(np.arange(there) - min(slots, there), 0), axis))
