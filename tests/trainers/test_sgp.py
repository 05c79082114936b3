"""SGP: beside its reference, its mass without and with loss, and what the leak does to it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.push_cases import DELAY, PAPER, WAKING, OneAxisEach, messagings
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.sgp import sgp
from trainers.algorithms.sgp import SGPLearner
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv import ConfigError, Messaging
from wirelessenv.streams import stream


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("transmit", [1, 0.6])
@pytest.mark.parametrize("delay", [DELAY, {"kind": "uniform", "shortest": 0, "longest": 4}])
def test_the_iterates_are_those_of_the_reference(seed, transmit, delay):
    links = {"delay": delay, "loss": PAPER.links.loss}
    messaging = Messaging(graph=PAPER.graph, links=links, activity={**WAKING, "transmit": transmit}, relay=False)
    problem, ticks = RidgeRegression(size=4, batch=3), 90  # more than a block of ticks
    rng, nodes = stream(seed, "sample"), np.arange(10)
    batches = [problem.draw(nodes, rng) for _ in range(ticks)]
    steps = [0, *(0.02 * (4 / (t + 3)) ** 0.5 for t in range(1, ticks))]
    draws = message_draws(messaging, 10, seed, ticks, senders="updating")
    expected = sgp(problem, draws, step_sizes=steps, batches=batches)
    learner, seen = SGPLearner(problem, messaging, step_size=0.02, seed=seed, decay=0.5, offset=3), []
    learner.learn(ticks, lambda one: seen.append(one.nodes[0, 0]))
    np.testing.assert_allclose(seen, expected, rtol=1e-9, atol=1e-12)


@given(messagings(), st.integers(2, 6), st.integers(0, 3))
@pytest.mark.slow
def test_without_loss_nothing_leaks_and_with_loss_mass_only_falls(messaging, nodes, seed):
    safe = Messaging(**{**messaging.dump(), "links": {"delay": messaging.links.delay}})
    seeds = [seed, seed + 1]
    stepped = np.stack([message_draws(safe, nodes, one, 40).updates for one in seeds], axis=1)
    stepped[0] = False  # theta(0) = 0

    def check(learner):
        total, steps = learner.total()[0], stepped[: learner.iteration].sum(0)
        np.testing.assert_allclose(total[:, -1], nodes, rtol=1e-12)
        np.testing.assert_allclose(total[:, :-1], -0.5 * steps, atol=1e-11)

    SGPLearner(OneAxisEach(nodes), safe, step_size=0.5, seed=seeds, exact=True).learn(40, check)
    mass = []
    SGPLearner(OneAxisEach(nodes), messaging, step_size=0.5, seed=seed, exact=True).learn(
        40, lambda one: mass.append(one.measures()["mass"][0, 0])
    )
    assert all(after <= before + 1e-12 for before, after in pairwise([1, *mass]))


@pytest.mark.parametrize("delay", [1, 3, 10])
def test_weights_fall_to_the_power_of_the_delay_and_come_back_to_what_is_not_on_its_way(delay):
    """y = (k + 1)^-t until the first parts arrive; in the end y is 1 minus its d parts of k / (k + 1) that travel."""
    learner = SGPLearner(OneAxisEach(8), {"graph": "ring", "links": {"delay": delay}}, step_size=0.1, exact=True)
    for tick in range(1, delay + 1):
        np.testing.assert_allclose(learner.learn(1).y, 3.0**-tick)
    np.testing.assert_allclose(learner.learn(200 * delay).y, 1 / (1 + delay * 2 / 3), rtol=1e-6)


def test_a_message_counts_when_it_is_sent_lost_or_not():
    ring = {"graph": {"kind": "ring", "both_ways": False}}
    learner = SGPLearner(
        OneAxisEach(5), Messaging(**ring, links={"loss": 0.5}), step_size=[0.1, 0.2], seed=[0, 1], exact=True
    ).learn(7)
    measures = learner.measures()
    np.testing.assert_array_equal(measures["messages"], np.full((2, 2), 7 * 5))
    np.testing.assert_array_equal(measures["bits"], np.full((2, 2), 7 * 5 * 32 * (5 + 1)))
    asleep = SGPLearner(OneAxisEach(5), Messaging(**ring, activity={"update": 0.3}), step_size=0.1, seed=3, exact=True).learn(
        200
    )
    assert asleep.messages[0] == message_draws(Messaging(**ring, activity={"update": 0.3}), 5, 3, 200).updates.sum()


@pytest.mark.slow
def test_it_converges_without_loss_and_diverges_with_loss():
    """Figure 2 of Toghani et al. (2023), its curve of SGP, with a control: sleep and delay alone do no harm."""
    problem, seeds = RidgeRegression(), range(5)
    best, start = problem.mean_cost(problem.minimiser()), problem.mean_cost(np.zeros(30))
    late = Messaging(graph=PAPER.graph, activity=WAKING, links={"delay": DELAY})
    control = SGPLearner(problem, late, step_size=[0.01], seed=seeds, decay=0.5).learn(3000).measures()
    np.testing.assert_allclose(control["mass"], 1, rtol=1e-9)
    assert (control["cost"] - best < 0.05 * (start - best)).all()
    lossy = SGPLearner(problem, PAPER, step_size=[0.01, 0.001], seed=seeds, decay=0.5).learn(3000).measures()
    assert (lossy["mass"] < 1e-9).all()
    assert not (lossy["cost"] - best < 0.5 * (start - best)).any()  # NaN where it has diverged


def test_a_run_that_diverges_leaves_the_others_alone():
    problem, safe = RidgeRegression(size=5), Messaging(graph={"kind": "complete"})
    together = SGPLearner(problem, safe, step_size=[1e3, 0.01], seed=[0, 1]).learn(150)
    assert not np.isfinite(together.measures()["cost"][0]).any()
    assert not np.isfinite(together.solution[0]).any()
    assert np.isfinite(together.solution[1]).all()
    for run, seed in enumerate([0, 1]):
        alone = SGPLearner(problem, safe, step_size=0.01, seed=seed).learn(150)
        np.testing.assert_allclose(together.nodes[1, run], alone.nodes[0, 0], rtol=1e-10)


def test_bad_settings_are_one_sentence():
    problem = RidgeRegression()
    with pytest.raises(ConfigError, match=r"decay: -1 is not valid: it should be 0 or more"):
        SGPLearner(problem, PAPER, step_size=0.1, decay=-1)
    with pytest.raises(ConfigError, match=r"offset: inf is not valid"):
        SGPLearner(problem, PAPER, step_size=0.1, offset=float("inf"))
    with pytest.raises(ConfigError, match=r"clients: 1 is not valid: push-sum is for 2 nodes or more"):
        SGPLearner(RidgeRegression(clients=1), Messaging(graph={"kind": "complete"}), step_size=0.1)
    with pytest.raises(ConfigError, match=r"OneAxisEach has no samples"):
        SGPLearner(OneAxisEach(4), Messaging(graph="complete"), step_size=0.1).learn(1)
