import re
from collections import deque

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wirelessenv.config import ConfigError
from wirelessenv.messages.graph import Graph, StrongestGraph, checked, diameter, hop_counts, strongly_connected
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.messages.messaging import Messaging
from wirelessenv.streams import stream

digraphs = st.integers(1, 7).flatmap(lambda m: arrays(bool, (m, m)))


def build(settings, agents, seed=0, positions=None):
    links = Graph.parse(settings, "graph").build(agents, stream(seed, "graph"), positions)
    assert links.shape == (agents, agents)
    assert links.dtype == bool
    assert not links.diagonal().any()
    return links


def reach(links):
    """within[k][i, j]: j is at most k links away from i; by powers of the boolean matrix I + A."""
    step = (links | np.eye(len(links), dtype=bool)).astype(int)
    within = [np.eye(len(links), dtype=int)]
    for _ in links:
        within.append(np.minimum(within[-1] @ step, 1))
    return within


@given(links=digraphs)
def test_strong_connection_and_diameter_are_those_of_matrix_powers(links):
    np.fill_diagonal(links, False)
    within = reach(links)
    connected = bool(within[-1].all())
    assert strongly_connected(links) == connected
    if connected:
        assert diameter(links) == next(k for k, reached in enumerate(within) if reached.all())
        assert checked(links) is links
    else:
        with pytest.raises(ConfigError) as caught:
            checked(links)
        sender, missed = map(int, re.findall(r"agent (\d+)", str(caught.value)))
        assert not within[-1][sender, missed]
        with pytest.raises(ConfigError, match="not strongly connected"):
            diameter(links)


@pytest.mark.parametrize("agents", [63, 64, 65, 130])
@pytest.mark.parametrize("probability", [0.01, 0.02, 0.05, 0.5])
def test_the_diameter_of_many_agents_is_the_furthest_that_a_search_goes(agents, probability):
    links = np.random.default_rng(agents).random((agents, agents)) < probability
    links |= np.roll(np.eye(agents, dtype=bool), 1, axis=1) | np.roll(np.eye(agents, dtype=bool), -3, axis=1)
    np.fill_diagonal(links, False)
    furthest = 0
    for start in range(agents):
        away, waiting = {start: 0}, deque([start])
        while waiting:
            sender = waiting.popleft()
            for receiver in np.flatnonzero(links[sender]).tolist():
                if receiver not in away:
                    away[receiver] = away[sender] + 1
                    waiting.append(receiver)
        assert len(away) == agents
        furthest = max(furthest, *away.values())
    assert diameter(links) == furthest


def test_that_one_of_many_agents_sends_to_nobody_is_said_at_once():
    links = ~np.eye(3000, dtype=bool)
    links[2999] = False
    with pytest.raises(ConfigError, match="nothing that agent 2999 sends can reach agent 0"):
        diameter(links)
    with pytest.raises(ConfigError, match="nothing that agent 0 sends can reach agent 2999"):
        diameter(links.T)


def test_the_block_graph_of_the_paper():
    links = build("block", 24)
    blocks = [range(start, start + 6) for start in range(0, 19, 3)]
    for i in range(24):
        for j in range(24):
            assert links[i, j] == (i != j and any(i in block and j in block for block in blocks))
    assert diameter(links) == 7
    assert set(links.sum(1)[3:21].tolist()) == {3 * 6 // 2 - 1}
    assert links.sum(1)[[0, 2, 21, 23]].tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize("kappa", [4, 6, 8])
def test_an_interior_agent_has_three_halves_of_kappa_minus_one_neighbours(kappa):
    links = build({"kind": "block", "kappa": kappa}, 6 * kappa)
    assert set(links.sum(1)[kappa:-kappa].tolist()) == {3 * kappa // 2 - 1}


@given(data=st.data())
def test_blocks_link_everyone_whatever_the_number_of_agents(data):
    agents = data.draw(st.integers(2, 40))
    kappa = data.draw(st.integers(2, agents))
    stride = data.draw(st.integers(1, kappa - 1))
    links = build({"kind": "block", "kappa": kappa, "stride": stride}, agents)
    assert strongly_connected(links)
    np.testing.assert_array_equal(links, links.T)
    apart = np.abs(np.subtract.outer(np.arange(agents), np.arange(agents)))
    assert not links[apart >= kappa].any()
    assert links[apart == 1].all()
    assert (links.sum(1) >= kappa - 1).all()  # everybody is in a whole block


def test_complete():
    np.testing.assert_array_equal(build("complete", 4), ~np.eye(4, dtype=bool))
    assert diameter(build("complete", 4)) == 1
    assert diameter(build("complete", 1)) == 0


def test_ring():
    one_way = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]
    both_ways = [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    assert build({"kind": "ring", "both_ways": False}, 4).astype(int).tolist() == one_way
    assert build("ring", 4).astype(int).tolist() == both_ways
    assert [diameter(build("ring", m)) for m in (2, 5, 8)] == [1, 2, 4]
    assert [diameter(build({"kind": "ring", "both_ways": False}, m)) for m in (1, 2, 7)] == [0, 1, 6]


def test_edges_lead_from_the_first_agent_to_the_second():
    links = build({"kind": "edges", "edges": [[0, 1], [1, 2], [2, 0]]}, 3)
    assert links.astype(int).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_each_agent_sends_to_the_nearest_others(seed):
    positions = np.random.default_rng(seed).uniform(-9, 9, (12, 2))
    links = build({"kind": "k_nearest", "neighbours": 3}, 12, positions=positions)
    nearest = np.zeros_like(links)
    for i in range(12):
        others = sorted(set(range(12)) - {i}, key=lambda j: float(np.hypot(*(positions[j] - positions[i]))))
        nearest[i, others[:3]] = True
    assert (links >= nearest).all()
    assert strongly_connected(links)
    if strongly_connected(nearest):
        np.testing.assert_array_equal(links, nearest)
    joined = links & ~nearest  # each pair of them joins two groups at least
    assert (links | ~joined).T[joined].all()
    assert joined.sum() <= 2 * (
        nx.number_strongly_connected_components(nx.from_numpy_array(nearest, create_using=nx.DiGraph)) - 1
    )


def test_groups_of_nearest_agents_are_joined_where_they_are_nearest():
    line = np.array([[0.0, 0], [1, 0], [5, 0], [6, 0], [7, 0], [20, 0], [21, 0]])
    links = build({"kind": "k_nearest", "neighbours": 1}, 7, positions=line)
    assert strongly_connected(links)
    joined = [(1, 2), (2, 1), (4, 5), (5, 4)]
    assert sorted(zip(*np.nonzero(links), strict=True)) == sorted(
        [(0, 1), (1, 0), (2, 3), (3, 2), (4, 3), (5, 6), (6, 5), *joined, (3, 4)]
    )


@given(agents=st.integers(1, 8), seed=st.integers(0, 99))
def test_erdos_renyi_graphs_are_strongly_connected(agents, seed):
    settings = {"kind": "erdos_renyi", "probability": 0.4}
    links = build(settings, agents, seed)
    assert strongly_connected(links)
    np.testing.assert_array_equal(links, build(settings, agents, seed))


def test_erdos_renyi_links_have_their_probability_and_a_direction():
    links = np.stack([build({"kind": "erdos_renyi", "probability": 0.6}, 16, seed) for seed in range(40)])
    trials = 40 * 16 * 15  # with 0.6 nearly every graph is connected, so that redrawing hardly changes the law
    assert links.sum() / trials == pytest.approx(0.6, abs=4 * np.sqrt(0.24 / trials) + 0.001)
    assert (links != links.swapaxes(1, 2)).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(build({"kind": "erdos_renyi", "probability": 1}, 4), build("complete", 4))


@pytest.mark.parametrize(
    ("settings", "fragment"),
    [
        ({"kind": "block", "kappa": 10}, "graph.kappa: 10 is not valid: there are only 8 agents"),
        ({"kind": "block", "kappa": 1}, "kappa 1 is not valid: a block needs at least 2 agents"),
        ({"kind": "block", "kappa": 5}, "kappa 5 is odd"),
        ({"kind": "block", "kappa": 6, "stride": 6}, "stride 6 is not valid"),
        ({"kind": "block", "stride": 0}, "graph.stride: 0 is not valid"),
        ({"kind": "ring", "both_ways": 1}, "graph.both_ways: 1 is not valid"),
        ("edges", "graph.edges: missing: it has no default"),
        ({"kind": "edges", "edges": [[0, 8]]}, r"graph.edges: \[0, 8\] is not valid: .* agents 0 to 7"),
        ({"kind": "edges", "edges": [[-1, 2]]}, r"graph.edges: \[-1, 2\] is not valid"),
        ({"kind": "edges", "edges": [[3, 3]]}, r"graph.edges: \[3, 3\] is not valid"),
        ({"kind": "edges", "edges": [[0, 1, 2]]}, "graph.edges.0: .* is not valid"),
        ({"kind": "edges", "edges": [[0, True]]}, "graph.edges.0.1: True is not valid"),
        ("k_nearest", 'graph.kind: "k_nearest" is not valid: the scenario places no transmitters'),
        ({"kind": "erdos_renyi", "probability": 0, "tries": 3}, "graph.probability: 0.0 is not valid: none of 3 "),
        ({"kind": "erdos_renyi", "probability": 1.1}, "graph.probability: 1.1 is not valid"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_sentence(settings, fragment):
    with pytest.raises(ConfigError, match=fragment) as caught:
        build(settings, 8)
    assert "\n" not in str(caught.value)


def test_nearest_neighbours_need_positions_and_enough_others():
    with pytest.raises(ConfigError, match="places no transmitters"):
        build("k_nearest", 8, positions=np.full((8, 2), np.nan))
    with pytest.raises(ConfigError, match=r"graph\.neighbours: 8 is not valid: an agent has 7 others"):
        build({"kind": "k_nearest", "neighbours": 8}, 8, positions=np.zeros((8, 2)))


@given(digraphs)
def test_hop_counts_are_lengths_of_shortest_paths(links):
    np.fill_diagonal(links, False)
    agents = len(links)
    lengths = dict(nx.all_pairs_shortest_path_length(nx.from_numpy_array(links, create_using=nx.DiGraph)))
    expected = [[lengths[i].get(j, agents) for j in range(agents)] for i in range(agents)]
    np.testing.assert_array_equal(hop_counts(links), expected)


def test_the_strongest_are_those_of_the_largest_sums_of_both_gains():
    gain = np.array([[9.0, 1, 5, 0], [2, 9, 0, 0], [0, 1, 9, 1], [8, 0, 0, 9]])
    links = StrongestGraph(neighbours=1).of_gains(gain)
    heard_from = {i: set(np.flatnonzero(links[:, i])) for i in range(4)}
    assert heard_from[0] >= {3}
    assert heard_from[1] >= {0}
    assert heard_from[2] >= {0}
    assert heard_from[3] >= {0}
    assert strongly_connected(links)


def test_the_strongest_need_gains_and_enough_others():
    with pytest.raises(ConfigError, match="neighbours: 4 is not valid: an agent has 3 others"):
        StrongestGraph(neighbours=4).of_gains(np.ones((4, 4)))
    with pytest.raises(ConfigError, match="it goes by mean gains"):
        message_graphs(Messaging(graph="strongest"), 6, [0])
