"""The first-order learner against its reference, with derivatives by autograd of formulas of our own."""

import numpy as np
import pytest
import torch

from trainers import FirstOrderLearner, WirelessProblem
from trainers.algorithms.reference.draws import message_draws
from trainers.algorithms.reference.first_order import first_order
from trainers.problems.policies import PolicySettings
from wirelessenv import Messaging, Scenario
from wirelessenv.network import WirelessNetwork

TINY = PolicySettings(hidden=(4,))
BATCH = 3


def scenario(kind):
    if kind == "capped":  # a rate whose SINR is worth no more above 3 dB
        return Scenario(preset="dense", transmitters=5, hops=3, sinr_cap_db=3)
    return Scenario(preset="dense", transmitters=5, hops=3, utility=kind)


def powers(theta, features):
    """Powers (slots,) of one agent in slots with features (slots, 3), for theta (n,) with one hidden layer of 4."""
    hidden = torch.relu(features @ theta[:12].reshape(3, 4) + theta[12:16])
    return 10 * torch.sigmoid(hidden @ theta[16:20] + theta[20])


def utilities(gain, power, kind):
    """Utility of every agent, (m,), in a slot with gain (m, m) and power (m,)."""
    received = gain * power
    signal = torch.diagonal(received)
    ratio = signal / (1 + received.sum(1) - signal)
    rates = torch.log2(1 + (ratio.clamp(max=10**0.3) if kind == "capped" else ratio))
    return rates / (power + 1) if kind == "energy_efficiency" else rates


def measurer(setting, kind, seed, iterations):
    """A function of theta (m, n) that differentiates formulas of our own in the next slots, by autograd in float64."""
    block = WirelessNetwork(setting, seed).block(iterations * BATCH)
    gain, features = (torch.from_numpy(leaf[0]).double() for leaf in (block.gain, block.features))
    slot, jacobian = iter(range(0, iterations * BATCH, BATCH)), torch.autograd.functional.jacobian

    def measure(theta):
        start = next(slot)
        seen = features[start : start + BATCH]
        each = [(torch.from_numpy(own), seen[:, i]) for i, own in enumerate(theta)]
        power = torch.stack([powers(*one) for one in each], dim=1)
        slopes = [jacobian(lambda p, b=b: utilities(gain[start + b], p, kind), power[b]) for b in range(BATCH)]
        derivatives = [jacobian(lambda own, at=at: powers(own, at), own) for own, at in each]
        return torch.stack(slopes, dim=1).numpy(), torch.stack(derivatives).numpy()

    return measure


@pytest.mark.parametrize("kind", ["rate", "energy_efficiency", "capped"])
@pytest.mark.parametrize(
    "messaging",
    [
        "centralised",
        {"graph": "ring", "activity": {"update": 0.6, "transmit": 0.5}},
        {"graph": "ring", "activity": {"query": 0.7}, "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 2}}},
        {"graph": "complete", "activity": {"update": 0.8}, "links": {"delay": 2, "loss": 0.3}},
        {"graph": "complete", "activity": {"query": 0.5}, "links": {"delay": 0, "loss": 0.3}, "relay": False},
    ],
)
@pytest.mark.parametrize("seed", [4, 5])
def test_the_iterates_are_those_of_the_reference(kind, messaging, seed):
    iterations, messaging, setting = 20, Messaging.of(messaging), scenario(kind)
    learner = FirstOrderLearner(WirelessProblem(setting, TINY, seed), messaging, batch=BATCH, memory=8, seed=seed)
    start = learner.parameters[0, :, 0].double().numpy()
    expected = first_order(
        measurer(setting, kind, seed, iterations),
        start,
        message_draws(messaging, 5, seed, iterations, senders="all" if messaging.relay else "querying"),
        step_sizes=0.5 / np.arange(1, iterations + 1) ** 0.25,
        memory=8,
        relay=messaging.relay,
    )
    for theta in expected:
        learner.learn(1)
        np.testing.assert_allclose(learner.parameters[0, :, 0].numpy(), theta, rtol=1e-3, atol=1e-4)
    assert np.abs(expected[-1] - start).max() > 0.02
    assert learner.problem.slots == iterations * BATCH


def test_it_saves_and_goes_on_and_counts_the_bits_of_vectors(tmp_path):
    messaging = Messaging(graph="ring", activity={"update": 0.6, "transmit": 0.5})
    problem = WirelessProblem(scenario("rate"), TINY, [0, 1])
    learner = FirstOrderLearner(problem, [messaging, Messaging.of("centralised")], batch=BATCH, seed=[0, 1]).learn(7)
    learner.save(tmp_path / "saved.pt")
    again = FirstOrderLearner.load(tmp_path / "saved.pt")
    assert torch.equal(learner.learn(9).parameters, again.learn(9).parameters)
    assert learner.bits[0, 1] == 16 * 5 * 4 * (32 * BATCH * 5 + 3 + 32)


def test_variants_and_batches_do_not_change_a_run():
    messaging = Messaging(graph="ring", activity={"update": 0.6})
    seeds = [0, 3]
    together = FirstOrderLearner(
        WirelessProblem(scenario("rate"), TINY, seeds), messaging, batch=BATCH, step_size=[0.5, 1.0], seed=seeds
    )
    together.learn(20)
    for variant, step_size in enumerate((0.5, 1.0)):
        alone = FirstOrderLearner(
            WirelessProblem(scenario("rate"), TINY, 3), messaging, batch=BATCH, step_size=step_size, seed=3
        )
        torch.testing.assert_close(
            together.parameters[1, :, variant], alone.learn(20).parameters[0, :, 0], rtol=1e-3, atol=1e-4
        )
