"""Methods without a server: beside their references, what they keep under loss, and where they go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.push_cases import DELAY, PAPER, WAKING, OneAxisEach, messagings
from trainers.algorithms.ad_psgd import ADPSGDLearner
from trainers.algorithms.d_psgd import DPSGDLearner
from trainers.algorithms.extra import EXTRALearner
from trainers.algorithms.gradient_tracking import GradientTrackingLearner
from trainers.algorithms.osgp import OSGPLearner
from trainers.algorithms.r_fast import RFASTLearner
from trainers.algorithms.reference.ad_psgd import ad_psgd, chosen_neighbours
from trainers.algorithms.reference.d_psgd import d_psgd
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.extra import extra
from trainers.algorithms.reference.gradient_tracking import gradient_tracking
from trainers.algorithms.reference.osgp import osgp
from trainers.algorithms.reference.r_fast import r_fast
from trainers.algorithms.reference.rounds import metropolis_weights, round_ends
from trainers.algorithms.sgp import SGPLearner
from trainers.problems.least_squares import LeastSquares
from trainers.problems.ridge_regression import RidgeRegression
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError, Messaging
from wirelessenv.streams import stream

RING = {"graph": "ring", "activity": WAKING, "links": {"delay": DELAY, "loss": PAPER.links.loss}, "relay": False}
ROUNDS = {"d_psgd": (DPSGDLearner, d_psgd, 0), "gradient_tracking": (GradientTrackingLearner, gradient_tracking, 1)}


def seen(learner, ticks):
    """The nodes of the first run and variant after each tick."""
    found = []
    learner.learn(ticks, lambda one: found.append(one.nodes[0, 0].copy()))
    return np.array(found)


def batches_of(problem, seed, count):
    rng, nodes = stream(seed, "sample"), np.arange(problem.clients)
    return [problem.draw(nodes, rng) for _ in range(count)]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("delay", [DELAY, {"kind": "uniform", "shortest": 0, "longest": 4}])
def test_r_fast_has_the_iterates_of_its_reference(seed, delay):
    messaging = Messaging(graph=PAPER.graph, links={"delay": delay, "loss": PAPER.links.loss}, activity=WAKING, relay=False)
    problem, ticks = RidgeRegression(size=3, batch=3), 90  # more than a block of ticks
    batches = batches_of(problem, seed, ticks + 1)
    expected = r_fast(problem, message_draws(messaging, 10, seed, ticks, senders="updating"), step_size=0.01, batches=batches)
    found = seen(RFASTLearner(problem, messaging, step_size=0.01, seed=seed), ticks)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_overlap_sgp_has_the_iterates_of_its_reference(overlap):
    messaging = Messaging(graph=PAPER.graph, links={"delay": DELAY, "loss": 0.2}, activity=WAKING, relay=False)
    problem, ticks = RidgeRegression(size=3, batch=3), 90
    batches, steps = batches_of(problem, 2, ticks), [0.0] + [0.02] * (ticks - 1)
    draws = message_draws(messaging, 10, 2, ticks, senders="updating")
    expected = osgp(problem, draws, step_sizes=steps, overlap=overlap, batches=batches)
    found = seen(OSGPLearner(problem, messaging, step_size=0.02, seed=2, overlap=overlap), ticks)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_overlap_sgp_without_overlap_is_sgp():
    problem = RidgeRegression(size=3, batch=3)
    one = SGPLearner(problem, PAPER, step_size=0.01, seed=[0, 1])
    other = OSGPLearner(problem, PAPER, step_size=0.01, seed=[0, 1], overlap=0)
    np.testing.assert_array_equal(one.learn(150).pairs, other.learn(150).pairs)
    np.testing.assert_array_equal(one.messages, other.messages)


def test_overlap_sgp_sends_every_so_often():
    ring = {"graph": {"kind": "ring", "both_ways": False}}
    learner = OSGPLearner(OneAxisEach(5), ring, step_size=0.1, overlap=2, exact=True).learn(90)
    assert learner.messages.tolist() == [5 * 30]
    np.testing.assert_allclose(learner.total()[..., -1], 5)


@pytest.mark.parametrize("links", [RING["links"], {"delay": {"kind": "uniform", "shortest": 0, "longest": 3}, "loss": 0.3}])
def test_ad_psgd_has_the_iterates_of_its_reference(links):
    messaging, ticks, n = Messaging(**RING | {"graph": {"kind": "block", "kappa": 4}, "links": links}), 90, 10
    problem = RidgeRegression(size=3, batch=3)
    free = message_draws(messaging, n, 1, ticks, senders="updating")
    asked = chosen_neighbours(free.graph, stream(1, "neighbour").random((ticks, n))) & free.updates[..., None]
    draws = message_draws(messaging, n, 1, ticks, senders=asked)
    expected = ad_psgd(problem, draws, step_size=0.02, batches=batches_of(problem, 1, ticks))
    learner = ADPSGDLearner(problem, messaging, step_size=0.02, seed=1)
    np.testing.assert_allclose(seen(learner, ticks), expected, rtol=1e-9, atol=1e-12)
    answers = sum(t + draws.delay[t, i, j] < ticks for t, i, j in np.argwhere(draws.arrives))
    assert learner.messages.tolist() == [draws.sent.sum() + answers]


@pytest.mark.parametrize("name", ROUNDS)
@pytest.mark.parametrize("seed", range(2))
def test_methods_in_rounds_have_the_iterates_of_their_references(name, seed):
    kind, loop, before = ROUNDS[name]
    messaging, problem, ticks = Messaging(**RING), RidgeRegression(size=3, batch=3, clients=5), 100
    draws = message_draws(messaging, 5, seed, ticks, senders="updating")
    batches = batches_of(problem, seed, before + sum(round_ends(draws)))
    learner = kind(problem, messaging, step_size=0.02, seed=seed)
    expected = loop(problem, draws, step_size=0.02, batches=batches)
    np.testing.assert_allclose(seen(learner, ticks), expected, rtol=1e-9, atol=1e-12)
    assert learner.rounds.tolist() == [sum(round_ends(draws))]
    assert learner.messages.tolist() == [draws.sent.sum()]


@pytest.mark.parametrize("seed", range(2))
def test_extra_has_the_iterates_of_its_reference(seed):
    messaging, problem, ticks = Messaging(**RING), LeastSquares(clients=5), 100
    problem.starts = lambda seeds: np.zeros((len(seeds), problem.size))
    draws = message_draws(messaging, 5, seed, ticks, senders="updating")
    found = seen(EXTRALearner(problem, messaging, step_size=0.1, exact=True, seed=seed), ticks)
    np.testing.assert_allclose(found, extra(problem, draws, step_size=0.1), rtol=1e-9, atol=1e-12)


@given(messagings(), st.integers(2, 6), st.integers(0, 3))
@pytest.mark.slow
def test_running_sums_keep_the_sum_of_gradients_under_any_loss(messaging, nodes, seed):
    problem = LeastSquares(clients=nodes, size=2)
    learner = RFASTLearner(problem, messaging, step_size=0.01, seed=[seed, seed + 1], exact=True)
    learner.learn(60, lambda one: np.testing.assert_allclose(one.total(), one.gradients.sum(2), atol=1e-9))


def test_running_sums_keep_the_sum_of_gradients_under_loss():
    learner = RFASTLearner(RidgeRegression(size=3), PAPER, step_size=[0.001, 0.01], seed=[0, 1])
    learner.learn(100, lambda one: np.testing.assert_allclose(one.total(), one.gradients.sum(2), atol=1e-9))


def test_the_tracked_sum_is_that_of_the_gradients():
    learner = GradientTrackingLearner(RidgeRegression(size=3, clients=5), RING, step_size=[0.001, 0.01], seed=[0, 1])
    learner.learn(200, lambda one: np.testing.assert_allclose(one.y.sum(2), one.gradients.sum(2), atol=1e-9))


def test_the_mean_of_ad_psgd_moves_by_the_gradients_alone():
    """f_i(x) = x_i, so that each node that wakes up moves coordinate i of the sum by eta, whatever is late or lost."""
    messaging = Messaging(**RING | {"graph": "complete"})
    learner = ADPSGDLearner(OneAxisEach(6), messaging, step_size=0.5, seed=3, exact=True).learn(150)
    woken = message_draws(messaging, 6, 3, 150).updates.sum(0)
    np.testing.assert_allclose(learner.x.sum(2)[0, 0], -0.5 * woken, rtol=1e-12)


@pytest.mark.parametrize(("kind", "step"), [(GradientTrackingLearner, 0.03), (EXTRALearner, 0.03), (RFASTLearner, 0.06)])
def test_exact_methods_converge_linearly_to_the_minimiser(kind, step):
    """Nodes' own minima differ, and no step falls: log distance falls by the same again and again, down to rounding."""
    problem = LeastSquares(zeta=3.0)
    learner = kind(problem, {"graph": "ring", "links": {"delay": 0}, "relay": False}, step_size=step, exact=True)
    distances = [learner.learn(150).measures()["distance"].item() for _ in range(3)]
    assert distances[0] < 0.1
    assert distances[1] < 0.02 * distances[0]
    assert distances[2] < 0.02 * distances[1]
    assert learner.learn(900).measures()["distance"].item() < 1e-11  # the rounding of R-FAST's sums, which have grown


def test_averaging_alone_stops_before_the_minimiser():
    """D-PSGD on LeastSquares has the fixed point (I - W + eta H) x = eta A b, coordinate by coordinate."""
    problem, messaging = LeastSquares(zeta=3.0), Messaging(graph="ring", links={"delay": 0}, relay=False)
    learner = DPSGDLearner(problem, messaging, step_size=0.05, exact=True).learn(1500)
    weights, steep = metropolis_weights(learner.link_events.graphs[0]), np.diag(problem._curvatures)
    expected = np.linalg.solve(np.eye(4) - weights + 0.05 * steep, 0.05 * problem._pulls)
    np.testing.assert_allclose(learner.nodes[0, 0], expected, atol=1e-12)
    assert np.linalg.norm(learner.solution[0, 0] - problem.minimiser) > 0.01


def test_r_fast_is_gradient_tracking_where_nothing_is_late_or_lost():
    """With all awake, A and W of equal weights and x = v: z + ... of all nodes is y of DIGing with mixed descents."""
    problem, n = LeastSquares(zeta=2.0), 4
    learner = RFASTLearner(problem, {"graph": "complete", "links": {"delay": 0}}, step_size=0.05, exact=True)
    mean, w = np.full((n, n), 1 / n), np.arange(n)
    x = np.repeat(problem.starts([0])[:, None], n, axis=1)[0]
    g = problem.gradient(w, x)
    z, handed = g.copy(), np.zeros_like(g)
    for _ in range(80):
        x = mean @ (x - 0.05 * z)
        new = problem.gradient(w, x)
        half = z + (n * mean - np.eye(n)) @ handed + new - g  # what the others handed on in the last tick
        z, handed, g = half / n, half / n, new
        np.testing.assert_allclose(learner.learn(1).nodes[0, 0], x, atol=1e-12)


def test_a_round_takes_a_tick_more_than_the_delay():
    for delay in (0, 1, 4):
        messaging = {"graph": "ring", "links": {"delay": delay}, "relay": False}
        learner = DPSGDLearner(LeastSquares(), messaging, step_size=0.01, exact=True).learn(30 * (delay + 1))
        assert learner.rounds.tolist() == [30]


def test_runs_do_not_depend_on_what_stands_beside_them():
    problem = RidgeRegression(size=3, clients=5, batch=3)
    for kind in (DPSGDLearner, GradientTrackingLearner, EXTRALearner, ADPSGDLearner, RFASTLearner, OSGPLearner):
        together = kind(problem, RING, step_size=[0.01, 0.02], seed=[4, 7]).learn(90)
        alone = kind(problem, RING, step_size=0.02, seed=7).learn(90)
        np.testing.assert_allclose(together.nodes[1, 1], alone.nodes[0, 0], rtol=1e-12)


def test_graphs_and_steps_that_do_not_fit_are_told():
    one_way = {"graph": {"kind": "ring", "both_ways": False}}
    with pytest.raises(ConfigError, match=r"graph: ring is not valid: extra needs links that lead both ways"):
        EXTRALearner(LeastSquares(), one_way, step_size=0.1, exact=True)
    with pytest.raises(ConfigError, match=r"clients: 1 is not valid: averaging is for 2 nodes or more"):
        RFASTLearner(LeastSquares(clients=1), {"graph": "complete"}, step_size=0.1, exact=True)
    learner = EXTRALearner(LeastSquares(), {"graph": "complete"}, step_size=[0.2, 0.3], exact=True)
    assert learner.warnings(10) == ["step_size: 0.3 is beyond 0.25, up to which Theorem 3.3 of Shi et al. (2015) holds"]


@pytest.mark.parametrize("kind", [OSGPLearner, EXTRALearner, ADPSGDLearner, GradientTrackingLearner, RFASTLearner])
def test_a_state_goes_on_with_the_same_numbers(kind, tmp_path):
    first, second = (kind(RidgeRegression(size=2, clients=4, batch=2), RING, step_size=0.01, seed=[0, 1]) for _ in range(2))
    write_tensors(tmp_path / "state.pt", first.learn(70).state())
    second.learn(3).set_state(read_tensors(tmp_path / "state.pt"))
    np.testing.assert_array_equal(first.learn(70).nodes, second.learn(70).nodes)
    np.testing.assert_array_equal(first.messages, second.messages)
