"""Tridiagonal quadratics against dense matrices, constants and finite differences."""

import numpy as np
import pytest

from trainers.events.durations import PowerOfIndex
from trainers.problems.tridiagonal import Tridiagonal
from wirelessenv import ConfigError


def dense(problem):
    """A_i and b_i, from gradients at 0 and at the unit vectors."""
    zero, unit = np.zeros(problem.size), np.eye(problem.size)
    pulls = [-problem.gradient(i, zero) for i in range(problem.clients)]
    return [problem.gradient(i, unit) + pulls[i] for i in range(problem.clients)], pulls


@pytest.mark.parametrize(("spread", "smallest"), [(0.0, None), (0.4, None), (0.4, 0.05)])
def test_its_constants_are_those_of_the_matrices(spread, smallest):
    problem = Tridiagonal(clients=6, size=7, spread=spread, smallest=smallest, seed=3)
    matrices, pulls = dense(problem)
    mean = np.mean(matrices, axis=0)
    np.testing.assert_allclose(mean, np.triu(np.tril(mean, 1), -1), atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(mean)
    assert problem.smoothness == pytest.approx(eigenvalues[-1])
    assert problem.local_smoothness == pytest.approx(max(np.abs(np.linalg.eigvalsh(one)).max() for one in matrices))
    assert problem.dissimilarity == pytest.approx(
        max(np.abs(np.linalg.eigvalsh(one - mean)).max() for one in matrices), abs=1e-12
    )
    np.testing.assert_allclose(problem.minimiser, np.linalg.solve(mean, np.mean(pulls, axis=0)), rtol=1e-9)
    if smallest is not None:
        assert eigenvalues[0] == pytest.approx(smallest)
    if spread == 0:
        np.testing.assert_allclose(matrices[4], mean, atol=1e-15)
        np.testing.assert_allclose(np.diag(mean), 0.5)
        np.testing.assert_allclose(pulls[2], -np.eye(7)[0] / 4)


def test_gradients_are_slopes_of_costs_and_means_of_clients():
    problem = Tridiagonal(clients=5, size=6, spread=0.5, smallest=0.1, noise=0.3, seed=1)
    rng = np.random.default_rng(0)
    x, sample = rng.normal(size=(2, 6)), problem.draw(2, rng)
    for step in 1e-6 * np.eye(6):
        slope = (problem.cost(2, x + step, sample) - problem.cost(2, x - step, sample)) / 2e-6
        np.testing.assert_allclose(slope, problem.gradient(2, x, sample) @ step / 1e-6, atol=1e-7)
    several = problem.gradient(np.arange(5), x[:, None])
    np.testing.assert_allclose(several.mean(1), problem.mean_gradient(x), rtol=1e-12)
    np.testing.assert_allclose(problem.cost(np.arange(5), x[:, None]).mean(1), problem.mean_cost(x), rtol=1e-12)


def test_clients_that_differ_follow_the_papers_law():
    problem = Tridiagonal(clients=20000, size=2, spread=0.3, seed=0)
    scales = problem._scales
    assert abs(scales.mean() - 1) < 4 * 0.3 / np.sqrt(20000)
    assert scales.std() == pytest.approx(0.3, rel=0.03)
    assert (-4 * problem._pulls / scales).std() == pytest.approx(0.3, rel=0.03)


def test_a_run_begins_at_the_root_of_d_and_speeds_are_powers():
    assert Tridiagonal(size=9).starts([0, 1]).tolist() == [[3.0] + 8 * [0.0]] * 2
    assert Tridiagonal(size=9).start(None).tolist() == [3.0] + 8 * [0.0]
    np.testing.assert_allclose(PowerOfIndex().means(4), [1, np.sqrt(2), np.sqrt(3), 2])
    assert PowerOfIndex(exponent=0, seconds=2).means(2).tolist() == [2, 2]


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="noise, spread"):
        Tridiagonal(spread=-1)


@pytest.mark.parametrize("smallest", [0, -5, np.nan, np.inf])
def test_a_smallest_eigenvalue_that_is_none_is_refused(smallest):
    with pytest.raises(ConfigError, match=r"smallest: .* it should be above 0"):
        Tridiagonal(size=2, smallest=smallest)
    with pytest.raises(ConfigError, match="seed"):
        Tridiagonal(seed=-1)
