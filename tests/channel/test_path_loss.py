import numpy as np
import pytest

from wirelessenv.channel.path_loss import NoPathLoss, PowerLaw


def test_the_gain_is_the_square_of_amplitude_d_to_the_minus_2_2():
    gain = PowerLaw().gain(np.array([[1.0, 2.0], [10.0, 0.5]]))
    np.testing.assert_allclose(gain, [[1.0, 2**-4.4], [10**-4.4, 2**4.4]], rtol=1e-14)
    np.testing.assert_allclose(np.sqrt(PowerLaw(amplitude_exponent=1.5).gain(np.array([4.0]))), [1 / 8], rtol=1e-14)


@pytest.mark.parametrize("distance", [0.0, 1e-300, 0.05, 0.1])
def test_below_the_smallest_distance_the_gain_stays_at_its_largest(distance):
    np.testing.assert_allclose(PowerLaw().gain(np.array([distance])), [0.1**-4.4], rtol=1e-14)
    assert PowerLaw(smallest_distance=2.0).gain(np.array([distance]))[0] == pytest.approx(2**-4.4)


def test_the_gain_falls_with_distance_and_leaves_the_distances_alone():
    distance = np.linspace(0.1, 50, 200)
    gain = PowerLaw().gain(distance)
    assert (np.diff(gain) < 0).all()
    np.testing.assert_array_equal(distance, np.linspace(0.1, 50, 200))


def test_without_path_loss_every_gain_is_1_even_where_no_distance_is_known():
    np.testing.assert_array_equal(NoPathLoss().gain(np.array([[np.nan, 0.0, 7.0]])), [[1, 1, 1]])
