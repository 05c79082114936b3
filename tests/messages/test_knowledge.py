import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.messages.reference import Simulation
from wirelessenv.config import ConfigError
from wirelessenv.messages.graph import diameter
from wirelessenv.messages.knowledge import UNKNOWN, Knowledge, ages, message_graphs, needed_memory
from wirelessenv.scenario import Messaging

COUNTS = ("messages", "entries", "changed_entries")
chances = st.sampled_from([1.0, 0.8, 0.3, {"probability": 0.2, "longest_silence": 3}])
losses = st.sampled_from([0.0, 0.3, {"probability": 0.7, "longest_run": 2}])
late = st.integers(1, 3) | st.tuples(st.integers(1, 2), st.integers(0, 3)).map(
    lambda d: {"kind": "uniform", "shortest": d[0], "longest": d[0] + d[1]}
)
early = st.just(0) | st.integers(0, 3).map(lambda longest: {"kind": "uniform", "shortest": 0, "longest": longest})


@st.composite
def talks(draw, runs=1):
    """(messaging, links (runs, m, m)): any graphs, connected or not; complete where relayed messages take no time."""
    relay = draw(st.booleans())
    agents = draw(st.integers(1, 5))
    graphs = [draw(arrays(bool, (agents, agents))) for _ in range(runs)]
    delay = draw(late if relay else late | early)
    graph = "block"
    if relay and draw(st.booleans()):
        delay, graph = 0, "complete"
        graphs = [np.ones((agents, agents), bool) for _ in range(runs)]
    links = np.stack(graphs) & ~np.eye(agents, dtype=bool)
    activity = {name: draw(chances) for name in ("query", "update", "transmit")}
    written = {"graph": graph, "activity": activity, "links": {"delay": delay, "loss": draw(losses)}, "relay": relay}
    return Messaging.of(written), links


def numbers(instants):
    return {name: np.asarray(value) for name, value in instants._asdict().items()}


def assert_same(one, other):
    one, other = numbers(one), numbers(other)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def built(written, agents, runs=1):
    messaging = Messaging.of(written)
    links = message_graphs(messaging, agents, range(runs))
    return messaging, links, Knowledge(messaging, links, range(runs))


@settings(max_examples=60)
@given(talk=talks(), seed=st.integers(0, 99))
def test_it_is_what_a_simulation_with_one_object_a_message_finds(talk, seed):
    messaging, links = talk
    found = Knowledge(messaging, links, [seed]).steps(25)
    simulation = Simulation(messaging, links[0], seed)
    for t in range(25):
        time, queried, updating, table, *counts = simulation.step()
        assert found.times[t] == time
        assert found.queried[t, 0].tolist() == queried
        assert found.updating[t, 0].tolist() == updating
        assert found.newest[t, 0].tolist() == table, f"instant {t}"
        assert [int(getattr(found, name)[t, 0]) for name in COUNTS] == counts, f"instant {t}"


@given(talk=talks(runs=2), cuts=st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_it_does_not_matter_how_many_instants_are_made_at_a_time(talk, cuts):
    messaging, links = talk
    cut, whole = Knowledge(messaging, links, [3, 4]), Knowledge(messaging, links, [3, 4])
    parts = [numbers(cut.steps(instants)) for instants in cuts]
    together = numbers(whole.steps(sum(cuts)))
    for name, expected in together.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), expected, err_msg=name)


@given(talk=talks(), seed=st.integers(0, 99))
def test_times_never_go_back_nor_lie_in_the_future(talk, seed):
    messaging, links = talk
    found = Knowledge(messaging, links, [seed]).steps(30)
    newest = found.newest
    assert (newest <= found.times[:, None, None, None]).all()
    assert (newest >= UNKNOWN).all()
    assert (np.diff(newest, axis=0) >= 0).all()
    own = np.diagonal(newest, axis1=2, axis2=3)
    assert (own[found.queried] == np.broadcast_to(found.times[:, None, None], own.shape)[found.queried]).all()
    if messaging.activity.query.probability == 1:
        assert (own == found.times[:, None, None]).all()
    for agent in range(links.shape[1]):  # every known time is one at which that agent did query
        asked = set(found.times[found.queried[:, 0, agent]].tolist())
        assert set(np.unique(newest[..., agent]).tolist()) <= asked | {UNKNOWN}


@given(talk=talks(runs=2))
def test_ages_and_totals_are_those_of_the_instants(talk):
    messaging, links = talk
    knowledge = Knowledge(messaging, links, [3, 4])
    first, second = knowledge.steps(7), knowledge.steps(9)
    largest = np.full(2, -1)
    for found in (first, second):
        for t, time in enumerate(found.times):
            for run in range(2):
                for (i, j), newest in np.ndenumerate(found.newest[t, run]):
                    age = -1 if newest == UNKNOWN else time - newest
                    assert ages(found)[t, run, i, j] == age
                    largest[run] = max(largest[run], age)
                assert found.oldest[t, run] == ages(found)[t, run].max()
    np.testing.assert_array_equal(knowledge.max_age, largest)
    for name in COUNTS:
        total = getattr(first, name).sum(0) + getattr(second, name).sum(0)
        np.testing.assert_array_equal(getattr(knowledge, name), total)
    assert knowledge.time == 16


@given(talk=talks(runs=3))
def test_a_run_does_not_depend_on_what_else_is_in_the_batch(talk):
    messaging, links = talk
    together = numbers(Knowledge(messaging, links, [5, 2, 9]).steps(20))
    for run, seed in enumerate([5, 2, 9]):
        alone = numbers(Knowledge(messaging, links[run : run + 1], [seed]).steps(20))
        for name in alone.keys() - {"times"}:
            np.testing.assert_array_equal(together[name][:, run], alone[name][:, 0], err_msg=name)


@given(talk=talks(runs=2), before=st.integers(1, 9), pickled=st.booleans())
def test_it_goes_on_exactly_from_a_saved_state(talk, before, pickled):
    messaging, links = talk
    knowledge = Knowledge(messaging, links, [3, 4])
    knowledge.steps(before)
    saved = pickle.loads(pickle.dumps(knowledge.state())) if pickled else knowledge.state()  # noqa: S301  # our own
    expected = knowledge.steps(11)
    for _ in range(2):  # the state is not used up
        other = Knowledge(messaging, links, [7, 8])
        other.set_state(saved)
        assert_same(other.steps(11), expected)
        for name in (*COUNTS, "max_age", "time"):
            np.testing.assert_array_equal(getattr(other, name), getattr(knowledge, name), err_msg=name)


GRAPHS = [
    ("block", 24, 7),
    ({"kind": "block", "kappa": 4}, 10, 4),
    ("ring", 7, 3),
    ({"kind": "ring", "both_ways": False}, 5, 4),
    ("complete", 6, 1),
    ({"kind": "edges", "edges": [[0, 1], [1, 2], [2, 0], [2, 3], [3, 2]]}, 4, 3),
]


@pytest.mark.parametrize("delay", [1, 2, 3])
@pytest.mark.parametrize(("graph", "agents", "hops"), GRAPHS)
def test_when_all_is_certain_the_largest_age_is_diameter_times_delay(graph, agents, hops, delay):
    messaging, links, knowledge = built({"graph": graph, "links": {"delay": delay}}, agents)
    assert diameter(links[0]) == hops
    found = knowledge.steps(3 * hops * delay)
    settled = ages(found)[hops * delay :, 0]
    assert (settled.max(axis=(1, 2)) == hops * delay).all()
    assert (settled == settled[0]).all()
    assert (ages(found)[hops * delay - 1] == -1).any()  # a moment before, someone had not heard of someone
    assert knowledge.max_age.tolist() == [hops * delay]
    assert needed_memory(messaging, links) == hops * delay + 1


def test_without_relay_only_neighbours_are_known():
    messaging, links, knowledge = built({"relay": False, "links": {"delay": 2}}, 24)
    settled = ages(knowledge.steps(6))[-1, 0]
    expected = np.where(links[0].T, 2, -1)
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(settled, expected)
    assert needed_memory(messaging, links) == 3


def test_in_the_centralised_benchmark_everybody_knows_everything_at_once():
    messaging, links, knowledge = built("centralised", 5)
    found = knowledge.steps(4)
    assert (ages(found) == 0).all()
    assert found.messages.tolist() == found.entries.tolist() == found.changed_entries.tolist() == [[20]] * 4
    assert needed_memory(messaging, links) == 1


def test_a_complete_graph_without_delay_that_relays_knows_as_much_and_sends_more():
    *_, knowledge = built({"graph": "complete", "links": {"delay": 0}}, 5)
    found = knowledge.steps(4)
    assert (ages(found) == 0).all()
    # At first one's own entry alone leaves; from then on all five, each of them new since the last message.
    assert found.entries[:, 0].tolist() == [20, 100, 100, 100]
    assert found.changed_entries[:, 0].tolist() == [20, 100, 100, 100]


def test_nobody_hears_anybody_where_there_are_no_links():
    found = Knowledge(Messaging(), np.zeros((2, 3, 3), bool), [0, 1]).steps(5)
    expected = np.where(np.eye(3, dtype=bool), found.times[:, None, None, None], UNKNOWN)
    np.testing.assert_array_equal(found.newest, np.broadcast_to(expected, (5, 2, 3, 3)))
    assert not found.messages.any()


def test_every_run_has_a_graph_of_its_own_seed():
    messaging = Messaging.of({"graph": {"kind": "erdos_renyi", "probability": 0.4}})
    together = message_graphs(messaging, 8, [4, 5, 6])
    assert (together[0] != together[1]).any()
    np.testing.assert_array_equal(together[1], message_graphs(messaging, 8, [5])[0])


def test_graphs_may_follow_positions():
    line = np.array([[[0.0, 0], [1, 0], [2.1, 0], [3.3, 0]], [[0, 0], [0, 3.3], [0, 1], [0, 2.1]]])
    links = message_graphs(Messaging.of({"graph": {"kind": "k_nearest", "neighbours": 2}}), 4, [0, 1], line)
    assert links[0].astype(int).tolist() == [[0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 1, 1, 0]]
    order = [0, 2, 3, 1]  # the second run's agents stand on the same line in another order
    np.testing.assert_array_equal(links[1][np.ix_(order, order)], links[0])


def test_a_graph_in_which_someone_cannot_be_reached_is_refused():
    messaging = Messaging.of({"graph": {"kind": "edges", "edges": [[0, 1], [1, 0], [1, 2]]}})
    with pytest.raises(ConfigError, match="graph: not strongly connected: nothing that agent 2 sends can reach agent 0"):
        message_graphs(messaging, 3, [0])


def test_the_needed_memory_is_that_of_the_largest_graph_and_delay():
    messaging = Messaging.of({"links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 4}}})
    ring, complete = (message_graphs(Messaging.of({"graph": kind}), 8, [0]) for kind in ("ring", "complete"))
    assert needed_memory(messaging, np.concatenate([complete, ring])) == 4 * 4 + 1


def test_in_algorithm_1_the_longest_silence_counts_the_instants_of_queries():
    """Agents that are silent for at most 2 queries are heard of at least at every second one, whenever these are."""
    activity = {"query": 0.3, "transmit": {"probability": 0.05, "longest_silence": 2}}
    messaging = Messaging(graph="ring", activity=activity, relay=False)
    knowledge = Knowledge(messaging, message_graphs(messaging, 4, [0]), [0])
    found = knowledge.steps(400)
    queried = found.queried[:, 0, 0]
    heard = found.newest[1:, 0, 1, 0]  # one instant later, agent 1 knows what agent 0 sent
    sent = np.isin(np.flatnonzero(queried), heard)
    assert queried.sum() > 80
    assert (sent[:-2] | sent[1:-1]).all()
    assert not sent[:-1].all()
