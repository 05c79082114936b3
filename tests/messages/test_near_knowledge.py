"""Lists of message links and of entries, compared with matrices, and with a plain loop over messages."""

import numpy as np
import pytest

from wirelessenv.config import ConfigError
from wirelessenv.messages.activity import Trials
from wirelessenv.messages.graph import BlockGraph, CompleteGraph, NearestGraph, RingGraph, WithinGraph, hop_counts
from wirelessenv.messages.knowledge import Knowledge
from wirelessenv.messages.messaging import Messaging
from wirelessenv.messages.near_graph import Ends, heard_of, refuse_unconnected
from wirelessenv.messages.near_knowledge import NearKnowledge
from wirelessenv.streams import stream

AGENTS = 40
LAWS = [
    NearestGraph(),
    NearestGraph(neighbours=2),
    WithinGraph(radius=0.8),
    RingGraph(),
    RingGraph(both_ways=False),
    BlockGraph(),
]


def places(seed=0):
    return np.random.default_rng(seed).random((AGENTS, 2)) * AGENTS**0.5


def matrix(ends):
    links = np.zeros((AGENTS, AGENTS), bool)
    links[ends.sender, ends.receiver] = True
    return links


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_lists_are_the_links_of_the_matrix_in_order(law):
    for seed in range(3):
        ends = law.ends(AGENTS, places(seed), None)
        np.testing.assert_array_equal(matrix(ends), law.build(AGENTS, np.random.default_rng(0), places(seed)))
        assert (np.diff(ends.receiver * AGENTS + ends.sender) > 0).all()


def test_a_law_without_lists_and_a_graph_in_parts_are_refused():
    with pytest.raises(ConfigError, match=r'"complete" is not valid with a cut: .*k_nearest'):
        CompleteGraph().ends(AGENTS, places(), None)
    with pytest.raises(ConfigError, match=r"^graph: not strongly connected: agents 0 and"):
        refuse_unconnected(Ends(np.array([0, 1]), np.array([1, 0])), 3)


def test_those_who_are_heard_of_are_those_within_some_hops():
    ends = NearestGraph(neighbours=2).ends(AGENTS, places(), None)
    near = hop_counts(matrix(ends)).T <= 3
    np.testing.assert_array_equal(np.argwhere(near), np.stack(heard_of(ends, AGENTS, 3)[::-1], axis=1))


@pytest.mark.parametrize("delay", [1, 2])
@pytest.mark.parametrize("relay", [True, False])
def test_where_nothing_is_lost_tables_and_counts_are_those_of_all_agents(delay, relay):
    messaging = Messaging(graph="ring", links={"delay": delay}, relay=relay, activity={"query": 0.6, "update": 0.7})
    ends, seeds = RingGraph().ends(AGENTS, places(), None), [3, 4]
    for hops in (2, AGENTS):
        near = NearKnowledge(messaging, [ends, ends], AGENTS, seeds, hops=hops)
        whole = Knowledge(messaging, np.stack([matrix(ends)] * 2), seeds)
        for instants in (3, 9):
            expected, found = whole.steps(instants), near.steps(instants)
            of_those = np.take_along_axis(expected.newest, np.broadcast_to(near.who, found.newest.shape), -1)
            live = found.newest >= 0
            np.testing.assert_array_equal(found.newest[live], of_those[live])
            within = (hops if relay else 1) >= hop_counts(matrix(ends)).T
            assert live.sum() == (expected.newest >= 0)[:, :, within].sum()
            np.testing.assert_array_equal(found.queried, expected.queried)
            np.testing.assert_array_equal(found.updating, expected.updating)
            if hops == AGENTS:
                for name in ("oldest", "messages", "entries", "changed_entries"):
                    np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_losses_silences_and_delays_are_those_of_a_plain_loop():
    messaging = Messaging(
        graph="k_nearest",
        activity={"query": 0.7, "transmit": 0.6},
        links={"delay": {"kind": "uniform", "shortest": 1, "longest": 3}, "loss": 0.3},
    )
    ends, seed, instants = NearestGraph(neighbours=2).ends(AGENTS, places(), None), 5, 25
    near = NearKnowledge(messaging, [ends], AGENTS, [seed], hops=2)
    found = [near.steps(10), near.steps(15)]
    newest = np.concatenate([one.newest for one in found])[:, 0]
    entries, changed = (np.concatenate([getattr(one, name) for one in found])[:, 0] for name in ("entries", "changed_entries"))

    many, close = len(ends.sender), hop_counts(matrix(ends)).T <= 2
    queried = Trials(messaging.activity.query, [seed], "query", (AGENTS,)).draw(instants)[:, 0]
    sent = Trials(messaging.activity.transmit, [seed], "transmit", (many,)).draw(instants)[:, 0]
    arrives = sent & Trials(messaging.links.loss.arrival(), [seed], "loss", (many,)).draw(instants)[:, 0]
    square, delays = int(np.ceil(many**0.5)), stream(seed, "delay")
    late = np.concatenate([delays.integers(1, 4, (n, square, square)).reshape(n, -1)[:, :many] for n in (10, 15)])
    held, under_way, told = [{} for _ in range(AGENTS)], [], [{} for _ in range(many)]
    for t in range(instants):
        for agent in np.flatnonzero(queried[t]):
            held[agent][agent] = t
        for when, receiver, content in under_way:
            for about, time in content.items() if when == t else ():
                if close[receiver, about] and time > held[receiver].get(about, -1):
                    held[receiver][about] = time
        used = new = 0
        for link in np.flatnonzero(sent[t]):
            content = dict(held[ends.sender[link]])
            used += len(content)
            new += sum(told[link].get(about) != time for about, time in content.items())
            told[link] = content
            if arrives[t, link]:
                under_way.append((t + late[t, link], ends.receiver[link], content))
        assert (used, new) == (entries[t], changed[t])
        for agent in range(AGENTS):
            known = {int(who): int(time) for who, time in zip(near.who[0, agent], newest[t, agent], strict=True) if time >= 0}
            assert known == held[agent]


def test_it_goes_on_from_a_saved_state():
    messaging = Messaging(graph="k_nearest", activity={"transmit": 0.6, "query": 0.5}, links={"delay": 2, "loss": 0.3})
    ends = NearestGraph().ends(AGENTS, places(), None)
    one, other = (NearKnowledge(messaging, [ends], AGENTS, [5], hops=2) for _ in range(2))
    one.steps(6)
    other.set_state(one.state())
    np.testing.assert_array_equal(one.steps(5).newest, other.steps(5).newest)
    np.testing.assert_array_equal(one.changed_entries, other.changed_entries)
