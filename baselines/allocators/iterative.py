"""WMMSE and fractional programming, the allocators that iterate: batches of channels, each until it stands still."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float

from baselines.allocators.channels import Channels, Rows
from baselines.allocators.checks import AllocatorInput, ChannelGains, PerReceiver, PerTransmitter, Powers, checked, generator
from baselines.allocators.watch import Watch
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, number
from wirelessenv.sentences import shown

CHANNELS_AT_ONCE, BANDS_AT_ONCE = 256, 1024
"""Channels in a batch that fits the cache, and their bands."""
Start = Literal["full", "random"]


MOST_STARTS = 10_000
"""Random starts are computed one after another: no optimum needs more, and a mistyped number would take days."""

Update = Callable[[Any, Rows], Rows]
"""From powers (m, n) to the next ones."""


class Limits(NamedTuple):
    """Starts of the iterations, and their ends."""

    starts: tuple[Start, ...] = ("full",)
    tolerance: float = 1e-3
    iterations: int = 100
    seed: int | Sequence[int] = 0

    @classmethod
    def of(cls, starts: Sequence[Start], tolerance: float, iterations: int, seed: int | Sequence[int]) -> "Limits":
        """Limits as a user asks for them.

        Args:
            starts: a list of "full" and "random".
            tolerance: bit/s/Hz, at least 0.
            iterations: at least 1.
            seed: of random starts, one number or several.

        Returns:
            The limits.

        Raises:
            ConfigError: in one sentence, where one of them cannot be used.
        """
        known = get_args(Start)
        if not isinstance(starts, Sequence) or not starts or not all(isinstance(s, str) and s in known for s in starts):
            raise ConfigError(f'starts: {shown(starts)} is not valid: it should be a list of "full" and "random"')
        if len(starts) > MOST_STARTS:
            raise ConfigError(f"starts: {len(starts)} of them are not valid: give at most {MOST_STARTS}")
        tolerance = number("tolerance", tolerance, above=False)
        generator(seed)  # refuses what is none
        return cls(tuple(starts), tolerance, count("iterations", iterations), seed)


def iterated(update: Update, given: AllocatorInput, limits: Limits, watch: Watch) -> Float[Doubles, "n *bands m"]:
    """Powers at the end of iterations from each start, of which the best counts, channel by channel.

    Args:
        update: from powers (m, n) to the next ones.
        given: gain (n, m, m), noise (n, m), p_max (n, m) and weights (n, m); gain (n, M, m, m) of M bands.
        limits: starts and ends of the iterations.
        watch: the time that there is, and the progress.

    Returns:
        powers (n, m), or (n, M, m).
    """
    gains, noise, most, weights = given
    rng, best = generator(limits.seed), np.zeros(gains.shape[:-1])
    at_once = CHANNELS_AT_ONCE if gains.ndim == 3 else max(1, min(CHANNELS_AT_ONCE, BANDS_AT_ONCE // gains.shape[1]))
    for begin in range(0, len(gains), at_once):
        part = slice(begin, begin + at_once)
        channels = Channels.of(gains[part], noise[part], most[part], weights[part])
        value, found = np.full(channels.most.shape[-1], -np.inf), np.zeros_like(channels.wanted)
        for start in limits.starts:
            power = settled(update, channels, channels.start(None if start == "full" else rng), limits, watch)
            reached = channels.value(power)
            better = reached > value
            found[..., better], value[better] = power[..., better], reached[better]
            if watch.over():
                break
        best[part] = np.moveaxis(found, -1, 0)
        watch.done(len(value))
    return best


def settled(update: Update, channels: Any, power: Rows, limits: Limits, watch: Watch) -> Rows:
    """Iterate every channel until its weighted sum rate changes by at most the tolerance, or a limit is reached.

    Args:
        update: from powers (m, n) to the next ones.
        channels: n of them, `Channels` or of their kind.
        power: before the first iteration, (m, n), or (M, m, n) of M bands, changed in place.
        limits: ends of the iterations.
        watch: the time that there is.

    Returns:
        Powers after the last iteration, (m, n).
    """
    going, value, left = np.arange(power.shape[-1]), channels.value(power), channels
    moving = np.ones(len(going), bool)
    for _ in range(limits.iterations):
        if watch.over():
            break
        now = update(left, power[..., going])
        power[..., going[moving]] = now[..., moving]  # what stood still once stays, so that a batch changes nothing
        reached = left.value(now)
        moving &= np.abs(reached - value) > limits.tolerance
        value = reached
        if not moving.any():
            break
        if moving.sum() < 0.7 * len(going):  # leave those that stand still behind, when it pays to copy the others
            going, value, left = going[moving], value[moving], left.some(np.flatnonzero(moving))
            moving = np.ones(len(going), bool)
    return power


def wmmse(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    starts: Sequence[Start] = ("full",),
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int | Sequence[int] = 0,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """Weighted minimum mean square error: a stationary point of the weighted sum rate (Shi et al., 2011).

    With amplitudes v = sqrt(p): u_i = h_ii v_i / (sum_j g_ij p_j + noise), w_i = 1 / (1 - u_i h_ii v_i),
    v_i = clip(a_i w_i u_i h_ii / sum_k a_k w_k u_k^2 g_ki, 0, sqrt(p_max)). There 1 - u_i h_ii v_i is 1 / (1 + SINR_i).
    With several bands the same in each, but v_ib = a_i w_ib u_ib h_ib / (sum_k a_k w_kb u_kb^2 g_kib + mu_i), where mu_i >= 0
    is the smallest with sum_b v_ib^2 <= p_max.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter over all bands, (..., m), or a number.
        weights: a, of the rates, (..., m), or a number; None: 1.
        bands: M.
        starts: "full" power or "random"; of several, the best end counts, channel by channel.
        tolerance: a channel stands still when its weighted sum rate changes by at most this in an iteration, bit/s/Hz.
        iterations: of each start, at most.
        seed: of random starts, one number or several.
        seconds: of time for all channels together, after which the powers reached so far count; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m), or (..., M, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits, given = Limits.of(starts, tolerance, iterations, seed), checked(gain, noise, p_max, weights, bands)
    with Watch("WMMSE", len(given[0]), seconds, progress) as watch:
        return iterated(wmmse_step, given, limits, watch).reshape(np.shape(gain)[:-1])


def wmmse_step(channels: Any, power: Rows) -> Rows:
    """One iteration of `wmmse` on all channels.

    Args:
        channels: of m pairs, n of them.
        power: before the iteration, (m, n).

    Returns:
        Powers after it, (m, n).
    """
    amplitude, root = np.sqrt(power), np.sqrt(channels.wanted)
    own, interference = channels.wanted * power, channels.interference(power)
    receive = root * amplitude / (own + interference)
    weight = channels.weights * (1 + own / interference)
    return np.asarray(channels.powers(weight * receive * root, channels.pull(weight * receive**2), power))


def fractional_programming(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    starts: Sequence[Start] = ("full",),
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int | Sequence[int] = 0,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """Closed-form fractional programming (Shen and Yu, 2018, Algorithm 3), which stops by the true objective.

    gamma_i = SINR_i, y_i = sqrt(a_i (1 + gamma_i) g_ii p_i) / (sum_j g_ij p_j + noise),
    p_i = min(p_max, y_i^2 a_i (1 + gamma_i) g_ii / (sum_k y_k^2 g_ki)^2). With several bands the same in each, but mu_i is
    added to sum_k y_k^2 g_ki: the smallest mu_i >= 0 with which a transmitter's powers add up to p_max or less.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter over all bands, (..., m), or a number.
        weights: a, of the rates, (..., m), or a number; None: 1.
        bands: M.
        starts: "full" power or "random"; of several, the best end counts, channel by channel.
        tolerance: a channel stands still when its weighted sum rate changes by at most this in an iteration, bit/s/Hz.
        iterations: of each start, at most.
        seed: of random starts, one number or several.
        seconds: of time for all channels together, after which the powers reached so far count; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m), or (..., M, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits, given = Limits.of(starts, tolerance, iterations, seed), checked(gain, noise, p_max, weights, bands)
    with Watch("fractional programming", len(given[0]), seconds, progress) as watch:
        return iterated(fractional_step, given, limits, watch).reshape(np.shape(gain)[:-1])


def fractional_step(channels: Any, power: Rows) -> Rows:
    """One iteration of `fractional_programming` on all channels.

    Args:
        channels: of m pairs, n of them.
        power: before the iteration, (m, n).

    Returns:
        Powers after it, (m, n).
    """
    own, interference = channels.wanted * power, channels.interference(power)
    scale = channels.weights * (1 + own / interference)  # a (1 + gamma)
    auxiliary = np.sqrt(scale * own) / (own + interference)
    return np.asarray(channels.powers(auxiliary * np.sqrt(scale * channels.wanted), channels.pull(auxiliary**2), power))
