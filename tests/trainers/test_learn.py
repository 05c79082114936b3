"""Rules of all learners: each takes a count of iterations, and a copy of it goes on with the same numbers."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.first_order import FirstOrderLearner
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.sgp import SGPLearner
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.experiments.strided import Strided
from trainers.problems.analytic import AnalyticProblem
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.problems.parallel_env import ParallelEnvProblem
from trainers.problems.quadratic import Quadratic
from trainers.problems.ridge_regression import RidgeRegression
from trainers.problems.torch_loss import TorchObjective
from trainers.problems.wireless import WirelessProblem
from trainers.problems.wireless_objective import WirelessObjective
from wirelessenv import ConfigError, Messaging, power_control_v0

LATE = Messaging(graph="ring", links={"delay": 2, "loss": 0.2}, activity={"update": 0.7})
RANDOM = {"computing": {"kind": "exponential"}, "links": {"kind": "exponential"}, "link_scale": 0.7, "graph": "ring"}
SMALL = {"preset": "dense", "transmitters": 4}


def small_env():
    return power_control_v0.parallel_env(scenario=SMALL)


def module_problem():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(20, 3)).astype(np.float32), rng.integers(0, 2, 20)
    return TorchObjective(nn.Linear(3, 2), inputs, targets, clients=np.split(np.arange(20), 4), batch=3)


OBJECTIVES = {
    "least squares": lambda: LeastSquares(noise=0.1),
    "quadratic": lambda: Quadratic(clients=4, noise=0.1),
    "logistic": lambda: Logistic.gaussian(clients=4),
    "regression": lambda: RidgeRegression(clients=4, size=5),
    "module": module_problem,
    "wireless": lambda: WirelessObjective(SMALL, bank_slots=20, evaluation_slots=10, batch=4),
}
METHODS = {
    "SGP": lambda problem: SGPLearner(problem, LATE, step_size=0.01, seed=[0, 1]),
    "PARS-Push": lambda problem: PARSPushLearner(problem, LATE, step_size=0.01, seed=[0, 1], inner_steps=1),
    "DASGD": lambda problem: DASGD(problem, RANDOM, nodes=4, step_size=0.01, seed=[0, 1]),
    "Async-SGD": lambda problem: AsyncSGD(problem, {"computing": "exponential"}, step_size=0.01, seed=[0, 1]),
    "Sync-SGD": lambda problem: SyncSGD(problem, "exponential", step_size=0.01, seed=[0, 1]),
    "AsyncBC": lambda problem: AsyncBC(problem, step_size=0.01, seed=[0, 1]),
}
AGENTS = {
    "zeroth order, wireless": lambda: ZerothOrderLearner(
        WirelessProblem(SMALL, seed=[0, 1], evaluation_slots=10), LATE, batch=4, smoothing=0.2, seed=[0, 1]
    ),
    "zeroth order, analytic": lambda: ZerothOrderLearner(AnalyticProblem(value_noise=0.1, slope_noise=0.1), LATE, batch=2),
    "zeroth order, environment": lambda: ZerothOrderLearner(
        ParallelEnvProblem(small_env, evaluation_samples=2), LATE, batch=2, smoothing=0.2
    ),
    "first order, wireless": lambda: FirstOrderLearner(
        WirelessProblem(SMALL, seed=[0, 1], evaluation_slots=10), LATE, batch=4, seed=[0, 1]
    ),
}
LEARNERS = AGENTS | {
    f"{method}, {problem}": lambda method=method, problem=problem: METHODS[method](OBJECTIVES[problem]())
    for method in METHODS
    for problem in OBJECTIVES
}
ALL = [*AGENTS, *(f"{method}, least squares" for method in METHODS)]


@pytest.mark.parametrize("name", ALL)
def test_iterations_are_a_count(name):
    learner = LEARNERS[name]()
    before = learner.parameters.clone()
    for wrong in (-1, 1.5, True, "3", None, [2], float("nan"), np.float64(2), np.array([1, 2]), 10**30):
        with pytest.raises(ConfigError, match=r"iterations: .* is not valid: it should be"):
            learner.learn(wrong)
    assert learner.iteration == 0
    assert learner.learn(0) is learner
    assert torch.equal(learner.parameters, before)
    assert learner.learn(np.int64(2)).learn(np.uint8(1)).iteration == 3


def test_strides_count_too():
    learner = Strided(AsyncSGD(LeastSquares(), exact=True), 5, 3)
    for wrong in (-1, 1.5, True, "3"):
        with pytest.raises(ConfigError, match=f"iterations: {wrong!r} is not valid"):
            learner.learn(wrong)
    learner.learn(np.int64(2))
    learner.learn(9)
    learner.learn(9)
    assert learner.iteration == 3


def numbers(learner):
    with np.errstate(all="ignore"):
        return {"learned": learner.parameters.numpy(), **learner.report()}


def assert_same(one, other):
    for name, values in numbers(one).items():
        np.testing.assert_array_equal(values, numbers(other)[name], err_msg=name)


@pytest.mark.parametrize("name", LEARNERS)
def test_copies_go_on_with_the_same_numbers_and_disturb_nobody(name):
    alone, first = LEARNERS[name]().learn(9), LEARNERS[name]().learn(4)
    copies = [copy.deepcopy(first), pickle.loads(pickle.dumps(first))]  # noqa: S301  # our own bytes
    copies[0].learn(2)
    first.learn(5)
    copies[0].learn(3)
    copies[1].learn(5)
    for learner in (first, *copies):
        assert_same(learner, alone)
    assert alone.iteration == 9
