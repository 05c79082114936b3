"""Theory of PARS-Push beside runs: exact limits, constants of the costs, and what scaling all costs shows of Proposition 1."""

import numpy as np
import pytest

from trainers.algorithms.pars_push import PARSPushLearner, personal_points
from trainers.bounds.pars_push import (
    leading_term,
    nonconvex_leading_term,
    nonconvex_step,
    nonconvex_variance,
)
from trainers.fidelity.theory import pars_push, pars_push_exact, pars_push_nonconvex
from trainers.problems.objective import Objective
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv import ConfigError


class Scaled(Objective):
    """The costs of another problem, all multiplied by the same number."""

    def __init__(self, problem, factor):
        self.inner, self.factor = problem, factor
        self.clients, self.size = problem.clients, problem.size

    def draw(self, clients, rng):
        return self.inner.draw(clients, rng)

    def cost(self, clients, x, sample=None):
        return self.factor * self.inner.cost(clients, x, sample)

    def gradient(self, clients, x, sample=None):
        return self.factor * self.inner.gradient(clients, x, sample)

    def hessian_product(self, clients, x, vector, sample=None):
        return self.factor * self.inner.hessian_product(clients, x, vector, sample)


def test_costs_times_a_number_have_the_same_iterates_and_the_same_corrected_term_but_not_the_published_one():
    problem, factor = pars_push.small_problem(), 0.01
    talk = pars_push.MESSAGINGS["sleep, delay, loss"] | {"graph": "complete"}
    ends = [
        PARSPushLearner(costs, talk, step_size=0.01 / c, decay=1, offset=9, inner_steps=2, inner_step_size=0.05 / c, seed=3)
        .learn(50)
        .nodes
        for costs, c in ((problem, 1), (Scaled(problem, factor), factor))
    ]
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-9, atol=1e-12)
    before, after = (4.0, 0.5), (4.0 * factor**2, 0.5 * factor)  # sigma^2 and mu
    assert leading_term(*after, 5, 2) == pytest.approx(leading_term(*before, 5, 2)) == pytest.approx(2 * 4 / 0.25 / 5)
    assert leading_term(*after, 5, 2, published=True) == pytest.approx(factor * leading_term(*before, 5, 2, published=True))


def test_the_formulas_of_theorem_1_by_hand():
    assert nonconvex_step(2.0, 4, 100) == pytest.approx(0.1)  # sqrt(4) / (2 sqrt(100))
    assert nonconvex_leading_term(2.0, 3.0, 8.0, nodes=4, ticks=100) == pytest.approx(1.0)  # 20 / 20
    assert nonconvex_variance(pars_push_nonconvex.Cauchy.constants, 1, 0.5) == pytest.approx(4 * 1.5**2 / 4)


def test_the_robust_costs_have_their_slopes_and_constants():
    problem, rng, shift = pars_push_nonconvex.Cauchy(), np.random.default_rng(0), 1e-6
    clients, z = np.arange(5), rng.normal(size=(5, 3))
    vector = rng.normal(size=(5, 3))
    for batch in (None, problem.draw(clients, rng)):
        slopes = [
            (problem.cost(clients, z + shift * e, batch) - problem.cost(clients, z - shift * e, batch)) for e in np.eye(3)
        ]
        np.testing.assert_allclose(problem.gradient(clients, z, batch), np.stack(slopes, -1) / (2 * shift), atol=1e-8)
        ahead, behind = (problem.gradient(clients, z + sign * shift * vector, batch) for sign in (1, -1))
        np.testing.assert_allclose(
            problem.hessian_product(clients, z, vector, batch), (ahead - behind) / (2 * shift), atol=1e-8
        )
    s = np.linspace(-20, 20, 400_001)
    curvature, known = (1 - s**2) / (1 + s**2) ** 2, problem.constants
    assert np.abs(s / (1 + s**2)).max() == pytest.approx(known.gradient)
    assert (curvature.min(), curvature.max()) == pytest.approx((known.convexity, known.smoothness))
    assert np.abs(np.gradient(curvature, s)).max() == pytest.approx(known.hessian_slope, rel=1e-5)
    np.testing.assert_allclose(np.linalg.norm(problem.table[..., :-1], axis=-1), 1)


@pytest.mark.parametrize("steps", [0, 1])
def test_the_slope_of_the_robust_personal_cost_is_that_of_its_cost(steps):
    problem, shift, z = pars_push_nonconvex.Cauchy(), 1e-6, np.array([0.3, -0.2, 0.5])
    clients = np.arange(5)

    def cost(point):
        every = problem._batches(steps)
        start = np.repeat(point[None], 5, 0)
        ends = [personal_points(problem, clients, start, pars_push_nonconvex.ALPHA, batches[:-1])[-1] for batches in every]
        return np.mean([problem.cost(clients, end, batches[-1]) for end, batches in zip(ends, every, strict=True)])

    slope = [(cost(z + shift * axis) - cost(z - shift * axis)) / (2 * shift) for axis in np.eye(3)]
    np.testing.assert_allclose(problem.personal_slope(z, steps), slope, atol=1e-8)
    assert problem.personal_start(steps) == pytest.approx(cost(np.zeros(3)))


def test_theorem_1_holds_with_constant_1_in_a_short_run():
    (row,) = pars_push_nonconvex.nonconvex_rows(1, times=(40,), runs=2)
    assert row["verdict"] == "holds"


def test_the_limits_are_points_where_the_mean_of_each_estimate_vanishes():
    problem, alpha, u = pars_push.small_problem(), 0.1, 2
    points = pars_push.limits(problem, u, alpha)
    kept = [np.linalg.matrix_power(np.eye(3) - alpha * one, u) for one in problem.hessians]
    slopes = lambda z: problem.gradient(np.arange(4), z)  # noqa: E731
    first, separate = points["first_order"], points["separate_hessians"]
    np.testing.assert_allclose(sum(p @ g for p, g in zip(kept, slopes(first), strict=True)), 0, atol=1e-12)
    np.testing.assert_allclose(sum(p @ p @ g for p, g in zip(kept, slopes(separate), strict=True)), 0, atol=1e-12)
    cost, z = problem.personal_cost(u, "batches", alpha), points["unbiased"]
    np.testing.assert_allclose((cost.curvature @ z - cost.linear).sum(0), 0, atol=1e-12)
    assert min(np.linalg.norm(z - first), np.linalg.norm(z - separate)) > 0.05


def test_curvatures_of_personal_costs_are_h_times_1_minus_alpha_h_to_the_2u():
    problem, alpha, u = RidgeRegression("own_covariances", clients=3, size=4), 0.07, 2
    h = np.linalg.eigvalsh(problem.hessians)
    found = np.linalg.eigvalsh(problem.personal_cost(u, inner_step_size=alpha).curvature)
    np.testing.assert_allclose(found, np.sort(h * (1 - alpha * h) ** (2 * u), axis=-1), rtol=1e-9)
    assert pars_push_exact.condition(np.array([np.diag([2.0, 6.0]), np.diag([1.0, 2.0])])) == pytest.approx(3)


def test_the_condition_number_first_falls_with_alpha_while_lemma_1_s_grows():
    rows = pars_push_exact.condition_rows(3, shares=(0.0, 0.1, 0.2, 0.9))
    worst, bound = ([float(row[name]) for row in rows] for name in ("worst F_i", "Lemma 1"))
    assert worst[0] > worst[1] > worst[2] < worst[3]
    assert worst[0] == bound[0]
    assert (np.diff(bound) > 0).all()
    assert all(own <= most for own, most in zip(worst, bound, strict=True))


def test_with_large_u_every_start_ends_at_the_nodes_own_minima():
    rows = pars_push_exact.large_u_rows(10, steps=(1, 5, 100), layouts=2)
    names = ("trained for u", "trained for none", "0")
    above = np.array([[float(row[name]) for name in names] for row in rows])
    assert (above[:, :1] <= above).all()
    assert (np.diff(above, axis=0) < 0).all()
    assert (above[-1] < 1e-5).all()


def test_the_step_of_proposition_1_runs_away_at_first_and_a_later_one_does_not():
    first, later = pars_push.offset_rows(offsets=(0, 1000), ticks=200)
    assert float(first["largest"]) > 1e6
    assert float(later["largest"]) < 1.5


def test_reports_have_a_row_for_every_case():
    assert [row["estimate"] for row in pars_push.bias_rows(1, ticks=40, runs=2)] == [
        "unbiased", "separate_hessians", "first_order",
    ]  # fmt: skip
    row = pars_push.rate_row(1, times=(20, 40), runs=2)
    assert float(row["published, costs x 0.01"]) == pytest.approx(0.01 * float(row["published"]), rel=0.01)
    steps = pars_push.stable_step_rows((0,), runs=1, ticks=150)
    found = [float(row["largest stable step"]) for row in steps]
    assert found[0] == max(found) > min(found) == found[-1]


def test_features_that_are_gaussian_have_no_finite_set():
    with pytest.raises(ConfigError, match=r"features: iid is not valid: only local_sets have finite sets"):
        _ = RidgeRegression("iid").feature_sets
