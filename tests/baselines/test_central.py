"""Networks trained through the rate: their gradients, their symmetry, and what they reach on known problems."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.comparison.allocation import WMMSE
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.methods import training_layouts
from baselines.learned.aggregation_policy import AggregationPolicy
from baselines.learned.central import _objective
from baselines.learned.gnn import GNN
from trainers import WirelessProblem
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import Scenario, WirelessNetwork

SMALL = Scenario(preset="dense", transmitters=5)
METHODS = [GNN(steps=4), AggregationPolicy(steps=4), AggregationPolicy(steps=4, policies="own")]

pytestmark = pytest.mark.usefixtures("one_thread")


def trained(method, scenario=SMALL, seed=0):
    return list(method.train(scenario, seed, None if method.across else 3))


def made(method, scenario=SMALL):
    torch.manual_seed(0)
    network, block = method.network(scenario), WirelessNetwork(scenario, [0, 1]).block(3)
    network.fit(block)
    return network, block


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_is_that_of_the_mean_utility(method):
    network, block = made(method)
    network, block = network.double(), replace(block, features=block.features.astype(float), gain=block.gain.astype(float))
    block = replace(block, wanted=block.wanted.astype(float), cross=block.cross.astype(float))
    objective = _objective(SMALL, network(block), block, 0)
    objective.backward()
    parameter = max(network.parameters(), key=lambda one: one.grad.abs().max().item())
    at = np.unravel_index(int(parameter.grad.abs().argmax()), parameter.shape)
    values = []
    for step in (1e-5, -2e-5):
        with torch.no_grad():
            parameter[at] += step
            values.append(_objective(SMALL, network(block), block, 0).item())
    assert parameter.grad[at].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4)
    power = network(block).sigmoid().detach().numpy() * 10
    utility = WirelessNetwork(SMALL, 0).utilities(block.wanted, block.cross, power).mean()
    assert values[1] == pytest.approx(utility, abs=1e-3)  # the penalty on logits is small


def test_permuting_the_pairs_permutes_the_powers_of_the_graph_network():
    network, block = made(METHODS[0])
    order = [3, 0, 4, 2, 1]
    with torch.no_grad():
        power, permuted = network(block), network(replace(block, gain=block.gain[..., order, :][..., order]))
    assert power.std() > 1e-3
    torch.testing.assert_close(permuted, power[..., order])


def test_the_graph_network_serves_any_number_of_pairs():
    for pairs in (1, 2, 9):
        scenario = Scenario(preset="dense", transmitters=pairs)
        stages = trained(METHODS[0], scenario)
        held = HeldOut.draw(scenario, [0], 2, 0)
        assert METHODS[0].powers(held, stages[-1].state).shape == (1, 2, pairs)


@pytest.mark.parametrize("policies", ["shared", "own"])
def test_policies_are_those_of_the_trainers(policies):
    method = AggregationPolicy(policies=policies, steps=1)
    network, block = made(method)
    rows = network.parameters_of.detach().expand(5, -1)
    mean, std = block.features.mean((0, 1, 2)), block.features.std((0, 1, 2), ddof=1)
    standardised = (block.features - mean) / np.where(np.arange(5) == 0, 1.0, std)  # hop 0 is the same everywhere
    powers = WirelessProblem(SMALL, seed=0).act(rows, standardised)
    np.testing.assert_allclose(network(block).sigmoid().detach().numpy() * 10, powers, rtol=1e-4)


@pytest.mark.slow
def test_no_training_falls_silent_where_sequences_are_raw_and_large():
    scenario, method = Scenario(preset="gaussian"), AggregationPolicy(steps=300)
    assert scenario.observation_scale == "raw"
    held = HeldOut.draw(scenario, range(5), 10, 0)
    full = Measured.of(held, np.ones((5, 10, 10)), 0).utility
    for seed in range(3):
        reached = Measured.of(held, method.powers(held, trained(method, scenario, seed)[-1].state), 0).utility
        assert (reached / full).mean() > 0.98


@pytest.mark.parametrize("method", METHODS)
def test_stages_count_slots_and_bits_and_trainings_repeat_to_the_bit(method, tmp_path):
    stages, again, other = trained(method), trained(method), trained(method, seed=1)
    assert [stage.slots for stage in stages] == [64, 128, 192, 256]
    assert stages[-1].bits == 256 * 32 * (25 + 5)
    write_tensors(tmp_path / "state.pt", stages[-1].state)
    kept = read_tensors(tmp_path / "state.pt")
    held = HeldOut.draw(SMALL, [3, 4], 3, 2)
    power = method.powers(held, stages[-1].state)
    np.testing.assert_array_equal(power, method.powers(held, again[-1].state))
    np.testing.assert_array_equal(power, method.powers(held, kept))
    assert (power != method.powers(held, other[-1].state)).any()
    np.testing.assert_allclose(power[1:], method.powers(held.some([1]), kept), rtol=1e-4)


def test_layouts_to_learn_from_are_drawn_anew(monkeypatch):
    seen = []
    original = WirelessNetwork.block

    def block(self, slots):
        seen.append((self.seeds, self.episode, self.layouts[0].transmitters[0, 0]))
        return original(self, slots)

    monkeypatch.setattr(WirelessNetwork, "block", block)
    trained(GNN(steps=4, networks=3))
    assert [episode for _, episode, _ in seen] == [0, 0, 1, 1]
    assert len({place for *_, place in seen}) == 2
    assert {seeds for seeds, *_ in seen} == {tuple(training_layouts(0, 3))}
    seen.clear()
    trained(AggregationPolicy(steps=4, policies="own"))
    assert {(seeds, episode) for seeds, episode, _ in seen} == {((3,), 0)}


def relative_to_wmmse(method, scenario, layouts):
    held = HeldOut.draw(scenario, layouts, 20, 0)
    state = trained(method, scenario)[-1].state
    reached = Measured.of(held, method.powers(held, state), 0).utility
    return (reached / Measured.of(held, WMMSE().powers(held), 0).utility).mean()


@pytest.mark.parametrize(("preset", "steps", "networks"), [("gaussian", 300, 4), ("dense", 100, 8)])
@pytest.mark.slow
def test_the_graph_network_reaches_95_per_cent_of_wmmse(preset, steps, networks):
    assert relative_to_wmmse(GNN(steps=steps, networks=networks), Scenario(preset=preset), range(20)) > 0.95


def test_where_two_disturb_each_other_own_policies_learn_that_one_is_silent():
    gains = {"kind": "none"}
    near = Scenario(preset="gaussian", transmitters=2, placement=gains, fading="none", noise=0.01)  # all gains are 1
    method = AggregationPolicy(policies="own", steps=200)
    power = method.powers(HeldOut.draw(near, [3], 1, 0), trained(method, near)[-1].state)[0, 0]
    assert power.max() > 0.9
    assert power.min() < 0.1


def test_policies_see_what_they_are_told_to_see():
    gain = AggregationPolicy(observation="gain", steps=2)
    both = AggregationPolicy(observation=["aggregation", "gain"], steps=2)
    assert (gain.knows, gain.bits(SMALL)) == ("own channel", 0)
    assert (both.knows, both.bits(SMALL)) == ("neighbours", AggregationPolicy().bits(SMALL))
    assert AggregationPolicy().bits(SMALL) == 32 * 5 * (SMALL.hops - 1)
    block = WirelessNetwork(SMALL, [0]).block(3)
    network = gain.network(SMALL)
    network.fit(block)
    louder = replace(block, features=block.features + 1, gain=block.gain + 0)
    with torch.no_grad():
        assert (network(louder) == network(block)).all()  # it does not see the sequence
