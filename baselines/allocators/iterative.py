"""WMMSE, fractional programming and the max-min allocator: batches of channels, each until it stands still.

Arrays are turned so that channels are the last axis: sums over transmitters are then sums of long rows.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from baselines.allocators.checks import Floats, checked
from wirelessenv.config import ConfigError
from wirelessenv.physics.rates import split

Rows = NDArray[np.float64]
CHANNELS_AT_ONCE = 256
"""What fits the cache."""
BISECTIONS = 80
Start = Literal["full", "random"]


class Channels(NamedTuple):
    """Some channels, channels last: gains split as (m, n) and (m, m, n), the latter 0 on its diagonal; the others (m, n)."""

    wanted: Rows
    cross: Rows
    noise: Rows
    most: Rows
    weights: Rows

    @classmethod
    def of(cls, gain: Floats, *rows: Floats) -> Self:
        """Of gain (n, m, m), noise, p_max and weights (n, m)."""
        turned = [np.ascontiguousarray(part.T) for part in rows]
        wanted, cross = split(gain)
        return cls(wanted.T.copy(), np.ascontiguousarray(np.moveaxis(cross, 0, -1)), *turned)

    def interference(self, power: Rows) -> Rows:
        """What arrives at each receiver from others, and noise, (m, n): summed up, for a difference would lose strong SINRs."""
        return np.asarray(np.einsum("ijn,jn->in", self.cross, power) + self.noise)

    def value(self, power: Rows) -> Rows:
        """The weighted sum rate in bit/s/Hz, (n,)."""
        return np.asarray((self.weights * np.log2(1 + self.wanted * power / self.interference(power))).sum(0))

    def pull(self, prices: Rows) -> Rows:
        """sum_k g_ki x_k of prices x (m, n): what each transmitter pays for a unit of power."""
        return np.asarray(np.einsum("kin,kn->in", self.cross, prices) + self.wanted * prices)

    def some(self, which: NDArray[np.intp]) -> "Channels":
        """Those channels alone."""
        return Channels(*(part[..., which] for part in self))


Update = Callable[[Channels, Rows], Rows]
"""From powers (m, n) to the next ones."""


def _iterated(  # noqa: PLR0917  # what an allocator was given, handed on
    update: Update,
    gain: ArrayLike,
    given: tuple[Floats, ...],
    starts: Sequence[Start],
    tolerance: float,
    iterations: int,
    seed: int,
) -> Floats:
    """The best over the starts of what `update` leads to, channel by channel."""
    if iterations < 1 or not tolerance >= 0 or not starts or set(starts) - {"full", "random"}:
        raise ConfigError('starts, tolerance, iterations: not valid: "full" or "random", 0 or more, and 1 or more are needed')
    gains, noise, most, weights = given
    rng, best = np.random.default_rng(seed), np.zeros_like(most)
    for begin in range(0, len(gains), CHANNELS_AT_ONCE):
        part = slice(begin, begin + CHANNELS_AT_ONCE)
        channels = Channels.of(gains[part], noise[part], most[part], weights[part])
        value, found = np.full(channels.most.shape[-1], -np.inf), np.zeros_like(channels.most)
        for start in starts:
            power = channels.most.copy() if start == "full" else rng.random(channels.most.shape) * channels.most
            power = _settled(update, channels, power, tolerance, iterations)
            reached = channels.value(power)
            better = reached > value
            found[:, better], value[better] = power[:, better], reached[better]
        best[part] = found.T
    return best.reshape(np.shape(gain)[:-1])


def _settled(update: Update, channels: Channels, power: Rows, tolerance: float, iterations: int) -> Rows:
    """Iterate every channel until its weighted sum rate changes by at most `tolerance`, or for so many iterations."""
    going, value, left = np.arange(power.shape[-1]), channels.value(power), channels
    moving = np.ones(len(going), bool)
    for _ in range(iterations):
        now = update(left, power[:, going])
        power[:, going[moving]] = now[:, moving]  # what stood still once stays, so that a batch changes nothing
        reached = left.value(now)
        moving &= np.abs(reached - value) > tolerance
        value = reached
        if not moving.any():
            break
        if moving.sum() < 0.7 * len(going):  # leave those that stand still behind, when it pays to copy the others
            going, value, left = going[moving], value[moving], left.some(np.flatnonzero(moving))
            moving = np.ones(len(going), bool)
    return power


def wmmse(
    gain: ArrayLike,
    noise: ArrayLike,
    p_max: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    starts: Sequence[Start] = ("full",),
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int = 0,
) -> Floats:
    """Weighted minimum mean square error: a stationary point of the weighted sum rate (Shi et al., 2011), (..., m).

    With amplitudes v = sqrt(p): u_i = h_ii v_i / (sum_j g_ij p_j + noise), w_i = 1 / (1 - u_i h_ii v_i),
    v_i = clip(a_i w_i u_i h_ii / sum_k a_k w_k u_k^2 g_ki, 0, sqrt(p_max)). There 1 - u_i h_ii v_i is 1 / (1 + SINR_i).

    Args:
        gain: |h|^2 (..., m, m), [receiver, transmitter].
        noise: noise power.
        p_max: largest powers.
        weights: a.
        starts: "full" power or "random"; of several, the best end counts, channel by channel.
        tolerance: a channel stands still when its weighted sum rate changes by at most this in an iteration.
        iterations: at most so many.
        seed: of random starts.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """

    def update(channels: Channels, power: Rows) -> Rows:
        amplitude, root = np.sqrt(power), np.sqrt(channels.wanted)
        own, interference = channels.wanted * power, channels.interference(power)
        receive = root * amplitude / (own + interference)
        weight = channels.weights * (1 + own / interference)
        pull = channels.pull(weight * receive**2)
        best = np.divide(weight * receive * root, pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(best**2, channels.most))

    return _iterated(update, gain, checked(gain, noise, p_max, weights), starts, tolerance, iterations, seed)


def fractional_programming(
    gain: ArrayLike,
    noise: ArrayLike,
    p_max: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    starts: Sequence[Start] = ("full",),
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int = 0,
) -> Floats:
    """Closed-form fractional programming (Shen and Yu, 2018, Algorithm 3), which stops by the true objective, (..., m).

    gamma_i = SINR_i, y_i = sqrt(a_i (1 + gamma_i) g_ii p_i) / (sum_j g_ij p_j + noise),
    p_i = min(p_max, y_i^2 a_i (1 + gamma_i) g_ii / (sum_k y_k^2 g_ki)^2). Arguments as those of `wmmse`.
    """

    def update(channels: Channels, power: Rows) -> Rows:
        own, interference = channels.wanted * power, channels.interference(power)
        scale = channels.weights * (1 + own / interference)  # a (1 + gamma)
        auxiliary = np.sqrt(scale * own) / (own + interference)
        pull = channels.pull(auxiliary**2)
        root = np.divide(auxiliary * np.sqrt(scale * channels.wanted), pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(root**2, channels.most))

    return _iterated(update, gain, checked(gain, noise, p_max, weights), starts, tolerance, iterations, seed)


def max_min(gain: ArrayLike, noise: ArrayLike, p_max: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """The powers with the largest smallest SINR_i / a_i, (..., m): all of these are equal, and one power is at its maximum.

    With F_ij = a_i g_ij / g_ii and n_i = a_i noise_i / g_ii, SINR_i >= t a_i for all i where p = t (F p + n). For t below
    1 / rho(F) that has one solution, which grows with t; beyond, none that is positive. The largest t whose solution is in
    [0, p_max] is found by bisection. (Yates's iteration of the same equation needs thousands of steps where few pairs disturb
    each other strongly.) A pair without a channel or a weight stays silent. Raises ConfigError for what cannot be used.
    """
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    parts = (
        _max_min(*(one[begin : begin + CHANNELS_AT_ONCE] for one in (gains, noises, most, weight)))
        for begin in range(0, len(gains), CHANNELS_AT_ONCE)
    )
    return np.concatenate(list(parts)).reshape(np.shape(gain)[:-1])


def _max_min(gain: Floats, noise: Floats, most: Floats, weights: Floats) -> Floats:
    wanted, cross = split(gain)
    served = (wanted > 0) & (weights > 0)
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
        target = np.sqrt(low) * np.sqrt(high)
        power = _reaching(target, heard, alone)
        possible = np.asarray(((power >= 0) & (power <= full)).all(-1))
        best = np.where(possible[:, None], power, best)
        low, high = np.where(possible, target, low), np.where(possible, high, target)
    largest = (best / most).max(-1, keepdims=True)
    return np.asarray(np.divide(best, largest, out=np.zeros_like(best), where=largest > 0))


def _reaching(target: Floats, heard: Floats, alone: Floats) -> Floats:
    """The p (n, m) of p = t (F p + n), whatever its sign."""
    system = np.eye(heard.shape[-1]) - target[:, None, None] * heard
    wanted = (target[:, None] * alone)[..., None]
    try:
        return np.asarray(np.linalg.solve(system, wanted)[..., 0])
    except np.linalg.LinAlgError:  # t is 1 / rho(F) exactly: beside it, no solution is in reach either
        return np.asarray(np.linalg.solve(system + 1e-13 * np.eye(heard.shape[-1]), wanted)[..., 0])
