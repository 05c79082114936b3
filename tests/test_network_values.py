"""Rates that a published setting must give, within the error of what is measured here."""

import math

import numpy as np
import pytest
from scipy.special import expn

from wirelessenv.network import WirelessNetwork


def sum_rates(scenario, slots, power, seeds=(0,), block=500):
    """Sum rate of every run and slot, (runs, slots); `power` makes powers of a shape."""
    network = WirelessNetwork(scenario, seed=seeds)
    rates = []
    for _ in range(slots // block):
        b = network.block(block)
        rates.append(network.utilities(b.wanted, b.cross, power(b.wanted.shape)).sum(-1))
    return np.concatenate(rates, axis=1).astype(float)


def full(largest):
    return lambda shape: np.full(shape, largest, np.float32)


def standard_error(values):
    return values.std() / math.sqrt(values.size)


@pytest.mark.parametrize(("pairs", "published"), [(10, 1.4272), (20, 1.4389), (30, 1.4410)])
def test_full_power_without_geometry_has_its_closed_form(pairs, published):
    exact = pairs / math.log(2) * math.e * expn(pairs, 1)
    assert exact == pytest.approx(published, abs=5e-5)
    rates = sum_rates({"preset": "gaussian", "transmitters": pairs}, 10_000, full(1.0))
    assert abs(rates.mean() - exact) < 3 * standard_error(rates)


def test_uniform_random_power_without_geometry():
    rng = np.random.default_rng(0)
    rates = sum_rates("gaussian", 40_000, lambda shape: rng.random(shape, dtype=np.float32), block=5000)
    assert abs(rates.mean() - 1.305) < 3 * math.hypot(standard_error(rates), 0.003)


def plain_full_power_rates(half_width, offset, layouts, slots):
    """Mean sum rate of every layout, in float64 and from nothing but the setting's description."""
    rng, m = np.random.default_rng(12345), 24
    transmitters = rng.uniform(-half_width * m, half_width * m, (layouts, m, 2))
    receivers = transmitters + rng.uniform(-offset * m, offset * m, (layouts, m, 2))
    distance = np.maximum(np.linalg.norm(receivers[:, :, None] - transmitters[:, None], axis=-1), 0.1)
    rates = np.zeros(layouts)
    for _ in range(slots):
        small_scale = (rng.standard_normal((2, layouts, m, m)) ** 2).sum(0) / 2
        received = 10 * (distance**-2.2) ** 2 * small_scale
        signal = np.diagonal(received, axis1=1, axis2=2)
        interference = (received * (1 - np.eye(m))).sum(2)
        rates += np.log2(1 + signal / (1 + interference)).sum(1) / slots
    return rates


def deviation_error(values):
    """Standard error of a standard deviation, whatever the law."""
    centred = values - values.mean()
    return math.sqrt(((centred**4).mean() - centred.var() ** 2) / values.size) / (2 * centred.std())


@pytest.mark.parametrize(
    ("name", "half_width", "offset", "mean", "deviation"),
    [pytest.param("paper", 1, 1 / 4, 5.0, 4.1, marks=pytest.mark.slow), ("dense", 1 / 4, 1 / 8, 11.6, 5.9)],
)
def test_full_power_over_layouts(name, half_width, offset, mean, deviation):
    slots = 20
    batches = [range(first, first + 500) for first in range(0, 2000, 500)]
    rates = np.concatenate([sum_rates(name, slots, full(10.0), seeds, slots).mean(axis=1) for seeds in batches])
    plain = plain_full_power_rates(half_width, offset, 2000, slots)
    assert abs(rates.mean() - plain.mean()) < 3 * math.hypot(standard_error(rates), standard_error(plain))
    assert abs(rates.std() - plain.std()) < 3 * math.hypot(deviation_error(rates), deviation_error(plain))
    # SCENARIOS.md has these from a quick run over few layouts, which differ hugely.
    assert rates.mean() == pytest.approx(mean, rel=0.2)
    assert rates.std() == pytest.approx(deviation, rel=0.2)


def test_slots_of_the_authors_are_correlated_and_those_of_the_paper_are_not():
    def lag_one(name):
        network = WirelessNetwork({"preset": name, "layout": "fixed"}, seed=range(40))
        gain = network.block(60).gain.astype(float) / network.layouts[0].mean_gain
        gain -= gain.mean()
        return (gain[:, 1:] * gain[:, :-1]).mean() / gain.var()

    assert lag_one("authors") == pytest.approx(0.7, abs=0.01)
    assert lag_one("paper") == pytest.approx(0.0, abs=0.01)
