"""Link scheduling: every transmitter is silent or at full power. Greedy, ITLinQ, and FPLinQ."""

import numpy as np
from jaxtyping import Float

from baselines.allocators.checks import AllocatorInput, ChannelGains, PerReceiver, PerTransmitter, Powers, checked, value_of
from baselines.allocators.iterative import Limits, fractional_step, iterated
from baselines.allocators.watch import Watch
from wirelessenv.arrays import Doubles
from wirelessenv.physics.checks import number
from wirelessenv.physics.kernels import rate, sinr, split

ON_FROM = 0.25
"""Share of p_max from which a link of FPLinQ is on: there z, the root of its share, is 1/2."""
MARGIN = 10**2.5
"""25 dB."""


def greedy_scheduling(
    gain: ChannelGains, noise: PerReceiver, p_max: PerTransmitter, weights: PerReceiver | None = None
) -> Powers:
    """Links switched on one after another, as long as the weighted sum rate grows.

    In the order of falling w_i log2(1 + g_ii p_i / noise_i), the weighted rate that a link has alone, each link is switched on
    and stays on if sum_i w_i log2(1 + SINR_i) of all that are on has become larger (the greedy heuristic of Cui et al., 2019).

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: power of a transmitter that is on, (..., m), or a number.
        weights: w, of the rates, (..., m), or a number; None: 1.

    Returns:
        powers (..., m), each 0 or p_max.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    alone = weight * np.log2(1 + np.einsum("nii->ni", gains) * most / noises)
    rows, power, best = np.arange(len(gains)), np.zeros_like(most), np.zeros(len(gains))
    for link in np.argsort(-alone, axis=1, kind="stable").T:
        power[rows, link] = most[rows, link]
        value = value_of(gains, noises, power, weight)
        power[rows[value <= best], link[value <= best]] = 0
        best = np.maximum(best, value)
    return power.reshape(np.shape(gain)[:-1])


def itlinq(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    exponent: float = 0.5,
    margin: float = MARGIN,
) -> Powers:
    """ITLinQ: links that are on disturb each other so little that treating interference as noise is nearly optimal.

    Treating interference as noise is optimal up to a constant gap where SNR_i >= max_j INR_ij max_k INR_ki for all links, with
    SNR_i = g_ii p_i / noise_i and INR_ij = g_ij p_j / noise_i (Geng et al., 2015). ITLinQ splits that in two and relaxes it, so
    that every link can decide for itself: it is switched on if INR_ij <= M SNR_i^eta and INR_ji <= M SNR_i^eta for all links j
    that are on before it (Naderializadeh and Avestimehr, 2014). eta = 1/2 and M = 1 imply the condition above for the link that
    decides; eta = 1/2 and M = 25 dB are what Naderializadeh et al. (2022) compare with. Links come in the order of falling
    w_i log2(1 + SINR_i) at full power of all, the first of them always on: proportional-fair, where w_i is 1 over a mean rate.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: power of a transmitter that is on, (..., m), or a number.
        weights: w, of the order alone, (..., m), or a number; None: 1.
        exponent: eta, 0 or more.
        margin: M, linear, above 0.

    Returns:
        powers (..., m), each 0 or p_max.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    eta, margin = number("exponent", exponent, above=False), number("margin", margin)
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    wanted, cross = split(gains)
    order = np.argsort(-weight * rate(sinr(wanted, cross, most, noises)), axis=1, kind="stable")
    limit = margin * (wanted * most / noises) ** eta
    received = cross * most[:, None, :] / noises[..., None]  # INR [receiver, transmitter]
    rows, on = np.arange(len(gains)), np.zeros(most.shape, bool)
    for place, link in enumerate(order.T):
        loudest = np.maximum(
            (received[rows, link] * on).max(1),  # what it hears of those that are on
            (received[rows, :, link] * on).max(1),  # what they hear of it
        )
        on[rows, link] = (loudest <= limit[rows, link]) | (place == 0)
    return (on * most).reshape(np.shape(gain)[:-1])


def fplinq(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    iterations: int = 100,
    seconds: float | None = None,
    progress: bool = False,
) -> Powers:
    """FPLinQ: binary fractional programming (Shen and Yu, 2017).

    x_i is the share of p_max that a link uses. With gamma_i = SINR_i, a_i = sqrt(w_i (1 + gamma_i) g_ii p_i) and y_i = a_i
    sqrt(x_i) / (noise_i + sum_j g_ij p_j x_j), the Lagrangian dual and the quadratic transform make of the objective, but for
    constants, the sum over links of 2 y_i a_i sqrt(x_i) - x_i sum_k y_k^2 g_ki p_i. With z_i = y_i a_i / sum_k y_k^2 g_ki p_i,
    it is largest over 0 <= x_i <= 1 at min(1, z_i^2), and over {0, 1} at 1 where z_i >= 1/2. A link that is off has y_i = 0 and
    would stay off; therefore, as in Cui et al. (2019), shares are continuous, from full power on, as in
    `fractional_programming`, and the last iteration alone decides between 0 and 1.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: power of a transmitter that is on, (..., m), or a number.
        weights: w, of the rates, (..., m), or a number; None: 1.
        iterations: until no sum rate changes any more, at most.
        seconds: of time for all channels together, after which the iterations so far count; None: no limit.
        progress: show on stderr how many channels are done.

    Returns:
        powers (..., m), each 0 or p_max.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits, given = Limits.of(("full",), 0.0, iterations, 0), checked(gain, noise, p_max, weights)
    with Watch("FPLinQ", len(given[0]), seconds, progress) as watch:
        shares = iterated(fractional_step, given, limits, watch)
    return _on_or_off(shares, given).reshape(np.shape(gain)[:-1])


def _on_or_off(power: Float[Doubles, "n m"], given: AllocatorInput) -> Float[Doubles, "n m"]:
    most = given[2]
    return np.where(power >= ON_FROM * most, most, 0.0)
