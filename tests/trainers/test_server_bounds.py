"""Steps and times of the methods with a server: known values, and what learners say of steps beyond them."""

import numpy as np
import pytest

from trainers.algorithms.delay_adaptive import DelayAdaptive
from trainers.algorithms.fedbuff import FedBuff
from trainers.algorithms.malenia import Malenia
from trainers.algorithms.rennala import Rennala
from trainers.algorithms.ringleader import Ringleader
from trainers.algorithms.ringmaster import Ringmaster
from trainers.bounds.server_methods import different_costs_time, equal_costs_time, synchronous_time
from trainers.problems.least_squares import LeastSquares


@pytest.mark.parametrize(
    ("method", "settings", "largest"),
    [  # n = 4, s_i^2 = i^2 / 4: L = 7.5 / 4, L_max = 4
        (Ringmaster, {"threshold": 5}, 1 / (2 * 5 * 1.875)),
        (Rennala, {"batch": 3}, 1 / 1.875),
        (Malenia, {}, 1 / 1.875),
        (Ringleader, {}, 1 / (8 * 4 * 4)),
        (DelayAdaptive, {}, 1 / (4 * 1.875 * 4)),
        (FedBuff, {"local_steps": 2, "server_step": 0.5}, 1 / 4),
    ],
)
def test_a_step_beyond_its_papers_is_told(method, settings, largest):
    learner = method(LeastSquares(), step_size=[0.99 * largest, 1.01 * largest], exact=True, **settings)
    (sentence,) = learner.warnings(100)
    assert sentence.startswith(f"step_size: {1.01 * largest:.3g} is beyond {largest:.3g}")


def test_without_a_threshold_nothing_is_known():
    assert Ringmaster(LeastSquares(), exact=True).bound(10) is None


def test_waiting_for_all_never_pays_where_costs_are_the_same_and_the_slow_ones_bound_it_where_they_differ():
    rng = np.random.default_rng(0)
    for _ in range(50):
        seconds, variance, target = rng.exponential(size=7) + 0.01, rng.exponential(), 10 ** rng.uniform(-3, 0)
        same, differ = (law(seconds, variance, target) for law in (equal_costs_time, different_costs_time))
        assert same <= differ <= synchronous_time(seconds, variance, target) + 1e-12
        assert differ >= seconds.max() / target
        slower = np.append(np.sort(seconds)[:-1], 1e9)  # a client that never answers is left out
        assert equal_costs_time(slower, variance, target) < 1e9 / target
    assert equal_costs_time([2.0] * 5, 3.0, 0.1) == pytest.approx(synchronous_time([2.0] * 5, 3.0, 0.1))
