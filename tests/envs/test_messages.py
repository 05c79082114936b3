"""Messages, rewards and infos of the environment, recomputed slot by slot from states and actions."""

import math

import numpy as np
import pytest

from tests.messages.reference import Simulation
from wirelessenv import Messaging, power_control_v0
from wirelessenv.messages.knowledge import message_graphs

M = 4
SCENARIO = {"preset": "dense", "transmitters": M, "hops": 3}
LATE = {
    "graph": "ring",
    "activity": {"query": 0.7, "transmit": 0.6},
    "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}, "loss": 0.2},
}
DIRECT = {"graph": "complete", "links": {"delay": 2}, "relay": False, "activity": {"query": 0.5}}


def played(env, seed, episodes=1):
    """Slot by slot: (state before, powers, messages chosen, observations after, rewards, infos)."""
    rng = np.random.default_rng(0)
    for episode in range(episodes):
        observations, infos = env.reset(seed=seed if episode == 0 else None)
        rows = [(None, None, None, observations, None, infos)]
        while env.agents:
            state = env.state().astype(float).reshape(M, M)
            actions = {agent: rng.uniform(-1.3, 1.3, env.action_space(agent).shape) for agent in env.agents}
            chosen = np.clip(np.array(list(actions.values())), -1, 1)
            observations, rewards, _, _, infos = env.step(actions)
            rows.append((state, (chosen[:, 0] + 1) * 5, chosen[:, 1:], observations, rewards, infos))
        yield rows


def rates(gain, power):
    """(SINR, rate in bit/s/Hz) of everybody, one after the other."""
    found = []
    for i in range(M):
        heard = sum(gain[i, j] * power[j] for j in range(M) if j != i)
        found.append(gain[i, i] * power[i] / (1 + heard))
    return np.array(found), np.array([math.log2(1 + ratio) for ratio in found])


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("messaging", [LATE, DIRECT])
@pytest.mark.parametrize("kind", ["utility", "learned"])
def test_agents_see_the_newest_numbers_that_have_arrived_and_their_ages(kind, messaging, interval):
    size = {"message_size": 2} if kind == "learned" else {}
    env = power_control_v0.parallel_env(
        scenario=SCENARIO, messages=kind, messaging=messaging, message_interval=interval, max_cycles=40, **size
    )
    (rows,) = played(env, seed=9)
    model = Messaging.of(messaging)
    simulation = Simulation(model, message_graphs(model, M, [9])[0], 9)
    d = 2 if kind == "learned" else 1
    said, interval_rates, table = [], [], [[-1] * M for _ in range(M)]
    for slot, (state, power, chosen, observations, _, infos) in enumerate(rows):
        if slot:
            interval_rates.append(rates(state, power)[1])
        if slot and slot % interval == 0:
            said.append(chosen if kind == "learned" else np.mean(interval_rates, axis=0)[:, None])
            interval_rates = []
            table = simulation.step()[3]
        for i in range(M):
            seen = observations[f"tx_{i}"][3:]
            assert seen.shape == (M * d + M,)
            ages = []
            for place in range(M):
                other = (i + place) % M
                time = table[i][other]
                age = -1 if time < 0 else slot - (time + 1) * interval
                expected = np.zeros(d) if time < 0 else said[time][other]
                np.testing.assert_allclose(seen[place * d : place * d + d], expected, rtol=1e-4, atol=1e-6)
                assert seen[M * d + place] == age
                ages += [age] if place and age >= 0 else []
            assert infos[f"tx_{i}"]["largest_age"] == (max(ages) if ages else -1)
            assert infos[f"tx_{i}"]["mean_age"] == pytest.approx(np.mean(ages) if ages else -1, rel=1e-5)


@pytest.mark.parametrize("reward", ["own", "sum", "known"])
def test_rewards_are_what_they_say(reward):
    env = power_control_v0.parallel_env(scenario=SCENARIO, messages="utility", messaging=LATE, reward=reward, max_cycles=30)
    (rows,) = played(env, seed=4)
    for state, power, _, observations, rewards, _ in rows[1:]:
        own = rates(state, power)[1]
        for i in range(M):
            told, ages = np.split(observations[f"tx_{i}"][3:], 2)
            expected = {
                "own": own[i],
                "sum": own.mean(),
                "known": np.mean([value for value, age in zip(told, ages, strict=True) if age >= 0] or [0]),
            }
            assert rewards[f"tx_{i}"] == pytest.approx(expected[reward], rel=1e-4, abs=1e-6)
            assert type(rewards[f"tx_{i}"]) is float


def test_infos_tell_rate_sinr_and_power():
    (rows,) = played(power_control_v0.parallel_env(scenario=SCENARIO, max_cycles=20), seed=2)
    assert set(map(tuple, (row[5]["tx_0"] for row in rows))) == {("rate", "sinr_db", "power")}
    assert rows[0][5]["tx_1"] == {"rate": 0.0, "sinr_db": -200.0, "power": 0.0}
    for state, power, *_, infos in rows[1:]:
        sinr, rate = rates(state, power)
        for i in range(M):
            told = infos[f"tx_{i}"]
            assert told["rate"] == pytest.approx(rate[i], rel=1e-4, abs=1e-6)
            assert told["power"] == pytest.approx(power[i], abs=1e-5)
            assert told["sinr_db"] == pytest.approx(10 * math.log10(max(sinr[i], 1e-20)), abs=1e-3)
            assert all(type(value) is float for value in told.values())


def test_an_episode_forgets_the_one_before_and_draws_anew():
    env = power_control_v0.parallel_env(scenario=SCENARIO, messages="utility", messaging=LATE, max_cycles=25)
    first, second = played(env, seed=1, episodes=2)
    for rows in (first, second):
        for i in range(M):
            np.testing.assert_array_equal(rows[0][3][f"tx_{i}"][3:], [0] * M + [-1] * M)
    ages = [[row[3]["tx_0"][3 + M :].tolist() for row in rows] for rows in (first, second)]
    assert ages[0] != ages[1]


@pytest.mark.parametrize(("layout", "same"), [("fixed", True), ("per_episode", False)])
def test_the_graph_belongs_to_the_layout(layout, same):
    scenario = {"preset": "dense", "transmitters": 8, "layout": layout, "layout_seed": 3}
    messaging = {"graph": {"kind": "erdos_renyi", "probability": 0.4}}
    env = power_control_v0.parallel_env(scenario=scenario, messages="utility", messaging=messaging, max_cycles=2)
    graphs = []
    for seed in (1, None, 2):
        env.reset(seed=seed)
        graphs.append(env._batch._channel.knowledge.links[0])
    assert all(np.array_equal(graph, graphs[0]) for graph in graphs) == same


def test_what_agents_say_does_not_change_the_channel():
    plain, talking = (
        power_control_v0.parallel_env(scenario=SCENARIO, max_cycles=20, **options)
        for options in ({}, {"messages": "learned", "messaging": LATE})
    )
    for (state, power, *_), (other, same_power, *_) in zip(*(next(played(env, 3)) for env in (plain, talking)), strict=True):
        np.testing.assert_array_equal(state, other)
        assert power is None or power.shape == same_power.shape
