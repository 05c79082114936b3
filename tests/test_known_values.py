"""Sum rates that are known of published settings, in bit/s/Hz (known_values.yaml); each within three standard errors."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.plain_wmmse import sum_rates, wmmse
from wirelessenv.network import WirelessNetwork

KNOWN = yaml.safe_load(Path(__file__).with_name("known_values.yaml").read_text("utf-8"))


def best_on_off(gain, noise, largest):
    """The largest sum rate of all 2^m patterns of full power and silence, of each channel."""
    agents = gain.shape[1]
    patterns = (np.arange(2**agents)[:, None] >> np.arange(agents)) & 1
    return np.array([sum_rates(np.broadcast_to(g, (len(patterns), *g.shape)), largest * patterns, noise).max() for g in gain])


def paid(network, block, power):
    """Sum utility of every run and slot, as the network pays it, for powers of the flattened slots."""
    powers = power.reshape(block.wanted.shape).astype(np.float32)
    return network.utilities(block.wanted, block.cross, powers).sum(-1).astype(float).ravel()


def channels(block):
    return block.gain.astype(float).reshape(-1, *block.gain.shape[2:])


def policies(scenario, seeds, slots):
    """Sum rates of WMMSE, of full and of uniform random power, on the same slots."""
    network = WirelessNetwork(scenario, seed=seeds)
    block, noise, largest = network.block(slots), network.scenario.noise, network.scenario.max_power
    gain = channels(block)
    drawn = np.random.default_rng(0).uniform(0, largest, gain.shape[:2])
    powers = (wmmse(gain, noise, largest), np.full(gain.shape[:2], largest), drawn)
    return [paid(network, block, power) for power in powers]


def error(values):
    return values.std() / math.sqrt(values.size)


def agrees(values, known):
    """One that came without an error has that of as many layouts here; each channel of `values` is a layout."""
    spread = known["error"] if "error" in known else error(values) * math.sqrt(values.size / known["layouts"])
    return abs(values.mean() - known["value"]) < 3 * math.hypot(error(values), spread)


def test_the_yardstick_finds_the_optimum_where_it_is_known():
    alone = np.array([[[2.0, 0.0], [0.0, 0.5]]])
    np.testing.assert_allclose(wmmse(alone, 1.0, 4.0), [[4, 4]])
    one = np.array([[[2.0, 50.0], [50.0, 1.0]]])  # only one should speak
    power = wmmse(one, 1.0, 4.0, change=1e-9)
    assert sum_rates(one, power, 1.0)[0] == pytest.approx(best_on_off(one, 1.0, 4.0)[0], rel=1e-3)


def test_gaussian_wmmse_and_random_power():
    optimised, full, drawn = policies("gaussian", range(4), 10_000)
    assert agrees(optimised, KNOWN["gaussian"]["WMMSE"])
    assert agrees(full, KNOWN["gaussian"]["full power"])
    assert agrees(drawn, KNOWN["gaussian"]["random power"])


def test_gaussian_the_best_on_off_pattern_beats_wmmse_by_about_2_percent():
    network = WirelessNetwork("gaussian", seed=1)
    gain = channels(network.block(400))
    optimised = sum_rates(gain, wmmse(gain, 1.0, 1.0), 1.0)
    gained = (best_on_off(gain, 1.0, 1.0) - optimised) / optimised.mean()
    assert gained.mean() > 3 * error(gained)  # WMMSE is not the optimum
    assert abs(gained.mean() - 0.02) < 0.005 + 3 * error(gained)  # "about 2 %", on 200 draws of others


def test_d2d_wmmse_and_full_power():
    optimised, full, _ = policies("d2d", range(600), 1)
    assert agrees(optimised, KNOWN["d2d"]["WMMSE"])
    assert agrees(optimised, KNOWN["d2d"]["WMMSE, as published"])
    assert agrees(full, KNOWN["d2d"]["full power"])
    assert all(len(values) == 3 for values in KNOWN.values())  # all that stand there are looked at


@pytest.mark.parametrize(("cells", "links"), [(10, 20), (20, 40), (20, 60), (20, 100)])
def test_cellular_ratios_are_those_of_cells_that_serve_one_user_at_a_time(cells, links):
    scenario = {"preset": "cellular", "transmitters": links, "placement": {"cells": cells}}
    optimised, full, drawn = policies(scenario, range(40), 1)
    # At full power every user hears its own base station's other signals as loud as its own: with u links in a cell the SINR
    # is below 1 / (u - 1), for all u of them.
    users = links // cells
    assert (full < links * math.log2(1 + 1 / (users - 1))).all()
    # One user a cell at the SINR cap is the most that can be.
    assert (optimised < cells * math.log2(1001) + 1e-3).all()
    assert (optimised > full).all()
    assert 2 < optimised.mean() / full.mean() < 10
    assert drawn.mean() > full.mean()  # by chance one of a cell is louder than the rest


def test_uplink_and_drifting_are_settings_where_interference_matters():
    for name in ("uplink", "drifting"):
        optimised, full, _ = policies(name, range(150), 1)
        ratio = full.mean() / optimised.mean()
        assert 0.5 < ratio < 0.85
