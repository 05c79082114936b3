"""Saved states with something wrong in them: taken, where the numbers can be, or refused; never a traceback, never a hang."""

import random
import time

import numpy as np
import pytest
import torch

from tests.fuzz.states import StateMutator
from tests.fuzz.targets import refused
from tests.trainers.test_states import LEARNERS
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.first_order import FirstOrderLearner
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.problems.wireless import WirelessProblem
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError, Messaging, Scenario

COUNT = 60
"""Mutations of each learner's state."""
LATE = Messaging(graph="ring", links={"delay": 2, "loss": 0.2}, activity={"update": {"probability": 0.5, "longest_silence": 3}})


def _wireless(**scenario):
    return WirelessProblem(Scenario(preset="dense", transmitters=3, **scenario), seed=[0, 1], evaluation_slots=4)


ALL = LEARNERS | {
    "rows of data": lambda: AsyncSGD(Logistic.gaussian(samples=30, size=3), step_size=0.01, seed=[0, 1]),
    "zeroth order, wireless": lambda: ZerothOrderLearner(
        _wireless(), LATE, seed=[0, 1], batch=2, memory=9, smoothing=[1.0, 2.0]
    ),
    "zeroth order, walks": lambda: ZerothOrderLearner(
        _wireless(mobility={"kind": "random_waypoint", "update_slots": 3}, fading={"kind": "jakes", "doppler": 5.0}),
        LATE,
        seed=[0, 1],
        batch=2,
        memory=9,
    ),
    "first order": lambda: FirstOrderLearner(_wireless(fading={"kind": "rician"}), LATE, seed=[0, 1], batch=2, memory=9),
    "a target": lambda: DASGD(LeastSquares(), nodes=4, step_size=0.01, exact=True, target={"below": 1e-9, "window": 3}),
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ALL)
def test_a_damaged_state_is_taken_or_refused(name, tmp_path):
    learner = ALL[name]()
    learner.learn(11)
    write_tensors(tmp_path / "state", learner.state())
    saved, taken = read_tensors(tmp_path / "state"), 0
    for number in range(COUNT):
        spoiled = StateMutator(random.Random(f"{name} {number}")).changed(saved)
        started = time.perf_counter()
        try:
            learner.set_state(spoiled)
        except ConfigError as error:
            assert refused(error) == "refused"  # noqa: PT017  # most are refused, some are taken
        else:
            taken += 1
            with np.errstate(all="ignore"):
                learner.learn(3).report()
        assert time.perf_counter() - started < 5, number
    assert taken < COUNT / 2
    learner.set_state(saved)  # it has survived all of them
    other = ALL[name]()
    other.set_state(saved)
    np.testing.assert_array_equal(learner.learn(20).parameters, other.learn(20).parameters)


def test_a_learner_that_refuses_a_state_stays_as_it_was():
    learner, other = (ALL["DASGD"]().learn(20) for _ in range(2))
    state = ALL["DASGD"]().learn(30).state()
    state["orders"][1]["inboxes"]["moving"]["agenda"].append((1.0, 10**9, 0, 0, 0))
    with pytest.raises(ConfigError, match="state: it belongs to other nodes or gradients"):
        learner.set_state(state)
    np.testing.assert_array_equal(learner.learn(20).models, other.learn(20).models)


def test_nodes_finish_where_all_have_arrived():
    """A learner that has arrived learns no more, but what is on its way is still delivered."""
    learner = DASGD(LeastSquares(), nodes=4, step_size=0.01, exact=True, target={"below": 1e9, "window": 1}).learn(7)
    assert learner.done
    learner.finish()
    np.testing.assert_allclose(learner.models, np.broadcast_to(learner.models[:1], learner.models.shape), rtol=1e-12)
