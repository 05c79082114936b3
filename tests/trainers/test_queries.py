"""Zeroth-order methods that share one model: beside their references, against closed forms, and what they send."""

import numpy as np
import pytest

from tests.trainers.push_cases import DELAY, PAPER, WAKING
from trainers.algorithms.decomfl import DeComFL
from trainers.algorithms.fedzo import FedZO
from trainers.algorithms.reference.decomfl import decomfl
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.fedzo import fedzo
from trainers.algorithms.reference.rounds import round_ends
from trainers.algorithms.reference.two_point import two_point
from trainers.algorithms.two_point import TwoPointLearner
from trainers.problems.least_squares import LeastSquares
from trainers.problems.ridge_regression import RidgeRegression
from trainers.problems.wireless_objective import WirelessObjective
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError, Messaging
from wirelessenv.streams import stream

RING = Messaging(graph="ring", activity=WAKING, links={"delay": DELAY, "loss": PAPER.links.loss}, relay=False)


def asked(seed, clients, participants, rounds):
    rng = stream(seed, "participants")
    return [sorted(rng.permutation(clients)[:participants].tolist()) for _ in range(rounds)]


def test_two_point_has_the_iterates_of_its_reference():
    problem, ticks, seed = RidgeRegression(size=3, batch=3, clients=5), 100, 1
    draws = message_draws(RING, 5, seed, ticks, senders="updating")
    rounds = sum(round_ends(draws))
    rng, nodes, z = stream(seed, "sample"), np.arange(5), stream(seed, "direction").normal(size=(rounds, 5, 3))
    fall = (np.arange(rounds) + 1.0) ** -0.5
    expected = two_point(
        problem, draws, z,
        step_sizes=0.02 * fall, smoothing=0.3 * fall**2, batches=[problem.draw(nodes, rng) for _ in range(rounds)],
    )  # fmt: skip
    found, options = [], {"decay": 0.5, "smoothing": 0.3, "smoothing_decay": 1.0}
    learner = TwoPointLearner(problem, RING, step_size=[0.5, 0.02], seed=seed, **options)
    learner.learn(ticks, lambda one: found.append(one.nodes[1, 0].copy()))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("directions", [1, 3])
def test_fedzo_has_the_iterates_of_its_reference(directions):
    problem, seed = RidgeRegression(size=3, batch=3, clients=5), 2
    rng, ways = stream(seed, "sample"), stream(seed, "direction")

    def drawn():
        normal = ways.normal(size=(directions, 2, 3))
        return normal / np.sqrt((normal**2).sum(-1, keepdims=True))

    expected = fedzo(
        problem, np.zeros(3), asked(seed, 5, 2, 20), drawn,
        step_size=0.02, smoothing=0.1, local_steps=3, batches=lambda clients: problem.draw(np.array(clients), rng),
    )  # fmt: skip
    settings = {"smoothing": 0.1, "local_steps": 3, "directions": directions}
    learner, found = FedZO(problem, {"participants": 2}, step_size=[0.5, 0.02], seed=seed, **settings), []
    learner.learn(20, lambda one: found.append(one.x[1, 0].copy()))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert learner.measures()["bits"].tolist() == [[20 * 2 * 2 * 3 * 32]] * 2


@pytest.mark.parametrize("directions", [1, 3])
def test_models_rebuilt_from_scalars_are_those_of_the_server(directions):
    problem, seed = RidgeRegression(size=3, batch=3, clients=5), 2
    rng = stream(seed, "sample")
    expected, sent = decomfl(
        problem, np.zeros(3), asked(seed, 5, 2, 20),
        lambda r: stream(seed, "shared directions", r).normal(size=(2, directions, 3)),
        step_size=0.02, smoothing=0.1, batches=lambda clients: problem.draw(np.array(clients), rng),
    )  # fmt: skip
    settings = {"smoothing": 0.1, "local_steps": 2, "directions": directions}
    learner, found = DeComFL(problem, {"participants": 2}, step_size=[0.5, 0.02], seed=seed, **settings), []
    learner.learn(20, lambda one: found.append(one.x[1, 0].copy()))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-11)
    assert learner.measures()["bits"].tolist() == [[32 * sent]] * 2


def test_with_all_clients_and_one_step_decomfl_is_descent_on_the_mean_cost():
    problem = LeastSquares(size=4)
    learner, x = DeComFL(problem, step_size=0.03, smoothing=0.2, exact=True, seed=5), problem.starts([5])[0]
    for r in range(30):
        z = stream(5, "shared directions", r).normal(size=(1, 1, 1, 4)).ravel()
        x = x - 0.03 * (problem.mean_cost(x + 0.2 * z) - problem.mean_cost(x)) / 0.2 * z
        np.testing.assert_allclose(learner.learn(1).x[0, 0], x, rtol=1e-9)


def test_bits_of_scalars_do_not_grow_with_the_model():
    few, many = (DeComFL(LeastSquares(size=d), step_size=1e-3, exact=True).learn(20).measures()["bits"] for d in (3, 300))
    assert few.tolist() == many.tolist()


def test_on_quadratics_two_points_give_the_slope_for_any_mu():
    """(f(x + mu z) - f(x - mu z)) / (2 mu) = z' grad f(x), so that neither mu nor its fall matters."""
    nodes = [
        TwoPointLearner(LeastSquares(zeta=2.0), RING, step_size=0.02, exact=True, **options).learn(100).nodes
        for options in ({"smoothing": 1e-3}, {"smoothing": 50.0, "smoothing_decay": 0.5})
    ]
    np.testing.assert_allclose(*nodes, rtol=1e-6)


def test_one_sphere_step_is_unbiased_for_the_gradient():
    """Quadratic f: E of a step is -eta grad f (mu moves f's differences by an even term alone), over 10,000 directions."""
    problem = LeastSquares(clients=1, size=3)
    start = problem.starts([0])[0]
    learner = FedZO(problem, step_size=0.1, smoothing=0.5, directions=10_000, exact=True).learn(1)
    gradient = problem.gradient(0, start)
    spread = 0.1 * np.linalg.norm(gradient) * np.sqrt(3 / 10_000)
    np.testing.assert_allclose(learner.x[0, 0] - start, -0.1 * gradient, atol=5 * spread)


def test_on_channels_clients_at_points_of_their_own_take_turns():
    network = WirelessObjective({"preset": "dense", "transmitters": 3}, batch=2, bank_slots=4, evaluation_slots=2)
    together = DeComFL(network, step_size=0.1, directions=4).learn(3)
    apart = FedZO(network, step_size=0.1, directions=4, local_steps=2).learn(3)
    talking = TwoPointLearner(network, {"graph": "complete", "links": {"delay": 0}}, step_size=0.1).learn(3)
    slots = [one.report()["slots"].item() for one in (together, apart, talking)]
    assert slots == [3 * 5 * 2, 3 * 2 * 5 * 3 * 2, 3 * 2 * 3 * 2]


@pytest.mark.parametrize("kind", [FedZO, DeComFL, TwoPointLearner])
def test_a_state_goes_on_with_the_same_numbers(kind, tmp_path):
    links = RING if kind is TwoPointLearner else {"participants": 2}
    problem = RidgeRegression(size=2, clients=4, batch=2)
    first, second = (kind(problem, links, step_size=0.01, smoothing=0.1, seed=[0, 1]) for _ in range(2))
    write_tensors(tmp_path / "state.pt", first.learn(30).state())
    second.learn(3).set_state(read_tensors(tmp_path / "state.pt"))
    right = first.learn(30).measures()
    for name, values in second.learn(30).measures().items():
        np.testing.assert_array_equal(values, right[name], err_msg=name)


def test_more_clients_than_there_are_is_told():
    with pytest.raises(ConfigError, match=r"server.participants: 9 is not valid: the problem has 4 clients"):
        FedZO(LeastSquares(), {"participants": 9}, exact=True)
