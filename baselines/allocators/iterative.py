"""WMMSE and fractional programming, the allocators that iterate: batches of channels, each until it stands still.

Arrays are turned so that channels are the last axis: sums over transmitters are then sums of long rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from baselines.allocators.checks import AllocatorInput, ChannelGains, PerReceiver, PerTransmitter, Powers, checked, generator
from baselines.allocators.watch import Watch
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, number
from wirelessenv.physics.kernels import split
from wirelessenv.sentences import shown

Rows = Float[Doubles, "m n"]
"""A number of each of m pairs in each of n channels."""
CHANNELS_AT_ONCE = 256
"""Channels in a batch that fits the cache."""
Start = Literal["full", "random"]


class Channels(NamedTuple):
    """Some channels, channels last: gains split as (m, n) and (m, m, n), the latter 0 on its diagonal; the others (m, n)."""

    wanted: Rows
    cross: Float[Doubles, "m m n"]
    noise: Rows
    most: Rows
    weights: Rows

    @classmethod
    def of(cls, gain: Float[Doubles, "n m m"], *rows: Float[Doubles, "n m"]) -> "Channels":
        """Turn arrays with channels first into ones with channels last.

        Args:
            gain: |h|^2 as [receiver, transmitter], (n, m, m).
            *rows: noise, p_max and weights, each (n, m).

        Returns:
            The n channels.
        """
        turned = [np.ascontiguousarray(part.T) for part in rows]
        wanted, cross = split(gain)
        return cls(wanted.T.copy(), np.ascontiguousarray(np.moveaxis(cross, 0, -1)), *turned)

    def interference(self, power: Rows) -> Rows:
        """Power that receivers get from others, and noise, (m, n): added up, for a difference would lose strong SINRs."""
        return np.asarray(np.einsum("ijn,jn->in", self.cross, power) + self.noise)

    def value(self, power: Rows) -> Float[Doubles, " n"]:
        """Weighted sum rate of powers (m, n) in bit/s/Hz, (n,)."""
        return np.asarray((self.weights * np.log2(1 + self.wanted * power / self.interference(power))).sum(0))

    def pull(self, prices: Rows) -> Rows:
        """sum_k g_ki x_k of prices x (m, n): the price that each transmitter pays for a unit of power."""
        return np.asarray(np.einsum("kin,kn->in", self.cross, prices) + self.wanted * prices)

    def some(self, which: Int[NDArray[np.intp], " some"]) -> "Channels":
        """The channels of some places alone."""
        return Channels(*(part[..., which] for part in self))


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


def iterated(update: Update, given: AllocatorInput, limits: Limits, watch: Watch) -> Float[Doubles, "n m"]:
    """Powers at the end of iterations from each start, of which the best counts, channel by channel.

    Args:
        update: from powers (m, n) to the next ones.
        given: gain (n, m, m), noise (n, m), p_max (n, m) and weights (n, m).
        limits: starts and ends of the iterations.
        watch: the time that there is, and the progress.

    Returns:
        powers (n, m).
    """
    gains, noise, most, weights = given
    rng, best = generator(limits.seed), np.zeros_like(most)
    for begin in range(0, len(gains), CHANNELS_AT_ONCE):
        part = slice(begin, begin + CHANNELS_AT_ONCE)
        channels = Channels.of(gains[part], noise[part], most[part], weights[part])
        value, found = np.full(channels.most.shape[-1], -np.inf), np.zeros_like(channels.most)
        for start in limits.starts:
            power = channels.most.copy() if start == "full" else rng.random(channels.most.shape) * channels.most
            power = settled(update, channels, power, limits, watch)
            reached = channels.value(power)
            better = reached > value
            found[:, better], value[better] = power[:, better], reached[better]
            if watch.over():
                break
        best[part] = found.T
        watch.done(len(value))
    return best


def settled(update: Update, channels: Any, power: Rows, limits: Limits, watch: Watch) -> Rows:
    """Iterate every channel until its weighted sum rate changes by at most the tolerance, or a limit is reached.

    Args:
        update: from powers (m, n) to the next ones.
        channels: n of them, `Channels` or of their kind.
        power: before the first iteration, (m, n), changed in place.
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
        now = update(left, power[:, going])
        power[:, going[moving]] = now[:, moving]  # what stood still once stays, so that a batch changes nothing
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

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: a, of the rates, (..., m), or a number; None: 1.
        starts: "full" power or "random"; of several, the best end counts, channel by channel.
        tolerance: a channel stands still when its weighted sum rate changes by at most this in an iteration, bit/s/Hz.
        iterations: of each start, at most.
        seed: of random starts, one number or several.
        seconds: of time for all channels together, after which the powers reached so far count; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits, given = Limits.of(starts, tolerance, iterations, seed), checked(gain, noise, p_max, weights)
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
    pull = channels.pull(weight * receive**2)
    with np.errstate(over="ignore"):  # what is too much is p_max
        best = np.divide(weight * receive * root, pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(best**2, channels.most))


def fractional_programming(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    starts: Sequence[Start] = ("full",),
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int | Sequence[int] = 0,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """Closed-form fractional programming (Shen and Yu, 2018, Algorithm 3), which stops by the true objective.

    gamma_i = SINR_i, y_i = sqrt(a_i (1 + gamma_i) g_ii p_i) / (sum_j g_ij p_j + noise),
    p_i = min(p_max, y_i^2 a_i (1 + gamma_i) g_ii / (sum_k y_k^2 g_ki)^2).

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: a, of the rates, (..., m), or a number; None: 1.
        starts: "full" power or "random"; of several, the best end counts, channel by channel.
        tolerance: a channel stands still when its weighted sum rate changes by at most this in an iteration, bit/s/Hz.
        iterations: of each start, at most.
        seed: of random starts, one number or several.
        seconds: of time for all channels together, after which the powers reached so far count; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits, given = Limits.of(starts, tolerance, iterations, seed), checked(gain, noise, p_max, weights)
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
    pull = channels.pull(auxiliary**2)
    with np.errstate(over="ignore"):  # what is too much is p_max
        root = np.divide(auxiliary * np.sqrt(scale * channels.wanted), pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(root**2, channels.most))
