"""Bounds of boxes of powers, at points inside them and against grids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.allocators import sum_rate
from baselines.allocators.boxes import Boxes, Channel, bends, bounded, linear_bound, slopes, water_level, where_optima_can_be

SOME = {
    "pairs": st.integers(1, 6),
    "seed": st.integers(0, 9999),
    "strength": st.sampled_from([0.01, 1.0, 100.0, 1e9]),
}


def some_boxes(pairs, seed, strength, narrow=1.0):
    """A channel of random strengths and weights, 7 boxes, and 7 of one point; ends at 0 and 1 among them."""
    rng = np.random.default_rng(seed)
    gain, weights = strength * rng.exponential(size=(pairs, pairs)), rng.random(pairs) + 0.1
    middle = rng.random((7, pairs)).round(rng.integers(0, 3))
    low, high = np.clip(middle - narrow * rng.random((2, 7, pairs)) * [[[1]], [[-1]]], 0, 1)
    boxes = Boxes(np.concatenate([low, middle]), np.concatenate([high, middle]), np.full(14, np.inf))
    return rng, gain, weights, Channel(gain, weights), boxes


def inside(rng, boxes):
    """A point of each box, at times a corner."""
    return boxes.low + rng.random(boxes.low.shape).round(rng.integers(0, 3)) * (boxes.high - boxes.low)


def differences(gain, weights, power, k, step):
    """dU/dp_k and d2U/dp_k2, in nats, by central differences."""
    shift = step * np.eye(gain.shape[0])[k]
    before, here, after = (np.log(2) * sum_rate(gain, 1.0, power + sign * shift, weights) for sign in (-1, 0, 1))
    return (after - before) / (2 * step), (after - 2 * here + before) / step**2


@settings(max_examples=30)
@given(**SOME)
def test_nothing_in_a_box_exceeds_its_bound(pairs, seed, strength):
    rng, gain, weights, channel, boxes = some_boxes(pairs, seed, strength)
    bound, point = bounded(channel, boxes)
    assert ((point >= boxes.low - 1e-12) & (point <= boxes.high + 1e-12)).all()
    for _ in range(40):
        assert (sum_rate(gain, 1.0, inside(rng, boxes), weights) <= bound.bound).all()
    np.testing.assert_allclose(bound.bound[7:], sum_rate(gain, 1.0, boxes.low[7:], weights), rtol=1e-7)


@settings(max_examples=30)
@given(**SOME)
def test_a_linear_bound_holds_wherever_its_prices_are_from(pairs, seed, strength):
    rng, gain, weights, channel, boxes = some_boxes(pairs, seed, strength)
    for _ in range(10):
        constant, slope = linear_bound(channel, boxes, inside(rng, boxes))
        for _ in range(10):
            power = inside(rng, boxes)
            assert (sum_rate(gain, 1.0, power, weights) <= constant + (slope * power).sum(1)).all()


@settings(max_examples=30)
@given(seed=st.integers(0, 9999), strength=st.sampled_from([0.1, 1.0, 30.0]), width=st.sampled_from([1e-6, 0.05, 1.0]))
def test_a_linear_bound_of_one_pair_touches_its_concave_envelope(seed, strength, width):
    """The envelope at (s, I): the best mixture with that mean of points at the smallest and at the largest I, by search."""
    rng = np.random.default_rng(seed)
    own, cross = strength * rng.exponential(size=2)
    low = rng.random(2) * rng.integers(0, 2, 2)
    high = low + (1 - low) * [rng.random(), width]
    box = Boxes(low[None], high[None], np.array([np.inf]))
    point = low + rng.uniform(0.02, 0.98, 2) * (high - low)
    constant, slope = linear_bound(Channel(np.array([[own, cross], [0, 0]]), np.array([1.0, 0.0])), box, point[None])
    share = (high[1] - point[1]) / (high[1] - low[1])
    first = np.linspace(low[0], high[0], 100_001)
    second = (point[0] - share * first) / (1 - share)
    first, second = (part[(second >= low[0]) & (second <= high[0])] for part in (first, second))
    rates = [np.log2(1 + own * power / (1 + cross * other)) for power, other in ((first, low[1]), (second, high[1]))]
    envelope = (share * rates[0] + (1 - share) * rates[1]).max()
    assert envelope * (1 - 1e-12) <= constant + slope[0] @ point <= envelope * (1 + 1e-4)


@settings(max_examples=30)
@given(seed=st.integers(0, 9999))
def test_the_water_level_shares_the_amount(seed):
    rng = np.random.default_rng(seed)
    least, most = np.sort(rng.exponential(size=(2, 50)), axis=0)
    quiet, loud = np.sort(1 + rng.exponential(size=(2, 50)), axis=0)
    amount, share = least + rng.random(50) * (most - least), rng.uniform(0.01, 0.99, 50)
    level = water_level(amount, share, least, most, quiet, loud)
    shared = share * (level - quiet).clip(least, most) + (1 - share) * (level - loud).clip(least, most)
    np.testing.assert_allclose(shared, amount, rtol=1e-9)


@settings(max_examples=30)
@given(**SOME)
def test_slopes_and_bends_are_within_what_is_claimed(pairs, seed, strength):
    rng, gain, weights, channel, boxes = some_boxes(pairs, seed, min(strength, 100.0))
    gain_least, gain_most, loss_least, loss_most = slopes(channel, boxes)
    down, up = bends(channel, boxes)
    for _ in range(10):
        power = inside(rng, boxes)
        received = 1 + power @ gain.T
        others = received - power * np.diag(gain)
        for k in range(pairs):
            # the derivatives of w_k ln T_k, and of the other pairs' w_i (ln T_i - ln I_i), each by hand
            rest = [i for i in range(pairs) if i != k]
            own = weights[k] * gain[k, k] / received[:, k]
            lost = sum(weights[i] * gain[i, k] * (1 / others[:, i] - 1 / received[:, i]) for i in rest)
            bent = sum(weights[i] * gain[i, k] ** 2 * (others[:, i] ** -2 - received[:, i] ** -2) for i in rest)
            for least, value, most in ((gain_least, own, gain_most), (loss_least, lost, loss_most)):
                assert (least[:, k] <= value + 1e-9 * own + 1e-9 * most[:, k]).all()
                assert (value <= most[:, k] * (1 + 1e-9) + 1e-9 * own).all()
            assert (weights[k] * (gain[k, k] / received[:, k]) ** 2 <= down[:, k] * (1 + 1e-9)).all()
            assert (up[:, k] <= bent * (1 + 1e-9) + 1e-9 * (weights @ gain[:, k] ** 2)).all()


def test_slopes_and_bends_of_a_point_are_its_derivatives():
    rng, gain, weights, channel, boxes = some_boxes(5, 3, 1.0)
    middle = rng.uniform(0.2, 0.8, (14, 5))
    gain_least, gain_most, loss_least, loss_most = slopes(channel, boxes := Boxes(middle, middle, boxes.bound))
    down, up = bends(channel, boxes)
    np.testing.assert_allclose(gain_least, gain_most, rtol=1e-12)
    np.testing.assert_allclose(loss_least, loss_most, rtol=1e-12)
    for k in range(5):
        first, second = differences(gain, weights, middle, k, 1e-4)
        np.testing.assert_allclose((gain_least - loss_least)[:, k], first, atol=1e-6)
        np.testing.assert_allclose((up - down)[:, k], second, atol=1e-5)


@settings(max_examples=40)
@given(pairs=st.integers(1, 3), seed=st.integers(0, 9999), strength=st.sampled_from([0.1, 1.0, 30.0]), silent=st.booleans())
def test_shrinking_keeps_an_optimum(pairs, seed, strength, silent):
    """All powers in a grid of boxes, each shrunk: among the grid points that are left is the best of all grid points."""
    rng = np.random.default_rng(seed)
    gain, weights = strength * rng.exponential(size=(pairs, pairs)), rng.random(pairs) + 0.1
    if silent:
        gain[0, 0] = 0.0
    ticks = np.linspace(0, 1, 5)
    cells = np.stack(np.meshgrid(*[np.arange(4)] * pairs), axis=-1).reshape(-1, pairs)
    boxes = Boxes(ticks[cells], ticks[cells + 1], np.zeros(len(cells)))
    kept = where_optima_can_be(Channel(gain, weights), boxes)
    fine = np.linspace(0, 1, 101 if pairs < 3 else 41)
    grid = np.stack(np.meshgrid(*[fine] * pairs), axis=-1).reshape(-1, pairs)
    value = sum_rate(gain, 1.0, grid, weights)
    left = np.zeros(len(grid), bool)
    for low, high in zip(kept.low, kept.high, strict=True):
        left |= ((grid >= low - 0.013) & (grid <= high + 0.013)).all(1)  # a maximum between grid points lies in a box nearby
    assert value.max() == pytest.approx(0, abs=1e-15) or value[left].max() >= value.max() * (1 - 1e-12)


def test_shrinking_finds_the_ends_and_drops_what_lies_between():
    # Pair 1 disturbs nobody, so that U rises in p_1; for p_0 < 1/2, U is convex in p_0 and neither rises nor falls for sure.
    channel = Channel(np.array([[2.0, 0.0], [5.0, 10.0]]), np.ones(2))
    low = np.array([[0.0, 1.0], [0.25, 1.0], [0.5, 1.0], [0.5, 0.5], [0.5, 0.0], [0.0, 0.0]])
    high = np.array([[0.25, 1.0], [0.5, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.5], [0.5, 0.5]])
    kept = where_optima_can_be(channel, Boxes(low, high, np.arange(6.0)))
    np.testing.assert_array_equal(kept.bound, [0, 2, 3])
    np.testing.assert_array_equal(kept.low, [[0, 1], [0.5, 1], [0.5, 1]])
    np.testing.assert_array_equal(kept.high, [[0, 1], [1, 1], [1, 1]])


def test_of_powers_that_are_all_below_their_largest_none_is_best():
    boxes = Boxes(np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.5], [0.5, 0.5]]), np.zeros(2))
    kept = where_optima_can_be(Channel(np.full((2, 2), 10.0), np.ones(2)), boxes)
    np.testing.assert_array_equal(kept.high, [[1.0, 0.5]])


def test_a_pair_without_a_channel_or_a_weight_is_silent_at_once():
    channel = Channel(np.full((3, 3), 10.0) - np.diag([10.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(where_optima_can_be(channel, Boxes.all_powers(3)).high, [[0, 0, 1]])
