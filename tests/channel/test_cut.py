"""Links that are cut, compared with all gains worked out one by one."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.channel.cut import near_links
from wirelessenv.channel.geometry import UniformPlacement, distances
from wirelessenv.channel.path_loss import LogDistance, PowerLaw
from wirelessenv.config import ConfigError
from wirelessenv.layout import draw_layout
from wirelessenv.scenario import Scenario

DENSITY = {"half_width": 0.25, "receiver_offset": 0.125, "density": 1 / 6}
"""Placement with the density of the preset dense, whatever m is."""


def drawn(agents, seed=0, **placement):
    return UniformPlacement(**DENSITY | placement).draw(np.random.default_rng(seed), agents, None)


@pytest.mark.parametrize("weakest", [1e-1, 1e-3, 1e-5, 1e-12])
def test_the_links_are_those_whose_gain_is_large_enough_and_the_direct_ones(weakest):
    transmitters, receivers = drawn(60)
    found = near_links(PowerLaw(), transmitters, receivers, weakest)
    gain = PowerLaw().gain(distances(receivers, transmitters))
    kept = (gain >= weakest) | np.eye(60, dtype=bool)
    np.testing.assert_array_equal(np.argwhere(kept), np.stack([found.receiver, found.transmitter], axis=1))
    np.testing.assert_array_equal(found.gain, gain[kept])


@given(
    seed=st.integers(0, 1000),
    agents=st.sampled_from([1, 2, 7, 150, 400]),
    cut=st.sampled_from([0.3, 1e-3, 1e-4]),
    density=st.sampled_from([1 / 6, 1e-3, None]),
)
def test_what_is_cut_is_summed_within_a_hundredth(seed, agents, cut, density):
    transmitters, receivers = drawn(agents, seed, density=density)
    found = near_links(PowerLaw(), transmitters, receivers, cut)
    gain = PowerLaw().gain(distances(receivers, transmitters))
    expected = np.where((gain >= cut) | np.eye(agents, dtype=bool), 0, gain).sum(1)
    np.testing.assert_allclose(found.cut_gain, expected, rtol=0.01, atol=0.01 * expected.mean() + 1e-12)


def test_nothing_is_left_to_sum_where_nothing_is_cut():
    found = near_links(PowerLaw(), *drawn(50), 1e-20)
    assert len(found.gain) == 2500
    assert not found.cut_gain.any()


def test_distances_in_metres_and_other_laws_serve_as_well():
    transmitters, receivers = drawn(300, density=3e-5, half_width=250.0, receiver_offset=0.01)
    law = LogDistance()
    found = near_links(law, transmitters, receivers, 1e-11)
    gain = law.gain(distances(receivers, transmitters))
    kept = (gain >= 1e-11) | np.eye(300, dtype=bool)
    assert 0.01 < kept.mean() < 0.5
    np.testing.assert_array_equal(np.argwhere(kept), np.stack([found.receiver, found.transmitter], axis=1))
    np.testing.assert_allclose(found.cut_gain, np.where(kept, 0, gain).sum(1), rtol=0.02)


def test_at_the_density_of_dense_an_agent_has_about_12_neighbours_whatever_their_number():
    for agents in (400, 2000):
        others = np.bincount(near_links(PowerLaw(), *drawn(agents), 0.01 / 10).receiver) - 1
        assert 10 < others.mean() < 13
        assert others.max() <= 30


def test_the_mean_makes_up_for_nearly_all_that_a_cut_changes_in_the_sum_rate_at_full_power():
    agents, kept_rate, made_up, full = 1000, 0.0, 0.0, 0.0
    for seed in range(3):
        transmitters, receivers = drawn(agents, seed)
        found = near_links(PowerLaw(), transmitters, receivers, 0.01 / 10)
        gain = PowerLaw().gain(distances(receivers, transmitters))
        gain *= np.random.default_rng(seed).exponential(size=gain.shape)
        kept = np.zeros_like(gain, bool)
        kept[found.receiver, found.transmitter] = True
        own = 10 * np.diag(gain)

        def rate(gain, noise, own=own):
            return np.log2(1 + own / (noise + 10 * gain.sum(1) - own)).sum()

        full += rate(gain, 1.0)
        kept_rate += rate(gain * kept, 1.0)
        made_up += rate(gain * kept, 1.0 + 10 * found.cut_gain)
    assert 0.008 < kept_rate / full - 1 < 0.02
    assert abs(made_up / full - 1) < 3e-4


def test_a_layout_with_a_cut_has_the_places_and_the_gains_of_one_without():
    whole = draw_layout(Scenario(preset="dense"), 3)
    near = draw_layout(Scenario(preset="dense", cut=0.01, direct_gain_db=3.0), 3)
    np.testing.assert_array_equal(near.transmitters, whole.transmitters)
    links = near.near
    direct = links.receiver == links.transmitter
    expected = whole.mean_gain[links.receiver, links.transmitter] * np.where(direct, 10**0.3, 1)
    np.testing.assert_allclose(near.mean_gain, expected, rtol=1e-6)
    np.testing.assert_allclose(near.direct_gain, np.diag(whole.mean_gain) * 10**0.3, rtol=1e-6)


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ({"shadowing": {"kind": "log_normal"}}, 'beside shadowing "log_normal"'),
        ({"mobility": {"kind": "random_waypoint"}}, 'beside mobility "random_waypoint"'),
        ({"association": "uplink", "receivers": 6}, 'beside association "uplink"'),
        ({"placement": "none", "path_loss": "none"}, 'beside placement "none"'),
        ({"placement": "hexagonal"}, 'beside placement "hexagonal"'),
    ],
)
def test_a_cut_refuses_in_one_sentence_what_neighbours_are_not_found_for(others, named):
    with pytest.raises(ConfigError, match=r"cut: 0.01 is not valid beside .*found by distance") as refused:
        Scenario(preset="dense", cut=0.01, **others)
    assert named in str(refused.value)


def test_a_cut_names_the_extra_where_scipy_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    with pytest.raises(ConfigError, match=r"^cut: finding neighbours needs scipy.*wirelessenv\[train\]"):
        draw_layout(Scenario(preset="dense", cut=0.01), 0)


def test_too_many_neighbours_for_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr("wirelessenv.memory.memory", lambda device: 1e6)
    monkeypatch.setattr("wirelessenv.memory.BASE", 0)
    with pytest.raises(ConfigError, match="neighbours of each"):
        near_links(PowerLaw(), *drawn(2000), 1e-9)
