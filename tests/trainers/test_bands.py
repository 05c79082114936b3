"""Learners on networks of several bands: policies within a budget, utilities and slopes by formulas of our own, live agents."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import evaluate
from tests.trainers.live.carrier import Carrier, Time
from tests.trainers.live.test_replay import owners
from trainers import FirstOrderLearner, WirelessObjective, WirelessProblem, ZerothOrderLearner
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.first_order import first_order
from trainers.live.agents import AgentShard
from trainers.live.radio import Radio
from trainers.live.replay import RecordedAir, ReplayedZerothOrder
from trainers.problems.policies import Policies, PolicySettings, by_agents
from trainers.problems.talking import Talk, TalkingProblem
from wirelessenv import ConfigError, Messaging, Scenario, power_control_v0
from wirelessenv.network import WirelessNetwork

TINY = PolicySettings(hidden=(4,))
BANDS, AGENTS, HOPS, BATCH = 2, 4, 3, 3
SCENARIO = Scenario(preset="dense", transmitters=AGENTS, hops=HOPS, bands=BANDS)
MOST = SCENARIO.max_power
WIDTH = BANDS * HOPS


def powers(theta, features):
    """Powers (..., M) of one agent with features (..., M K), for theta (n,) with one hidden layer of 4."""
    hidden = torch.relu(features @ theta[: 4 * WIDTH].reshape(WIDTH, 4) + theta[4 * WIDTH : 4 * WIDTH + 4])
    last = theta[4 * WIDTH + 4 :]
    exponential = torch.exp(hidden @ last[: 4 * BANDS].reshape(4, BANDS) + last[4 * BANDS :])
    return MOST * exponential / (1 + exponential.sum(-1, keepdim=True))


def utilities(gain, power, circuit=None):
    """Utility of every agent, (m,), in a slot with gain (M, m, m) and power (M, m)."""
    total = 0.0
    for band in range(BANDS):
        received = gain[band] * power[band]
        signal = torch.diagonal(received)
        total = total + torch.log2(1 + signal / (SCENARIO.noise / BANDS + received.sum(1) - signal)) / BANDS
    return total if circuit is None else total / (power.sum(0) + circuit)


def chosen(problem, theta, features):
    """Powers (slots, M, m) of policies theta (m, n) that see features (slots, m, M K)."""
    each = [powers(torch.as_tensor(own).double(), torch.as_tensor(features[:, i]).double()) for i, own in enumerate(theta)]
    return torch.stack(each, dim=-1)


@settings(max_examples=20)
@given(outputs=st.integers(1, 5), scale=st.sampled_from([0.1, 3.0, 100.0]), seed=st.integers(0, 99))
def test_outputs_of_a_budget_are_shares_of_it(outputs, scale, seed):
    policies = Policies(3, outputs, 0.0, 7.0, TINY, budget=True)
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, 6, outputs)) * scale)
    found = policies.bounded(logits.clone())
    assert (found >= 0).all()
    assert (found.sum(-1) <= 7 * (1 + 1e-12)).all()
    largest = np.maximum(logits.numpy().max(-1, keepdims=True), 0)
    exponential = np.exp(logits.numpy() - largest)
    expected = 7 * exponential / (np.exp(-largest) + exponential.sum(-1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(policies.bounded(logits.transpose(-1, -2).clone(), -2).transpose(-1, -2), found, rtol=1e-12)


def test_outputs_find_their_agents():
    outputs = torch.arange(24.0).view(2, 6, 2)  # of two agents, in 6 slots of networks
    found = by_agents(outputs, (3, 2, 2))
    for network in range(3):
        for slot in range(2):
            for agent in range(2):
                assert found[network, slot, :, agent].tolist() == outputs[agent, 2 * network + slot].tolist()


def test_measured_utilities_are_those_of_the_formulas():
    problem = WirelessProblem(SCENARIO, TINY, [2, 5], evaluation_slots=7)
    theta = torch.randn((2, 2, AGENTS, 3, problem.policies.size), generator=torch.Generator().manual_seed(1))
    found = problem.measure(theta, BATCH, False)
    for run, seed in enumerate((2, 5)):
        block = WirelessNetwork(SCENARIO, seed).block(2 * BATCH)
        gain = torch.from_numpy(block.gain[0]).double()
        for group in range(2):
            slots = slice(group * BATCH, (group + 1) * BATCH)
            for variant in range(3):
                power = chosen(problem, theta[group, run, :, variant], block.features[0, slots])
                expected = sum(utilities(*one) for one in zip(gain[slots], power, strict=True)) / BATCH
                torch.testing.assert_close(found[group, run, variant].double(), expected, rtol=1e-4, atol=1e-5)


def test_evaluation_is_the_mean_on_slots_that_are_kept_and_full_power_is_split_evenly():
    problem = WirelessProblem(SCENARIO, TINY, 3, evaluation_slots=60)
    theta = torch.randn((1, AGENTS, 1, problem.policies.size), generator=torch.Generator().manual_seed(2))
    gain, features = torch.from_numpy(problem.bank.gain[0]).double(), problem.bank.features[0]
    power = chosen(problem, theta[0, :, 0], features)
    mean = sum(utilities(*one) for one in zip(gain, power, strict=True)) / 60
    np.testing.assert_allclose(problem.utilities(theta)[0, 0], mean, rtol=1e-4)
    assert problem.evaluate(theta)[0, 0] == pytest.approx(float(mean.sum()), rel=1e-4)
    even = sum(utilities(one, torch.full((BANDS, AGENTS), MOST / BANDS).double()).sum() for one in gain) / 60
    assert problem.full_power_utility()[0] == pytest.approx(float(even), rel=1e-4)


def test_algorithm_2_learns_and_goes_on_from_what_it_saves(tmp_path):
    problem = WirelessProblem({"preset": "dense", "transmitters": AGENTS, "bands": BANDS}, TINY, 1, evaluation_slots=100)
    learner = ZerothOrderLearner(problem, "centralised", seed=1, memory=8)
    before = problem.evaluate(learner.parameters)[0, 0]
    learner.learn(10).save(tmp_path / "saved.pt")
    again = ZerothOrderLearner.load(tmp_path / "saved.pt").learn(10)
    assert torch.equal(learner.learn(10).parameters, again.parameters)
    learner.learn(600)
    assert problem.evaluate(learner.parameters)[0, 0] > 1.05 * before


def measurer(setting, circuit, seed, iterations):
    """Slopes and derivatives of our own formulas, by autograd in float64; the bands of a slot follow each other as slots do."""
    block = WirelessNetwork(setting, seed).block(iterations * BATCH)
    gain, features = (torch.from_numpy(leaf[0]).double() for leaf in (block.gain, block.features))
    slot, jacobian = iter(range(0, iterations * BATCH, BATCH)), torch.autograd.functional.jacobian

    def measure(theta):
        start = next(slot)
        seen = features[start : start + BATCH]
        power = chosen(None, theta, seen)
        slopes = [jacobian(lambda p, b=b: utilities(gain[start + b], p, circuit), power[b]) for b in range(BATCH)]  # l, M, i
        derivatives = [
            jacobian(lambda own, at=seen[:, i]: powers(own, at), torch.from_numpy(own)).flatten(0, 1)
            for i, own in enumerate(theta)
        ]
        # the reference divides by the number of its rows, slots times bands
        return BANDS * torch.cat(slopes, dim=1).numpy(), torch.stack(derivatives).numpy()

    return measure


@pytest.mark.parametrize("circuit", [None, 1.0])
def test_first_order_iterates_are_those_of_the_reference(circuit):
    utility = "rate" if circuit is None else {"kind": "energy_efficiency", "circuit_power": circuit}
    setting = Scenario(preset="dense", transmitters=AGENTS, hops=HOPS, bands=BANDS, utility=utility)
    messaging, iterations = Messaging.of({"graph": "ring", "activity": {"update": 0.6, "transmit": 0.5}}), 12
    learner = FirstOrderLearner(WirelessProblem(setting, TINY, 4), messaging, batch=BATCH, memory=8, seed=4)
    start = learner.parameters[0, :, 0].double().numpy()
    expected = first_order(
        measurer(setting, circuit, 4, iterations),
        start,
        message_draws(messaging, AGENTS, 4, iterations, senders="all"),
        step_sizes=0.5 / np.arange(1, iterations + 1) ** 0.25,
        memory=8,
    )
    for theta in expected:
        learner.learn(1)
        np.testing.assert_allclose(learner.parameters[0, :, 0].numpy(), theta, rtol=1e-3, atol=1e-4)
    assert np.abs(expected[-1] - start).max() > 0.005
    assert learner.value_bits == 32 * BATCH * BANDS * AGENTS


def test_costs_of_clients_and_their_gradients():
    objective = WirelessObjective(SCENARIO, TINY, 2, batch=6, bank_slots=15, evaluation_slots=20, undecided=0.1)
    x = np.random.default_rng(0).normal(scale=0.5, size=objective.size)
    bank = WirelessNetwork(SCENARIO, 2).bank(15, "training")
    gain = torch.from_numpy(bank.gain[0]).double()

    def by_hand(point):
        theta = torch.as_tensor(point)
        power = chosen(None, [theta] * AGENTS, bank.features[0])
        left = MOST - power.sum(1, keepdim=True)
        logits = torch.log(power / left)  # p_b = p_max exp(z_b) / (1 + sum_c exp(z_c))
        worth = torch.stack([utilities(*one) for one in zip(gain, power, strict=True)]) - 0.1 * (logits**2).mean(1)
        return -worth.mean(0)

    np.testing.assert_allclose(objective.cost(np.arange(AGENTS), x), by_hand(x), rtol=2e-4)
    exact = torch.autograd.functional.jacobian(by_hand, torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(objective.gradient(np.arange(AGENTS), x), exact, rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(objective.mean_gradient(x), exact.mean(0), rtol=2e-3, atol=1e-4)


def test_a_learner_acts_in_environments_and_is_evaluated():
    problem = WirelessProblem(SCENARIO, TINY, 3, evaluation_slots=20)
    learner = ZerothOrderLearner(problem, "centralised", seed=3).learn(2)
    env = power_control_v0.parallel_env(scenario=SCENARIO, actions="power")
    seen, _ = env.reset(seed=3)
    actions = learner.predict(seen)
    expected = chosen(problem, learner.parameters[0, :, 0], np.stack(list(seen.values()))[None])[0].T
    np.testing.assert_allclose(np.stack(list(actions.values())), expected, rtol=1e-4, atol=1e-6)
    env.step(actions)
    allocated = evaluate(learner, SCENARIO, layouts=2, slots=4)
    assert 0 < allocated.measured.power.max() <= AGENTS * MOST * (1 + 1e-6)


def test_live_agents_are_the_simulators():
    clock, seed = Time(), 3
    options = {"step_size": 0.1, "smoothing": 0.5, "memory": 10, "batch": 4, "seed": seed}
    learner, where = ZerothOrderLearner(WirelessProblem(SCENARIO, TINY, seed), {"graph": "ring"}, **options), owners(AGENTS, 2)
    hub = Radio(learner, where, 20, clock)
    Carrier(hub, lambda shard: AgentShard(learner, where, shard), 1, clock=clock).run()
    schedule = hub.schedule()
    problem = RecordedAir(SCENARIO, TINY, seed).recorded(schedule)
    again = ReplayedZerothOrder(schedule, problem, {"graph": "ring"}, **options).learn(int(schedule["post"].shape[0]))
    np.testing.assert_allclose(again.parameters[0, :, 0].numpy(), hub.solution(), rtol=1e-4, atol=1e-5)


def test_agents_that_talk_while_they_learn_are_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="bands: not valid here: agents that talk") as raised:
        TalkingProblem(SCENARIO, Talk(neighbours=2))
    assert "\n" not in str(raised.value)
