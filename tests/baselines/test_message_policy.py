"""The message-passing policy: symmetric, as late as its messages, and the same step by step in an environment."""

import numpy as np
import pytest
import torch

from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.evaluation import evaluate
from baselines.learned.aggregation_policy import AggregationPolicy
from baselines.learned.gnn import GNN
from baselines.learned.message_policy import MessagePolicy
from baselines.learned.talker import Talker
from trainers.problems.heard import heard
from trainers.problems.message_network import MessageNetwork
from wirelessenv import power_control_v0
from wirelessenv.config import ConfigError
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.layout import draw_layouts
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.messages.links import Links
from wirelessenv.messages.messaging import Messaging
from wirelessenv.network import Block, WirelessNetwork
from wirelessenv.physics.loudest import Loudest, loudest
from wirelessenv.scenario import Scenario

SMALL = Scenario(preset="dense", transmitters=7)


def policy(**settings):
    method = MessagePolicy(**{"pace": "round_a_slot", "neighbours": 3, "hidden": 8, "steps": 2, **settings})
    return Talker.train(method, SMALL, seed=1)


@pytest.fixture(scope="module")
def talker():
    return policy()


def test_neighbours_are_those_with_the_loudest_gains_both_ways():
    gain = np.array([[[9.0, 1, 5, 0], [2, 9, 0, 0], [0, 1, 9, 1], [8, 0, 0, 9]]])
    assert loudest(gain, 2).number[0].tolist() == [[3, 2], [0, 2], [0, 1], [0, 2]]


def inputs(scenario, seeds, slots, method, purpose="evaluation"):
    block = WirelessNetwork(scenario, seeds).bank(slots, purpose)
    return block, method.see(scenario, draw_layouts(scenario, seeds), block, 0)


@pytest.mark.parametrize("pace", ["at_once", "slot_late", "round_a_slot"])
def test_permuting_the_pairs_permutes_the_powers(pace):
    method = MessagePolicy(pace=pace, neighbours=3, hidden=8)
    torch.manual_seed(0)
    network = method.network(SMALL)
    block, seen = inputs(SMALL, [0, 1], 6, method)
    network.fit(seen)
    order = np.random.default_rng(0).permutation(7)
    layouts = [type(one)(**{**vars(one), "serving": one.serving, "mean_gain": one.mean_gain[np.ix_(order, order)]})
               for one in draw_layouts(SMALL, [0, 1])]  # fmt: skip
    turned = Block(**{**vars(block), "gain": block.gain[:, :, order][..., order], "wanted": block.wanted[..., order],
                      "cross": block.cross[:, :, order][..., order]})  # fmt: skip
    with torch.no_grad():
        logits, permuted = network(seen), network(method.see(SMALL, layouts, turned, 0))
    np.testing.assert_allclose(permuted, logits[..., order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("pace", "late"), [("at_once", 0), ("slot_late", 1), ("round_a_slot", 1), ("round_a_slot", 3)])
def test_a_change_at_a_neighbour_arrives_as_late_as_its_messages(pace, late):
    """One round: what happens at agent j alone, its own channel, reaches those who hear it `late` slots later."""
    links = {} if late < 2 else {"links": {"delay": late - 1}}
    method = MessagePolicy(pace=pace, neighbours=6, hidden=8, rounds=1, **links)
    torch.manual_seed(1)
    network = method.network(SMALL)
    _, seen = inputs(SMALL, [0], 8, method)
    network.fit(seen)
    changed = seen._replace(nodes=seen.nodes.clone())
    changed.nodes[0, 3, 2, 0] += 5.0
    with torch.no_grad():
        different = (network(seen) != network(changed)).numpy()[0]
    assert different[3 + late].sum() >= 6 if late == 0 else different[3 + late, [0, 1, 3, 4, 5, 6]].all()
    assert different[3, 2]
    assert not different[[slot for slot in range(8) if slot not in {3, 3 + late}]].any()


def test_every_round_costs_a_slot():
    method = MessagePolicy(pace="round_a_slot", neighbours=3, hidden=8, rounds=2)
    torch.manual_seed(1)
    network = method.network(SMALL)
    _, seen = inputs(SMALL, [0], 8, method)
    network.fit(seen)
    changed = seen._replace(nodes=seen.nodes.clone())
    changed.nodes[0, 3, 2, 0] += 5.0
    with torch.no_grad():
        different = (network(seen) != network(changed)).numpy()[0]
    assert sorted(set(np.nonzero(different)[0])) == [3, 4, 5]


LAWS = {
    "prompt": {"delay": 0},
    "late": {"delay": 2},
    "lossy": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}, "loss": 0.3},
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("awake", [1.0, 0.6])
def test_it_acts_in_an_environment_as_in_a_batch(law, awake):
    """Slot by slot, from observations alone, agents choose the powers of one pass over all slots."""
    talker = policy(links=LAWS[law], activity={"query": awake})
    slots, seeds = 12, [3, 4]
    env = VectorPowerControlEnv(len(seeds), scenario=SMALL, max_cycles=slots + 1, **talker.options)
    seen, _ = env.reset(seed=seeds)
    chosen = []
    for _ in range(slots):
        actions = talker.predict(seen)
        chosen.append((actions[..., 0] + 1) / 2)
        seen = env.step(actions)[0]

    messaging = Messaging(**talker.options["messaging"])
    network = WirelessNetwork(SMALL, seeds)
    gains = [layout.link_gain for layout in network.layouts]
    where = [layout.transmitters for layout in network.layouts]
    links = message_graphs(messaging, 7, seeds, where, mean_gains=gains)
    newest = np.moveaxis(Knowledge(messaging, links, seeds).steps(slots).newest, 0, 1)
    newest = np.concatenate([np.full_like(newest[:, :1], -1), newest[:, :-1]], axis=1)
    newest[..., np.arange(7), np.arange(7)] = -1
    neighbour = Loudest.of_matrices(
        np.tile(np.arange(7), (2, 7, 1))
    )  # everybody: of those that are no neighbours nothing is ever heard
    seen_at_once = heard(SMALL, np.stack(gains), network.block(slots), neighbour, newest=newest, told=1)
    with torch.no_grad():
        expected = talker.network.run(seen_at_once)[0].sigmoid().numpy()
    np.testing.assert_allclose(np.stack(chosen, 1), expected, rtol=1e-3, atol=1e-5)


def test_it_plays_in_pettingzoo_too(talker):
    parallel = power_control_v0.parallel_env(scenario=SMALL, **talker.options)
    vector = VectorPowerControlEnv(1, scenario=SMALL, **talker.options)
    one, _ = parallel.reset(seed=5)
    many, _ = vector.reset(seed=[5])
    for _ in range(4):
        actions, together = talker.predict(one), talker.predict(many)
        np.testing.assert_allclose(np.stack(list(actions.values())), together[0], rtol=1e-5, atol=1e-6)
        assert all(parallel.action_space(agent).contains(action) for agent, action in actions.items())
        one, many = parallel.step(actions)[0], vector.step(together)[0]


def test_without_rounds_nobody_says_anything():
    talker = policy(rounds=0)
    assert "messages" not in talker.options
    assert talker.method.bits(SMALL) == 0
    env = power_control_v0.parallel_env(scenario=SMALL, **talker.options)
    seen, _ = env.reset(seed=0)
    assert env.step(talker.predict(seen))


def test_it_is_saved_and_loaded(talker, tmp_path):
    talker.save(tmp_path / "policy.pt")
    again = Talker.load(tmp_path / "policy.pt")
    env = VectorPowerControlEnv(2, scenario=SMALL, **talker.options)
    seen, _ = env.reset(seed=0)
    np.testing.assert_array_equal(again.predict(seen), talker.predict(seen))
    (tmp_path / "other.pt").write_bytes(b"no policy")
    with pytest.raises(ConfigError, match=r"other\.pt"):
        Talker.load(tmp_path / "other.pt")


def test_bits_are_messages_and_feedback():
    method = MessagePolicy(rounds=2, floats=2, neighbours=4)
    assert method.bits(Scenario(preset="dense")) == 24 * (2 * 2 + 4) * 32 < 7000
    seldom = MessagePolicy(pace="round_a_slot", activity={"query": 0.5})
    assert seldom.bits(Scenario(preset="dense")) == 24 * (2 + 4) * 32


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"neighbours": 7}, "neighbours: 7 is not valid: an agent of 7 has 6 others"),
        ({"pace": "at_once", "links": {"delay": 1}}, 'pace: "at_once" is not valid with delay, loss or sleep'),
        ({"pace": "slot_late"}, 'pace: "slot_late" is not valid: in an environment every round takes a slot'),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(wrong, sentence):
    with pytest.raises(ConfigError, match=sentence):
        policy(**wrong)


def test_an_environment_without_a_message_channel_is_refused(talker):
    env = power_control_v0.parallel_env(scenario=SMALL, observation=talker.options["observation"])
    with pytest.raises(ConfigError, match="messages: the environment has no message channel, and the policy sends 4 numbers"):
        talker.predict(env.reset(seed=0)[0])


def test_delays_longer_than_the_slots_before_those_that_count_are_refused():
    late = policy(links={"delay": 4})
    held = HeldOut.draw(SMALL, [0, 1], 3, 9)
    with pytest.raises(ConfigError, match="warm_up: 9 is not valid: messages take 10 slots until all are used"):
        late.method.powers(held, late.network_state())
    with pytest.raises(ConfigError, match="warm_up: 9 is not valid: the policy's messages take 10 slots"):
        evaluate(late, SMALL, layouts=2, slots=3, warm_up=9)
    assert evaluate(late, SMALL, layouts=2, slots=3, warm_up=10).measured.utility.shape == (2,)


def test_more_neighbours_than_another_network_has_are_refused(talker):
    with pytest.raises(ConfigError, match="neighbours: 3 is not valid: an agent has 2 others"):
        evaluate(talker, {"preset": "dense", "transmitters": 3}, layouts=2, slots=3)


def test_a_state_of_other_widths_is_refused(talker):
    other = MessagePolicy(pace="round_a_slot", neighbours=3, hidden=9)
    with pytest.raises(ConfigError, match=r"state: .*shape \(8, 5\).*\(9, 5\)"):
        Talker(other, SMALL, talker.network_state())


def test_each_step_of_training_is_under_one_of_its_conditions():
    method = MessagePolicy(pace="round_a_slot", neighbours=3, practice=[{"links": {"delay": 0}}, {"links": {"delay": 2}}])
    network = WirelessNetwork(SMALL, [0, 1])
    block = network.block(8)
    assert method.unheard == 6
    assert method.memory == 2
    oldest = [int(method.practise(SMALL, network.layouts, block, seed).ages.max()) for seed in range(20)]
    assert set(oldest) == {1, 3}
    changed = method.model_copy(update={"links": Links.parse({"delay": 1})})
    assert method.training == changed.training != MessagePolicy(pace="round_a_slot", neighbours=3).training


def test_it_may_be_trained_on_another_network():
    elsewhere, here = (MessagePolicy(steps=2, hidden=8, trained_on=one) for one in (SMALL, None))
    *_, away = elsewhere.train(Scenario(preset="dense", transmitters=9), 0, None)
    *_, home = here.train(SMALL, 0, None)
    for name, value in home.state.items():
        np.testing.assert_array_equal(away.state[name], value)
    with pytest.raises(ConfigError, match="trained_on: is not valid for policies that learn on each layout"):
        AggregationPolicy(policies="own", trained_on=SMALL).check(SMALL)


def test_a_gnn_that_is_late_decides_with_old_gains():
    held = HeldOut.draw(SMALL, [0, 1], 4, 3)
    *_, last = GNN(steps=1, hidden=4, layers=1).train(SMALL, 0, None)
    prompt, late = (GNN(hidden=4, layers=1, delay=delay).powers(held, last.state) for delay in (0, 2))
    np.testing.assert_allclose(late[:, 2:], prompt[:, :-2], rtol=1e-6)


def test_observations_of_another_environment_are_refused(talker):
    with pytest.raises(ConfigError, match="observations: 5 numbers an agent are not valid: the policy reads"):
        talker.predict(np.zeros((7, 5), np.float32))


def test_a_network_reads_any_number_of_agents():
    network = MessageNetwork(2, 2, 8)
    for agents in (3, 9):
        scenario = Scenario(preset="dense", transmitters=agents)
        block = WirelessNetwork(scenario, [0]).block(3)
        gains = np.stack([layout.link_gain for layout in draw_layouts(scenario, [0])])
        assert network.run(heard(scenario, gains, block, loudest(gains, 2), newest=None, told=0))[0].shape == (1, 3, agents)


def test_evaluate_lets_its_messages_travel():
    """`evaluate` finds slot by slot what the batched form finds at once; without its messages the policy is another."""
    talker = policy(links={"delay": 0})
    found = evaluate(talker, SMALL, layouts=3, slots=5, warm_up=4)
    held = HeldOut.draw(SMALL, range(3), 5, 4)
    utility = Measured.of(held, talker.method.powers(held, talker.network_state()), 0).utility
    assert found.measured.utility == pytest.approx(utility, rel=0.02)  # groups are joined by further links
    assert found.name == "Talker"
