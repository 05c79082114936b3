"""Chances, instants and delays that are each agent's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages.reference import Simulation
from wirelessenv.config import ConfigError
from wirelessenv.messages.activity import Chance, Trials
from wirelessenv.messages.graph import RingGraph
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.messages.links import ConstantDelay, UniformDelay
from wirelessenv.messages.messaging import Messaging
from wirelessenv.messages.near_graph import Ends
from wirelessenv.messages.near_knowledge import NearKnowledge

AGENTS = 5
SLOW = Messaging(
    graph="ring",
    links={"delay": [1, 4, 1, 2, 3]},
    activity={"transmit": {"at": [[0], [1], [0, 1], [1], [0]], "period": 2}},
)


def test_each_agent_has_its_own_probability():
    own = (0.1, 0.5, 0.9)
    for shape in ((3,), (3, 4)):
        happened = Trials(Chance(probability=own), [0, 1], "transmit", shape).draw(2000).reshape(2000, 2, 3, -1)
        for agent, probability in enumerate(own):
            events = happened[:, :, agent]
            assert abs(events.mean() - probability) < 4 * np.sqrt(probability * (1 - probability) / events.size)


def test_equal_probabilities_are_one_probability():
    chances = (Chance(probability=0.3, longest_silence=4), Chance(probability=(0.3,) * 3, longest_silence=(4,) * 3))
    one, each = (Trials(chance, [4], "query", (3,)) for chance in chances)
    np.testing.assert_array_equal(one.draw(50), each.draw(50))
    certain = Chance(probability=(1, 1))
    assert certain.certain
    assert certain.longest == 1


@given(longest=st.lists(st.integers(1, 6), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_nobody_is_silent_for_longer_than_its_own_longest_silence(longest, seed):
    chance = Chance(probability=0.1, longest_silence=tuple(longest))
    happened = Trials(chance, [seed], "query", (len(longest),)).draw(40)[:, 0]
    for agent, most in enumerate(longest):
        assert all(happened[start : start + most, agent].any() for start in range(40 - most + 1))
    assert chance.longest == max(longest)


def test_sets_of_instants_are_played_as_they_are_given():
    chance = Chance(at=[[0, 3], [1]], period=4)
    trials = Trials(chance, [0, 1], "update", (2,))
    drawn = np.concatenate([trials.draw(3), trials.draw(6)])
    expected = [[1, 0], [0, 1], [0, 0], [1, 0]] * 3
    np.testing.assert_array_equal(drawn[:, 0], np.array(expected[:9], bool))
    np.testing.assert_array_equal(drawn[:, 1], drawn[:, 0])
    assert (chance.share, chance.longest) == (0.375, 4)
    once = Trials(Chance(at=[[2]]), [0], "update", (2,))
    assert np.argwhere(once.draw(6)).tolist() == [[2, 0, 0], [2, 0, 1]]
    assert once.draw(6).sum() == 0


def test_given_instants_go_on_from_a_saved_state():
    first, second = (Trials(Chance(at=[[0], [4]], period=5), [0], "query", (2,)) for _ in range(2))
    first.draw(7)
    second.set_state(first.state())
    np.testing.assert_array_equal(second.draw(9), first.draw(9))


@pytest.mark.parametrize("relay", [True, False])
def test_knowledge_is_that_of_single_messages(relay):
    activity = {"query": [1, 0.5, 0.7, 0.9, 0.3], "transmit": {"probability": [0.2, 0.9, 0.5, 0.6, 1], "longest_silence": 4}}
    messaging = Messaging(graph="ring", links={"delay": [1, 4, 1, 2, 3]}, activity=activity, relay=relay)
    links = message_graphs(messaging, AGENTS, [3])
    found, expected = Knowledge(messaging, links, [3]).steps(30), Simulation(messaging, links[0].tolist(), 3)
    for instant in range(30):
        _, queried, _, table, *counts = expected.step()
        assert found.queried[instant, 0].tolist() == queried
        assert found.newest[instant, 0].tolist() == table
        assert [found.messages[instant, 0], found.entries[instant, 0], found.changed_entries[instant, 0]] == counts


def test_a_message_takes_its_senders_delay_and_leaves_at_its_senders_instants():
    newest = Knowledge(SLOW, message_graphs(SLOW, AGENTS, [0]), [0]).steps(9).newest[:, 0]
    for sender, (delay, first) in enumerate(zip((1, 4, 1, 2, 3), (0, 1, 0, 1, 0), strict=True)):
        assert np.argmax(newest[:, (sender + 1) % AGENTS, sender] >= 0) == first + delay


def test_lists_of_links_have_the_same_delays_and_instants():
    links = message_graphs(SLOW, AGENTS, [0])
    sender, receiver = np.nonzero(links[0])
    order = np.lexsort((sender, receiver))
    near = NearKnowledge(SLOW, [Ends(receiver[order], sender[order])], AGENTS, [0], hops=AGENTS)
    listed, whole = near.steps(20), Knowledge(SLOW, links, [0]).steps(20)
    for agent in range(AGENTS):
        for place, other in enumerate(near.who[0, agent]):
            np.testing.assert_array_equal(listed.newest[:, 0, agent, place], whole.newest[:, 0, agent, other])


def test_delays_of_links_are_those_of_their_senders():
    senders = np.array([2, 0, 0, 1])
    assert ConstantDelay(instants=[1, 5, 3]).draw_links(np.random.default_rng(0), 2, senders).tolist() == [[3, 1, 1, 5]] * 2
    drawn = UniformDelay(shortest=2, longest=4).draw_links(np.random.default_rng(0), 50, senders)
    assert drawn.shape == (50, 4)
    assert set(drawn.ravel()) == {2, 3, 4}


def test_settings_may_be_arrays():
    assert Messaging(activity={"update": np.array([0.5, 0.25])}).activity.update.probability == (0.5, 0.25)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (
            {"activity": {"update": [0.5, 1]}},
            "activity.update.probability: 2 values",
        ),
        (
            {"activity": {"query": {"at": [[0], [1]]}}},
            "activity.query.at: 2 values",
        ),
        (
            {"links": {"delay": [1, 2, 3]}},
            "links.delay.instants: 3 values",
        ),
    ],
)
def test_lists_of_another_number_of_agents_are_refused(written, sentence):
    with pytest.raises(ConfigError) as caught:
        message_graphs(Messaging(graph=RingGraph(), **written), AGENTS, [0])
    assert str(caught.value) == f"{sentence} are not valid for 5 agents: give one, or one for each"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ([0.5, 1.5], "probability.1: 1.5 is not valid: it should be 1 or less"),
        ([0.5, 0], "probability 0 is not valid: it would never happen; use more than 0, or a longest_silence"),
        ({"at": [], "period": 4}, "at: [] is not valid: its length should be 1 or more, and is 0"),
        ({"at": [[0], []]}, "at.1: [] is not valid: its length should be 1 or more, and is 0"),
        ({"at": [[5]], "period": 4}, "at: 5 is not valid: instants that come again after 4 are 0 to 3"),
        ({"at": [[0]], "probability": 0.5}, "probability: is not valid beside at, which says when the event happens"),
        ({"period": 4}, "period: 4 is not valid without at, whose instants come again"),
    ],
)
def test_what_is_no_chance_of_agents_is_refused(written, sentence):
    with pytest.raises(ConfigError) as caught:
        Chance.parse(written)
    assert str(caught.value) == sentence
