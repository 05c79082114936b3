"""Messages and edges in environments whose links are cut, beside those with all links."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from baselines.evaluation import evaluate
from baselines.learned.message_policy import MessagePolicy
from baselines.learned.talker import Talker
from wirelessenv import power_control_v0
from wirelessenv.config import ConfigError
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.layout import draw_layouts
from wirelessenv.messages.graph import NearestGraph
from wirelessenv.messages.knowledge import Knowledge
from wirelessenv.messages.messaging import Messaging
from wirelessenv.messages.near_graph import in_order
from wirelessenv.messages.near_knowledge import NearKnowledge

NOTHING = {"preset": "dense", "cut": 1e-12}
LARGE = {"preset": "dense", "transmitters": 300, "cut": 0.01, "placement": {"density": 1 / 6}}
RELAYED = {"graph": "k_nearest", "links": {"delay": 2}, "activity": {"query": 0.6}}
DIRECT = {"graph": {"kind": "strongest", "neighbours": 6}, "links": {"delay": 0}, "relay": False}
EDGES = ({"kind": "edges", "strongest": 5}, {"kind": "edges", "source": "mean", "strongest": 30})
TALKS = {
    "relayed": {"messages": "utility", "messaging": RELAYED, "reward": "known", "message_interval": 2},
    "direct": {"messages": "utility", "messaging": DIRECT, "reward": "known"},
    "learned": {"messages": "learned", "message_size": 2, "messaging": RELAYED},
}


@pytest.mark.parametrize("talk", TALKS)
def test_where_nothing_is_cut_agents_hear_and_see_what_they_do_without_a_cut(talk):
    options = TALKS[talk] | {"message_neighbours": 6, "observation": ["local", *EDGES], "max_cycles": 9}
    far = {"most_hops": 30} if talk != "direct" else {}
    whole, near = (
        VectorPowerControlEnv(2, scenario, **one) for scenario, one in (("dense", options), (NOTHING, options | far))
    )
    np.testing.assert_allclose(near.reset(seed=3)[0], whole.reset(seed=3)[0], rtol=1e-5)
    rng = np.random.default_rng(0)
    heard = []
    for _ in range(12):  # the second episode has streams of its own
        actions = rng.uniform(-1, 1, whole.action_space.shape)
        expected, found = whole.step(actions), near.step(actions)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)
        for name in ("largest_age", "mean_age"):
            np.testing.assert_allclose(found[4][name], expected[4][name], rtol=1e-6)
        heard.append(found[0][..., -6:])
    assert (np.stack(heard) >= 0).any()


def test_messages_of_the_loudest_neighbours_are_picked_from_those_of_all():
    some, every = (VectorPowerControlEnv(2, "dense", **TALKS["learned"], **one) for one in ({"message_neighbours": 3}, {}))
    assert some.single_observation_space.shape == (24, 5 + 4 * 3)
    some.reset(seed=1)
    every.reset(seed=1)
    gain = np.stack([layout.link_gain for layout in draw_layouts(every._batch.settings.scenario, [1, 2])])
    loudness = gain + gain.swapaxes(1, 2)
    loudness[:, np.arange(24), np.arange(24)] = np.inf  # first oneself
    numbers = np.argsort(-loudness, axis=-1)[..., :4]
    place = (numbers - np.arange(24)[:, None]) % 24
    rng = np.random.default_rng(0)
    for _ in range(6):
        actions = rng.uniform(-1, 1, some.action_space.shape)
        found, expected = some.step(actions)[0], every.step(actions)[0]
        known, ages = expected[..., 5:-24].reshape(2, 24, 24, 2), expected[..., -24:]
        picked = np.take_along_axis(known, place[..., None], 2)
        np.testing.assert_array_equal(found[..., 5:-4].reshape(2, 24, 4, 2), picked)
        np.testing.assert_array_equal(found[..., -4:], np.take_along_axis(ages, place, 2))


def test_in_a_large_network_a_number_is_as_old_as_it_is_hops_away():
    """Everybody speaks and nothing is lost: after some slots ages are the lengths of shortest paths, up to most_hops."""
    env = VectorPowerControlEnv(
        1, LARGE, messages="utility", messaging={"graph": "k_nearest"}, message_neighbours=8, most_hops=3, reward="known"
    )
    env.reset(seed=4)
    rates = []
    for _ in range(6):
        observed, _, _, _, infos = env.step(np.random.default_rng(len(rates)).uniform(-1, 1, env.action_space.shape))
        rates.append(infos["rate"][0])
    layout = env._batch.network.layouts[0]
    ends = NearestGraph().ends(300, layout.transmitters, None)
    hops = shortest_path(
        coo_array((np.ones(len(ends.sender)), (ends.receiver, ends.sender)), shape=(300, 300)), unweighted=True
    )
    gain = np.zeros((300, 300))
    gain[layout.near.receiver, layout.near.transmitter] = layout.mean_gain
    loudness = gain + gain.T
    np.fill_diagonal(loudness, np.inf)
    rates = np.stack(rates)
    unheard = 0
    for i in range(300):
        shown = [j for j in np.argsort(-loudness[i], kind="stable")[:9] if loudness[i, j] > 0]
        ages = [hops[i, j] if hops[i, j] <= 3 else -1 for j in shown] + [-1] * (9 - len(shown))
        np.testing.assert_array_equal(observed[0, i, -9:], ages)
        said = [0 if age < 0 else rates[-1 - int(age), j] for j, age in zip(shown, ages, strict=False)] + [0] * (9 - len(shown))
        np.testing.assert_allclose(observed[0, i, -18:-9], said, rtol=1e-6)
        near = np.flatnonzero(hops[i] <= 3)
        assert env._batch.rewards()[0, i] == pytest.approx(np.mean(rates[-1 - hops[i, near].astype(int), near]), rel=1e-5)
        unheard += ages.count(-1)
    assert 0 < unheard < 300 * 8


def test_edges_of_a_large_network_are_those_of_the_matrix():
    env = VectorPowerControlEnv(1, LARGE, observation=EDGES)
    env.reset(seed=3)
    batch = env._batch
    layout, last, slot = batch.network.layouts[0], batch._block, batch._slot
    observed = env.step(np.zeros(env.action_space.shape))[0][0]
    ends = layout.near.receiver, layout.near.transmitter
    mean, now, before = (np.zeros((300, 300), np.float32) for _ in range(3))
    for matrix, values in ((mean, layout.mean_gain), (now, batch._block.gain[0, batch._slot]), (before, last.gain[0, slot])):
        matrix[ends] = values
    for i in range(0, 300, 7):
        order = [j for j in np.argsort(-(mean + mean.T)[i], kind="stable") if j != i]
        order = [j for j in order if (mean + mean.T)[i, j] > 0]
        five, all_of_them = order[:5] + (5 - len(order[:5])) * [i], order[:30]
        there = np.arange(5) < len(order)
        np.testing.assert_allclose(observed[i, :5], np.log1p(10 * now[i, five] * there), rtol=1e-5)
        np.testing.assert_allclose(observed[i, 5:10], np.log1p(10 * before[five, i] * there), rtol=1e-5)
        np.testing.assert_allclose(observed[i, 10:][: len(order)], np.log1p(10 * mean[i, all_of_them]), rtol=1e-5)
        assert (observed[i, 10 + len(all_of_them) : 40] == 0).all()


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.integers(1, 3), st.booleans(), st.floats(0.3, 1.0))
def test_messages_on_their_way_and_the_oldest_of_them_are_those_of_matrices(seed, delay, relay, query):
    rng = np.random.default_rng(seed)
    links = np.roll(np.eye(9, dtype=bool), 1, axis=1) | (rng.random((9, 9)) < 0.3)
    np.fill_diagonal(links, False)
    messaging = Messaging(links={"delay": delay}, relay=relay, activity={"query": query})
    ends = [in_order(*np.nonzero(links), 9)] * 2
    whole = Knowledge(messaging, np.stack([links] * 2), [5, 6], episode=3)
    near = NearKnowledge(messaging, ends, 9, [5, 6], hops=9, episode=3, counting=False)
    for _ in range(6):
        whole.steps(2)
        near.steps(2)
        assert near.horizon() == whole.horizon()
        assert sorted(near.on_their_way()) == sorted(whole.on_their_way())


def test_a_policy_that_talks_acts_over_lists_as_on_all_links():
    method = MessagePolicy(pace="round_a_slot", neighbours=6, hidden=8, steps=2)
    talker = Talker.train(method, "dense", seed=1)
    whole, near = (VectorPowerControlEnv(2, scenario, **talker.options_over_lists) for scenario in ("dense", NOTHING))
    every = VectorPowerControlEnv(2, "dense", **talker.options)
    seen = [env.reset(seed=2)[0] for env in (whole, near, every)]
    for _ in range(5):
        actions = [talker.predict(one) for one in seen]
        np.testing.assert_allclose(actions[1], actions[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(actions[2], actions[0], rtol=1e-4, atol=1e-5)  # 6 neighbours each leave nobody to be joined
        seen = [env.step(one)[0] for env, one in zip((whole, near, every), actions, strict=True)]
    assert evaluate(talker, LARGE, layouts=2, slots=2, warm_up=3).measured.rates.shape == (2, 300)


def test_what_messages_need_over_lists_is_said_in_one_sentence():
    talks = {"messages": "utility", "messaging": {"graph": "k_nearest"}}
    for options, sentence in (
        ({}, r"^message_neighbours: missing: with scenario.cut an observation shows messages of so many others"),
        ({"message_neighbours": 4}, r"^most_hops: missing: with scenario.cut agents keep and pass on .*messaging.relay: false"),
        (
            {"message_neighbours": 4, "most_hops": 2, "messaging": {"relay": False}},
            r"^most_hops: has no effect without messages",
        ),
        (
            {"message_neighbours": 4, "most_hops": 2, "messaging": {"graph": "complete"}},
            r'^graph.kind: "complete" is not valid with a cut',
        ),
    ):
        with pytest.raises(ConfigError, match=sentence):
            power_control_v0.parallel_env(LARGE, **talks | options)
    with pytest.raises(ConfigError, match=r"^most_hops: has no effect without messages that are relayed where scenario.cut"):
        power_control_v0.parallel_env("dense", messages="utility", most_hops=3)
    with pytest.raises(ConfigError, match=r"^message_neighbours: has no effect without messages"):
        power_control_v0.parallel_env("dense", message_neighbours=3)
    with pytest.raises(ConfigError, match=r"^observation.strongest: missing: with scenario.cut edges are those of so many"):
        power_control_v0.parallel_env(LARGE, observation="edges")


def test_messages_over_lists_are_drawn():
    pytest.importorskip("matplotlib")
    small = LARGE | {"transmitters": 60}
    options = {"messages": "utility", "messaging": {"graph": "k_nearest", "links": {"delay": 3}}}
    env = power_control_v0.parallel_env(small, **options, message_neighbours=4, most_hops=2, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    env.step({agent: np.array([-1.0], np.float32) for agent in env.agents})
    messages = env._batch.scene().messages
    links = {
        (int(i), int(j))
        for i, j in zip(*NearestGraph().ends(60, env._batch.network.layouts[0].transmitters, None), strict=True)
    }
    assert {(one.sender, one.receiver) for one in messages} == links
    assert (env.render() != before).any()
