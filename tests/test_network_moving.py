"""Networks whose transmitters or receivers move, seen slot by slot."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wirelessenv.network import WirelessNetwork

WALK = {"kind": "random_waypoint", "slowest": 20.0, "fastest": 60.0, "update_slots": 4}
MOVING = {
    "drifting": {"preset": "drifting", "transmitters": 5, "mobility": {"slowest": 2.0, "fastest": 9.0, "update_slots": 3}},
    "d2d": {"preset": "d2d", "transmitters": 6, "shadowing": {"correlation_distance": 20}, "mobility": WALK},
    "cellular": {
        "preset": "cellular",
        "transmitters": 7,
        "placement": {"cells": 3},
        "mobility": {**WALK, "moves": "receivers"},
    },
    "uplink": {
        "preset": "uplink",
        "transmitters": 8,
        "receivers": 3,
        "shadowing": "log_normal",
        "fading": "rayleigh",
        "mobility": {**WALK, "slowest": 1, "fastest": 9, "moves": "transmitters"},
    },
}
CHANNELS = ("gain", "wanted", "cross")
PLACES = ("transmitters", "receivers", "serving")


def apart(one, other):
    return np.linalg.norm(one - other, axis=-1)


@pytest.mark.parametrize("name", MOVING)
@settings(max_examples=15)
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_slots_do_not_depend_on_the_size_of_blocks(name, cuts):
    network = WirelessNetwork(MOVING[name], seed=[3, 5])
    parts = [network.block(slots) for slots in cuts]
    whole = WirelessNetwork(MOVING[name], seed=[3, 5]).block(sum(cuts))
    for field in CHANNELS + PLACES:
        np.testing.assert_array_equal(np.concatenate([getattr(part, field) for part in parts], axis=1), getattr(whole, field))


@pytest.mark.parametrize("name", MOVING)
def test_a_run_does_not_depend_on_what_else_is_in_the_batch(name):
    together, alone = WirelessNetwork(MOVING[name], seed=[3, 5, 8]), WirelessNetwork(MOVING[name], seed=5)
    for slots in (4, 9):
        block, own = together.block(slots), alone.block(slots)
        for field in CHANNELS + PLACES:
            np.testing.assert_array_equal(getattr(block, field)[1], getattr(own, field)[0])


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("name", MOVING)
def test_a_network_goes_on_from_a_saved_state(name, device):
    network = WirelessNetwork(MOVING[name], seed=[3, 5], device=device)
    network.reset()
    network.block(6)
    saved = network.state() if device else pickle.loads(pickle.dumps(network.state()))  # noqa: S301  # our own
    expected = [network.block(5), network.block(3), network.bank(9, "evaluation")]
    for _ in range(2):
        other = WirelessNetwork(MOVING[name], seed=1, device=device)
        other.set_state(saved)
        for block, again in zip(expected, [other.block(5), other.block(3), other.bank(9, "evaluation")], strict=True):
            for field in (*CHANNELS, *PLACES, "features"):
                np.testing.assert_array_equal(np.asarray(getattr(block, field)), np.asarray(getattr(again, field)))


@pytest.mark.parametrize("name", MOVING)
def test_positions_start_as_drawn_and_change_at_their_interval_at_their_speeds(name):
    network = WirelessNetwork(MOVING[name], seed=[3, 5])
    mobility, seconds = network.scenario.mobility, network.scenario.slot_seconds
    block = network.block(12 * mobility.update_slots)
    for field in ("transmitters", "receivers"):
        places = getattr(block, field)
        for run, layout in enumerate(network.layouts):
            np.testing.assert_array_equal(places[run, 0], getattr(layout, field))
        changed = (np.diff(places, axis=1) != 0).any(axis=(0, 2, 3))
        assert not np.delete(changed, np.arange(mobility.update_slots - 1, len(changed), mobility.update_slots)).any()
        step = apart(places[:, 1:], places[:, :-1])
        bound = mobility.fastest * mobility.update_slots * seconds
        # A receiver that belongs to a transmitter adds its own way to that one's.
        assert step.max() <= bound * (2 if field == "receivers" and mobility.moves == "both" else 1) * (1 + 1e-9)
        moves = mobility.moves in (field, "both")
        assert changed[mobility.update_slots - 1 :: mobility.update_slots].all() == moves


@pytest.mark.slow
def test_pairs_stay_pairs_and_users_in_their_cells():
    drifting = WirelessNetwork(MOVING["drifting"], seed=range(4)).block(3000)
    offset = drifting.receivers - drifting.transmitters
    assert np.abs(offset).max() <= 5 / 8 * (1 + 1e-9)
    assert np.abs(offset).max() > 5 / 8 * 0.95  # and all of it is used
    assert np.abs(drifting.transmitters).max() <= 5 / 4
    d2d = WirelessNetwork(MOVING["d2d"], seed=range(4)).block(3000)
    assert apart(d2d.receivers, d2d.transmitters).max() <= 65 * (1 + 1e-9)
    assert d2d.transmitters.min() >= 0
    assert d2d.transmitters.max() <= 1000
    cellular = WirelessNetwork(MOVING["cellular"], seed=range(4)).block(3000)
    assert (cellular.transmitters == cellular.transmitters[:, :1]).all()
    other = apart(cellular.receivers[..., None, :], cellular.transmitters[:, :, None])
    own = apart(cellular.receivers, cellular.transmitters)
    np.testing.assert_allclose(own, other.min(axis=-1), atol=1e-6)  # a hexagon is what is nearest to its base station


def without_fading(name, **changes):
    return WirelessNetwork({**MOVING[name], "fading": "none", **changes}, seed=[3, 5])


def test_gains_are_those_of_the_positions_in_every_slot():
    network = without_fading("d2d", shadowing="none")
    block = network.block(60)
    distance = apart(block.receivers[..., :, None, :], block.transmitters[..., None, :, :])
    expected = network.scenario.path_loss.gain(distance)
    i = np.arange(6)
    expected[..., i, i] *= 10**0.25  # the antenna gain, on direct links alone
    np.testing.assert_allclose(block.gain, expected, rtol=1e-5)


def test_in_an_uplink_the_strongest_base_station_serves_wherever_one_walks():
    network = without_fading("uplink", shadowing="none")
    block = network.block(400)
    distance = apart(block.receivers[..., :, None, :], block.transmitters[..., None, :, :])  # (runs, slots, stations, m)
    np.testing.assert_array_equal(block.serving, distance.argmin(axis=2))
    assert (block.serving != block.serving[:, :1]).any()
    serving = np.take_along_axis(distance, block.serving[..., None], axis=2)
    np.testing.assert_allclose(block.gain, network.scenario.path_loss.gain(serving), rtol=1e-5)


@pytest.mark.slow
def test_shadowing_changes_with_the_way_and_keeps_its_law():
    scenario = {**MOVING["d2d"], "fading": "none", "direct_gain_db": 0, "mobility": {**WALK, "update_slots": 1}}
    network = WirelessNetwork({**scenario, "transmitters": 12}, seed=range(20))
    block = network.block(200)
    distance = apart(block.receivers[..., :, None, :], block.transmitters[..., None, :, :])
    db = 10 * np.log10(block.gain / network.scenario.path_loss.gain(distance))
    np.testing.assert_allclose(db[:, 0], [layout.shadowing for layout in network.layouts], atol=1e-4)
    moved = apart(block.receivers[:, 1:], block.receivers[:, :-1])[..., :, None]
    moved = moved + apart(block.transmitters[:, 1:], block.transmitters[:, :-1])[..., None, :]
    innovation = (db[:, 1:] - np.exp(-moved / 20) * db[:, :-1]) / np.sqrt(1 - np.exp(-moved / 10))
    assert innovation.std() == pytest.approx(8, rel=0.01)
    assert abs((innovation * db[:, :-1]).mean()) < 0.01 * 64
    assert db[:, -1].std() == pytest.approx(8, rel=0.1)


def test_without_motion_places_are_views_that_cost_nothing():
    block = WirelessNetwork("dense", seed=[1, 2]).block(500)
    assert block.transmitters.shape == (2, 500, 24, 2)
    assert block.serving.shape == (2, 500, 24)
    assert all(getattr(block, field).strides[1] == 0 for field in PLACES)


def test_a_bank_walks_from_the_layout_on_ways_of_its_own():
    network = WirelessNetwork(MOVING["drifting"], seed=3)
    block, bank, other = network.block(30), network.bank(26, "evaluation"), network.bank(26, "test")
    assert (bank.transmitters[0, 0] != network.layouts[0].transmitters).any()  # after the slots it warms up in
    assert (bank.transmitters != block.transmitters[:, 4:]).any()
    assert (bank.transmitters != other.transmitters).any()
    np.testing.assert_array_equal(network.bank(26, "evaluation").gain, bank.gain)


def test_a_fixed_layout_has_its_shadowing_and_every_seed_walks_its_own_way():
    scenario = {**MOVING["d2d"], "layout": "fixed"}
    network = WirelessNetwork(scenario, seed=[1, 2])
    np.testing.assert_array_equal(network.layouts[0].shadowing, network.layouts[1].shadowing)
    block = network.block(9)
    np.testing.assert_array_equal(block.transmitters[0, :4], block.transmitters[1, :4])
    assert (block.transmitters[0, 4:] != block.transmitters[1, 4:]).any()


def test_links_of_a_cell_share_the_channels_of_their_antenna():
    network = WirelessNetwork(MOVING["cellular"], seed=[0, 1])
    gain = network.block(9).gain
    for i, j in np.ndindex(7, 7):
        assert (gain[..., i] == gain[..., j]).all() == (i % 3 == j % 3)
    tensor = WirelessNetwork(MOVING["cellular"], seed=[0, 1], device="cpu").block(9).gain
    assert isinstance(tensor, torch.Tensor)
    assert torch.equal(tensor[..., 0], tensor[..., 3])
    assert tensor.shape == gain.shape


@pytest.mark.parametrize("name", MOVING)
def test_a_bank_of_the_present_is_of_the_last_places_and_stands_still(name):
    network = WirelessNetwork({**MOVING[name], "shadowing": "none", "fading": "none"}, seed=[3, 5])
    np.testing.assert_allclose(
        network.bank(2, "evaluation", present=True).gain[:, 1], [layout.link_gain for layout in network.layouts], rtol=1e-6
    )
    block = network.block(41)
    bank = network.bank(7, "evaluation", present=True)
    for slot in range(7):
        np.testing.assert_array_equal(bank.gain[:, slot], block.gain[:, -1])
        for place in PLACES:
            np.testing.assert_array_equal(getattr(bank, place)[:, slot], getattr(block, place)[:, -1])
    for run, layout in enumerate(network.present()):
        np.testing.assert_array_equal(layout.link_gain, block.gain[run, -1])
        np.testing.assert_array_equal(layout.receivers, block.receivers[run, -1])


def test_banks_of_the_present_have_equal_fading_and_leave_the_channel_as_it_is():
    network, alone = (WirelessNetwork(MOVING["drifting"], seed=[3, 5]) for _ in range(2))
    fading = []
    for slots in (0, 7, 30):
        if slots:
            np.testing.assert_array_equal(network.block(slots).gain, alone.block(slots).gain)
        mean = np.stack([layout.link_gain for layout in network.present()])
        fading.append(network.bank(5, "evaluation", present=True).gain / mean[:, None])
    np.testing.assert_allclose(fading[1:], [fading[0]] * 2, rtol=1e-5)


def test_where_nothing_moves_the_present_is_the_layout():
    network = WirelessNetwork("dense", seed=[1, 2])
    network.block(9)
    np.testing.assert_array_equal(network.bank(6, "x", present=True).gain, network.bank(6, "x").gain)
