"""Every observation, recomputed agent by agent from states and powers; and all of them in their spaces."""

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.problems.inputs import Inputs
from wirelessenv import ConfigError, Scenario, WirelessNetwork, power_control_v0
from wirelessenv.envs.observations import Observation
from wirelessenv.envs.rewards import Reward
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.layout import draw_layouts
from wirelessenv.presets import SCENARIOS

NOISE, MOST = 0.5, 4.0


def told(observation, agents, slots=8, seed=3):
    """(observations, gains of the coming slot, gains and powers of the last and of the slot before it), slot by slot."""
    scenario = {"preset": "dense", "transmitters": agents, "noise": NOISE, "max_power": MOST}
    env = power_control_v0.parallel_env(scenario=scenario, observation=observation, actions="power", max_cycles=slots)
    rng = np.random.default_rng(0)
    observations, _ = env.reset(seed=seed)
    never = (np.zeros((agents, agents)), np.zeros(agents))
    past = [never, never]
    while env.agents:
        gain = env.state().astype(float).reshape(agents, agents)
        yield np.array(list(observations.values())), gain, *reversed(past)
        power = rng.uniform(0, MOST, agents)
        observations, *_ = env.step(dict(zip(env.agents, power, strict=True)))
        past = [past[1], (gain, power)]


def snr(gain):
    return math.log1p(gain * MOST / NOISE)


def level(power):
    return math.log1p(power / NOISE)


def heard(gain, power, i):
    return sum(gain[i, j] * power[j] for j in range(len(power)) if j != i)


def rate(gain, power, i):
    return math.log2(1 + gain[i, i] * power[i] / (NOISE + heard(gain, power, i)))


def test_local_is_what_an_agent_measures_alone():
    for seen, gain, (before, power), _ in told("local", 4):
        for i in range(4):
            expected = [snr(gain[i, i]), level(heard(before, power, i)), power[i] / MOST, rate(before, power, i)]
            np.testing.assert_allclose(seen[i], expected, rtol=1e-4, atol=1e-6)


def test_gain_incoming_and_outgoing_are_one_number_each_alone_and_joined():
    parts = [{"kind": kind, "source": source} for kind in ("incoming", "outgoing") for source in ("powers", "pilots")]
    alone = [told(part, 4) for part in ("gain", *parts)]
    for (seen, now, (last, power), _), *each in zip(told(["gain", *parts], 4), *alone, strict=True):
        np.testing.assert_array_equal(seen, np.concatenate([one[0] for one in each], axis=1))
        everybody = np.full(4, MOST)
        for i in range(4):
            expected = [snr(now[i, i]), level(heard(last, power, i)), level(heard(now, everybody, i))]
            expected += [level(heard(last.T * power[i], np.ones(4), i)), level(heard(now.T * MOST, np.ones(4), i))]
            np.testing.assert_allclose(seen[i], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("agents", "strongest"), [(6, 2), (3, 5), (1, 2)])
def test_neighbours_are_those_who_disturb_and_are_disturbed_most(agents, strongest):
    for seen, now, (last, p1), (before, p2) in told({"kind": "neighbours", "strongest": strongest}, agents):
        for i in range(agents):
            others = [j for j in range(agents) if j != i]
            expected = [p1[i] / MOST, rate(last, p1, i), snr(now[i, i]), snr(last[i, i])]
            expected += [level(heard(now, p1, i)), level(heard(last, p2, i))]
            for gain, power, (of, played) in ((now, p1, (last, p1)), (last, p2, (before, p2))):
                ranked = sorted(others, key=lambda j: -gain[i, j] * power[j])[:strongest]
                ranked = [j for j in ranked if gain[i, j] * power[j] > 0]
                empty = [0.0] * (strongest - len(ranked))
                expected += [level(gain[i, j] * power[j]) for j in ranked] + empty
                expected += [rate(of, played, j) for j in ranked] + empty
            share = {k: last[k, i] * p1[i] / (heard(last, p1, k) + NOISE) for k in others}
            ranked = [k for k in sorted(others, key=lambda k: -share[k])[:strongest] if share[k] > 0]
            empty = [0.0] * (strongest - len(ranked))
            expected += [snr(last[k, k]) for k in ranked] + empty
            expected += [rate(last, p1, k) for k in ranked] + empty
            expected += [share[k] for k in ranked] + empty
            assert len(expected) == 6 + 7 * strongest
            np.testing.assert_allclose(seen[i], expected, rtol=1e-4, atol=1e-6)


def test_full_is_everything_in_the_agents_own_order():
    for seen, gain, (last, power), _ in told("full", 3):
        for i in range(3):
            order = [(i + k) % 3 for k in range(3)]
            expected = [snr(gain[a, b]) for a in order for b in order]
            expected += [power[a] / MOST for a in order] + [rate(last, power, a) for a in order]
            np.testing.assert_allclose(seen[i], expected, rtol=1e-4, atol=1e-6)


def test_parts_are_joined_in_the_order_given():
    parts = [list(told(part, 4)) for part in ("local", "aggregation", "full")]
    for joined, *alone in zip(told(["local", "aggregation", "full"], 4), *parts, strict=True):
        np.testing.assert_array_equal(joined[0], np.concatenate([part[0] for part in alone], axis=1))


@st.composite
def any_options(draw):
    preset = draw(st.sampled_from(sorted(SCENARIOS)))
    scenario = {
        "preset": preset,
        "transmitters": draw(st.integers(7 if preset == "uplink" else 1, 9)),
        "utility": draw(st.sampled_from(["rate", "proportional_fairness", "energy_efficiency", "latency", "minimum_rate"])),
        "fading": draw(st.sampled_from(["rayleigh", "rician", "real_ar1", "none", {"kind": "gauss_markov", "doppler": 5}])),
    }
    parts = st.sampled_from(["aggregation", "local", "full", {"kind": "neighbours", "strongest": 2}])
    options = {"scenario": scenario, "observation": draw(st.lists(parts, min_size=1, max_size=3)), "max_cycles": 6}
    messages = draw(st.sampled_from([None, "utility", "learned"]))
    if messages:
        options |= {"messages": messages, "messaging": {"graph": "ring"}, "message_interval": draw(st.integers(1, 3))}
    options["reward"] = draw(st.sampled_from(["own", "sum", *(["known"] if messages == "utility" else [])]))
    options["actions"] = draw(st.sampled_from(["normalised", "power", *(["discrete"] if messages != "learned" else [])]))
    return options


@settings(max_examples=40)
@given(options=any_options(), seed=st.integers(0, 2**32))
def test_what_agents_are_told_is_in_their_spaces_whatever_the_options(options, seed):
    env = power_control_v0.parallel_env(**options)
    seen, infos = env.reset(seed=seed)
    keys = list(infos["tx_0"])
    while env.agents:
        for agent, observation in seen.items():
            assert observation.dtype == np.float32
            assert env.observation_space(agent).contains(observation)
        seen, rewards, _, _, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        assert all(type(value) is float and math.isfinite(value) for value in rewards.values())
        assert all(list(info) == keys and all(map(math.isfinite, info.values())) for info in infos.values())


@pytest.mark.usefixtures("registry")
def test_an_observation_and_a_reward_from_outside_the_package_are_usable_by_name():
    class Gain(Observation):
        kind: Literal["test_gain"] = "test_gain"
        times: int = 1

        def size(self, scenario):
            return 1

        def observe(self, now):
            return self.times * np.einsum("eii->ei", now.gain)[..., None]

    class Spent(Reward):
        kind: Literal["test_spent"] = "test_spent"

        def pay(self, now):
            return -now.last.power

    options = {"observation": ["local", {"kind": "test_gain", "times": 2}], "reward": "test_spent"}
    env = power_control_v0.parallel_env(scenario={"transmitters": 3}, actions="power", **options)
    seen, _ = env.reset(seed=0)
    np.testing.assert_allclose([row[4] for row in seen.values()], 2 * np.diag(env.state().reshape(3, 3)))
    assert list(env.step(dict(zip(env.agents, [1, 2, 3], strict=True)))[1].values()) == [-1, -2, -3]
    with pytest.raises(ConfigError, match=r'reward: unknown kind "test_spend" \(did you mean "test_spent"\?\)'):
        power_control_v0.parallel_env(reward="test_spend")


def test_an_observation_of_ones_own_is_in_its_space_whatever_its_type(registry):
    class Exact(Observation):
        kind: Literal["exact"] = "exact"

        def size(self, scenario):
            return 1

        def observe(self, now):
            return now.last.rate[..., None].astype(float)

    env = power_control_v0.parallel_env(scenario="dense", observation="exact")
    observations, _ = env.reset(seed=0)
    assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())


def test_means_and_edges_are_those_of_the_layout_and_of_both_slots():
    scenario = Scenario(preset="dense", transmitters=4)
    parts = [{"kind": kind, "source": "mean"} for kind in ("gain", "incoming", "outgoing", "edges")] + ["edges"]
    env = VectorPowerControlEnv(2, scenario=scenario, observation=parts)
    first, _ = env.reset(seed=[0, 1])
    second = env.step(np.zeros((2, 4), np.float32))[0]
    gains = WirelessNetwork(scenario, [0, 1]).block(2).gain
    for run, layout in enumerate(draw_layouts(scenario, [0, 1])):
        for i in range(4):
            others = [(i + k) % 4 for k in range(1, 4)]
            mean = layout.mean_gain * scenario.max_power / scenario.noise
            arrives, causes = sum(mean[i, j] for j in others), sum(mean[j, i] for j in others)
            here = [[gains[run, slot, i, j] for j in others] for slot in (0, 1)]
            there = [0.0] * 3, [gains[run, 0, j, i] for j in others]
            means = [mean[i, i], arrives, causes, *(mean[i, j] for j in others), *(mean[j, i] for j in others)]
            for seen, slot in ((first, 0), (second, 1)):
                snr = np.array([*here[slot], *there[slot]]) * scenario.max_power / scenario.noise
                np.testing.assert_allclose(seen[run, i], np.log1p([*means, *snr]), rtol=1e-4, atol=1e-5)


def test_parts_that_need_the_mean_gains_are_no_inputs_of_many_slots_at_once():
    with pytest.raises(ConfigError, match="incoming"):
        Inputs.of({"kind": "incoming", "source": "mean"})
