"""`evaluate`: the same row as a comparison's for whatever a policy is, and one sentence for what does not fit."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box

from baselines import evaluate
from baselines.allocators import full_power, max_min, random_power, wmmse
from baselines.comparison.compare import compare
from baselines.comparison.comparison import Comparison
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.tables import relative
from baselines.evaluation import _refuse_what_it_has_learned_from
from baselines.learned.aggregation_policy import AggregationPolicy
from baselines.learned.gnn import GNN
from baselines.learned.message_policy import MessagePolicy
from baselines.learned.reinforcement import PPO
from baselines.learned.trained import TrainedMethod
from trainers import WirelessProblem, ZerothOrderLearner
from trainers.workbench.files import write_tensors
from wirelessenv import ConfigError, Messaging, Scenario
from wirelessenv.envs.parallel import PowerControlEnv

SMALL = {"preset": "dense", "transmitters": 4}
FEW = {"layouts": 3, "slots": 5, "warm_up": 2}


def test_it_is_the_row_of_a_comparison(tmp_path):
    parsed = Comparison.parse({"scenarios": {"small": SMALL}, **FEW, "methods": {"max-min": "max_min"}})
    table = compare(parsed, tmp_path / "out", workers=1, quiet=True).table("comparison.csv")
    found = evaluate(max_min, SMALL, **FEW)
    rows = table[table["method"] == "max-min"]
    assert found.full_power == relative(rows, "full_power")
    assert found.wmmse == relative(rows, "wmmse")
    np.testing.assert_allclose(found.measured.utility, rows["utility"])
    assert str(found).startswith(f"max_min on dense, 3 layouts: {found.full_power.estimate:.3f} x full power [")


def test_references_are_worth_one():
    assert evaluate(full_power, SMALL, **FEW).full_power.estimate == 1
    assert evaluate(wmmse, SMALL, **FEW).wmmse.estimate == 1


class Rows(torch.nn.Module):
    def forward(self, rows):
        return torch.tanh(rows[:, 0] - 1)[:, None]


class Model:
    """As Stable-Baselines3's: spaces, and (actions, state) of rows."""

    observation_space, action_space = Box(0, np.inf, (4,)), Box(-1, 1, (1,))

    def predict(self, rows, deterministic=False):
        assert deterministic
        return np.tanh(rows[:, :1] - 1), None


class Dicts:
    """As PettingZoo's: dicts by agent."""

    def predict(self, observations):
        assert list(observations) == ["tx_0", "tx_1", "tx_2", "tx_3"]
        return {agent: np.tanh(seen[:1] - 1) for agent, seen in observations.items()}


def test_all_forms_of_one_policy_reach_the_same_which_the_environment_pays_too():
    forms = [lambda seen: np.tanh(seen[..., 0] - 1), Rows(), Model(), Dicts()]
    found = [evaluate(form, SMALL, observation="local", **FEW) for form in forms]
    for one in found[1:]:
        np.testing.assert_allclose(one.measured.utility, found[0].measured.utility, rtol=1e-6)
    powers = evaluate(lambda seen: 10 * (np.tanh(seen[..., 0] - 1) + 1) / 2, SMALL, observation="local", actions="power", **FEW)
    np.testing.assert_allclose(powers.measured.utility, found[0].measured.utility, rtol=1e-5)


def test_observations_are_those_of_the_last_powers():
    """Local observations hold the power of the slot before: a policy that alternates sees what it did."""
    seen = []

    def alternate(observation):
        seen.append(observation[..., 2].copy())
        return np.where(observation[..., 2] > 0.5, -1.0, 1.0)

    evaluate(alternate, SMALL, observation="local", **FEW)
    np.testing.assert_array_equal(seen[0], 0)
    for number, one in enumerate(seen[1:]):
        np.testing.assert_allclose(one, 1.0 - number % 2)


def test_a_learner_of_this_project_gives_powers():
    learner = ZerothOrderLearner(WirelessProblem(SMALL, seed=0), Messaging(graph="complete"), seed=0).learn(2)
    found = evaluate(learner, SMALL, **FEW)
    assert 0.3 < found.full_power.estimate < 3
    env = PowerControlEnv(SMALL, actions="power")
    observations, _ = env.reset(seed=0)
    assert set(learner.predict(observations)) == set(observations)


@pytest.mark.parametrize(
    "method",
    [
        GNN(steps=1, hidden=4, layers=1),
        AggregationPolicy(steps=1),
        MessagePolicy(steps=1, hidden=4, neighbours=2, pace="slot_late"),
        PPO(slots=100, networks=2, n_steps=10, minibatches=2, hidden=(4,)),
    ],
    ids=lambda method: method.kind,
)
def test_a_trained_method_is_evaluated_saved_and_loaded(method, tmp_path):
    trained = TrainedMethod.train(method, SMALL, seed=1)
    held = HeldOut.draw(SMALL, range(3), 5, 2)
    found = evaluate(trained, SMALL, **FEW)
    np.testing.assert_allclose(found.measured.utility, Measured.of(held, trained.predict(held), 0).utility)
    trained.save(tmp_path / "it.pt")
    again = TrainedMethod.load(tmp_path / "it.pt")
    assert (again.method, again.scenario) == (trained.method, trained.scenario)
    np.testing.assert_array_equal(again.predict(held), trained.predict(held))


def test_what_is_no_trained_method_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="method: AggregationPolicy is not valid: it learns on each layout"):
        TrainedMethod(AggregationPolicy(policies="own"), SMALL, {})
    with pytest.raises(ConfigError, match=r"state: it lacks scale"):
        TrainedMethod(GNN(), SMALL, {}).predict(HeldOut.draw(SMALL, [0], 1, 0))
    for held, said in (
        ({"a": 1}, "no trained method"),
        ({"method": {"kind": "os:system"}, "scenario": {}, "state": {}}, "kind"),
    ):
        write_tensors(tmp_path / "it.pt", held)
        with pytest.raises(ConfigError, match=said):
            TrainedMethod.load(tmp_path / "it.pt")


@pytest.mark.parametrize(
    ("policy", "options", "said"),
    [
        (lambda gain, noise, p_max: gain[..., 0] * 0 + 2 * p_max, {}, r"powers: 20\.0 .* should be in \[0, 10\]"),
        (lambda gain, noise, p_max: gain, {}, r"powers of the shape \(3, 7, 4, 4\) are not valid for .* \(3, 7, 4\)"),
        (lambda seen: seen, {}, r"actions of the shape \(3, 4, 5\) are not valid for \(layouts, m\) \(3, 4\)"),
        (lambda seen: seen[..., 0] * 0 - 1, {"actions": "power"}, r"policy: its powers: -1\.0 .* should be in \[0, 10\]"),
        (lambda seen: seen[..., 0] * np.nan, {}, r"policy: .*(nan|NaN)"),
        (lambda seen: 1 / 0, {}, r"policy: it has failed, ZeroDivisionError: division by zero \(test_ev"),
        (Model(), {}, r"trained for \(4,\) numbers, and an agent of dense observes \(5,\)"),
        (3, {}, r"policy: 3 is not valid: it should be an allocator"),
        (full_power, {"layouts": 0}, r"layouts: 0 is not valid"),
        (lambda seen: seen[..., 0], {"actions": "loud"}, r"actions: 'loud' is not valid"),
        (lambda seen: seen[..., 0], {"observation": "gian"}, r'unknown kind "gian" \(did you mean "gain"'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence_that_names_both_sides(policy, options, said):
    with pytest.raises(ConfigError, match=said):
        evaluate(policy, SMALL, **FEW | options)


def test_random_power_is_an_allocator_in_spite_of_its_seed():
    assert 0.5 < evaluate(random_power, SMALL, **FEW).full_power.estimate < 2


def test_what_was_learned_on_own_gains_is_evaluated_on_others():
    gains = np.random.default_rng(0).exponential(size=(90, 5, 5))
    settings = {"noise": 1.0, "max_power": 10.0}
    all_of_them = Scenario(gains=gains, **settings)
    trained = TrainedMethod.train(MessagePolicy(steps=1), all_of_them)
    with pytest.raises(
        ConfigError, match=r"^scenario\.gains\.held_out: 0 is not valid: the policy has learned from all of these"
    ):
        evaluate(trained, all_of_them, **FEW)
    part = Scenario(gains={"array": gains, "held_out": 0.5}, **settings)
    assert evaluate(TrainedMethod.train(MessagePolicy(steps=1), part), part, **FEW).measured.utility.shape == (3,)
    faded = Scenario(gains=gains[:1], fading="rayleigh", **settings)
    _refuse_what_it_has_learned_from(faded, faded)  # not: fading is drawn anew


class Pair(torch.nn.Module):
    """Means and deviations, as the networks of policy gradients give them."""

    def forward(self, rows):
        return rows[:, :1], rows[:, :1]


@pytest.mark.parametrize(("module", "told"), [(Pair(), "tuple"), (torch.nn.Linear(1, 2), r"\(12, 2\)")])
def test_a_module_that_returns_something_else_hears_what_would_be_right(module, told):
    with pytest.raises(ConfigError, match=rf"^policy: {told} is not valid: a torch module should return of rows \(12, 1\) a"):
        evaluate(module, SMALL, observation="gain", **FEW)
