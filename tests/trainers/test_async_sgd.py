"""Async-SGD and Sync-SGD, against their references and exact answers."""

import numpy as np
import pytest

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.reference.async_sgd import async_sgd
from trainers.algorithms.reference.sync_sgd import sync_sgd
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from wirelessenv import ConfigError
from wirelessenv.streams import stream

STEPS = [0.02, 0.05]


@pytest.mark.parametrize("concurrency", [1, 3, None])
@pytest.mark.parametrize("timetable_seed", [None, 4])
@pytest.mark.parametrize("noise", [0, 0.3])
def test_async_sgd_is_what_the_reference_gives(concurrency, timetable_seed, noise):
    problem = LeastSquares(zeta=2.0, noise=noise)
    settings = {"step_size": STEPS, "exact": noise == 0, "seed": [0, 5], "timetable_seed": timetable_seed}
    learner, seen = AsyncSGD(problem, {"concurrency": concurrency}, **settings), []
    learner.learn(700, lambda one: seen.append(one.solution.copy()))
    for run, seed in enumerate([0, 5]):
        table = learner.settings.server.timetable(4, seed if timetable_seed is None else timetable_seed)
        for variant, step in enumerate(STEPS):
            expected = async_sgd(
                problem, table, problem.starts([0])[0], step_size=step, iterations=700, sample=sampler(problem, noise, seed)
            )
            np.testing.assert_allclose(np.array(seen)[:, variant, run], expected, rtol=1e-12)


def sampler(problem, noise, seed):
    """The samples of a run, one after the other."""
    rng = stream(seed, "sample")
    return lambda client: problem.draw(client, rng) if noise else None


def test_one_active_client_is_sgd():
    """tau_C = 1: x_{t+1} = x_t - eta grad f_k(x_t; xi) with the draws of the run's stream, one client after the other."""
    problem = LeastSquares(noise=0.3)
    learner = AsyncSGD(problem, {"concurrency": 1}, step_size=0.05, seed=3).learn(50)
    table = learner.settings.server.timetable(4, 3)
    rng, x = stream(3, "sample"), problem.starts([3])[0]
    for client in table.client(50).tolist():
        x = x - 0.05 * (problem.gradient(client, x) + 0.3 * rng.normal(size=10))
    np.testing.assert_allclose(learner.solution[0, 0], x, rtol=1e-12)


def logistic():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(90, 6))
    shares = np.split(rng.permutation(90), [10, 40, 45])
    return Logistic(features, np.sign(features[:, 0] + 0.1), shares, batch=4, regulariser="nonconvex", weight=0.05)


@pytest.mark.parametrize("method", [AsyncSGD, AsyncBC])
@pytest.mark.parametrize("problem", [LeastSquares(noise=0.1), logistic()])
def test_a_run_depends_on_nothing_beside_it(method, problem):
    """Alone or in a batch, in one go or cut, saved and resumed: the same numbers."""
    server = {"computing": {"kind": "exponential", "mean": "linear"}, "concurrency": 3}
    alone = method(problem, server, step_size=0.05, seed=8).learn(1300)
    batch = method(problem, server, step_size=[0.01, 0.05], seed=[1, 8]).learn(600)
    state = batch.state()
    resumed = method(problem, server, step_size=[0.01, 0.05], seed=[1, 8])
    resumed.set_state(state)
    for learner in (batch.learn(700), resumed.learn(300).learn(400)):
        np.testing.assert_allclose(learner.solution[1, 1], alone.solution[0, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(batch.solution, resumed.solution)
    for name, values in batch.measures().items():
        np.testing.assert_allclose(values[1, 1], alone.measures()[name][0, 0], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("method", [AsyncSGD, AsyncBC])
def test_a_step_that_is_too_large_diverges_alone_and_in_silence(method):
    learner = method(LeastSquares(), step_size=[0.01, 50.0], exact=True).learn(4000)
    assert not np.isfinite(learner.solution[1]).any()
    assert learner.measures()["distance"][0, 0] < 1


def test_what_travels_is_counted():
    one = AsyncSGD(LeastSquares(), {"concurrency": 3}, exact=True).learn(100).measures()
    two = AsyncBC(LeastSquares(), {"concurrency": 3}, exact=True).learn(100).measures()
    assert one["messages"] == two["messages"] == 3 + 200
    assert one["entries"] == 10 * (3 + 200)  # a point to the client, a gradient back
    assert two["entries"] == 10 * (2 * 3 + 300)  # two points to the client, a difference back
    assert two["bits"] == 32 * two["entries"]


def test_sync_gd_is_gradient_descent():
    problem = LeastSquares(zeta=3.0)
    learner = SyncSGD(problem, "linear", step_size=0.1, exact=True, seed=[0, 1]).learn(4 * 30)
    factor = (1 - 0.1 * problem.smoothness) ** 30
    np.testing.assert_allclose(learner.solution - problem.minimiser, np.full((1, 2, 10), factor), rtol=1e-10)
    measures = learner.measures()
    assert measures["messages"][0, 0] == 240
    assert measures["seconds"][0, 0] == 300  # the slowest takes 10


@pytest.mark.parametrize("problem", [LeastSquares(noise=0.3), logistic()])
@pytest.mark.parametrize("seed", [2, 6])
def test_sync_sgd_is_what_the_reference_gives(problem, seed):
    learner = SyncSGD(problem, {"kind": "exponential"}, step_size=0.2, seed=[1, seed])
    start = problem.starts([seed])[0]
    for x in sync_sgd(problem, start, step_size=0.2, rounds=5, sample=sampler(problem, True, seed)):
        np.testing.assert_allclose(learner.learn(4).solution[0, 1], x, rtol=1e-12)
    longest = sum(stream(seed, "computing time", t).exponential(size=4).max() for t in range(5))
    assert learner.measures()["seconds"][0, 1] == pytest.approx(longest)


def test_a_state_of_another_learner_is_refused():
    state = AsyncSGD(LeastSquares(), exact=True, seed=[0, 1]).state()
    with pytest.raises(ConfigError, match="state"):
        AsyncSGD(LeastSquares(), exact=True).set_state(state)
