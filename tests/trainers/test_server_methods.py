"""Methods with a server that does not treat all answers alike: their references, special cases, and what they promise."""

import numpy as np
import pytest

from trainers.algorithms.ace import ACE
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.delay_adaptive import DelayAdaptive
from trainers.algorithms.fedbuff import FedBuff
from trainers.algorithms.malenia import Malenia
from trainers.algorithms.reference.ace import ace
from trainers.algorithms.reference.delay_adaptive import delay_adaptive
from trainers.algorithms.reference.fedbuff import fedbuff
from trainers.algorithms.reference.malenia import malenia
from trainers.algorithms.reference.rennala import rennala
from trainers.algorithms.reference.ringleader import ringleader
from trainers.algorithms.reference.ringmaster import ringmaster
from trainers.algorithms.rennala import Rennala
from trainers.algorithms.ringleader import Ringleader
from trainers.algorithms.ringmaster import Ringmaster
from trainers.events.timetable import CHUNK, Server
from trainers.problems.least_squares import LeastSquares
from trainers.problems.quadratic import Quadratic
from wirelessenv import ConfigError
from wirelessenv.streams import stream

METHODS = {  # learner, its settings; reference, its arguments
    "Ringmaster": (Ringmaster, {"threshold": 3}, ringmaster, {"threshold": 3}),
    "Ringmaster, no threshold": (Ringmaster, {}, ringmaster, {"threshold": np.inf}),
    "Rennala": (Rennala, {"batch": 3}, rennala, {"batch": 3}),
    "FedBuff": (
        FedBuff,
        {"buffer": 3, "local_steps": 2, "server_step": 0.7},
        fedbuff,
        {"buffer": 3, "server_step": 0.7, "weighted": False},
    ),
    "FedBuff, weighted": (
        FedBuff,
        {"buffer": 2, "weighted": True},
        fedbuff,
        {"buffer": 2, "server_step": 1.0, "weighted": True},
    ),
    "delay-adaptive": (DelayAdaptive, {}, delay_adaptive, {"full_up_to": 4}),
    "delay-adaptive, 2": (DelayAdaptive, {"full_up_to": 2}, delay_adaptive, {"full_up_to": 2}),
    "Malenia": (Malenia, {}, malenia, {"batch": 4}),
    "Malenia, S = 7": (Malenia, {"batch": 7}, malenia, {"batch": 7}),
    "Ringleader": (Ringleader, {}, ringleader, {}),
    "ACE": (ACE, {}, ace, {}),
}
STEPS, SEEDS = [0.02, 0.05], [0, 5]


def tasks(problem, table, rng, draws, updates):
    """Samples of a run's tasks, one after the other: the first tasks draw theirs together, then those of CHUNK updates."""
    noise, found = problem.noise, []
    clients = [*table.first, *table.next_client(-(-updates // CHUNK) * CHUNK).tolist()]
    first = len(table.first)
    for block in (clients[:first], *(clients[at : at + CHUNK] for at in range(first, len(clients), CHUNK))):
        drawn = [[problem.draw(client, rng) if noise else None for client in block] for _ in range(draws)]
        found += zip(*drawn, strict=True)
    return iter(found)


def compare(name, server, noise, timetable_seed, updates):
    method, settings, reference, arguments = METHODS[name]
    problem = LeastSquares(zeta=2.0, noise=noise)
    options = {"step_size": STEPS, "exact": noise == 0, "seed": SEEDS, "timetable_seed": timetable_seed}
    learner, seen = method(problem, server, **settings, **options), []
    learner.learn(updates, lambda one: seen.append(one.solution.copy()))
    for run, seed in enumerate(SEEDS):
        table = learner.settings.server.timetable(4, seed if timetable_seed is None else timetable_seed)
        for variant, step in enumerate(STEPS):
            drawn = tasks(problem, table, stream(seed, "sample"), learner.draws, updates)
            own = {"sample": lambda _, drawn=drawn: next(drawn)[0]}
            if reference is fedbuff:
                own = {"samples": lambda _, drawn=drawn: next(drawn)}
            start = problem.starts([seed])[0]
            expected = reference(problem, table, start, step_size=step, answers=updates, **arguments, **own)
            np.testing.assert_allclose(np.array(seen)[:, variant, run], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("computing", "noise", "updates"), [("linear", 0, 100), ({"kind": "exponential", "mean": "linear"}, 0.3, CHUNK + 20)]
)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_what_its_reference_gives(name, computing, noise, updates):
    compare(name, {"computing": computing}, noise, None, updates)


@pytest.mark.parametrize("name", ["Ringmaster", "Rennala", "FedBuff, weighted", "delay-adaptive, 2"])
@pytest.mark.parametrize("assignment", ["uniform", "inactive"])
def test_so_it_is_where_the_server_draws_the_next_client(name, assignment):
    compare(name, {"assignment": assignment, "concurrency": 3, "computing": "exponential"}, 0.2, 4, 150)


SERVER = {"computing": {"kind": "exponential", "mean": "linear"}}
SAME = SERVER | {"assignment": "same"}


def paths(method, problem, server=SERVER, **settings):
    """Points of a learner after each of 300 answers."""
    seen = []
    method(problem, server, step_size=STEPS, seed=SEEDS, **settings).learn(300, lambda one: seen.append(one.solution.copy()))
    return np.array(seen)


@pytest.mark.parametrize(
    ("method", "settings"),
    [(Ringmaster, {}), (Ringmaster, {"threshold": 10**6}), (FedBuff, {}), (DelayAdaptive, {"full_up_to": 10**6})],
)
def test_without_its_own_device_a_method_is_async_sgd_bit_for_bit(method, settings):
    problem = LeastSquares(zeta=2.0, noise=0.2)
    np.testing.assert_array_equal(paths(method, problem, **settings), paths(AsyncSGD, problem, SAME))


def test_rennala_with_batches_of_one_is_ringmaster_with_threshold_one():
    problem = LeastSquares(zeta=2.0, noise=0.2)
    found = paths(Rennala, problem)
    np.testing.assert_array_equal(found, paths(Ringmaster, problem, threshold=1))
    assert (found != paths(AsyncSGD, problem, SAME)).any()


@pytest.mark.parametrize("method", [Ringmaster, DelayAdaptive, Malenia, Ringleader, ACE, FedBuff, Rennala])
def test_with_one_client_all_of_them_are_sgd(method):
    problem = LeastSquares(clients=1, noise=0.3)
    learner = method(problem, step_size=0.05, seed=3).learn(50)
    rng, x = stream(3, "sample"), problem.starts([3])[0]
    for _ in range(50):
        x = x - 0.05 * (problem.gradient(0, x) + 0.3 * rng.normal(size=10))
    np.testing.assert_allclose(learner.solution[0, 0], x, rtol=1e-12)


def test_malenia_takes_means_of_each_client_where_speeds_differ():
    """Clients that take 1, 2.1 and 4.3 seconds: 4 + 2 + 1 gradients at x_0, then x_1 along the mean of their means."""
    problem = LeastSquares(clients=3, zeta=2.0, noise=0.5)
    learner = Malenia(problem, {"computing": {"kind": "given", "seconds": [1, 2.1, 4.3]}}, step_size=0.1, seed=2)
    learner.learn(7)
    table, x = learner.settings.server.timetable(3, 2), problem.starts([2])[0]
    assert sorted(table.client(7).tolist()) == [0, 0, 0, 0, 1, 1, 2]
    rng, answers = stream(2, "sample"), {0: [], 1: [], 2: []}
    for client in [*table.first, *table.next_client(7).tolist()][:10]:  # the order in which tasks leave
        answers[client].append(problem.gradient(client, x) + 0.5 * rng.normal(size=10))
    means = [np.mean(answers[0][:4], axis=0), np.mean(answers[1][:2], axis=0), answers[2][0]]
    np.testing.assert_allclose(learner.solution[0, 0], x - 0.1 * np.mean(means, axis=0), rtol=1e-12)
    assert learner.measures()["steps"].item() == 1


def test_malenia_is_gradient_descent_at_its_steps_whatever_the_speeds():
    """With exact gradients each step is one of gradient descent: (1 - eta L)^k."""
    problem = LeastSquares(zeta=50.0)
    learner = Malenia(problem, SERVER, step_size=[0.1, 0.3], exact=True, seed=SEEDS).learn(300)
    steps = learner.measures()["steps"][:, :, None]
    assert steps.min() > 10
    expected = (1 - np.array([0.1, 0.3])[:, None, None] * problem.smoothness) ** steps
    np.testing.assert_allclose(learner.solution - problem.minimiser, np.broadcast_to(expected, (2, 2, 10)), rtol=1e-8)


def test_ace_with_equal_clients_in_turn_is_the_incremental_aggregated_gradient():
    """x_{t+1} = x_t - (eta / n) sum_i grad f_i(x at client i's last turn); n - 1 answers at x_0 come before the first step."""
    problem = LeastSquares(zeta=3.0)
    learner = ACE(problem, {"computing": "constant"}, step_size=0.05, exact=True).learn(3 + 41)
    x = [problem.starts([0])[0]]
    seen = [0, 0, 0, 0]  # step that each client's gradient in the table is at
    for t in range(41):
        seen[(t + 3) % 4] = max(0, t - 3)  # client 3 moves x first, then 0, 1, 2, 3, ... send what they began a turn ago
        x.append(x[-1] - 0.05 * np.mean([problem.gradient(i, x[seen[i]]) for i in range(4)], axis=0))
    np.testing.assert_allclose(learner.solution[0, 0], x[-1], rtol=1e-10)


def test_gradients_in_ringleaders_table_are_at_most_two_turns_old():
    """The paper's bound of their age, 2 n - 2 steps, with speeds as far apart as 1 and 100."""
    clients = 5
    server = {"computing": {"kind": "exponential", "mean": {"kind": "given", "seconds": [1, 3, 10, 30, 100]}}}
    learner = Ringleader(Quadratic(clients=clients), server, step_size=0.01, exact=True, seed=[1, 2, 3])
    ages, at = [], np.zeros((clients, 3), int)  # step at which each client's point was made
    steps = np.zeros(3, int)
    for _ in range(1000):
        before = steps.copy()
        learner.learn(1)
        steps = learner.steps()
        moved = np.flatnonzero(steps > before)
        for run in moved:
            table, who = learner.timetables[run], learner._slots[(learner.iteration - 1) % CHUNK][run]
            ages.append((before[run] - at[:, run]).max())
            at[who, run] = steps[run]
            assert table.concurrency == clients
    assert len(ages) > 50
    assert max(ages) <= 2 * clients - 2
    assert max(ages) >= clients


def test_every_client_moves_x_once_a_turn():
    learner = Ringleader(Quadratic(clients=4), SERVER, step_size=0.01, exact=True)
    movers, steps = [], 0
    for _ in range(500):
        learner.learn(1)
        if learner.steps()[0] > steps:
            steps += 1
            movers.append(learner._slots[(learner.iteration - 1) % CHUNK])
    turns = [sorted(movers[at : at + 4]) for at in range(0, len(movers) - 3, 4)]
    assert len(turns) > 10
    assert all(turn == [0, 1, 2, 3] for turn in turns)


@pytest.mark.parametrize(("method", "step"), [(Malenia, 0.3), (Ringleader, 0.1), (ACE, 0.02)])
def test_where_clients_differ_and_the_fast_answer_most_these_arrive_and_async_sgd_does_not(method, step):
    problem = LeastSquares(zeta=10.0, scales=[1.0] * 4)  # minima apart, Hessians alike
    server = {"computing": {"kind": "given", "seconds": [1, 2, 4, 20]}}
    found = method(problem, server, step_size=step, exact=True).learn(3000)
    plain = AsyncSGD(problem, server | {"assignment": "same"}, step_size=0.02, exact=True).learn(3000)
    assert found.measures()["distance"].item() < 1e-4
    assert plain.measures()["distance"].item() > 1


@pytest.mark.parametrize("method", [Malenia, Ringleader, ACE])
@pytest.mark.parametrize("server", [{"assignment": "uniform"}, {"concurrency": 2}])
def test_methods_that_need_all_clients_refuse_a_server_that_asks_some(method, server):
    with pytest.raises(ConfigError, match="all 4 clients work always, use same"):
        method(LeastSquares(), server, exact=True)


def test_old_gradients_take_smaller_steps():
    """Two clients, 1 and 5 seconds: five answers of the first, then one of the second, of age 5, weighs tau_C / 5 = 2 / 5."""
    problem = Quadratic(clients=2)
    server = {"computing": {"kind": "given", "seconds": [1, 5]}}
    learner = DelayAdaptive(problem, server, step_size=0.05, exact=True).learn(5)
    order = learner.timetables[0].client(6).tolist()
    assert sorted(order[4:]) == [0, 1]
    learner.learn(1)
    x = [problem.starts([0])[0]]
    for place, client in enumerate(order):
        old, weight = (x[0], 2 / max(place, 2)) if client == 1 else (x[-1] if place == 0 or order[place - 1] == 0 else x[-2], 1)
        x.append(x[-1] - 0.05 * weight * problem.gradient(0, old))
    np.testing.assert_allclose(learner.solution[0, 0], x[-1], rtol=1e-12)


@pytest.mark.parametrize("name", ["Ringmaster", "Rennala", "Malenia", "Ringleader", "ACE", "FedBuff"])
def test_steps_of_x_are_counted(name):
    method, settings, *_ = METHODS[name]
    problem = LeastSquares(noise=0.3)
    learner = method(problem, SERVER, step_size=0.01, seed=[4, 9], **settings)
    counts, last = np.zeros((1, 2), int), learner.solution.copy()
    for _ in range(CHUNK + 30):
        learner.learn(1)
        counts += (learner.solution != last).any(-1)
        last = learner.solution.copy()
    np.testing.assert_array_equal(learner.measures()["steps"], counts)
    assert counts.max() < CHUNK + 30


def test_clients_go_on_by_themselves_where_a_server_object_does_not_say_whom_it_asks():
    computing = {"kind": "linear"}
    servers = (Server(computing=computing), {"computing": computing})
    given, mapped = (paths(Rennala, Quadratic(clients=4), server, exact=True) for server in servers)
    np.testing.assert_array_equal(given, mapped)


def test_the_delay_adaptive_bound_is_that_of_the_tasks_under_way():
    learner = DelayAdaptive(Quadratic(clients=4), SERVER, step_size=0.01, exact=True, full_up_to=1)
    step, _ = learner.bound(10)
    assert step == 1 / (4 * learner.problem.smoothness * 4)
