"""The certified optimum against grids, against everything that other allocators reach, and its bounds box by box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.allocators import certified_optimum, on_off, sum_rate, wmmse
from baselines.allocators.certified import _bounds
from wirelessenv import ConfigError


def gains(draws, pairs, seed=0):
    return np.random.default_rng(seed).exponential(size=(draws, pairs, pairs))


@settings(max_examples=60)
@given(pairs=st.integers(1, 6), seed=st.integers(0, 999), strength=st.sampled_from([0.01, 1.0, 100.0]))
def test_nothing_in_a_box_exceeds_its_bound(pairs, seed, strength):
    rng = np.random.default_rng(seed)
    gain, weights = strength * rng.exponential(size=(pairs, pairs)), rng.random(pairs) + 0.1
    ends = np.sort(rng.random((2, 7, pairs)), axis=0)
    low, high = np.concatenate([ends[0], ends[0]]), np.concatenate([ends[1], ends[0]])  # boxes, and boxes of one point
    bound, _, point = _bounds(gain, weights, low, high)
    assert ((point >= low - 1e-12) & (point <= high + 1e-12)).all()
    for _ in range(40):
        inside = low + rng.random(low.shape).round(rng.integers(0, 3)) * (high - low)  # corners among them
        assert (sum_rate(gain, 1.0, inside, weights) <= bound * (1 + 1e-9)).all()
    np.testing.assert_allclose(bound[7:], sum_rate(gain, 1.0, low[7:], weights), rtol=1e-7)


@pytest.mark.parametrize("pairs", [2, 3])
def test_it_is_the_best_of_a_fine_grid(pairs):
    gain, most = gains(4, pairs, 1), np.linspace(0.5, 2.0, pairs)
    weights, noise = np.linspace(1.0, 0.3, pairs), np.linspace(0.1, 0.4, pairs)
    axes = np.meshgrid(*[np.linspace(0, 1, 201 if pairs == 2 else 41)] * pairs)
    grid = np.stack(axes, axis=-1).reshape(-1, 1, pairs) * most
    finest = sum_rate(gain, noise, np.broadcast_to(grid, (len(grid), 4, pairs)), weights).max(0)
    found = certified_optimum(gain, noise, most, weights, gap=1e-3)
    np.testing.assert_allclose(found.value, sum_rate(gain, noise, found.power, weights), rtol=1e-12)
    assert ((found.power >= 0) & (found.power <= most)).all()
    assert (found.value >= finest * (1 - 1e-3)).all()
    assert (found.bound >= finest).all()
    assert (found.gap <= 1e-3).all()


def test_nothing_that_others_reach_exceeds_its_bound_and_it_loses_to_nobody():
    gain = gains(12, 6, 2)
    found = certified_optimum(gain, 1.0, 1.0)
    assert found.power.shape == (12, 6)
    assert ((found.gap >= 0) & (found.gap <= 0.01)).all()
    for power in (on_off(gain, 1.0, 1.0), wmmse(gain, 1.0, 1.0, starts=["full", *["random"] * 20])):
        reached = sum_rate(gain, 1.0, power)
        assert (reached <= found.bound * (1 + 1e-12)).all()
        assert (reached <= found.value * 1.01).all()
    assert found.value.mean() > 1.01 * sum_rate(gain, 1.0, wmmse(gain, 1.0, 1.0)).mean()


def test_ten_pairs_are_solved_to_one_per_cent():
    gain = gains(1, 10, 4)
    found = certified_optimum(gain, 1.0, 1.0)
    assert found.gap[0] <= 0.01
    assert found.value[0] >= sum_rate(gain, 1.0, on_off(gain, 1.0, 1.0))[0] * 0.99


def test_without_interference_full_power_is_proved_at_once():
    found = certified_optimum(np.diag([1.0, 2.0, 3.0]), 1.0, 5.0, most_boxes=1)
    np.testing.assert_allclose(found.power, 5.0)
    assert found.value == pytest.approx(found.bound, rel=1e-4)
    assert found.value.shape == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"gap": 0.0}, "gap, most_boxes: 0.0, 2000000 are not valid"),
        ({"most_boxes": 3, "gap": 1e-6}, "most_boxes: 3 are not enough for a gap of 1e-06: so far "),
    ],
)
def test_what_cannot_be_proved_is_said_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        certified_optimum(gains(1, 5, 5), 1.0, 1.0, **options)
    assert str(caught.value).startswith(sentence)
