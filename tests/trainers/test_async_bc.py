"""AsyncBC: its reference, its identity for equal Hessians, SARAH, the paper's claims, and Theorem 3 on its own problem."""

import numpy as np
import pytest

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.reference.async_bc import async_bc
from trainers.bounds.gradient_methods import independent_noise
from trainers.events.timetable import CHUNK
from trainers.problems.least_squares import LeastSquares
from wirelessenv.streams import stream


@pytest.mark.parametrize("concurrency", [1, 3, None])
@pytest.mark.parametrize("timetable_seed", [None, 4])
@pytest.mark.parametrize("computing", ["linear", {"kind": "exponential", "mean": "linear"}])
def test_algorithm_1_is_what_the_reference_gives(concurrency, timetable_seed, computing):
    problem = LeastSquares(zeta=2.0)
    steps, seeds = [0.003, 0.01], [0, 5]
    server = {"concurrency": concurrency, "computing": computing}
    learner = AsyncBC(problem, server, step_size=steps, exact=True, seed=seeds, timetable_seed=timetable_seed).learn(600)
    for run, seed in enumerate(seeds):
        table = learner.settings.server.timetable(4, seed if timetable_seed is None else timetable_seed)
        for variant, step in enumerate(steps):
            point, momentum = async_bc(problem, table, problem.starts([seed])[0], step_size=step, iterations=600)[-1]
            np.testing.assert_allclose(learner.solution[variant, run], point, rtol=1e-12)
            np.testing.assert_allclose(learner.momentum[variant, run], momentum, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("same_sample", [True, False])
def test_algorithm_2_is_what_the_reference_gives(seed, same_sample):
    """Line by line; the first tasks draw their samples together, then the tasks of CHUNK updates."""
    problem, server, updates = LeastSquares(zeta=2.0, noise=0.4), {"concurrency": 3}, CHUNK + 50
    learner = AsyncBC(problem, server, step_size=0.01, seed=seed, same_sample=same_sample)
    table, rng, pairs = learner.settings.server.timetable(4, seed), stream(seed, "sample"), []
    tasks = [*table.first, *table.next_client(2 * CHUNK).tolist()]
    for block in (tasks[:3], tasks[3 : 3 + CHUNK], tasks[3 + CHUNK :]):
        first = [problem.draw(client, rng) for client in block]
        pairs += zip(first, first if same_sample else [problem.draw(client, rng) for client in block], strict=True)
    drawn = iter(pairs)
    start = problem.starts([seed])[0]
    for point, momentum in async_bc(problem, table, start, step_size=0.01, iterations=updates, sample=lambda k: next(drawn)):
        learner.learn(1)
        np.testing.assert_allclose(learner.solution[0, 0], point, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(learner.momentum[0, 0], momentum, rtol=1e-9, atol=1e-12)


class EqualHessians:
    """The identity of equal Hessians, looked at where the paper has it: after line 6, before line 8."""

    def __init__(self, learner):
        self.problem, self.worst = learner.problem, 0.0

    def look(self, learner):
        # `learner` has just done line 9: its newest task is the difference of grad f at x_{t+1} and x_t. Leaving that task
        # out and comparing at x_t is the paper's moment; with all H_i equal the task's gradient is known.
        new, old = learner._points
        newest = self.problem.mean_gradient(new) - self.problem.mean_gradient(old)
        in_flight = learner._under_way.sum(0) - newest
        gap = learner.momentum + in_flight - self.problem.mean_gradient(old)
        self.worst = max(self.worst, float(np.abs(gap).max()))


@pytest.mark.parametrize("concurrency", [1, 2, 4, 7])
def test_momentum_and_gradients_in_flight_are_the_gradient_where_hessians_are_equal(concurrency):
    problem = LeastSquares(scales=[1.0] * 7, zeta=4.0)
    server = {"computing": {"kind": "exponential", "mean": "linear"}, "concurrency": concurrency}
    learner = AsyncBC(problem, server, step_size=[0.01, 0.1], exact=True, seed=[0, 1, 2])
    identity = EqualHessians(learner)
    learner.learn(400, identity.look)
    assert identity.worst < 1e-12


@pytest.mark.parametrize("concurrency", [2, 4])
def test_the_identity_fails_without_the_weight_of_the_first_tasks(concurrency):
    problem = LeastSquares(scales=[1.0] * 4, zeta=4.0)
    learner = AsyncBC(problem, {"concurrency": concurrency}, step_size=0.01, exact=True)
    learner._under_way *= concurrency  # as if line 3 had no 1 / tau_C
    identity = EqualHessians(learner)
    learner.learn(50, identity.look)
    moved = np.abs(0.01 * problem.mean_gradient(problem.starts([0]))).max()  # x_1 - x_0, counted tau_C times
    assert identity.worst == pytest.approx((concurrency - 1) * moved, rel=1e-9)


def test_one_active_client_is_sarah():
    """v_t = grad f_i(w_t; xi) - grad f_i(w_{t-1}; xi) + v_{t-1}, w_{t+1} = w_t - eta v_t (Nguyen et al., 2017)."""
    problem = LeastSquares(zeta=3.0, noise=1.0)  # noise of a common sample cancels in SARAH's difference
    learner = AsyncBC(problem, {"concurrency": 1}, step_size=0.02, seed=6).learn(300)
    picks = learner.settings.server.timetable(4, 6).client(300).tolist()
    before = problem.starts([6])[0]
    v = problem.mean_gradient(before)
    w = before - 0.02 * v
    for i in picks:
        v = problem._curvatures[i] * (w - before) + v
        before, w = w, w - 0.02 * v
    np.testing.assert_allclose(learner.solution[0, 0], w, rtol=1e-9)


def counts(method, zeta):
    """Iterations until ||grad f||^2 <= 0.01 (mean of 20), the best step of the grid whose seeds all arrive; cap 20000."""
    seeds = range(4)
    problem = LeastSquares(zeta=zeta, seed=seeds)
    steps = [0.05, 0.01, 0.005, 0.001, 0.0005]
    target = {"below": 0.01, "window": 20, "power": 2}
    learner = method(problem, step_size=steps, exact=True, seed=seeds, target=target).learn(20000)
    arrived = np.where(np.isnan(learner.arrival.arrived), np.inf, learner.arrival.arrived)
    return arrived[np.argmin(arrived.max(1))]


@pytest.mark.slow
def test_heterogeneity_does_not_slow_asyncbc_and_slows_async_gd():
    """Figure 1: the counts are equal for every zeta from x_0 = x* + 1, where Async-GD's grow from fewer to more."""
    corrected = {zeta: counts(AsyncBC, zeta) for zeta in (0.0, 1.0, 10.0)}
    plain_gd = {zeta: counts(AsyncSGD, zeta) for zeta in (0.0, 1.0, 10.0)}
    np.testing.assert_array_equal(corrected[0.0], corrected[1.0])
    np.testing.assert_array_equal(corrected[0.0], corrected[10.0])
    assert np.isfinite(corrected[0.0]).all()
    means = [plain_gd[zeta].mean() for zeta in (0.0, 1.0, 10.0)]
    assert means[0] < corrected[0.0].mean()
    assert means[0] * 3 < means[1]
    assert means[1] * 3 < means[2]


def noisy(steps, runs, iterations, **problem):
    """AsyncBC with noise of variance 0.01 a coordinate on each difference: two gradients, 0.1 / sqrt(2) each."""
    objective = LeastSquares(noise=0.1 / np.sqrt(2), **problem)
    learner = AsyncBC(objective, {"concurrency": 1}, step_size=steps, same_sample=False, seed=range(runs))
    return objective, learner.learn(iterations)


def test_theorem_3_is_exact_on_its_own_problem():
    """E||x_T - x*||^2 is the noise-free path's plus the theorem's sum, whatever the b_i; 400 runs, four standard errors."""
    steps, total = [0.9, 0.3, 0.05], 120  # x_T is reached after T - 1 updates
    problem, learner = noisy(steps, 400, total - 1, scales=[1.0] * 4, zeta=2.0)
    squares = ((learner.solution - problem.minimiser) ** 2).sum(-1)
    for variant, step in enumerate(steps):
        path = 10 * (1 - step) ** (2 * total)  # ||x_0 - x*||^2 = 10
        expected = path + independent_noise(10, 0.1, step, total)
        error = squares[variant].std(ddof=1) / np.sqrt(400)
        assert abs(squares[variant].mean() - expected) < 4 * error
        beyond = (learner.solution[variant] ** 2).sum(-1)  # the theorem's own form: a lower bound of E||x_T||^2
        assert beyond.mean() + 4 * beyond.std(ddof=1) / 20 > independent_noise(10, 0.1, step, total)


@pytest.mark.slow
def test_no_step_size_converges_under_independent_noise():
    """Figure 3: zeta = 0, the paper's steps: large ones wander off, small ones have hardly moved after 20000 updates.

    That is the noise: without it the second largest has gone 98 % of the way by then.
    """
    steps = [1e-2, 1e-4, 1e-6, 1e-8, 1e-10]
    problem, learner = noisy(steps, 4, 20000, zeta=0.0)
    norms = learner.measures()["gradient_norm"]
    start = 1.875 * np.sqrt(10)  # L ||x_0 - x*||
    assert (norms[:2] > 2 * start).all()
    np.testing.assert_allclose(norms[2], start, rtol=0.3)
    np.testing.assert_allclose(norms[3:], start, rtol=0.01)
    exact = AsyncBC(problem, {"concurrency": 1}, step_size=1e-4, exact=True).learn(20000)
    assert exact.measures()["gradient_norm"].item() < 0.03 * start


def test_samples_shared_by_both_gradients_leave_no_noise_behind():
    """The same problem and steps with the same sample: the noise cancels, and the method arrives."""
    problem = LeastSquares(noise=0.1, zeta=0.0)
    learner = AsyncBC(problem, {"concurrency": 1}, step_size=0.01, seed=stream(0, "any").integers(100, size=2).tolist())
    assert (learner.learn(3000).measures()["distance"] < 0.5).all()
