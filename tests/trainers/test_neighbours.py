"""Algorithms 1 and 2 over lists of neighbours, beside those on all links."""

import numpy as np
import pytest
import torch

from trainers import WirelessObjective, WirelessProblem, ZerothOrderLearner
from trainers.algorithms.first_order import FirstOrderLearner
from wirelessenv.config import ConfigError

NOTHING = {"preset": "dense", "cut": 1e-12}
LARGE = {"preset": "dense", "transmitters": 120, "cut": 0.01, "placement": {"density": 1 / 6}}
NEAREST = {"graph": "k_nearest"}


def made(scenario, links, seeds=(1, 2), **settings):
    problem = WirelessProblem(scenario, seed=list(seeds), evaluation_slots=20)
    return ZerothOrderLearner(problem, links, seed=list(seeds), batch=4, smoothing=0.5, **settings)


@pytest.mark.parametrize(
    ("links", "settings"),
    [
        (NEAREST, {"most_hops": 3, "step_size": [2.0, 5.0]}),
        (NEAREST, {"most_hops": [2, 4], "feedback": "antithetic", "common_noise": True}),
        ({"graph": "block", "links": {"delay": 2}}, {"most_hops": 2, "directions": 2, "momentum": 0.9}),
        ({"graph": "ring", "relay": False}, {}),
        ({"graph": "k_nearest", "activity": {"query": 0.7, "update": 0.8}}, {"most_hops": 2, "perturb_sleeping": False}),
        (NEAREST, {"cooperative": False}),
    ],
)
def test_where_nothing_is_cut_iterates_are_those_on_all_links(links, settings):
    whole, near = made("dense", links, **settings), made(NOTHING, links, **settings)
    whole.learn(9)
    near.learn(4)
    near.learn(5)
    torch.testing.assert_close(near.parameters, whole.parameters, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(near.measures()["utility"], whole.measures()["utility"], rtol=1e-5)
    np.testing.assert_array_equal(near.messages, whole.messages)
    np.testing.assert_array_equal(near.dropped_queries, whole.dropped_queries)


def test_a_large_network_learns_saves_and_goes_on(tmp_path):
    learner = made(LARGE, NEAREST, most_hops=3, memory=4, step_size=60.0)
    start = learner.measures()["utility"].sum()
    learner.learn(100)
    assert learner.measures()["utility"].sum() > start
    learner.save(tmp_path / "learner")
    again = ZerothOrderLearner.load(tmp_path / "learner").learn(3)
    assert torch.equal(again.parameters, learner.learn(3).parameters)


def test_terms_come_from_agents_within_the_hops_alone():
    """Policies of agents more than h hops away from an agent whose utility changes stay as they are."""
    learner = made(LARGE, NEAREST, seeds=(1,), most_hops=2, memory=3, step_size=1.0)
    knowledge = learner.knowledge[0]
    learner.learn(4)
    before = learner.parameters.clone()
    learner._queries[:] = 0
    learner._queries[..., 7] = 1.0
    plan = learner._planner.next(1)
    from trainers.algorithms.zeroth_order import weights_of_rows  # the step alone

    weights = weights_of_rows(learner._queries, plan.rows, plan.weights, 1, plan.who)
    hears = (knowledge.who[0] == 7) & (knowledge._tables[-1].reshape(knowledge.shape)[0] >= 0)
    np.testing.assert_array_equal(weights[0, :, 0].any(-1).numpy(), hears.any(1))
    assert 2 < hears.any(1).sum() < 40
    assert torch.equal(before, learner.parameters)


def test_what_has_no_lists_is_refused_in_one_sentence():
    problem = WirelessProblem(NOTHING, evaluation_slots=20)
    with pytest.raises(ConfigError, match=r"^most_hops: missing: with a cut"):
        ZerothOrderLearner(problem, NEAREST)
    with pytest.raises(ConfigError, match=r"^weakest_interference: 1.0 is not valid with a cut"):
        ZerothOrderLearner(problem, NEAREST, most_hops=2, weakest_interference=1.0)
    with pytest.raises(ConfigError, match=r"^memory: 3 is not valid: .* at least 4 instants"):
        ZerothOrderLearner(problem, NEAREST, most_hops=3, memory=3)
    with pytest.raises(ConfigError, match=r"^cut: not valid here: first_order needs the gains of all links"):
        FirstOrderLearner(problem, NEAREST)
    with pytest.raises(ConfigError, match=r"^cut: not valid here: costs of clients"):
        WirelessObjective(NOTHING)
