"""WMMSE, written for the tests from its description, in float64 and for many channels at once."""

import numpy as np


def sum_rates(gain, power, noise):
    """Sum rate in bit/s/Hz of channels (n, m, m), [receiver, transmitter], and powers (n, m)."""
    arriving = gain * power[:, None, :]
    signal = np.einsum("nii->ni", arriving)
    others = arriving.sum(axis=2) - signal
    return np.log2(1 + signal / (noise + others)).sum(axis=1)


def wmmse(gain, noise, largest, iterations=100, change=1e-3):
    """Powers (n, m) after at most so many iterations from full power, or once the sum rate changes by less than `change`.

    Shi, Razaviyayn, Luo and He (2011), scalar channels: receivers u, weights w = 1 / (1 - u h v), then transmitters v.
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
    return v**2


def best_on_off(gain, noise, largest):
    """The largest sum rate of all 2^m patterns of full power and silence, of each channel."""
    agents = gain.shape[1]
    patterns = (np.arange(2**agents)[:, None] >> np.arange(agents)) & 1
    return np.array([sum_rates(np.broadcast_to(g, (len(patterns), *g.shape)), largest * patterns, noise).max() for g in gain])
