import numpy as np
import pytest
from scipy import stats

from wirelessenv.channel.geometry import NoPlacement, UniformPlacement, distances, serving_receiver
from wirelessenv.streams import stream

MANY = 4000


def placed(placement, transmitters=MANY, receivers=None):
    return placement.draw(stream(0, "layout"), transmitters, receivers)


def uniform_within(values, half_width):
    return stats.kstest(values, stats.uniform(-half_width, 2 * half_width).cdf).pvalue > 1e-3


def test_transmitters_are_uniform_in_a_square_that_grows_with_their_number():
    transmitters, _ = placed(UniformPlacement(half_width=0.25, receiver_offset=0.125))
    assert transmitters.shape == (MANY, 2)
    assert uniform_within(transmitters[:, 0], MANY / 4)
    assert uniform_within(transmitters[:, 1], MANY / 4)
    assert abs(stats.pearsonr(*transmitters.T).statistic) < 4 / np.sqrt(MANY)


def test_a_density_keeps_neighbours_and_links_as_m_grows():
    """Distances to the nearest others, and those of links, have the law of m = 24 in the middle of larger squares, too."""
    law = UniformPlacement(half_width=0.25, receiver_offset=0.125, density=24 / 12**2)  # a square of side 12
    transmitters, receivers = placed(law)
    side = 12 * np.sqrt(MANY / 24)
    assert uniform_within(transmitters.ravel(), side / 2)
    assert uniform_within((receivers - transmitters).ravel(), 3)
    same = UniformPlacement(half_width=0.25, receiver_offset=0.125)
    for kept, plain in zip(placed(law, 24), placed(same, 24), strict=True):
        np.testing.assert_allclose(kept, plain)
    assert np.abs(law.waypoints(stream(0, "mobility"), "receivers", MANY, MANY)).max() <= 3
    assert np.abs(law.waypoints(stream(0, "mobility"), "transmitters", MANY, MANY)).max() <= side / 2


def test_every_receiver_has_an_offset_of_its_own_uniform_in_both_coordinates():
    transmitters, receivers = placed(UniformPlacement(half_width=1.0, receiver_offset=0.25))
    offset = receivers - transmitters
    assert uniform_within(offset[:, 0], MANY / 4)
    assert uniform_within(offset[:, 1], MANY / 4)
    assert abs(stats.pearsonr(*offset.T).statistic) < 4 / np.sqrt(MANY)
    assert abs(stats.pearsonr(offset[:-1, 0], offset[1:, 0]).statistic) < 4 / np.sqrt(MANY)
    assert len(np.unique(np.arctan2(*offset.T))) == MANY  # no angle shared by several receivers


def test_base_stations_are_uniform_in_the_whole_square_wherever_the_transmitters_are():
    transmitters, stations = placed(UniformPlacement(half_width=0.25, receiver_offset=0.001), receivers=MANY - 1)
    assert stations.shape == (MANY - 1, 2)
    assert uniform_within(stations[:, 0], MANY / 4)
    assert uniform_within(stations[:, 1], MANY / 4)
    assert abs(stats.pearsonr(transmitters[:-1, 0], stations[:, 0]).statistic) < 4 / np.sqrt(MANY)


def test_positions_are_not_cut_to_whole_numbers():
    for positions in placed(UniformPlacement(), 24):
        assert (positions != np.round(positions)).all()


def test_without_placement_there_are_no_positions_to_use_by_mistake():
    transmitters, receivers = placed(NoPlacement(), 3)
    assert transmitters.shape == receivers.shape == (3, 2)
    assert placed(NoPlacement(), 5, 2)[1].shape == (2, 2)
    assert np.isnan([transmitters, receivers]).all()


def test_distances_are_receiver_by_transmitter():
    receivers = np.array([[0.0, 0.0], [3.0, 0.0]])
    transmitters = np.array([[3.0, 4.0], [0.0, 1.0], [3.0, 0.0]])
    np.testing.assert_allclose(distances(receivers, transmitters), [[5, 1, 3], [4, np.sqrt(10), 0]])


def test_ad_hoc_every_transmitter_has_its_own_receiver_even_where_another_is_nearer():
    assert serving_receiver(np.array([[1.0, 9.0], [9.0, 1.0]]), "ad_hoc").tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_in_an_uplink_the_nearest_base_station_serves(seed):
    transmitters, stations = UniformPlacement().draw(stream(seed, "layout"), 30, 4)
    serving = serving_receiver(distances(stations, transmitters) ** -4.4, "uplink")
    for agent, (x, y) in enumerate(transmitters):
        squared = [(x - a) ** 2 + (y - b) ** 2 for a, b in stations]
        assert serving[agent] == squared.index(min(squared))
