"""Parties of live runs: bounded inboxes, outboxes, slow and lost shards, and what is conserved whatever happens."""

import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.live.carrier import Carrier, Time
from tests.trainers.live.test_replay import owners
from trainers import AsyncBC, PARSPushLearner, Quadratic
from trainers.experiments.experiment import Experiment
from trainers.live.actors import HubActor
from trainers.live.nodes import Keeper, NodeShard, Ticks
from trainers.live.party import Inbox, Mail, Outbox, Parcel, parts
from trainers.live.plan import LivePlan
from trainers.live.report import ages_of, counted, summary
from trainers.live.server import AnswerServer, ClientShard


def mail(stamp, numbers=1):
    return Mail(0, stamp, {"phi": np.zeros(numbers)})


@given(st.lists(st.integers(0, 5)), st.integers(1, 4))
def test_an_inbox_keeps_the_newest_and_counts_the_others(batches, most):
    inbox, came, kept = Inbox(most), 0, 0
    for batch in batches:
        for _ in range(batch):
            inbox.put(mail(came))
            came += 1
        taken = [one.stamp for one in inbox.take()]
        assert taken == list(range(came - min(batch, most), came))
        kept += len(taken)
    assert inbox.dropped == came - kept


def test_an_inbox_loses_nothing_where_several_put_and_one_takes():
    inbox, putting, taken = Inbox(2), [True], []

    def take():
        while putting:
            taken.extend(inbox.take())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taker = threading.Thread(target=take)
        putters = [threading.Thread(target=lambda: [inbox.put(mail(stamp)) for stamp in range(2000)]) for _ in range(3)]
        for thread in (taker, *putters):
            thread.start()
        for thread in putters:
            thread.join()
        putting.clear()
        taker.join()
    finally:
        sys.setswitchinterval(before)
    assert len(taken) + len(inbox.take()) + inbox.dropped == 6000


def test_a_shard_that_is_lost_before_all_are_there_joins_once():
    """Its first life still asks when the run begins; it must not be taken for the newest one."""
    exact = {"problem": "least_squares", "learner": {"kind": "async_bc", "exact": True}}
    plan = LivePlan.of(Experiment.parse({**exact, "iterations": 5}), None, 2)
    hub, found, at = HubActor(plan, "127.0.0.1", bytes(32)), {}, ("127.0.0.1", 1)
    asking = [threading.Thread(target=lambda name=name: found.update({name: hub.join(0, at)})) for name in ("lost", "newest")]
    for number, thread in enumerate(asking, 1):
        thread.start()
        while hub._here.get(0) != number:
            time.sleep(0.001)
    found["other"] = hub.join(1, at)
    for thread in asking:
        thread.join()
    assert found["lost"] is None
    assert found["newest"].welcome.life == found["other"].welcome.life == 1
    assert hub.hub.lives == [1, 1]


def test_messages_leave_together_after_some_time_or_numbers():
    clock = Time()
    outbox = Outbox(0.002, 10, clock)
    outbox.put({1: mail(0), 2: mail(0)})
    assert {to: [one.stamp for one in mails] for to, mails in outbox.take().items()} == {1: [0], 2: [0]}
    outbox.put({1: mail(1, 4)})
    assert outbox.take() == {}
    outbox.put({1: mail(2, 6)})
    assert [one.stamp for one in outbox.take()[1]] == [1, 2]
    outbox.put({2: mail(3)})
    clock.seconds = 0.0021
    assert [one.stamp for one in outbox.take()[2]] == [3]


@given(st.integers(1, 40), st.data())
def test_every_agent_is_in_one_shard(agents, data):
    shards = data.draw(st.integers(1, agents))
    own = parts(agents, shards)
    assert np.concatenate(own).tolist() == list(range(agents))
    assert {len(one) for one in own} <= {agents // shards, -(-agents // shards)}


def bc_run(seed, kill=0.0):
    """All clients have the same cost, so that what is under way is known to the server's invariant."""
    problem, clock = Quadratic(size=4, clients=6), Time()
    learner = AsyncBC(problem, {}, seed=seed, step_size=0.05, exact=True)
    hub = AnswerServer(learner, owners(6, 3), 300, clock)
    return Carrier(hub, lambda shard: ClientShard(problem, learner.settings, seed, 4), seed, clock=clock, kill=kill)


def momentum_holds(hub, problem):
    """m_t and the answers under way are grad f(x_{t+1}): every task is answered once, lost shards or not."""
    settings = AsyncBC.Settings(exact=True)
    client = ClientShard(problem, settings, 0)
    total = hub.momentum.copy()
    for number, (who, points) in hub.under_way.items():
        total += client.answer(number, who, points) / (hub.tau_c if number < hub.tau_c else 1)
    np.testing.assert_allclose(total, problem.mean_gradient(hub.points[0]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_momentum_survives_lost_clients(seed):
    carrier = bc_run(seed, 0.1)
    problem = Quadratic(size=4, clients=6)
    carrier.run(lambda hub: momentum_holds(hub, problem))
    momentum_holds(carrier.hub, problem)
    assert carrier.kills > 10
    assert len(carrier.hub.under_way) == carrier.hub.tau_c


def test_an_answer_that_comes_twice_is_dropped_by_its_number():
    carrier = bc_run(0)
    hub, tasks = carrier.hub, carrier.replies[0][0]
    content = {"numbers": tasks.numbers[:1], "answers": np.ones((1, 4)), "waiting": np.array(0)}
    hub.take(0, 1, Parcel(0, content, {}, {}))
    momentum = hub.momentum.copy()
    hub.take(0, 1, Parcel(1, content, {}, {}))
    hub.take(0, 1, Parcel(1, content, {}, {}))
    assert (hub.iteration, hub.duplicates) == (1, 2)
    assert (hub.momentum == momentum).all()


def push_run(seed, last=150, **events):
    problem, clock = Quadratic(size=2, clients=6), Time()
    learner, where = PARSPushLearner(problem, {"graph": "ring"}, step_size=0.05, exact=True, seed=seed), owners(6, 3)
    ticks = Ticks(clock, 0.002, last)
    hub = Keeper(learner, where, ticks)
    return Carrier(hub, lambda shard: NodeShard(learner, where, shard, ticks), seed, clock=clock, **events)


def mass_holds(hub):
    """The sum over nodes and links is n, and no link owes anything: nobody has taken in what was not persisted."""
    np.testing.assert_allclose(hub.total()[-1], 6, rtol=1e-12)
    assert hub.on_links()[:, -1].min() > -1e-12


@pytest.mark.parametrize("seed", range(3))
def test_mass_is_conserved_whoever_is_lost(seed):
    carrier = push_run(seed, kill=0.08, lose=0.3)
    carrier.run(mass_holds)
    assert carrier.kills > 10


def test_weights_halve_in_each_tick_while_half_of_a_complete_graph_is_away():
    """The reason why PARS-Push diverges then: all mass is still there, and flows to whoever does not answer."""
    problem, clock = Quadratic(size=2, clients=8), Time()
    learner, where = PARSPushLearner(problem, {"graph": "complete"}, step_size=1e-12, exact=True, seed=0), owners(8, 2)
    ticks = Ticks(clock, 1.0)
    hub, shards = Keeper(learner, where, ticks), [NodeShard(learner, where, number, ticks) for number in (0, 1)]
    lives, inboxes, weights = [hub.join(number).life for number in (0, 1)], [[], []], []
    for tick in range(30):
        clock.seconds = tick + 0.5
        for number in (0, 1) if tick < 5 or tick >= 25 else (0,):
            parcel = shards[number].step(None, inboxes[number])
            inboxes[number] = []
            hub.take(number, lives[number], parcel)
            for receiver, message in shards[number].tell().items():
                inboxes[receiver].append(message)
        weights.append(hub.solution()[0, 0, 0, -1])
        np.testing.assert_allclose(hub.total()[-1], 8, rtol=1e-12)
        assert bool(hub.remarks()) == (tick >= 25)  # not before the shard is back
    np.testing.assert_allclose(np.divide(weights[8:25], weights[7:24]), 0.5, rtol=1e-9)
    assert hub.remarks()[0].startswith("Shard 1 was away for 20 ticks: ")


def test_a_slow_shard_makes_ages_grow_and_stops_nobody():
    quick, slow = [summary("pars_push", push_run(1, 600, lame=lame, prompt=1.0).run().hub.schedule(), 6) for lame in ((), (2,))]
    assert slow["mean age"] > 2 * quick["mean age"] > 0
    assert slow["largest age"] > 3 * quick["largest age"]
    assert quick["share of ticks awake"] > slow["share of ticks awake"] > 0.6 * quick["share of ticks awake"]


def test_ages_are_counted():
    heard = np.array([[3, 1, -1], [0, 4, 2]], np.int32)
    schedule = {"update_round": np.array([3, 4]), "update_agent": np.array([0, 1]), "update_heard": heard}
    assert sorted(ages_of("zeroth_order", schedule).tolist()) == [2, 2, 4]
    taken = {"taken_link": np.zeros(2, int), "taken_tick": np.array([1, 4]), "taken_sent": np.array([1, 2])}
    woken = {"woken_tick": np.arange(6), "woken_node": np.zeros(6, int), "link_receiver": np.zeros(1, int)}
    assert ages_of("pars_push", taken | woken).tolist() == [0, 1, 2, 2, 3]
    assert counted(np.array([2, 2, 4])) == [{"age": 2, "times": 2}, {"age": 4, "times": 1}]
