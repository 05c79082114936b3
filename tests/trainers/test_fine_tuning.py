"""Costs and test errors after own gradient steps, in closed form, beside enumerated batches, simulation and finite sums."""

from itertools import product

import numpy as np
import pytest

from trainers.algorithms.pars_push import personal_gradient, personal_points
from trainers.problems.fine_tuning import spread_of_gaussian, spread_of_set
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv import ConfigError

ALPHA = 0.05


@pytest.mark.parametrize("inner_steps", [0, 1, 2])
def test_the_mean_meta_gradient_over_all_batches_is_that_of_the_closed_form(inner_steps):
    """Batches of one of two vectors, no label noise: all 2^(u+1) of them, each as likely; with the cost itself, too."""
    problem, rng = RidgeRegression(clients=2, size=3, batch=1, local_vectors=2, noise=0, seed=1), np.random.default_rng(0)
    z, clients = rng.normal(size=(2, 3)), np.arange(2)
    rows = np.concatenate([problem._vectors, (problem._vectors * problem.targets[:, None]).sum(-1, keepdims=True)], axis=-1)
    sequences = [[rows[:, [k]] for k in ks] for ks in product(range(2), repeat=inner_steps + 1)]
    gradients = [personal_gradient(problem, clients, z, ALPHA, batches) for batches in sequences]
    ends = [personal_points(problem, clients, z, ALPHA, batches[:-1])[-1] for batches in sequences]
    closed = problem.personal_cost(inner_steps, "batches", ALPHA)
    expected = (closed.curvature @ z[..., None])[..., 0] - closed.linear
    np.testing.assert_allclose(np.mean(gradients, 0), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        np.mean([problem.cost(clients, end) for end in ends], 0), closed(z)[np.arange(2), np.arange(2)], rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["first_order", "separate_hessians"])
def test_the_mean_of_a_biased_estimate_is_the_gradient_of_another_cost(kind):
    """On quadratics: first_order has the mean P_i grad f_i, separate_hessians P_i P_i grad f_i, P_i = (I - alpha H_i)^u."""
    problem, rng, u = RidgeRegression(clients=2, size=3, batch=1, local_vectors=2, noise=0, seed=1), np.random.default_rng(0), 2
    z, clients = rng.normal(size=(2, 3)), np.arange(2)
    rows = np.concatenate([problem._vectors, (problem._vectors * problem.targets[:, None]).sum(-1, keepdims=True)], axis=-1)
    more = u if kind == "separate_hessians" else 0
    gradients = []
    for ks in product(range(2), repeat=u + 1 + more):
        drawn = [rows[:, [k]] for k in ks]
        gradients.append(personal_gradient(problem, clients, z, ALPHA, drawn[: u + 1], hessian_batches=drawn[u + 1 :]))
    kept = np.linalg.matrix_power(np.eye(3) - ALPHA * problem.hessians, u if kind == "first_order" else 2 * u)
    np.testing.assert_allclose(
        np.mean(gradients, 0), (kept @ problem.gradient(clients, z)[..., None])[..., 0], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("features", ["local_sets", "own_covariances", "iid"])
def test_steps_on_batches_end_where_simulation_says(features):
    """Cost, test error and their constants, label noise and Gaussian features included."""
    problem = RidgeRegression(
        features, clients=2, size=3, batch=3, local_vectors=4, budget=2, inner_step_size=ALPHA, fine_tuning="batches", seed=2
    )
    rng, many, clients = np.random.default_rng(0), 20_000, np.array([0, 1])
    z = np.array([0.5, -1.0, 0.3])
    w = np.broadcast_to(z, (many, 2, 3))
    for _ in range(2):
        batch = np.swapaxes(problem.draw(np.repeat(clients, many), rng).reshape(2, many, 3, 4), 0, 1)
        w = w - ALPHA * problem.gradient(clients, w, batch)
    costs = problem.cost(clients, w)
    apart = (costs.mean(0) - problem.personal_cost(2, "batches")(z)) / (costs.std(0) / np.sqrt(many))
    assert np.abs(apart).max() < 4
    rows = problem._test
    errors = ((np.einsum("nrd,mnd->mnr", rows[..., :-1], w) - rows[..., -1]) ** 2).mean((1, 2))
    assert abs(errors.mean() - problem.test_error(z, 2)) < 4 * errors.std() / np.sqrt(many)
    assert problem.test_error(z, 2) > RidgeRegression(
        features, clients=2, size=3, batch=3, local_vectors=4, inner_step_size=ALPHA, seed=2
    ).test_error(z, 2)  # noise of the steps costs


def test_exact_steps_are_those_of_the_problem_and_large_batches_are_nearly_exact():
    problem, z = RidgeRegression(clients=3, size=4, seed=1), np.array([[1.0, 0, -1, 2], [0, 1, 0, 0]])
    for steps in (0, 1, 3):
        cost = problem.personal_cost(steps)
        np.testing.assert_allclose(cost(z), problem.cost(np.arange(3), problem.personal(z, steps)), rtol=1e-12)
        np.testing.assert_allclose(cost.minimiser, problem.minimiser(steps), rtol=1e-9)
    large = RidgeRegression(clients=3, size=4, batch=10**5, seed=1)
    np.testing.assert_allclose(large.personal_cost(3, "batches").minimiser, problem.minimiser(3), rtol=1e-2)


def test_of_a_set_as_large_as_the_gaussian_law_the_spread_is_the_same():
    rng, factor = np.random.default_rng(0), np.array([[1.0, 0.3], [0.0, 0.7]])
    rows, matrix = rng.normal(size=(1, 400_000, 2)) @ factor, np.array([[[2.0, 0.5], [0.5, 1.0]]])
    np.testing.assert_allclose(
        spread_of_set(rows, 5, matrix), spread_of_gaussian((factor.T @ factor)[None], 5, matrix), rtol=0.03
    )


def test_measures_of_fine_tuning_on_batches_are_those_of_its_own_minimisers():
    problem = RidgeRegression(clients=3, size=4, budget=2, fine_tuning="batches", seed=1)
    best = problem.personal_cost(2, "batches").minimiser
    measures = problem.measures(best)
    assert measures["test_error_2"] == pytest.approx(measures["personal_error_2"])
    exact = RidgeRegression(clients=3, size=4, budget=2, seed=1).measures(best)
    assert measures["test_error_0"] == pytest.approx(exact["test_error_0"])
    assert measures["test_error_2"] != pytest.approx(exact["test_error_2"], rel=1e-3)


def test_an_unknown_fine_tuning_is_one_sentence():
    with pytest.raises(ConfigError, match=r"fine_tuning: 'noisy' is not valid: it should be exact or batches"):
        RidgeRegression(fine_tuning="noisy")
