"""Networks with lists of neighbours, compared with those that have all links."""

import numpy as np
import pytest

from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Scenario

NOTHING = {"preset": "dense", "cut": 1e-12}
"""So fine a cut that it cuts nothing."""
LARGE = {"preset": "dense", "transmitters": 150, "cut": 0.01, "placement": {"density": 1 / 6}}
FADING = [
    {"kind": "rayleigh"},
    {"kind": "rician"},
    {"kind": "real_ar1"},
    {"kind": "none"},
    {"kind": "jakes", "doppler": 10.0},
    {"kind": "gauss_markov", "doppler": 10.0},
]


def powers(runs, slots, agents, seed=0):
    return np.random.default_rng(seed).random((runs, slots, agents), dtype=np.float32) * 10


@pytest.mark.parametrize("fading", FADING, ids=lambda law: law["kind"])
def test_where_nothing_is_cut_all_numbers_are_those_of_the_matrices(fading):
    whole = WirelessNetwork({"preset": "dense", "fading": fading}, seed=[1, 2])
    near = WirelessNetwork(NOTHING | {"fading": fading}, seed=[1, 2])
    for slots in (7, 4):
        one, other = whole.block(slots), near.block(slots)
        np.testing.assert_array_equal(other.gain.reshape(one.gain.shape), one.gain)
        np.testing.assert_array_equal(other.cross.reshape(one.gain.shape), one.cross)
        np.testing.assert_array_equal(other.wanted, one.wanted)
        np.testing.assert_allclose(other.features, one.features, rtol=1e-5)
        power = powers(2, slots, 24)
        results = zip(whole.outcome(one.wanted, one.cross, power), near.outcome(other.wanted, other.cross, power), strict=True)
        for expected, found in results:
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(near.bank(5, "test").features, whole.bank(5, "test").features, rtol=1e-5)


def test_rates_and_sequences_over_lists_are_those_of_matrices_with_zeros():
    network = WirelessNetwork(LARGE, seed=[4, 5])
    block, power = network.block(6), powers(2, 6, 150)
    found = network.outcome(block.wanted, block.cross, power).rate
    before = np.ones((2, 150, 5))
    for slot in range(6):
        following = np.ones((2, 150, 5))
        for run in range(2):
            receiver, transmitter = network.near.ends(run)
            gain = np.zeros((150, 150))
            gain[receiver, transmitter] = block.gain[run, slot, : len(receiver)]
            arriving = gain * power[run, slot]
            own = np.diag(arriving)
            noise = 1 + 10 * network.layouts[run].near.cut_gain
            np.testing.assert_allclose(found[run, slot], np.log2(1 + own / (noise + arriving.sum(1) - own)), rtol=1e-4)
            seen = np.sqrt(gain) * (np.sqrt(gain) >= network.scenario.threshold)
            following[run, :, 1:] = seen @ before[run, :, :-1]
        before = following
        np.testing.assert_allclose(block.features[:, slot], np.log1p(before), rtol=1e-5)


def test_slots_do_not_depend_on_blocks_or_on_other_runs_and_go_on_from_a_state():
    alone, together = WirelessNetwork(LARGE, seed=5), WirelessNetwork(LARGE, seed=[4, 5])
    whole = together.block(5)
    pieces = [alone.block(2), alone.block(3)]
    links = alone.near.links
    np.testing.assert_array_equal(np.concatenate([one.gain for one in pieces], axis=1)[0], whole.gain[1, :, :links])
    np.testing.assert_array_equal(np.concatenate([one.features for one in pieces], axis=1)[0], whole.features[1])
    saved = together.state()
    expected = together.block(3)
    fresh = WirelessNetwork(LARGE, seed=[4, 5])
    fresh.set_state(saved)
    np.testing.assert_array_equal(fresh.block(3).features, expected.features)


def test_sums_over_receivers_are_those_of_the_transposed_matrix():
    network = WirelessNetwork(LARGE, seed=[4, 5])
    block, asked = network.block(3), powers(2, 3, 150)
    found = network.near.collected(block.cross, asked)
    rows, columns = network.near.rows(block.cross[:, 0]), network.near.columns(block.cross[:, 0])
    for run in range(2):
        gain = np.zeros((3, 150, 150))
        receiver, transmitter = network.near.ends(run)
        gain[:, receiver, transmitter] = block.cross[run, :, : len(receiver)]
        np.testing.assert_allclose(found[run], np.einsum("sij,si->sj", gain, asked[run]), rtol=1e-5)
        np.testing.assert_allclose(rows[run].sum(-1), gain[0].sum(1), rtol=1e-5)
        np.testing.assert_allclose(columns[run].sum(-1), gain[0].sum(0), rtol=1e-5)


def test_a_cut_refuses_a_torch_device_and_wrong_shapes():
    with pytest.raises(ConfigError, match=r"^device: 'cpu' is not valid with a cut"):
        WirelessNetwork(NOTHING, device="cpu")
    network = WirelessNetwork(NOTHING)
    block = network.block(2)
    with pytest.raises(ConfigError, match=r"^cross: the shape .* with a cut it should be an array \(1, 2, 576\)"):
        network.outcome(block.wanted, block.cross[..., :-1], powers(1, 2, 24))
    with pytest.raises(ConfigError, match=r"^power: 11"):
        network.outcome(block.wanted, block.cross, powers(1, 2, 24) * 0 + 11)


def test_the_mean_gains_of_all_links_are_refused_where_links_are_cut():
    with pytest.raises(ConfigError, match=r"^cut: not valid here"):
        _ = WirelessNetwork(NOTHING).layouts[0].link_gain


@pytest.mark.parametrize(("agents", "cut"), [(24, None), (99, None), (100, 0.01), (10_000, 0.01)])
def test_auto_cuts_from_a_hundred_transmitters_on_and_says_so(agents, cut):
    scenario = Scenario.of({"preset": "dense", "transmitters": agents, "placement": {"density": 1 / 6}, "cut": "auto"})
    assert scenario.cut == cut
    assert Scenario.of(scenario.dump()) == scenario
    assert Scenario(preset="dense", cut="auto") == Scenario(preset="dense")


def test_nobody_is_given_a_cut_unasked():
    for name in Scenario.presets():
        assert Scenario(preset=name).cut is None
    assert Scenario(preset="dense", transmitters=5000).cut is None
    with pytest.raises(ConfigError, match=r"cut: 0\.01 is not valid beside shadowing"):
        Scenario.of({"preset": "dense", "transmitters": 100, "cut": "auto", "shadowing": "log_normal"})
    with pytest.raises(ConfigError, match=r"cut: .*often"):
        Scenario.of({"preset": "dense", "cut": "often"})
