"""Learners where limits, weights and bandwidths are each agent's own: powers, slopes and costs against formulas by hand."""

import numpy as np
import pytest
import torch

from baselines import evaluate
from tests.trainers.live.carrier import Carrier, Time
from tests.trainers.live.test_replay import owners
from trainers import FirstOrderLearner, WirelessObjective, WirelessProblem, ZerothOrderLearner
from trainers.live.agents import AgentShard
from trainers.live.radio import Radio
from trainers.live.replay import RecordedAir, ReplayedZerothOrder
from trainers.problems.policies import PolicySettings
from trainers.problems.talking import Talk, TalkingProblem
from wirelessenv import Scenario, WirelessNetwork

MOST, NOISE = np.array([4.0, 1.0, 8.0, 2.0]), np.array([0.5, 2.0, 1.0, 1.0])
WEIGHTS, WIDTHS = np.array([1.0, 3.0, 0.5, 1.0]), np.array([1.0, 2.0, 4.0, 1.0])
OWN = {"max_power": MOST, "noise": NOISE, "weights": WEIGHTS, "bandwidth": WIDTHS}
TINY = PolicySettings(hidden=(4,))


def scenario(**changes):
    return Scenario(**{"preset": "dense", "transmitters": 4, "hops": 3} | OWN | changes)


def utilities(gain, power):
    """Utility of every agent in a slot with gain (M, m, m) and power (M, m), tensors of double precision."""
    total, bands = 0.0, len(gain)
    for one, sent in zip(gain, power, strict=True):
        received = one * sent
        signal = torch.diagonal(received)
        total = total + torch.log2(1 + signal / (torch.tensor(NOISE) / bands + received.sum(1) - signal)) / bands
    return torch.tensor(WEIGHTS * WIDTHS) * total


def by_hand(problem, theta, bank, slot):
    """Powers (M, m) of policies theta (m, n) in a slot, and gains (M, m, m)."""
    bands, size = problem.scenario.bands, problem.policies.inputs
    share = []
    for i, own in enumerate(torch.as_tensor(theta).double()):
        seen = torch.tensor(bank.features[0, slot, i]).double()
        hidden = torch.relu(seen @ own[: 4 * size].reshape(size, 4) + own[4 * size : 4 * size + 4])
        logit = torch.exp(hidden @ own[4 * size + 4 : 4 * size + 4 + 4 * bands].reshape(4, bands) + own[-bands:])
        share.append(MOST[i] * logit / (1 + logit.sum()))
    return torch.stack(share, dim=-1), torch.tensor(bank.gain[0, slot]).double().reshape(bands, 4, 4)


@pytest.mark.parametrize("bands", [1, 2])
def test_the_utility_of_policies_is_that_of_each_ones_own_limits(bands):
    problem = WirelessProblem(scenario(bands=bands), TINY, seed=0, evaluation_slots=6)
    theta = problem.policies.initial([0], 4)
    expected = np.mean([utilities(*by_hand(problem, theta[0], problem.bank, slot)[::-1]).sum() for slot in range(6)])
    assert problem.evaluate(theta[:, :, None])[0, 0] == pytest.approx(expected, rel=1e-4)
    full = torch.tensor(MOST).expand(bands, 4) / bands
    gains = torch.tensor(problem.bank.gain[0]).double().reshape(6, bands, 4, 4)
    assert problem.full_power_utility()[0] == pytest.approx(np.mean([utilities(one, full).sum() for one in gains]), rel=1e-4)
    acted = problem.act(theta[0], problem.bank.features[0, 0])
    np.testing.assert_allclose(acted.reshape(4, bands).T, by_hand(problem, theta[0], problem.bank, 0)[0], rtol=1e-4)


@pytest.mark.parametrize("bands", [1, 2])
def test_slopes_and_the_first_step_are_those_of_the_formula(bands):
    problem = WirelessProblem(scenario(bands=bands), TINY, seed=0, evaluation_slots=4)
    theta = problem.policies.initial([0], 4)[:, :, None]
    block = WirelessNetwork(problem.scenario, 0).block(3)
    _, slopes = problem.slopes(theta, 3)
    slopes = slopes[0, 0].reshape(3, bands, 4, 4)
    for slot in range(3):
        power, gain = by_hand(problem, theta[0, :, 0], block, slot)
        expected = torch.autograd.functional.jacobian(lambda one, gain=gain: utilities(gain, one), power)  # (l, M, i)
        np.testing.assert_allclose(slopes[slot].numpy(), expected.movedim(0, 1).numpy(), rtol=2e-3, atol=1e-5)
    learner = FirstOrderLearner(WirelessProblem(problem.scenario, TINY, seed=0, evaluation_slots=4), "centralised", batch=3)
    before = learner.parameters[0, :, 0].double().clone().requires_grad_()
    total = 0.0
    for slot in range(3):
        power, gain = by_hand(problem, before, block, slot)
        total = total + utilities(gain, power).sum()
    gradient = torch.autograd.grad(total / (3 * 4), before)[0]
    learner.learn(1)
    step = learner.parameters[0, :, 0].double() - before.detach()
    along = (step * gradient).sum() / (step.norm() * gradient.norm())
    assert float(along) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("bands", [1, 2])
def test_costs_of_clients_are_minus_their_own_weighted_utilities(bands):
    objective = WirelessObjective(scenario(bands=bands), TINY, seed=2, batch=2, bank_slots=3, evaluation_slots=4)
    x = objective.start(np.random.default_rng(0))
    bank = WirelessNetwork(objective.scenario, 2).bank(3, "training")
    each = [utilities(*by_hand(objective.problem, np.tile(x, (4, 1)), bank, slot)[::-1]) for slot in range(3)]
    expected = -torch.stack(each).mean(0).numpy()
    np.testing.assert_allclose(objective.cost(np.arange(4), np.tile(x, (4, 1))), expected, rtol=1e-4)
    assert objective.mean_cost(x) == pytest.approx(expected.mean(), rel=1e-4)
    np.testing.assert_allclose(
        objective.mean_gradient(x), objective.gradient(np.arange(4), np.tile(x, (4, 1))).mean(0), rtol=1e-3, atol=1e-5
    )


def test_weighted_steps_of_algorithm_2_raise_the_weighted_utility_and_are_evaluated_as_they_act():
    problem = WirelessProblem(scenario(), TINY, seed=0, evaluation_slots=50)
    learner = ZerothOrderLearner(problem, "centralised", step_size=0.2, smoothing=0.05, common_noise=True)
    begin = problem.evaluate(learner.parameters)[0, 0]
    learner.learn(300)
    assert problem.evaluate(learner.parameters)[0, 0] > begin
    found = evaluate(learner, problem.scenario, layouts=1, slots=5, warm_up=2)
    assert np.isfinite(found.measured.utility).all()


def test_who_disturbs_whom_is_told_at_own_powers_and_noise():
    problem = WirelessProblem(scenario(), TINY, seed=[0, 1], evaluation_slots=4)
    mean = np.stack([layout.link_gain for layout in problem.network.layouts]).astype(float)
    np.testing.assert_allclose(problem.interference_to_noise(), mean * MOST / NOISE[:, None], rtol=1e-6)


def test_agents_that_talk_use_their_own_powers():
    problem = TalkingProblem(scenario(), Talk(neighbours=2, width=4), seed=0, evaluation_slots=5)
    theta = problem.policies.initial([0], 4)[:, :, None]
    (samples,) = (problem.slots_ahead(1, 3, True),)
    powers = problem._powers(theta[None], samples)[0, 0, 0]
    assert (powers <= torch.tensor(MOST)).all()
    assert (powers > 0).all()
    logits = problem.shared_logits(theta[0, :1, 0], torch.as_tensor(samples.inputs[0, :, :, 0].transpose(1, 2)))
    np.testing.assert_allclose(powers.numpy(), (logits[0].sigmoid() * torch.tensor(MOST)).numpy(), rtol=1e-5)


def test_over_lists_policies_are_the_same_in_parts():
    agents, rng = 300, np.random.default_rng(0)
    own = {name: rng.uniform(0.5, 5, agents) for name in OWN}
    near = Scenario(preset="dense", transmitters=agents, placement={"density": 1 / 6}, cut=0.01, hops=3, **own)
    problem = WirelessProblem(near, TINY, seed=0, evaluation_slots=2)
    theta = problem.policies.initial([0], agents)[None, :, :, None]
    samples = problem.slots_ahead(1, 2, True)
    power = problem._powers(theta, samples)[0, 0, 0].numpy()  # more policies than are worked out at once
    with torch.no_grad():
        share = problem.policies(theta[0, 0, :, 0], samples.inputs[0, 0, :, 0])[..., 0].T.numpy()
    np.testing.assert_allclose(power, share * own["max_power"], rtol=1e-5)


def test_live_agents_post_powers_of_their_own_limits_and_are_replayed():
    clock, seed = Time(), 4
    options = {"step_size": 0.1, "smoothing": 0.5, "memory": 10, "batch": 4, "seed": seed}
    learner, where = ZerothOrderLearner(WirelessProblem(scenario(), TINY, seed), {"graph": "ring"}, **options), owners(4, 2)
    hub = Radio(learner, where, 20, clock)
    Carrier(hub, lambda shard: AgentShard(learner, where, shard), 1, clock=clock).run()
    assert (hub._on_air <= MOST * (1 + 1e-6)).all()
    assert hub._on_air.max() > 2  # shares are of each agent's own
    schedule = hub.schedule()
    problem = RecordedAir(scenario(), TINY, seed).recorded(schedule)
    again = ReplayedZerothOrder(schedule, problem, {"graph": "ring"}, **options).learn(int(schedule["post"].shape[0]))
    np.testing.assert_allclose(again.parameters[0, :, 0].numpy(), hub.solution(), rtol=1e-4, atol=1e-5)
