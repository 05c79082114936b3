"""Agents that talk, for learners that exchange scalars and for gradient methods."""

import numpy as np
import pytest
import torch

from trainers.experiments.curves import Curve, build
from trainers.problems.talking import Talk, TalkingObjective, TalkingProblem
from wirelessenv.config import ConfigError

SCENARIO = {"preset": "dense", "transmitters": 5, "hops": 3}
TALK = Talk(rounds=2, floats=2, neighbours=3, width=4)


@pytest.fixture(scope="module")
def objective():
    return TalkingObjective(SCENARIO, TALK, seed=2, batch=4, bank_slots=9, evaluation_slots=8, undecided=0.01)


@pytest.fixture(scope="module")
def points(objective):
    return objective.start(np.random.default_rng(0)) + 0.3 * np.random.default_rng(1).normal(size=(2, 3, objective.size))


def named(policies, theta):
    """Weights of one network by name, cut from its row by hand."""
    at, found = 0, {}
    for name, shape in policies.shapes.items():
        found[name] = np.asarray(theta[at : at + np.prod(shape)], float).reshape(shape)
        at += np.prod(shape)
    assert at == len(theta)
    return found


def logits_by_hand(problem, copies, seen):
    """Lines 1 to 5 of the network in one slot, agent by agent, each with its own copy, in double precision."""
    scale = problem.policies.network.scale.double().numpy()
    weights = [named(problem.policies, theta) for theta in copies]
    seen = (np.asarray(seen, float) - np.concatenate([scale[:5, 0], np.tile(scale[5:, 0], 3)])) / np.concatenate(
        [scale[:5, 1], np.tile(scale[5:, 1], 3)]
    )
    hidden = [np.maximum(own["first.weight"] @ row[:5] + own["first.bias"], 0) for own, row in zip(weights, seen, strict=True)]
    for r in range(2):
        said = [np.tanh(own[f"say.{r}.weight"] @ h + own[f"say.{r}.bias"]) for own, h in zip(weights, hidden, strict=True)]
        after = []
        for agent, own in enumerate(weights):
            messages = []
            for place in range(3):
                edge = np.append(seen[agent, 5 + 4 * place : 9 + 4 * place], 0.0)
                heard = own[f"of_message.{r}.weight"] @ said[problem.inputs.neighbour[0, agent, place]]
                messages.append(np.maximum(heard + own[f"of_edge.{r}.weight"] @ edge + own[f"of_edge.{r}.bias"], 0))
            joined = np.concatenate([hidden[agent], np.max(messages, axis=0), np.sum(messages, axis=0) / 4])
            inner = np.maximum(own[f"update.{r}.0.weight"] @ joined + own[f"update.{r}.0.bias"], 0)
            after.append(hidden[agent] + own[f"update.{r}.2.weight"] @ inner + own[f"update.{r}.2.bias"])
        hidden = after
    return np.array([(own["last.weight"] @ h + own["last.bias"])[0] for own, h in zip(weights, hidden, strict=True)])


def cost_by_hand(objective, client, copies, slots):
    total = 0.0
    for slot in slots:
        logits = logits_by_hand(objective.problem, copies, objective._features[slot])
        cross, wanted = (np.asarray(part[slot], float) for part in (objective._cross, objective._wanted))
        power = 10 / (1 + np.exp(-logits))
        heard = sum(cross[client, j] * power[j] for j in range(5) if j != client)
        total -= np.log2(1 + wanted[client] * power[client] / (heard + 1.0)) - 0.01 * logits[client] ** 2
    return total / len(slots)


def test_costs_are_those_of_the_network_worked_out_by_hand(objective, points):
    clients, sample = np.array([4, 0, 2]), np.random.default_rng(3).integers(9, size=(3, 4))
    costs = objective.cost(clients, points, sample)
    for v in range(2):
        for k, client in enumerate(clients):
            expected = cost_by_hand(objective, client, [points[v, k]] * 5, sample[k])
            assert costs[v, k] == pytest.approx(expected, rel=1e-4)


def test_gradients_agree_with_finite_differences(objective, points):
    clients, sample = np.array([4, 0, 2]), np.random.default_rng(3).integers(9, size=(3, 4))
    vector = np.random.default_rng(4).normal(size=objective.size)
    gradient = objective.gradient(clients, points, sample)
    step = 1e-5
    for k, client in enumerate(clients):
        up, down = (cost_by_hand(objective, client, [points[1, k] + s * step * vector] * 5, sample[k]) for s in (1, -1))
        assert gradient[1, k] @ vector == pytest.approx((up - down) / (2 * step), rel=2e-3, abs=1e-3)
    mean = objective.gradient(np.arange(5), points[..., None, :]).mean(-2)
    np.testing.assert_allclose(objective.mean_gradient(points), mean, rtol=1e-3, atol=1e-5)


def test_every_agent_runs_its_own_copy():
    """Powers of agents with copies of their own, over runs and variants, against the network worked out agent by agent."""
    problem = TalkingProblem(SCENARIO, TALK, seed=[2, 7], evaluation_slots=2)
    rng = np.random.default_rng(5)
    start = problem.policies.initial([2, 7], 5)
    assert torch.equal(start, start[:, :1].expand_as(start))
    assert not torch.equal(start[0], start[1])
    parameters = start[:, :, None] + torch.from_numpy(rng.normal(0, 0.3, (2, 5, 3, problem.policies.size)).astype(np.float32))
    bank = problem.network.bank(2, "evaluation")
    seen = problem.inputs.of_block(problem.scenario, bank)
    expected = np.zeros((2, 3))
    for variant in range(3):
        for slot in range(2):
            theta = parameters[0, :, variant].numpy()
            power = 10 / (1 + np.exp(-logits_by_hand(problem, theta, seen[0, slot])))
            heard = bank.cross[0, slot].astype(float) @ power
            expected[0, variant] += np.log2(1 + bank.wanted[0, slot] * power / (heard + 1.0)).sum() / 2
    found = problem.evaluate(parameters)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)


def test_descent_raises_the_utility_on_other_slots():
    objective = TalkingObjective(SCENARIO, TALK, seed=0, bank_slots=20, evaluation_slots=50, undecided=1e-3)
    x = objective.start(np.random.default_rng(0))
    before = objective.utility(x[None])
    for _ in range(40):
        x = x - 0.3 * objective.mean_gradient(x)
    assert objective.utility(x[None]) > 1.1 * before


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: TalkingProblem(SCENARIO, Talk(neighbours=5)), "neighbours: 5 is not valid: an agent of 5 has 4 others"),
        (lambda: TalkingProblem(SCENARIO, TALK).slopes(None, 1), "first_order is not valid for agents that talk"),
        (lambda: TalkingProblem(SCENARIO, TALK).act(None, None), "messages that arrive at once"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(ConfigError, match=sentence):
        call()


@pytest.mark.parametrize("kind", ["zeroth_order", "sgp", "async_sgd"])
def test_experiments_train_it_and_go_on_from_a_saved_state(kind):
    settings = {"batch": 2, "bank_slots": 9, "evaluation_slots": 4, **TALK.model_dump()}
    learner = {"kind": kind, "step_size": 0.1} | ({"batch": 2} if kind == "zeroth_order" else {})
    curve = Curve.parse(
        {
            "scenario": SCENARIO,
            "problem": {"kind": "talking", **settings},
            "learner": learner,
            "messaging": {"graph": "complete"},
        }
    )
    through, first, second = (build([curve], [3], "cpu") for _ in range(3))
    through.learn(4)
    first.learn(2)
    second.set_state(first.state())
    second.learn(2)
    assert torch.equal(second.parameters, through.parameters)
    assert not torch.equal(through.parameters, build([curve], [3], "cpu").parameters)
    assert np.isfinite(through.report()["utility"]).all()
