"""Gains from path coefficients, against the sum of exponentials, term by term."""

import cmath
from pathlib import Path

import numpy as np
import pytest

from wirelessenv import ConfigError
from wirelessenv.channel import from_paths

RNG = np.random.default_rng(5)
SHAPE = (3, 2, 4, 2, 5, 2)  # receivers, antennas, transmitters, antennas, paths, time
A = RNG.normal(size=SHAPE) + 1j * RNG.normal(size=SHAPE)
TAU = RNG.uniform(0, 1e-6, (3, 4, 5))
FREQUENCY = np.array([-5e6, 0.0, 7e6])
CITY = Path(__file__).parents[2] / "examples" / "data" / "city.npz"


def plainly(frequency, receiver, transmitter, time, tau):
    """Mean over pairs of antennas of |sum_p a_p exp(-2 pi i f tau_p)|^2."""
    powers = []
    for at in range(2):
        for out in range(2):
            terms = [
                A[receiver, at, transmitter, out, p, time] * cmath.exp(-2j * cmath.pi * frequency * tau(at, out, p))
                for p in range(5)
            ]
            powers.append(abs(sum(terms)) ** 2)
    return sum(powers) / 4


@pytest.mark.parametrize("each_antenna", [False, True])
def test_bands_are_the_sum_of_exponentials(each_antenna):
    own = RNG.uniform(0, 1e-6, SHAPE[:-1])
    found = from_paths(A, own if each_antenna else TAU, FREQUENCY)
    assert found.shape == (3, 2, 3, 4)
    for band, frequency in enumerate(FREQUENCY):
        for time, receiver, transmitter in np.ndindex(2, 3, 4):
            tau = lambda at, out, p: own[receiver, at, transmitter, out, p] if each_antenna else TAU[receiver, transmitter, p]  # noqa: B023, E731  # called at once
            assert found[band, time, receiver, transmitter] == pytest.approx(
                plainly(frequency, receiver, transmitter, time, tau)
            )
    np.testing.assert_allclose(from_paths(A), found[1], rtol=1e-12)
    np.testing.assert_allclose(from_paths(A[..., 0]), found[1, :1], rtol=1e-12)


def test_paths_that_are_not_there_may_have_any_delay():
    a, tau = A.copy(), TAU.copy()
    a[..., 4, :] = 0
    tau[..., 4] = np.nan
    np.testing.assert_allclose(from_paths(a, tau, FREQUENCY), from_paths(a[..., :4, :], TAU[..., :4], FREQUENCY))


def test_real_and_imaginary_parts_are_a_pair_and_one_scene_may_stand_in_front():
    """As Sionna RT gives them: `paths.a` of its newer versions, and the axis of scenes of its older ones."""
    np.testing.assert_allclose(from_paths((A.real, A.imag), TAU, FREQUENCY), from_paths(A, TAU, FREQUENCY))
    np.testing.assert_allclose(from_paths((A[..., 0].real, A[..., 0].imag)), from_paths(A[..., 0]))
    np.testing.assert_allclose(from_paths(A[None], TAU[None], FREQUENCY), from_paths(A, TAU, FREQUENCY))


def test_base_stations_of_users_are_an_axis_between_antennas():
    """As DeepMIMO gives them: (users, antennas, antennas, paths) for each base station."""
    each = [A[:, :, bs, :, :, 0] for bs in range(4)]
    np.testing.assert_allclose(from_paths(np.stack(each, axis=2), TAU, FREQUENCY), from_paths(A, TAU, FREQUENCY)[:, :1])


def test_tensors_are_arrays():
    torch = pytest.importorskip("torch")
    found = from_paths(torch.tensor(A), torch.tensor(TAU), torch.tensor(FREQUENCY))
    np.testing.assert_allclose(found, from_paths(A, TAU, FREQUENCY))
    np.testing.assert_allclose(from_paths((torch.tensor(A.real), torch.tensor(A.imag))), from_paths(A))
    with pytest.raises(ConfigError, match=r"a: is not valid: it should be an array of complex numbers"):
        from_paths(torch.tensor(A, requires_grad=True))


def test_the_city_is_a_channel_in_which_bands_differ():
    city = np.load(CITY)
    gain = from_paths(city["a"], city["tau"], np.array([-20e6, 20e6]))
    assert gain.shape == (2, 80, 8, 8)
    assert np.abs(10 * np.log10(gain[0] / gain[1])).mean() > 1
    assert (np.diagonal(gain, axis1=2, axis2=3).mean((0, 1)) > gain.mean((0, 1, 3))).all()  # one's own is the nearest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((A[0, 0],), r"a: the shape \(4, 2, 5, 2\) is not valid: it should be \(receivers, antennas,"),
        ((A.astype(str),), "a: holds <U"),
        ((A * np.nan,), r"a: the coefficient at \[0, 0, 0, 0, 0, 0\] is not finite"),
        ((A, TAU[0], FREQUENCY), r"tau: the shape \(4, 5\) is not valid: .* it should be \(3, 4, 5\) or"),
        ((A, TAU * np.inf, FREQUENCY), "tau: the delay of a path is not finite"),
        ((A, None, FREQUENCY), "tau: missing: without delays of the paths all bands are the same"),
        ((A, TAU, [[1.0]]), r"frequency: the shape \(1, 1\) is not valid"),
        ((A, TAU, "2.4 GHz"), "frequency: values of the type <U7 are not valid: they should be real numbers"),
        ((A, TAU + 0j, FREQUENCY), "tau: values of the type complex128 are not valid"),
        (([[1, 2], [3]],), "a: is not valid: it should be an array of complex numbers"),
        (((A.real, A.imag, TAU),), r"a: a tuple of 3 is not valid: it should be \(real parts, imaginary parts\)"),
        (((A.real, A.imag[0]),), r"a: real parts .* and imaginary parts .* should have equal shapes"),
        (((A, A),), r"a\[0\]: values of the type complex128 are not valid"),
        ((A[None].repeat(2, 0),), r"a: the shape \(2, 3, 2, 4, 2, 5, 2\) is not valid"),
        ((A * 1e20,), "a: coefficients of .* are not valid: the largest that is taken is 1e"),
    ],
)
def test_what_does_not_fit_is_one_sentence(arguments, sentence):
    with pytest.raises(ConfigError, match=sentence):
        from_paths(*arguments)
