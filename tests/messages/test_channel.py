"""The numbers that travel, against a simulation with one object a message that carries them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.messages.reference import Simulation
from tests.messages.test_knowledge import talks
from wirelessenv.messages.channel import MessageChannel, own_order
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.scenario import Messaging

INSTANTS = 40


def said(instants, runs, agents, size):
    return np.random.default_rng(1).normal(size=(instants, runs, agents, size)).astype(np.float32)


@settings(max_examples=15)
@given(talk=talks(runs=2), size=st.integers(1, 3), at_once=st.sampled_from([1, 7, 32]))
def test_everybody_holds_what_was_said_when_the_simulation_says(talk, size, at_once):
    messaging, links = talk
    agents, numbers = links.shape[1], said(INSTANTS, 2, links.shape[1], size)
    channel = MessageChannel(Knowledge(messaging, links, [5, 6]), size, most_instants=at_once)
    simulations = [Simulation(messaging, graph, seed) for graph, seed in zip(links, (5, 6), strict=True)]
    for instant in range(INSTANTS):
        channel.instant(numbers[instant])
        for run, simulation in enumerate(simulations):
            table = simulation.step()[3]
            for i in range(agents):
                known = []
                for place in range(agents):
                    other = (i + place) % agents
                    time = table[i][other]
                    expected = np.zeros(size) if time < 0 else numbers[time, run, other]
                    np.testing.assert_array_equal(channel.values[run, i, place], expected)
                    assert channel.ages[run, i, place] == (-1 if time < 0 else instant - time)
                    if place and time >= 0:
                        known.append(instant - time)
                assert channel.largest_age[run, i] == (max(known) if known else -1)
                assert channel.mean_age[run, i] == pytest.approx(np.mean(known) if known else -1, rel=1e-6)


def test_own_order_begins_with_oneself():
    assert own_order(4).tolist() == [[0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]]


def test_what_nobody_can_hear_of_any_more_is_forgotten_and_the_rest_is_right():
    messaging = Messaging(
        graph="ring",
        activity={"query": 0.3, "transmit": 0.2},
        links={"delay": {"kind": "uniform", "shortest": 1, "longest": 6}, "loss": 0.4},
    )
    links = message_graphs(messaging, 5, [3])
    channel, knowledge = MessageChannel(Knowledge(messaging, links, [3]), 1), Knowledge(messaging, links, [3])
    history = said(1500, 1, 5, 1)
    kept = []
    for instant, numbers in enumerate(history):
        channel.instant(numbers)
        newest = knowledge.steps(1).newest[0, 0]
        if instant > 1000:
            kept.append(len(channel._sent))
        for i in range(5):
            for place in range(5):
                time = newest[i, (i + place) % 5]
                assert channel.values[0, i, place, 0] == (0 if time < 0 else history[time, 0, (i + place) % 5, 0])
    assert max(kept) < 300


def test_episodes_have_draws_of_their_own():
    messaging = Messaging(graph="ring", activity={"transmit": 0.5})
    links = message_graphs(messaging, 4, [0])
    ages = []
    for episode in (0, 1):
        channel = MessageChannel(Knowledge(messaging, links, [0], episode=episode), 1)
        for numbers in said(20, 1, 4, 1):
            channel.instant(numbers)
            ages.append(channel.ages)
    assert not np.array_equal(ages[:20], ages[20:])


@settings(max_examples=10)
@given(talk=talks(runs=2))
def test_messages_on_their_way_are_those_of_the_simulation(talk):
    messaging, links = talk
    knowledge = Knowledge(messaging, links, [5, 6], counting=False)
    simulations = [Simulation(messaging, graph, seed) for graph, seed in zip(links, (5, 6), strict=True)]
    for instant in range(25):
        plain = Knowledge(messaging, links, [5, 6])
        knowledge.steps(1)
        expected = []
        for run, simulation in enumerate(simulations):
            simulation.step()
            expected += [(run, m.sender, m.receiver, m.arrives_at) for m in simulation.under_way]
        found = knowledge.on_their_way()
        assert all(sent <= instant < sent + delay for *_, sent, delay in found)
        arriving = {(run, i, j, sent + delay) for run, i, j, sent, delay in found}
        assert set(expected) <= arriving  # the simulation sends nothing where a sender knows nothing
        if messaging.activity.query.probability == 1:
            assert len(expected) == len(found)
        assert knowledge.horizon() <= plain.steps(instant + 1).times[-1] + 1


def test_the_horizon_is_the_oldest_time_that_is_held_or_under_way():
    messaging = Messaging(graph={"kind": "edges", "edges": [[0, 1], [1, 0]]}, links={"delay": 4}, activity={"query": 0.2})
    links = message_graphs(messaging, 2, [1])
    knowledge = Knowledge(messaging, links, [1])
    tables = [knowledge.steps(1).newest[0, 0] for _ in range(60)]
    held = np.stack(tables[-4:])
    assert knowledge.horizon() == held[held >= 0].min()


@settings(max_examples=20)
@given(talk=talks())
def test_without_counting_the_tables_are_the_same(talk):
    messaging, links = talk
    counted, plain = Knowledge(messaging, links, [2]).steps(30), Knowledge(messaging, links, [2], counting=False).steps(30)
    for name in ("times", "queried", "updating", "newest", "oldest"):
        np.testing.assert_array_equal(getattr(counted, name), getattr(plain, name))
    assert plain.messages.sum() == plain.entries.sum() == plain.changed_entries.sum() == 0
