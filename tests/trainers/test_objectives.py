"""The problems of the gradient methods: gradients and Hessian products against torch and differences, samples, shapes."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.first_order import FirstOrderLearner
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.problems.analytic import AnalyticProblem
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.problems.parallel_env import ParallelEnvProblem
from trainers.problems.quadratic import Quadratic
from trainers.problems.torch_loss import TorchObjective, small_cnn
from wirelessenv import ConfigError

RNG = np.random.default_rng(5)
SHARES = np.split(RNG.permutation(60), [7, 30])
FEATURES = RNG.normal(size=(60, 5))
LABELS = RNG.choice([-1.0, 1.0], 60)


def logistic(regulariser="nonconvex", weight=0.1, dtype=np.float64):
    return Logistic(FEATURES.astype(dtype), LABELS, SHARES, batch=4, regulariser=regulariser, weight=weight)


def cnn(summed=False):
    """In double precision, so that differences are sharp."""
    torch.set_num_threads(1)
    images = np.random.default_rng(1).random((30, 1, 4, 4))
    loss = (
        functional.cross_entropy if not summed else lambda out, target: functional.cross_entropy(out, target, reduction="sum")
    )
    shares = [np.arange(5), np.arange(5, 30)]
    labels = np.random.default_rng(2).integers(0, 10, 30)
    return TorchObjective(small_cnn(1, 4, width=2).double(), images, labels, shares, loss=loss, batch=3, summed=summed)


PROBLEMS = {
    "quadratic": Quadratic(clients=2, noise=0.3),
    "least squares": LeastSquares(zeta=2.0, noise=0.3),
    "logistic": logistic("l2", 0.0),
    "logistic l2": logistic("l2"),
    "logistic nonconvex": logistic(),
    "cnn": cnn(),
    "cnn summed": cnn(summed=True),
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


@pytest.mark.parametrize("sampled", [False, True])
def test_gradients_and_hessian_products_are_differences(problem, sampled):
    """Along random directions: of costs, and of gradients."""
    rng = np.random.default_rng(0)
    for client in range(problem.clients):
        x = problem.starts([3])[0] + 0.3 * rng.normal(size=problem.size)
        direction = rng.normal(size=problem.size)
        sample = problem.draw(client, rng) if sampled else None
        ahead, behind = x + 1e-5 * direction, x - 1e-5 * direction
        slope = (problem.cost(client, ahead, sample) - problem.cost(client, behind, sample)) / 2e-5
        assert problem.gradient(client, x, sample) @ direction == pytest.approx(slope, rel=1e-5, abs=1e-7)
        bend = (problem.gradient(client, ahead, sample) - problem.gradient(client, behind, sample)) / 2e-5
        product = problem.hessian_product(client, x, direction, sample)
        np.testing.assert_allclose(product, bend, rtol=1e-4, atol=1e-5)


def test_the_mean_is_that_of_the_clients(problem):
    x = problem.starts([0, 1]) + np.random.default_rng(1).normal(size=(3, 2, problem.size))
    several = [problem.gradient(client, x) for client in range(problem.clients)]
    np.testing.assert_allclose(problem.mean_gradient(x), np.mean(several, axis=0), rtol=1e-9, atol=1e-12)
    costs = [problem.cost(client, x) for client in range(problem.clients)]
    np.testing.assert_allclose(problem.mean_cost(x), np.mean(costs, axis=0), rtol=1e-6)
    np.testing.assert_allclose(problem.measures(x)["cost"], problem.mean_cost(x))


def test_a_batch_of_points_clients_and_samples_is_one_after_the_other(problem):
    """One client or one each, a sample for each run, leading axes beside each other."""
    rng, runs = np.random.default_rng(2), 3
    x = problem.starts(range(runs)) + 0.5 * rng.normal(size=(2, 4, runs, problem.size))
    vector = rng.normal(size=x.shape)
    clients = rng.integers(problem.clients, size=runs)
    for asked in (clients, int(clients[0])):
        each = clients if asked is clients else np.full(runs, asked)
        samples = np.stack([problem.draw(int(client), rng) for client in each])
        for sample in (samples, None):
            gradients = problem.gradient(asked, x, sample)
            products = problem.hessian_product(asked, x, vector, sample)
            costs = problem.cost(asked, x, sample)
            for place in np.ndindex(2, 4, runs):
                one, own = int(each[place[-1]]), None if sample is None else sample[place[-1]]
                np.testing.assert_allclose(gradients[place], problem.gradient(one, x[place], own), rtol=1e-9, atol=1e-12)
                expected = problem.hessian_product(one, x[place], vector[place], own)
                np.testing.assert_allclose(products[place], expected, rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(costs[place], problem.cost(one, x[place], own), rtol=1e-6)


def test_a_sample_for_each_run_and_client(problem):
    """Shapes of push-sum: clients (n,), points (variants, runs, n, d), samples (runs, n, ...)."""
    rng, everybody = np.random.default_rng(6), np.arange(problem.clients)
    x = problem.starts([0])[0] + 0.5 * rng.normal(size=(2, 3, problem.clients, problem.size))
    samples = np.stack([problem.draw(everybody, rng) for _ in range(3)])
    found = problem.gradient(everybody, x, samples), problem.hessian_product(everybody, x, x, samples)
    costs = problem.cost(everybody, x, samples)
    for v, r, k in np.ndindex(x.shape[:-1]):
        one = k, x[v, r, k]
        np.testing.assert_allclose(found[0][v, r, k], problem.gradient(*one, samples[r, k]), rtol=1e-9, atol=1e-12)
        product = problem.hessian_product(*one, x[v, r, k], samples[r, k])
        np.testing.assert_allclose(found[1][v, r, k], product, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(costs[v, r, k], problem.cost(*one, samples[r, k]), rtol=1e-6)


def test_samples_are_unbiased(problem):
    """The mean of 4000 sampled gradients, within 5 standard errors in every coordinate."""
    rng = np.random.default_rng(4)
    x = problem.starts([0])[0] + 0.2
    scale = problem.batch if problem in (PROBLEMS["cnn summed"],) else None
    count = 300 if isinstance(problem, TorchObjective) else 4000
    for client in range(problem.clients):
        samples = problem.draw(np.full(count, client), rng)
        gradients = np.stack([problem.gradient(client, x, sample) for sample in samples])
        exact = problem.gradient(client, x)
        if scale is not None:  # a sum over the batch estimates batch / N_i of the sum over all rows
            exact = exact * scale / len(problem._rows[client])
        error = gradients.std(axis=0) / np.sqrt(count)
        assert (np.abs(gradients.mean(0) - exact) <= 5 * error + 1e-12).all()


@pytest.mark.parametrize("regulariser", ["l2", "nonconvex"])
def test_logistic_regression_as_torch_has_it(regulariser):
    problem = logistic(regulariser)
    x = np.random.default_rng(3).normal(size=5)
    point = torch.tensor(x, requires_grad=True)
    for client, rows in enumerate(SHARES):
        margins = torch.as_tensor(FEATURES[rows]) @ point * torch.as_tensor(LABELS[rows])
        extra = (point**2 / 2 if regulariser == "l2" else point**2 / (1 + point**2)).sum()
        cost = functional.softplus(-margins).mean() + 0.1 * extra
        assert problem.cost(client, x) == pytest.approx(cost.item(), rel=1e-12)
        (slope,) = torch.autograd.grad(cost, point)
        np.testing.assert_allclose(problem.gradient(client, x), slope.numpy(), rtol=1e-10)


def test_large_margins_do_not_overflow():
    problem = logistic("l2", 0.0, np.float32)
    x = np.full(5, 1e4, np.float32)
    assert np.isfinite(problem.gradient(0, x)).all()
    assert np.isfinite(problem.mean_cost(x))
    assert problem.gradient(0, x).dtype == np.float32


def test_constants_are_the_largest_curvatures():
    quadratic = Quadratic(smallest=1.0, largest=2.0, seed=3)
    hessian = np.stack([quadratic.hessian_product(0, np.zeros(10), row) for row in np.eye(10)])
    eigenvalues = np.sqrt(np.linalg.eigvalsh(hessian))
    np.testing.assert_allclose(eigenvalues[[0, -1]], [1, 2], rtol=1e-10)
    assert quadratic.smoothness == 4
    np.testing.assert_allclose(quadratic.mean_gradient(quadratic.minimiser), 0, atol=1e-12)

    squares = LeastSquares()  # A_i^2 = i^2 / 4
    assert squares.smoothness == pytest.approx((1 + 4 + 9 + 16) / 16)
    assert squares.local_smoothness == 4
    assert squares.dissimilarity == pytest.approx(4 - 30 / 16)
    np.testing.assert_allclose(squares.mean_gradient(squares.minimiser), 0)

    for problem in (logistic("l2"), logistic("nonconvex")):
        hessian = np.mean(
            [[problem.hessian_product(k, np.zeros(5), row) for row in np.eye(5)] for k in range(problem.clients)], axis=0
        )
        assert np.linalg.eigvalsh(hessian)[-1] == pytest.approx(problem.smoothness)  # at 0 both are at their largest


def test_least_squares_begin_at_the_minimum_plus_one_and_zeta_is_the_heterogeneity():
    seeds = list(range(400))
    problem = LeastSquares(zeta=3.0, seed=seeds)
    np.testing.assert_allclose(problem.starts(seeds) - problem.minimiser, 1)
    for client in range(4):  # b_i ~ N(0, zeta^2 / i^2)
        spread = problem._targets[client].std() * (client + 1)
        assert spread == pytest.approx(3.0, rel=5 / np.sqrt(2 * 4000))
    alone = LeastSquares(zeta=3.0, seed=7)
    np.testing.assert_array_equal(alone.minimiser, problem.minimiser[7])
    x = np.random.default_rng(0).normal(size=(2, 400, 10))
    clients = np.arange(400) % 4
    np.testing.assert_allclose(problem.gradient(clients, x)[:, 7], alone.gradient(3, x[:, 7]))
    np.testing.assert_allclose(problem.mean_cost(x)[:, 7], alone.mean_cost(x[:, 7]))


def test_accuracy_on_rows_held_out():
    problem = Logistic(FEATURES, LABELS, held_out=(np.eye(5)[:4], np.array([1, -1, 1, -1])))
    x = np.array([[1.0, 1.0, -1.0, -2.0, 0.0], [1.0, -1.0, 1.0, -1.0, 0.0]])
    np.testing.assert_array_equal(problem.measures(x)["accuracy"], [0.5, 1.0])


def test_the_network_starts_with_he_s_law_and_runs_differ():
    problem = TorchObjective(small_cnn(3, 32, width=16), np.zeros((1, 3, 32, 32), np.float32), np.zeros(1, int))
    starts = problem.starts([0, 1])
    assert starts.dtype == np.float32
    last = 10 + 32 * 64 * 10  # the linear layer comes last: 2048 inputs, 10 biases of 0
    weights = starts[0, -last:-10]
    assert weights.std() == pytest.approx(np.sqrt(2 / 2048), rel=5 / np.sqrt(2 * len(weights)))
    np.testing.assert_array_equal(starts[0, -10:], 0)
    assert np.abs(starts[0] - starts[1]).max() > 0.1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Logistic(FEATURES, LABELS, [np.arange(3), np.arange(0)]), "clients"),
        (lambda: Logistic(FEATURES, LABELS + 1), "labels"),
        (lambda: Logistic(FEATURES.astype(int), LABELS), "features"),
        (lambda: Logistic(FEATURES, LABELS, regulariser="l1"), "regulariser"),
        (lambda: Logistic(FEATURES, LABELS, batch=0), "batch"),
        (lambda: Quadratic(smallest=3.0), "smallest"),
        (lambda: Quadratic(clients=0), "clients: 0 is not valid"),
        (lambda: Quadratic(size=2.5), "size: 2.5 is not valid"),
        (lambda: LeastSquares(scales=[0.0]), "scales"),
        (lambda: LeastSquares(clients=0), "clients: 0 is not valid"),
        (lambda: LeastSquares(noise=-1.0), "noise, zeta: -1.0, 1.0 are not valid"),
        (lambda: AsyncSGD(Quadratic(), step_size=[]), "step_size: "),
        (lambda: AsyncSGD(Quadratic(), step_size="a"), "step_size: 'a' is not valid"),
        (lambda: DASGD(Quadratic(), nodes=2.5), "nodes: 2.5 is not valid"),
        (lambda: FirstOrderLearner(object()), "problem: object is not valid: gradients need a WirelessProblem"),
        (lambda: FirstOrderLearner(Quadratic()), "problem: Quadratic is not valid: gradients need a WirelessProblem"),
        (lambda: AsyncBC(None), r"problem: NoneType is not valid: this method needs an objective, such as Quadratic\(\)"),
        (lambda: PARSPushLearner(AnalyticProblem()), "problem: AnalyticProblem is not valid: this method needs an objective"),
        (lambda: DASGD(Quadratic), "problem: the class Quadratic is not valid: this method needs an objective"),
        (lambda: ZerothOrderLearner(Quadratic()), "problem: Quadratic is not valid: this method needs agents with policies"),
        (lambda: ZerothOrderLearner("dense"), "problem: str is not valid: this method needs agents with policies"),
        (
            lambda: ParallelEnvProblem(AnalyticProblem()),
            "make_environment: AnalyticProblem is not valid: it should be a function",
        ),
        (
            lambda: ParallelEnvProblem(object),
            "make_environment: object, which it made, is not valid: it should be a ParallelEnv",
        ),
        (lambda: Quadratic(4000), "size: 4000 is not valid with 1 seeds: to draw them takes minutes; choose at most 3419"),
        (lambda: Quadratic(1000, seed=range(50)), "size: 1000 is not valid with 50 seeds: .* at most 928"),
        (lambda: LeastSquares().draw(0, RNG), "no samples"),
        (lambda: Quadratic().draw(0, RNG), "no samples"),
        (lambda: LeastSquares(seed=[0, 1]).starts([0]), "seed: 1 runs"),
        (lambda: Quadratic(seed=[0, 1]).starts([0]), "seed: 1 runs"),
        (lambda: small_cnn(1, 6), "side: 6"),
        (lambda: TorchObjective(small_cnn(1, 4), np.zeros((2, 1, 4, 4)), np.zeros(3)), "inputs: 2"),
    ],
)
def test_bad_problems_are_named(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


def test_norm_layers_begin_as_they_are_frozen_parameters_stay_and_types_fit():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.LayerNorm(16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    module[0].weight.requires_grad_(False)
    frozen = module[0].weight.clone()
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 3))  # doubles, and labels of 32 bits
    problem = TorchObjective(module, inputs, (inputs[:, 0] * inputs[:, 1] > 0).astype(np.int32))
    x = problem.starts([0])[0]
    assert problem.size == 16 + 32 + 32 + 2
    np.testing.assert_array_equal(x[16:32], 1)  # gains of the norm, after the biases of the first layer
    np.testing.assert_array_equal(np.delete(x, np.r_[16:32, 48:80]), 0)
    for _ in range(300):
        x -= 0.5 * problem.gradient(0, x)
    assert problem.cost(0, x) < 0.55  # chance is 0.69, where nothing but the last biases would learn
    assert torch.equal(module[0].weight, frozen)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(), torch.nn.Linear(4, 2)), "module: 1, Dropout, is not"),
        (torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)), "module: 1, BatchNorm1d, is not valid"),
        (torch.nn.ReLU(), "module: is not valid: it has no parameters to learn"),
    ],
)
def test_modules_whose_cost_is_no_function_of_x_are_refused(module, sentence):
    with pytest.raises(ConfigError) as caught:
        TorchObjective(module, np.zeros((4, 3), np.float32), np.zeros(4, int))
    assert sentence in str(caught.value)


def test_least_squares_from_zero_takes_longer_the_further_the_minimiser_is():
    """Gradient descent on the mean cost by hand, (x_t - x*) = (1 - eta L)^t (x_0 - x*), from 0 and from x* + 1."""
    far, near = (LeastSquares(zeta=zeta, start="zero", seed=3) for zeta in (10.0, 1.0))
    np.testing.assert_array_equal(far.starts([3]), np.zeros((1, 10)))
    np.testing.assert_allclose(np.linalg.norm(far.minimiser), 10 * np.linalg.norm(near.minimiser))
    plus_one = LeastSquares(zeta=10.0, seed=3)
    np.testing.assert_allclose(plus_one.starts([3])[0] - plus_one.minimiser, 1)
    learner = SyncSGD(far, exact=True, step_size=0.1, seed=3).learn(4 * 7)
    np.testing.assert_allclose(learner.solution[0, 0], (1 - (1 - 0.1 * 30 / 16) ** 7) * far.minimiser)
    with pytest.raises(ConfigError, match="start"):
        LeastSquares(start="one")
