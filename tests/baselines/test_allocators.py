"""Allocators against plain loops, exact answers, each other, and published numbers."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.allocators import (
    certified_optimum,
    fractional_programming,
    full_power,
    max_min,
    on_off,
    random_power,
    sum_rate,
    wmmse,
)
from benchmarks.plain_wmmse import wmmse as plain_wmmse
from wirelessenv import ConfigError, WirelessNetwork

EVERY = [full_power, random_power, on_off, wmmse, fractional_programming, max_min, certified_optimum]
ITERATIVE = [wmmse, fractional_programming]


def gains(draws, pairs, seed=0):
    return np.random.default_rng(seed).exponential(size=(draws, pairs, pairs))


def value(gain, noise, power, weights):
    """The weighted sum rate of one channel, receiver by receiver."""
    total = 0.0
    for i in range(len(gain)):
        heard = sum(gain[i, j] * power[j] for j in range(len(gain)) if j != i)
        total += weights[i] * math.log2(1 + gain[i, i] * power[i] / (noise[i] + heard))
    return total


def test_the_objective_is_the_weighted_sum_rate():
    rng = np.random.default_rng(1)
    gain, power, noise, weights = gains(3, 4), rng.random((3, 4)), rng.random((3, 4)) + 0.1, rng.random((3, 4))
    expected = [value(*one) for one in zip(gain, noise, power, weights, strict=True)]
    np.testing.assert_allclose(sum_rate(gain, noise, power, weights), expected, rtol=1e-12)


@pytest.mark.parametrize("allocator", EVERY)
@settings(max_examples=25)
@given(pairs=st.integers(1, 5), draws=st.integers(1, 4), seed=st.integers(0, 99), most=st.sampled_from([0.1, 1.0, 30.0]))
def test_powers_are_within_their_bounds_and_do_not_depend_on_the_batch(allocator, pairs, draws, seed, most):
    gain = gains(draws, pairs, seed)
    before = gain.copy()
    power = allocator(gain.reshape(draws, 1, pairs, pairs), 0.5, most)
    assert power.shape == (draws, 1, pairs)
    assert ((power >= 0) & (power <= most * (1 + 1e-12))).all()
    np.testing.assert_array_equal(gain, before)
    if allocator is not random_power:
        for one, expected in zip(gain, power[:, 0], strict=True):
            np.testing.assert_allclose(allocator(one, 0.5, most), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("allocator", ITERATIVE)
def test_iterations_never_lower_the_objective_and_end_where_nothing_small_helps(allocator):
    rng = np.random.default_rng(3)
    gain, weights, noise = gains(40, 6, 2), rng.random((40, 6)) + 0.2, rng.random((40, 6)) + 0.1
    values = [
        sum_rate(gain, noise, allocator(gain, noise, 2.0, weights, iterations=count, tolerance=0), weights)
        for count in (1, 2, 5, 20, 100, 3000)
    ]
    values = [sum_rate(gain, noise, np.full((40, 6), 2.0), weights), *values]
    for earlier, later in pairwise(values):
        assert (later >= earlier - 1e-9).all()
    power = allocator(gain, noise, 2.0, weights, iterations=3000, tolerance=0)
    for i in range(6):
        for change in (-1e-3, 1e-3):
            moved = power.copy()
            moved[:, i] = np.clip(moved[:, i] + change, 0, 2.0)
            assert (sum_rate(gain, noise, moved, weights) <= values[-1] + 2e-6).all()


def test_wmmse_is_the_plain_one():
    gain = gains(60, 5, 4)
    expected = plain_wmmse(gain, 1.0, 1.0)
    np.testing.assert_allclose(sum_rate(gain, 1.0, wmmse(gain, 1.0, 1.0)), sum_rate(gain, 1.0, expected), rtol=1e-3)


def test_fractional_programming_in_closed_form_takes_the_steps_of_wmmse():
    gain = gains(30, 6, 5)
    for count in (1, 3, 10):
        one, other = (allocator(gain, 1.0, 1.0, iterations=count, tolerance=0) for allocator in ITERATIVE)
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_more_starts_end_no_lower():
    gain = gains(50, 6, 6)
    one, several = (
        sum_rate(gain, 1.0, wmmse(gain, 1.0, 5.0, starts=starts)) for starts in (["full"], ["full", *["random"] * 4])
    )
    assert (several >= one - 1e-12).all()
    assert (several > one + 1e-3).any()


def test_on_off_is_the_best_of_all_patterns_and_optimal_for_two_pairs():
    gain, weights = gains(20, 4, 7), np.random.default_rng(8).random((20, 4))
    found = sum_rate(gain, 0.3, on_off(gain, 0.3, 2.0, weights), weights)
    for one, weight, best in zip(gain, weights, found, strict=True):
        assert best == pytest.approx(max(value(one, [0.3] * 4, power, weight) for power in product((0, 2.0), repeat=4)))
    two = gains(20, 2, 9)
    grid = np.array(list(product(np.linspace(0, 1, 41), repeat=2)))
    finest = np.max([sum_rate(two, 0.2, np.broadcast_to(power, (20, 2))) for power in grid], axis=0)
    assert (sum_rate(two, 0.2, on_off(two, 0.2, 1.0)) >= finest - 1e-12).all()


def test_max_min_makes_all_sinrs_equal_with_one_power_at_its_maximum():
    gain, most = gains(30, 5, 10), np.random.default_rng(11).random((30, 5)) + 0.5
    power = max_min(gain, 0.4, most)
    np.testing.assert_allclose((power / most).max(-1), 1)
    own = np.einsum("nii->ni", gain) * power
    ratio = own / ((gain @ power[..., None])[..., 0] - own + 0.4)
    np.testing.assert_allclose(ratio, ratio.mean(-1, keepdims=True) * np.ones(5), rtol=1e-6)
    for _ in range(200):  # nothing else serves the weakest better
        other = np.random.default_rng(_).random((30, 5)) * most
        wanted = np.einsum("nii->ni", gain) * other
        assert (np.min(wanted / ((gain @ other[..., None])[..., 0] - wanted + 0.4), -1) <= ratio.min(-1) * (1 + 1e-6)).all()


@pytest.mark.parametrize("preset", ["d2d", "dense"])  # where a few pairs disturb each other strongly and hardly hear the others
def test_max_min_makes_all_sinrs_equal_in_every_network(preset):
    network = WirelessNetwork(preset, seed=range(5))
    gain, noise, most = network.block(10).gain.astype(float), network.scenario.noise, network.scenario.max_power
    power = max_min(gain, noise, most)
    np.testing.assert_allclose(power.max(-1) / most, 1)
    own = np.einsum("...ii->...i", gain) * power
    others = np.einsum("...ij,...j->...i", gain * (1 - np.eye(gain.shape[-1])), power)
    ratio = own / (others + noise)
    np.testing.assert_allclose(ratio, ratio.mean(-1, keepdims=True) * np.ones(gain.shape[-1]), rtol=1e-6)


def test_max_min_where_the_largest_target_is_exactly_what_interference_alone_allows():
    assert max_min([[1.0, 1.0], [1.0, 1.0]], 1e-30, 1.0).tolist() == [1.0, 1.0]
    assert max_min(np.diag([1.0, 0.0, 2.0]), 1.0, [1.0, 2.0, 3.0]).tolist() == [1.0, 0.0, 0.5]


@pytest.mark.parametrize("allocator", EVERY[2:])
def test_pairs_that_hardly_hear_each_other_all_transmit_however_strong_they_are(allocator):
    gain = np.array([[1.0, 1e-30], [1e-30, 1.0]])  # SINRs of 10^20: 1 + SINR is SINR, and 1 - its share of all power is 0
    assert allocator(gain, 1e-20, 1.0).tolist() == [1.0, 1.0]


def test_channels_that_are_not_there_are_no_fault():
    gain = np.zeros((1, 3, 3))
    gain[0, 1, 1] = 2.0
    for allocator in EVERY:
        power = allocator(gain, 1.0, 1.0)
        assert np.isfinite(power).all()
    assert wmmse(gain, 1.0, 1.0)[0, 1] == max_min(gain, 1.0, 1.0)[0, 1] == 1


def test_published_numbers():
    """Sun et al.'s channels, K = 10: 2.826 +- 0.006; on/off beats WMMSE by about 2 %; Shen et al.'s d2d: 201.1 +- 1.1."""
    gain = gains(2000, 10, 12)
    reached = sum_rate(gain, 1.0, wmmse(gain, 1.0, 1.0))
    assert abs(reached.mean() - 2.826) < 3 * math.hypot(reached.std() / 2000**0.5, 0.006)
    some = gain[:200]
    assert 1.01 < sum_rate(some, 1.0, on_off(some, 1.0, 1.0)).mean() / reached[:200].mean() < 1.04
    network = WirelessNetwork("d2d", seed=range(200))
    scenario, gain = network.scenario, network.block(1).gain[:, 0].astype(float)
    for allocator in ITERATIVE:
        reached = sum_rate(gain, scenario.noise, allocator(gain, scenario.noise, scenario.max_power))
        assert abs(reached.mean() - 201.1) < 3 * math.hypot(reached.std() / 200**0.5, 1.1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.ones((3, 2)), 1.0, 1.0), "gain: the shape (3, 2) is not valid: it should be (..., m, m), [receiver, transmitter]"),
        ((-np.ones((2, 2)), 1.0, 1.0), "gain: -1.0 at [0, 0] is not valid: it should be finite, and 0 or more, as power"),
        ((np.full((2, 2), np.nan), 1.0, 1.0), "gain: nan at [0, 0] is not valid"),
        ((np.ones((2, 2)), 0.0, 1.0), "noise: 0.0 is not valid: it should be finite, and above 0"),
        ((np.ones((2, 2)), 1.0, np.inf), "p_max: inf is not valid"),
        ((np.ones((2, 2)), 1.0, [1.0, 2.0, 3.0]), "p_max: the shape (3,) is not valid for gains (2, 2)"),
        ((np.ones((2, 2)), 1.0, 1.0, [-1.0, 1.0]), "weights: -1.0 at [0] is not valid: it should be finite, and 0 or more"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(arguments, sentence):
    for allocator in EVERY:
        with pytest.raises(ConfigError) as caught:
            allocator(*arguments)
        assert str(caught.value).startswith(sentence)
    for seed in (np.nan, range(10**9), {1: 2}, -1, None):
        with pytest.raises(ConfigError, match=r"^seed: .* is not valid"):
            random_power(np.ones((2, 2)), 1.0, 1.0, seed=seed)
    with pytest.raises(ConfigError, match="starts"):
        wmmse(np.ones((2, 2)), 1.0, 1.0, starts=["zero"])
    with pytest.raises(ConfigError, match="starts: 10001 of them are not valid: give at most 10000"):
        wmmse(np.ones((2, 2)), 1.0, 1.0, starts=["full"] * 10_001)
    with pytest.raises(ConfigError, match="of at most 16 pairs"):
        on_off(np.ones((17, 17)), 1.0, 1.0)
