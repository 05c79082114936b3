"""Stable-Baselines3's own algorithms on `PowerControlVecEnv`, and its numbers beside those of the other forms."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

from wirelessenv import ConfigError, WirelessNetwork
from wirelessenv.envs.parallel import PowerControlEnv
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.integrations.sb3 import LogSlots, PowerControlVecEnv

IMPORT_WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "stable_baselines3":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import wirelessenv.integrations.sb3
"""
MESSAGING = {"graph": "ring"}
DENSE = {"preset": "dense", "transmitters": 4}
OPTIONS = [
    {"actions": "power", "reward": "sum", "observation": ["aggregation", "local"]},
    {"actions": "discrete", "levels": 5, "messages": "utility", "messaging": MESSAGING, "reward": "known"},
    {"messages": "learned", "messaging": MESSAGING, "message_size": 2, "message_interval": 2},
]
LONELY = {"preset": "dense", "transmitters": 1, "noise": 1e4}
"""One pair in deep noise: the best power is the largest, and half of it earns about half."""


def make(num_envs=2, **options):
    return PowerControlVecEnv(num_envs, **{"scenario": DENSE, "seed": 0, "max_cycles": 7, **options})


def random_rows(env, rng):
    space = env.action_space
    if space.shape == ():
        return rng.integers(space.n, size=env.num_envs)
    return rng.uniform(space.low, space.high, (env.num_envs, *space.shape)).astype(np.float32)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("options", OPTIONS)
def test_a_row_has_the_numbers_of_the_pettingzoo_environment_of_its_seed(options):
    """Two episodes and a half, so that the next episodes and what is told of the last ones are compared as well."""
    env = make(3, seed=[5, 6, 7], **options)
    alone = [PowerControlEnv(DENSE, max_cycles=7, **options) for _ in range(3)]
    agents = alone[0].possible_agents
    rng = np.random.default_rng(0)
    rows = [one for e, single in enumerate(alone) for one in single.reset(seed=5 + e)[0].values()]
    np.testing.assert_array_equal(env.reset(), rows)
    total = np.zeros(env.num_envs)
    for step in range(1, 19):
        actions = random_rows(env, rng)
        seen, rewards, over, infos = env.step(actions)
        told = [
            single.step(dict(zip(agents, part, strict=True)))
            for single, part in zip(alone, actions.reshape(3, 4, *actions.shape[1:]), strict=True)
        ]
        rows = [one for observations, *_ in told for one in observations.values()]
        expected = np.array([reward for _, paid, *_ in told for reward in paid.values()], np.float32)
        np.testing.assert_array_equal(rewards, expected)
        total += expected
        assert over.dtype == bool
        assert (over == (step % 7 == 0)).all()
        if step % 7 == 0:
            np.testing.assert_array_equal([info["terminal_observation"] for info in infos], rows)
            assert all(info["TimeLimit.truncated"] is True for info in infos)
            np.testing.assert_allclose([info["episode"]["r"] for info in infos], total)
            assert {info["episode"]["l"] for info in infos} == {7}
            rows, total = [one for single in alone for one in single.reset()[0].values()], np.zeros(env.num_envs)
        else:
            assert infos == [{}] * 12
        np.testing.assert_array_equal(seen, rows)
        assert all(env.observation_space.contains(row) for row in seen)
    assert env.slots == 3 * 18


def test_rows_add_up_to_the_vector_environment():
    rows, vector = make(3, seed=[5, 6, 7]), VectorPowerControlEnv(3, DENSE, max_cycles=7, autoreset_mode="SameStep")
    np.testing.assert_array_equal(rows.reset(), vector.reset(seed=5)[0].reshape(12, -1))
    rng = np.random.default_rng(0)
    for _ in range(15):
        actions = random_rows(rows, rng)
        seen, paid, over, infos = rows.step(actions)
        expected, rewards, _, truncated, final = vector.step(actions.reshape(3, 4))
        np.testing.assert_array_equal(seen, expected.reshape(12, -1))
        np.testing.assert_allclose(paid.reshape(3, 4).mean(1), rewards, rtol=1e-6)
        told = final["final_info"] if over.any() else final
        np.testing.assert_array_equal(paid.reshape(3, 4), told["rewards"])
        np.testing.assert_array_equal(over, truncated.repeat(4))
        if over.any():
            np.testing.assert_array_equal([info["terminal_observation"] for info in infos], final["final_obs"].reshape(12, -1))


def test_what_a_user_does_to_rewards_and_infos_changes_nothing():
    """Stable-Baselines3 adds the value at the end to the rewards in place; wrappers write into infos."""
    one, other = make(reward="own", observation="local"), make(reward="own", observation="local")
    one.reset(), other.reset()
    actions = np.full((8, 1), 0.3, np.float32)
    for _ in range(9):
        told = one.step(actions)
        np.testing.assert_array_equal(told[0], other.step(actions)[0])
        told[0][:], told[1][:], told[2][:] = 9, 9, True
        for info in told[3]:
            info["mine"] = 1


class Rewards(BaseCallback):
    """The rewards as the environment pays them, and what a truncated row's value is under the policy that acted."""

    def _on_training_start(self):
        self.paid, self.ends, self.buffered = [], [], []

    def _on_step(self):
        self.paid.append(self.locals["rewards"].copy())
        last = [info.get("terminal_observation") for info in self.locals["infos"]]
        ended = last[0] is not None
        with torch.no_grad():
            value = self.model.policy.predict_values(torch.as_tensor(np.stack(last)))[:, 0].numpy() if ended else 0.0
        self.ends.append(value * np.ones(len(last)))
        return True

    def _on_rollout_end(self):
        self.buffered.append(self.model.rollout_buffer.rewards.copy())


@pytest.mark.slow
def test_ppo_adds_the_value_of_what_would_have_followed():
    model = PPO("MlpPolicy", make(), n_steps=14, batch_size=8, gamma=0.9, seed=1, device="cpu")
    model.learn(2 * 14 * 8, callback=(seen := Rewards()))
    buffered, paid, ends = np.concatenate(seen.buffered), np.array(seen.paid), np.array(seen.ends)
    assert (np.flatnonzero(np.abs(ends).min(1)) == [6, 13, 20, 27]).all()
    np.testing.assert_allclose(buffered, paid + 0.9 * ends, rtol=1e-5)


def test_sac_does_not_take_a_truncation_for_an_end():
    model = SAC("MlpPolicy", make(), learning_starts=32, buffer_size=640, batch_size=16, train_freq=1, seed=1, device="cpu")
    model.learn(8 * 16)
    buffer = model.replay_buffer
    assert (np.flatnonzero(buffer.dones[:16].all(1)) == [6, 13]).all()
    np.testing.assert_array_equal(buffer.dones, buffer.timeouts)
    assert not buffer.sample(200).dones.any()
    assert all(bool(torch.isfinite(value).all()) for value in model.policy.parameters())


def test_dqn_runs_on_discrete_powers():
    model = DQN("MlpPolicy", make(actions="discrete", levels=4), learning_starts=8, batch_size=16, seed=1, device="cpu")
    model.learn(8 * 20)
    chosen, _ = model.predict(make(actions="discrete", levels=4).reset(), deterministic=True)
    assert chosen.shape == (8,)
    assert set(chosen) <= {0, 1, 2, 3}


def mean_reward(model):
    """The policy's mean reward in 50 slots of 20 networks; the same ones at every call."""
    env = PowerControlVecEnv(20, LONELY, seed=1000, max_cycles=50)
    observations, rewards = env.reset(), []
    for _ in range(50):
        observations, paid, *_ = env.step(model.predict(observations, deterministic=True)[0])
        rewards.append(paid)
    return np.mean(rewards)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_ppo_learns_that_a_lonely_pair_uses_full_power(seed):
    env = PowerControlVecEnv(16, LONELY, max_cycles=50)
    model = PPO("MlpPolicy", env, n_steps=50, batch_size=200, learning_rate=3e-3, gamma=0.5, seed=seed, device="cpu")
    block = WirelessNetwork(LONELY, seed=range(1000, 1020)).block(50)
    best = np.log2(1 + 10.0 * block.wanted / 1e4).mean()
    before = mean_reward(model)
    after = mean_reward(model.learn(20_000))
    assert before < 0.8 * best
    assert after > before + 0.9 * (best - before)
    assert after <= best * (1 + 1e-6)


@pytest.mark.slow
def test_two_runs_of_one_seed_are_equal():
    def run(seed):
        model = PPO("MlpPolicy", make(seed=None), n_steps=14, batch_size=28, seed=seed, device="cpu").learn(300)
        return torch.cat([value.detach().flatten() for value in model.policy.parameters()])

    first = run(3)
    assert torch.equal(first, run(3))
    assert not torch.equal(first, run(4))


def test_seeds_are_used_at_the_next_reset_and_once():
    env = make(seed=5)
    first = env.reset()
    second = env.reset()
    assert not np.array_equal(first, second)
    seeds = env.seed(5)
    assert seeds == [seeds[0]] * 4 + [seeds[4]] * 4
    np.testing.assert_array_equal(env.reset(), first)
    np.testing.assert_array_equal(env.reset(), second)
    np.testing.assert_array_equal(make(1, seed=5).reset(), first[:4])
    np.testing.assert_array_equal(make(1, seed=seeds[4:5]).reset(), first[4:])
    assert env.seed([8, 9]) == env.seed(np.array([8, 9])) == [8, 8, 8, 8, 9, 9, 9, 9]
    assert len(set(env.seed())) == 2
    assert not np.array_equal(env.reset(), first)
    assert not np.array_equal(make(seed=None).reset(), make(seed=None).reset())


def test_networks_of_different_seeds_are_different():
    """Neither of 30 seeds of 40 networks shares one with another, nor with the small seeds of the other forms."""
    env = PowerControlVecEnv(40, DENSE)
    seeds = [one for seed in range(30) for one in env.seed(seed)[::4]]
    assert len(set(seeds)) == 30 * 40
    assert min(seeds) > 2**40
    first, second = (PowerControlVecEnv(8, DENSE, seed=seed).reset().reshape(8, -1) for seed in (0, 1))
    assert not (first[:, None] == second[None]).all(-1).any()


def test_episodes_and_slots_are_logged():
    model = PPO("MlpPolicy", make(), n_steps=14, batch_size=28, seed=0, device="cpu")
    logged = {}
    callback = Rewards()
    callback._on_rollout_end = lambda: logged.update(model.logger.name_to_value)
    model.learn(14 * 8, callback=[callback, LogSlots()])
    assert logged["time/slots"] == 14 * 2
    returns = np.array(callback.paid, np.float64).reshape(2, 7, 8).sum(1)
    found = [episode["r"] for episode in model.ep_info_buffer]
    np.testing.assert_allclose(found, returns.ravel(), rtol=1e-6)


def test_stable_baselines_wrappers_work_on_it():
    monitored, plain = VecNormalize(VecMonitor(make())), make()
    monitored.reset(), plain.reset()
    actions = np.zeros((8, 1), np.float32)
    for _ in range(7):
        seen, *_, infos = monitored.step(actions)
        *_, own = plain.step(actions)
    np.testing.assert_allclose([i["episode"]["r"] for i in infos], [i["episode"]["r"] for i in own], rtol=1e-5)
    assert np.abs(infos[0]["terminal_observation"]).max() <= 10
    assert monitored.get_attr("slots") == [14] * 8
    assert np.isfinite(seen).all()


def test_what_rows_share():
    env = make()
    assert env.get_attr("max_cycles", [0, 3]) == [7, 7]
    assert env.env_is_wrapped(Monitor) == [False] * 8
    assert env.env_is_wrapped(Monitor, 2) == [False]
    assert env.env_method("seed", [3, 4], indices=1) == [[3, 3, 3, 3, 4, 4, 4, 4]]
    assert env.has_attr("slots")
    assert not env.has_attr("queue")
    with pytest.raises(AttributeError, match="set_attr: max_cycles cannot be set: make a new environment"):
        env.set_attr("max_cycles", 8)
    with pytest.warns(UserWarning, match="no `render_mode`"):
        assert env.render() is None
    env.close()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_envs": 0}, "num_envs: 0 is not valid: it should be a whole number, 1 or more"),
        ({"seed": -1}, "seed: -1 is not valid: a seed is a whole number, 0 or more"),
        ({"seed": True}, "seed: True is not valid: a seed is a whole number, 0 or more"),
        ({"seed": 1.0}, "seed: 1.0 is not valid: a seed is a whole number, 0 or more"),
        ({"seed": [1]}, "seed: [1] is not valid: it should hold 2, one for each network"),
        ({"seed": [[1, 2], [3]]}, "seed: [1, 2] is not valid: a seed is a whole number, 0 or more"),
        ({"seeds": 1}, 'unknown key "seeds" (did you mean "seed"?)'),
        (
            {"max_episode_steps": 3},
            "max_cycles: 7 is not valid beside max_episode_steps 3: they mean the same, give one of them",
        ),
        ({"render_mode": "human"}, "render_mode: 'human' is not valid: only single environments are drawn; leave it out"),
        ({"max_cycle": 3}, 'unknown key "max_cycle" (did you mean "max_cycles"?)'),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        make(**options)
    assert str(caught.value) == sentence


def test_wrong_actions_are_refused_in_one_sentence():
    env = make()
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(np.zeros((8, 1), np.float32))
    env.reset()
    with pytest.raises(ValueError, match=r"actions: shape \(4, 1\) is not valid: it should be \(8, 1\)"):
        env.step(np.zeros((4, 1), np.float32))
    with pytest.raises(ValueError, match="actions: NaN is not valid"):
        env.step(np.full((8, 1), np.nan, np.float32))


def test_without_stable_baselines_the_import_says_what_to_install():
    run = subprocess.run([sys.executable, "-c", IMPORT_WITHOUT], capture_output=True, text=True, check=False)  # noqa: S603  # our own code
    said = "ModuleNotFoundError: wirelessenv.integrations.sb3 needs stable-baselines3, which is not installed: "
    said += "pip install 'wirelessenv[sb3]'"
    assert run.stderr.splitlines()[-1] == said


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deepcopy", "pickle"])  # noqa: S301  # our own bytes
def test_copies_go_on_with_the_same_numbers(copied):
    alone, first = (PowerControlVecEnv(2, "dense", seed=1) for _ in range(2))
    actions = np.full((alone.num_envs, *alone.action_space.shape), 0.2, np.float32)
    for env in (alone, first):
        env.reset()
        env.step(actions)
    second = copied(first)
    for _ in range(3):
        expected = alone.step(actions)[:3]
        for env in (second, first):
            for found, right in zip(env.step(actions), expected, strict=False):
                np.testing.assert_array_equal(found, right)
