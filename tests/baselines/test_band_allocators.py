"""Allocators over several bands against water-filling, exhaustive search, the conditions of an optimum, and plain loops."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.allocators import (
    certify,
    delayed,
    fractional_programming,
    full_power,
    itlinq,
    max_min,
    on_off,
    random_band,
    random_power,
    sum_rate,
    wmmse,
)
from baselines.comparison.comparison import Comparison
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.evaluation import evaluate
from baselines.learned.gnn import GNN
from baselines.learned.trained import TrainedMethod
from wirelessenv import ConfigError, Scenario, WirelessNetwork

EVERY = [full_power, random_power, random_band, on_off, wmmse, fractional_programming]
ITERATIVE = [wmmse, fractional_programming]
NOISE = 0.6


def gains(draws, bands, pairs, seed=0):
    return np.random.default_rng(seed).exponential(size=(draws, bands, pairs, pairs))


def value(gain, noise, power, weights):
    """The weighted sum rate of one channel, link by link and band by band."""
    bands, agents = power.shape
    total = 0.0
    for i in range(agents):
        for b in range(bands):
            heard = sum(gain[b, i, j] * power[b, j] for j in range(agents) if j != i)
            total += weights[i] * math.log2(1 + gain[b, i, i] * power[b, i] / (noise[i] / bands + heard)) / bands
    return total


def water_filling(gain, noise, most):
    """Powers max(0, level - noise / gain) that add up to `most`, by trying every number of bands in use."""
    floors = np.sort(noise / gain)
    for used in range(len(gain), 0, -1):
        level = (most + floors[:used].sum()) / used
        if level >= floors[used - 1]:
            return np.maximum(level - noise / gain, 0)
    raise AssertionError


def test_the_objective_is_the_mean_over_bands_of_the_weighted_sum_rate():
    rng = np.random.default_rng(1)
    gain, power, noise, weights = gains(3, 2, 4), rng.random((3, 2, 4)), rng.random((3, 4)) + 0.1, rng.random((3, 4))
    expected = [value(*one) for one in zip(gain, noise, power, weights, strict=True)]
    np.testing.assert_allclose(sum_rate(gain, noise, power, weights, bands=2), expected, rtol=1e-12)


@pytest.mark.parametrize("allocator", EVERY)
@settings(max_examples=15)
@given(bands=st.integers(2, 4), pairs=st.integers(1, 4), seed=st.integers(0, 99), most=st.sampled_from([0.1, 1.0, 30.0]))
def test_powers_add_up_to_the_budget_at_most_and_do_not_depend_on_the_batch(allocator, bands, pairs, seed, most):
    gain = gains(3, bands, pairs, seed)
    power = allocator(gain.reshape(3, 1, bands, pairs, pairs), NOISE, most, bands=bands)
    assert power.shape == (3, 1, bands, pairs)
    assert (power >= 0).all()
    assert (power.sum(-2) <= most * (1 + 1e-12)).all()
    if allocator not in (random_power, random_band):
        for one, expected in zip(gain, power[:, 0], strict=True):
            np.testing.assert_allclose(allocator(one, NOISE, most, bands=bands), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("allocator", EVERY)
def test_of_one_band_nothing_changes(allocator):
    gain = gains(4, 1, 3)[:, 0]
    np.testing.assert_array_equal(allocator(gain, NOISE, 2.0, bands=1), allocator(gain, NOISE, 2.0))


@pytest.mark.parametrize("allocator", ITERATIVE)
@pytest.mark.parametrize(("bands", "most"), [(2, 0.05), (3, 1.0), (5, 1.0), (4, 50.0)])
def test_without_interference_it_is_water_filling(allocator, bands, most):
    rng = np.random.default_rng(bands)
    own, noise = rng.exponential(size=(40, bands, 3)) + 0.01, rng.random((40, 3)) + 0.1
    gain = own[..., None] * np.eye(3)
    power = allocator(gain, noise, most, bands=bands, tolerance=0, iterations=600)
    for one, there, level, found in zip(own, gain, noise, power, strict=True):
        expected = np.stack([water_filling(one[:, i], level[i] / bands, most) for i in range(3)], axis=1)
        assert sum_rate(there, level, found, bands=bands) == pytest.approx(
            sum_rate(there, level, expected, bands=bands), rel=1e-4
        )


def exhaustive(gain, noise, most, points=13):
    """The largest sum rate of two pairs in two bands, over a grid of all powers in the budgets, (n,)."""
    levels = np.linspace(0, most, points)
    own = np.array([(one, other) for one, other in product(levels, levels) if one + other <= most * (1 + 1e-12)])
    first, second = (part.ravel() for part in np.meshgrid(range(len(own)), range(len(own))))
    power = np.stack([own[first], own[second]], axis=-1)  # (patterns, bands, pairs)
    return sum_rate(gain[:, None], noise, power, bands=2).max(1)


@pytest.mark.parametrize("allocator", ITERATIVE)
def test_the_best_of_some_starts_is_the_best_of_all_powers(allocator):
    gain = gains(8, 2, 2, 3) * np.where(np.eye(2), 1.0, 0.7)
    found = sum_rate(
        gain, NOISE, allocator(gain, NOISE, 2.0, bands=2, starts=["full", *["random"] * 12], iterations=300), bands=2
    )
    best = exhaustive(gain, NOISE, 2.0)
    assert (found >= best - 2e-3).all()
    assert (found <= best + 0.05).all()  # the grid's own distance from the optimum


@pytest.mark.parametrize("allocator", ITERATIVE)
def test_the_end_meets_the_conditions_of_an_optimum(allocator):
    # Karush, Kuhn and Tucker: dR / dp_ib = mu_i where p_ib > 0, <= mu_i where it is 0, and mu_i = 0 where power is left
    rng, most, bands = np.random.default_rng(3), np.array([2.0, 1.0, 3.0, 0.5]), 3
    gain, weights, noise = gains(6, bands, 4, 5), rng.random((6, 4)) + 0.2, rng.random((6, 4)) + 0.1
    power = allocator(gain, noise, most, weights, bands=bands, iterations=20_000, tolerance=0)
    slopes = np.empty_like(power)
    for band, agent in product(range(bands), range(4)):
        step = np.zeros_like(power)
        step[:, band, agent] = 1e-6
        up, down = (sum_rate(gain, noise, abs(power + sign * step), weights, bands=bands) for sign in (1, -1))
        at_edge = power[:, band, agent] < 1e-6
        here = sum_rate(gain, noise, power, weights, bands=bands)
        slopes[:, band, agent] = np.where(at_edge, (up - here) / 1e-6, (up - down) / 2e-6)
    price = np.maximum(slopes.max(1), 0)
    on = power > 1e-3 * most
    assert (abs(slopes - price[:, None])[on] < 2e-3).all()
    assert (slopes < price[:, None] + 2e-3).all()
    left = power.sum(1) < most * (1 - 1e-6)
    assert (price[left] < 2e-3).all()
    assert not left.all()


@pytest.mark.parametrize("allocator", ITERATIVE)
def test_iterations_never_lower_the_objective(allocator):
    gain, weights = gains(20, 3, 5, 2), np.random.default_rng(3).random((20, 5)) + 0.2
    values = [
        sum_rate(gain, NOISE, allocator(gain, NOISE, 2.0, weights, bands=3, iterations=count, tolerance=0), weights, bands=3)
        for count in (1, 2, 3, 5, 10, 20, 100)
    ]
    values = [sum_rate(gain, NOISE, full_power(gain, NOISE, 2.0, bands=3), weights, bands=3), *values]
    for earlier, later in pairwise(values):
        assert (later >= earlier - 1e-9).all()


def test_fractional_programming_takes_the_steps_of_wmmse():
    gain = gains(10, 3, 4, 5)
    for count in (1, 3, 10):
        one, other = (allocator(gain, 1.0, 1.0, bands=3, iterations=count, tolerance=0) for allocator in ITERATIVE)
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8)


def test_on_off_is_the_best_band_of_everybody():
    gain = gains(5, 2, 3, 7)
    found = sum_rate(gain, NOISE, on_off(gain, NOISE, 2.0, bands=2), bands=2)
    patterns = [np.eye(3)[list(chosen)].T[1:] * 2.0 for chosen in product(range(3), repeat=3)]
    best = [max(value(one, [NOISE] * 3, power, [1] * 3) for power in patterns) for one in gain]
    np.testing.assert_allclose(found, best)
    with pytest.raises(ConfigError, match="of at most 10 pairs in 2 bands"):
        on_off(gains(1, 2, 11), NOISE, 2.0, bands=2)


def test_certified_values_are_those_of_a_fine_grid_in_every_band():
    gain, noise, limits = gains(3, 2, 2, 9), np.array([0.5, 0.8]), np.array([[1.0, 0.3], [2.0, 0.1]])  # bands, pairs
    weights = np.array([1.0, 0.4])
    found = certify(gain, noise, limits, weights, bands=2, gap=1e-3)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 201)] * 2, indexing="ij"), -1).reshape(-1, 2)
    for one, value_found, bound in zip(gain, found.value, found.bound, strict=True):
        best = 0.0
        for band in range(2):
            power = grid * limits[band]
            heard = np.stack([one[band, 0, 1] * power[:, 1], one[band, 1, 0] * power[:, 0]], -1)
            ratio = np.diag(one[band]) * power / (noise / 2 + heard)
            best += (weights * np.log2(1 + ratio)).sum(-1).max() / 2
        assert value_found <= bound <= value_found * (1 + 1e-3)
        assert value_found == pytest.approx(best, rel=2e-3)
    assert found.proved.all()
    assert (found.power <= limits).all()
    np.testing.assert_allclose(sum_rate(gain, noise, found.power, weights, bands=2), found.value, rtol=1e-9)


def test_a_bound_with_the_budget_in_every_band_holds_for_one_budget():
    gain = gains(5, 3, 3, 4)
    found = certify(gain, NOISE, np.full((3, 3), 2.0), bands=3)
    for allocator in (*ITERATIVE, on_off):
        assert (sum_rate(gain, NOISE, allocator(gain, NOISE, 2.0, bands=3), bands=3) <= found.bound).all()
    for wrong in (2.0, np.ones(3), np.ones((2, 3))):
        with pytest.raises(ConfigError, match=r"p_max: .*limits in each band"):
            certify(gain, NOISE, wrong, bands=3)


def test_random_bands_are_uniform_and_some_are_silent():
    gain, most = np.ones((2000, 4, 3, 3)), np.array([1.0, 2.0, 3.0])
    power = random_band(gain, NOISE, most, bands=4, idle=0.2, seed=1)
    assert set(np.unique(power / most)) == {0.0, 1.0}
    used = (power > 0).mean((0, 2))  # each of 6000 draws, with probability 0.8 / 4
    assert (abs(used - 0.2) < 4 * math.sqrt(0.2 * 0.8 / 6000)).all()
    assert ((power > 0).sum(1) <= 1).all()


def test_random_powers_are_uniform_over_all_that_add_up_to_the_budget():
    power = random_power(np.ones((4000, 3, 2, 2)), NOISE, 2.0, bands=3, seed=2) / 2
    # Dirichlet(1, 1, 1, 1): each share has the mean 1/4 and the variance 3/80
    np.testing.assert_allclose(power.mean((0, 2)), 0.25, atol=4 * math.sqrt(3 / 80 / 8000))
    np.testing.assert_allclose(power.var((0, 2)), 3 / 80, rtol=0.1)


def test_delayed_gains_have_their_slots_before_the_bands():
    gain = np.arange(2 * 5 * 3, dtype=float).reshape(2, 5, 3, 1, 1)
    np.testing.assert_array_equal(delayed(gain, 2, bands=3), gain[:, [0, 0, 0, 1, 2]])


@pytest.mark.parametrize(
    ("bands", "said"), [(3, "bands: 3 is not valid for gains"), (0, "bands: 0"), (2.5, "bands: 2.5"), ("two", "bands: 'two'")]
)
def test_bands_that_the_gains_do_not_have_are_refused(bands, said):
    for allocator in EVERY:
        with pytest.raises(ConfigError, match=said):
            allocator(gains(4, 2, 3), NOISE, 1.0, bands=bands)
    with pytest.raises(ConfigError, match="p_max"):
        wmmse(gains(4, 2, 3), NOISE, np.ones((4, 2, 3)), bands=2)
    with pytest.raises(ConfigError, match="power: the shape"):
        sum_rate(gains(4, 2, 3), NOISE, np.ones((4, 3)), bands=2)


SCENARIO = {"preset": "dense", "transmitters": 4, "bands": 3}


def own_allocator(gain, noise, p_max):
    """Everything in the band in which the own link is strongest."""
    own = np.einsum("...ii->...i", gain)
    return p_max * (own == own.max(-2, keepdims=True))


def test_evaluate_takes_allocators_of_bands():
    assert evaluate(full_power, SCENARIO, layouts=3, slots=4).full_power.estimate == 1.0
    best = evaluate(wmmse, SCENARIO, layouts=3, slots=4)
    assert best.wmmse.estimate == 1.0
    assert best.full_power.estimate > 1.05
    own = evaluate(own_allocator, SCENARIO, layouts=3, slots=4)
    assert own.measured.power == pytest.approx(4 * WirelessNetwork(SCENARIO).scenario.max_power)
    with pytest.raises(ConfigError, match="its sum over bands"):
        evaluate(lambda gain, noise, p_max: np.full(gain.shape[:-1], p_max), SCENARIO, layouts=2, slots=3)


class Fixed:
    """A policy of observations with one action for everybody."""

    def __init__(self, space, action):
        self.action_space, self.action = space, action

    def __call__(self, seen):
        return np.broadcast_to(np.asarray(self.action), (*seen.shape[:2], *self.action_space.shape))


@pytest.mark.parametrize(
    ("space", "action", "shares"),
    [
        (Box(-1, 1, (3,)), [-0.5, 0.0, -1.0], [0.25, 0.5, 0.0]),
        (Box(-1, 1, (4,)), [-0.5, 0.0, -1.0, -0.5], [0.25, 0.5, 0.0]),
        (Box(0, 10, (3,)), [2.0, 0.0, 1.0], [0.2, 0.0, 0.1]),
        (Discrete(7), 4, [0.0, 1.0, 0.0]),
    ],
)
def test_evaluate_plays_policies_of_observations_by_the_space_of_their_actions(space, action, shares):
    scenario = {**SCENARIO, "max_power": 10.0}
    played = evaluate(Fixed(space, action), scenario, layouts=2, slots=3)
    column = np.array(shares)[:, None]
    allocated = evaluate(lambda gain, noise, most: np.full(gain.shape[:-1], most * column), scenario, layouts=2, slots=3)
    np.testing.assert_allclose(played.measured.utility, allocated.measured.utility, rtol=1e-5)


def test_evaluate_refuses_actions_of_other_bands_or_above_the_budget():
    with pytest.raises(ConfigError, match=r"policy: actions of the shape \(2, 4\) are not valid for .* \(2, 4, 3\)"):
        evaluate(lambda seen: seen[..., 0], SCENARIO, layouts=2, slots=3)
    with pytest.raises(ConfigError, match="policy: its powers: its sum over bands"):
        evaluate(
            lambda seen: np.full((*seen.shape[:2], 3), 6.0),
            {**SCENARIO, "max_power": 10.0},
            layouts=2,
            slots=3,
            actions="power",
        )


def test_what_is_measured_is_the_rate_of_the_whole_bandwidth():
    held = HeldOut.draw(SCENARIO, [0, 1], 2, 1)
    power = random_power(held.block.gain, 1.0, 10.0, bands=3, seed=5)
    measured = Measured.of(held, power, 2)
    noise = [held.scenario.noise] * 4
    for layout in range(2):
        rates = [value(held.block.gain[layout, slot].astype(float), noise, power[layout, slot], [1] * 4) for slot in (1, 2)]
        np.testing.assert_allclose(measured.first[layout], rates, rtol=1e-4)
        assert measured.utility[layout] == pytest.approx(np.mean(rates), rel=1e-4)
        assert measured.power[layout] == pytest.approx(power[layout, 1:].sum((1, 2)).mean(), rel=1e-5)


def test_comparisons_have_allocators_of_bands_and_refuse_what_knows_one_band():
    of_bands = ["full_power", "random_power", "random_band", "on_off", "wmmse", "fractional_programming"]
    comparison = Comparison.parse(
        {"scenarios": {"mine": SCENARIO}, "methods": {name.replace("_", " "): name for name in of_bands}}
    )
    held = HeldOut.draw(SCENARIO, [3, 8], 2, 1)
    for method in comparison.methods.values():
        power = method.powers(held)
        assert power.shape == (2, 3, 3, 4)
        np.testing.assert_array_equal(method.powers(held.some([1]))[0], power[1])  # a layout does not depend on others
    for name in ("max_min", "certified_optimum", "gnn"):
        with pytest.raises(ConfigError, match=r"methods\.one: does not fit .* bands"):
            Comparison.parse({"scenarios": {"mine": SCENARIO}, "methods": {"one": name}})
    with pytest.raises(ConfigError, match=r"optimum: .*bands"):
        Comparison.parse({"scenarios": {"mine": SCENARIO}, "optimum": {}})


def test_evaluate_gives_bands_to_those_who_know_them_and_refuses_the_others():
    scenario = Scenario(preset="dense", transmitters=4, bands=2)
    sizes = {"layouts": 2, "slots": 5}

    def mine(gain, noise, p_max, bands):
        return full_power(gain, noise, p_max, bands=bands)

    assert evaluate(mine, scenario, **sizes).full_power.estimate == 1
    assert evaluate(mine, Scenario(preset="dense", transmitters=4), **sizes).full_power.estimate == 1
    for one in (itlinq, max_min):
        with pytest.raises(ConfigError, match=r"is not valid with 2 bands: it knows one"):
            evaluate(one, scenario, **sizes)
    with pytest.raises(ConfigError, match="idle"):
        random_band(np.ones((2, 3, 3)), 1.0, 1.0, bands=2, idle=[0.1, 0.2])


def test_a_trained_method_of_one_band_refuses_several():
    trained = TrainedMethod(GNN(), Scenario(preset="dense", transmitters=4), {})
    with pytest.raises(ConfigError, match="bands"):
        trained.predict(HeldOut.draw(Scenario(preset="dense", transmitters=4, bands=2), [0], 2, 1))
