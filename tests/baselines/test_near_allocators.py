"""WMMSE and fractional programming over lists of neighbours, beside those on matrices."""

import numpy as np
import pytest

from baselines.allocators import fractional_programming, fractional_programming_over_lists, wmmse, wmmse_over_lists
from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork

LARGE = {"preset": "dense", "transmitters": 60, "cut": 0.01, "placement": {"density": 1 / 6}}
PAIRS = [(wmmse, wmmse_over_lists), (fractional_programming, fractional_programming_over_lists)]


@pytest.mark.parametrize(("matrices", "lists"), PAIRS)
def test_where_nothing_is_cut_powers_are_those_on_matrices(matrices, lists):
    near = WirelessNetwork({"preset": "dense", "cut": 1e-12}, seed=[1, 2])
    gain = near.block(3).gain
    expected = matrices(gain.astype(float).reshape(2, 3, 24, 24), 1.0, 10.0, iterations=30, tolerance=0)
    np.testing.assert_allclose(lists(near.near, gain, 1.0, 10.0, iterations=30, tolerance=0), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("matrices", "lists"), PAIRS)
def test_of_links_that_are_cut_powers_are_those_on_matrices_with_zeros(matrices, lists):
    network = WirelessNetwork(LARGE, seed=[1, 2])
    gain, found = network.block(2).gain, np.zeros((2, 2, 60, 60))
    for run in range(2):
        receiver, transmitter = network.near.ends(run)
        found[run][:, receiver, transmitter] = gain[run, :, : len(receiver)]
    noise = np.broadcast_to(network.noise[:, None], (2, 2, 60)).astype(float)
    expected = matrices(found, noise, 10.0, iterations=20, tolerance=0)
    result = lists(network.near, gain, network.noise, 10.0, iterations=20, tolerance=0)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_gains_and_noise_of_other_shapes_are_refused():
    network = WirelessNetwork(LARGE, seed=1)
    gain = network.block(2).gain
    with pytest.raises(ConfigError, match=r"^gain: the shape .* .*\(runs, slots, links\)"):
        wmmse_over_lists(network.near, gain[..., 1:], 1.0, 10.0)
    with pytest.raises(ConfigError, match=r"^noise: the shape \(3,\) is not valid"):
        wmmse_over_lists(network.near, gain, np.ones(3), 10.0)
