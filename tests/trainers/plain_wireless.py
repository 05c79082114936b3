"""Rates and policies of one slot once more, in plain numpy and float64; shares no code with the product."""

import numpy as np


def sum_rate_parts(gain, power, noise):
    """Rates (m,) of one slot."""
    m = len(power)
    rates = np.zeros(m)
    for i in range(m):
        interference = sum(gain[i, j] * power[j] for j in range(m) if j != i)
        rates[i] = np.log2(1 + gain[i, i] * power[i] / (noise + interference))
    return rates


def network_output(theta, inputs, hidden, p_max):
    """One agent's power for inputs (K,)."""
    sizes, at, x = [len(inputs), *hidden, 1], 0, np.asarray(inputs, float)
    for layer in range(len(sizes) - 1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        weights = theta[at : at + fan_in * fan_out].reshape(fan_in, fan_out)
        at += fan_in * fan_out
        x = x @ weights + theta[at : at + fan_out]
        at += fan_out
        if layer < len(sizes) - 2:
            x = np.maximum(x, 0)
    return p_max / (1 + np.exp(-x[0]))


def cost_measurer(gains, features, *, batches, p_max, noise, hidden, common_noise):
    """A function of some policies, each (m, n): the mean costs, minus rates, in the next slots with each, (m,).

    gains (slots, m, m) and features (slots, m, K) are used in their order; `batches` says how many for each policy, call
    after call.
    """
    slot, sizes = iter(range(len(gains))), iter(batches)

    def mean_costs(theta, slots):
        total = np.zeros(len(theta))
        for at in slots:
            power = np.array([network_output(own, features[at, i], hidden, p_max) for i, own in enumerate(theta)])
            total -= sum_rate_parts(gains[at].astype(float), power, noise)
        return total / len(slots)

    def measure(*policies):
        batch = next(sizes)
        slots = [[next(slot) for _ in range(batch)] for _ in range(1 if common_noise else len(policies))]
        return [mean_costs(theta, slots[0 if common_noise else number]) for number, theta in enumerate(policies)]

    return measure
