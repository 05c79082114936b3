"""Comparisons of networks whose links are cut, beside those with all links."""

import numpy as np
import pytest
import torch

from baselines.allocators import full_power, max_min, wmmse, wmmse_over_lists
from baselines.comparison.allocation import WMMSE, FractionalProgramming, FullPower, MaxMin, RandomPower
from baselines.comparison.compare import compare, refuse
from baselines.comparison.comparison import Comparison
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.evaluation import evaluate
from baselines.learned.gnn import GNN
from baselines.learned.message_policy import MessagePolicy
from baselines.learned.trained import TrainedMethod
from trainers.problems.heard import heard
from trainers.problems.message_network import MessageNetwork
from wirelessenv.config import ConfigError
from wirelessenv.layout import draw_layouts
from wirelessenv.network import Block, WirelessNetwork
from wirelessenv.physics.loudest import loudest
from wirelessenv.scenario import Scenario

WHOLE, NOTHING = Scenario(preset="dense"), Scenario(preset="dense", cut=1e-12)
LARGE = Scenario.of({"preset": "dense", "transmitters": 150, "cut": 0.01, "placement": {"density": 1 / 6}})
PACES = [
    {},
    {"pace": "slot_late", "activity": {"query": 0.7}},
    {"pace": "round_a_slot", "links": {"delay": 2}, "activity": {"query": 0.7}},
]


@pytest.fixture(scope="module")
def held():
    return [HeldOut.draw(scenario, [0, 3], 6, 8) for scenario in (WHOLE, NOTHING)]


def state_of(method):
    """The state of a training that has not begun, with inputs to scale."""
    torch.manual_seed(0)
    network = method.network(WHOLE)
    network.fit(method.see(WHOLE, draw_layouts(WHOLE, [5]), WirelessNetwork(WHOLE, 5).block(20), 0))
    return network.state_dict()


@pytest.mark.parametrize(
    "method",
    [
        FullPower(),
        RandomPower(seed=3),
        WMMSE(tolerance=0, iterations=20, delay=2),
        FractionalProgramming(tolerance=0, iterations=20),
    ],
)
def test_where_nothing_is_cut_allocators_choose_the_powers_of_all_links(held, method):
    whole, near = held
    powers = method.powers(near)
    np.testing.assert_allclose(powers, method.powers(whole), rtol=1e-5, atol=1e-5)
    for expected, found in zip(Measured.of(whole, powers, 0), Measured.of(near, powers, 0), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("settings", PACES)
def test_where_nothing_is_cut_agents_that_talk_choose_the_powers_of_all_links(held, settings):
    method = MessagePolicy(**settings)
    state = state_of(method)
    whole, near = (method.powers(one, state) for one in held)
    assert whole.std() > 0.1
    np.testing.assert_allclose(near, whole, rtol=1e-5, atol=1e-5)


def dense(block, layouts, run):
    """A block and mean gains of one run as matrices, 0 where links are cut."""
    ends, count = block.near.ends(run), block.near.counts[run]
    gain, mean = np.zeros((1, block.gain.shape[1], 150, 150), np.float32), np.zeros((1, 150, 150), np.float32)
    gain[0][:, ends[0], ends[1]] = block.gain[run, :, :count]
    mean[0][ends] = layouts[run].mean_gain
    cross = gain * (1 - np.eye(150, dtype=np.float32))
    rest = [getattr(block, name)[run : run + 1] for name in ("features", "transmitters", "receivers", "serving")]
    return Block(gain, np.einsum("rsii->rsi", gain), cross, *rest), mean


@pytest.mark.parametrize("neighbours", [3, 12])
def test_of_links_that_are_cut_agents_see_and_choose_as_on_matrices_with_zeros(neighbours):
    """With 12 places, many agents have fewer neighbours: those that they do not have must not count."""
    network, layouts = WirelessNetwork(LARGE, [1, 2]), draw_layouts(LARGE, [1, 2])
    block = network.block(3)
    mean = np.zeros((2, block.near.links), np.float32)
    for run, layout in enumerate(layouts):
        mean[run, : len(layout.mean_gain)] = layout.mean_gain
    neighbourhood = loudest(mean, neighbours, block.near)
    seen = heard(LARGE, mean, block, neighbourhood, newest=None, told=0)
    torch.manual_seed(1)
    policy = MessageNetwork(2, 2, 8)
    policy.fit(seen)
    for run in range(2):
        whole, gains = dense(block, layouts, run)
        sums = gains[0] + gains[0].T
        np.fill_diagonal(sums, 0)
        number, found = loudest(gains, neighbours).number, neighbourhood.number[run : run + 1]
        there = np.take_along_axis(sums, number[0], 1) > 0
        np.testing.assert_array_equal(found[0], np.where(there, number[0], -1))
        assert there.mean() > 0.5
        assert neighbours == 3 or not there.all()
        newest = np.where(there, np.arange(3)[:, None, None], -1)[None]
        same = heard(LARGE, gains, whole, loudest(gains, neighbours), newest=newest, told=0)
        np.testing.assert_allclose(seen.nodes[run], same.nodes[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(seen.edges[run][:, there], same.edges[0][:, there], rtol=1e-5)
        with torch.no_grad():
            here, expected = policy.run(seen)[0][run], policy.run(same)[0][0]
        np.testing.assert_allclose(here, expected, rtol=1e-4, atol=1e-5)


def test_parts_of_the_agents_of_a_large_network_choose_what_all_of_them_do(monkeypatch):
    held = HeldOut.draw(LARGE, [0], 2, 0)
    method = MessagePolicy()
    state = state_of(method)
    expected = method.powers(held, state)
    monkeypatch.setattr("trainers.problems.message_network.MANY", 100)
    monkeypatch.setattr("trainers.problems.message_network.NUMBERS_AT_ONCE", 2000)
    np.testing.assert_allclose(method.powers(held, state), expected, rtol=1e-5)


def test_some_layouts_of_many_are_those_drawn_alone():
    held, alone = HeldOut.draw(LARGE, [0, 1, 2], 4, 1), HeldOut.draw(LARGE, [2], 4, 1)
    some = held.some([2])
    for name in ("gain", "wanted", "cross", "features", "noise"):
        np.testing.assert_array_equal(getattr(some.block, name), getattr(alone.block, name))
    for method in (WMMSE(), RandomPower()):
        np.testing.assert_allclose(method.powers(held)[2:], method.powers(alone), rtol=1e-6)


def test_a_policy_of_24_agents_decides_for_a_thousand():
    scenario = Scenario.of(LARGE.dump() | {"transmitters": 1000})
    trained = TrainedMethod.train(MessagePolicy(steps=2), "dense", seed=0)
    found = evaluate(trained, scenario, layouts=2, slots=2, warm_up=0)
    assert found.measured.rates.shape == (2, 1000)
    assert 0.3 < found.full_power.estimate < 2
    assert evaluate(full_power, scenario, layouts=2, slots=2, warm_up=0).full_power.estimate == 1
    assert evaluate(wmmse, LARGE, layouts=2, slots=2).wmmse.estimate == 1
    assert evaluate(wmmse_over_lists, LARGE, layouts=2, slots=2).wmmse.estimate == 1
    halves = evaluate(lambda seen: np.zeros(seen.shape[:2]), LARGE, layouts=2, slots=2, observation="local")
    np.testing.assert_allclose(halves.measured.power, 150 * 5)


METHODS = {"talk": {"method": "message_policy", "steps": 2, "trained_on": {"preset": "dense"}}, "random": "random_power"}
CONFIGURATION = {"scenarios": {"large": LARGE.dump()}, "layouts": 2, "slots": 3, "warm_up": 2, "seeds": 1}


def test_methods_without_a_form_over_lists_are_refused_in_one_sentence():
    refuse(Comparison.parse(CONFIGURATION | {"methods": METHODS}))
    for name in ("max_min", "certified_optimum", "on_off", "gnn", "ppo", "baselines.allocators:max_min"):
        named = "custom" if ":" in name else name
        told = rf'methods.mine: does not fit the scenario "large": method: "{named}" is not valid with scenario.cut: .*use frac'
        with pytest.raises(ConfigError, match=told) as refused:
            Comparison.parse(CONFIGURATION | {"methods": {"mine": name}})
        assert "full_power, message_policy, random_power, wmmse" in str(refused.value)
    with pytest.raises(ConfigError, match=r"starts: .* is not valid with scenario.cut: over lists"):
        Comparison.parse(CONFIGURATION | {"methods": {"mine": {"method": "wmmse", "starts": ["full", "random"]}}})
    with pytest.raises(ConfigError, match=r"^optimum: is not valid .* with scenario.cut there are lists"):
        Comparison.parse(CONFIGURATION | {"optimum": {}})
    with pytest.raises(ConfigError, match=r"^trained_on: not valid with scenario.cut 0.01: .* without a cut"):
        refuse(Comparison.parse(CONFIGURATION | {"methods": {"mine": "message_policy"}}))
    with pytest.raises(ConfigError, match=r"^trained_on: not valid with scenario.cut"):
        TrainedMethod.train(MessagePolicy(steps=1), LARGE)


def test_allocators_without_a_form_over_lists_are_refused_by_evaluate():
    with pytest.raises(ConfigError, match=r"^policy: the allocator max_min is not valid with scenario.cut: .*use full_power"):
        evaluate(max_min, LARGE, layouts=2, slots=1)
    with pytest.raises(ConfigError, match=r"^policy: the allocator wmmse_over_lists is not valid without scenario.cut"):
        evaluate(wmmse_over_lists, "dense", layouts=2, slots=1)
    held = HeldOut.draw(LARGE, [0], 1, 0)
    with pytest.raises(ConfigError, match=r'^method: "max_min" is not valid with scenario.cut'):
        MaxMin().powers(held)
    with pytest.raises(ConfigError, match=r'^method: "gnn" is not valid with scenario.cut'):
        TrainedMethod(GNN(), "dense", {}).predict(held)


@pytest.mark.slow
def test_a_comparison_of_a_large_network_has_a_row_for_each_method(tmp_path):
    comparison = Comparison.parse(CONFIGURATION | {"methods": METHODS})
    found = compare(comparison, tmp_path / "out", workers=1, quiet=True).table("comparison.csv")
    assert set(found["method"]) == {"full power", "WMMSE", "talk", "random"}
    assert np.isfinite(found["utility"]).all()
