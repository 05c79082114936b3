"""Compressed messages: what they lose, what they cost, and methods that send them."""

import numpy as np
import pytest

from trainers.algorithms.ace import ACE
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.choco_sgd import ChocoLearner
from trainers.algorithms.dasgd import DASGD
from trainers.algorithms.fedbuff import FedBuff
from trainers.algorithms.malenia import Malenia
from trainers.algorithms.reference.choco_sgd import choco_sgd
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.rennala import Rennala
from trainers.algorithms.ringleader import Ringleader
from trainers.algorithms.ringmaster import Ringmaster
from trainers.events.compression import Quantised, RandK, TopK
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.problems.quadratic import Quadratic
from wirelessenv import ConfigError, Messaging
from wirelessenv.streams import stream

RNG = np.random.default_rng(3)
SIZE, TIMES = 12, 40_000


@pytest.mark.parametrize("compression", [RandK(keep=3), RandK(keep=12), Quantised(levels=1), Quantised(levels=5)])
def test_unbiased_ones_are_right_in_the_mean_and_err_no_more_than_they_say(compression):
    vector = RNG.normal(size=SIZE) * 1.3 ** np.arange(SIZE)
    found = compression.compress(np.broadcast_to(vector, (TIMES, SIZE)), RNG.random((TIMES, SIZE)))
    spread = found.std(0) / np.sqrt(TIMES)
    assert (np.abs(found.mean(0) - vector) <= 4.5 * spread + 1e-9 * np.abs(vector)).all()
    error = ((found - vector) ** 2).sum(1).mean() / (vector**2).sum()
    assert error <= compression.error(SIZE) * 1.05 + 1e-12
    if isinstance(compression, RandK):
        assert error == pytest.approx(SIZE / compression.keep - 1, abs=0.15)


def test_top_k_keeps_the_largest_and_loses_at_most_its_share():
    np.testing.assert_array_equal(TopK(keep=2).compress(np.array([[1.0, -5, 2, 4]]), np.zeros(4)), [[0, -5, 0, 4]])
    vectors = RNG.standard_cauchy(size=(500, SIZE))
    for keep in (1, 4, SIZE):
        lost = ((TopK(keep=keep).compress(vectors, vectors) - vectors) ** 2).sum(1)
        assert (lost <= TopK(keep=keep).error(SIZE) * (vectors**2).sum(1) + 1e-9).all()
    even = np.ones((1, SIZE))  # where all are alike no less is lost
    assert ((TopK(keep=3).compress(even, even) - even) ** 2).sum() == pytest.approx(TopK(keep=3).error(SIZE) * SIZE)


def test_levels_are_those_of_the_norm():
    found = Quantised(levels=4).compress(np.array([3.0, -4.0, 0.0]), np.array([0.5, 0.5, 0.9]))
    np.testing.assert_allclose(found, [5 * 2 / 4, -5 * 3 / 4, 0])  # 4 * 3/5 + 0.5 = 2.9, 4 * 4/5 + 0.5 = 3.7
    assert not Quantised().compress(np.zeros(3), np.ones(3) * 0.99).any()


def test_bits_are_counted_by_hand():
    assert TopK(keep=3).bits(1000) == 3 * (32 + 10)
    assert RandK(keep=3).bits(1000) == 4 * 32
    assert Quantised(levels=1).bits(1000) == 32 + 2 * 1000
    assert Quantised(levels=7).bits(10) == 32 + 4 * 10


def test_a_run_is_a_plain_loop_with_compressed_gradients():
    problem, rng, seed = Quadratic(clients=3, size=4), stream(7, "compression"), 7
    learner = AsyncSGD(problem, {"computing": "linear"}, step_size=0.1, exact=True, seed=seed, compression={"kind": "top_k"})
    random = AsyncSGD(problem, {"computing": "linear"}, step_size=0.1, exact=True, seed=seed, compression={"kind": "rand_k"})
    table, x, left = learner.timetables[0], problem.starts([seed])[0], np.zeros((3, 4))
    y = x.copy()

    def top(client, point):
        whole = left[client] + problem.gradient(client, point, None)
        sent = np.where(np.arange(4) == np.abs(whole).argmax(), whole, 0)
        left[client] = whole - sent
        return sent

    def drawn(client, point):
        return np.where(np.arange(4) == rng.random(4).argmin(), 4 * problem.gradient(client, point, None), 0)

    first = [*table.first]
    answers, others = [top(client, x) for client in first], [drawn(client, y) for client in first]
    events = table.chunk(0)
    for slot, client in zip(events.slot[:150], events.next_client[:150], strict=True):
        x, y = x - 0.1 * answers[slot], y - 0.1 * others[slot]
        answers[slot], others[slot] = top(client, x), drawn(client, y)
    np.testing.assert_allclose(learner.learn(150).solution[0, 0], x, rtol=1e-9)
    np.testing.assert_allclose(random.learn(150).solution[0, 0], y, rtol=1e-9)


EVERY: dict[type, dict] = {
    Ringmaster: {"threshold": 9},
    Rennala: {"batch": 2},
    FedBuff: {"buffer": 2},
    Malenia: {},
    Ringleader: {},
    ACE: {},
    AsyncSGD: {},
}


@pytest.mark.parametrize("method", EVERY)
def test_methods_arrive_with_compressed_answers_and_count_their_bits(method):
    problem = Quadratic(clients=4, size=6)
    server = {"computing": {"kind": "exponential"}}
    options = {"exact": True, "seed": [0, 1], **EVERY[method]}
    learner = method(problem, server, step_size=[0.02, 0.05], compression={"kind": "rand_k", "keep": 3}, **options)
    assert (learner.learn(6000).measures()["distance"] < 1e-3).all()
    assert (learner.measures()["bits"] == 32 * 6 * (4 + 6000) + 6000 * 32 * 4).all()
    plain = method(problem, server, step_size=[0.02, 0.05], **options)
    assert "compressing" not in plain.state()
    assert (plain.learn(7).measures()["bits"] == 32 * 6 * (4 + 2 * 7)).all()


@pytest.mark.parametrize("compression", [{"kind": "top_k", "keep": 2}, {"kind": "quantised", "levels": 3}])
@pytest.mark.parametrize("timetable_seed", [None, 5])
def test_they_go_on_from_a_state(compression, timetable_seed):
    options = {"compression": compression, "seed": [0, 1], "timetable_seed": timetable_seed, "step_size": [0.02, 0.1]}
    server = {"computing": "exponential", "assignment": "uniform"}
    one, other = (FedBuff(Quadratic(clients=4, noise=0.1), server, buffer=2, local_steps=2, **options) for _ in range(2))
    one.learn(40)
    other.set_state(one.state())
    np.testing.assert_array_equal(one.learn(60).solution, other.learn(60).solution)
    assert (one.measures()["distance"] < 0.5).all()


def test_error_feedback_brings_top_k_to_the_minimum():
    learner = AsyncSGD(Quadratic(clients=4, size=8), step_size=0.02, exact=True, compression={"kind": "top_k"})
    assert learner.learn(6000).measures()["distance"].max() < 1e-6


LOSSY = Messaging(graph="ring", activity={"update": 0.7}, links={"delay": 1, "loss": 0.2})


@pytest.mark.parametrize("compression", [TopK(keep=2), Quantised(levels=3)])
def test_choco_sgd_has_the_iterates_of_its_reference(compression):
    problem, ticks, drawing, rounds = LeastSquares(clients=5, size=4), 100, stream(1, "compression"), []
    problem.starts = lambda seeds: np.zeros((len(seeds), problem.size))

    def compress(round_, node, vector):
        while compression.random and len(rounds) <= round_:
            rounds.append(drawing.random((5, 4)))
        return compression.compress(vector, rounds[round_][node] if compression.random else vector)

    draws = message_draws(LOSSY, 5, 1, ticks, senders="updating")
    tau = 1 + min(4 / 3**2, 4**0.5 / 3) if compression.random else 1.0  # Koloskova et al. (2019), Section 3.2
    expected = choco_sgd(problem, draws, step_size=0.1, consensus_step=0.4, compress=compress, tau=tau)
    options = {"step_size": 0.1, "exact": True, "seed": 1, "compression": compression.dump(), "consensus_step": 0.4}
    learner, other, found = ChocoLearner(problem, LOSSY, **options), ChocoLearner(problem, LOSSY, **options), []
    learner.learn(ticks, lambda one: found.append(one.nodes[0, 0].copy()))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert learner.measures()["bits"].tolist() == [[draws.sent.sum() * (32 + compression.bits(4))]]
    other.set_state(learner.state())
    np.testing.assert_array_equal(learner.learn(50).x, other.learn(50).x)


@pytest.mark.parametrize("compression", [{"kind": "rand_k", "keep": 4}, {"kind": "quantised", "levels": 1}])
def test_choco_sgd_converges_where_unbiased_messages_err_by_more_than_their_length(compression):
    problem = LeastSquares(clients=6, size=100, zeta=0.0)  # errors of 24 and 10 times the squared length
    options = {"step_size": 0.1, "exact": True, "compression": compression, "consensus_step": 0.03}
    learner = ChocoLearner(problem, {"graph": "ring"}, **options)
    first = learner.measures()["distance"].item()
    assert learner.learn(1000).measures()["distance"].item() < 1e-4 * first


def test_choco_sgd_needs_fewer_bits_than_its_plain_rounds_for_the_same_distance():
    problem = LeastSquares(clients=6, size=20, zeta=0.0)
    whole = {"kind": "rand_k", "keep": 20}
    distances, bits = [], []
    for compression in (whole, {"kind": "quantised", "levels": 4}):
        learner = ChocoLearner(problem, {"graph": "ring"}, step_size=0.1, exact=True, compression=compression)
        learner.learn(4000, lambda one: one.measures()["distance"].item() > 1e-3)
        distances.append(learner.measures()["distance"].item())
        bits.append(learner.measures()["bits"].item())
    assert max(distances) <= 1e-3
    assert bits[1] < bits[0] / 3


def test_nodes_of_dasgd_hold_the_same_model_with_compressed_gradients():
    options = {"step_size": 0.02, "exact": True, "compression": "rand_k", "seed": [0, 1]}
    learner, other = (DASGD(Quadratic(size=4), nodes=3, **options) for _ in range(2))
    other.set_state(learner.learn(900).state())
    np.testing.assert_array_equal(learner.learn(300).models, other.learn(300).models)
    learner.finish()
    np.testing.assert_allclose(learner.models[0], learner.models[1], atol=1e-9)
    assert (learner.measures()["distance"] < 1e-2).all()
    np.testing.assert_array_equal(learner.measures()["bits"], learner.measures()["messages"] * 64)


def test_what_cannot_be_is_told():
    with pytest.raises(ConfigError, match=r"compression: top_k is not valid for ace, .* rand_k or quantised"):
        ACE(Quadratic(clients=4), compression="top_k")
    with pytest.raises(ConfigError, match="compression: top_k is not valid for dasgd"):
        DASGD(Quadratic(), compression="top_k")
    with pytest.raises(ConfigError, match=r"compression.keep: 9 is not valid: vectors have 5 numbers"):
        AsyncSGD(Quadratic(size=5), compression={"kind": "rand_k", "keep": 9})


@pytest.mark.parametrize("kind", ["top_k", "rand_k", "quantised"])
def test_points_keep_their_precision_so_that_a_saved_learner_goes_on(kind):
    rng = np.random.default_rng(0)
    features, labels, clients = rng.normal(size=(24, 4)), 2.0 * rng.integers(2, size=24) - 1, np.arange(24).reshape(3, 8)
    problem = Logistic(features.astype(np.float32), labels.astype(np.float32), clients, batch=4)
    learner = AsyncSGD(problem, compression=kind, step_size=0.1).learn(20)
    assert learner.solution.dtype == AsyncSGD(problem, step_size=0.1).learn(20).solution.dtype
    other = AsyncSGD(problem, compression=kind, step_size=0.1)
    other.set_state(learner.state())
    np.testing.assert_array_equal(other.learn(5).solution, learner.learn(5).solution)
