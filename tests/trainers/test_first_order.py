"""The first-order learner against gradients of the whole chain, taken by autograd through a formula of our own."""

import pytest
import torch

from trainers import FirstOrderLearner, WirelessProblem
from trainers.problems.policies import PolicySettings
from wirelessenv import Messaging, Scenario
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.network import WirelessNetwork

TINY = PolicySettings(hidden=(4,))
BATCH = 3


def scenario(kind):
    if kind == "capped":  # a rate whose SINR is worth no more above 3 dB
        return Scenario(preset="dense", transmitters=5, hops=3, sinr_cap_db=3)
    return Scenario(preset="dense", transmitters=5, hops=3, utility=kind)


def utilities(theta, gain, features, kind):
    """Mean utility over slots of every agent, (m,), of theta (m, n) with one hidden layer of 4; all in float64."""
    hidden = torch.relu(torch.einsum("tik,ikh->tih", features, theta[:, :12].reshape(-1, 3, 4)) + theta[:, 12:16])
    power = 10 * torch.sigmoid((hidden * theta[:, 16:20]).sum(-1) + theta[:, 20])
    received = torch.einsum("tij,tj->tij", gain, power)
    signal = torch.diagonal(received, dim1=1, dim2=2)
    ratio = signal / (1 + received.sum(2) - signal)
    rates = torch.log2(1 + (ratio.clamp(max=10**0.3) if kind == "capped" else ratio))
    return (rates / (power + 1) if kind == "energy_efficiency" else rates).mean(0)


@pytest.mark.parametrize("kind", ["rate", "energy_efficiency", "capped"])
@pytest.mark.parametrize(
    "messaging",
    [
        "centralised",
        {"graph": "ring", "activity": {"update": 0.6, "transmit": 0.5}},
        {"graph": "ring", "activity": {"query": 0.7}, "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 2}}},
    ],
)
def test_every_step_is_the_weighted_sum_of_the_past_gradients_that_are_known(kind, messaging):
    seed, iterations, messaging = 4, 25, Messaging.of(messaging)
    setting = scenario(kind)
    learner = FirstOrderLearner(WirelessProblem(setting, TINY, seed), messaging, batch=BATCH, memory=8, seed=seed)
    block = WirelessNetwork(setting, seed).block(iterations * BATCH)
    gain, features = (torch.from_numpy(leaf[0]).double() for leaf in (block.gain, block.features))
    knowledge = Knowledge(messaging, message_graphs(messaging, 5, [seed]), [seed]).steps(iterations)
    theta, past = learner.parameters[0, :, 0].double(), []
    start = theta.clone()
    for t in range(iterations):
        slots = slice(t * BATCH, (t + 1) * BATCH)
        past.append(torch.autograd.functional.jacobian(lambda x, s=slots: utilities(x, gain[s], features[s], kind), theta))
        step = torch.zeros_like(theta)
        for i in range(5):
            for heard_of in range(5):
                time = knowledge.newest[t, 0, i, heard_of]
                if knowledge.updating[t, 0, i] and time >= 0 and t - time < 8:
                    step[i] += past[time][heard_of, i] / 5  # dU_l / dtheta_i at theta^T
        theta = theta + 0.5 / (t + 1) ** 0.25 * step
        learner.learn(1)
        torch.testing.assert_close(learner.parameters[0, :, 0].double(), theta, rtol=1e-3, atol=1e-4)
    assert (theta - start).abs().max() > 0.02
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
