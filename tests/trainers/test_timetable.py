"""The order of events, against a simulation with explicit queues, and identities that hold for every timetable."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trainers.events.timetable import CHUNK, Server
from wirelessenv import ConfigError


def with_queues(durations, first, assigned, updates):
    """(client, task, seconds) of each update: clients with a queue each, one task at a time, earliest and oldest first."""
    queues, doing, now = [deque() for _ in durations], {}, 0.0

    def give(client, task):
        queues[client].append(task)
        if client not in doing:
            doing[client] = now + durations[client]

    for task, client in enumerate(first):
        give(client, task)
    seen = []
    for update in range(updates):
        client = min(doing, key=lambda one: (doing[one], queues[one][0]))
        now, task = doing.pop(client), queues[client].popleft()
        seen.append((client, task, now))
        if queues[client]:
            doing[client] = now + durations[client]
        give(assigned[update], len(first) + update)
    return seen


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.data())
def test_every_task_is_done_in_its_turn(durations, data):
    concurrency = data.draw(st.integers(1, len(durations)))
    assignment = data.draw(st.sampled_from(["uniform", "inactive", "same"]))
    server = Server(computing={"kind": "given", "seconds": durations}, concurrency=concurrency, assignment=assignment)
    table = server.timetable(len(durations), data.draw(st.integers(0, 5)))
    updates = CHUNK + 30
    assigned = np.concatenate([table.chunk(0).next_client, table.chunk(1).next_client])
    client, task, seconds = zip(*with_queues(durations, table.first, assigned.tolist(), updates), strict=True)
    np.testing.assert_array_equal(table.client(updates), client)
    np.testing.assert_array_equal(table.seconds(updates), seconds)
    np.testing.assert_array_equal(table.sent_at(updates), np.maximum(0, np.array(task) - concurrency + 1))


@pytest.mark.parametrize("concurrency", [1, 3, 7])
@pytest.mark.parametrize("computing", ["linear", {"kind": "exponential", "mean": "linear"}])
def test_the_others_wait_at_every_update(computing, concurrency):
    """At each update tau_C - 1 tasks wait: the staleness of all that came and the age of all under way add up to that."""
    table = Server(computing=computing, concurrency=concurrency).timetable(7, 3)
    updates = 2000
    sent = table.sent_at(updates)
    first_left = concurrency - (sent == 0).sum()
    ages = updates - np.setdiff1d(np.arange(1, updates + 1), sent)
    assert table.staleness(updates).sum() + ages.sum() + first_left * updates == updates * (concurrency - 1)
    summary = table.summary(updates)
    assert summary["tau_c"] == concurrency
    assert summary["tau_max"] == table.staleness(updates).max()
    if concurrency == 1:
        assert summary["tau_max"] == 0
        assert summary["concurrency"] == 1


def test_slots_hold_one_task_each():
    table = Server(computing={"kind": "exponential"}).timetable(5, 1)
    held, events = dict.fromkeys(range(5), 0), table.chunk(0)
    for update, (slot, sent) in enumerate(zip(events.slot.tolist(), events.sent_at.tolist(), strict=True)):
        assert held[slot] == sent
        held[slot] = update + 1


def test_active_clients_are_those_with_a_task():
    table = Server(concurrency=4).timetable(6, 2)
    events, tasks = table.chunk(0), np.bincount(table.first, minlength=6)
    for client, chosen, active in zip(events.client, events.next_client, events.active, strict=True):
        tasks[client] -= 1
        tasks[chosen] += 1
        assert (tasks > 0).sum() == active


def test_next_clients_are_uniform_and_seeds_differ():
    tables = [Server().timetable(5, seed) for seed in range(4)]
    counts = sum(np.bincount(table.chunk(k).next_client, minlength=5) for table in tables for k in range(8))
    assert stats.chisquare(counts).pvalue > 1e-4
    assert len({tuple(table.client(50)) for table in tables}) == 4


def test_the_greedy_choice_takes_inactive_clients_alone_and_all_of_them_alike():
    """Nobody ever has two tasks; of n - tau_C + 1 that have none each gets as many, in exact lockstep of equal clients."""
    counts = np.zeros(6, int)
    for seed in range(4):
        table = Server(assignment="inactive", concurrency=3, computing={"kind": "exponential"}).timetable(6, seed)
        tasks = np.bincount(table.first, minlength=6)
        for events in (table.chunk(0), table.chunk(1)):
            assert (events.active == 3).all()
            for client, chosen in zip(events.client, events.next_client, strict=True):
                tasks[client] -= 1
                assert tasks[chosen] == 0
                tasks[chosen] += 1
            counts += np.bincount(events.next_client, minlength=6)
    assert stats.chisquare(counts).pvalue > 1e-4
    greedy = Server(assignment="inactive").timetable(4, 0)  # all are busy: who has answered is the only one without a task
    np.testing.assert_array_equal(greedy.next_client(600), Server(assignment="same").timetable(4, 0).next_client(600))


def test_a_timetable_does_not_depend_on_how_it_is_asked_for():
    server = Server(computing={"kind": "exponential"}, concurrency=2)
    late, early = server.timetable(4, 9), server.timetable(4, 9)
    late.chunk(3)
    for updates in (1, 10, 3 * CHUNK + 5):
        np.testing.assert_array_equal(late.client(updates), early.client(updates))
        np.testing.assert_array_equal(late.seconds(updates), early.seconds(updates))


def test_the_summary_is_that_of_the_columns():
    table = Server(computing={"kind": "exponential", "mean": "linear"}, concurrency=3).timetable(5, 2)
    active = np.concatenate([table.chunk(k).active for k in range(3)])
    assert set(table.summary(0).values()) == {3, 0}
    for updates in (1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 77):
        staleness, found = table.staleness(updates), table.summary(updates)
        assert found["tau_max"] == staleness.max()
        assert found["tau_avg"] == pytest.approx(staleness.mean())
        assert found["concurrency"] == pytest.approx(active[:updates].mean())
        assert found["seconds"] == table.seconds(updates)[-1]


def test_appendix_d_1():
    """n = 4, tau = 10: client i takes 2.5 i."""
    table = Server(assignment="same").timetable(4, 0)
    assert table.seconds(4).tolist() == [2.5, 5.0, 5.0, 7.5]
    assert table.client(4).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"concurrency": 5}, "concurrency: 5"),
        ({"computing": {"kind": "given", "seconds": [1.0]}}, "seconds: 1 numbers"),
        ({"computing": {"kind": "linear", "slowest": 0}}, "slowest"),
        ({"assignment": "greedy"}, "assignment"),
    ],
)
def test_bad_settings_are_named(settings, said):
    with pytest.raises(ConfigError, match=said):
        Server(**settings).timetable(4, 0)
