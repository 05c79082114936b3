"""Stable-Baselines3's algorithms as methods of a comparison: known answers, what they train on, and how they are evaluated."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from stable_baselines3.common.policies import ActorCriticPolicy

from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import TRAINING, Method, training_layouts
from baselines.learned import stable_baselines
from baselines.learned.per_agent import Numbered, PerAgentPolicy, numbered
from baselines.learned.reinforcement import DQN, PPO, SAC
from baselines.learned.stable_baselines import PowerControlVecEnv
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError, Scenario, WirelessNetwork

DENSE = Scenario.parse({"preset": "dense", "transmitters": 4})
COMPLETE = {"graph": "complete"}
SMALL = {"networks": 2, "max_cycles": 10, "hidden": [8]}
BRIEF = [
    PPO(slots=200, n_steps=10, minibatches=2, n_epochs=2, **SMALL),
    PPO(slots=200, n_steps=10, minibatches=2, n_epochs=2, policies="own", observation=["local", "aggregation"], **SMALL),
    PPO(slots=80, n_steps=10, minibatches=2, reward="known", messaging=COMPLETE, policies="own", **SMALL),
    SAC(slots=80, first=20, batch_size=16, **SMALL),
    DQN(slots=80, first=20, batch_size=16, levels=4, reward="own", **SMALL),
]
NAMES = ["ppo", "ppo-own", "ppo-known", "sac", "dqn"]
IMPORT_WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "stable_baselines3":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from baselines.learned.reinforcement import PPO
from wirelessenv import Scenario
PPO().check(Scenario(preset="dense"))
"""

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def polite(tmp_path):
    """Two pairs without fading: (10, 0) is best for both together, (10, 10) for each by itself."""
    (tmp_path / "gains.csv").write_text("10,10\n0.01,0.5\n")
    return Scenario.parse({"transmitters": 2, "gains": {"path": str(tmp_path / "gains.csv")}, "fading": "none"})


def stages(method, scenario=DENSE, seed=0, layout=None):
    return list(method.train(scenario, seed, None if method.across else layout or 0))


def learned_powers(method, scenario):
    held = HeldOut.draw(scenario, [0], 3, 10)
    return held.counted(method.powers(held, stages(method, scenario)[-1].state))[0, -1]


QUICK = {"networks": 4, "max_cycles": 20, "hidden": [16], "learning_rate": 1e-2}
LEARNERS = {
    "ppo": (PPO, {"slots": 3000, "n_steps": 25, "minibatches": 2}),
    "ppo-own": (PPO, {"slots": 3000, "n_steps": 25, "minibatches": 2, "policies": "own"}),
    "sac": (SAC, {"slots": 2000, "first": 200, "batch_size": 64, "temperature": 1.0, "target_entropy": -1.0}),
    "dqn": (DQN, {"slots": 2000, "first": 200, "batch_size": 64, "levels": 3, "target_slots": 40}),
}


@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.slow] * (one != "ppo")) for one in LEARNERS])
@pytest.mark.parametrize(("reward", "best"), [("sum", 0), ("own", 10)])
def test_who_disturbs_is_silent_for_the_sum_and_loud_for_itself(polite, name, reward, best):
    kind, options = LEARNERS[name]
    power = learned_powers(kind(reward=reward, **QUICK, **options), polite)
    np.testing.assert_allclose(power, [10, best], atol=1.2)  # soft: SAC's policy stays away from the ends


@pytest.mark.slow
def test_utilities_that_come_late_are_learned_from_through_the_discount(polite):
    late = {"reward": "known", "messaging": COMPLETE, **QUICK, **LEARNERS["ppo-own"][1]}
    assert learned_powers(PPO(gamma=0.9, **late), polite)[1] < 1
    assert learned_powers(PPO(gamma=0.0, **late), polite)[1] > 9


BRIEF_ONES = [
    pytest.param(one, id=name, marks=[pytest.mark.slow] * (name in {"sac", "ppo-own", "ppo-known"}))
    for one, name in zip(BRIEF, NAMES, strict=True)
]


@pytest.mark.parametrize("method", BRIEF_ONES)
def test_a_seed_gives_one_training_however_it_is_cut_and_whatever_draws_beside_it(method, monkeypatch):
    first = stages(method)
    again = []
    np.random.seed(5)  # noqa: NPY002  # what Stable-Baselines3 draws from
    for stage in method.train(DENSE, 0, None if method.across else 0):
        torch.rand(3), np.random.random(2)  # noqa: NPY002  # as above
        again.append(stage)
    monkeypatch.setattr(type(method), "stages", 1)
    (whole,) = stages(method)
    assert [(stage.slots, stage.bits) for stage in first] == [(stage.slots, stage.bits) for stage in again]
    for name, value in first[-1].state.items():
        assert value.isfinite().all()
        assert torch.equal(value, again[-1].state[name])
        assert torch.equal(value, whole.state[name])
    assert any(not torch.equal(value, first[0].state[name]) for name, value in first[-1].state.items())
    assert any(not torch.equal(value, stages(method, seed=1)[0].state[name]) for name, value in whole.state.items())


def test_trainings_leave_the_global_generators_as_they_were():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002  # what is global
    held = HeldOut.draw(DENSE, [0], 2, 1)
    BRIEF[0].powers(held, stages(BRIEF[0])[-1].state)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002  # as above


@pytest.mark.parametrize("method", BRIEF, ids=NAMES)
def test_stages_count_slots_and_bits(method):
    told = stages(method)
    assert [stage.slots for stage in told] == sorted({stage.slots for stage in told})
    assert told[-1].slots == method.slots
    assert len(told) == min(method.stages, method.slots // (method.networks * getattr(method, "n_steps", 1)))
    sizes = {"ppo": 4 + 2, "sac": 4 + 2, "dqn": 4 + 2}
    a_slot = {
        (True, "sum"): 32 * 4 * sizes[method.kind],
        (True, "own"): 32 * 4 * sizes[method.kind],
        (False, "sum"): 32 * (4 * 3 + 4 * (DENSE.hops - 1)),  # utilities to all, and the aggregation sequence
        (False, "known"): (32 + 2 + 32) * 4 * 3 * 4,  # on each of 12 links a table of 4 utilities, their agents and times
    }[method.across, method.reward]
    assert [stage.bits for stage in told] == [stage.slots * a_slot for stage in told]


def layouts_played(monkeypatch, method, layout=None):
    seen = []
    start = WirelessNetwork._start

    def noted(self, episode):
        start(self, episode)
        seen.append((self.seeds, episode, [one.mean_gain for one in self.layouts]))

    monkeypatch.setattr(WirelessNetwork, "_start", noted)
    stages(method, layout=layout)
    monkeypatch.undo()
    return seen


def test_shared_networks_learn_on_new_layouts_in_every_episode_and_on_none_that_is_compared(monkeypatch):
    seen = layouts_played(monkeypatch, BRIEF[0])
    assert [episode for _, episode, _ in seen] == list(range(11))  # 100 slots of 10, and the one that begins at the end
    assert {seeds for seeds, *_ in seen} == {tuple(training_layouts(0, 2))}
    assert min(seen[0][0]) >= TRAINING
    gains = [gain.tobytes() for *_, layouts in seen for gain in layouts]
    assert len(set(gains)) == 22
    compared = WirelessNetwork(DENSE, range(50)).layouts
    assert not {layout.mean_gain.tobytes() for layout in compared} & set(gains)


def test_own_networks_learn_on_the_layout_that_they_are_compared_on_and_on_other_slots(monkeypatch):
    seen = layouts_played(monkeypatch, BRIEF[1], layout=7)
    compared = WirelessNetwork(DENSE, 7).layouts[0].mean_gain
    for seeds, _, layouts in seen:
        assert min(seeds) >= TRAINING
        for gain in layouts:
            np.testing.assert_array_equal(gain, compared)


@pytest.mark.parametrize("method", BRIEF, ids=NAMES)
def test_evaluation_is_stepping_the_environment_with_the_models_own_predictions(method, monkeypatch):
    models = []
    begin = stable_baselines.Staged.begin
    monkeypatch.setattr(stable_baselines.Staged, "begin", lambda self, whole: (models.append(self), begin(self, whole)))
    state = stages(method)[-1].state
    held = HeldOut.draw(DENSE, [3, 4, 5], 6, 2)
    settings = method._settings(DENSE)
    env = PowerControlVecEnv(3, **{name: getattr(settings, name) for name in settings.model_fields_set})
    env._batch._network_type = held.network()
    wrapped = Numbered(env, 4) if getattr(method, "policies", "") == "own" else env
    wrapped.seed(3)
    rows = wrapped.reset()
    expected = np.zeros((3, 8, 4))
    for slot in range(8):
        actions, _ = models[0].predict(rows, deterministic=True)
        rows = wrapped.step(actions)[0]
        expected[:, slot] = env._batch._last.power
    got = method.powers(held, state)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert ((got >= 0) & (got <= DENSE.max_power)).all()
    assert len(np.unique(got)) > 2
    for row in range(3):  # layouts do not depend on those beside them
        np.testing.assert_allclose(method.powers(held.some([row]), state)[0], got[row], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", BRIEF, ids=NAMES)
def test_what_was_trained_survives_a_file(method, tmp_path):
    state = stages(method)[0].state
    write_tensors(tmp_path / "state.pt", state)
    held = HeldOut.draw(DENSE, [0], 3, 1)
    np.testing.assert_array_equal(method.powers(held, state), method.powers(held, read_tensors(tmp_path / "state.pt")))
    with pytest.raises(ConfigError, match=r"is a tensor of .* and not a tensor of"):
        method.model_copy(update={"hidden": (9,)}).powers(held, state)
    assert Method.parse(method.dump()) == method


def own_policy(agents=3, size=4):
    env = Numbered(PowerControlVecEnv(2, {"preset": "dense", "transmitters": agents}, observation="local"), agents)
    torch.manual_seed(0)
    policy = PerAgentPolicy(env.observation_space, env.action_space, lambda _: 1e-3, net_arch=[8, 5], agents=agents)
    for name, parameter in policy.named_parameters():
        if "biases" in name or name == "log_std":
            torch.nn.init.normal_(parameter)
    rows = torch.randn(11, size)
    return policy, rows, torch.tensor([2, 0, 2, 2, 1, 2, 0, 2, 1, 2, 2])


def test_own_networks_compute_what_separate_ones_compute():
    policy, rows, agent = own_policy()
    actions = torch.randn(11, 1)
    got = policy.evaluate_actions(torch.column_stack([rows, agent]), actions)
    chosen = policy.get_distribution(torch.column_stack([rows, agent])).mode()
    box = PowerControlVecEnv(1, "dense", observation="local")
    for i in range(3):
        alone = ActorCriticPolicy(box.observation_space, box.action_space, lambda _: 1e-3, net_arch=[8, 5])
        nets = {"policy_net": policy.actor, "value_net": policy.critic}
        layers = {name: [*getattr(alone.mlp_extractor, name)[::2], last] for name, last in
                  (("policy_net", alone.action_net), ("value_net", alone.value_net))}  # fmt: skip
        with torch.no_grad():
            alone.log_std.copy_(policy.log_std[i])
            for name, net in nets.items():
                for layer, weight, bias in zip(layers[name], net.weights, net.biases, strict=True):
                    layer.weight.copy_(weight[i].T)
                    layer.bias.copy_(bias[i, 0])
        mine = agent == i
        for value, expected in zip(got, alone.evaluate_actions(rows[mine], actions[mine]), strict=True):
            torch.testing.assert_close(value[mine], expected)
        torch.testing.assert_close(chosen[mine], alone.get_distribution(rows[mine]).mode())


def test_an_agent_gets_gradients_from_its_own_rows_alone():
    policy, rows, agent = own_policy()
    values, likelihood, entropy = policy.evaluate_actions(torch.column_stack([rows, agent]), torch.randn(11, 1))
    mine = agent == 2
    (values.flatten() + likelihood + entropy)[mine].sum().backward()
    parameters = dict(policy.named_parameters())
    assert len(parameters) == 13
    for name, parameter in parameters.items():
        assert len(parameter) == 3
        assert not parameter.grad[:2].any(), name
        assert parameter.grad[2].any(), name


def test_own_networks_begin_apart_and_orthogonal():
    policy, *_ = own_policy()
    first = policy.actor.weights[0]
    assert not torch.equal(first[0], first[1])
    torch.testing.assert_close(first[1] @ first[1].T, 2 * torch.eye(4))


def test_advantages_are_normalised_for_each_agent():
    env = PowerControlVecEnv(2, DENSE, observation="local")
    buffer = stable_baselines.PerAgentAdvantages(5, env.observation_space, env.action_space, n_envs=8, agents=4, gamma=0.0)
    rng = np.random.default_rng(0)
    scale = np.tile([1.0, 10.0, 100.0, 1000.0], 2)
    for _ in range(5):
        buffer.add(np.zeros((8, 4)), np.zeros((8, 1)), scale * (rng.random(8) + 3), np.zeros(8), torch.zeros(8), torch.zeros(8))
    buffer.compute_returns_and_advantage(torch.zeros(8), np.zeros(8, bool))
    rewards = buffer.rewards.reshape(5, 2, 4)
    expected = (rewards - rewards.mean((0, 1))) / rewards.std((0, 1))
    np.testing.assert_allclose(buffer.advantages.reshape(5, 2, 4), expected, atol=1e-5)
    np.testing.assert_array_equal(buffer.returns, buffer.rewards)


def test_rows_are_numbered_also_where_an_episode_ends():
    env = Numbered(PowerControlVecEnv(2, DENSE, 0, observation="local", max_cycles=1), 4)
    assert env.reset()[:, -1].tolist() == [0, 1, 2, 3] * 2
    rows, _, over, infos = env.step(np.zeros((8, 1), np.float32))
    assert over.all()
    assert rows[:, -1].tolist() == [0, 1, 2, 3] * 2
    assert [info["terminal_observation"][-1] for info in infos] == [0, 1, 2, 3] * 2
    assert all(env.observation_space.contains(row) for row in rows)
    assert numbered(np.zeros((4, 2), np.float32), 2).tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_every_row_explores_by_itself():
    (stage,) = stages(DQN(slots=2, first=0, **SMALL))[:1]
    env = PowerControlVecEnv(100, DENSE, 0, observation="local", actions="discrete", levels=10)
    model = stable_baselines.StagedDQN(
        stable_baselines.DQNPolicy, env, policy_kwargs={"net_arch": [8]}, seed=0, buffer_size=400
    )
    model.policy.load_state_dict(stage.state)
    rows = env.reset()
    greedy, _ = model.predict(rows, deterministic=True)
    np.testing.assert_array_equal(greedy, model.policy.predict(rows, deterministic=True)[0])
    model.exploration_rate = 0.5
    explored = np.mean([(model.predict(rows)[0] != greedy).mean() for _ in range(20)])
    assert abs(explored - 0.45) < 0.03  # half of 400 rows, 20 times; a tenth of random levels are the greedy ones


@pytest.mark.parametrize(
    ("options", "knows", "training", "bits"),
    [
        ({}, "own channel", "everything", 0),
        ({"observation": ["local", "aggregation"]}, "neighbours", "everything", 32 * 4 * 4),
        ({"observation": {"kind": "neighbours", "strongest": 2}}, "neighbours", "everything", 32 * 4 * 10),
        ({"observation": ["gain", "incoming"]}, "own channel", "everything", 0),
        ({"observation": ["gain", "outgoing"]}, "neighbours", "everything", 32 * 4 * 3),
        ({"observation": ["local", "full"]}, "everything", "everything", 32 * 20),
        ({"policies": "own"}, "own channel", "everything", 0),
        ({"policies": "own", "reward": "own"}, "own channel", "own channel", 0),
        ({"policies": "own", "reward": "known", "messaging": COMPLETE}, "neighbours", "neighbours", 66 * 12 * 4),
    ],
)
def test_what_is_known_and_sent(options, knows, training, bits):
    method = PPO(**options)
    method.check(DENSE)
    assert method.knows == knows
    assert method.knows_in_training == training
    assert method.across == ("policies" not in options)
    assert method.bits(DENSE) == bits
    assert method.memory >= 2


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: PPO(policy="own"), 'unknown key "policy" (did you mean "policies"?)'),
        (lambda: SAC(policies="own"), 'unknown key "policies"'),
        (lambda: PPO(messaging=COMPLETE), 'messaging: has no effect without reward: "known"'),
        (lambda: PPO(slots=100), "slots: 100 is not valid: one update takes 800 slots"),
        (lambda: PPO(minibatches=7), "minibatches: 7 is not valid: it should divide networks x n_steps, 800"),
        (lambda: DQN(levels=1), "levels: 1 is not valid"),
        (lambda: PPO(observation="locl"), 'unknown kind "locl" (did you mean "local"?)'),
        (lambda: PPO(reward="known").check(DENSE), "graph.kappa: 6 is not valid: there are only 4 agents"),
    ],
)
def test_what_cannot_be_is_told_in_one_sentence(make, sentence):
    with pytest.raises(ConfigError) as told:
        make()
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.slow
def test_without_stable_baselines3_a_sentence_says_what_to_install():
    done = subprocess.run([sys.executable, "-c", IMPORT_WITHOUT], capture_output=True, text=True, check=False)  # noqa: S603  # our own code
    assert done.stderr.splitlines()[-1].endswith(
        "ppo, sac or dqn needs stable-baselines3, which is not installed: pip install 'wirelessenv[compare]'"
    )
