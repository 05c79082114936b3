"""The two problems agree on our environment, and the general one serves foreign ones."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv

from trainers import FirstOrderLearner, ParallelEnvProblem, WirelessProblem, ZerothOrderLearner
from trainers.problems.policies import PolicySettings
from trainers.problems.samples import grouped
from wirelessenv import Block, ConfigError, Messaging, Scenario, WirelessNetwork, power_control_v0

SMALL = Scenario(preset="dense", transmitters=5, hops=3)
TINY = PolicySettings(hidden=(6, 6))
MESSAGING = Messaging(graph="ring", activity={"update": 0.8, "transmit": 0.6})


@pytest.mark.parametrize(
    ("actions", "observation"),
    [
        ("normalised", "aggregation"),
        ("power", "aggregation"),
        ("power", "gain"),
        ("power", ["gain", "aggregation"]),
    ],
)
@pytest.mark.parametrize("scenario", [SMALL, Scenario(preset="authors", transmitters=5, hops=3, observation_scale="log1p")])
def test_stepping_the_environment_gives_the_numbers_of_the_batched_problem(actions, observation, scenario):
    seeds = [3, 7]
    batched = WirelessProblem(scenario, TINY, seeds, observation=observation)
    stepped = ParallelEnvProblem(
        lambda: power_control_v0.parallel_env(scenario=scenario, max_cycles=10**6, actions=actions, observation=observation),
        TINY,
        seed=seeds,
        variants=2,
    )
    options = {"smoothing": 0.5, "batch": 4, "step_size": [0.5, 0.1], "seed": seeds}
    first, second = (ZerothOrderLearner(problem, MESSAGING, **options) for problem in (batched, stepped))
    start = first.parameters.clone()
    for _ in range(6):
        plain = batched.measure(first._parameters, 4, False)
        torch.testing.assert_close(stepped.measure(second._parameters, 4, False), plain, rtol=1e-4, atol=1e-5)
    first.learn(25)
    second.learn(25)
    torch.testing.assert_close(first.parameters, second.parameters, rtol=1e-2, atol=1e-3)
    assert (first.parameters - start).abs().max() > 0.05
    np.testing.assert_array_equal(stepped.slots, batched.slots)


class Echo(ParallelEnv):
    """Agents of different spaces; the reward is the first action, minus the distance of the others to what was seen."""

    metadata = {"name": "echo"}  # noqa: RUF012  # PettingZoo's convention

    def __init__(self, length=3):
        self.possible_agents, self.length = ["a", "b"], length
        self.observation_spaces = {"a": Box(-1, 1, (2,)), "b": Box(-1, 1, (3,))}
        self.action_spaces = {"a": Box(-2, 4, (1,)), "b": Box(0, 1, (2, 2))}

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        self.agents, self.t = self.possible_agents[:], 0
        return {name: np.zeros(self.observation_spaces[name].shape, np.float32) for name in self.agents}, {}

    def step(self, actions):
        for name in self.agents:
            assert self.action_spaces[name].contains(actions[name])
        self.t += 1
        rewards = {name: float(np.ravel(actions[name])[0]) for name in self.agents}
        over = self.t == self.length
        self.agents = [] if over else self.agents
        seen = {name: np.full(self.observation_spaces[name].shape, 0.5, np.float32) for name in rewards}
        return seen, rewards, dict.fromkeys(rewards, over), dict.fromkeys(rewards, False), {}


def test_agents_with_different_spaces_share_one_shape_and_episodes_are_summed():
    steps, episodes = (ParallelEnvProblem(Echo, TINY, seed=1, sample=sample) for sample in ("step", "episode"))
    parameters = steps.policies.initial((1,), 2)[None, :, :, None].repeat(2, 1, 1, 1, 1)
    parameters[1] = 0  # all weights 0: sigmoid(0) = 1/2, the middle of each action space
    measured = steps.measure(parameters, 6, False)
    np.testing.assert_allclose(measured[1, 0, 0], [1.0, 0.5], rtol=1e-6)
    assert steps.slots.tolist() == [[12]]
    returns = episodes.measure(parameters, 2, False)
    np.testing.assert_allclose(returns[1, 0, 0], [3.0, 1.5], rtol=1e-6)
    assert episodes.slots.tolist() == [[12]]
    np.testing.assert_allclose(episodes.evaluate(parameters[1]), [[4.5]], rtol=1e-6)


def test_a_learner_on_a_foreign_environment_saves_its_parameters(tmp_path):
    learner = ZerothOrderLearner(ParallelEnvProblem(Echo, TINY), "centralised", batch=1, smoothing=0.5).learn(3)
    learner.save(tmp_path / "saved.pt")
    with pytest.raises(ConfigError, match="give load\\(\\) the problem"):
        ZerothOrderLearner.load(tmp_path / "saved.pt")
    loaded = ZerothOrderLearner.load(tmp_path / "saved.pt", ParallelEnvProblem(Echo, TINY))
    assert torch.equal(loaded.parameters, learner.parameters)
    observations, _ = Echo().reset()
    assert set(loaded.predict(observations)) == {"a", "b"}


def test_what_the_general_problem_cannot_do_is_refused():
    problem = ParallelEnvProblem(Echo, TINY)
    with pytest.raises(ConfigError, match="common_noise: true is not valid"):
        ZerothOrderLearner(problem, "centralised", common_noise=True).learn(1)
    with pytest.raises(ConfigError, match="variants: 1 is not valid: the learner has 2"):
        ZerothOrderLearner(problem, "centralised", step_size=[0.1, 0.2]).learn(1)
    with pytest.raises(ConfigError, match="sample: 'round' is not valid"):
        ParallelEnvProblem(Echo, sample="round")

    class Levels(Echo):
        def __init__(self):
            super().__init__()
            self.action_spaces["a"] = Discrete(3)

    with pytest.raises(ConfigError, match="action_space of a: Discrete"):
        ParallelEnvProblem(Levels)


def test_evaluation_uses_the_same_slots_every_time_and_disturbs_nothing():
    problem = WirelessProblem(SMALL, TINY, [0, 1], evaluation_slots=120)
    learner = ZerothOrderLearner(problem, MESSAGING, smoothing=0.5, batch=3, seed=[0, 1])
    first = problem.evaluate(learner.parameters)
    np.testing.assert_array_equal(problem.evaluate(learner.parameters), first)
    other = ZerothOrderLearner(WirelessProblem(SMALL, TINY, [0, 1]), MESSAGING, smoothing=0.5, batch=3, seed=[0, 1])
    assert torch.equal(learner.learn(10).parameters, other.learn(10).parameters)


FAST = Scenario(
    preset="drifting", transmitters=5, hops=3, fading="rayleigh", mobility={"slowest": 1.0, "fastest": 2.0, "update_slots": 5}
)


def moving(seeds, evaluation="present"):
    problem = WirelessProblem(FAST, TINY, seeds, evaluation_slots=30, evaluation=evaluation)
    return ZerothOrderLearner(problem, MESSAGING, smoothing=0.5, batch=3, seed=seeds)


def test_evaluation_of_the_present_is_where_the_measured_slots_were():
    learner, network = moving([0, 1]), WirelessNetwork(FAST, [0, 1])
    for iterations in (1, 4, 9):
        learner.learn(iterations)
        network.block(iterations * 6)
        bank = network.bank(30, "evaluation", present=True)
        report = learner.report()
        for run in range(2):
            gain, powers = bank.gain[run].astype(float), learner.predict(bank.features[run], run)
            for power, column in ((powers, "utility"), (powers * 0 + 10, "full_power_utility")):
                signal = np.einsum("tii->ti", gain) * power
                rate = np.log2(1 + signal / (1 + np.einsum("tij,tj->ti", gain, power) - signal))
                np.testing.assert_allclose(report[column][run, 0], rate.sum(1).mean(), rtol=1e-5)
    alone = moving([1]).learn(14)
    np.testing.assert_allclose(alone.report()["utility"][0], report["utility"][1], rtol=1e-4)
    assert torch.equal(moving([0, 1], "layout").learn(14).parameters, learner.parameters)  # it only looks


def test_a_learner_in_a_moving_network_goes_on_bit_for_bit(tmp_path):
    learner = moving([0, 1]).learn(7)
    learner.report()
    learner.save(tmp_path / "saved.pt")
    loaded = ZerothOrderLearner.load(tmp_path / "saved.pt")
    for column, values in learner.report().items():
        np.testing.assert_array_equal(loaded.report()[column], values)
    np.testing.assert_array_equal(loaded.learn(5).report()["utility"], learner.learn(5).report()["utility"])


def test_another_evaluation_is_refused():
    with pytest.raises(ConfigError, match="evaluation: 'past' is not valid: it should be one of layout, present"):
        WirelessProblem(SMALL, TINY, evaluation="past")


def test_evaluation_is_the_mean_over_the_bank_of_the_total_rate():
    problem = WirelessProblem(SMALL, TINY, 4, evaluation_slots=130)
    parameters = problem.policies.initial((4,), 5)[:, :, None]
    bank = problem.network.bank(130, "evaluation")
    powers = problem.act(parameters[0, :, 0], bank.features[0])
    gain = bank.gain[0].astype(float)
    signal = np.einsum("tii->ti", gain) * powers
    interference = np.einsum("tij,tj->ti", gain, powers) - signal
    expected = np.log2(1 + signal / (SMALL.noise + interference)).sum(1).mean()
    np.testing.assert_allclose(problem.evaluate(parameters), [[expected]], rtol=1e-5)
    full = np.log2(1 + 10 * np.einsum("tii->ti", gain) / (1 + 10 * (gain.sum(2) - np.einsum("tii->ti", gain))))
    np.testing.assert_allclose(problem.full_power_utility(), [full.sum(1).mean()], rtol=1e-5)


@pytest.mark.parametrize("kind", ["incoming", "outgoing"])
def test_policies_see_what_agents_observe_in_the_environment(kind):
    parts = ["gain", {"kind": kind, "source": "pilots"}, "aggregation"]
    env = power_control_v0.parallel_env(scenario=SMALL, observation=parts, actions="power")
    observations, _ = env.reset(seed=3)
    problem = WirelessProblem(SMALL, TINY, 3, observation=parts)
    seen = problem.inputs.of_block(SMALL, WirelessNetwork(SMALL, 3).block(20))[0]
    for slot in range(20):
        np.testing.assert_allclose(np.stack(list(observations.values())), seen[slot], rtol=1e-6)
        observations, *_ = env.step({agent: np.array([slot / 2], np.float32) for agent in env.agents})  # powers change nothing


def test_policies_that_see_their_gain_alone():
    problem = WirelessProblem(SMALL, TINY, 4, evaluation_slots=30, observation="gain")
    parameters = problem.policies.initial((4,), 5)[:, :, None]
    gain = problem.network.bank(30, "evaluation").gain[0].astype(float)
    own = np.log1p(10 * np.einsum("tii->ti", gain) / SMALL.noise)
    powers = problem.act(parameters[0, :, 0], own[..., None])
    arriving = np.einsum("tij,tj->ti", gain, powers)
    signal = np.einsum("tii->ti", gain) * powers
    expected = np.log2(1 + signal / (SMALL.noise + arriving - signal)).sum(1).mean()
    np.testing.assert_allclose(problem.evaluate(parameters), [[expected]], rtol=1e-5)
    assert (problem.agents, problem.policies.inputs) == (5, 1)
    in_torch = WirelessProblem(SMALL, TINY, 4, evaluation_slots=30, observation="gain")
    block = problem.network.bank(30, "evaluation")
    seen = in_torch.inputs.of_block(SMALL, _as_torch(block))
    assert isinstance(seen, torch.Tensor)
    np.testing.assert_allclose(seen[0, :, :, 0], own, rtol=1e-6)


@pytest.mark.parametrize(
    ("observation", "sentence"),
    [
        ("local", 'observation: "local" is not valid: it looks at slots that are over'),
        (["gain", {"kind": "neighbours"}], 'observation: "neighbours" is not valid: it looks at slots that are over'),
        ("gian", 'unknown kind "gian" (did you mean "gain"?)'),
        ([], "observation: [] is not valid"),
    ],
)
def test_observations_that_a_measurement_cannot_have_are_refused(observation, sentence):
    with pytest.raises(ConfigError) as caught:
        WirelessProblem(SMALL, TINY, observation=observation)
    assert sentence in str(caught.value)


def test_a_saved_learner_knows_what_its_policies_see(tmp_path):
    problem = WirelessProblem(SMALL, TINY, observation=["gain", "aggregation"])
    learner = ZerothOrderLearner(problem, MESSAGING, smoothing=0.5, batch=2).learn(3)
    learner.save(tmp_path / "saved.pt")
    loaded = ZerothOrderLearner.load(tmp_path / "saved.pt")
    assert torch.equal(loaded.learn(3).parameters, learner.learn(3).parameters)
    with pytest.raises(ConfigError, match="the observation differs"):
        ZerothOrderLearner.load(tmp_path / "saved.pt", WirelessProblem(SMALL, TINY))


def test_physics_in_torch_gives_the_numbers_of_physics_in_numpy():
    """Physics of a GPU, here on the CPU: the same slots and policies, once in each library."""
    problem = WirelessProblem(SMALL, TINY, [0, 1], evaluation_slots=70)
    parameters = torch.stack([problem.policies.initial((seed, seed + 1), 5)[:, :, None] for seed in (0, 5)])
    numpy_bank = problem.bank
    measured, evaluated = problem.measure(parameters, 20, False), problem.evaluate(parameters[0])
    in_torch = WirelessProblem(SMALL, TINY, [0, 1], evaluation_slots=70)
    in_torch.network = WirelessNetwork(SMALL, [0, 1], device="cpu")
    block = WirelessNetwork(SMALL, [0, 1]).block(40)
    in_torch._layout_bank = _as_torch(numpy_bank), torch.from_numpy(numpy_bank.features)
    in_torch._ahead = [grouped(_as_torch(block), torch.from_numpy(block.features), 20, 0, 2)]
    assert isinstance(in_torch._ahead[0].cross, torch.Tensor)
    torch.testing.assert_close(in_torch.measure(parameters, 20, False), measured, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(in_torch.evaluate(parameters[0]), evaluated, rtol=1e-5)
    np.testing.assert_allclose(in_torch.full_power_utility(), problem.full_power_utility(), rtol=1e-5)


def _as_torch(block):
    return Block(*(torch.from_numpy(leaf.copy()) for leaf in vars(block).values()))


def test_observations_find_their_policies_by_name():
    learner = ZerothOrderLearner(WirelessProblem(SMALL, TINY), MESSAGING, smoothing=0.5, batch=2)
    observations, _ = power_control_v0.parallel_env(scenario=SMALL).reset(seed=0)
    powers = learner.predict(observations)
    turned = learner.predict(dict(reversed(observations.items())))
    assert list(turned) == list(reversed(powers))
    assert all(turned[name] == powers[name] for name in powers)
    for wrong in ({**observations, "rx_0": observations["tx_0"]}, dict(list(observations.items())[1:])):
        with pytest.raises(ConfigError, match=r"those of tx_0 to tx_4 are needed; see (rx_0|tx_0)"):
            learner.predict(wrong)


def test_a_saved_learner_is_read_as_what_it_is(tmp_path):
    learner = ZerothOrderLearner(WirelessProblem(SMALL, TINY), MESSAGING, smoothing=0.5, batch=2)
    learner.save(tmp_path / "saved.pt")
    with pytest.raises(ConfigError, match="holds no FirstOrderLearner: ZerothOrderLearner"):
        FirstOrderLearner.load(tmp_path / "saved.pt")
    with pytest.raises(ConfigError, match="it was trained on another problem than the one given: the scenario differs"):
        ZerothOrderLearner.load(tmp_path / "saved.pt", WirelessProblem("dense", TINY))
    assert ZerothOrderLearner.load(tmp_path / "saved.pt", WirelessProblem(SMALL, TINY)).iteration == 0


def test_problems_evaluate_on_something():
    with pytest.raises(ConfigError, match="evaluation_slots: 0 is not valid"):
        WirelessProblem(SMALL, evaluation_slots=0)
    with pytest.raises(ConfigError, match="evaluation_samples: 0 is not valid"):
        ParallelEnvProblem(Echo, evaluation_samples=0)


@pytest.mark.parametrize("preset", ["dense", "uplink", "cellular"])
def test_interference_to_noise_is_the_mean_over_many_slots(preset):
    problem = WirelessProblem(preset, seed=[3, 4])
    expected = problem.network.bank(3000, "evaluation").gain.astype(float).mean(1) * problem.scenario.max_power
    found = problem.interference_to_noise()
    assert np.median(found * problem.scenario.noise / expected) == pytest.approx(1, abs=0.1)
    assert np.abs(np.log(found * problem.scenario.noise / expected)).max() < 1
