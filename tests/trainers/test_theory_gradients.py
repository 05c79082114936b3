"""The bounds of DASGD and AsyncBC, against the conditions of their proofs and runs whose constants are known."""

import numpy as np
import pytest

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.bounds.dasgd import dasgd_step, dasgd_step_loose
from trainers.bounds.gradient_methods import (
    async_bc_bound,
    async_bc_step,
    async_bc_step_sampled,
    independent_noise,
)
from trainers.events.staleness import measured_staleness
from trainers.fidelity.theory.async_bc import independent_noise_report
from trainers.problems.least_squares import LeastSquares
from trainers.problems.quadratic import Quadratic

GRID = [
    (L, delta, tau_c, tau_max, T) for L in (0.3, 5.0) for delta in (0.0, 9.0) for tau_c in (1, 8) for tau_max in (1, 60)
    for T in (1, 20, 4000)
]  # fmt: skip


@pytest.mark.parametrize(("L", "delta", "tau_c", "tau_max", "T"), GRID)
def test_the_steps_of_theorem_1_make_the_proof_s_terms_small_enough(L, delta, tau_c, tau_max, T):
    """A + B + C <= eta / 16 sum E||m_t||^2, and 1 / (4 L), as Appendix A asks."""
    eta = async_bc_step(L, delta, tau_c, tau_max, T)
    a = eta**3 * tau_c * tau_max * (delta**2 + L**2) / 4
    b = eta**3 * delta**2 * T / 2
    c = 2 * eta**5 * L**2 * (delta**2 + L**2) * tau_max**2 * (T - 1) ** 2
    assert a + b + c <= eta / 16
    assert eta <= 1 / (4 * L)
    assert eta <= async_bc_step(L, delta, tau_c, tau_max, T, published=True)


def test_the_step_of_theorem_1_as_printed_breaks_its_proof_where_hessians_differ():
    eta, delta, T = async_bc_step(0.01, 10.0, 1, 1, 10000, published=True), 10.0, 10000
    assert eta**3 * delta**2 * T / 2 > eta / 16  # B alone


@pytest.mark.parametrize(("L", "delta", "tau_c", "tau_max", "T"), GRID)
def test_the_steps_of_theorem_2_make_the_proof_s_terms_small_enough(L, delta, tau_c, tau_max, T):
    ell = L + delta
    eta = async_bc_step_sampled(L, ell, tau_c, tau_max, T)
    a = eta**3 * tau_c * tau_max * ell**2 / 8
    b = eta**3 * ell**2 * T / 2
    c = eta**5 * L**2 * ell**2 * tau_max**2 * (T - 1) ** 2
    assert a + b + c <= eta / 16
    assert eta <= 1 / (4 * L)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_asyncbc_gd_keeps_theorem_1(concurrency):
    """The mean of ||grad f(x_t)||^2 over T = 400 iterations, over 20 runs, against 2 F_0 / (eta T)."""
    problem, total = LeastSquares(zeta=10.0), 400
    server = {"concurrency": concurrency}
    summary = AsyncBC(problem, server, exact=True).timetables[0].summary(total)
    step = async_bc_step(problem.smoothness, problem.dissimilarity, summary["tau_c"], summary["tau_max"], total)
    learner = AsyncBC(problem, server, step_size=step, exact=True, seed=range(20))
    squares = [(problem.mean_gradient(problem.starts(range(20))) ** 2).sum(-1)[None]]
    learner.learn(total - 1, lambda one: squares.append((problem.mean_gradient(one.solution) ** 2).sum(-1)))
    gap = problem.smoothness * 10 / 2
    assert np.mean(squares) < async_bc_bound(step, total, gap)


def test_dasgd_steps():
    assert dasgd_step(2.0, 5.0) == 1 / 40
    assert dasgd_step(2.0, 0.0) == 1 / 4  # one node alone: what gradient descent's lemma asks
    assert dasgd_step_loose(2.0, 4.0, 9.0) == 1 / 48
    assert dasgd_step_loose(2.0, 5.0, 5.0) == dasgd_step(2.0, 5.0)


def test_independent_noise_is_the_recursion_s_variance():
    """x_{t+1} = x_t - eta m_t, m_t = x_t + xi_1 + ... + xi_t with f = ||x||^2 / 2: covariances step by step."""
    eta, sigma, d = 0.2, 0.5, 3
    var_x, cov, var_n = 0.0, 0.0, 0.0  # a coordinate of x_1, its covariance with the noise so far, the noise's variance
    for t in range(1, 30):
        var_n += sigma**2
        var_x, cov = (1 - eta) ** 2 * var_x - 2 * eta * (1 - eta) * cov + eta**2 * var_n, (1 - eta) * cov - eta * var_n
        assert independent_noise(d, sigma, eta, t + 1) == pytest.approx(d * var_x)


def test_learners_know_the_bounds_of_their_theorems_where_constants_are_known():
    problem = LeastSquares(zeta=1.0)
    learner = AsyncBC(problem, step_size=[1e-9, 0.5], exact=True)
    summary = learner.timetables[0].summary(500)
    bound = async_bc_step(problem.smoothness, problem.dissimilarity, summary["tau_c"], summary["tau_max"], 500)
    assert learner.warnings(500) == [f"step_size: 0.5 is beyond {bound:.3g}, up to which Theorem 1 of Gao et al. (2025) holds"]
    assert AsyncSGD(problem, step_size=9.0, exact=True).warnings(500) == []
    lockstep = {"staggered": False}
    learner = DASGD(Quadratic(), lockstep, nodes=2, step_size=[0.01, 0.5], exact=True)
    average = measured_staleness(lockstep, 2, rounds=20)["s_avg"]
    bound = dasgd_step(4.0, average)
    assert learner.warnings(500) == [
        f"step_size: 0.5 is beyond {bound:.3g}, up to which Theorem 1 of Tosi and Theobald (2023) holds"
    ]


def test_arrival_of_gradient_descent():
    """||x_t - x*|| = c^t sqrt(10): the mean of the last 5 falls below the target at a known iteration; a diverged one never."""
    problem = LeastSquares(clients=1)  # a round is one gradient
    steps = [0.1, 0.3, 5.0]
    learner = SyncSGD(problem, step_size=steps, target={"below": 1e-3, "window": 5}, exact=True)
    learner.learn(500)
    arrived = learner.arrival.arrived[:, 0]
    for found, step in zip(arrived[:2], steps[:2], strict=True):
        norms = problem.smoothness * np.sqrt(10) * abs(1 - step * problem.smoothness) ** np.arange(1, 600)
        means = np.convolve(norms, np.ones(5) / 5, "valid")
        assert found == 5 + np.argmax(means <= 1e-3)
    assert np.isnan(arrived[2])
    assert learner.iteration < 500 or not np.isfinite(learner.solution[2]).all()


def test_what_is_reported_of_theorem_3_is_the_sum_of_its_parts():
    for row in independent_noise_report(runs=60, iterations=80):
        path, added = float(row["without noise"]), float(row["what noise adds, at least"])
        mean, error = map(float, row["measured E||x_T - x*||^2"].split(" +- "))
        assert abs(mean - path - added) < 4 * error + 0.01 * (path + added)
