"""The order of events of DASGD: exactly-once delivery, sets of gradients, and the staleness of known timings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers import DASGD, Quadratic
from trainers.events.inboxes import Inboxes, Network
from trainers.events.staleness import different_seeds, measured_staleness, rounds_within, section_4_1
from wirelessenv import ConfigError

GRAPHS = ["complete", "ring", {"kind": "ring", "both_ways": False}, {"kind": "erdos_renyi", "probability": 0.5}]
LAWS = ["constant", "linear", {"kind": "exponential", "mean": "linear"}]


@settings(max_examples=30)
@given(
    timing=st.fixed_dictionaries(
        {
            "graph": st.sampled_from(GRAPHS),
            "computing": st.sampled_from(LAWS),
            "links": st.sampled_from(LAWS),
            "link_scale": st.sampled_from([0.0, 0.3, 5.0]),
            "staggered": st.booleans(),
        }
    ),
    nodes=st.integers(2, 6),
    seed=st.integers(0, 100),
)
def test_every_gradient_reaches_every_node_exactly_once(timing, nodes, seed):
    """Sets kept in the plain way beside it give the same |S| and |S^| of every step as Definition 1 has them."""
    simulated = Inboxes(Network(**timing), nodes, seed)
    applied, computed_with = [set() for _ in range(nodes)], {}
    origin, last, begun = {}, 0.0, dict.fromkeys(range(nodes), frozenset())
    count = 0
    while (step := simulated.step()) is not None:
        assert step.seconds >= last
        last, mine = step.seconds, applied[step.node]
        assert step.gradient not in mine
        if step.node == step.origin:  # nothing was applied since the node began to compute
            origin[step.gradient], computed_with[step.gradient] = step.node, begun[step.node]
        theirs = computed_with[step.gradient]
        assert step.origin == origin[step.gradient]
        assert step.stale == len(mine ^ theirs)
        loose, todo, done = set(mine ^ theirs), set(theirs - mine), set()
        while todo:
            one = todo.pop()
            done.add(one)
            loose |= mine ^ computed_with[one]
            todo |= (computed_with[one] - mine) - done
        assert step.loose == len(loose)
        mine.add(step.gradient)
        begun[step.node] = frozenset(mine)  # holds when it next computes: its inbox is then empty
        count += 1
        if count == 150:
            simulated.close()
    everything = set(range(simulated.computed))
    assert all(own == everything == simulated.applied(node) for node, own in enumerate(applied))
    assert simulated.travelling == []


def test_trimming_forgets_nothing_that_matters():
    """Long runs of slow and fast nodes keep few gradients, and the staleness of a plain computation with sets."""
    simulated = Inboxes(Network(computing={"kind": "given", "seconds": [1, 3.3, 40]}), 3, 0)
    applied, with_what, begun = [set() for _ in range(3)], {}, [frozenset()] * 3
    for _ in range(6000):
        step = simulated.step()
        if step.node == step.origin:
            with_what[step.gradient] = begun[step.node]
        if step.gradient % 7 == 0:
            assert step.stale == len(applied[step.node] ^ with_what[step.gradient])
        applied[step.node].add(step.gradient)
        begun[step.node] = frozenset(applied[step.node])
    assert simulated._base > 1000
    assert len(simulated._known) < 300


@pytest.mark.parametrize("nodes", [2, 3, 5, 8, 13])
def test_staggered_equal_nodes_on_a_complete_graph(nodes):
    """S_avg = n - 1: while a node computes, each of the others finishes once."""
    assert measured_staleness({}, nodes, rounds=30)["s_avg"] == nodes - 1


@pytest.mark.parametrize("nodes", [2, 3, 5, 8])
def test_lockstep(nodes):
    """1.5 (n - 1) on a complete graph, (n^2 - 1) / 2 on a one-way ring, where a gradient moves one link a round."""
    ring = {"kind": "ring", "both_ways": False}
    assert measured_staleness({"staggered": False}, nodes, rounds=30)["s_avg"] == 1.5 * (nodes - 1)
    measured = measured_staleness({"staggered": False, "graph": ring}, nodes, rounds=30)
    assert measured["s_avg"] == (nodes**2 - 1) / 2
    assert measured["s_max"] == nodes**2 - 1


def test_one_node_alone_is_never_stale():
    assert set(measured_staleness({"computing": {"kind": "exponential"}}, 1, rounds=50).values()) == {0.0}


@pytest.mark.parametrize("slower", [5, 50])
def test_a_slow_node_sets_the_largest_staleness(slower):
    """Section 5: a node x times slower than the other is expected to give S_max = x; it gives x or a little more."""
    network = {"computing": {"kind": "given", "seconds": [1, slower]}, "staggered": False}
    measured = measured_staleness(network, 2, rounds=20 * slower)
    assert slower <= measured["loose_s_max"] <= slower + 2


def test_two_neighbours_send_twice_and_one_is_dropped():
    """On a complete graph of 3 every gradient crosses 4 links, twice to its origin's neighbours, and 2 of these are new."""
    simulated = Inboxes(Network(), 3, 0)
    for _ in range(300):
        simulated.step()
    simulated.close()
    while simulated.step() is not None:
        pass
    assert simulated.messages == 4 * simulated.computed
    assert simulated.repeats == 2 * simulated.computed


def test_section_4_1_stands_beside_what_is_measured():
    rows = section_4_1((3, 4), rounds=20)
    found = {(row["nodes"], row["graph"], row["timing"]): row for row in rows}
    assert found[4, "complete", "staggered"]["s_avg_expected"] == 2.5
    assert found[4, "complete", "staggered"]["s_avg"] == 3
    assert found[4, "one-way ring", "lockstep"]["s_avg_expected"] == 8.5
    assert found[4, "one-way ring", "lockstep"]["s_avg"] == 7.5
    assert all(np.isfinite([row["s_avg"], row["s_max"]]).all() for row in rows)


def test_a_graph_that_is_not_connected_is_refused():
    with pytest.raises(ConfigError, match="not strongly connected"):
        Inboxes(Network(graph={"kind": "edges", "edges": [[0, 1], [1, 2]]}), 3, 0)


@pytest.mark.parametrize(
    ("nodes", "graph", "rounds"), [(3, "complete", 20), (90, "complete", 2), (1000, "complete", 0), (300, "ring", 7)]
)
def test_staleness_is_measured_within_a_budget_of_events(nodes, graph, rounds):
    """A round is n gradients, each of which makes n steps and crosses every link."""
    links = nodes * (nodes - 1) if graph == "complete" else 2 * nodes
    network = Network(graph=graph)
    assert rounds_within(network, nodes) == rounds == min(20, 4_000_000 // (2 * nodes * (nodes + links)))
    assert rounds_within(network, nodes, most=3) == min(3, rounds)
    assert rounds_within(network, nodes, runs=20) == min(20, 4_000_000 // (40 * nodes * (nodes + links)))


def test_events_that_do_not_depend_on_the_seed_are_simulated_once():
    seeds = [4, 7, 9]
    assert different_seeds(Network(computing="linear"), 5, seeds) == [4]
    assert different_seeds(Network(computing="exponential"), 5, seeds) == seeds
    assert different_seeds(Network(links="exponential"), 5, seeds) == seeds
    assert different_seeds(Network(graph={"kind": "erdos_renyi", "probability": 0.5}), 9, [4, 7, 4]) == [4, 7]
    runs = [measured_staleness(Network(computing="linear"), 5, 3, seed) for seed in seeds]
    assert runs[0] == runs[1] == runs[2]


def test_of_a_thousand_nodes_no_bound_is_known_and_nobody_waits_for_one():
    learner = DASGD(Quadratic(), nodes=1000, step_size=0.01, exact=True)
    assert learner.bound(1000) is None
    assert learner.warnings(1000) == []
