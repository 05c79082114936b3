"""decent-bench, in an environment of its own: where it has a method of ours without delay, the iterates are the same.

Its gradient tracking sends x_j - eta y_j (ATC-Tracking) or is another recursion (SimpleGT), and is not ours, which is DIGing's
form. It has none of the methods over late links.
"""

import networkx as nx
import numpy as np
import pytest

pytest.importorskip("decent_bench", reason="decent-bench has an environment of its own, and wants Python 3.13")

from decent_array import interoperability as arrays  # after the line that skips
from decent_bench.agents import Agent  # as above
from decent_bench.algorithms.federated import FedAvg  # as above
from decent_bench.algorithms.p2p import DGD, EXTRA, ATC_Tracking  # as above
from decent_bench.costs import QuadraticCost  # as above
from decent_bench.networks import FedNetwork, P2PNetwork  # as above

from trainers.algorithms.base.round_learner import metropolis  # as above
from trainers.algorithms.d_psgd import DPSGDLearner  # as above
from trainers.algorithms.extra import EXTRALearner  # as above
from trainers.algorithms.gradient_tracking import GradientTrackingLearner  # as above
from trainers.algorithms.sync_sgd import SyncSGD  # as above
from trainers.problems.tridiagonal import Tridiagonal  # as above

ROUNDS, STEP = 200, 0.3
IDEAL = {"graph": {"kind": "block", "kappa": 4}, "activity": {"update": 1.0}, "links": {"delay": 0}, "relay": False}
"""Links over which a round takes one tick."""


@pytest.fixture(autouse=True)
def _numpy():
    arrays.set_backend("numpy")


@pytest.fixture
def problem():
    return Tridiagonal(clients=7, size=5, spread=0.3, seed=3)


def agents(problem):
    """The clients' quadratics x'A x / 2 + b'x, read off their gradients."""
    found = []
    for client in range(problem.clients):
        pull = problem.gradient(client, np.zeros(problem.size))
        matrix = np.stack([problem.gradient(client, axis) - pull for axis in np.eye(problem.size)], axis=1)
        found.append(Agent(QuadraticCost(arrays.from_numpy(matrix), arrays.from_numpy(pull))))
    return found


def start(problem):
    return arrays.from_numpy(problem.starts([0])[0])


def history(agent):
    return np.stack([arrays.to_numpy(x) for x in agent._x_history.values()])


@pytest.mark.parametrize(("ours", "theirs"), [(DPSGDLearner, DGD), (EXTRALearner, EXTRA)])
def test_methods_in_rounds_have_the_same_iterates(problem, ours, theirs):
    learner = ours(problem, IDEAL, step_size=STEP, exact=True)
    graph = learner.link_events.graphs[0]
    peers = agents(problem)
    network = P2PNetwork(nx.from_numpy_array(graph), peers)
    np.testing.assert_allclose(arrays.to_numpy(network.weights), metropolis(graph), atol=1e-15)
    theirs(step_size=STEP, x0=start(problem)).run(network, ROUNDS)
    expected = np.stack([history(one) for one in peers], axis=1)  # (rounds + 1, n, d)
    for count in range(ROUNDS + 1):
        np.testing.assert_allclose(learner.nodes[0, 0], expected[count], rtol=0, atol=1e-10)
        learner.learn(1)
    assert np.abs(expected[-1] - expected[0]).max() > 1


def test_federated_averages_of_one_step_are_rounds_of_sync_sgd(problem):
    clients = agents(problem)
    network = FedNetwork(clients)
    FedAvg(step_size=STEP, num_local_steps=1, x0=start(problem)).run(network, ROUNDS)
    learner = SyncSGD(problem, step_size=STEP, exact=True)
    for expected in history(network.server()):
        np.testing.assert_allclose(learner.solution[0, 0], expected, rtol=0, atol=1e-10)
        learner.learn(problem.clients)


def test_forms_of_gradient_tracking_end_at_the_same_point(problem):
    learner = GradientTrackingLearner(problem, IDEAL, step_size=0.2, exact=True).learn(2000)
    peers = agents(problem)
    network = P2PNetwork(nx.from_numpy_array(learner.link_events.graphs[0]), peers)
    ATC_Tracking(step_size=0.2, x0=start(problem)).run(network, 2000)
    for node, peer in zip(learner.nodes[0, 0], peers, strict=True):
        np.testing.assert_allclose(node, arrays.to_numpy(peer.x), rtol=0, atol=1e-6)
