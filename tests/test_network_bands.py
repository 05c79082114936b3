"""Networks of several bands: shapes, rates by hand, features, gains of a user's own, and what is refused."""

import math

import numpy as np
import pytest

from wirelessenv.channel.paths import from_paths
from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Scenario

DENSE = {"preset": "dense", "transmitters": 5, "bands": 3}
SMALL = {
    "dense": DENSE,
    "alike": {**DENSE, "band_correlation": 0.5},
    "authors": {"preset": "authors", "transmitters": 4, "bands": 2},
    "uplink": {"association": "uplink", "receivers": 2, "transmitters": 5, "bands": 3, "fading": "rician"},
    "cellular": {"preset": "cellular", "transmitters": 20, "bands": 2},
    "drifting": {"preset": "drifting", "transmitters": 4, "bands": 2},
}
FIELDS = ("gain", "wanted", "cross", "features")


def rate_by_hand(gain, power, noise, cap):
    """Rates of one slot: gain [band][receiver][transmitter], power [band][transmitter]."""
    bands, agents = len(gain), len(gain[0])
    rates = []
    for i in range(agents):
        total = 0.0
        for b in range(bands):
            heard = sum(float(gain[b][i][j]) * float(power[b][j]) for j in range(agents) if j != i)
            total += math.log2(1 + min(cap, float(gain[b][i][i]) * float(power[b][i]) / (noise / bands + heard)))
        rates.append(total / bands)
    return rates


@pytest.mark.parametrize("name", SMALL)
def test_a_block_has_an_axis_of_bands_and_does_not_depend_on_cuts_or_on_other_runs(name):
    network, whole = WirelessNetwork(SMALL[name], seed=[3, 5]), WirelessNetwork(SMALL[name], seed=5).block(9)
    m, hops, bands = network.scenario.transmitters, network.scenario.hops, network.scenario.bands
    blocks = [network.block(2), network.block(7)]
    assert blocks[0].gain.shape == blocks[0].cross.shape == (2, 2, bands, m, m)
    assert blocks[0].wanted.shape == (2, 2, bands, m)
    assert blocks[0].features.shape == (2, 2, m, bands * hops)
    for field in FIELDS:
        joined = np.concatenate([getattr(block, field)[1] for block in blocks])
        assert joined.dtype == np.float32
        np.testing.assert_allclose(joined, getattr(whole, field)[0], rtol=1e-6, err_msg=field)
    np.testing.assert_array_equal(whole.wanted[..., None] * np.eye(m) + whole.cross, whole.gain)


@pytest.mark.parametrize("name", SMALL)
def test_rates_are_means_over_bands_of_noise_that_is_split(name):
    network = WirelessNetwork(SMALL[name], seed=[1, 2])
    scenario, block = network.scenario, network.block(3)
    power = np.random.default_rng(0).dirichlet(np.ones(scenario.bands + 1), size=(2, 3, scenario.transmitters))
    power = np.moveaxis(power[..., 1:], -1, -2).astype(np.float32) * scenario.max_power
    outcome = network.outcome(block.wanted, block.cross, power)
    assert outcome.sinr.shape == power.shape
    for run in range(2):
        for slot in range(3):
            expected = rate_by_hand(block.gain[run, slot], power[run, slot], scenario.noise, scenario.sinr_cap)
            np.testing.assert_allclose(outcome.rate[run, slot], expected, rtol=2e-4, atol=1e-6)


def test_one_band_of_many_at_full_power_has_a_share_of_the_noise():
    network = WirelessNetwork({**DENSE, "bands": 4, "fading": "none"}, seed=0)
    block, most = network.block(1), network.scenario.max_power
    power = np.zeros((1, 1, 4, 5), np.float32)
    power[0, 0, 2, 1] = most
    expected = math.log2(1 + 4 * block.wanted[0, 0, 2, 1] * most / network.scenario.noise) / 4
    assert network.outcome(block.wanted, block.cross, power).rate[0, 0, 1] == pytest.approx(expected, rel=1e-5)


def test_evenly_split_power_over_the_same_bands_earns_what_one_band_does():
    one, many = (WirelessNetwork({**DENSE, "bands": bands, "fading": "none"}, seed=4) for bands in (1, 3))
    power = np.random.default_rng(1).random((1, 2, 5)).astype(np.float32) * one.scenario.max_power
    alone, split = one.block(2), many.block(2)
    expected = one.utilities(alone.wanted, alone.cross, power)
    found = many.utilities(split.wanted, split.cross, np.repeat(power[:, :, None] / 3, 3, axis=2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_energy_efficiency_counts_the_power_of_all_bands():
    scenario = {**DENSE, "utility": {"kind": "energy_efficiency", "circuit_power": 2.0}}
    network = WirelessNetwork(scenario, seed=0)
    block = network.block(1)
    power = np.full((1, 1, 3, 5), 1.5, np.float32)
    outcome = network.outcome(block.wanted, block.cross, power)
    np.testing.assert_allclose(outcome.utility, outcome.rate / (4.5 + 2.0), rtol=1e-6)


def test_features_are_the_sequences_of_the_bands_one_after_the_other():
    network = WirelessNetwork(DENSE, seed=[0, 7])
    block, hops = network.block(9), network.scenario.hops
    amplitude = np.sqrt(block.gain.astype(float))
    amplitude[amplitude < network.scenario.threshold] = 0
    for band in range(3):
        last = np.ones((2, 5, hops))
        for slot in range(9):
            now = np.ones((2, 5, hops))
            for hop in range(1, hops):
                now[..., hop] = np.einsum("rij,rj->ri", amplitude[:, slot, band], last[..., hop - 1])
            last = now
            seen = block.features[:, slot, :, band * hops : (band + 1) * hops]
            np.testing.assert_allclose(seen, np.log1p(now), rtol=1e-5)


@pytest.mark.parametrize("name", ["dense", "alike", "drifting"])
def test_a_network_goes_on_from_a_saved_state(name):
    network, other = (WirelessNetwork(SMALL[name], seed=seed) for seed in ([3, 5], [8, 9]))
    network.block(4)
    other.set_state(network.state())
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(other.block(3), field), getattr(network.block(3), field))


def test_a_bank_is_the_same_at_every_call_and_other_than_the_blocks():
    network = WirelessNetwork(DENSE, seed=1)
    one, other = network.bank(4, "evaluation"), network.bank(4, "evaluation")
    np.testing.assert_array_equal(one.gain, other.gain)
    assert one.gain.shape == (1, 4, 3, 5, 5)
    assert (network.block(4).gain != one.gain).any()


def test_torch_works_out_the_same_rates():
    torch = pytest.importorskip("torch")
    network, plain = WirelessNetwork(DENSE, seed=[1, 2], device="cpu"), WirelessNetwork(DENSE, seed=[1, 2])
    block, power = network.block(2), torch.full((2, 2, 3, 5), 2.0)
    assert tuple(block.features.shape) == (2, 2, 5, 15)
    expected = plain.outcome(block.wanted.numpy(), block.cross.numpy(), power.numpy())
    np.testing.assert_allclose(network.outcome(block.wanted, block.cross, power).rate.numpy(), expected.rate, rtol=1e-5)


def test_gains_of_a_users_own_have_bands_where_their_axes_say_so():
    rng = np.random.default_rng(3)
    own = rng.random((4, 6, 3, 3))  # bands, slots
    axes = ["bands", "slots", "receivers", "transmitters"]
    scenario = Scenario(gains={"array": own, "axes": axes})
    assert (scenario.bands, scenario.transmitters) == (4, 3)
    network = WirelessNetwork(scenario)
    expected = own.transpose(1, 0, 2, 3).astype(np.float32)
    np.testing.assert_array_equal(network.block(4).gain[0], expected[:4])
    np.testing.assert_array_equal(network.block(4).gain[0], expected[[4, 5, 0, 1]])
    np.testing.assert_allclose(network.layouts[0].mean_gain, own.mean((0, 1)), rtol=1e-6)
    one = Scenario(gains={"array": own[:, 0], "axes": ["bands", "receivers", "transmitters"]})
    np.testing.assert_array_equal(WirelessNetwork(one).block(2).gain[0], np.stack([expected[0]] * 2))


def test_gains_of_paths_go_into_a_scenario_with_their_bands():
    rng = np.random.default_rng(4)
    a = rng.normal(size=(3, 1, 3, 1, 4, 5)) + 1j * rng.normal(size=(3, 1, 3, 1, 4, 5))
    tau = rng.random((3, 3, 4)) * 1e-6
    gain = from_paths(a, tau=tau, frequency=[-1e6, 0, 1e6])
    network = WirelessNetwork({"gains": {"array": gain, "axes": ["bands", "slots", "receivers", "transmitters"]}})
    by_hand = abs(sum(a[1, 0, 2, 0, p, 2] * np.exp(-2j * np.pi * 1e6 * tau[1, 2, p]) for p in range(4))) ** 2
    assert network.block(5).gain[0, 2, 2, 1, 2] == pytest.approx(by_hand, rel=1e-5)


def test_base_stations_with_bands_are_associated_by_their_mean_over_bands():
    own = np.zeros((2, 2, 3))  # bands, base stations, users
    own[0], own[1] = [[1, 5, 1], [2, 1, 1]], [[9, 1, 1], [1, 1, 4]]
    scenario = Scenario(gains={"array": own, "axes": ["bands", "receivers", "transmitters"]})
    gain = WirelessNetwork(scenario).block(1).gain[0, 0]
    np.testing.assert_array_equal(gain[0], [[1, 5, 1], [1, 5, 1], [2, 1, 1]])
    np.testing.assert_array_equal(gain[1], [[9, 1, 1], [9, 1, 1], [1, 1, 4]])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bands": 0}, "bands"),
        ({"bands": 2.5}, "bands"),
        ({"bands": 2, "band_correlation": 1.5}, "band_correlation"),
        ({"bands": 2, "band_correlation": float("nan")}, "band_correlation"),
        ({"band_correlation": 0.5}, "band_correlation: 0.5 has no effect on one band"),
        ({"bands": 2, "preset": "paper", "cut": 0.1}, "bands: 2 is not valid beside cut"),
        ({"bands": 100, "noise": 1e-37}, "noise"),
        (
            {"bands": 3, "gains": {"array": np.ones((2, 4, 4)), "axes": ["bands", "receivers", "transmitters"]}},
            "bands: 3 is not valid: the array holds the gains of 2 bands",
        ),
        ({"bands": 3, "gains": np.ones((4, 4))}, "bands: 3 is not valid: the array has no axis of bands"),
        ({"gains": np.ones((2, 2, 2, 4, 4))}, "the shape"),
    ],
)
def test_bands_that_cannot_be_are_refused_in_a_sentence(wrong, said):
    with pytest.raises(ConfigError, match=said) as raised:
        Scenario(**wrong)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("shape", "value", "said"),
    [
        ((1, 2, 5), 1.0, "power: the shape"),
        ((1, 2, 1, 5), 1.0, "power: the shape"),
        ((1, 2, 2, 5), 1.0, "power: the shape"),
        ((1, 2, 3, 5), 5.0, "its sum over bands"),
        ((1, 2, 3, 5), -1.0, "power"),
        ((1, 2, 3, 5), math.nan, "power"),
    ],
)
def test_powers_that_no_transmitter_has_are_refused(shape, value, said):
    network = WirelessNetwork(DENSE)
    block = network.block(2)
    with pytest.raises(ConfigError, match=said):
        network.outcome(block.wanted, block.cross, np.full(shape, value, np.float32))
