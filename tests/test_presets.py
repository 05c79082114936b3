"""Presets of published settings, the commented files, and what the channel's pieces refuse."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from wirelessenv.channel.fading import GaussMarkov, Rayleigh
from wirelessenv.channel.geometry import HexagonalPlacement, PairPlacement
from wirelessenv.channel.path_loss import DualSlope, LogDistance
from wirelessenv.channel.shadowing import LogNormalShadowing
from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork, draw_layout
from wirelessenv.scenario import Messaging, Scenario

CONFIGS = Path(__file__).parents[1] / "configs" / "scenarios"


def test_the_commented_files_are_complete_and_say_what_the_presets_say():
    assert Scenario.from_yaml(CONFIGS / "paper.yaml") == Scenario()
    assert set(yaml.safe_load((CONFIGS / "paper.yaml").read_text())) == set(Scenario.model_fields)
    assert set(yaml.safe_load((CONFIGS / "messaging.yaml").read_text())) == set(Messaging.model_fields)
    messaging = Messaging.from_yaml(CONFIGS / "messaging.yaml")
    assert (messaging.links.delay.largest, messaging.links.loss.longest_run) == (3, 2)


@pytest.mark.parametrize("path", sorted(set(CONFIGS.glob("*.yaml")) - {CONFIGS / "messaging.yaml"}), ids=lambda path: path.stem)
def test_every_scenario_file_can_be_simulated_and_has_a_comment_on_every_value(path):
    block = WirelessNetwork(Scenario.from_yaml(path), seed=[0, 1]).block(60)
    assert (block.gain > 0).all()
    assert np.isfinite(block.features).all()
    for line in path.read_text().splitlines():
        assert "#" in line or line.endswith(":"), line


def test_the_cellular_file_shows_what_its_preset_leaves_out():
    scenario = Scenario.from_yaml(CONFIGS / "cellular.yaml")
    assert (scenario.fading.kind, scenario.mobility.kind, scenario.shadowing.kind) == ("jakes", "random_waypoint", "log_normal")
    assert scenario.sinr_cap == pytest.approx(1000)


def test_d2d_is_the_setting_of_shen_and_others():
    d2d = Scenario.of("d2d")
    assert (d2d.transmitters, d2d.fading, d2d.direct_gain_db) == (50, Rayleigh(), 2.5)
    assert d2d.placement == PairPlacement(side=1000, shortest_link=2, longest_link=65, smallest_cross=1)
    assert d2d.path_loss == DualSlope(carrier=2.4e9, transmitter_height=1.5, receiver_height=1.5)
    assert d2d.shadowing == LogNormalShadowing(std_db=8)
    assert d2d.noise / d2d.max_power == pytest.approx(6.295e-15, rel=1e-4)


def test_cellular_is_the_setting_of_nasir_and_guo():
    cellular = Scenario.of("cellular")
    assert (cellular.transmitters, cellular.placement) == (20, HexagonalPlacement(cells=10, inner_radius=400))
    assert cellular.path_loss == LogDistance(intercept_db=128.1, slope_db=37.6, smallest_distance=35)
    assert cellular.shadowing == LogNormalShadowing(std_db=10, correlation_distance=10)
    assert cellular.fading == GaussMarkov(doppler=10)
    assert 10 * np.log10(cellular.max_power / 1e-3) == pytest.approx(38)
    assert 10 * np.log10(cellular.noise / 1e-3) == pytest.approx(-114)
    assert (cellular.sinr_cap_db, cellular.slot_seconds) == (30, 0.02)
    for cells, links in [(20, 40), (20, 60), (20, 100)]:
        layout = draw_layout(Scenario(preset="cellular", transmitters=links, placement={"cells": cells}), 0)
        assert len(np.unique(layout.transmitters, axis=0)) == cells


def test_uplink_and_drifting_are_dense_with_base_stations_and_with_motion():
    dense, uplink, drifting = (Scenario.of(name).dump() for name in ("dense", "uplink", "drifting"))
    assert {key for key in dense if dense[key] != uplink[key]} == {"preset", "association", "receivers"}
    assert {key for key in dense if dense[key] != drifting[key]} == {"preset", "fading", "mobility"}
    assert drifting["fading"]["kind"] == "jakes"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"fading": "jakes"}, "scenario.fading: doppler: nothing is not valid: give doppler in Hz, or speed"),
        (
            {"fading": {"kind": "jakes", "doppler": 5, "speed": 1}},
            "scenario.fading: doppler: doppler 5.0, speed 1.0 is not valid",
        ),
        ({"fading": {"kind": "gauss_markov", "carrier": 2e9}}, "scenario.fading: doppler: carrier 2000000000.0 is not valid"),
        ({"fading": {"kind": "gauss_markov", "doppler": -1}}, "scenario.fading.doppler: -1 is not valid"),
        ({"fading": {"kind": "jakes", "doppler": 5, "sinusoids": 0}}, "scenario.fading.sinusoids: 0 is not valid"),
        ({"preset": "d2d", "placement": {"longest_link": 501}}, "scenario.placement: longest_link: 501.0 is not valid"),
        ({"preset": "d2d", "placement": {"shortest_link": 66}}, "scenario.placement: longest_link: 65.0 is not valid"),
        ({"preset": "cellular", "placement": {"inner_radius": 35}}, "scenario.placement: smallest_distance: 35.0 is not valid"),
        (
            {"preset": "cellular", "association": "uplink", "receivers": 3},
            'scenario: placement: "hexagonal" is not valid for an',
        ),
        ({"preset": "cellular", "mobility": "random_waypoint"}, 'scenario: mobility: "random_waypoint" of transmitters is not'),
        (
            {"preset": "uplink", "mobility": "random_waypoint"},
            'scenario: mobility: "random_waypoint" of receivers is not valid',
        ),
        (
            {"preset": "gaussian", "mobility": "random_waypoint"},
            'scenario: mobility: "random_waypoint" of receivers and transmit',
        ),
        (
            {"preset": "gaussian", "shadowing": "log_normal"},
            'scenario: shadowing: "log_normal" is not valid without a placement',
        ),
        ({"mobility": {"kind": "random_waypoint", "slowest": 2}}, "scenario.mobility: slowest: 2.0 is not valid"),
        ({"mobility": {"kind": "random_waypoint", "slowest": 0}}, "scenario.mobility.slowest: 0 is not valid"),
        ({"mobility": {"kind": "random_waypoint", "update_slots": 0}}, "scenario.mobility.update_slots: 0 is not valid"),
        ({"shadowing": {"kind": "log_normal", "std_db": -8}}, "scenario.shadowing.std_db: -8 is not valid"),
        ({"sinr_cap_db": True}, "scenario.sinr_cap_db: True is not valid"),
        ({"direct_gain_db": float("nan")}, "scenario.direct_gain_db: nan is not valid"),
        ({"gains": "/nowhere/file.npz"}, "scenario: gains.path: /nowhere/file.npz: there is no such file"),
    ],
)
def test_channel_pieces_that_cannot_be_are_refused_in_one_sentence(written, sentence):
    with pytest.raises(ConfigError) as caught:
        Scenario.of(written)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
