"""Live runs without processes: the simulator takes their schedules and arrives at the same iterates."""

import numpy as np
import pytest

from tests.trainers.live.carrier import Carrier, Time
from trainers import AsyncBC, LeastSquares, PARSPushLearner, RidgeRegression, WirelessProblem
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.live.agents import AgentShard
from trainers.live.nodes import Keeper, NodeShard, Ticks
from trainers.live.party import parts
from trainers.live.radio import Radio
from trainers.live.replay import RecordedAir, ReplayedAsyncBC, ReplayedPARSPush, ReplayedZerothOrder
from trainers.live.server import AnswerServer, ClientShard


def owners(agents, shards):
    return np.concatenate([np.full(len(own), shard) for shard, own in enumerate(parts(agents, shards))])


@pytest.mark.parametrize("kill", [0.0, 0.02])
@pytest.mark.parametrize("options", [{"exact": True}, {}, {"same_sample": False}])
def test_async_bc_is_the_simulator_s(options, kill):
    problem, clock = LeastSquares(clients=7, zeta=2.0, noise=0.1), Time()
    learner = AsyncBC(problem, {"concurrency": 5}, seed=3, step_size=0.01, **options)
    hub = AnswerServer(learner, owners(7, 3), 300, clock)
    Carrier(hub, lambda shard: ClientShard(problem, learner.settings, 3), 1, clock=clock, kill=kill).run()
    again = ReplayedAsyncBC(hub.schedule(), problem, {"concurrency": 5}, seed=3, step_size=0.01, **options).learn(300)
    np.testing.assert_allclose(again.solution[0, 0], hub.points[0], rtol=1e-12)
    np.testing.assert_allclose(again.momentum[0, 0], hub.momentum, rtol=1e-9, atol=1e-12)
    assert again.timetables[0].summary(300)["tau_max"] > 5


@pytest.mark.parametrize("kill", [0.0, 0.02])
@pytest.mark.parametrize("options", [{}, {"inner_steps": 1, "decay": 0.5}, {"exact": True}])
def test_pars_push_is_the_simulator_s(options, kill):
    problem, clock = RidgeRegression(clients=8, size=5), Time()
    settings = {"seed": 2, "step_size": 0.01, **options}
    learner, where = PARSPushLearner(problem, {"graph": "ring"}, **settings), owners(8, 3)
    ticks = Ticks(clock, 0.004, 80)
    hub = Keeper(learner, where, ticks)
    carrier = Carrier(
        hub, lambda shard: NodeShard(learner, where, shard, ticks), 1, clock=clock, kill=kill, lose=0.2, lame=(1,)
    ).run()
    schedule = hub.schedule()
    again = ReplayedPARSPush(schedule, problem, {"graph": "ring"}, **settings).learn(int(schedule["ticks"]))
    np.testing.assert_allclose(again.pairs, hub.solution(), rtol=1e-12)
    np.testing.assert_allclose(hub.total()[-1], 8, rtol=1e-12)
    assert (schedule["taken_tick"] > schedule["taken_sent"]).any()
    assert carrier.kills > 3 or not kill


@pytest.mark.parametrize("kill", [0.0, 0.03])
@pytest.mark.parametrize("options", [{}, {"directions": 2, "feedback": "antithetic"}, {"most_hops": 1, "common_noise": True}])
def test_algorithm_2_is_the_simulator_s(options, kill):
    clock, seed = Time(), 3
    settings = {"step_size": 0.1, "smoothing": 0.5, "memory": 10, "batch": 5, "seed": seed, **options}
    learner, where = ZerothOrderLearner(WirelessProblem("dense", seed=seed), "paper", **settings), owners(24, 3)
    hub = Radio(learner, where, 60, clock)
    carrier = Carrier(
        hub, lambda shard: AgentShard(learner, where, shard), 1, clock=clock, kill=kill, lose=0.2, lame=(1,)
    ).run()
    problem = RecordedAir("dense", seed=seed).recorded(hub.schedule())
    again = ReplayedZerothOrder(hub.schedule(), problem, "paper", **settings).learn(60)
    theta, start = again.parameters[0, :, 0].numpy(), learner.parameters[0, :, 0].numpy()
    assert np.linalg.norm(theta - hub.solution()) < 1e-6 * np.linalg.norm(theta)
    assert np.linalg.norm(theta - start) > 0.01 * np.linalg.norm(theta)
    assert again.max_age.max() > 3
    assert carrier.kills > 3 or not kill
