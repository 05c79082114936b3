"""The certified optimum against grids, exact answers, and everything that other allocators reach."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.allocators import certified_optimum, certify, fractional_programming, max_min, on_off, sum_rate, wmmse
from wirelessenv import ConfigError


def gains(draws, pairs, seed=0):
    return np.random.default_rng(seed).exponential(size=(draws, pairs, pairs))


@pytest.mark.parametrize("strength", [0.05, 1.0, 300.0])
@pytest.mark.parametrize("pairs", [1, 2, 3])
def test_it_is_the_best_of_a_fine_grid(pairs, strength):
    gain, most = strength * gains(6, pairs, 1), np.linspace(0.5, 2.0, pairs)
    weights, noise = np.linspace(1.0, 0.3, pairs), np.linspace(0.1, 0.4, pairs)
    axes = np.meshgrid(*[np.linspace(0, 1, 201 if pairs < 3 else 41)] * pairs)
    grid = np.stack(axes, axis=-1).reshape(-1, 1, pairs) * most
    finest = sum_rate(gain, noise, np.broadcast_to(grid, (len(grid), 6, pairs)), weights).max(0)
    found = certify(gain, noise, most, weights, gap=1e-3)
    np.testing.assert_allclose(found.value, sum_rate(gain, noise, found.power, weights), rtol=1e-12)
    assert ((found.power >= 0) & (found.power <= most)).all()
    assert (found.value >= finest * (1 - 1e-3)).all()
    assert (found.bound >= finest * (1 - 1e-12)).all()
    assert (found.bound <= 1.001 * found.value * (1 + 1e-12)).all()
    np.testing.assert_array_equal(certified_optimum(gain, noise, most, weights, gap=1e-3), found.power)


@settings(max_examples=10)
@given(
    pairs=st.integers(2, 6),
    seed=st.integers(0, 9999),
    cross=st.sampled_from([1e-3, 0.1, 1.0, 100.0]),
    own=st.sampled_from([0.1, 1.0, 1e4]),
    lost=st.integers(0, 2),
)
def test_nothing_that_others_reach_exceeds_its_bound_and_it_loses_to_nobody(pairs, seed, cross, own, lost):
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(pairs, pairs)) * np.where(np.eye(pairs), own, cross)
    weights = rng.random(pairs) + 0.05
    gain[range(lost), range(lost)] = 0  # pairs without a channel, then one without a weight
    weights[-1] *= lost != 1
    found = certify(gain, 1.0, 1.0, weights, gap=1e-3)
    assert found.value <= found.bound <= 1.001 * found.value * (1 + 1e-12)
    for power in (on_off(gain, 1.0, 1.0, weights), wmmse(gain, 1.0, 1.0, weights, starts=["random"] * 10, iterations=1000)):
        reached = sum_rate(gain, 1.0, power, weights)
        assert reached <= found.bound * (1 + 1e-12)
        assert reached <= found.value * 1.001


def test_it_gains_on_wmmse_on_average():
    gain = gains(12, 6, 2)
    found = certify(gain.reshape(3, 4, 6, 6), 1.0, 1.0)
    assert found.power.shape == (3, 4, 6)
    assert ((found.gap >= 0) & (found.gap <= 0.01)).all()
    assert found.value.mean() > 1.01 * sum_rate(gain, 1.0, wmmse(gain, 1.0, 1.0)).mean()


def test_ten_pairs_are_solved_to_one_per_cent_with_few_boxes():
    gain = gains(20, 10, 4)
    found = certify(gain, 1.0, 1.0, most_boxes=10_000)
    assert (found.gap <= 0.01).all()
    assert (found.value >= sum_rate(gain, 1.0, on_off(gain, 1.0, 1.0)) * 0.99).all()


def test_an_optimum_between_on_and_off_is_found():
    gain = np.array([[20.0, 0.0, 0.0], [2.0, 100.0, 0.0], [2.0, 0.0, 100.0]])  # pair 0 disturbs both others, they nobody
    line = np.linspace(0, 1, 100_001)
    value = np.log2(1 + 20 * line) + 2 * np.log2(1 + 100 / (1 + 2 * line))
    found = certify(gain, 1.0, 1.0, gap=1e-8)
    assert found.value == pytest.approx(value.max(), rel=1e-8)
    assert found.power[0] == pytest.approx(line[value.argmax()], abs=1e-3)
    np.testing.assert_array_equal(found.power[1:], 1)


def test_without_interference_full_power_is_proved_at_once():
    found = certify(np.diag([1.0, 2.0, 3.0]), 1.0, 5.0, most_boxes=1)
    np.testing.assert_allclose(found.power, 5.0)
    assert found.value == pytest.approx(math.log2(6 * 11 * 16), rel=1e-12)
    assert found.value == pytest.approx(found.bound, rel=1e-9)
    assert found.value.shape == ()


def test_where_nothing_can_be_sent_nothing_is():
    found = certify(1 - np.eye(3), 1.0, 1.0)
    assert (found.power.sum(), found.value, found.bound, found.gap) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"gap": 0.0}, "gap: 0.0 is not valid: it should be a finite number, above 0"),
        ({"most_boxes": 3, "gap": 1e-6}, "most_boxes: 3 are not enough for a gap of 1e-06: so far "),
    ],
)
def test_what_cannot_be_proved_is_said_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        certified_optimum(gains(1, 5, 5), 1.0, 1.0, **options)
    assert str(caught.value).startswith(sentence)


def test_time_that_is_up_gives_the_best_powers_and_a_bound_that_holds():
    gain = 100 * gains(2, 30, 3)  # out of reach of a proof
    began = time.process_time()
    found = certify(gain, 1.0, 1.0, seconds=0.5)
    assert time.process_time() - began < 1.5
    assert not found.proved.any()
    np.testing.assert_allclose(found.value, sum_rate(gain, 1.0, found.power), rtol=1e-12)
    np.testing.assert_allclose(found.gap, found.bound / found.value - 1, rtol=1e-12)
    assert (found.value >= sum_rate(gain, 1.0, wmmse(gain, 1.0, 1.0))).all()
    assert (found.bound >= sum_rate(gain, 1.0, wmmse(gain, 1.0, 1.0, starts=["random"] * 30))).all()


def test_channels_that_no_time_is_left_for_have_full_power_and_the_bound_without_interference():
    gain = gains(500, 4, 5)
    found = certify(gain, 1.0, 2.0, seconds=1e-9)
    np.testing.assert_array_equal(found.power, 2)
    np.testing.assert_allclose(found.value, sum_rate(gain, 1.0, np.full(4, 2.0)), rtol=1e-12)
    np.testing.assert_allclose(found.bound, np.log2(1 + 2 * np.einsum("nii->ni", gain)).sum(1), rtol=1e-9)
    assert certified_optimum(gain, 1.0, 2.0, seconds=1e-9).tolist() == found.power.tolist()


def test_time_enough_changes_nothing_and_what_is_proved_says_so(capsys):
    gain = gains(4, 6, 6)
    plain, timed = certify(gain, 1.0, 1.0), certify(gain, 1.0, 1.0, seconds=60, progress=True)
    assert plain.proved.all()
    for one, other in zip(plain, timed, strict=True):
        np.testing.assert_array_equal(one, other)
    said = capsys.readouterr()
    assert "certify" in said.err
    assert "4/4" in said.err
    assert not said.out


def test_boxes_that_do_not_suffice_leave_a_bound_that_holds():
    gain = gains(1, 5, 5)
    found, best = certify(gain, 1.0, 1.0, gap=1e-6, most_boxes=3), certify(gain, 1.0, 1.0, gap=1e-6)
    assert not found.proved.any()
    assert (found.value <= best.value * (1 + 1e-6)).all()
    assert (best.value <= found.bound).all()


@pytest.mark.parametrize(
    ("allocator", "pairs", "channels"),
    [(wmmse, 30, 20_000), (fractional_programming, 30, 20_000), (max_min, 30, 5000), (on_off, 16, 500)],
)
def test_every_search_ends_when_its_time_is_up_with_powers_that_are_allowed(allocator, pairs, channels):
    gain = np.broadcast_to(100 * gains(1, pairs, 7), (channels, pairs, pairs))
    options = {"tolerance": 0, "iterations": 10**9} if allocator in {wmmse, fractional_programming} else {}
    began = time.process_time()
    power = allocator(gain, 1.0, 3.0, seconds=0.2, **options)
    assert time.process_time() - began < 2
    assert power.shape == (channels, pairs)
    assert ((power >= 0) & (power <= 3)).all()
    assert (power.max(1) > 0).all()
