"""Stays in two states: their laws, bursts of losses, and agents that leave and join."""

import json
from itertools import pairwise

import numpy as np
import pytest

from trainers.algorithms.r_fast import RFASTLearner
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.r_fast import r_fast
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv import ConfigError, Messaging
from wirelessenv.messages.activity import Chance, Trials
from wirelessenv.messages.channel import MessageChannel
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.messages.links import GilbertElliott, Loss
from wirelessenv.streams import stream

SLEEPY = Chance(stays={"kind": "markov", "on": 4, "off": 2})
AWAY = {"stays": {"kind": "given", "away": [[1, 10, 40]]}}


def stays_of(events, state):
    """Lengths of the whole stays in a state, of events (instants, trials)."""
    lengths = []
    for row in events.T:
        edges = np.flatnonzero(np.diff(row)) + 1
        lengths += [end - begin for begin, end in pairwise(edges) if row[begin] == state]
    return np.array(lengths)


@pytest.mark.parametrize(("state", "mean"), [(True, 4), (False, 2)])
def test_stays_are_geometric(state, mean):
    events = Trials(SLEEPY, [0], "update", (200,)).draw(300)[:, 0]
    lengths = stays_of(events, state)
    spread = np.sqrt((1 - 1 / mean) * mean**2 / len(lengths))
    assert abs(lengths.mean() - mean) < 4 * spread
    assert abs(np.mean(lengths == 1) - 1 / mean) < 4 / np.sqrt(len(lengths))


def test_the_first_instant_has_the_law_of_all_others():
    first = Trials(SLEEPY, [0], "update", (20_000,)).draw(1)
    assert abs(first.mean() - SLEEPY.share) < 4 * np.sqrt(2 / 9 / 20_000)
    assert SLEEPY.share == pytest.approx(2 / 3)
    assert SLEEPY.longest == np.inf


def test_states_do_not_depend_on_how_instants_are_cut():
    chance = Chance(probability=0.8, stays={"kind": "markov", "on": 4, "off": 2, "probability_off": 0.1})
    whole = Trials(chance, [3, 8], "update", (5,)).draw(30)
    cut, other = Trials(chance, [3, 8], "update", (5,)), Trials(chance, [3, 8], "update", (5,))
    parts = [cut.draw(7), cut.draw(1)]
    other.set_state(cut.state())
    np.testing.assert_array_equal(whole, np.concatenate([*parts, other.draw(22)]))


def test_losses_come_in_bursts():
    loss = Loss(probability=0.05, bursts={"kind": "gilbert_elliott", "good": 12, "bad": 4, "probability": 0.9})
    lost = ~Trials(loss.arrival(), [0], "loss", (20, 20)).draw(400)[:, 0].reshape(400, -1)
    assert lost.mean() == pytest.approx(0.75 * 0.05 + 0.25 * 0.9, abs=0.01)
    assert 1 - loss.arrival().share == pytest.approx(0.75 * 0.05 + 0.25 * 0.9)
    after = lost[1:][lost[:-1]].mean()  # P(lost | lost before): both states stay with 11/12 and 3/4
    bad = 0.25 * 0.9 / (0.75 * 0.05 + 0.25 * 0.9)
    expected = bad * (0.75 * 0.9 + 0.25 * 0.05) + (1 - bad) * (11 / 12 * 0.05 + 1 / 12 * 0.9)
    assert after == pytest.approx(expected, abs=0.02)


def test_only_whole_bursts_are_lost_where_good_links_lose_nothing():
    lost = ~Trials(Loss(bursts=GilbertElliott(good=9, bad=3)).arrival(), [0], "loss", (100,)).draw(500)[:, 0]
    runs = stays_of(lost, True)
    assert abs(runs.mean() - 3) < 4 * np.sqrt(6 / len(runs))


def test_nobody_hears_of_an_agent_that_is_away():
    messaging = Messaging(graph="complete", activity={"presence": AWAY}, links={"delay": 1}, relay=False)
    channel = MessageChannel(Knowledge(messaging, message_graphs(messaging, 3, [0]), [0]), 1)
    for instant in range(60):
        channel.instant(np.full((1, 3, 1), float(instant)))
        age = channel.ages[0, 0]  # of agents 0, 1, 2, in the order of agent 0
        if instant >= 11:
            assert age[1] == (instant - 9 if instant < 41 else 1)
            assert age[2] == 1
    assert channel.values[0, 0].ravel().tolist() == [59, 58, 58]


def test_messages_to_an_agent_that_is_away_are_lost():
    messaging = Messaging(graph="complete", activity={"presence": AWAY}, links={"delay": 1}, relay=False)
    channel = MessageChannel(Knowledge(messaging, message_graphs(messaging, 3, [0]), [0]), 1)
    for instant in range(45):
        channel.instant(np.zeros((1, 3, 1)))
        if instant >= 10:
            assert channel.ages[0, 1, 1] == (instant - 9 if instant <= 40 else 1)  # the last from instant 9 came in 10


@pytest.mark.parametrize("presence", [AWAY, {"stays": {"kind": "markov", "on": 20, "off": 8}}])
def test_learners_go_on_where_they_were_when_agents_join_again(presence):
    messaging = Messaging(
        graph="ring",
        activity={"update": {"stays": {"kind": "markov", "on": 3, "off": 2}}, "presence": presence},
        links={"delay": 1, "loss": {"bursts": {"kind": "gilbert_elliott", "good": 6, "bad": 3}}},
        relay=False,
    )
    problem, ticks, rng = RidgeRegression(size=2, batch=3, clients=5), 90, stream(4, "sample")
    batches = [problem.draw(np.arange(5), rng) for _ in range(ticks + 1)]
    draws = message_draws(messaging, 5, 4, ticks, senders="updating")
    if presence is AWAY:
        assert not draws.updates[10:40, 1].any()
        assert not draws.arrives[10:40, :, 1].any()
    learner, found = RFASTLearner(problem, messaging, step_size=0.01, seed=4), []
    learner.learn(ticks, lambda one: found.append(one.nodes[0, 0].copy()))
    np.testing.assert_allclose(found, r_fast(problem, draws, step_size=0.01, batches=batches), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(learner.total(), learner.gradients.sum(2), atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"activity": {"update": {"stays": {"kind": "markov", "on": 0.5}}}}, "activity.update.stays.on: 0.5 is not valid"),
        ({"activity": {"update": {"stays": "markov", "longest_silence": 3}}}, "longest_silence: is not valid beside stays"),
        ({"activity": {"presence": {"stays": {"kind": "given", "away": [[0, 5, 5]]}}}}, "it ends before it begins"),
        ({"links": {"loss": {"bursts": "gilbert_elliot"}}}, 'did you mean "gilbert_elliott"'),
        ({"links": {"loss": {"bursts": "gilbert_elliott", "longest_run": 2}}}, "longest_run: is not valid beside bursts"),
    ],
)
def test_what_cannot_be_is_told(settings, said):
    with pytest.raises(ConfigError, match=said.replace("[", r"\[")):
        Messaging(**settings)


def test_a_messaging_is_what_its_dump_gives():
    messaging = Messaging(activity={"presence": AWAY, "update": SLEEPY}, links={"loss": {"bursts": "gilbert_elliott"}})
    assert Messaging.parse(json.loads(json.dumps(messaging.dump()))) == messaging


def test_agents_that_there_are_not_are_told():
    messaging = Messaging(graph="ring", activity={"presence": {"stays": {"kind": "given", "away": [[7, 0, None]]}}})
    with pytest.raises(ConfigError, match=r"activity.presence.stays.away: agent 7 is not valid: the 5 agents"):
        message_graphs(messaging, 5, [0])
