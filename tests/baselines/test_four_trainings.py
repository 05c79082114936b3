"""One message-passing network, trained in four ways: through the rate, from gradients, from scalars and from rewards."""

import numpy as np
import pytest
import torch

from baselines.comparison.held_out import HeldOut
from baselines.learned import stable_baselines
from baselines.learned.message_policy import MessagePolicy
from baselines.learned.talker import Talker
from baselines.learned.talking_ppo import TalkingPPO
from trainers.problems.talking import Talk, TalkingObjective, TalkingProblem
from wirelessenv import Scenario
from wirelessenv.config import ConfigError

SMALL = Scenario(preset="dense", transmitters=6)
SHAPE = {"rounds": 2, "floats": 2, "neighbours": 3}
ALL = SHAPE | {"neighbours": 5}
"""In environments groups that do not hear each other are joined by further links; here there are none."""
PPO = {"networks": 2, "max_cycles": 10, "hidden": [8], "width": 8, **SHAPE}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network():
    """A network that nobody has trained, of which each form gets the parameters."""
    problem = TalkingProblem(SMALL, Talk(**SHAPE, width=8), seed=4, evaluation_slots=5)
    theta = 2 * problem.policies.initial([4], 1)[0, 0]
    parts = theta.split([int(np.prod(shape)) for shape in problem.policies.shapes.values()])
    state = {name: one.reshape(shape) for one, (name, shape) in zip(parts, problem.policies.shapes.items(), strict=True)}
    return theta, {**state, "scale": problem.policies.network.scale}


def test_scalars_gradients_and_the_rate_give_the_same_utility(network):
    theta, state = network
    method = MessagePolicy(**SHAPE, hidden=8)
    problem = TalkingProblem(SMALL, Talk(**SHAPE, width=8), seed=4, evaluation_slots=5)
    objective = TalkingObjective(SMALL, Talk(**SHAPE, width=8), seed=4, bank_slots=5, evaluation_slots=5)
    through_the_rate = method.network(SMALL)
    through_the_rate.load_state_dict({f"network.{name}": value for name, value in state.items()})
    bank = problem.network.bank(5, "evaluation")
    with torch.no_grad():
        seen = method.see(SMALL, problem.network.layouts, bank, 0)
        power = 10 * through_the_rate(seen).sigmoid().numpy().astype(float)
    heard = np.einsum("rsij,rsj->rsi", bank.cross.astype(float), power)
    expected = np.log2(1 + bank.wanted * power / (heard + 1.0)).sum(-1).mean()
    assert problem.evaluate(theta.expand(1, 6, 1, -1))[0, 0] == pytest.approx(expected, rel=1e-4)
    assert objective.utility(theta.numpy()[None].astype(float)) == pytest.approx(expected, rel=1e-4)


def test_rewards_and_the_rate_give_the_same_powers(network):
    """PPO's deterministic actions, slot by slot, beside one pass over all slots, where every round costs a slot."""
    _, state = network
    method = MessagePolicy(**ALL, hidden=8, pace="round_a_slot")
    held = HeldOut.draw(SMALL, [3, 4], 4, 4)
    learner = TalkingPPO(**PPO | ALL, n_steps=10, minibatches=2, slots=100)
    policy = stable_baselines.TalkingActorCritic(*_spaces(learner), lambda _: 1e-3, **learner._model(SMALL).policy_options)
    policy.action_net.network.load_state_dict(state)
    powers = learner.powers(held, dict(policy.state_dict()))
    expected = method.powers(held, {f"network.{name}": value for name, value in state.items()})
    np.testing.assert_allclose(powers[:, 4:], expected[:, 4:], rtol=1e-3, atol=1e-4)


def _spaces(learner):
    env = stable_baselines.PowerControlVecEnv(1, **{
        name: getattr(learner._settings(SMALL), name) for name in learner._settings(SMALL).model_fields_set
    })  # fmt: skip
    return env.observation_space, env.action_space


def test_rewards_change_the_network_and_what_it_says():
    learner = TalkingPPO(**PPO, n_steps=10, minibatches=2, n_epochs=2, slots=60)
    stages = list(learner.train(SMALL, 0, None))
    first, last = stages[0].state, stages[-1].state
    changed = {name for name in first if not torch.equal(first[name], last[name])}
    assert {"action_net.network.say.0.weight", "action_net.network.last.weight"} <= changed
    assert "action_net.network.scale" not in changed
    held = HeldOut.draw(SMALL, [3], 2, 2)
    powers = learner.powers(held, last)
    assert powers.shape == (1, 4, 6)
    assert ((powers >= 0) & (powers <= 10)).all()


def test_what_was_learned_from_rewards_acts_as_a_talker():
    learner = TalkingPPO(**PPO | ALL, n_steps=10, minibatches=2, slots=20)
    *_, last = learner.train(SMALL, 0, None)
    state = {name.removeprefix("action_net."): value for name, value in last.state.items() if "action_net" in name}
    talker = Talker(MessagePolicy(**ALL, hidden=8, pace="round_a_slot"), SMALL, state)
    held = HeldOut.draw(SMALL, [3], 3, 3)
    found = talker.method.powers(held, talker.network_state())
    np.testing.assert_allclose(found[:, 3:], learner.powers(held, last.state)[:, 3:], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"neighbours": 6}, "neighbours: 6 is not valid: an agent of 6 has 5 others"),
        ({"observation": "gain"}, "observation: not valid for agents that talk"),
        ({"reward": "known"}, "reward"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(wrong, sentence):
    with pytest.raises(ConfigError, match=sentence):
        TalkingPPO(**{**PPO, "n_steps": 10, "minibatches": 2, **wrong}).check(SMALL)
