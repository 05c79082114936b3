"""Max-min allocator: the same SINR for everybody, as large as it can be."""

import numpy as np
from jaxtyping import Float

from baselines.allocators.checks import ChannelGains, PerReceiver, PerTransmitter, Powers, checked
from baselines.allocators.watch import Watch
from wirelessenv.arrays import Doubles
from wirelessenv.physics.kernels import split

CHANNELS_AT_ONCE = 256
"""Channels in a batch that fits the cache."""
BISECTIONS = 80
NOTHING = 1e-100
"""A channel or a weight so small is none: its inverse would leave no room for others."""


def max_min(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """Powers with the largest smallest SINR_i / a_i: all of these are equal, and one power is at its maximum.

    With F_ij = a_i g_ij / g_ii and n_i = a_i noise_i / g_ii, SINR_i >= t a_i for all i where p = t (F p + n). For t below
    1 / rho(F) that has one solution, which grows with t; beyond, none that is positive. The largest t whose solution is in
    [0, p_max] is found by bisection. (Yates's iteration of the same equation needs thousands of steps where few pairs disturb
    each other strongly.) A pair without a channel or a weight stays silent.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: a, of the SINRs, (..., m), or a number; None: 1.
        seconds: of time for all channels together, after which the best powers found so far count; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    best = np.empty_like(most)
    with Watch("max-min", len(gains), seconds, progress) as watch:
        for begin in range(0, len(gains), CHANNELS_AT_ONCE):
            part = slice(begin, begin + CHANNELS_AT_ONCE)
            best[part] = _max_min(gains[part], noises[part], most[part], weight[part], watch)
            watch.done(len(best[part]))
    return best.reshape(np.shape(gain)[:-1])


def _max_min(
    gain: Float[Doubles, "n m m"],
    noise: Float[Doubles, "n m"],
    most: Float[Doubles, "n m"],
    weights: Float[Doubles, "n m"],
    watch: Watch,
) -> Float[Doubles, "n m"]:
    wanted, cross = split(gain)
    served = (wanted > NOTHING) & (weights > NOTHING)
    scale = np.divide(weights, wanted, out=np.zeros_like(most), where=served)
    heard, alone = scale[..., None] * cross * served[:, None, :], scale * noise
    full = np.where(served, most, 0.0)
    needed = (heard @ full[..., None])[..., 0] + alone  # for t = 1, while everybody is at full power
    with np.errstate(divide="ignore", invalid="ignore"):  # of those who are not served
        low = np.where(served, full / needed, np.inf).min(-1)  # full power reaches it
        high = np.where(served, full / alone, np.inf).min(-1)  # nobody reaches it, even without interference
    any_served = served.any(-1)
    low, high = np.where(any_served, low, 1.0), np.where(any_served, high, 1.0)
    best = full
    for _ in range(BISECTIONS):
        if watch.over():
            break
        target = np.sqrt(low) * np.sqrt(high)
        power = _reaching(target, heard, alone)
        possible = np.asarray(((power >= 0) & (power <= full)).all(-1))
        best = np.where(possible[:, None], power, best)
        low, high = np.where(possible, target, low), np.where(possible, high, target)
    largest = (best / most).max(-1, keepdims=True)
    return np.asarray(np.divide(best, largest, out=np.zeros_like(best), where=largest > 0))


def _reaching(
    target: Float[Doubles, " n"], heard: Float[Doubles, "n m m"], alone: Float[Doubles, "n m"]
) -> Float[Doubles, "n m"]:
    """The p (n, m) with p = t (F p + n), of any sign."""
    system = np.eye(heard.shape[-1]) - target[:, None, None] * heard
    wanted = (target[:, None] * alone)[..., None]
    try:
        return np.asarray(np.linalg.solve(system, wanted)[..., 0])
    except np.linalg.LinAlgError:  # t is 1 / rho(F) exactly: beside it, no solution is in reach either
        return np.asarray(np.linalg.solve(system + 1e-13 * np.eye(heard.shape[-1]), wanted)[..., 0])
