"""The learner against exact answers: its reference, centralised descent, and costs with known gradients."""

import numpy as np
import pytest
import torch

from tests.trainers.plain_wireless import cost_measurer
from tests.trainers.quadratic import QuadraticProblem
from trainers import WirelessProblem, ZerothOrderLearner
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.variants import schedule
from trainers.algorithms.reference.zeroth_order import zeroth_order
from trainers.problems.policies import PolicySettings
from wirelessenv import ConfigError, Messaging, Scenario
from wirelessenv.channel.sampling import NumpySampler
from wirelessenv.network import WirelessNetwork

SMALL = Scenario(preset="dense", transmitters=6, hops=3)
TINY = PolicySettings(hidden=(4,))
HALF = {"update": 0.5, "transmit": 0.5}


OWN_STEPS = [0.5, 1.0, 2.0, 0.0, 1.5, 0.7]
OWN_ACTIVITY = {
    "query": {"probability": [1, 0.5, 0.9, 0.3, 1, 0.6], "longest_silence": [1, 4, 2, 3, 9, 2]},
    "update": {"at": [[0, 2, 3], [1], [0, 1, 2, 3], [2], [0], [3, 1]], "period": 4},
    "transmit": [0.9, 0.4, 0.6, 1, 0.8, 0.5],
}
LOSS = {"probability": 0.3, "longest_run": 2}
LATE = {"links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}, "loss": LOSS}}
MIXED = {"links": {"delay": {"kind": "uniform", "shortest": 0, "longest": 2}, "loss": LOSS}, "relay": False}


def disturbed_by(seed, weakest):
    """N_rx of equation (2) from distances alone: whom agent i disturbs, (i, l), amplitude d^-2.2."""
    if weakest is None:
        return None
    layout = WirelessNetwork(SMALL, seed).layouts[0]
    distance = np.linalg.norm(layout.transmitters[:, None] - layout.receivers[None], axis=-1)
    found = SMALL.max_power * np.maximum(distance, 0.1) ** -4.4 / SMALL.noise >= weakest
    assert 6 < found.sum() < 36  # some agents disturb some others, not all
    return found | np.eye(6, dtype=bool)


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize(
    ("messaging", "options"),
    [
        ({"graph": {"kind": "block", "kappa": 4}, "activity": HALF}, {}),
        ({"graph": {"kind": "block", "kappa": 4}, "activity": HALF, "relay": False}, {}),
        ({"graph": "ring", "activity": {"query": 0.6, "update": 0.7}, "links": {"delay": 2}}, {"memory": 12}),
        ({"graph": "ring", "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}}}, {"memory": 10}),
        ({"graph": "ring", "activity": {"transmit": 0.3}}, {"memory": 4}),  # many entries are too old
        ({"graph": "complete", "activity": {**HALF, "query": {"probability": 0.5, "longest_silence": 2}}, **LATE}, {}),
        ({"graph": "complete", "activity": {"query": 0.7, "transmit": 0.8}, **MIXED}, {}),
        ("centralised", {"common_noise": True}),
        ({"graph": "ring", "activity": HALF}, {"perturb_sleeping": False}),
        ({"graph": "ring", "activity": HALF}, {"cooperative": False}),
        ({"graph": "ring", "activity": HALF}, {"most_hops": 1}),
        ({"graph": {"kind": "ring", "both_ways": False}, **LATE}, {"most_hops": 2}),
        ({"graph": "ring", "activity": {"transmit": 0.3}}, {"most_hops": 2, "memory": 3}),  # many entries are too old
        ({"graph": "ring", "activity": HALF}, {"weakest_interference": 0.5}),
        ({"graph": "ring", "activity": HALF}, {"weakest_interference": 0.3, "most_hops": 2}),
        ({"graph": "ring", "activity": HALF}, {"smoothing_decay": 0.5}),
        ({"graph": "ring", "activity": HALF}, {"batch_growth": 0.5}),
        ("centralised", {"smoothing_decay": 0.25, "batch_growth": 1.0, "common_noise": True}),
        ({"graph": "ring", "activity": HALF, **LATE}, {"feedback": "antithetic"}),
        ({"graph": "ring", "activity": HALF | {"query": 0.6}, **LATE}, {"feedback": "residual"}),
        ({"graph": "ring", "activity": {"transmit": 0.3}}, {"directions": 3, "memory": 4}),  # many entries are too old
        ({"graph": "ring", "activity": HALF}, {"directions": 2, "feedback": "antithetic", "perturb_sleeping": False}),
        ({"graph": "ring", "activity": HALF}, {"directions": 3, "feedback": "residual", "common_noise": True}),
        ({"graph": "ring", "activity": HALF}, {"directions": 2, "batch_growth": 0.5, "most_hops": 1}),
        ({"graph": "ring", "activity": HALF, **LATE}, {"momentum": 0.7}),
        ({"graph": "ring", "activity": HALF}, {"second_moment": 0.8, "step_size": 0.1}),
        (
            {"graph": "ring", "activity": HALF, **LATE},
            {"momentum": 0.6, "second_moment": 0.8, "step_size": 0.1, "directions": 2},
        ),
        ({"graph": "ring", "activity": HALF}, {"restart": 5}),
        ({"graph": "ring", "activity": HALF, **LATE}, {"learn_for": 6}),
        ({"graph": "ring", "activity": HALF}, {"restart": 6, "learn_for": 4, "perturb_sleeping": False}),
        ({"graph": "ring", "activity": HALF}, {"restart": 6, "learn_for": 4, "momentum": 0.7, "decay": 0.0}),
        ({"graph": "ring", "activity": HALF}, {"agent_steps": OWN_STEPS}),
        ({"graph": "ring", "activity": HALF}, {"agent_steps": OWN_STEPS, "momentum": 0.7}),
        ({"graph": "ring", "activity": OWN_ACTIVITY, "links": {"delay": [1, 3, 1, 2, 1, 2]}}, {}),
        ({"graph": "ring", "activity": OWN_ACTIVITY, "relay": False}, {"agent_steps": OWN_STEPS}),
    ],
)
def test_the_iterates_are_those_of_the_reference(messaging, options, seed):
    iterations, batch = 14, 3
    messaging = Messaging.of(messaging)
    options = {"smoothing": 0.7, "batch": batch, "memory": 40, "step_size": 0.8, "decay": 0.25} | options
    problem = WirelessProblem(SMALL, TINY, seed)
    learner = ZerothOrderLearner(problem, messaging, seed=seed, **options)
    theta = learner.parameters[0, :, 0].numpy().copy()
    times = np.arange(1, iterations + 1)
    batches = np.ceil(batch * times ** options.get("batch_growth", 0)).astype(int)
    form, many = options.get("feedback", "two_point"), options.get("directions", 1)
    sets = {"two_point": many + 1, "antithetic": 2 * many, "residual": many}[form]
    block = WirelessNetwork(SMALL, seed).block(sets * batches.sum())
    measure = cost_measurer(
        block.gain[0], block.features[0], batches=batches, p_max=SMALL.max_power, noise=SMALL.noise, hidden=TINY.hidden,
        common_noise=options.get("common_noise", False),
    )  # fmt: skip
    draws = message_draws(messaging, 6, seed, iterations, senders="all" if messaging.relay else "querying")
    if not options.get("cooperative", True):
        draws = draws._replace(arrives=np.zeros_like(draws.arrives))
    sampler = NumpySampler([seed], "perturbation")
    expected = zeroth_order(
        measure, theta, draws, np.stack([sampler.normal(many, 6, theta.shape[1])[0].astype(float) for _ in range(iterations)]),
        smoothing=options["smoothing"] / times ** options.get("smoothing_decay", 0),
        step_sizes=schedule(
            iterations, options["step_size"], options["decay"], options.get("restart"), options.get("learn_for")
        ),
        feedback=form, momentum=options.get("momentum", 0.0), second_moment=options.get("second_moment", 0.0),
        agent_steps=options.get("agent_steps"),
        memory=options["memory"],
        relay=messaging.relay, perturb_sleeping=options.get("perturb_sleeping", True),
        most_hops=options.get("most_hops"), uses=disturbed_by(seed, options.get("weakest_interference")),
    )  # fmt: skip
    for step in expected:
        learner.learn(1)
        np.testing.assert_allclose(learner.parameters[0, :, 0].numpy(), step, atol=2e-4, rtol=2e-3)
    assert problem.slots == sets * batches.sum()
    assert np.abs(expected[-1] - theta).max() > 0.05  # it did move


def test_steps_of_agents_that_are_not_as_many_are_refused():
    with pytest.raises(ConfigError, match=r"^agent_steps: 5 values are not valid: there are 6 agents$"):
        ZerothOrderLearner(WirelessProblem(SMALL, TINY, 0), agent_steps=[1.0] * 5, seed=0)


def test_centralised_messaging_is_zeroth_order_descent_number_for_number():
    """Complete graph, no delay, all probabilities 1: theta += gamma (sum_l r_l) u, with the same streams."""
    seed, batch, mu = 2, 5, 0.5
    learner = ZerothOrderLearner(WirelessProblem(SMALL, TINY, seed), "centralised", smoothing=mu, batch=batch, seed=seed)
    problem, sampler = WirelessProblem(SMALL, TINY, seed), NumpySampler([seed], "perturbation")
    theta = problem.policies.initial([seed], 6)[:, :, None]
    for t in range(20):
        u = torch.from_numpy(sampler.normal(1, 6, problem.policies.size))[:, 0][:, :, None]
        plain, perturbed = problem.measure(torch.stack([theta, theta + mu * u]), batch, False)
        theta = theta + 0.5 / (t + 1) ** 0.25 * ((perturbed - plain) / (mu * 6)).sum() * u
    torch.testing.assert_close(learner.learn(20).parameters, theta, rtol=1e-4, atol=1e-5)
    assert learner.max_age.max() == 0
    assert learner.messages[0, 0] == 20 * 6 * 5


def directions(problem, smoothing, samples):
    """Ascent directions of a learner at a fixed point, (samples of all runs, n): what one iteration adds, step size 1."""
    start = problem.policies.initial(problem.seeds, problem.agents)[:, :, None]
    learner = ZerothOrderLearner(problem, "centralised", smoothing=smoothing, step_size=1.0, decay=0.0, seed=problem.seeds)
    found = []
    for _ in range(samples // len(problem.seeds)):
        learner.parameters.copy_(start)
        learner.learn(1)
        found.append((learner.parameters - start)[:, :, 0].flatten(1).double().numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("smoothing", [0.01, 0.5, 4.0])
def test_on_a_quadratic_the_estimate_is_unbiased_for_every_smoothing(smoothing):
    rng, agents, size = np.random.default_rng(1), 3, 2
    hessians = rng.normal(size=(agents, 6, 6))
    hessians = hessians + hessians.swapaxes(1, 2)
    linear, start = rng.normal(size=(agents, 6)), rng.normal(size=6)
    problem = QuadraticProblem(hessians, linear, size, start, range(100))
    gradient = (hessians @ start + linear).mean(0)  # of f = (1/m) sum f_i
    found = directions(problem, smoothing, 6000)
    error = found.mean(0) + gradient
    assert (np.abs(error) < 4.5 * found.std(0) / np.sqrt(len(found))).all()


def test_on_a_linear_cost_the_second_moment_is_n_plus_2_times_the_squared_slope():
    rng, agents, size = np.random.default_rng(2), 2, 4
    linear = rng.normal(size=(agents, 8))
    problem = QuadraticProblem(np.zeros((agents, 8, 8)), linear, size, np.zeros(8), range(100))
    squares = (directions(problem, 0.3, 8000) ** 2).sum(1)
    expected = (8 + 2) * (linear.mean(0) ** 2).sum()
    assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(len(squares))


def test_a_trivial_problem_is_solved():
    """Each agent's own parameters towards a target, over a ring with delays: the cost falls to almost nothing."""
    target = np.array([1.0, -2.0, 0.5, 3.0])
    hessians = np.stack([np.diag([float(i == j) for j in range(4)]) for i in range(4)])
    problem = QuadraticProblem(hessians, -hessians @ target, 1, np.zeros(4))
    messaging = Messaging(graph="ring", activity={"update": 0.7, "transmit": 0.7})
    learner = ZerothOrderLearner(problem, messaging, smoothing=0.01, step_size=0.3, decay=0.2).learn(1500)
    np.testing.assert_allclose(learner.parameters.flatten().numpy(), target, atol=0.05)


def test_learning_improves_the_wireless_utility():
    problem = WirelessProblem("dense", seed=[0, 1, 2])
    learner = ZerothOrderLearner(problem, {"activity": {"update": 0.9, "transmit": 0.9}}, smoothing=0.2, seed=[0, 1, 2])
    before = problem.evaluate(learner.parameters)
    after = problem.evaluate(learner.learn(200).parameters)
    assert (after > 1.1 * before).all()


def learner_of(seed, messaging, **options):
    return ZerothOrderLearner(
        WirelessProblem(SMALL, TINY, seed), messaging, seed=seed, **({"smoothing": 0.5, "batch": 4} | options)
    )


def test_a_run_does_not_depend_on_what_else_is_in_its_batch():
    messagings = [Messaging(graph="ring", activity=HALF), Messaging.of("centralised")]
    together = learner_of([3, 8, 1], messagings, step_size=[0.5, 0.2], cooperative=[True, True]).learn(50)
    for variant, step_size in enumerate((0.5, 0.2)):
        for run, seed in enumerate((3, 8, 1)):
            alone = learner_of(seed, messagings[variant], step_size=step_size).learn(50)
            torch.testing.assert_close(together.parameters[run, :, variant], alone.parameters[0, :, 0], rtol=1e-3, atol=1e-4)
            assert together.bits[run, variant] == alone.bits[0, 0]
            assert together.max_age[run, variant] == alone.max_age[0, 0]


def test_equal_seeds_give_equal_runs_bit_for_bit_and_cuts_do_not_matter():
    messaging = Messaging(graph="ring", activity=HALF)
    whole = learner_of([0, 1], messaging).learn(75)
    parts = learner_of([0, 1], messaging).learn(1).learn(33).learn(41)
    assert torch.equal(whole.parameters, parts.parameters)
    assert not torch.equal(whole.parameters, learner_of([0, 2], messaging).learn(75).parameters)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"perturb_sleeping": False},
        {"common_noise": True},
        {"smoothing_decay": 0.5, "batch_growth": 0.5},
        {"feedback": "residual", "directions": 2},
        {"feedback": "antithetic", "momentum": [0.5, 0.0], "second_moment": [0.0, 0.9]},
        {"restart": [None, 20], "learn_for": [40, 15]},
    ],
)
def test_a_saved_learner_goes_on_bit_for_bit(tmp_path, options):
    messaging = Messaging(graph="ring", activity=HALF, links={"delay": {"kind": "uniform"}, "loss": 0.2})
    learner = learner_of([4, 9], [messaging, Messaging()], **options).learn(37, callback=lambda _: None)
    learner.save(tmp_path / "saved.pt")
    loaded = ZerothOrderLearner.load(tmp_path / "saved.pt")
    learner.learn(20)
    loaded.learn(20)
    assert torch.equal(learner.parameters, loaded.parameters)
    for count in ("messages", "entries", "changed_entries", "max_age", "dropped_queries", "iteration"):
        np.testing.assert_array_equal(getattr(learner, count), getattr(loaded, count))
    assert learner.problem.slots == loaded.problem.slots


def test_a_frozen_learner_keeps_its_policies_and_others_beside_it_learn():
    ring = Messaging(graph="ring", activity=HALF)
    learner = learner_of([0, 1], ring, learn_for=[None, 10, 10], restart=[None, None, 30]).learn(10)
    at_stop = learner.parameters.clone()
    assert torch.equal(at_stop[:, :, 0], at_stop[:, :, 1])  # until then all three are the same
    learner.learn(20)
    assert torch.equal(learner.parameters[:, :, 1:], at_stop[:, :, 1:])
    learner.learn(10)  # the third one learns again
    assert torch.equal(learner.parameters[:, :, 1], at_stop[:, :, 1])
    assert (learner.parameters - at_stop)[:, :, [0, 2]].abs().amax((0, 1, 3)).min() > 0.05


def test_after_a_restart_steps_are_those_of_the_first_instants():
    """Without noise, from equal policies with equal perturbations, moves are proportional to the step size."""
    linear = np.random.default_rng(3).normal(size=(2, 4))
    problem = QuadraticProblem(np.zeros((2, 4, 4)), linear, 2, np.zeros(4))
    plain, again = (
        ZerothOrderLearner(problem, "centralised", step_size=1.0, decay=1.0, smoothing=0.1, restart=restart)
        for restart in (None, 3)
    )
    before = torch.zeros_like(plain.parameters), torch.zeros_like(plain.parameters)
    for ratio in (1, 1, 1, 4, 5 / 2, 6 / 3, 7):  # of (t + 1) to t modulo 3, plus 1
        moves = []
        for learner, start in zip((plain, again), before, strict=True):
            start.copy_(learner.parameters)
            learner.learn(1)
            moves.append(learner.parameters - start)
        torch.testing.assert_close(moves[1], moves[0] * ratio, rtol=1e-3, atol=1e-5)


def test_a_stop_by_the_callback_loses_nothing():
    messaging = Messaging(graph="ring", activity=HALF)
    stopped = learner_of(0, messaging).learn(40, callback=lambda learner: learner.iteration < 7)
    assert stopped.iteration == 7
    assert torch.equal(stopped.learn(13).parameters, learner_of(0, messaging).learn(20).parameters)


def test_entries_older_than_the_memory_are_counted_and_left_out():
    learner = learner_of(0, Messaging(graph="ring", activity={"transmit": 0.2}), memory=5).learn(200)
    assert learner.max_age[0, 0] > 5
    assert learner.dropped_queries[0, 0] > 0
    assert learner_of(0, Messaging(graph="ring"), memory=5).learn(200).dropped_queries[0, 0] == 0


def test_terms_within_the_diameter_are_all_terms_bit_for_bit():
    ring = {"graph": "ring", "activity": HALF}  # of 6 agents: diameter 3
    paper, all_hops, near = (learner_of([0, 1], ring, most_hops=hops).learn(60) for hops in (None, 3, 2))
    assert torch.equal(paper.parameters, all_hops.parameters)
    assert not torch.equal(paper.parameters, near.parameters)
    beside = learner_of([0, 1], ring, most_hops=[None, 3]).learn(60)  # variants of one learner
    assert torch.equal(beside.parameters[:, :, 0], beside.parameters[:, :, 1])


def test_who_disturbs_whom_is_not_known_of_every_problem():
    problem = QuadraticProblem(np.zeros((2, 2, 2)), np.zeros((2, 2)), 1, np.zeros(2))
    with pytest.raises(ConfigError, match=r"weakest_interference: 1\.0 is not valid: .* use WirelessProblem"):
        ZerothOrderLearner(problem, "centralised", weakest_interference=1.0)


def test_near_agents_alone_ask_for_less_memory():
    ring = {"graph": "ring", "links": {"delay": 4}}
    assert learner_of(0, ring, memory=9, most_hops=2).learn(30).dropped_queries[0, 0] == 0
    with pytest.raises(ConfigError, match=r"memory: 8 is not valid: hops .* asks for at least 9 instants"):
        learner_of(0, ring, memory=8, most_hops=2)


def test_the_selfish_learner_sends_nothing_and_hears_nobody():
    learner = learner_of(0, Messaging(graph="ring"), cooperative=False).learn(30)
    assert learner.messages[0, 0] == learner.bits[0, 0] == learner.max_age[0, 0] == 0


def test_bits_count_every_entry_sent():
    learner = learner_of(0, Messaging(graph="ring")).learn(10)  # 6 agents send over 2 links each; 1, 3, 5, 6, 6, ... entries
    assert learner.messages[0, 0] == 10 * 12
    assert learner.entries[0, 0] == 12 * (1 + 3 + 5 + 6 * 7)
    assert learner.bits[0, 0] == learner.entries[0, 0] * (32 + 3 + 32)


def test_an_entry_holds_a_scalar_for_each_direction():
    one, three = (learner_of(0, Messaging(graph="ring"), directions=many).learn(10) for many in (1, 3))
    assert three.entries[0, 0] == one.entries[0, 0]
    assert three.bits[0, 0] == three.entries[0, 0] * (32 + 3 + 3 * 32)
    assert (one.problem.slots, three.problem.slots) == (10 * 2 * 4, 10 * 4 * 4)


@pytest.mark.parametrize("options", [{"momentum": 0.5}, {"second_moment": 0.9}, {"feedback": "residual", "directions": 2}])
def test_options_do_not_mix_runs_or_variants(options):
    ring = Messaging(graph="ring", activity=HALF)
    together = learner_of([3, 8], ring, step_size=[0.1, 0.2], **options).learn(30)
    for variant, step_size in enumerate((0.1, 0.2)):
        for run, seed in enumerate((3, 8)):
            alone = learner_of(seed, ring, step_size=step_size, **options).learn(30)
            torch.testing.assert_close(together.parameters[run, :, variant], alone.parameters[0, :, 0], rtol=1e-3, atol=1e-4)


def test_averages_of_one_variant_leave_the_others_as_they_are():
    ring = Messaging(graph="ring", activity=HALF)
    beside = learner_of(0, ring, momentum=[0.0, 0.9]).learn(30)
    torch.testing.assert_close(
        beside.parameters[:, :, :1], learner_of(0, ring, momentum=0.0).learn(30).parameters, rtol=1e-3, atol=1e-4
    )
    assert (beside.parameters[:, :, 0] - beside.parameters[:, :, 1]).abs().max() > 0.01


def test_predict_gives_powers_for_arrays_and_dicts():
    learner = learner_of(0, "centralised")
    observations = np.random.default_rng(0).random((7, 6, 3), dtype=np.float32)
    powers = learner.predict(observations)
    assert powers.shape == (7, 6)
    assert ((powers >= 0) & (powers <= SMALL.max_power)).all()
    by_agent = learner.predict({f"tx_{i}": observations[2, i] for i in range(6)})
    np.testing.assert_allclose([float(by_agent[f"tx_{i}"][0]) for i in range(6)], powers[2], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"memory": 3}, "memory: 3 is not valid: the graph's diameter times the largest delay asks for at least 4"),
        ({"memory": 0}, "memory: 0 is not valid"),
        ({"batch": 2.5}, "batch: 2.5 is not valid"),
        ({"smoothing": 0.0}, "smoothing: 0.0 is not valid"),
        ({"smoothing": float("nan")}, "smoothing: nan is not valid"),
        ({"step_size": -1}, "step_size: -1 is not valid: it should be 0 or more"),
        ({"step_size": True}, "step_size: True is not valid"),
        ({"step_size": [[0.1]]}, "step_size: [0.1] is not valid: it should be a number"),
        ({"cooperative": 0.5}, "cooperative: 0.5 is not valid: it should be true or false"),
        ({"common_noise": 2}, "common_noise: 2 is not valid: it should be true or false"),
        ({"batch": True}, "batch: True is not valid: it should be a whole number"),
        ({"restart": 0}, "restart: 0 is not valid"),
        ({"learn_for": 1.5}, "learn_for: 1.5 is not valid"),
        ({"smoothing": [1.0, 2.0], "decay": [0.1, 0.2, 0.3]}, "smoothing: 2 values are not valid: there are 3 variants"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        learner_of(0, Messaging(graph="ring"), **options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_seeds_must_fit_the_problem():
    with pytest.raises(ConfigError, match="seed: 1 seeds are not valid: the problem has 2 runs"):
        ZerothOrderLearner(WirelessProblem(SMALL, seed=[0, 1]), Messaging(graph="ring"), seed=0)


def test_messagings_and_runs_that_do_not_exist_are_named():
    problem = WirelessProblem(SMALL)
    for messagings, options in (([], {}), ([Messaging(graph="ring")] * 2, {"step_size": [0.1, 0.2, 0.3]})):
        with pytest.raises(ConfigError, match=f"links: {len(messagings)} are not valid: "):
            ZerothOrderLearner(problem, messagings, **options)
    with pytest.raises(ConfigError, match="run, variant: 3, 0 are not valid: there are 1 runs and 1 variants"):
        learner_of(0, "centralised").predict(np.zeros((6, 3)), run=3)
