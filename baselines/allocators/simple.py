"""Allocators without iterations: everybody at full power, at random, and the best pattern of on and off."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from baselines.allocators.checks import Floats, checked, sum_rate
from wirelessenv.config import ConfigError

MOST_PATTERNS = 2**16
AT_ONCE = 2**14


def full_power(gain: ArrayLike, noise: ArrayLike, p_max: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Everybody at p_max."""
    _, _, most, _ = checked(gain, noise, p_max, weights)
    return np.array(most).reshape(np.shape(gain)[:-1])


def random_power(
    gain: ArrayLike, noise: ArrayLike, p_max: ArrayLike, weights: ArrayLike | None = None, *, seed: int | Sequence[int] = 0
) -> Floats:
    """Uniform in [0, p_max]."""
    _, _, most, _ = checked(gain, noise, p_max, weights)
    return (np.random.default_rng(seed).random(most.shape) * most).reshape(np.shape(gain)[:-1])


def on_off(gain: ArrayLike, noise: ArrayLike, p_max: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """The best of all 2^m patterns of 0 and p_max; raises ConfigError beyond m = 16.

    For two pairs that is an optimum of the sum rate (Gjendemsjo et al., 2008); for more it is a lower bound.
    """
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    agents = gains.shape[-1]
    if 2**agents > MOST_PATTERNS:
        raise ConfigError(f"gain: {agents} pairs are not valid: on_off tries all patterns, of at most 16 pairs")
    patterns = (np.arange(2**agents)[:, None] >> np.arange(agents) & 1).astype(float)
    best, value = np.zeros_like(most), np.full(len(gains), -np.inf)
    for start in range(0, len(patterns), step := max(1, AT_ONCE // len(gains))):
        power = patterns[start : start + step, None] * most
        found = sum_rate(gains, noises, power, weight)
        pick = found.argmax(0)
        rows = np.arange(len(gains))
        better = found[pick, rows] > value
        best[better], value[better] = power[pick, rows][better], found[pick, rows][better]
    return best.reshape(np.shape(gain)[:-1])


def delayed(gain: ArrayLike, slots: int) -> Floats:
    """The gains (..., time, m, m) of so many slots before, for an allocator that learns of them late; at first the first ones.

    >>> delayed(np.arange(4.0).reshape(4, 1, 1), 2).ravel().tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    series = np.asarray(gain)
    if series.ndim < 3 or slots < 0:
        raise ConfigError(f"gain, slots: {series.shape}, {slots} are not valid: (..., time, m, m), and 0 or more are needed")
    return np.asarray(series[..., np.maximum(np.arange(series.shape[-3]) - slots, 0), :, :])
