"""WMMSE and fractional programming: batches of channels, each until it stands still.

Arrays are turned so that channels are the last axis: sums over transmitters are then sums of long rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from baselines.allocators.checks import Floats, checked, generator
from baselines.allocators.watch import Watch
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, number
from wirelessenv.physics.kernels import split
from wirelessenv.sentences import shown

Rows = NDArray[np.float64]
CHANNELS_AT_ONCE = 256
"""What fits the cache."""
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


class Limits(NamedTuple):
    """Where iterations begin, and when they end."""

    starts: tuple[Start, ...] = ("full",)
    tolerance: float = 1e-3
    iterations: int = 100
    seed: Any = 0

    @classmethod
    def of(cls, starts: Any, tolerance: Any, iterations: Any, seed: Any) -> Self:
        """Those that a user asks for; raises ConfigError in one sentence."""
        known = get_args(Start)
        if not isinstance(starts, Sequence) or not starts or not all(isinstance(s, str) and s in known for s in starts):
            raise ConfigError(f'starts: {shown(starts)} is not valid: it should be a list of "full" and "random"')
        tolerance = number("tolerance", tolerance, above=False)
        generator(seed)  # refuses what is none
        return cls(tuple(starts), tolerance, count("iterations", iterations), seed)


def iterated(update: Update, given: tuple[Floats, ...], limits: Limits, watch: Watch) -> Floats:
    """The best over the starts of what `update` leads to, channel by channel; (n, m)."""
    gains, noise, most, weights = given
    rng, best = generator(limits.seed), np.zeros_like(most)
    for begin in range(0, len(gains), CHANNELS_AT_ONCE):
        part = slice(begin, begin + CHANNELS_AT_ONCE)
        channels = Channels.of(gains[part], noise[part], most[part], weights[part])
        value, found = np.full(channels.most.shape[-1], -np.inf), np.zeros_like(channels.most)
        for start in limits.starts:
            power = channels.most.copy() if start == "full" else rng.random(channels.most.shape) * channels.most
            power = _settled(update, channels, power, limits, watch)
            reached = channels.value(power)
            better = reached > value
            found[:, better], value[better] = power[:, better], reached[better]
            if watch.over():
                break
        best[part] = found.T
        watch.done(len(value))
    return best


def _settled(update: Update, channels: Channels, power: Rows, limits: Limits, watch: Watch) -> Rows:
    """Iterate every channel until its weighted sum rate changes by at most the tolerance, or a limit is reached."""
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
    gain: ArrayLike,
    noise: ArrayLike,
    p_max: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    starts: Sequence[Start] = ("full",),
    tolerance: float = 1e-3,
    iterations: int = 100,
    seed: int = 0,
    seconds: float | None = None,
    progress: bool = False,
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
        seconds: for all channels together; then the powers reached so far are returned.
        progress: show how many channels are done, on stderr.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits, given = Limits.of(starts, tolerance, iterations, seed), checked(gain, noise, p_max, weights)
    with Watch("WMMSE", len(given[0]), seconds, progress) as watch:
        return iterated(wmmse_step, given, limits, watch).reshape(np.shape(gain)[:-1])


def wmmse_step(channels: Channels, power: Rows) -> Rows:
    """One iteration of `wmmse`."""
    amplitude, root = np.sqrt(power), np.sqrt(channels.wanted)
    own, interference = channels.wanted * power, channels.interference(power)
    receive = root * amplitude / (own + interference)
    weight = channels.weights * (1 + own / interference)
    pull = channels.pull(weight * receive**2)
    with np.errstate(over="ignore"):  # what is too much is p_max
        best = np.divide(weight * receive * root, pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(best**2, channels.most))


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
    seconds: float | None = None,
    progress: bool = False,
) -> Floats:
    """Closed-form fractional programming (Shen and Yu, 2018, Algorithm 3), which stops by the true objective, (..., m).

    gamma_i = SINR_i, y_i = sqrt(a_i (1 + gamma_i) g_ii p_i) / (sum_j g_ij p_j + noise),
    p_i = min(p_max, y_i^2 a_i (1 + gamma_i) g_ii / (sum_k y_k^2 g_ki)^2). Arguments as those of `wmmse`.
    """
    limits, given = Limits.of(starts, tolerance, iterations, seed), checked(gain, noise, p_max, weights)
    with Watch("fractional programming", len(given[0]), seconds, progress) as watch:
        return iterated(_fractional_step, given, limits, watch).reshape(np.shape(gain)[:-1])


def _fractional_step(channels: Channels, power: Rows) -> Rows:
    own, interference = channels.wanted * power, channels.interference(power)
    scale = channels.weights * (1 + own / interference)  # a (1 + gamma)
    auxiliary = np.sqrt(scale * own) / (own + interference)
    pull = channels.pull(auxiliary**2)
    with np.errstate(over="ignore"):  # what is too much is p_max
        root = np.divide(auxiliary * np.sqrt(scale * channels.wanted), pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(root**2, channels.most))
