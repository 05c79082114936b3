"""Theory of AsyncBC: where it stops, its bounds with samples, and rates, against exact answers."""

import itertools
from math import sqrt

import numpy as np
import pytest

from trainers.algorithms.async_bc import AsyncBC
from trainers.bounds.gradient_methods import (
    async_bc_bias,
    async_bc_level,
    async_bc_step_sampled,
    async_gd_rate,
    independent_noise,
)
from trainers.fidelity.theory import async_bc as noise_and_levels
from trainers.fidelity.theory import async_bc_rates
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic


@pytest.mark.parametrize(("step", "curvatures"), [(0.01, [0.25, 1, 2.25, 4]), (0.05, [16] + [0] * 15), (0.3, [1, 1, 1])])
def test_the_level_is_the_limit_of_the_second_moments(step, curvatures):
    """m_{t+1} = (1 - eta h) m_t, y_{t+1} = y_t - eta m_t, y = x - x*: E m^2, E my, E y^2 instant by instant."""
    h = np.asarray(curvatures, float)
    shrink, square, mean = (1 - step * h).mean(), ((1 - step * h) ** 2).mean(), h.mean()
    m2, my, y2 = mean**2, mean, 1.0  # m_0 = L y_0
    for _ in range(int(40 / (step * mean))):
        m2, my, y2 = square * m2, shrink * (my - step * m2), y2 - 2 * step * my + step**2 * m2
    assert y2 == pytest.approx(async_bc_level(step, curvatures), rel=1e-6, abs=1e-12)


def test_a_run_stops_at_the_level_and_farther_where_it_began_farther():
    ratios = noise_and_levels.stopped([1.0, 3.0], {"concurrency": 1}, runs=150, step=0.05)
    expected = async_bc_level(0.05, [1.0, 3.0])
    assert abs(ratios.mean() - expected) < 4 * ratios.std(ddof=1) / sqrt(150)
    assert async_bc_level(1.5, [16.0] + 15 * [0.0]) == np.inf
    near, far = (_end(zeta) for zeta in (1.0, 10.0))
    np.testing.assert_allclose(
        far, 100 * near, rtol=1e-6
    )  # from x_0 = 0 the squared gradient grows with zeta^2, and so does this


def _end(zeta):
    problem = LeastSquares(zeta=zeta, start="zero")
    learner = AsyncBC(problem, step_size=0.01, exact=True, seed=range(3)).learn(1500)
    return (problem.mean_gradient(learner.solution) ** 2).sum(-1)


def test_clients_asked_unequally_leave_asyncbc_where_their_own_mean_hessian_says():
    """The server hears of one client alone: it stops where h_1 (x - x_0) = -grad f(x_0), which is wrong by 1 - L / h_1."""
    problem = LeastSquares(scales=[1.0, 2.0], zeta=0.0)  # x* = 0, x_0 = 1
    server = {"assignment": "same", "concurrency": 1}
    learner = AsyncBC(problem, server, step_size=0.01, exact=True, seed=0).learn(4000)
    h = float(learner.timetables[0].first[0] * 3 + 1)
    np.testing.assert_allclose(learner.solution, 1 - 2.5 / h, atol=1e-9)
    shares = noise_and_levels.shares_of(server, 2)
    assert async_bc_bias([1.0, 4.0], [h == 1, h == 4]) == pytest.approx((1 - 2.5 / h) ** 2)
    assert sorted(shares) == [0, 1]


def test_the_greedy_choice_prefers_fast_clients_and_shares_add_up():
    shares = noise_and_levels.shares_of({"concurrency": 2, "assignment": "inactive"}, 4, updates=4000)
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) < 0).all()  # client i takes 10 i / 4
    uniform = noise_and_levels.shares_of({"concurrency": 2}, 4, updates=4000)
    np.testing.assert_allclose(uniform, 0.25, atol=4 * sqrt(0.25 * 0.75 / 4000))


def test_the_least_with_noise_is_the_least_of_theorem_3():
    for step in (0.9, 0.1):
        each = [((1 - step) ** (2 * T)) + independent_noise(1, 0.1, step, T) for T in range(1, 200)]
        least, at = noise_and_levels.least_with_noise(0.1, step)
        assert (least, at) == (pytest.approx(min(each)), int(np.argmin(each)) + 1)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_mean_squared_smoothness_of_logistic_regression_bounds_all_batches(weight):
    """E||grad f(x; xi) - grad f(y; xi)||^2 over every batch there is, against l^2 ||x - y||^2."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(3, 2)), np.array([1.0, -1.0, 1.0])
    problem = Logistic(features, labels, batch=2, weight=weight, regulariser="nonconvex")
    batches = np.array(list(itertools.product(range(3), repeat=2)))
    ratios = []
    for x in rng.normal(scale=0.5, size=(200, 2)):
        y = x + rng.normal(scale=0.1, size=2)
        change = [problem.gradient(0, x, batch) - problem.gradient(0, y, batch) for batch in batches]
        ratios.append((np.square(change).sum(1).mean() / ((x - y) ** 2).sum()) ** 0.5)
    assert 0.7 * problem.mean_squared_smoothness < max(ratios) <= problem.mean_squared_smoothness


def test_mean_squared_smoothness_where_it_is_known_exactly():
    same = Logistic(np.tile([3.0, 4.0], (5, 1)), np.ones(5), batch=3)  # l = ||a||^2 / 4, at a'x = 0 and along a
    assert same.mean_squared_smoothness == pytest.approx(25 / 4)
    assert LeastSquares(noise=0.5).mean_squared_smoothness == LeastSquares().local_smoothness == 4
    wide = Logistic(np.random.default_rng(0).normal(size=(90, 70)), np.ones(90), batch=1)
    rows = np.random.default_rng(0).normal(size=(90, 70))
    exact = np.linalg.eigvalsh((rows * (rows**2).sum(1, keepdims=True)).T @ rows / 90)[-1]
    assert wide.mean_squared_smoothness == pytest.approx(sqrt(exact / 16))


def test_warnings_of_sampled_runs_are_those_of_theorem_2():
    problem = LeastSquares(zeta=1.0, noise=0.1)
    learner = AsyncBC(problem, step_size=[1e-9, 0.5])
    summary = learner.timetables[0].summary(500)
    bound = async_bc_step_sampled(problem.smoothness, 4.0, summary["tau_c"], summary["tau_max"], 500)
    assert learner.warnings(500) == [f"step_size: 0.5 is beyond {bound:.3g}, up to which Theorem 2 of Gao et al. (2025) holds"]
    assert AsyncBC(problem, step_size=0.5, same_sample=False).warnings(500) == []  # no step size converges: Theorem 3


def test_mean_squares_of_gradient_descent():
    """One client: x_t - x* = (1 - eta)^t, so that the mean is a geometric sum; AsyncBC is gradient descent there."""
    problem = LeastSquares(clients=1, size=3, zeta=2.0, scales=[1.0])
    learner = AsyncBC(problem, step_size=[0.1, 0.5], exact=True, seed=[0, 1])
    found = async_bc_rates.mean_squares(learner, 20)
    expected = [3 * ((1 - eta) ** (2 * np.arange(20))).mean() for eta in (0.1, 0.5)]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("case", [async_bc_rates.least_squares(4), async_bc_rates.logistic(2)])
def test_theorems_1_and_2_hold_at_their_own_steps(case):
    row = async_bc_rates.bound_row("case", case, runs=4, steps=150)
    assert row["verdict"] == "holds"
    assert 0 < float(row["measured at corrected"]) < float(row["bound at corrected"])


def test_table_1_async_gd_suffers_from_heterogeneity_and_asyncbc_does_not():
    alike, apart = (async_bc_rates.table_1_row(zeta, runs=3, steps=150) for zeta in (0.0, 30.0))
    assert alike["AsyncBC-GD, measured"] == apart["AsyncBC-GD, measured"]  # from x* + 1
    assert float(apart["Async-GD, measured"]) > 5 * float(alike["Async-GD, measured"])
    assert (alike["smaller rate"], apart["smaller rate"]) == ("Async-GD", "AsyncBC-GD")
    assert async_gd_rate(2.0, 3.0, 4, 0, steps=100, gap=5.0) == pytest.approx(0.2 + 0.1**0.5 * 3 + 1.2 ** (2 / 3))


def test_levels_are_reported_beside_runs():
    rows = noise_and_levels.levels_report(runs=40, step=0.1)
    assert [row["predicted"] for row in rows][-1] == "0"
    assert len(rows) == 7
    for row in rows[:4]:
        mean, error = map(float, row["measured"].split(" +- "))
        assert abs(mean - float(row["predicted"])) < 5 * error
