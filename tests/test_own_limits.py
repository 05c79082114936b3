"""Largest powers, noise, weights and bandwidths that are each agent's own, against formulas by hand, link by link."""

import math

import numpy as np
import pytest

from wirelessenv import ConfigError, Scenario, WirelessNetwork, power_control_v0
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.physics.neighbours import NeighbourLists

MOST, NOISE, WEIGHTS, WIDTHS = (4.0, 1.0, 8.0), (0.5, 2.0, 1.0), (1.0, 3.0, 0.5), (1.0, 2.0, 4.0)
OWN = {"max_power": MOST, "noise": NOISE, "weights": WEIGHTS, "bandwidth": WIDTHS}
THREE = {"preset": "dense", "transmitters": 3, "hops": 3} | OWN


def earned(gain, power, i, bands=1):
    """(SINRs, rate, utility) of agent i with gain (M, m, m) and power (M, m)."""
    ratios = []
    for one, sent in zip(gain, power, strict=True):
        heard = sum(one[i, j] * sent[j] for j in range(len(sent)) if j != i)
        ratios.append(one[i, i] * sent[i] / (NOISE[i] / bands + heard))
    rate = WIDTHS[i] * sum(math.log2(1 + ratio) for ratio in ratios) / bands
    return ratios, rate, WEIGHTS[i] * rate


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("utility", ["rate", "energy_efficiency"])
def test_every_link_has_its_own_limits(bands, utility):
    network = WirelessNetwork(Scenario(**THREE, bands=bands, utility=utility), seed=[0, 1])
    block = network.block(4)
    share = np.random.default_rng(0).random((2, 4, bands, 3)) / bands
    power = (share * MOST).astype(np.float32)
    outcome = network.outcome(block.wanted, block.cross, power if bands > 1 else power[:, :, 0])
    gain = block.gain.reshape(2, 4, bands, 3, 3).astype(float)
    for run, slot, i in np.ndindex(2, 4, 3):
        ratios, rate, paid = earned(gain[run, slot], power[run, slot].astype(float), i, bands)
        paid = paid / (power[run, slot, :, i].sum() + 1) if utility == "energy_efficiency" else paid
        np.testing.assert_allclose(np.atleast_1d(outcome.sinr[run, slot].T[i]), ratios, rtol=1e-4)
        assert outcome.rate[run, slot, i] == pytest.approx(rate, rel=1e-4)
        assert outcome.utility[run, slot, i] == pytest.approx(paid, rel=1e-4)
    assert outcome.utility.dtype == np.float32


def test_torch_gives_the_same_numbers():
    torch = pytest.importorskip("torch")
    network = WirelessNetwork(Scenario(**THREE), seed=[0])
    block, power = network.block(3), np.full((1, 3, 3), MOST, np.float32)
    expected = network.outcome(block.wanted, block.cross, power)
    other = WirelessNetwork(Scenario(**THREE), seed=[0], device="cpu")
    found = other.outcome(*(torch.tensor(part) for part in (block.wanted, block.cross, power)))
    for one, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), right, rtol=1e-5)
    assert found.utility.dtype == torch.float32


def test_powers_above_an_agents_own_limit_are_refused():
    network = WirelessNetwork(Scenario(**THREE), seed=[0])
    block, power = network.block(1), np.full((1, 1, 3), MOST, np.float32)
    power[..., 1] = 1.5
    with pytest.raises(ConfigError) as caught:
        network.utilities(block.wanted, block.cross, power)
    assert str(caught.value) == "power of agent 1: 1.5 at [0, 0] is not valid: it should be in [0, 1]"
    two = WirelessNetwork(Scenario(**THREE, bands=2), seed=[0])
    both, power = two.block(1), np.full((1, 1, 2, 3), np.array(MOST) / 2, np.float32)
    power[0, 0, :, 2] = 5.0
    with pytest.raises(ConfigError, match=r"^power: its sum over bands of agent 2: 10.0"):
        two.utilities(both.wanted, both.cross, power)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_power": [1, 2]}, "max_power: 2 values are not valid for 3 transmitters: give one, or one for each"),
        ({"noise": [1, -2, 3]}, "noise.1: -2 is not valid: it should be greater than 0"),
        ({"noise": [1, math.nan, 3]}, "noise.1: nan is not valid: it should be a finite number"),
        ({"weights": [1, 0, 3]}, "weights.1: 0 is not valid: it should be greater than 0"),
        ({"weights": 0}, "weights: 0 is not valid: it should be greater than 0"),
        ({"bandwidth": []}, "bandwidth: [] is not valid: its length should be 1 or more, and is 0"),
        ({"bandwidth": [[1], 2, 3]}, "bandwidth.0: [1] is not valid: it should be a number"),
        ({"max_power": [1, "2 dB", 3]}, "max_power.1: '2 dB' is not valid: it should be a number, or a power with its unit, "),
        ({"max_power": [1, 1e25, 1], "noise": [1, 1e-20, 1]}, "max_power: 1e+25 is not valid beside noise 1e-20: "),
    ],
)
def test_what_cannot_be_used_is_one_sentence(change, said):
    with pytest.raises(ConfigError) as caught:
        Scenario(**{"preset": "dense", "transmitters": 3} | change)
    assert str(caught.value).replace("Scenario: ", "Scenario.").startswith(f"Scenario.{said}")


def test_equal_values_are_the_number():
    lists = {"max_power": [10.0] * 24, "noise": np.ones(24), "weights": (1,) * 24, "bandwidth": [1.0] * 24}
    assert Scenario(preset="dense", **lists) == Scenario(preset="dense")
    assert Scenario(preset="dense", max_power=["10 W"] * 24).max_power == 10.0
    own = Scenario(**THREE)
    assert Scenario.parse(own.dump()) == own
    assert own.dump()["noise"] == [0.5, 2.0, 1.0]


def test_lists_that_hardly_differ_give_nearly_the_numbers_of_one_value():
    """The way of lists and the way of numbers are two ways in the code."""
    near = {name: [value * (1 + 1e-12), *[value] * 3] for name, value in (("max_power", 10.0), ("noise", 1.0))}
    parts = ["local", "aggregation", "edges", "neighbours", "full", {"kind": "outgoing", "source": "pilots"}]
    told = []
    for options in ({}, near | {"weights": [1 + 1e-12, 1, 1, 1], "bandwidth": [1, 1, 1, 1 + 1e-12]}):
        scenario = {"preset": "dense", "transmitters": 4, "observation_scale": "log1p_snr", "threshold": 0.01} | options
        env = VectorPowerControlEnv(2, scenario, observation=parts)
        rng = np.random.default_rng(0)
        seen, _ = env.reset(seed=3)
        rows = [seen]
        for _ in range(6):
            seen, _, *_, infos = env.step(rng.uniform(-1, 1, (2, 4)).astype(np.float32))
            rows += [seen, infos["rewards"][..., None], infos["power"][..., None]]
        told.append(np.concatenate(rows, axis=-1))
    np.testing.assert_allclose(told[1], told[0], rtol=2e-5, atol=1e-5)


def test_powers_of_actions_are_within_each_agents_own_limit():
    env = power_control_v0.parallel_env(scenario=THREE)
    env.reset(seed=0)
    for action, share in ((1.0, 1.0), (0.0, 0.5), (-1.0, 0.0)):
        *_, infos = env.step(dict.fromkeys(env.agents, np.array([action], np.float32)))
        np.testing.assert_allclose([infos[name]["power"] for name in env.agents], np.array(MOST) * share, rtol=1e-6)
    env = power_control_v0.parallel_env(scenario=THREE, actions="power")
    assert [float(env.action_space(f"tx_{i}").high[0]) for i in range(3)] == list(MOST)
    env.reset(seed=0)
    *_, infos = env.step(dict.fromkeys(env.agents, np.array([100.0], np.float32)))
    np.testing.assert_allclose([infos[name]["power"] for name in env.agents], MOST, rtol=1e-6)
    with pytest.raises(ValueError, match="it should be one number in \\[0, p_max of the agent\\]"):
        env.step(dict.fromkeys(env.agents, np.array([np.nan], np.float32)))
    env = VectorPowerControlEnv(2, THREE, actions="discrete", levels=5)
    env.reset(seed=0)
    *_, infos = env.step(np.full((2, 3), 2))
    np.testing.assert_allclose(infos["power"], np.tile(np.array(MOST) / 2, (2, 1)), rtol=1e-6)


@pytest.mark.parametrize(("actions", "width"), [("normalised", 2), ("power", 2), ("simplex", 3), ("discrete", 0)])
def test_the_budget_over_bands_is_each_agents_own(actions, width):
    env = VectorPowerControlEnv(2, THREE | {"bands": 2}, actions=actions)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(5):
        *_, infos = env.step(env.action_space.sample())
        assert (infos["power"].sum(-1) <= np.array(MOST) * (1 + 1e-6)).all()
    loudest = np.full(env.action_space.shape, 9.0 if width else 18)
    *_, infos = env.step(loudest if width else loudest.astype(int))
    share = 2 / 3 if actions == "simplex" else 1
    np.testing.assert_allclose(infos["power"].sum(-1), np.tile(np.array(MOST) * share, (2, 1)), rtol=1e-6)


def test_rewards_are_weighted_utilities_and_rates_have_their_bandwidth():
    env = power_control_v0.parallel_env(scenario=THREE, actions="power")
    env.reset(seed=4)
    gain = env.state().reshape(1, 3, 3).astype(float)
    power = np.array([3.0, 0.5, 2.0])
    _, rewards, *_, infos = env.step({f"tx_{i}": np.array([one], np.float32) for i, one in enumerate(power)})
    for i in range(3):
        ratios, rate, paid = earned(gain, power[None], i)
        told = infos[f"tx_{i}"]
        assert told["rate"] == pytest.approx(rate, rel=1e-4)
        assert told["sinr_db"] == pytest.approx(10 * math.log10(ratios[0]), abs=1e-3)
        assert rewards[f"tx_{i}"] == pytest.approx(paid, rel=1e-4)


def seen_by_hand(gain, last, power, i):
    """Local, incoming pilots, outgoing of powers and pilots, edges, last power and weight of agent i."""
    others = [(i + k) % 3 for k in range(1, 3)]

    def snr(g, receiver, sender):
        return g[receiver, sender] * MOST[sender] / NOISE[receiver]

    _, rate, _ = earned(last[None], power[None], i)
    local = [snr(gain, i, i), sum(last[i, j] * power[j] for j in others) / NOISE[i]]
    yield from (math.log1p(one) for one in local)
    yield from (power[i] / MOST[i], rate)
    yield math.log1p(sum(snr(gain, i, j) for j in others))
    yield math.log1p(sum(last[j, i] * power[i] / NOISE[j] for j in others))
    yield math.log1p(sum(snr(gain, j, i) for j in others))
    yield from (math.log1p(snr(gain, i, j)) for j in others)
    yield from (math.log1p(snr(last, j, i)) for j in others)
    yield math.log1p(WEIGHTS[i] * WIDTHS[i])


def test_observations_are_relative_to_each_ones_own_limits():
    parts = ["local", {"kind": "incoming", "source": "pilots"}, "outgoing", {"kind": "outgoing", "source": "pilots"}]
    env = power_control_v0.parallel_env(scenario=THREE, observation=[*parts, "edges", "weight"], actions="power")
    env.reset(seed=1)
    last = env.state().reshape(3, 3).astype(float)
    power = np.array([1.0, 0.75, 6.0])
    seen, *_ = env.step({f"tx_{i}": np.array([one], np.float32) for i, one in enumerate(power)})
    gain = env.state().reshape(3, 3).astype(float)
    for i in range(3):
        np.testing.assert_allclose(seen[f"tx_{i}"], list(seen_by_hand(gain, last, power, i)), rtol=1e-4, atol=1e-6)


def test_neighbours_and_everything_are_relative_to_own_limits_too():
    env = power_control_v0.parallel_env(scenario=THREE, observation=["neighbours", "full"], actions="power")
    env.reset(seed=1)
    last, power = env.state().reshape(3, 3).astype(float), np.array([1.0, 0.75, 6.0])
    seen, *_ = env.step({f"tx_{i}": np.array([one], np.float32) for i, one in enumerate(power)})
    gain = env.state().reshape(3, 3).astype(float)
    neighbours, full = 6 + 7 * 5, seen["tx_1"][6 + 7 * 5 :]
    order = [1, 2, 0]
    expected = [math.log1p(gain[i, j] * MOST[j] / NOISE[i]) for i in order for j in order]
    np.testing.assert_allclose(full[:9], expected, rtol=1e-4)
    np.testing.assert_allclose(full[9:12], [power[j] / MOST[j] for j in order], rtol=1e-5)
    itself = seen["tx_1"][:neighbours]
    others = (0, 2)
    received = {j: gain[1, j] * power[j] / NOISE[1] for j in others}
    assert itself[4] == pytest.approx(math.log1p(sum(received.values())), rel=1e-4)
    assert itself[6] == pytest.approx(math.log1p(max(received.values())), rel=1e-4)
    share = {j: last[j, 1] * power[1] / (NOISE[j] + sum(last[j, k] * power[k] for k in range(3) if k != j)) for j in others}
    assert itself[6 + 4 * 5 + 10] == pytest.approx(max(share.values()), rel=1e-4)


def test_the_sequence_has_amplitudes_at_each_ones_own_limits():
    scenario = Scenario(**THREE, observation_scale="log1p_snr", threshold=0.0)
    block = WirelessNetwork(scenario, seed=[2]).block(3)
    amplitude = np.sqrt(block.gain[0].astype(float) * MOST / np.array(NOISE)[:, None])
    np.testing.assert_allclose(block.features[0, 2, :, 1], np.log1p(amplitude[2].sum(1)), rtol=1e-4)


def cut_pair(agents=150, cut=0.01):
    rng = np.random.default_rng(0)
    own = {"max_power": rng.uniform(1, 20, agents), "noise": rng.uniform(0.5, 2, agents), "weights": rng.uniform(1, 2, agents)}
    own["bandwidth"] = rng.uniform(1, 3, agents)
    whole = Scenario(preset="dense", transmitters=agents, **own)
    return whole, Scenario(preset="dense", transmitters=agents, cut=cut, **own)


def test_cuts_are_where_a_transmitters_own_power_is_faint_at_a_receivers_own_noise():
    whole, near = cut_pair()
    network, all_links = WirelessNetwork(near, seed=[0]), WirelessNetwork(whole, seed=[0])
    mean = all_links.layouts[0].mean_gain.astype(float)
    arriving = mean * whole.p_max
    kept = (arriving >= 0.01 * whole.noise_power[:, None]) | np.eye(150, dtype=bool)
    receiver, transmitter = network.near.ends(0)
    np.testing.assert_array_equal(np.stack([receiver, transmitter], 1), np.argwhere(kept))
    expected = whole.noise_power + np.where(kept, 0, arriving).sum(1)
    np.testing.assert_allclose(network.noise[0], expected, rtol=0.01)


def test_lists_in_which_nothing_is_cut_give_the_numbers_of_matrices():
    agents, parts = 5, ["local", "edges", "incoming", "outgoing", "neighbours", {"kind": "gain", "source": "mean"}]
    own = {"max_power": [1, 2, 3, 4, 5], "noise": [1, 1, 2, 1, 3], "weights": [1, 2, 1, 1, 1], "bandwidth": [1, 1, 1, 2, 1]}
    told = []
    for cut in (None, 1e-12):
        scenario = {"preset": "dense", "transmitters": agents, "cut": cut, "observation_scale": "log1p_snr"} | own
        observation = [one if one != "edges" else {"kind": "edges", "strongest": 3} for one in parts]
        env = VectorPowerControlEnv(2, scenario, observation=["aggregation", *observation])
        seen, _ = env.reset(seed=0)
        rows, rng = [seen], np.random.default_rng(1)
        for _ in range(4):
            seen, *_, infos = env.step(rng.uniform(-1, 1, (2, agents)).astype(np.float32))
            rows += [seen, infos["rewards"][..., None]]
        told.append(np.concatenate(rows, axis=-1))
    np.testing.assert_allclose(told[1], told[0], rtol=2e-4, atol=1e-5)


def test_snr_of_lists_is_that_of_matrices():
    scenario = Scenario(**THREE)
    ends = tuple(np.indices((3, 3)).reshape(2, -1))
    np.testing.assert_array_equal(scenario.snr(NeighbourLists(3, [ends]))[0], scenario.snr().ravel())


def test_pictures_show_shares_of_each_ones_own_power():
    pytest.importorskip("matplotlib")
    env = power_control_v0.parallel_env(scenario=THREE, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, np.ones(1, np.float32)))
    scene = env._batch.scene()
    np.testing.assert_allclose(scene.total, 1, rtol=1e-6)
    assert scene.largest == 1
    assert env.render().shape == (600, 900, 3)
