"""Placements of published settings: pairs in a square, and hexagonal cells."""

import math

import numpy as np
import pytest
from scipy import stats

from wirelessenv.channel.geometry import HexagonalPlacement, PairPlacement, Placement, distances
from wirelessenv.config import ConfigError
from wirelessenv.streams import stream


def pairs(placement, seeds, count=50):
    drawn = [placement.draw(stream(seed, "layout"), count, None) for seed in seeds]
    return np.concatenate([tx for tx, _ in drawn]), np.concatenate([rx for _, rx in drawn]), drawn


def test_pairs_stand_as_the_setting_says():
    transmitters, receivers, drawn = pairs(PairPlacement(), range(100))
    for positions in (transmitters, receivers):
        assert positions.min() >= 0
        assert positions.max() <= 1000
    for axis in (0, 1):
        assert stats.kstest(transmitters[:, axis], stats.uniform(0, 1000).cdf).pvalue > 1e-3
    link = receivers - transmitters
    length = np.linalg.norm(link, axis=1)
    assert length.min() >= 2
    assert length.max() <= 65
    inner = ((transmitters > 65) & (transmitters < 935)).all(axis=1)  # where no receiver is redrawn for the border
    assert stats.kstest(length[inner], stats.uniform(2, 63).cdf).pvalue > 1e-3
    angle = np.arctan2(*link[inner].T)
    assert stats.kstest(angle, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-3
    assert abs(stats.pearsonr(length[inner], np.cos(angle)).statistic) < 4 / math.sqrt(inner.sum())
    assert len(np.unique(angle)) == inner.sum()  # each its own
    assert (np.modf(transmitters)[0] != 0).all()  # never cut to integers
    for tx, rx in drawn:
        assert (distances(rx, tx) + 1e9 * np.eye(50)).min() >= 1


def test_no_receiver_is_too_near_to_a_transmitter_of_others():
    crowded = PairPlacement(side=100, shortest_link=1, longest_link=50, smallest_cross=6)
    _, _, drawn = pairs(crowded, range(20), 20)
    apart = np.array([(distances(rx, tx) + 1e9 * np.eye(20)).min() for tx, rx in drawn])
    assert apart.min() >= 6
    with pytest.raises(
        ConfigError, match=r"smallest_cross: 60.0 is not valid: 20 transmitters in a square of side 100.0 leave"
    ):
        PairPlacement(side=100, shortest_link=1, longest_link=50, smallest_cross=60).draw(stream(0, "layout"), 20, None)


def inside_hexagon(offset, inner_radius):
    """True inside six corners, each turned against the next: the point is left of all six sides."""
    corner = 2 * inner_radius / math.sqrt(3)
    corners = [
        (corner * math.cos(math.pi / 6 + k * math.pi / 3), corner * math.sin(math.pi / 6 + k * math.pi / 3)) for k in range(6)
    ]
    left = True
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        left = left & ((bx - ax) * (offset[:, 1] - ay) - (by - ay) * (offset[:, 0] - ax) >= -1e-6)
    return left


def test_users_are_uniform_in_the_hexagon_of_their_base_station():
    placement = HexagonalPlacement(cells=7, inner_radius=400, smallest_distance=35)
    stations, users = placement.draw(stream(0, "layout"), 70_000, None)
    offset = users - stations
    length = np.linalg.norm(offset, axis=1)
    assert inside_hexagon(offset, 400).all()
    assert length.min() >= 35
    assert length.max() > 0.99 * 800 / math.sqrt(3)  # up to the corners
    area = 2 * math.sqrt(3) * 400**2 - math.pi * 35**2
    for radius in (100, 200, 400):  # circles within the hexagon
        share = math.pi * (radius**2 - 35**2) / area
        assert (length < radius).mean() == pytest.approx(share, abs=4 * math.sqrt(share / len(users)))
    turned = offset @ np.array([[0.5, math.sqrt(3) / 2], [-math.sqrt(3) / 2, 0.5]])  # a hexagon has no first side
    assert stats.ks_2samp(offset[:35_000, 0], turned[35_000:, 0]).pvalue > 1e-3
    assert (np.modf(users)[0] != 0).all()


def test_cells_lie_in_rings_and_links_are_dealt_to_them_in_turn():
    placement = HexagonalPlacement(cells=19, inner_radius=400)
    stations = placement.stations()
    from_first = np.linalg.norm(stations, axis=1)
    np.testing.assert_allclose(from_first[0], 0, atol=1e-9)
    np.testing.assert_allclose(from_first[1:7], 800)
    np.testing.assert_allclose(sorted(from_first[7:]), [800 * math.sqrt(3)] * 6 + [1600] * 6)
    apart = distances(stations, stations) + 1e9 * np.eye(19)
    assert apart.min() == pytest.approx(800)
    assert ((apart < 800.001).sum(axis=1)[:7] == 6).all()  # the first ring is surrounded
    np.testing.assert_allclose(stations, HexagonalPlacement(cells=37, inner_radius=400).stations()[:19])
    transmitters, _ = placement.draw(stream(0, "layout"), 40, None)
    np.testing.assert_array_equal(transmitters[:19], stations)
    np.testing.assert_array_equal(transmitters[19:38], stations)
    assert placement.antennas(40).tolist() == [*range(19), *range(19), 0, 1]


def test_a_placement_that_does_not_say_where_to_go_says_so():
    with pytest.raises(ConfigError, match='placement: "none" does not say where receivers could go'):
        Placement.parse("none").waypoints(stream(0, "x"), "receivers", 3, 3)
