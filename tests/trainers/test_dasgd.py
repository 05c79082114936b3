"""DASGD: its reference, all nodes end with the same sum of gradients, counts are flat in staleness, and the bounds hold."""

import numpy as np
import pytest
import torch

from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.reference.dasgd import dasgd
from trainers.bounds.dasgd import dasgd_bound, dasgd_bound_loose, dasgd_step, dasgd_step_loose
from trainers.events.inboxes import Inboxes
from trainers.problems.logistic import Logistic
from trainers.problems.quadratic import Quadratic
from trainers.problems.torch_loss import TorchObjective, small_cnn
from wirelessenv import ConfigError
from wirelessenv.streams import stream

RANDOM = {"computing": {"kind": "exponential"}, "links": {"kind": "exponential"}, "link_scale": 0.7, "graph": "ring"}
SLOW = {"computing": {"kind": "given", "seconds": [1, 20]}, "staggered": False}


class Recording:
    """An objective that adds up what it answers."""

    def __init__(self, objective):
        self._objective, self.total, self.count = objective, 0.0, 0

    def __getattr__(self, name):
        return getattr(self._objective, name)

    def gradient(self, clients, x, sample=None):
        answer = self._objective.gradient(clients, x, sample)
        self.total, self.count = self.total + answer, self.count + 1
        return answer


NETWORKS = [
    {"links": {"kind": "linear", "slowest": 0.6}, "link_scale": 1.0},
    {"staggered": False, "graph": {"kind": "ring", "both_ways": False}},
    {"computing": {"kind": "given", "seconds": [1, 5, 2, 3, 1]}},
    RANDOM,
]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("seed", [0, 4])
@pytest.mark.parametrize("problem", [Quadratic(noise=0.5), Quadratic(clients=5)])
def test_every_step_is_that_of_the_reference(network, seed, problem):
    """Node, gradient, staleness and result of every step; delays keep or break the order of messages."""
    learner, rng = DASGD(problem, network, nodes=5, step_size=0.02, seed=seed, exact=problem.noise == 0), stream(seed, "sample")
    start = problem.starts([seed])[0]
    steps = dasgd(
        problem, learner.settings.network, start, nodes=5, step_size=0.02, iterations=600, seed=seed,
        sample=lambda client: problem.draw(client, rng) if problem.noise else None,
    )  # fmt: skip
    events = Inboxes(learner.settings.network, 5, seed)
    for step in steps:
        event = events.step()
        assert (event.node, event.origin, event.stale) == (step.node, step.origin, step.staleness)
        np.testing.assert_allclose(learner.learn(1).models[:, 0, 0], step.models, rtol=1e-12, atol=1e-12)
    assert {step.origin for step in steps if step.node == 2} == {0, 1, 2, 3, 4}
    assert max(step.staleness for step in steps) > 4


def tiny_cnn():
    rng = np.random.default_rng(0)
    torch.set_num_threads(1)
    images = rng.random((40, 1, 8, 8), dtype=np.float32)
    return TorchObjective(small_cnn(1, 8, width=2), images, rng.integers(0, 10, 40), batch=4)


@pytest.mark.parametrize("network", [{}, {"staggered": False, "graph": {"kind": "ring", "both_ways": False}}, RANDOM])
@pytest.mark.parametrize("problem", [Quadratic(noise=0.5), Logistic.gaussian(), tiny_cnn()])
def test_all_nodes_end_with_the_start_minus_eta_times_the_sum_of_gradients(network, problem):
    recording = Recording(problem)
    learner = DASGD(recording, network, nodes=5, step_size=[0.01, 0.02], seed=4)
    start = learner.models[0].copy()
    learner.learn(230)
    assert np.abs(learner.models[0] - learner.models[3]).max() > 0
    learner.finish()
    sets = [learner.inboxes[0].applied(node) for node in range(5)]
    assert all(one == set(range(recording.count)) for one in sets)
    rounding = 1e-11 if start.dtype == np.float64 else 2e-5
    expected = start - learner.step_size * recording.total
    for model in learner.models:
        np.testing.assert_allclose(model, expected, rtol=0, atol=rounding)


def test_one_node_is_gradient_descent():
    problem = Quadratic()
    learner = DASGD(problem, nodes=1, step_size=0.1, exact=True).learn(40)
    x = np.zeros(10)
    for _ in range(40):
        x = x - 0.1 * problem.gradient(0, x)
    np.testing.assert_allclose(learner.solution[0, 0], x, rtol=1e-12)


def test_a_run_depends_on_nothing_beside_it():
    """Alone or in a batch, in one go or cut, saved and resumed, also after the last sample: the same numbers."""
    problem = Quadratic(noise=1.0)
    alone = DASGD(problem, RANDOM, nodes=4, step_size=0.02, seed=8).learn(400).finish()
    batch = DASGD(problem, RANDOM, nodes=4, step_size=[0.01, 0.02], seed=[1, 8]).learn(150)
    resumed = DASGD(problem, RANDOM, nodes=4, step_size=[0.01, 0.02], seed=[1, 8])
    resumed.set_state(batch.state())
    for learner in (batch.learn(250), resumed.learn(250)):
        learner.finish()
        np.testing.assert_allclose(learner.models[:, 1, 1], alone.models[:, 0, 0], rtol=1e-10)
    after = DASGD(problem, RANDOM, nodes=4, step_size=[0.01, 0.02], seed=[1, 8])
    after.set_state(batch.state())
    np.testing.assert_array_equal(after.learn(10).models, batch.models)
    for name, values in batch.measures().items():
        np.testing.assert_allclose(values[1, 1], alone.measures()[name][0, 0], rtol=1e-9, err_msg=name)


@pytest.mark.slow
def test_iterations_are_flat_in_the_largest_staleness():
    """Figure 2a in small: the counts change by less than 1 % from one node alone to a node that is 20 times slower."""

    def count(nodes, network):
        target = {"below": 1e-12, "window": 30}
        learner = DASGD(Quadratic(seed=2), network, nodes=nodes, step_size=0.004, exact=True, target=target).learn(30000)
        return learner.arrival.arrived.item()

    alone, equal, slow = count(1, {}), count(2, {"staggered": False}), count(2, SLOW)
    assert np.isfinite([alone, equal, slow]).all()
    assert abs(equal / alone - 1) < 0.01
    assert abs(slow / alone - 1) < 0.01


def test_time_falls_as_nodes_are_added():
    def seconds(nodes):
        target = {"below": 1e-6, "window": 30}
        learner = DASGD(Quadratic(), nodes=nodes, step_size=0.005, exact=True, target=target).learn(100000)
        return learner.inboxes[0].seconds

    one, four = seconds(1), seconds(4)
    assert 3.5 < one / four < 4.5


def squared_gradients(learner, iterations):
    squares = []
    learner.learn(iterations, lambda one: squares.append((one.problem.mean_gradient(one.models[0]) ** 2).sum(-1)))
    return squares


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_theorem_1_on_a_problem_whose_constants_are_known(noise):
    """Steps at the bound of measured staleness: the mean squared gradient stays below both right-hand sides."""
    problem = Quadratic(noise=noise)
    first = DASGD(problem, SLOW, nodes=2, step_size=0.001, exact=noise == 0).learn(2000).measures()
    average, loose, largest = (first[name].item() for name in ("s_avg", "loose_s_avg", "loose_s_max"))
    bounded = dasgd_step(problem.smoothness, average)
    unbounded = dasgd_step_loose(problem.smoothness, loose, largest)
    gap = problem.mean_cost(np.zeros(10)) - problem.mean_cost(problem.minimiser)
    for step in (bounded, unbounded):
        learner = DASGD(problem, SLOW, nodes=2, step_size=step, exact=noise == 0, seed=range(5))
        squares = squared_gradients(learner, 1500)
        steps, mean, largest_slope = int(learner.steps[:, 0].min()), np.mean(squares), np.sqrt(np.max(squares))
        sigma = noise * np.sqrt(10)
        # On the way of this run gradients were at most largest_slope, and node 0 repeats a model while node 1 makes a step.
        known = dasgd_bound(
            step, steps, gap, smoothness=problem.smoothness, noise=sigma, gradient=largest_slope, average=average
        )
        assert mean < known
        if step == unbounded:
            assert mean < dasgd_bound_loose(step, steps, gap, smoothness=problem.smoothness, noise=sigma)


def test_nodes_that_do_not_fit_the_problem_are_refused():
    with pytest.raises(ConfigError, match="nodes: 3"):
        DASGD(Quadratic(clients=2), nodes=3)
    with pytest.raises(ConfigError, match="state"):
        DASGD(Quadratic(), nodes=2).set_state(DASGD(Quadratic(), nodes=3).state())
