import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wirelessenv import power_control_v0
from wirelessenv.envs.parallel import PowerControlEnv
from wirelessenv.network import WirelessNetwork

ROOT = Path(__file__).parents[2]
DENSE = {"preset": "dense", "transmitters": 4}
UPLINK = {"preset": "dense", "association": "uplink", "transmitters": 6, "receivers": 2}
OPTIONS = [
    {"scenario": DENSE},
    {"scenario": DENSE, "actions": "power"},
    {"scenario": UPLINK, "max_cycles": 70},
    {"scenario": {"preset": "authors", "transmitters": 3, "utility": "latency"}},
    {"scenario": {"preset": "gaussian", "utility": "energy_efficiency"}},
    {"scenario": {"transmitters": 1}},
]


def make(**options):
    return PowerControlEnv(**{"scenario": DENSE, **options})


def random_actions(env, rng):
    space = env.action_space("tx_0")
    return {agent: rng.uniform(space.low, space.high).astype(np.float32) for agent in env.agents}


def play(env, seed=None, first=True, steps=10**9, rng_seed=0):
    """The rest of an episode as one list of numbers for each step, the reset included."""
    rng = np.random.default_rng(rng_seed)
    told = [[np.stack(list(env.reset(seed=seed)[0].values())), env.state()]] if first else []
    while env.agents and len(told) < steps:
        observations, rewards, *_ = env.step(random_actions(env, rng))
        told.append([np.stack(list(observations.values())), env.state(), np.array(list(rewards.values()))])
    return told


def same(one, other):
    pairs = [pair for a, b in zip(one, other, strict=True) for pair in zip(a, b, strict=True)]
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("options", OPTIONS)
def test_what_agents_are_told_is_in_their_spaces(options):
    env = power_control_v0.parallel_env(**{"max_cycles": 90, **options})
    rng = np.random.default_rng(0)
    for _ in range(2):
        observations, infos = env.reset(seed=1)
        assert list(observations) == list(infos) == env.agents == env.possible_agents
        while env.agents:
            before = env.agents
            assert env.state_space.contains(env.state())
            for agent, observation in observations.items():
                assert observation.dtype == np.float32
                assert env.observation_space(agent).contains(observation)
            observations, rewards, terminated, truncated, infos = env.step(random_actions(env, rng))
            for told in (observations, rewards, terminated, truncated, infos):
                assert list(told) == before
            assert all(type(reward) is float and np.isfinite(reward) for reward in rewards.values())
            assert all(type(flag) is bool for flag in [*terminated.values(), *truncated.values()])
            assert all(list(info) == ["rate", "sinr_db", "power"] for info in infos.values())
            assert all(type(number) is float and np.isfinite(number) for info in infos.values() for number in info.values())


@pytest.mark.parametrize("kind", ["normalised", "power"])
@pytest.mark.parametrize("scenario", [DENSE, UPLINK, {"preset": "paper", "noise": 0.01, "max_power": 3.0, "threshold": 0.01}])
def test_the_observation_is_of_the_slot_in_which_the_action_is_used(scenario, kind):
    env = make(scenario=scenario, actions=kind, max_cycles=150)
    rng = np.random.default_rng(0)
    observations, _ = env.reset(seed=5)
    noise, largest, m = env.scenario.noise, env.scenario.max_power, env.scenario.transmitters
    while env.agents:
        gain = env.state().astype(float).reshape(m, m)  # [receiver, transmitter]
        amplitude = np.where(np.sqrt(gain) < 0.01, 0, np.sqrt(gain))
        heard = amplitude.sum(1) if env.scenario.observation_scale == "raw" else np.log1p(amplitude.sum(1))
        np.testing.assert_allclose([observations[f"tx_{i}"][1] for i in range(m)], heard, rtol=1e-5)
        actions = random_actions(env, rng)
        chosen = np.array([float(actions[f"tx_{i}"][0]) for i in range(m)])
        power = chosen if kind == "power" else (chosen + 1) / 2 * largest
        observations, rewards, *_ = env.step(actions)
        for i in range(m):
            interference = sum(gain[i, j] * power[j] for j in range(m) if j != i)
            expected = np.log2(1 + gain[i, i] * power[i] / (noise + interference))
            assert rewards[f"tx_{i}"] == pytest.approx(expected, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("slots", [1, 7, 200])
def test_steps_are_the_slots_of_a_network_whatever_the_size_of_its_blocks(slots):
    env, network = make(max_cycles=199), WirelessNetwork(DENSE, seed=8)
    blocks = [network.block(slots) for _ in range(-(-200 // slots))]
    gain, wanted, cross, features = (
        np.concatenate([getattr(block, name)[0] for block in blocks]) for name in ("gain", "wanted", "cross", "features")
    )
    told = play(env, seed=8)
    rng = np.random.default_rng(0)
    assert len(told) == 200
    for slot, (observation, state, *rewards) in enumerate(told):
        np.testing.assert_array_equal(state.reshape(4, 4), gain[slot])
        np.testing.assert_allclose(observation, features[slot], rtol=1e-6)
        if rewards:  # for the slot before
            action = np.array([rng.uniform(-np.ones(1), np.ones(1)) for _ in range(4)])[:, 0].astype(np.float32)
            power = (action + 1) * np.float32(5)
            expected = network.utilities(wanted[slot - 1], cross[slot - 1], power)
            np.testing.assert_allclose(rewards[0], expected, rtol=1e-5)


@pytest.mark.parametrize("cycles", [1, 5, 64, 65])
def test_an_episode_is_truncated_after_its_cycles_and_never_terminated(cycles):
    env = make(max_cycles=cycles)
    for _ in range(2):
        env.reset(seed=0)
        for cycle in range(1, cycles + 1):
            *_, terminated, truncated, _ = env.step(random_actions(env, np.random.default_rng(0)))
            assert set(terminated.values()) == {False}
            assert set(truncated.values()) == {cycle == cycles}
        assert env.agents == []
        with pytest.raises(RuntimeError, match="step: the episode is over or was never begun"):
            env.step({})


def test_a_seed_determines_the_whole_episode_and_other_seeds_give_others():
    told = play(make(), seed=3)
    assert len(told) == 201
    assert same(told, play(make(), seed=3))
    env = make()
    play(env, seed=9, steps=70)
    assert same(told, play(env, seed=3))
    assert not any((a[1] == b[1]).any() for a, b in zip(told, play(env, seed=4), strict=True))


def test_interleaved_environments_do_not_disturb_each_other():
    alone = [play(make(), seed=3), play(make(actions="power"), seed=4)]
    envs = [make(), make(actions="power")]
    told = [play(env, seed=seed, steps=1) for env, seed in zip(envs, (3, 4), strict=True)]
    rngs = [np.random.default_rng(0), np.random.default_rng(0)]
    while envs[0].agents:
        for env, rng, words in zip(envs, rngs, told, strict=True):
            observations, rewards, *_ = env.step(random_actions(env, rng))
            words.append([np.stack(list(observations.values())), env.state(), np.array(list(rewards.values()))])
    assert same(told[0], alone[0])
    assert same(told[1], alone[1])


def test_reset_without_a_seed_goes_on_to_the_next_episode():
    env, network = make(max_cycles=30), WirelessNetwork(DENSE, seed=3)
    first, second, third = play(env, seed=3), play(env), play(env)
    assert not same(first, second)
    assert not same(second, third)
    network.reset()
    np.testing.assert_array_equal([words[1] for words in second], network.block(31).gain[0].reshape(31, 16))
    assert same(play(env, seed=3), first)
    assert same(play(env), second)


COPIES = [pytest.param(copy.deepcopy, id="deepcopy"), pytest.param(lambda env: pickle.loads(pickle.dumps(env)), id="pickle")]  # noqa: S301


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("steps", [1, 40, 64])
@pytest.mark.parametrize("seed", [3, None])
def test_a_copy_of_an_environment_that_was_reset_goes_on_as_its_original(copied, steps, seed):
    env = make(scenario={"preset": "authors", "transmitters": 3}, max_cycles=150)
    play(env, seed=seed, steps=steps)
    other = copied(env)
    rest = play(env, first=False, rng_seed=1)
    assert len(rest) == 151 - steps
    assert same(rest, play(other, first=False, rng_seed=1))
    assert same(play(env), play(other))


@pytest.mark.parametrize("copied", COPIES)
def test_copies_of_an_environment_that_was_never_reset_differ(copied):
    env = make(max_cycles=5)
    first, second, third = play(copied(env)), play(copied(env)), play(env)
    assert not any(same(*pair) for pair in [(first, second), (first, third), (second, third)])
    assert same(play(copied(make(max_cycles=5)), seed=1), play(env, seed=1))


def test_what_was_told_is_not_changed_by_later_steps_nor_by_its_readers():
    env, untouched = make(), make()
    kept = []
    for other in (env, untouched):
        other.reset(seed=1)
    rng, same_rng = np.random.default_rng(0), np.random.default_rng(0)
    for _ in range(100):
        observations, rewards, *_ = env.step(random_actions(env, rng))
        expected, expected_rewards, *_ = untouched.step(random_actions(untouched, same_rng))
        assert rewards == expected_rewards
        for agent, observation in observations.items():
            np.testing.assert_array_equal(observation, expected[agent])
            assert observation.base is None or observation.base.size <= 4 * 5  # it keeps no whole block alive
        kept.append((expected, copy.deepcopy(expected), untouched.state(), env.state()))
        for observation in observations.values():
            observation[:] = -7
        env.state()[:] = -7
    for told, then, state, other_state in kept:
        for agent, observation in told.items():
            np.testing.assert_array_equal(observation, then[agent])
        np.testing.assert_array_equal(state, other_state)


def test_the_light_install_needs_no_torch():
    code = "import sys, wirelessenv, wirelessenv.power_control_v0 as p; p.parallel_env().reset(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603
    assert done.stdout.strip() == "False"
