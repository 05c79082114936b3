"""python -m benchmarks.gradient_methods: speeds of the gradient methods with a server, and of the CNN, on one thread."""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn import functional

from benchmarks.reporting import row, spread
from trainers.algorithms.ace import ACE
from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.delay_adaptive import DelayAdaptive
from trainers.algorithms.fedbuff import FedBuff
from trainers.algorithms.malenia import Malenia
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.rennala import Rennala
from trainers.algorithms.ringleader import Ringleader
from trainers.algorithms.ringmaster import Ringmaster
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.problems.ridge_regression import Features, RidgeRegression
from trainers.problems.torch_loss import TorchObjective, small_cnn
from wirelessenv import Messaging

ROUNDS = 7
RELATIVES = {
    "delay-adaptive": "Async-GD",
    "Ringmaster": "Async-GD",
    "Rennala": "Async-GD",
    "FedBuff": "Async-GD",
    "ACE": "Async-GD",
    "Malenia": "Rennala",
    "Ringleader": "ACE",
}
"""Nearest relative of each method, which does the same but for one thing: Malenia is Rennala for clients that differ;
Ringleader and ACE keep a table of all clients' gradients and its running mean, and step along that."""
GRID = np.logspace(-5, -1, 20).tolist()


def pars_push(features: Features) -> PARSPushLearner:
    """PARS-Push as in (Toghani et al., 2023, Figure 1), u = 1: n = 10, d = 30, with sleep, delay and loss."""
    messaging = Messaging(
        graph={"kind": "erdos_renyi", "probability": 0.15},
        activity={"update": {"probability": 0.5, "longest_silence": 2}},
        links={"delay": {"kind": "uniform", "shortest": 1, "longest": 2}, "loss": {"probability": 0.3, "longest_run": 1}},
    )
    return PARSPushLearner(RidgeRegression(features), messaging, step_size=0.001, inner_steps=1)


def updates_per_second(learner: GradientLearner, iterations: int) -> list[float]:
    """Updates a second, of all runs and variants together, in every round.

    Args:
        learner: trains on.
        iterations: of a round.

    Returns:
        One number for each round.
    """
    learner.learn(iterations // 4)
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        learner.learn(iterations)
        found.append(iterations * learner.variants * len(learner.seeds) / (time.perf_counter() - started))
    return found


def images_problem() -> Logistic:
    """Regression of (Gao et al., 2025, Appendix D.2) on random pixels: 48000 rows, 784 features, 64 clients, batch 32."""
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], 48000)
    shares = np.split(rng.permutation(48000), 64)
    return Logistic(rng.random((48000, 784), np.float32), signs, shares, regulariser="nonconvex", weight=0.05)


NEW_SERVERS: dict[str, Callable[..., GradientLearner]] = {
    "Ringmaster": partial(Ringmaster, threshold=3),
    "Rennala": partial(Rennala, batch=3),
    "FedBuff": partial(FedBuff, buffer=3),
    "delay-adaptive": DelayAdaptive,
    "Malenia": Malenia,
    "Ringleader": Ringleader,
    "ACE": ACE,
}


def new_servers(many: LeastSquares) -> list[tuple[str, GradientLearner, int, str]]:
    """Methods with a server that looks at ages: one run, and 20 runs x 20 steps on one timetable."""
    found: list[tuple[str, GradientLearner, int, str]] = []
    for name, method in NEW_SERVERS.items():
        one = method(LeastSquares(), step_size=0.01, exact=True)
        batch = method(many, step_size=GRID, exact=True, seed=range(20), timetable_seed=0)
        found += [(f"{name}, d = 10, answers/s", one, 40000, "80000")]
        found += [(f"{name}, 20 runs x 20 steps, answers/s", batch, 2000, "5 million")]
    return found


def beside_relatives(answers: int = 2000) -> list[dict[str, str]]:
    """Time of an answer of each method over that of its nearest relative, in pairs that run one after the other, d = 10."""
    methods = {"Async-GD": AsyncSGD, **NEW_SERVERS}
    learners = {name: method(LeastSquares(), step_size=0.01, exact=True).learn(answers) for name, method in methods.items()}
    spent: dict[str, list[float]] = {name: [] for name in learners}
    for _ in range(3 * ROUNDS):
        for name, learner in learners.items():
            spent[name].append(milliseconds(partial(learner.learn, answers)))
    return [
        row(
            f"{name}, time of an answer over {relative}'s",
            spread([own / other for own, other in zip(spent[name], spent[relative], strict=True)], ".2f"),
            asked="1.5",
        )
        for name, relative in RELATIVES.items()
    ]


def milliseconds(work: Callable[[], object]) -> float:
    """Time that a call takes, in milliseconds."""
    started = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - started)


def cnn_overhead(batches: int = 20) -> list[float]:
    """Time that our gradient takes on top of torch's own, as a share: images of 3 x 32 x 32, batches of 32."""
    rng = np.random.default_rng(0)
    images, classes = rng.random((1000, 3, 32, 32), np.float32), rng.integers(0, 10, 1000)
    problem, module = TorchObjective(small_cnn(3, 32), images, classes), small_cnn(3, 32)
    inputs, targets, x = torch.as_tensor(images), torch.as_tensor(classes), problem.starts([0])[0]
    drawn = [problem.draw(0, rng) for _ in range(batches)]

    def ours() -> None:
        for rows in drawn:
            problem.gradient(0, x, rows)

    def torchs() -> None:
        for rows in drawn:
            module.zero_grad()
            functional.cross_entropy(module(inputs[rows]), targets[rows]).backward()

    ours()
    torchs()
    return [milliseconds(ours) / milliseconds(torchs) - 1 for _ in range(4 * ROUNDS)]


def table() -> list[dict[str, str]]:
    """A row for each speed that was asked for."""
    torch.set_num_threads(1)
    many = LeastSquares(seed=range(20))
    logistic = images_problem()
    measured: list[tuple[str, GradientLearner, int, str]] = [
        ("AsyncBC-GD, d = 10, updates/s", AsyncBC(LeastSquares(), step_size=0.01, exact=True), 40000, "80000"),
        ("AsyncBC-GD, d = 784, updates/s", AsyncBC(LeastSquares(size=784), step_size=0.01, exact=True), 40000, "80000"),
        ("Async-GD, d = 10, updates/s", AsyncSGD(LeastSquares(), step_size=0.01, exact=True), 40000, ""),
        (
            "AsyncBC-GD, 20 runs x 20 steps, one timetable, updates/s",
            AsyncBC(many, step_size=GRID, exact=True, seed=range(20), timetable_seed=0),
            2000,
            "5 million",
        ),
        (
            "AsyncBC-GD, 20 runs x 20 steps, a timetable each, updates/s",
            AsyncBC(many, step_size=GRID, exact=True, seed=range(20)),
            2000,
            "",
        ),
        *new_servers(many),
        ("AsyncBC-SGD, logistic, d = 784, batch 32, updates/s", AsyncBC(logistic, step_size=0.01), 8000, "40000"),
        ("Async-SGD, logistic, d = 784, batch 32, updates/s", AsyncSGD(logistic, step_size=0.01), 8000, "40000"),
    ]
    measured += [
        ("PARS-Push, n = 10, d = 30, u = 1, ticks/s", pars_push("local_sets"), 3000, "5000"),
        ("the same, features of full covariances", pars_push("own_covariances"), 3000, "5000"),
    ]
    rows = []
    for what, learner, iterations, asked in measured:
        found = updates_per_second(learner, iterations)
        rows.append(row(what, spread(found, ",.0f"), asked=asked))
    rows += beside_relatives()
    found = cnn_overhead()
    low, middle, high = statistics.quantiles(found, n=4)
    rows.append(row("CNN, on top of torch's own", f"{middle:.1%} ({low:.1%} to {high:.1%})", asked="5 %"))
    return rows
