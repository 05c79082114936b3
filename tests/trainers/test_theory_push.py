"""Lemmas 1 to 3 of Toghani et al. (2023) on a loss whose constants are known, and Gamma_s beside simulated links."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.push_cases import OneAxisEach
from trainers.algorithms.pars_push import PARSPushLearner, personal_gradient
from trainers.bounds.pars_push import (
    LossConstants,
    largest_inner_step,
    longest_exchange,
    nonconvex_smoothness,
    personal_convexity,
    personal_smoothness,
    personal_variance,
)
from trainers.problems.objective import Objective
from wirelessenv import ConfigError, Messaging

RADIUS = 2.0


class Valley(Objective):
    """l(z, v) = mu ||z||^2 / 2 + c sqrt(1 + (v'z)^2) in R^2, v of length 1: Hessians that turn with v and with z.

    On ||z|| <= RADIUS, which no step of alpha <= 1 / L leaves: L = mu + c, the gradient is steepest at z = RADIUS v, and
    the Hessian's slope c 3 s (1 + s^2)^(-5/2) is largest at s = 1/2.
    """

    clients, size = 1, 2

    def __init__(self, convexity, bend):
        self.convexity, self.bend = convexity, bend
        self.constants = LossConstants(
            convexity=convexity,
            smoothness=convexity + bend,
            gradient=convexity * RADIUS + bend * RADIUS / np.sqrt(1 + RADIUS**2),
            hessian_slope=bend * 1.5 * 1.25**-2.5,
        )

    def draw(self, clients, rng):
        angle = rng.uniform(0, np.pi, np.shape(clients))
        return np.stack([np.cos(angle), np.sin(angle)], -1)

    def cost(self, clients, x, sample=None):
        return self.convexity / 2 * (x**2).sum(-1) + self.bend * np.sqrt(1 + (sample * x).sum(-1) ** 2)

    def gradient(self, clients, x, sample=None):
        along = (sample * x).sum(-1, keepdims=True)
        return self.convexity * x + self.bend * along / np.sqrt(1 + along**2) * sample

    def hessian_product(self, clients, x, vector, sample=None):
        along = (sample * x).sum(-1, keepdims=True)
        return self.convexity * vector + self.bend * (1 + along**2) ** -1.5 * (sample * vector).sum(-1, keepdims=True) * sample


def test_the_formulas_by_hand():
    one = LossConstants(convexity=1.0, smoothness=4.0, gradient=10.0, hessian_slope=0.5)
    assert largest_inner_step(one, 2, 0.5, 0.8) == pytest.approx(min(0.5 * 0.2 / 10, (1 - 0.5**0.25) / 4))
    flat = LossConstants(convexity=1.0, smoothness=4.0, gradient=10.0, hessian_slope=0.0)
    assert largest_inner_step(flat, 2, 0.5, 0.8) == pytest.approx((1 - 0.5**0.25) / 4)
    assert largest_inner_step(flat, 2, 0.5, 0.8, published=True) == pytest.approx((1 - 0.5**-0.25) / 4)
    assert personal_convexity(one, 2, 0.1) == pytest.approx(0.6**4 - 0.1 * 2 * 5 * 0.9)
    assert personal_smoothness(one, 2, 0.1) == pytest.approx(4 * 0.9**4 + 0.1 * 2 * 5 * 0.9)
    assert personal_variance(one, 2, 0.1) == pytest.approx(4 * 0.9**4 * 100)
    assert nonconvex_smoothness(one, 2, 0.1) == pytest.approx((4 + 0.1 * 2 * 5) * 1.4**4)
    assert [personal_convexity(one, 0, 0.1), personal_smoothness(one, 0, 0.1)] == [1.0, 4.0]  # u = 0: f itself


unit = st.floats(0.01, 0.99)


@given(
    st.builds(LossConstants, st.floats(0.01, 1), st.floats(1, 10), st.floats(0.1, 10), st.floats(0, 5)),
    st.integers(1, 6),
    unit,
    unit,
)
def test_the_corrected_step_keeps_what_the_lemma_promises_and_the_published_one_is_negative(constants, u, kept, share):
    alpha = largest_inner_step(constants, u, kept, share)
    assert 0 < alpha < 1 / constants.smoothness
    mu, smooth = constants.convexity, constants.smoothness
    assert personal_convexity(constants, u, alpha) >= kept * share * mu * (1 - 1e-9)
    assert personal_smoothness(constants, u, alpha) <= (1 + kept - kept * share) * smooth * (1 + 1e-9)
    assert largest_inner_step(constants, u, kept, share, published=True) < 0


@given(st.floats(0.1, 1), st.floats(0.1, 3), st.integers(1, 4), unit, st.integers(0, 1000))
def test_curvature_and_variance_of_a_known_loss_stay_within_the_lemmas(convexity, bend, u, kept, seed):
    problem, rng, shift = Valley(convexity, bend), np.random.default_rng(seed), 1e-5
    constants, clients = problem.constants, np.zeros(40, int)
    alpha = largest_inner_step(constants, u, kept, 0.5)
    z = rng.normal(size=(40, 2))
    z *= RADIUS * np.sqrt(rng.uniform(size=(40, 1))) / np.linalg.norm(z, axis=1, keepdims=True)
    batches = [problem.draw(clients, rng) for _ in range(u + 1)]
    sides = [
        [personal_gradient(problem, clients, z + sign * shift * axis, alpha, batches) for sign in (1, -1)] for axis in np.eye(2)
    ]
    hessians = np.stack([(ahead - behind) / (2 * shift) for ahead, behind in sides], -1)
    np.testing.assert_allclose(hessians, hessians.mT, atol=1e-6)
    curvature = np.linalg.eigvalsh(hessians)
    assert curvature.min() >= personal_convexity(constants, u, alpha) - 1e-6
    assert curvature.max() <= personal_smoothness(constants, u, alpha) + 1e-6
    assert curvature.max() <= nonconvex_smoothness(constants, u, alpha) + 1e-6
    drawn = personal_gradient(
        problem, np.zeros(400, int), np.repeat(z[:1], 400, 0), alpha, [problem.draw(np.zeros(400, int), rng) for _ in batches]
    )
    assert ((drawn - drawn.mean(0)) ** 2).sum(-1).mean() <= personal_variance(constants, u, alpha)


def test_the_constants_of_the_known_loss_are_its_own():
    problem, rng = Valley(0.5, 2.0), np.random.default_rng(0)
    v, radii = problem.draw(np.zeros(20_000, int), rng), np.linspace(-RADIUS, RADIUS, 20_000)[:, None]
    clients, z = np.zeros(20_000, int), radii * v
    assert np.linalg.norm(problem.gradient(clients, z, v), axis=1).max() == pytest.approx(problem.constants.gradient)
    along = (problem.hessian_product(clients, z, v, v) * v).sum(-1)
    across = np.stack([-v[:, 1], v[:, 0]], -1)
    np.testing.assert_allclose((problem.hessian_product(clients, z, across, v) * across).sum(-1), 0.5)  # mu
    assert along.max() == pytest.approx(problem.constants.smoothness, rel=1e-6)
    slope = np.abs(np.diff(along) / np.diff(radii[:, 0])).max()
    assert slope == pytest.approx(problem.constants.hessian_slope, rel=1e-5)


@pytest.mark.parametrize("transmit", [pytest.param(1, marks=pytest.mark.slow), {"probability": 0.2, "longest_silence": 2}])
@pytest.mark.parametrize(
    ("waking", "delay", "losses"),
    [(1, 1, 1), pytest.param(2, 2, 1, marks=pytest.mark.slow), pytest.param(3, 1, 2, marks=pytest.mark.slow), (2, 4, 0)],
)
def test_no_link_is_silent_for_longer_than_gamma_s_and_some_are_as_long(waking, delay, losses, transmit):
    """On links so bad that only the longest silences end them, the oldest news is as old as the bound allows."""
    messaging = Messaging(
        graph={"kind": "ring"},
        activity={"update": {"probability": 0.3, "longest_silence": waking}, "transmit": transmit},
        links={
            "delay": {"kind": "uniform", "shortest": 1, "longest": delay},
            "loss": {"probability": 0.7, "longest_run": losses} if losses else 0,
        },
    )
    learner = PARSPushLearner(OneAxisEach(4), messaging, step_size=0.0, seed=range(20), exact=True)
    taken_in, oldest = np.full(len(learner.link_events.sender), -1), 0
    for t in range(3000):
        learner.learn(1)
        awake = learner.link_events._awake[learner.link_events._done - 1].reshape(-1)[learner.link_events.receiver]
        taken_in = np.where(awake, learner.newest_sent, taken_in)
        oldest = max(oldest, t - int(taken_in.min()))
    assert oldest == longest_exchange(messaging) - 1


def test_what_may_be_silent_for_ever_has_no_bound():
    assert longest_exchange(Messaging(links={"loss": 0.1})) == float("inf")
    assert longest_exchange(Messaging(activity={"update": 0.9})) == float("inf")
    assert longest_exchange(Messaging(activity={"presence": {"stays": "markov"}})) == float("inf")
    assert longest_exchange(Messaging()) == 2.0  # one tick on the way, and the next message follows one tick later


def test_bad_settings_are_one_sentence():
    one = LossConstants(1.0, 4.0, 10.0, 0.5)
    with pytest.raises(ConfigError, match=r"curvature_kept: 1 is not valid: it should be between 0 and 1"):
        largest_inner_step(one, 1, 1, 0.5)
    with pytest.raises(ConfigError, match=r"share_kept: 0 is not valid"):
        largest_inner_step(one, 1, 0.5, 0)
    with pytest.raises(ConfigError, match=r"inner_steps: 0 is not valid: the bound is for 1 inner step or more"):
        largest_inner_step(one, 0, 0.5, 0.5)
