"""Large but legal requests are refused before memory is allocated, with the setting that makes them so."""

import subprocess
import sys
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainers.experiments.experiment import Experiment
from wirelessenv import memory
from wirelessenv.config import ConfigError
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.memory import GIB, check_room, lack_of_memory_told, part, room_for
from wirelessenv.messages.graph import NearestGraph, diameter, strongly_connected
from wirelessenv.network import WirelessNetwork


@pytest.fixture
def eight_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory", lambda device=None: 8.0 * GIB)


def test_the_sentence_names_the_setting_that_makes_it_so(eight_gib: None) -> None:
    agents = ("transmitters", 24)
    with pytest.raises(ConfigError) as caught:
        check_room(part(4, ("seeds", 1), ("hops", 2**20), agents, ("slots", 128)), part(4, agents, agents))
    assert str(caught.value) == (
        "hops: 1048576 with 24 transmitters and 128 slots is not valid: it needs about 12 GiB of memory, and this machine has "
        "8 GiB for it: choose fewer hops"
    )
    with pytest.raises(ConfigError, match=r"^transmitters: 50000 with 60 slots is not valid: .* choose fewer transmitters$"):
        check_room(part(1, ("transmitters", 50_000), ("transmitters", 50_000), ("slots", 60)))


def test_what_has_room_passes_and_parts_are_added_up(eight_gib: None) -> None:
    half = part(1, ("slots", 5 * GIB))
    check_room(half)
    with pytest.raises(ConfigError, match="needs about 10 GiB"):
        check_room(half, half)


def test_a_lack_that_shows_while_memory_is_taken_is_told_alike() -> None:
    with pytest.raises(ConfigError, match=r"^hops: 7 is not valid: .* more than is free here: choose fewer hops$"):  # noqa: SIM117
        with room_for(part(4, ("hops", 7))):
            raise MemoryError
    with pytest.raises(ConfigError, match=r"^memory: it does not suffice"), lack_of_memory_told():
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 400000000000000 bytes")
    with pytest.raises(RuntimeError, match="another"), lack_of_memory_told():
        raise RuntimeError("another fault")


def test_the_memory_of_this_machine_is_known() -> None:
    assert 2**28 < memory.memory() < 2**60


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"num_envs": 10**9}, "num_envs"),
        ({"num_envs": 10**6}, "num_envs"),
        ({"scenario": {"preset": "dense", "transmitters": 10_000}}, "transmitters"),
        ({"num_envs": 1000, "messages": "learned", "message_size": 10_000}, "message_size"),
        ({"num_envs": 1000, "scenario": {"preset": "drifting", "fading": {"sinusoids": 1000}}}, "fading.sinusoids"),
        ({"num_envs": 10**7, "scenario": {"preset": "dense", "transmitters": 1}}, "num_envs"),
        (
            {"messages": "utility", "messaging": {"links": {"delay": {"kind": "uniform", "longest": 10_000}}}},
            "links.delay",
        ),
    ],
)
def test_environments_that_are_too_large_are_refused(options: dict[str, Any], name: str, eight_gib: None) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .* GiB"):
        VectorPowerControlEnv(**{"scenario": "dense", **options}).reset(seed=0)


def test_no_more_environments_are_begun_than_seconds_allow() -> None:
    with pytest.raises(ConfigError, match=r"^num_envs: 100001 is not valid: it should be at most 100000$"):
        VectorPowerControlEnv(100_001, {"preset": "dense", "transmitters": 1})
    with pytest.raises(ConfigError, match="give at most 100000 seeds"):
        WirelessNetwork({"preset": "dense", "transmitters": 1}, range(100_001))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"problem": {"evaluation_slots": 10**9}}, "evaluation_slots"),
        ({"learner": {"memory": 10**9}}, "memory"),
        ({"learner": {"batch": 10**9}}, "batch"),
        ({"learner": {"kind": "first_order", "memory": 10**6}}, "memory"),
        ({"policy": {"hidden": [4096, 4096]}}, "policy.hidden"),
        ({"problem": {"kind": "logistic", "samples": 10**9}, "learner": "async_sgd"}, "samples"),
        ({"problem": {"kind": "least_squares", "size": 10**9}, "learner": "async_bc"}, "size"),
        ({"problem": {"kind": "ridge_regression", "batch": 10**9}, "learner": "async_bc"}, "batch"),
        ({"problem": {"bank_slots": 10**9}, "learner": "async_sgd"}, "bank_slots"),
    ],
)
def test_experiments_that_are_too_large_are_refused(changes: dict[str, Any], name: str, eight_gib: None) -> None:
    experiment = Experiment.parse({"scenario": "dense", "seeds": 1, **changes})
    with pytest.raises(ConfigError, match=rf"^{name}.*: .* GiB"):
        experiment.build(["learned"], [0])


def test_blocks_and_banks_are_refused_before_they_are_made(eight_gib: None) -> None:
    network = WirelessNetwork("dense", seed=range(10))
    for make in (network.block, lambda slots: network.bank(slots, "evaluation")):
        with pytest.raises(ConfigError, match=r"^slots: .* with 10 seeds and 24 transmitters .* choose fewer slots$"):
            make(10**6)


def test_under_a_limit_of_the_process_it_is_refused_too() -> None:
    program = (
        "import resource; from wirelessenv import WirelessNetwork; from wirelessenv.config import ConfigError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30,) * 2)\n"
        "try: WirelessNetwork('dense').block(10**6)\n"
        "except ConfigError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603  # our own program
    assert said.stdout.startswith("slots: 1000000 with 24 transmitters")


@given(arrays.arrays(bool, st.integers(1, 9).map(lambda agents: (agents, agents))))
def test_reach_and_diameter_are_those_of_networkx(links: np.ndarray) -> None:
    np.fill_diagonal(links, False)
    graph = nx.from_numpy_array(links, create_using=nx.DiGraph)
    assert strongly_connected(links) == nx.is_strongly_connected(graph)
    if strongly_connected(links):
        assert diameter(links) == nx.diameter(graph)


def test_groups_are_joined_where_they_are_nearest() -> None:
    """As a plain loop does that looks for all groups again after each link."""
    rng = np.random.default_rng(5)
    for agents in (5, 12, 30):
        places = rng.integers(0, 6, (agents, 2)).astype(float)  # distances that are equal, too
        distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
        np.fill_diagonal(distance, np.inf)
        expected = np.zeros((agents, agents), bool)
        for agent, row in enumerate(distance):
            expected[agent, np.argsort(row, kind="stable")[:2]] = True
        while len(groups := list(nx.strongly_connected_components(nx.DiGraph(expected)))) > 1:
            group_of = {agent: number for number, group in enumerate(groups) for agent in group}
            number = np.array([group_of[agent] for agent in range(agents)])
            apart = np.where(number[:, None] == number, np.inf, distance)
            i, j = np.unravel_index(apart.argmin(), apart.shape)
            expected[i, j] = expected[j, i] = True
        assert np.array_equal(NearestGraph(neighbours=2).build(agents, rng, places), expected)
