"""States hold what going on needs, and no more: nothing is simulated again from the start, and what is passed is let go."""

import pickle

import numpy as np
import pytest
import torch

from trainers.algorithms.ad_psgd import ADPSGDLearner
from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.fedbuff import FedBuff
from trainers.algorithms.gradient_tracking import GradientTrackingLearner
from trainers.algorithms.malenia import Malenia
from trainers.algorithms.pars_push import PARSPushLearner
from trainers.algorithms.r_fast import RFASTLearner
from trainers.algorithms.ringleader import Ringleader
from trainers.algorithms.sgp import SGPLearner
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.events.inboxes import Inboxes
from trainers.events.timetable import CHUNK, Server, Timetable
from trainers.problems.analytic import AnalyticProblem
from trainers.problems.least_squares import LeastSquares
from trainers.problems.ridge_regression import RidgeRegression
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError, Messaging
from wirelessenv.saved_state import refuse_misfit

RANDOM = {"computing": "exponential", "links": "exponential", "link_scale": 0.7, "graph": "ring"}
LATE = Messaging(graph="ring", links={"delay": 2, "loss": 0.2}, activity={"update": 0.7})
NOISY = LeastSquares(noise=0.1)
WITH_EVENTS = {
    "AsyncBC": lambda: AsyncBC(LeastSquares(noise=0.1), step_size=0.001, seed=[0, 1]),
    "AsyncBC, one timetable": lambda: AsyncBC(LeastSquares(noise=0.1), step_size=0.001, seed=[0, 1], timetable_seed=3),
    "Async-SGD": lambda: AsyncSGD(
        LeastSquares(noise=0.1), {"computing": "exponential", "concurrency": 2}, step_size=0.001, seed=[0, 1]
    ),
    "FedBuff": lambda: FedBuff(NOISY, {"concurrency": 2}, buffer=3, local_steps=2, step_size=0.001, seed=[0, 1]),
    "Malenia": lambda: Malenia(NOISY, {"computing": "exponential"}, batch=7, step_size=0.001, seed=[0, 1]),
    "Ringleader": lambda: Ringleader(NOISY, step_size=0.001, seed=[0, 1]),
    "DASGD": lambda: DASGD(LeastSquares(noise=0.1), RANDOM, nodes=4, step_size=0.001, seed=[0, 1]),
}
LEARNERS = WITH_EVENTS | {
    "Sync-SGD": lambda: SyncSGD(LeastSquares(noise=0.1), "exponential", step_size=0.001),
    "SGP": lambda: SGPLearner(RidgeRegression(clients=4, size=2), LATE, step_size=0.001),
    "PARS-Push": lambda: PARSPushLearner(RidgeRegression(clients=4, size=2), LATE, step_size=0.001, inner_steps=1),
    "R-FAST": lambda: RFASTLearner(RidgeRegression(clients=4, size=2), LATE, step_size=0.001),
    "AD-PSGD": lambda: ADPSGDLearner(RidgeRegression(clients=4, size=2), LATE, step_size=0.001),
    "gradient tracking": lambda: GradientTrackingLearner(RidgeRegression(clients=4, size=2), LATE, step_size=0.001),
    "zeroth order": lambda: ZerothOrderLearner(AnalyticProblem(value_noise=0.1), LATE, batch=2, step_size=0.01, memory=9),
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_holds_no_more_late_than_early(name):
    """All that can be reached from it, as pickle writes it: 50 bytes an update would be 60 kB more."""
    learner, sizes = LEARNERS[name](), []
    for _ in range(3):
        learner.learn(150 if name == "zeroth order" else 1200).report()
        sizes.append(len(pickle.dumps(learner)))
    assert max(sizes[1:]) < sizes[0] + 6000


@pytest.mark.parametrize("at", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
@pytest.mark.parametrize("name", WITH_EVENTS)
def test_a_state_from_a_file_goes_on_with_the_same_numbers(name, at, tmp_path):
    first, second = (WITH_EVENTS[name]() for _ in range(2))
    write_tensors(tmp_path / "state.pt", first.learn(at).state())
    saved = read_tensors(tmp_path / "state.pt")
    refuse_misfit(saved, WITH_EVENTS[name]().state(), "")  # what a run looks at before it goes on
    second.learn(3).set_state(saved)
    for learner in (first.learn(CHUNK + 20), second.learn(CHUNK + 20)):
        learner.measures()
    np.testing.assert_array_equal(first.solution, second.solution)
    for column, values in first.measures().items():
        np.testing.assert_array_equal(values, second.measures()[column], err_msg=column)


def test_a_state_is_of_its_moment():
    """Learning on changes neither a state that was taken before, nor another learner that was set to it."""
    for name, make in WITH_EVENTS.items():
        learner, other = make().learn(700), make()
        state = learner.state()
        other.set_state(state)
        right = learner.learn(600).solution.copy()
        other.learn(600)
        again = make()
        again.set_state(state)
        np.testing.assert_array_equal(other.solution, right, err_msg=name)
        np.testing.assert_array_equal(again.learn(600).solution, right, err_msg=name)


def test_going_on_simulates_one_chunk_not_all(monkeypatch):
    state, simulated, stepped = AsyncBC(LeastSquares(), exact=True).learn(20 * CHUNK + 9).state(), [], []
    nodes = DASGD(LeastSquares(), RANDOM, nodes=4, exact=True).learn(500).state()
    plain, step = Timetable._simulate, Inboxes.step
    monkeypatch.setattr(Timetable, "_simulate", lambda self, start: simulated.append(start) or plain(self, start))
    monkeypatch.setattr(Inboxes, "step", lambda self: stepped.append(1) or step(self))
    learner = AsyncBC(LeastSquares(), exact=True)
    simulated.clear()
    learner.set_state(state)
    learner.learn(3).measures()
    assert simulated == [20 * CHUNK]
    other = DASGD(LeastSquares(), RANDOM, nodes=4, exact=True)
    other.set_state(nodes)
    other.learn(3)
    assert len(stepped) == 3


def test_looking_ahead_and_back_does_not_disturb_a_learner():
    server = Server(computing={"kind": "exponential"}, concurrency=2)
    alone, asked = (AsyncSGD(LeastSquares(noise=0.1), server, step_size=0.01) for _ in range(2))
    for number in range(4):
        alone.learn(400)
        asked.learn(400)
        asked.timetables[0].summary(5000)
        asked.timetables[0].client(10)
        asked.timetables[0].chunk(3 - number)
    np.testing.assert_array_equal(alone.solution, asked.solution)
    assert asked.timetables[0].summary(1600) == alone.timetables[0].summary(1600)


@pytest.mark.parametrize(("name", "key"), [("AsyncBC", "timetables"), ("DASGD", "orders"), ("Sync-SGD", "_total")])
def test_a_state_of_another_version_is_refused(name, key):
    learner = LEARNERS[name]()
    state = learner.learn(5).state()
    del state[key]
    with pytest.raises(ConfigError, match=f"state: it lacks {key}: it was saved by another learner, or by another version"):
        LEARNERS[name]().set_state(state)


def test_a_state_of_another_learner_is_refused():
    state = AsyncBC(LeastSquares(), exact=True).state()
    with pytest.raises(ConfigError, match="state: it belongs to a learner of other runs"):
        AsyncBC(LeastSquares(clients=5), exact=True).set_state(state)
    with pytest.raises(ConfigError, match="state: it lacks"):
        AsyncSGD(LeastSquares(), exact=True).set_state(SyncSGD(LeastSquares(), exact=True).state())


def test_sets_of_thousands_of_gradients_survive_a_file(tmp_path):
    """A node 3000 times slower than the other holds that many bits, more than torch's reader takes of one number."""
    network = {"computing": {"kind": "given", "seconds": [1, 3000]}}
    learner = DASGD(LeastSquares(clients=2, size=1), network, nodes=2, step_size=1e-5, exact=True).learn(2900)
    write_tensors(tmp_path / "state.pt", learner.state())
    other = DASGD(LeastSquares(clients=2, size=1), network, nodes=2, step_size=1e-5, exact=True)
    other.set_state(read_tensors(tmp_path / "state.pt"))
    assert learner.inboxes[0]._applied[0].bit_length() > 2048
    assert other.inboxes[0]._applied == learner.inboxes[0]._applied
    np.testing.assert_array_equal(other.learn(300).models, learner.learn(300).models)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda moving: moving["agenda"].append((1.0, 2, 99, 0, 0)),
        lambda moving: moving["agenda"].append((1.0, 2, 0)),
        lambda moving: moving["agenda"].append("later"),
        lambda moving: moving["free"].append(-1),
        lambda moving: moving["inbox"].pop(),
        lambda moving: moving["inbox"][0].append((10**6, 0)),
        lambda moving: moving["known"].clear(),
        lambda moving: moving["known"].append((0, 7, "0x1")),
        lambda moving: moving.update(computing=[None, 10**6, None, None]),
        lambda moving: moving.pop("free"),
    ],
)
def test_an_order_of_events_that_cannot_be_is_refused(spoil):
    learner = DASGD(LeastSquares(), RANDOM, nodes=4, exact=True)
    state = learner.learn(50).state()
    spoil(state["orders"][0]["inboxes"]["moving"])
    with pytest.raises(ConfigError, match="state"):
        DASGD(LeastSquares(), RANDOM, nodes=4, exact=True).set_state(state)


def test_gradients_on_their_way_are_those_of_the_order_of_events():
    state = DASGD(LeastSquares(), RANDOM, nodes=4, exact=True).learn(50).state()
    assert state["_travelling"][0]
    state["_travelling"][0].clear()
    with pytest.raises(ConfigError, match="state: its gradients on their way"):
        DASGD(LeastSquares(), RANDOM, nodes=4, exact=True).set_state(state)
