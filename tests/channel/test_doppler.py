"""Fading of moving terminals: what its f and |f|^2 are distributed as, in every slot and between slots."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import j0

from wirelessenv.channel.fading import GaussMarkov, Jakes, Span
from wirelessenv.channel.sampling import NumpySampler, TorchSampler

T = 0.02
SAMPLERS = [
    pytest.param(NumpySampler, id="numpy"),
    pytest.param(lambda seeds, purpose: TorchSampler(seeds, purpose, "cpu"), id="torch"),
]


def coefficients(law, sampler, cuts, links):
    """f of (slots, links): every link is a sample of the ensemble."""
    state, parts = None, []
    for slots in cuts:
        real, imaginary, state = law.coefficients(sampler, Span(slots, links, 1, T), state)
        parts.append(np.asarray(real, float)[0, ..., 0] + 1j * np.asarray(imaginary, float)[0, ..., 0])
    return np.concatenate(parts)


def within(values, expected, errors=4.0):
    values = np.asarray(values)
    return abs(values.mean() - expected) < errors * values.std() / np.sqrt(values.size)


def test_the_shift_follows_from_speed_and_carrier():
    assert Jakes(speed=2.5, carrier=2e9).shift == pytest.approx(2.5 / 0.149896229, rel=1e-9)  # speed over wavelength
    assert GaussMarkov(doppler=10).correlation(0.02) == pytest.approx(j0(2 * np.pi * 10 * 0.02), abs=1e-12)


@pytest.mark.parametrize("new", SAMPLERS)
@pytest.mark.parametrize("doppler", [3.0, 10.0, 25.0])
def test_gauss_markov_is_stationary_and_correlated_as_j0_to_the_power_of_the_lag(new, doppler):
    f = coefficients(GaussMarkov(doppler=doppler), new([1], "fading"), [1, 2, 9], 40_000)
    rho = j0(2 * np.pi * doppler * T)
    for slot in (0, 3, 11):
        assert stats.kstest(np.abs(f[slot]) ** 2, "expon").pvalue > 1e-3
        assert stats.kstest(f[slot].real * np.sqrt(2), "norm").pvalue > 1e-3
        assert within(f[slot].real * f[slot].imag, 0)
    for first, lag in [(0, 1), (0, 2), (3, 1), (3, 8)]:
        assert within((f[first + lag] * f[first].conj()).real, rho**lag)
        assert within((f[first + lag] * f[first].conj()).imag, 0)
        products = (np.abs(f[first + lag]) ** 2 - 1) * (np.abs(f[first]) ** 2 - 1)
        assert within(products, rho ** (2 * lag))


@pytest.mark.parametrize("new", SAMPLERS)
@pytest.mark.parametrize(("doppler", "sinusoids"), [(3.0, 16), (10.0, 16), (25.0, 4), (10.0, 1)])
def test_jakes_has_the_autocorrelation_j0_at_every_lag(new, doppler, sinusoids):
    f = coefficients(Jakes(doppler=doppler, sinusoids=sinusoids), new([2], "fading"), [3, 1, 16], 20_000)
    for first, lag in [(0, 0), (0, 1), (0, 3), (2, 1), (4, 6), (0, 19)]:
        correlation, products = j0(2 * np.pi * doppler * lag * T), f[first + lag] * f[first].conj()
        assert abs(products.real.mean() - correlation) < 4 * products.real.std() / np.sqrt(products.size) + 1e-6
        assert abs(products.imag.mean()) < 4 * products.imag.std() / np.sqrt(products.size) + 1e-6
        powers = np.abs(f[first + lag]) ** 2 * np.abs(f[first]) ** 2
        expected = 1 + (1 - 1 / sinusoids) * correlation**2  # at lag 0: E|f|^4 = 2 - 1/N
        assert abs(powers.mean() - expected) < 4 * powers.std() / np.sqrt(powers.size) + 1e-5
    assert within(f[5].real * f[5].imag, 0)


def test_jakes_tends_to_rayleigh_fading_as_sinusoids_are_added():
    power = np.abs(coefficients(Jakes(doppler=10, sinusoids=400), NumpySampler([3], "fading"), [1], 4000)[0]) ** 2
    assert stats.kstest(power, "expon").pvalue > 1e-3


def test_jakes_is_a_sum_of_waves_at_one_angle_each_for_ever():
    # With one wave |f| is 1 always; with two the power beats at one frequency, so that it satisfies its recurrence.
    f = coefficients(Jakes(doppler=7, sinusoids=1), NumpySampler([4], "fading"), [5, 300], 50)
    np.testing.assert_allclose(np.abs(f), 1, rtol=1e-6)
    turn = f[1] / f[0]
    np.testing.assert_allclose(f[300], f[0] * turn**300, atol=2e-4)  # float32 coefficients: 300 times their rounding
    beat = np.abs(coefficients(Jakes(doppler=7, sinusoids=2), NumpySampler([5], "fading"), [200], 1)[:, 0]) ** 2 - 1
    ratio = (beat[2:] + beat[:-2])[np.abs(beat[1:-1]) > 0.3] / beat[1:-1][np.abs(beat[1:-1]) > 0.3]
    np.testing.assert_allclose(ratio, ratio[0], atol=1e-4)


@pytest.mark.parametrize("new", SAMPLERS)
@pytest.mark.parametrize("law", [GaussMarkov(doppler=0), Jakes(doppler=0)])
def test_without_doppler_the_channel_stays_as_it_was_drawn(new, law):
    f = coefficients(law, new([6], "fading"), [2, 3], 2000)
    np.testing.assert_allclose(f, np.broadcast_to(f[0], f.shape), rtol=1e-6)
    assert within(np.abs(f[0]) ** 2, 1)


def test_a_block_leaves_the_state_it_was_given():
    for law in (GaussMarkov(doppler=10), Jakes(doppler=10)):
        sampler = NumpySampler([0], "fading")
        _, state = law.block(sampler, Span(3, 2, 2, T), None)
        saved = sampler.state()
        first, _ = law.block(sampler, Span(3, 2, 2, T), state)
        kept = first.copy()
        first *= 0
        sampler.set_state(saved)
        np.testing.assert_array_equal(law.block(sampler, Span(3, 2, 2, T), state)[0], kept)
