"""Bias and variance of the local variant: formulas against plain sampling of costs, and the learner against the formulas."""

import numpy as np
import pytest
import torch

from trainers.fidelity.theory.zeroth_order_local import Errors, exact, local_rows, measured
from trainers.problems.analytic import AnalyticProblem

AGENTS, SIZE, MU, NOISE, BATCH, DRAWS = 5, 2, 1e-3, 2e-3, 3, 6_000
RING = np.array([[min(abs(i - j), AGENTS - abs(i - j)) for j in range(AGENTS)] for i in range(AGENTS)])


@pytest.fixture(scope="module")
def problem():
    return AnalyticProblem(AGENTS, SIZE, "convex", value_noise=NOISE, locality=0.5)


def differences(problem, at):
    """df_l/dtheta_i at theta = 0 by central differences of the costs, (l, i, n_l)."""
    found = np.empty((AGENTS, AGENTS, SIZE))
    for i, k in np.ndindex(AGENTS, SIZE):
        step = torch.zeros((AGENTS, 1, SIZE), dtype=torch.float64)
        step[i, 0, k] = 1e-5
        found[:, i, k] = (problem.costs(at + step) - problem.costs(at - step))[0].numpy() / 2e-5
    return found


@pytest.mark.parametrize("most", [1, None])
def test_bias_and_variance_are_those_of_sampled_queries(problem, most):
    rng, at = np.random.default_rng(0), torch.zeros((AGENTS, 1, SIZE), dtype=torch.float64)
    gradients = differences(problem, at)
    plain, update = problem.costs(at)[0].numpy(), np.zeros((DRAWS, AGENTS, SIZE))
    for age in range(AGENTS // 2 + 1 if most is None else most + 1):  # an instant: one perturbation, one error of two samples
        u = rng.normal(size=(DRAWS, AGENTS, SIZE))
        costs = problem.costs(torch.from_numpy(MU * u)[:, :, None])[:, 0].numpy()
        error = NOISE * (rng.normal(size=(DRAWS, BATCH, 2)).mean(1) @ [1, -1])
        queries = (plain - costs + error[:, None]) / (MU * AGENTS)
        update += (queries @ (age == RING))[..., None] * u
    formulas = exact(gradients, RING, most, smoothing=MU, batch=BATCH, noise=NOISE)
    squares = ((update - update.mean(0)) ** 2).sum((1, 2))
    assert squares.mean() == pytest.approx(formulas.variance, abs=4 * squares.std() / np.sqrt(DRAWS))
    near = np.ones_like(RING, bool) if most is None else most >= RING
    drift = -(gradients * near[..., None]).sum(0) / AGENTS  # the mean update; the rest of the gradient is the bias
    assert formulas.bias == pytest.approx(((drift + gradients.mean(0)) ** 2).sum())
    np.testing.assert_allclose(update.mean(0), drift, atol=5 * np.sqrt(formulas.variance / DRAWS))


def test_a_squared_mean_is_estimated_without_bias():
    rng = np.random.default_rng(1)
    found = np.array([1.0, -2.0]) + rng.normal(size=(1, 1000, 2))
    estimate, error = measured(found, np.array([0.0, 2.0]))
    assert estimate.bias == pytest.approx(1.0, abs=4 * error.bias)
    assert estimate.variance == pytest.approx(2.0, abs=4 * error.variance)
    assert error.bias == pytest.approx(2 / np.sqrt(1000), rel=0.1)  # of a mean of norm 1, by the delta method
    assert error.variance == pytest.approx(np.sqrt(2 * 2 / 1000), rel=0.2)


def test_locality_shrinks_what_far_agents_matter(problem):
    at = torch.zeros((AGENTS, 1, SIZE), dtype=torch.float64)
    gradients = problem.gradients(at)[0].numpy()
    np.testing.assert_allclose(gradients, differences(problem, at), atol=1e-8)
    assert np.linalg.norm(gradients.reshape(AGENTS, -1), axis=1).max() <= problem.constants.gradient
    by_hops = [(gradients[hops == RING] ** 2).mean() for hops in range(3)]
    assert by_hops[0] > by_hops[1] > by_hops[2]


def test_the_learner_has_the_bias_and_variance_of_the_formulas():
    rows = local_rows(6, runs=30, samples=12)
    assert [row["h"] for row in rows] == [0, 1, 2, 3, "all"]
    assert {row["verdict"] for row in rows} == {"agree"}
    assert rows[3]["variance"] == rows[4]["variance"]  # in a ring of 6 nobody is farther than 3 hops


def test_moments_of_two_agents_by_hand():
    gradients = np.array([[[3.0], [1.0]], [[2.0], [4.0]]])  # df_l/dtheta_i
    hops = np.array([[0, 1], [1, 0]])
    own = exact(gradients, hops, 0, smoothing=1.0, batch=1, noise=0.5)
    assert own == Errors((2**2 + 1**2) / 4, ((9 + 1 + 0.5 + 9) + (4 + 16 + 0.5 + 16)) / 4)
    both = exact(gradients, hops, None, smoothing=1.0, batch=1, noise=0.5)
    assert both == Errors(0.0, own.variance + ((4 + 16 + 0.5 + 4) + (9 + 1 + 0.5 + 1)) / 4)
