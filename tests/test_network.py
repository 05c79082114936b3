import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import SCENARIOS, Scenario

UPLINK = {"association": "uplink", "receivers": 4, "transmitters": 12}
SMALL = {
    "dense": {"preset": "dense", "transmitters": 6},
    "authors": {"preset": "authors", "transmitters": 5},
    "uplink": {**UPLINK, "fading": "rician"},
}
FIELDS = ("gain", "wanted", "cross", "features")


def assert_same(one, other, rtol=0.0):
    for field in FIELDS:
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=rtol, err_msg=field)


def joined(blocks):
    return {field: np.concatenate([np.asarray(getattr(block, field)) for block in blocks], axis=1) for field in FIELDS}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_block_holds_every_run_and_slot(name):
    network = WirelessNetwork(name, seed=[3, 5])
    m, hops = network.scenario.transmitters, network.scenario.hops
    block = network.block(7)
    assert network.runs == 2
    assert block.gain.shape == block.cross.shape == (2, 7, m, m)
    assert block.wanted.shape == (2, 7, m)
    assert block.features.shape == (2, 7, m, hops)
    assert {getattr(block, field).dtype for field in FIELDS} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(block.wanted[..., None] * np.eye(m) + block.cross, block.gain)
    assert not np.diagonal(block.cross, axis1=2, axis2=3).any()


@pytest.mark.parametrize("name", SMALL)
@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_slots_do_not_depend_on_the_size_of_blocks(name, cuts):
    network = WirelessNetwork(SMALL[name], seed=[3, 5])
    cut = joined([network.block(slots) for slots in cuts])
    whole = joined([WirelessNetwork(SMALL[name], seed=[3, 5]).block(sum(cuts))])
    for field in ("gain", "wanted", "cross"):
        np.testing.assert_array_equal(cut[field], whole[field])
    np.testing.assert_allclose(cut["features"], whole["features"], rtol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_a_run_does_not_depend_on_what_else_is_in_the_batch(name):
    together, alone = WirelessNetwork(SMALL[name], seed=[3, 5, 8]), WirelessNetwork(SMALL[name], seed=5)
    for slots in (4, 9):
        block, own = together.block(slots), alone.block(slots)
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(block, field)[1], getattr(own, field)[0])


def explicit_features(gain, hops, threshold, scale):
    """From the gains of consecutive slots (slots, m, m), for slots hops - 1 on: products of what is seen, in float64."""
    amplitude = np.sqrt(gain.astype(float))
    amplitude[amplitude < threshold] = 0
    sequence = np.ones((len(gain), gain.shape[1], hops))
    for t in range(hops - 1, len(gain)):
        for k in range(1, hops):
            reached = np.ones(gain.shape[1])
            for s in range(t - k + 1, t + 1):
                reached = amplitude[s] @ reached
            sequence[t, :, k] = reached
    return scale(sequence[hops - 1 :])


@pytest.mark.parametrize(("name", "scale"), [("paper", lambda y: y), ("dense", np.log1p)])
def test_features_are_the_scaled_aggregation_sequence_of_the_channel_that_is_seen(name, scale):
    network = WirelessNetwork({"preset": name, "threshold": 0.05}, seed=1)
    network.block(3)
    block = network.block(12)
    expected = explicit_features(block.gain[0], 5, 0.05, scale)
    np.testing.assert_allclose(block.features[0, 4:], expected, rtol=1e-5)


def test_the_threshold_hides_links_from_policies_only():
    near = WirelessNetwork({"preset": "paper", "threshold": 0.0}, seed=2).block(6)
    with pytest.warns(UserWarning, match=r"scenario.threshold: 1e\+06 hides nearly all links"):
        far = WirelessNetwork({"preset": "paper", "threshold": 1e6}, seed=2).block(6)
    for field in ("gain", "wanted", "cross"):
        np.testing.assert_array_equal(getattr(near, field), getattr(far, field))
    assert (far.features[..., 1:] == 0).all()
    assert (near.features[..., 1:] > 0).all()


@pytest.mark.parametrize(("noise", "max_power"), [(4e-15, 6.3), (0.3, 10.0), (1e-13, 1e-3)])
def test_in_other_units_of_power_and_gain_policies_see_the_same(noise, max_power, tmp_path):
    """Gains in proportion to noise over power: the same links are above the threshold that follows from both."""
    gain = np.random.default_rng(0).exponential(size=(6, 6)) * 1e-3
    seen = []
    for name, scale, powers in (("one", 1.0, {}), ("other", 10 * noise / max_power, {"noise": noise, "max_power": max_power})):
        np.savez(tmp_path / f"{name}.npz", gain=gain * scale)
        gains = {"gains": str(tmp_path / f"{name}.npz"), "transmitters": 6, "observation_scale": "log1p_snr"}
        seen.append(WirelessNetwork({"preset": "dense", **gains, **powers}, seed=0).block(4).features)
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-4)
    assert np.ptp(seen[0][0, -1], axis=0)[1:].all()


def test_a_threshold_that_is_given_stays():
    assert Scenario(preset="dense").threshold == 0.01
    assert Scenario(preset="dense", noise=5.0, threshold=0.02).threshold == 0.02


def test_utilities_are_what_the_formula_says():
    network = WirelessNetwork({"preset": "dense", "noise": 0.3}, seed=[1, 2])
    block = network.block(3)
    power = np.random.default_rng(0).uniform(0, 10, (2, 3, 24)).astype(np.float32)
    paid = network.utilities(block.wanted, block.cross, power)
    gain, p = block.gain.astype(float), power.astype(float)
    for run, slot, i in np.ndindex(2, 3, 24):
        interference = sum(gain[run, slot, i, j] * p[run, slot, j] for j in range(24) if j != i)
        expected = np.log2(1 + gain[run, slot, i, i] * p[run, slot, i] / (0.3 + interference))
        assert paid[run, slot, i] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_a_bank_is_the_same_at_every_call_and_leaves_the_blocks_alone(name):
    network, undisturbed = WirelessNetwork(SMALL[name], seed=[3, 5]), WirelessNetwork(SMALL[name], seed=[3, 5])
    assert_same(network.block(4), undisturbed.block(4))
    bank = network.bank(6, "evaluation")
    assert bank.features.shape[:2] == bank.gain.shape[:2] == (2, 6)
    assert_same(network.block(5), undisturbed.block(5))
    assert_same(network.bank(6, "evaluation"), bank)
    for field in FIELDS:  # a longer bank begins with the shorter one
        np.testing.assert_allclose(getattr(network.bank(9, "evaluation"), field)[:, :6], getattr(bank, field), rtol=1e-6)


def test_a_bank_has_channels_of_its_own_and_no_beginning():
    network = WirelessNetwork("dense", seed=1)
    bank, other, block = network.bank(9, "evaluation"), network.bank(9, "test"), network.block(9)
    assert (bank.gain != other.gain).all()
    assert (bank.gain != block.gain).all()
    np.testing.assert_allclose(bank.features[0, 4:], explicit_features(bank.gain[0], 5, 0.01, np.log1p), rtol=1e-5)
    # In its first slot the sequence has all its exchanges behind it; a block's first slot has only one.
    assert (block.features[0, 0, :, 1] == block.features[0, 0, :, 4]).all()
    assert (bank.features[0, 0, :, 1] != bank.features[0, 0, :, 4]).all()


def mean_gains(network):
    return np.stack([layout.mean_gain for layout in network.layouts])


def test_layouts_per_episode_follow_seed_and_episode():
    network = WirelessNetwork("dense", seed=[1, 2])
    first = mean_gains(network)
    assert (first[0] != first[1]).all()
    network.reset()
    assert (mean_gains(network) != first).all()
    network.reset(seed=[1, 2])
    np.testing.assert_array_equal(mean_gains(network), first)


def test_a_fixed_layout_is_that_of_its_own_seed():
    fixed = {"preset": "dense", "layout": "fixed"}
    network = WirelessNetwork(fixed, seed=[1, 2])
    first, block = mean_gains(network), network.block(3)
    np.testing.assert_array_equal(first[0], first[1])
    assert (block.gain[0] != block.gain[1]).all()
    network.reset()
    np.testing.assert_array_equal(mean_gains(network), first)
    assert (network.block(3).gain != block.gain).all()
    assert (mean_gains(WirelessNetwork({**fixed, "layout_seed": 1})) != first[:1]).all()


def test_reset_begins_the_next_episode_and_a_seed_the_first():
    network = WirelessNetwork(SMALL["authors"], seed=4)
    first = network.block(6)
    network.reset()
    assert network.episode == 1
    second = network.block(6)
    assert (first.gain != second.gain).all()
    network.reset(seed=4)
    assert network.episode == 0
    assert_same(network.block(6), first)
    network.reset()
    assert_same(network.block(6), second)
    network.reset(seed=[7, 4])
    assert network.seeds == (7, 4)
    np.testing.assert_array_equal(network.block(6).gain[1], first.gain[0])


def test_a_refused_seed_leaves_the_network_as_it_was():
    network, other = WirelessNetwork("dense", seed=4), WirelessNetwork("dense", seed=4)
    with pytest.raises(ConfigError, match="seed: -1 is not valid"):
        network.reset(seed=-1)
    assert_same(network.block(3), other.block(3))


def test_in_an_uplink_agents_of_one_base_station_share_its_channels():
    network = WirelessNetwork(UPLINK, seed=[0, 1])
    block = network.block(5)
    assert block.gain.shape == (2, 5, 12, 12)
    for run, layout in enumerate(network.layouts):
        for i, j in np.ndindex(12, 12):
            same = layout.serving[i] == layout.serving[j]
            assert (block.gain[run, :, i] == block.gain[run, :, j]).all() == same
        many = WirelessNetwork(UPLINK, seed=[run]).block(20_000).gain[0].mean(0)
        np.testing.assert_allclose(many, layout.mean_gain[layout.serving], rtol=0.06)


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("name", SMALL)
def test_a_network_goes_on_from_a_saved_state(name, pickled):
    network = WirelessNetwork(SMALL[name], seed=[3, 5])
    network.reset()
    network.block(5)
    saved = pickle.loads(pickle.dumps(network.state())) if pickled else network.state()  # noqa: S301  # our own
    expected = [network.block(4), network.block(3), network.bank(3, "evaluation")]
    for _ in range(2):  # the state is not used up
        other = WirelessNetwork(SMALL[name], seed=[1])
        other.set_state(saved)
        for block, again in zip(expected, [other.block(4), other.block(3), other.bank(3, "evaluation")], strict=True):
            assert_same(block, again)
        assert (other.seeds, other.episode) == ((3, 5), 1)


@pytest.mark.parametrize(("scenario", "seed"), [("nowhere", 0), ("dense", -1), ("dense", []), ({"noise": 0}, 0)])
def test_what_cannot_be_simulated_is_refused(scenario, seed):
    with pytest.raises(ConfigError):
        WirelessNetwork(scenario, seed=seed)


@pytest.mark.parametrize("name", ["d2d", "cellular"])
def test_weak_channels_are_seen_in_units_of_the_noise(name):
    scenario = Scenario.of(name)
    raw, seen = (
        WirelessNetwork(Scenario(preset=name, observation_scale=scale), seed=1).block(9) for scale in ("raw", "log1p_snr")
    )
    factor = math.sqrt(scenario.max_power / scenario.noise)
    expected = [np.log1p(raw.features[..., k].astype(float) * factor**k) for k in range(scenario.hops)]
    begun = scenario.hops - 1  # until then the sequence holds the ones that it began with
    np.testing.assert_allclose(seen.features[:, begun:], np.stack(expected, axis=-1)[:, begun:], rtol=1e-4)
    assert 0.5 < seen.features[..., 1:].std() < 20
    assert scenario.observation_scale == "log1p_snr"


@pytest.mark.parametrize("name", ["dense", "drifting"])
@pytest.mark.parametrize("slots", [0, -1, 1.5, True, "3", None, [2], 10**10, np.nan])
def test_a_block_and_a_bank_have_slots(name, slots):
    with pytest.raises(ConfigError, match=r"^slots: .* is not valid: it should be a whole number, 1 or more"):
        WirelessNetwork(name).block(slots)
    with pytest.raises(ConfigError, match=r"^slots: .* is not valid: it should be a whole number, 1 or more"):
        WirelessNetwork(name).bank(slots, "evaluation")


def test_a_bank_has_a_purpose():
    with pytest.raises(ConfigError, match=r"^purpose: 3 is not valid: it should be a name$"):
        WirelessNetwork("dense").bank(2, 3)
