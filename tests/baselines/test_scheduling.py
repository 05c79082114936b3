"""Link scheduling against plain loops and all patterns; SNR gaps."""

import math
from itertools import product

import numpy as np
import pytest

from baselines import evaluate
from baselines.allocators import fplinq, fractional_programming, greedy_scheduling, itlinq, on_off, sum_rate
from baselines.comparison.allocation import WMMSE, OnOff
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from wirelessenv import ConfigError, Scenario, WirelessNetwork
from wirelessenv.physics.rates import rate

SCHEDULERS = [greedy_scheduling, itlinq, fplinq]


def gains(draws, pairs, seed=0):
    return np.random.default_rng(seed).exponential(size=(draws, pairs, pairs))


def sinr(gain, noise, power, i):
    return gain[i, i] * power[i] / (noise + sum(gain[i, j] * power[j] for j in range(len(power)) if j != i))


def total(gain, noise, power, weights):
    return sum(weights[i] * math.log2(1 + sinr(gain, noise, power, i)) for i in range(len(power)))


def looped_greedy(gain, noise, most, weights):
    alone = [weights[i] * math.log2(1 + gain[i, i] * most / noise) for i in range(len(gain))]
    chosen, best = [], 0.0
    for link in sorted(range(len(gain)), key=lambda i: -alone[i]):
        power = [most * (i in {*chosen, link}) for i in range(len(gain))]
        if (value := total(gain, noise, power, weights)) > best:
            chosen, best = [*chosen, link], value
    return [most * (i in chosen) for i in range(len(gain))]


def looped_itlinq(gain, noise, most, weights, *, exponent, margin):
    links = range(len(gain))
    worth = [weights[i] * math.log2(1 + sinr(gain, noise, [most] * len(gain), i)) for i in links]
    chosen = []
    for link in sorted(links, key=lambda i: -worth[i]):
        limit = margin * (gain[link, link] * most / noise) ** exponent
        heard = [gain[link, other] * most / noise for other in chosen]
        caused = [gain[other, link] * most / noise for other in chosen]
        if not chosen or max(heard + caused) <= limit:
            chosen.append(link)
    return [most * (i in chosen) for i in links]


@pytest.mark.parametrize("allocator", SCHEDULERS)
def test_links_are_on_or_off_and_no_schedule_beats_the_best(allocator):
    gain, weights = gains(60, 6, 1), np.random.default_rng(2).random((60, 6)) + 0.1
    power = allocator(gain.reshape(6, 10, 6, 6), 0.1, 2.0, weights.reshape(6, 10, 6)).reshape(60, 6)
    assert set(np.unique(power)) <= {0.0, 2.0}
    assert power.any(1).all()
    best = sum_rate(gain, 0.1, on_off(gain, 0.1, 2.0, weights), weights)
    assert (sum_rate(gain, 0.1, power, weights) <= best + 1e-12).all()
    for one, weight, alone in zip(gain[:9], weights, power):  # noqa: B905  # some of them
        np.testing.assert_array_equal(allocator(one, 0.1, 2.0, weight), alone)


def test_greedy_scheduling_is_the_plain_loop():
    gain, weights = gains(40, 7, 3), np.random.default_rng(4).random((40, 7))
    found = greedy_scheduling(gain, 0.2, 3.0, weights)
    for one, weight, power in zip(gain, weights, found, strict=True):
        assert power.tolist() == looped_greedy(one, 0.2, 3.0, weight)


@pytest.mark.parametrize(("exponent", "margin"), [(0.5, 1.0), (0.5, 2.0), (0.8, 0.5), (0.0, 3.0)])
def test_itlinq_is_the_plain_loop(exponent, margin):
    gain, weights = gains(40, 7, 5), np.random.default_rng(6).random((40, 7))
    found = itlinq(gain, 0.2, 3.0, weights, exponent=exponent, margin=margin)
    for one, weight, power in zip(gain, weights, found, strict=True):
        assert power.tolist() == looped_itlinq(one, 0.2, 3.0, weight, exponent=exponent, margin=margin)
    assert 0 < (found > 0).mean() < 1


def test_fplinq_ends_with_the_pattern_that_is_best_for_its_transformed_objective():
    noise, most, iterations = 0.2, 3.0, 8
    for gain in gains(30, 5, 7):
        share = fractional_programming(gain, noise, most, iterations=iterations - 1, tolerance=0) / most
        received = gain * most
        heard = noise + received @ share
        own = np.diag(received)
        gamma = own * share / (heard - own * share)
        y = np.sqrt((1 + gamma) * own * share) / heard
        values = {
            x: (2 * y * np.sqrt((1 + gamma) * own * x)).sum() - (y**2 * (noise + received @ x)).sum()
            for x in product((0.0, 1.0), repeat=5)
        }
        assert fplinq(gain, noise, most, iterations=iterations).tolist() == [most * x for x in max(values, key=values.get)]


def test_two_links_are_scheduled_as_all_patterns_say_where_the_choice_is_clear():
    apart, together = np.array([[5.0, 0.01], [0.01, 4.0]]), np.array([[5.0, 8.0], [8.0, 1.0]])
    for allocator in (greedy_scheduling, fplinq):
        assert allocator(apart, 1.0, 1.0).tolist() == on_off(apart, 1.0, 1.0).tolist() == [1, 1]
        assert allocator(together, 1.0, 1.0).tolist() == on_off(together, 1.0, 1.0).tolist() == [1, 0]
    assert itlinq(apart, 1.0, 1.0, margin=1.0).tolist() == [1, 1]
    assert itlinq(together, 1.0, 1.0, margin=1.0).tolist() == [1, 0]


@pytest.mark.parametrize("options", [{"margin": 0}, {"margin": np.nan}, {"exponent": -1}, {"exponent": "half"}])
def test_itlinq_refuses_what_is_no_margin_or_exponent(options):
    (name,) = options
    with pytest.raises(ConfigError, match=rf"^{name}: "):
        itlinq(np.ones((2, 2)), 1.0, 1.0, **options)


def test_a_gap_divides_the_sinr_after_its_cap():
    np.testing.assert_allclose(rate(np.array([1.0, 12.0, 100.0]), cap=12.0, gap=4.0), np.log2([1.25, 4, 4]))
    for gap in (0.5, math.nan, math.inf):
        with pytest.raises(ConfigError, match=r"^gap: "):
            rate(np.ones(2), gap=gap)
    scenario = Scenario(preset="gaussian", transmitters=2, snr_gap_db=6, sinr_cap_db=20, noise=1.0)
    network, power = WirelessNetwork(scenario), np.array([[1.0, 0.5]])
    paid = network.utilities(np.array([[2000.0, 7.0]]), np.array([[[0, 1.0], [0, 0]]]), power)
    np.testing.assert_allclose(paid[0], np.log2([1 + 100 / 10**0.6, 1 + 3.5 / 10**0.6]))


@pytest.mark.parametrize("cut", [None, 1e-3])
def test_allocators_work_on_the_rates_that_count(cut):
    scenario = Scenario(preset="dense", transmitters=6, snr_gap_db=9, cut=cut)
    held = HeldOut.draw(scenario, range(3), slots=4, warm_up=0)
    plain = held._replace(scenario=Scenario(preset="dense", transmitters=6, cut=cut))  # the same slots
    known, unknown = (Measured.of(held, WMMSE().powers(one), 0).utility for one in (held, plain))
    assert known.sum() > unknown.sum()
    if cut is None:
        known, unknown = (Measured.of(held, OnOff().powers(one), 0).utility for one in (held, plain))
        assert (known >= unknown).all()
        assert evaluate(on_off, held.scenario, layouts=3, slots=4, warm_up=0).measured.utility.tolist() == known.tolist()
