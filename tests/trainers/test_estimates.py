"""Estimates of the zeroth-order learner on a noisy quadratic: the mean is the gradient, the second moment that of theory."""

import numpy as np
import pytest
import torch

from tests.trainers.quadratic import QuadraticProblem
from trainers import ZerothOrderLearner
from wirelessenv import ConfigError

AGENTS, SIZE = 3, 2
N = AGENTS * SIZE


class NoisyQuadratic(QuadraticProblem):
    """A quadratic whose agents measure their utilities with normal errors, independent for each set of policies."""

    def __init__(self, *arguments, noise):
        super().__init__(*arguments)
        self.noise, self.rng, self.sets = noise, np.random.default_rng(3), 0

    def measure(self, parameters, batch, common_noise):
        exact = super().measure(parameters, batch, common_noise)
        self.sets += len(parameters)
        return exact + torch.from_numpy(self.noise * self.rng.normal(size=exact.shape)).float()


def problem(noise, bend=1.0, seeds=(0,)):
    rng = np.random.default_rng(1)
    hessians = bend * rng.normal(size=(AGENTS, N, N)) + bend * np.eye(N)
    hessians = hessians + hessians.swapaxes(1, 2)
    return NoisyQuadratic(hessians, 2 * rng.normal(size=(AGENTS, N)), SIZE, rng.normal(size=N), seeds, noise=noise)


def estimates(of, samples, **options):
    """Estimates at a fixed point, (samples, runs, n): what one iteration adds to theta with step 1."""
    start = of.policies.initial(of.seeds, AGENTS)[:, :, None]
    learner = ZerothOrderLearner(of, "centralised", step_size=1.0, decay=0.0, seed=of.seeds, **options)
    found = []
    for _ in range(samples + 1):
        learner.parameters.copy_(start)
        learner.learn(1)
        found.append((learner.parameters - start)[:, :, 0].flatten(1).double().numpy())
    return np.array(found)[1:]  # the first one has no measurement before it


def gradient(of):
    """Gradient of (1/m) sum_i U_i at the start, and of a quadratic smoothed by any mu, too."""
    start = of.policies.initial(of.seeds, AGENTS)[0].flatten().double().numpy()
    return -(of.hessians.numpy() @ start + of.linear.numpy()).mean(0)


def second_moment(of, form, mu, directions):
    """E||g||^2 by Isserlis' theorem: h = E (u'Hu)^2, E (u'Hu)^2 u'u = (n + 4) h, E u'Hu u'u = (n + 2) tr H."""
    slope, hessian = (gradient(of) ** 2).sum(), of.hessians.numpy().mean(0)
    trace, variance = np.trace(hessian), of.noise**2 / AGENTS
    h = trace**2 + 2 * np.trace(hessian @ hessian)
    one = {
        "two_point": (N + 2) * slope + (N + 4) * h * mu**2 / 4 + 2 * N * variance / mu**2,
        "antithetic": (N + 2) * slope + N * variance / (2 * mu**2),
        "residual": (2 * N + 2) * slope + ((2 * N + 4) * h - 2 * (N + 2) * trace**2) * mu**2 / 4 + 2 * N * variance / mu**2,
    }[form]
    return slope + (one - slope) / directions


@pytest.mark.parametrize("directions", [1, 3])
@pytest.mark.parametrize("form", ["two_point", "antithetic", "residual"])
def test_the_mean_is_the_smoothed_gradient_and_the_second_moment_that_of_theory(form, directions):
    of, mu = problem(noise=0.8, seeds=range(50)), 0.5
    found = estimates(of, 40, smoothing=mu, feedback=form, directions=directions).reshape(-1, N)
    away = found.mean(0) - gradient(of)
    assert (np.abs(away) < 4.5 * found.std(0) / np.sqrt(len(found))).all()
    squares = (found**2).sum(1)
    assert abs(squares.mean() - second_moment(of, form, mu, directions)) < 4.5 * squares.std() / np.sqrt(len(squares))
    assert of.sets == 41 * {"two_point": directions + 1, "antithetic": 2 * directions, "residual": directions}[form]


def test_theory_tells_these_forms_apart():
    """Second moments of two forms differ by far more than the tolerance of the test above: no form would pass for another."""
    of = problem(noise=0.8)
    expected = [second_moment(of, form, 0.5, many) for many in (1, 3) for form in ("two_point", "antithetic", "residual")]
    assert (np.diff(np.sort(np.log(expected))) > 0.25).all()


def test_momentum_keeps_the_mean_and_divides_the_variance():
    """A running mean of independent estimates has their variance divided by (1 + beta) / (1 - beta), here 3."""
    of = problem(noise=0.0, bend=0.0, seeds=range(200))
    thinned = estimates(of, 100, smoothing=0.5, momentum=0.5)[20::8].reshape(-1, N)  # 0.5^8: as good as independent
    slope = gradient(of)
    assert (np.abs(thinned.mean(0) - slope) < 4.5 * thinned.std(0) / np.sqrt(len(thinned))).all()
    squares = ((thinned - slope) ** 2).sum(1)
    expected = (N + 1) * (slope**2).sum() / 3
    assert abs(squares.mean() - expected) < 4.5 * squares.std() / np.sqrt(len(squares)) < expected / 2


def test_adam_moves_every_coordinate_by_the_step_where_estimates_agree():
    """One parameter each, a linear cost and no noise of directions: g^2 = v, so that d is the sign of the slope."""
    of = QuadraticProblem(np.zeros((2, 2, 2)), np.array([[3.0, 0.0], [0.0, -0.01]]), 1, np.zeros(2))
    learner = ZerothOrderLearner(of, "centralised", step_size=0.1, decay=0.0, second_moment=0.9, cooperative=False)
    first = learner.learn(1).parameters.flatten().clone()
    np.testing.assert_allclose(first, [-0.1, 0.1], rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"feedback": "one_point"}, "feedback: 'one_point' is not valid"),
        ({"directions": 0}, "directions: 0 is not valid"),
        ({"directions": 65}, "directions: 65 is not valid"),
        ({"momentum": 1.0}, "momentum: 1.0 is not valid"),
        ({"second_moment": -0.1}, "second_moment: -0.1 is not valid"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        ZerothOrderLearner(problem(noise=0.0), "centralised", **options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
