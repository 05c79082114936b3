import math

import numpy as np
import pytest

from wirelessenv.channel.path_loss import DualSlope, LogDistance, NoPathLoss, PowerLaw


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


def printed_dual_slope(d, carrier, h1, h2):
    wavelength = 299_792_458 / carrier
    breakpoint_ = 4 * h1 * h2 / wavelength
    at_breakpoint = abs(20 * math.log10(wavelength**2 / (8 * math.pi * h1 * h2)))
    term = 20 * math.log10(d / breakpoint_)
    return at_breakpoint + 6 + (2 * term if d > breakpoint_ else term)


@pytest.mark.parametrize(("carrier", "h1", "h2"), [(2.4e9, 1.5, 1.5), (9e8, 10.0, 1.5), (5e9, 0.7, 2.0)])
def test_the_dual_slope_is_its_printed_formula(carrier, h1, h2):
    distance = np.array([[2.0, 30.0, 71.0], [73.0, 200.0, 1400.0]])
    gain = DualSlope(carrier=carrier, transmitter_height=h1, receiver_height=h2).gain(distance)
    for index, d in np.ndenumerate(distance):
        assert -10 * math.log10(gain[index]) == pytest.approx(printed_dual_slope(d, carrier, h1, h2), abs=1e-9)


def test_the_dual_slope_breaks_at_72_metres_and_is_continuous_there():
    law = DualSlope()  # 4 * 1.5 * 1.5 / 0.12491 = 72.05 m
    db = -10 * np.log10(law.gain(np.array([7.205, 72.04, 72.06, 720.5])))
    assert db[1] == pytest.approx(db[2], abs=0.01)
    assert (db[1] - db[0], db[3] - db[2]) == pytest.approx((20, 40), abs=0.01)


@pytest.mark.parametrize(("metres", "db"), [(1000, 128.1), (100, 90.5), (35, 128.1 + 37.6 * math.log10(0.035)), (10, 52.9)])
def test_the_log_distance_law_is_that_of_3gpp(metres, db):
    assert -10 * math.log10(LogDistance().gain(np.array([float(metres)]))[0]) == pytest.approx(db, abs=1e-9)


@pytest.mark.parametrize("law", [DualSlope(smallest_distance=5), LogDistance(smallest_distance=5)])
def test_in_metres_too_the_gain_stays_at_its_largest_below_the_smallest_distance(law):
    gain = law.gain(np.array([0.0, 1e-300, 4.99, 5.0, 5.01]))
    assert (gain[:4] == gain[3]).all()
    assert gain[4] < gain[3]
    assert np.isfinite(gain).all()
