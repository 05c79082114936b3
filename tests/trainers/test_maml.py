"""The regression problem beside loops, finite differences, a numerical optimiser and the law it draws from; Figure 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv import ConfigError

LAWS = ["local_sets", "own_covariances", "iid"]
laws = st.sampled_from(LAWS)


@given(laws, st.integers(0, 50))
def test_costs_gradients_and_hessian_products_are_those_of_the_rows(features, seed):
    problem, rng = RidgeRegression(features, clients=3, size=4, batch=5, seed=seed), np.random.default_rng(seed)
    clients, x, vector = np.array([2, 0]), rng.normal(size=(6, 2, 4)), rng.normal(size=(6, 2, 4))
    sample = problem.draw(clients, rng)
    assert sample.shape == (2, 5, 5)
    expected = [
        [np.mean([(row[4] - row[:4] @ x[k, i]) ** 2 for row in sample[i]]) + x[k, i] @ x[k, i] / (2 * 3) for i in range(2)]
        for k in range(6)
    ]
    np.testing.assert_allclose(problem.cost(clients, x, sample), expected)
    for drawn in (sample, None):
        gradient = problem.gradient(clients, x, drawn)
        for k, axis in enumerate(np.eye(4)):
            slope = (problem.cost(clients, x + 1e-4 * axis, drawn) - problem.cost(clients, x - 1e-4 * axis, drawn)) / 2e-4
            np.testing.assert_allclose(gradient[..., k], slope, atol=1e-5)
        ahead, behind = (problem.gradient(clients, x + sign * 1e-4 * vector, drawn) for sign in (1, -1))
        np.testing.assert_allclose(problem.hessian_product(clients, x, vector, drawn), (ahead - behind) / 2e-4, atol=1e-5)
        for i, client in enumerate(clients):
            one = None if drawn is None else drawn[i]
            np.testing.assert_allclose(problem.gradient(int(client), x[:, i], one), gradient[:, i], atol=1e-12)
    assert problem.draw(1, rng).shape == (5, 5)


@pytest.mark.parametrize("features", LAWS)
def test_exact_costs_are_the_means_of_samples(features):
    problem, rng = RidgeRegression(features, clients=3, size=4, batch=100_000, seed=1), np.random.default_rng(0)
    clients, x = np.arange(3), rng.normal(size=(3, 4))
    sample = problem.draw(clients, rng)
    errors = (sample[..., 4] - np.einsum("ibk,ik->ib", sample[..., :4], x)) ** 2
    away = problem.cost(clients, x, sample) - problem.cost(clients, x)
    assert (np.abs(away) < 4 * errors.std(1) / np.sqrt(100_000)).all()
    residual = np.einsum("ibk,ik->ib", sample[..., :4], x) - sample[..., 4]
    deviation = (2 * sample[..., :4] * residual[..., None]).std(1) / np.sqrt(100_000)
    assert (np.abs(problem.gradient(clients, x, sample) - problem.gradient(clients, x)) < 4.5 * deviation).all()


def test_the_laws_of_features():
    rng = np.random.default_rng(3)
    sets = RidgeRegression(clients=3, size=4, batch=500, local_vectors=6, noise=0, seed=2)
    rows = sets.draw(np.arange(3), rng)
    assert [len(np.unique(one[:, :4], axis=0)) for one in rows] == [6, 6, 6]
    np.testing.assert_allclose(rows[..., 4], np.einsum("ibk,ik->ib", rows[..., :4], sets.targets))
    assert len(np.unique(sets._test[0, :, :4], axis=0)) == 6  # the test points have the same law, and rows of their own
    own = RidgeRegression("own_covariances", clients=3, size=4, condition=7)
    spectra = np.linalg.eigvalsh((own.hessians - np.eye(4) / 3) / 2)
    np.testing.assert_allclose(spectra[:, -1] / spectra[:, 0], 7)
    np.testing.assert_allclose(spectra.mean(1), 1)
    assert np.abs(own.hessians[0] - own.hessians[1]).max() > 0.1
    np.testing.assert_allclose(RidgeRegression("iid", clients=3, size=4).hessians[1], (2 + 1 / 3) * np.eye(4))


@given(laws, st.integers(0, 3), st.floats(0, 0.1), st.integers(0, 20))
def test_minimisers_are_those_that_an_optimiser_finds(features, steps, alpha, seed):
    problem = RidgeRegression(features, clients=3, size=4, local_vectors=3, inner_step_size=alpha, seed=seed)

    def cost(z):
        total = 0.0
        for client in range(3):
            w = z
            for _ in range(steps):
                w = w - alpha * problem.gradient(client, w)
            total += float(problem.cost(client, w)) / 3
        return total

    best = problem.minimiser(steps)
    found = optimize.minimize(cost, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert cost(best) <= found.fun + 1e-12 * abs(found.fun)
    # F is flat to 1 - alpha lambda in some directions, and so found.x less sure than found.fun.
    np.testing.assert_allclose(found.x, best, atol=2e-3)
    np.testing.assert_allclose(problem.minimiser(steps, alpha), best)
    gradient = optimize.approx_fprime(np.full(4, 0.3), cost, 1e-6)
    np.testing.assert_allclose(problem.mean_personal_gradient(np.full(4, 0.3), steps), gradient, atol=1e-4)


def test_test_errors_are_those_of_fine_tuned_points_on_each_clients_own_test_points():
    problem, x = RidgeRegression(clients=2, size=3, test_samples=4, budget=2), np.array([[0.1, 0.2, 0.3], [1, 2, 3]])
    for steps in range(3):
        for row in range(2):
            errors = []
            for client in range(2):
                w = x[row]
                for _ in range(steps):
                    w = w - 0.1 * problem.gradient(client, w)
                errors += [(b - np.dot(a, w)) ** 2 for *a, b in problem._test[client]]
            np.testing.assert_allclose(problem.test_error(x, steps)[row], np.mean(errors))
            np.testing.assert_allclose(problem.measures(x)[f"test_error_{steps}"][row], np.mean(errors))
    errors_of = {f"{kind}_error_{u}" for kind in ("test", "plain", "personal") for u in range(3)}
    assert set(problem.measures(x)) == {"cost", "excess_cost", "gradient_norm", *errors_of}
    for u in range(3):
        np.testing.assert_allclose(problem.measures(x)[f"plain_error_{u}"], problem.test_error(problem.minimiser(0), u))
        np.testing.assert_allclose(problem.measures(x)[f"personal_error_{u}"], problem.test_error(problem.minimiser(u), u))


def test_personal_minimisers_have_smaller_test_errors_where_clients_differ_and_the_same_where_they_do_not():
    """The shape of Figure 1 of Toghani et al. (2023), for the exact minimisers: paired over 20 problems, 99.9 % one-sided."""
    for features in LAWS:
        problems = [RidgeRegression(features, seed=seed) for seed in range(20)]
        for u in range(1, 6):
            plain = np.array([problem.test_error(problem.minimiser(0), u) for problem in problems])
            personal = np.array([problem.test_error(problem.minimiser(u), u) for problem in problems])
            if features == "iid":
                np.testing.assert_allclose(personal, plain, rtol=1e-9)
            else:
                assert stats.ttest_rel(plain, personal, alternative="greater").pvalue < 1e-3, (features, u)


def test_the_same_seed_gives_the_same_problem():
    first, second, other = (RidgeRegression(seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.hessians, second.hessians)
    np.testing.assert_array_equal(first._test, second._test)
    assert np.abs(first.targets - other.targets).max() > 0.1


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"features": "gaussian"}, r"features: 'gaussian' is not valid: it should be one of local_sets, own_covariances, iid"),
        ({"clients": 0}, r"clients: 0 is not valid: it should be a whole number, 1 or more"),
        ({"batch": 2.5}, r"batch: 2.5 is not valid: it should be a whole number, 1 or more"),
        ({"budget": -1}, r"budget: -1 is not valid: it should be a whole number, 0 or more"),
        ({"noise": float("nan")}, r"noise: nan is not valid: it should be a finite number, 0 or more"),
        ({"condition": 0.5}, r"condition: 0.5 is not valid: it should be a finite number, 1 or more"),
    ],
)
def test_bad_settings_are_one_sentence(setting, sentence):
    with pytest.raises(ConfigError, match=sentence):
        RidgeRegression(**setting)
