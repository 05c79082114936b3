"""WMMSE as one writes it first: plain numpy in float64, for many channels at once; the yardstick for speed, and of tests."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sum_rates(gain: Array, power: Array, noise: float) -> Array:
    """Sum rates of channels under given powers.

    Args:
        gain: (n, m, m), [receiver, transmitter].
        power: (n, m).
        noise: of every receiver.

    Returns:
        (n,), in bit/s/Hz.
    """
    arriving = gain * power[:, None, :]
    signal = np.einsum("nii->ni", arriving)
    others = arriving.sum(axis=2) - signal
    rates: Array = np.log2(1 + signal / (noise + others)).sum(axis=1)
    return rates


def wmmse(gain: Array, noise: float, largest: float, iterations: int = 100, change: float = 1e-3) -> Array:
    """Powers of WMMSE (Shi et al., 2011), from full power, scalar channels.

    In turn: receivers u, weights w = 1 / (1 - u h v), transmitters v.

    Args:
        gain: (n, m, m), [receiver, transmitter].
        noise: of every receiver.
        largest: the bound of every power.
        iterations: at most so many.
        change: of the sum rate, in bit/s/Hz, below which a channel is done.

    Returns:
        (n, m).
    """
    amplitude = np.sqrt(np.einsum("nii->ni", gain))
    v = np.full(amplitude.shape, np.sqrt(largest))
    rate, going = sum_rates(gain, v**2, noise), np.ones(len(gain), bool)
    for _ in range(iterations):
        g, h = gain[going], amplitude[going]
        u = h * v[going] / (noise + np.einsum("nij,nj->ni", g, v[going] ** 2))
        w = 1 / (1 - u * h * v[going])
        v[going] = np.clip(w * u * h / np.einsum("nji,nj->ni", g, w * u**2), 0, np.sqrt(largest))
        new = sum_rates(g, v[going] ** 2, noise)
        still = np.abs(new - rate[going]) >= change
        rate[going] = new
        going[going] = still
        if not going.any():
            break
    powers: Array = v**2
    return powers
