"""Sum rates with a floor for everybody's mean rate over time: prices of the floor, and weighted sum rates slot by slot."""

import numpy as np
from jaxtyping import Float

from baselines.allocators.checks import ChannelGains, PerReceiver, PerTransmitter, checked
from baselines.allocators.iterative import fractional_programming
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, number, numbers
from wirelessenv.physics.kernels import rate, sinr, split


def rate_floor(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bandwidth: PerReceiver = 1.0,
    floor: float = 0.75,
    step: float = 2.0,
    every: int = 5,
) -> Float[Doubles, "*batch time m"]:
    """Powers slot by slot that maximise the sum of mean rates, each of which is to be `floor` at least.

    With prices mu_i >= 0 of the constraints, the Lagrangian of a slot is sum_i (w_i + mu_i B_i) log2(1 + SINR_i), whose
    stationary point fractional programming finds; w_i = B_i = 1 where nothing else is said. Every T_0 slots mu_i = max(0,
    mu_i - step (r_i - floor)), with r_i the mean rate of these slots: the dual steps of Naderializadeh et al. (2022), whose
    network takes gains and prices to powers. Prices are 0 in the first slot and need some slots: give it some before those
    that count. Where channels change slowly they overshoot, and the worst users get more than the floor.

    Args:
        gain: |h|^2 of consecutive slots as [receiver, transmitter], (..., time, m, m).
        noise: noise power of every receiver, (m,), or a number; in units of gain x power.
        p_max: largest power of every transmitter, (m,), or a number.
        weights: w, of log2(1 + SINR), (m,), or a number; None: the bandwidth.
        bandwidth: B, (m,), or a number: rates that the floor is for are B log2(1 + SINR).
        floor: of everybody's mean rate, bit/s/Hz.
        step: of the prices, a bit/s/Hz.
        every: T_0, slots between two changes of the prices.

    Returns:
        powers (..., time, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    floor, step, every = number("floor", floor, above=False), number("step", step), count("every", every)
    given = numbers("gain", gain)
    shape = given.shape[:-1]
    if len(shape) < 2:
        raise ConfigError(f"gain: the shape {given.shape} is not valid: it should be (..., time, m, m)")
    slots, agents = shape[-2:]
    width = _of_agents(given, bandwidth)
    gains, noises, most, worth = checked(given, noise, p_max, bandwidth if weights is None else weights)
    parts = (gains, noises, most, worth, width)
    gains, noises, most, worth, width = (part.reshape(-1, slots, *part.shape[1:]) for part in parts)
    prices, earned, power = np.zeros((len(gains), agents)), np.zeros((len(gains), agents)), np.empty_like(most)
    for slot in range(slots):
        now, quiet = gains[:, slot], noises[:, slot]
        power[:, slot] = fractional_programming(now, quiet, most[:, slot], worth[:, slot] + width[:, slot] * prices)
        earned += width[:, slot] * rate(sinr(*split(now), power[:, slot], quiet))
        if (slot + 1) % every == 0:
            prices = np.maximum(0, prices - step * (earned / every - floor))
            earned[:] = 0
    return power.reshape(shape)


def _of_agents(gain: Doubles, bandwidth: PerReceiver) -> Float[Doubles, "n m"]:
    """Bandwidths of all agents in each slot, above 0."""
    try:
        return checked(gain, bandwidth, 1.0, None)[1]  # as noise is
    except ConfigError as error:
        raise ConfigError(str(error).replace("noise:", "bandwidth:", 1)) from None
