"""Allocators, comparisons and trained networks where limits, weights and bandwidths are each agent's own."""

import math
from itertools import product
from typing import Literal

import numpy as np
import pytest

from baselines import allocators, evaluate
from baselines.allocators import certified_optimum, fractional_programming, max_min, on_off, rate_floor, sum_rate, wmmse
from baselines.comparison.allocation import Allocator
from baselines.comparison.comparison import Comparison
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.methods import Method
from baselines.learned.central import Central, _objective
from wirelessenv import ConfigError, Scenario, WirelessNetwork
from wirelessenv.layout import draw_layouts

OWN = {
    "max_power": (4.0, 1.0, 8.0),
    "noise": (0.5, 2.0, 1.0),
    "weights": (1.0, 3.0, 0.5),
    "bandwidth": (1.0, 2.0, 4.0),
}
SCENARIO = Scenario(preset="dense", transmitters=3, hops=3, **OWN)
WORTH = np.array([1.0, 6.0, 2.0])
MOST, NOISE = np.array(OWN["max_power"]), np.array(OWN["noise"])
HELD = HeldOut.draw(SCENARIO, range(6), 3, 4)
GAIN = HELD.block.gain.astype(float)


def worth(gain, power):
    """The weighted sum of rates of one slot, link by link."""
    return sum(
        WORTH[i] * math.log2(1 + gain[i, i] * power[i] / (NOISE[i] + sum(gain[i, j] * power[j] for j in range(3) if j != i)))
        for i in range(3)
    )


def best_on_a_grid(gain, points=25):
    """The largest weighted sum of rates over a grid of all powers, each up to its own limit."""
    levels = [np.linspace(0, most, points) for most in MOST]
    power = np.array(list(product(*levels)))
    received = gain * power[:, None]
    wanted = np.einsum("nii->ni", received)
    return float((WORTH * np.log2(1 + wanted / (NOISE + received.sum(2) - wanted))).sum(1).max())


def test_weighted_rates_are_those_that_a_grid_of_all_powers_finds():
    settings = {"iterations": 2000, "tolerance": 0, "starts": ["full", *["random"] * 8]}
    for gain in GAIN[:, 0]:
        best = best_on_a_grid(gain)
        for allocator in (wmmse, fractional_programming):
            power = allocator(gain, SCENARIO.noise_power, SCENARIO.p_max, SCENARIO.rate_weights, **settings)
            assert (power <= MOST * (1 + 1e-9)).all()
            assert worth(gain, power) >= best * (1 - 1e-3)
        proved = certified_optimum(gain, SCENARIO.noise_power, SCENARIO.p_max, SCENARIO.rate_weights, gap=1e-3)
        assert worth(gain, proved) >= best * (1 - 1e-3)


def test_the_end_of_wmmse_meets_the_conditions_of_an_optimum():
    # Karush, Kuhn and Tucker: dU / dp_i >= 0 at p_max, else <= 0, and 0 where p_i is not 0
    for gain in np.random.default_rng(2).exponential(size=(6, 3, 3)):  # of a few dB, where steps are not small
        power = wmmse(gain, SCENARIO.noise_power, SCENARIO.p_max, SCENARIO.rate_weights, iterations=50_000, tolerance=0)
        for i in range(3):
            step = 1e-6 * MOST[i] * np.eye(3)[i]
            slope = (worth(gain, power + step) - worth(gain, power - step)) / 2e-6  # in shares of p_max
            if power[i] > (1 - 1e-6) * MOST[i]:
                assert slope > -1e-3
            else:
                assert slope < 1e-3
                assert abs(slope) * power[i] / MOST[i] < 1e-3


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("wmmse", wmmse),
        ("fractional_programming", fractional_programming),
        ("on_off", on_off),
        ("greedy_scheduling", allocators.greedy_scheduling),
        ("itlinq", allocators.itlinq),
        ("fplinq", allocators.fplinq),
        ("certified_optimum", certified_optimum),
    ],
)
def test_methods_and_evaluate_give_allocators_the_limits_and_weights_of_all(kind, function):
    method = Method.parse({"kind": kind})
    expected = function(GAIN, NOISE, MOST, WORTH)
    np.testing.assert_array_equal(method.powers(HELD), expected)
    measured = evaluate(function, SCENARIO, layouts=6, slots=3, warm_up=4).measured
    np.testing.assert_array_equal(measured.utility, Measured.of(HELD, expected, 0).utility)
    mean = np.mean([[worth(*one) for one in zip(*rows, strict=True)] for rows in zip(GAIN, expected, strict=True)], 1)
    every = np.array([[worth(g, p) for g, p in zip(gs, ps, strict=True)] for gs, ps in zip(GAIN, expected, strict=True)])
    assert mean.shape == (6,)
    np.testing.assert_allclose(measured.utility, every[:, 4:].mean(1), rtol=1e-4)


def test_full_and_random_power_are_up_to_each_ones_own_limit():
    full, drawn = (Method.parse({"kind": kind}).powers(HELD) for kind in ("full_power", "random_power"))
    np.testing.assert_array_equal(full, np.broadcast_to(MOST, full.shape))
    assert (drawn <= MOST).all()
    assert (drawn.max((0, 1)) > 0.7 * MOST).all()
    two = HeldOut.draw(SCENARIO.model_copy(update={"bands": 2}), range(3), 2, 1)
    for kind in ("full_power", "random_power", "random_band"):
        power = Method.parse({"kind": kind}).powers(two)
        assert (power.sum(-2) <= MOST * (1 + 1e-9)).all()


def test_full_power_is_the_same_with_equal_weights_of_any_size():
    doubled = Scenario(preset="dense", transmitters=3, weights=2.0, bandwidth=3.0)
    one = Scenario(preset="dense", transmitters=3)
    found = [evaluate(wmmse, scenario, layouts=3, slots=2) for scenario in (one, doubled)]
    np.testing.assert_allclose(found[1].measured.utility, 6 * found[0].measured.utility, rtol=1e-3)


def test_bands_have_a_budget_and_noise_of_each_agent():
    scenario = SCENARIO.model_copy(update={"bands": 2})
    held = HeldOut.draw(scenario, range(3), 2, 2)
    power = Method.parse({"kind": "wmmse"}).powers(held)
    expected = wmmse(held.block.gain.astype(float), NOISE, MOST, WORTH, bands=2)
    np.testing.assert_array_equal(power, expected)
    value = sum_rate(held.block.gain.astype(float), NOISE, power, WORTH, bands=2)
    np.testing.assert_allclose(Measured.of(held, power, 0).utility, value[:, 2:].mean(1), rtol=1e-4)


def test_equal_sinrs_are_refused_where_they_are_not_equally_good():
    with pytest.raises(ConfigError, match="max_min: not valid where weights or bandwidth are each agent's own"):
        evaluate(max_min, SCENARIO, layouts=2, slots=2)
    with pytest.raises(ConfigError, match="max_min: not valid where weights or bandwidth"):
        Comparison.parse({"scenarios": {"own": SCENARIO}, "methods": {"fair": "max_min"}})
    limits = Scenario(preset="dense", transmitters=3, max_power=MOST, noise=NOISE)
    power = Method.parse({"kind": "max_min"}).powers(HeldOut.draw(limits, [0], 1, 0))[0, 0]
    gain = HeldOut.draw(limits, [0], 1, 0).block.gain[0, 0].astype(float)
    ratio = [gain[i, i] * power[i] / (NOISE[i] + gain[i] @ power - gain[i, i] * power[i]) for i in range(3)]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert (power / MOST).max() == pytest.approx(1)


class Blind(Allocator):
    """Full power, with a method that takes no weights."""

    kind: Literal["blind to weights"] = "blind to weights"

    def allocate(self, gain, noise, p_max, bands=1):
        return np.broadcast_to(p_max, gain.shape[:-1])


def test_an_allocator_that_takes_no_weights_is_refused():
    with pytest.raises(ConfigError, match="Blind: not valid with weights or bandwidths: its allocate takes none"):
        Blind().powers(HELD)


def test_the_floor_is_of_rates_with_their_bandwidth():
    gain = HeldOut.draw(SCENARIO, range(4), 200, 50).block.gain.astype(float)
    given = {"weights": WORTH, "bandwidth": np.array(OWN["bandwidth"])}
    for floor in (0.0, 0.6):
        power = rate_floor(gain, NOISE, MOST, **given, floor=floor)
        received = gain * power[:, :, None]
        wanted = np.einsum("...ii->...i", received)
        rates = np.array(OWN["bandwidth"]) * np.log2(1 + wanted / (NOISE + received.sum(-1) - wanted))
        least = rates[:, 50:].mean(1).min()
        if floor == 0:
            np.testing.assert_allclose(power, fractional_programming(gain, NOISE, MOST, WORTH), atol=1e-9)
            without = least
    assert least > max(0.55, without)
    held = HeldOut.draw(SCENARIO, range(2), 3, 4)
    expected = rate_floor(held.block.gain.astype(float), NOISE, MOST, **given)
    np.testing.assert_array_equal(Method.parse({"kind": "rate_floor"}).powers(held), expected)


def test_over_lists_limits_and_weights_are_each_agents_own():
    agents, rng = 40, np.random.default_rng(0)
    own = {name: rng.uniform(0.5, 5, agents) for name in OWN}
    whole, near = (Scenario(preset="dense", transmitters=agents, cut=cut, **own) for cut in (None, 1e-12))
    found = []
    for scenario in (whole, near):
        held = HeldOut.draw(scenario, [0, 1], 2, 1)
        limits = {"tolerance": 0, "iterations": 30}
        kinds = ({"kind": "wmmse"} | limits, {"kind": "fractional_programming"} | limits, {"kind": "full_power"})
        found.append([Method.parse(kind).powers(held) for kind in kinds])
        found[-1].append(Measured.of(held, found[-1][0], 0).utility)
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)
    held = HeldOut.draw(near, [0], 1, 0)
    with pytest.raises(ConfigError, match="p_max: the shape"):
        allocators.wmmse_over_lists(held.block.near, held.block.gain, held.block.noise, [1.0, 2.0])


@pytest.mark.parametrize(
    ("kind", "bands"),  # the GNN knows one band
    [("gnn", 1), ("message_policy", 1), ("message_policy", 2), ("aggregation_policy", 1), ("aggregation_policy", 2)],
)
def test_networks_learn_weighted_utilities_and_share_out_each_ones_own_power(kind, bands):
    torch = pytest.importorskip("torch")
    scenario = SCENARIO.model_copy(update={"bands": bands})
    method = Method.parse({"kind": kind, "steps": 3, **({"neighbours": 2} if kind == "message_policy" else {})})
    assert isinstance(method, Central)
    state = method.learned(scenario, 0)
    held = HeldOut.draw(scenario, range(3), 2, 2)
    power = method.powers(held, state)
    total = power if bands == 1 else power.sum(-2)
    assert (total <= MOST * (1 + 1e-6)).all()
    assert (total > 0).all()
    logits = torch.zeros(held.block.wanted.shape)
    share = 0.5 if bands == 1 else 1 / 3
    utility = Measured.of(held, np.broadcast_to(MOST * share, power.shape), 0).utility.mean() / 3
    assert float(_objective(scenario, logits, held.block, 2)) == pytest.approx(utility, rel=1e-4)


def test_the_message_policy_sees_in_an_environment_what_it_was_trained_on():
    talker = pytest.importorskip("baselines.learned.talker")
    policy = Method.parse({"kind": "message_policy", "rounds": 0, "neighbours": 2, "pace": "round_a_slot", "steps": 2})
    talks = talker.Talker.train(policy, SCENARIO)
    assert talks.memory <= 4
    found = evaluate(talks, SCENARIO, layouts=6, slots=3, warm_up=4).measured
    expected = Measured.of(HELD, policy.powers(HELD, talks.network_state()), 0)
    np.testing.assert_allclose(found.utility, expected.utility, rtol=1e-4)


def test_layouts_of_the_gnn_see_each_links_own_ratio():
    gnn = pytest.importorskip("baselines.learned.gnn").GNN(steps=1)
    block = WirelessNetwork(SCENARIO, [0]).block(1)
    network = gnn.network(SCENARIO)
    _, seen = network._inputs(gnn.see(SCENARIO, draw_layouts(SCENARIO, [0]), block, 0))
    np.testing.assert_allclose(seen.numpy(), np.log1p(block.gain * MOST / NOISE[:, None]), rtol=1e-4)
