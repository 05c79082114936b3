"""The theory's formulas by hand, the known constants against the functions, and the bound beside short runs."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.bounds.zeroth_order import (
    direction_variance,
    gradient_bound,
    largest_delay,
    largest_step,
    outdated_bound,
    step_constant,
)
from trainers.fidelity.theory.zeroth_order import MESSAGINGS, bound_beside_run, direction_beside_run, stale_gradients
from trainers.fidelity.theory.zeroth_order_outdated import outdated_costs, outdated_distance, outdated_rows
from trainers.fidelity.theory.zeroth_order_rates import Falling, falling
from trainers.fidelity.theory.zeroth_order_steps import largest_stable_step
from trainers.problems.analytic import AnalyticProblem, Constants
from wirelessenv import ConfigError, Messaging
from wirelessenv.messages.knowledge import Knowledge, message_graphs

ONE = Constants(smoothness=2.0, gradient=1.0, gradient_noise=3.0, noise_slope=0.5, noise_size=2.0, minimum=0.0)


def test_the_formulas_by_hand():
    assert step_constant(2.0, agents=4, delay=3) == 2 * 25 / 2
    assert largest_step(2.0, agents=4, delay=0) == 1.0  # no delay: M = L / 2
    known = {"agents": 2, "size": 3, "smoothing": 0.5}  # n = 6
    slopes, bend, noise = 10 * (9 + 1), 0.25 * 4 * 12**3, 4 * 0.25 * 4 / 0.25
    for batch in (1, 10):
        published = direction_variance(ONE, **known, batch=batch, common_noise=False, published=True)
        assert published == pytest.approx((4 * slopes + bend) / batch + noise)
        corrected = direction_variance(ONE, **known, batch=batch, common_noise=False)
        assert corrected == pytest.approx(4 * slopes + bend + 3 * noise)
    assert direction_variance(ONE, **known, batch=4, common_noise=True, published=True) == pytest.approx(2 * slopes + bend / 2)
    assert direction_variance(ONE, **known, batch=4, common_noise=True) == pytest.approx(2 * slopes + bend / 2)


def test_the_bound_by_hand():
    known = {"agents": 1, "size": 1, "smoothing": 1.0, "batch": 1, "common_noise": True}
    variance = direction_variance(ONE, **known)
    expected = 4 * 64 / 2 + (2 * 2 + 2 * 3 + 2 * 1 * variance * 2 * 0.25) / ((1 - 0.5) * 1.0)  # n = m = 1, M = 1, gamma = 1/2
    assert gradient_bound(ONE, [0.5, 0.5], 3.0, delay=0, **known) == pytest.approx(expected)
    with pytest.raises(ConfigError, match=r"steps: 1 is not valid: the theorem is for steps below 1 / M = 1"):
        gradient_bound(ONE, [1.0], 3.0, delay=0, **known)


positive = st.floats(0.01, 10)


@given(
    constants=st.builds(Constants, positive, positive, positive, positive, positive, st.just(0.0)),
    agents=st.integers(1, 6),
    size_and_batch=st.tuples(st.integers(1, 4), st.integers(1, 50)),
    delay=st.integers(0, 20),
    smoothing=positive,
)
def test_more_delay_and_more_agents_ask_for_smaller_steps_and_corrected_is_never_less(
    constants, agents, size_and_batch, delay, smoothing
):
    size, batch = size_and_batch
    steps = [largest_step(constants.smoothness, agents + 1, delay + 1) / 2] * 10
    known = {"size": size, "smoothing": smoothing, "batch": batch, "common_noise": False}
    here = gradient_bound(constants, steps, 1.0, delay=delay, agents=agents, **known)
    assert gradient_bound(constants, steps, 1.0, delay=delay + 1, agents=agents, **known) >= here
    assert gradient_bound(constants, steps, 1.0, delay=delay, agents=agents, published=True, **known) <= here
    assert largest_step(constants.smoothness, agents + 1, delay + 1) < largest_step(constants.smoothness, agents, delay)


@pytest.mark.parametrize("shape", ["convex", "lopsided", "nonconvex"])
def test_the_constants_are_those_of_the_functions(shape):
    problem = AnalyticProblem(3, 2, shape, value_noise=0.3, slope_noise=0.4)
    known, rng = problem.constants, np.random.default_rng(0)
    points = torch.from_numpy(rng.normal(scale=3, size=(400, 3, 1, 2)) + problem.target.view(3, 1, 2).numpy())
    near = points + 1e-4 * torch.from_numpy(rng.normal(size=points.shape))
    gradients, others = (problem.gradients(at)[:, 0].flatten(2) for at in (points, near))  # (points, i, n)
    assert gradients.norm(dim=2).max() <= known.gradient * (1 + 1e-9)
    bends = (gradients - others).norm(dim=2) / (points - near).flatten(1).norm(dim=1)[:, None]
    assert bends.max() <= (known.smoothness - 0.4) * (1 + 1e-3)  # the noise's own part of L is 0.4
    assert bends.max() > 0.3
    step = 1e-5
    for at in range(6):  # finite differences
        shift = torch.zeros(6, dtype=torch.float64)
        shift[at] = step
        up, down = (problem.costs(points + sign * shift.view(3, 1, 2)) for sign in (1, -1))
        np.testing.assert_allclose((up - down)[:, 0] / (2 * step), gradients[:, :, at], atol=1e-6)
    assert problem.costs(problem.target.view(3, 1, 2)).abs().max() < 1e-12
    samples = torch.tensor([[1.0, -1.0], [0.2, 1.0]])
    spread = (problem.sampled(points, samples[0]) - problem.sampled(points, samples[1])).abs().max()
    assert spread <= known.noise_slope * (samples[0] - samples[1]).norm() * (1 + 1e-6)


def test_stale_gradients_are_sums_of_the_gradients_at_the_times_known():
    rng = np.random.default_rng(1)
    gradients = [torch.from_numpy(rng.normal(size=(2, 3, 3, 2))) for _ in range(5)]
    newest = np.minimum(rng.integers(-1, 5, (5, 2, 3, 3)), np.arange(5)[:, None, None, None])
    found = stale_gradients(gradients, newest)
    for t, run, mine in np.ndindex(5, 2, 3):
        total = np.zeros(2)
        for other in range(3):
            time = newest[t, run, mine, other]
            if time >= 0:
                total += gradients[time][run, other, mine].numpy() / 3
        assert found[t, run, mine] == pytest.approx((total**2).sum())


@pytest.mark.parametrize("messaging", list(MESSAGINGS))
@pytest.mark.parametrize("common_noise", [False, True])
def test_the_corrected_bound_holds_beside_a_run(messaging, common_noise):
    row = bound_beside_run(messaging, common_noise=common_noise, runs=20, iterations=150)
    assert row["verdict"] == "holds"
    assert float(row["measured"]) > 0


def test_the_largest_delay_is_the_one_measured():
    messaging = Messaging(graph="ring")
    knowledge = Knowledge(messaging, message_graphs(messaging, 6, [0]), [0])
    with pytest.raises(ConfigError, match="nobody has queried yet"):
        largest_delay(knowledge)
    knowledge.steps(20)
    assert largest_delay([knowledge]) == 3


def test_the_bound_of_outdated_parameters_by_hand():
    known = {"agents": 2, "size": 3, "smoothing": 0.5, "batch": 1, "common_noise": True}  # n = 6
    variance, printed = (direction_variance(ONE, **known, published=which) for which in (False, True))
    assert outdated_bound(ONE, [0.2, 0.1], **known) == pytest.approx(4 * 2 * variance * 0.05)
    most = 0.25 * 4 * 9**3 / 4 + 2  # Delta
    assert outdated_bound(ONE, [0.2, 0.1], **known, published=True) == pytest.approx(4 * 2 * (2 * printed * 0.04 + most * 0.05))
    assert outdated_bound(ONE, [], **known) == outdated_bound(ONE, [], **known, published=True) == 0  # nothing is outdated


def test_distances_of_outdated_parameters_and_costs_are_those_of_a_plain_loop():
    rng = np.random.default_rng(2)
    history, costs, newest = rng.normal(size=(5, 2, 6)), rng.normal(size=(5, 2, 3)), rng.integers(0, 5, (2, 3, 3))
    far, off = outdated_distance(history, newest, 4), outdated_costs(costs, newest, 4)
    for run, mine in np.ndindex(2, 3):
        missed = [((history[4, run] - history[newest[run, mine, other], run]) ** 2).sum() for other in range(3)]
        assert far[run, mine] == pytest.approx(sum(missed))
        for other in range(3):
            assert off[run, mine, other] == abs(costs[4, run, other] - costs[newest[run, mine, other], run, other])


def test_outdated_parameters_approach_the_present_ones_beside_a_run():
    rows = outdated_rows("ring, delay 1", runs=5, iterations=500)
    assert [row["verdict"] for row in rows] == ["holds", "holds"]


def test_a_batch_does_not_average_the_random_direction():
    one, many = (direction_beside_run(batch, common_noise=True, runs=400) for batch in (1, 500))
    assert float(many["measured"]) == pytest.approx(float(one["measured"]), rel=0.3)
    assert (one["verdict"], many["verdict"]) == ("holds", "holds, fails as published")


def test_slopes_and_schedules_of_curves_that_are_powers():
    times = np.array([10, 100, 1000])
    squares = np.tile((5.0 * times**-0.5)[:, None, None], (1, 4, 2)) * np.array([1.0, 7.0])
    found = Falling(times, squares, 0)
    assert found.slope(variant=1) == pytest.approx(-0.5)
    assert found.resampled(found.slope) == pytest.approx((-0.5, -0.5, -0.5))


@pytest.mark.slow
def test_a_growing_batch_has_less_noise_at_the_end():
    options = {"runs": 10, "iterations": 300, "value_noise": 0.02, "slope_noise": 0.0, "smoothing": 0.02}
    constant, growing = (falling("no delay", **options, batch_growth=growth).best()[-1, 0] for growth in (0.0, 0.5))
    assert growing < constant / 3


def test_a_step_that_is_stable_and_one_that_is_not():
    """Two agents without delay, n = 4: descent along random directions is stable in mean square below 2 / (n + 2) = 1/3."""
    assert 0.1 < largest_stable_step(2, 0, runs=10, iterations=300) < 0.6
