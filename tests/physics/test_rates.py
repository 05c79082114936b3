import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wirelessenv.physics.rates import rate, sinr, split

amounts = st.floats(0, 1e4, allow_subnormal=False)
networks = st.integers(1, 5).flatmap(
    lambda m: st.tuples(arrays(float, (m, m), elements=amounts), arrays(float, m, elements=amounts))
)


def looped_sinr(gain, power, noise):
    """At receiver i, transmitter j adds gain[i][j] power[j]."""
    ratios = []
    for i, row in enumerate(gain.tolist()):
        interference = 0.0
        for j, received in enumerate(row):
            if j != i:
                interference += received * float(power[j])
        ratios.append(row[i] * float(power[i]) / (noise + interference))
    return ratios


def exponential(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).exponential(size=shape).astype(dtype)


@given(network=networks, noise=st.floats(1e-6, 10))
def test_sinr_is_what_an_explicit_loop_finds(network, noise):
    gain, power = network
    np.testing.assert_allclose(sinr(*split(gain), power, noise), looped_sinr(gain, power, noise), rtol=1e-12)


def test_interference_comes_from_the_row_of_the_receiver():
    # Receiver 0 hears both others, receiver 1 hears transmitter 2, receiver 2 hears nobody else.
    gain = np.array([[6.0, 1.0, 2.0], [0.0, 8.0, 1.0], [0.0, 0.0, 3.0]])
    ratio = sinr(*split(gain), np.array([3.0, 2.0, 1.0]), 2.0)
    np.testing.assert_allclose(ratio, [18 / (2 + 2 + 2), 16 / (2 + 1), 3 / 2], rtol=1e-15)
    np.testing.assert_allclose(rate(ratio)[0], 2.0, rtol=1e-15)


def test_power_counts_once_and_not_squared():
    gain = np.array([[2.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(sinr(*split(gain), np.array([3.0, 5.0]), 1.0), [6.0, 5.0])


def test_an_interference_ten_million_times_weaker_than_the_signal_is_not_lost():
    rng = np.random.default_rng(0)
    gain = rng.uniform(0.5, 1.5, (200, 6, 6))
    gain[:, range(6), range(6)] *= 1e7
    gain, power = gain.astype(np.float32), rng.uniform(0.5, 1.5, (200, 6)).astype(np.float32)
    ratio = sinr(*split(gain), power, 1e-6)
    assert ratio.dtype == np.float32
    exact = [looped_sinr(g, p, 1e-6) for g, p in zip(gain, power, strict=True)]
    np.testing.assert_allclose(ratio, exact, rtol=1e-6)


def test_split_gives_the_diagonal_and_the_rest_and_keeps_the_gain():
    gain = exponential(2, 3, 4, 4)
    kept = gain.copy()
    wanted, cross = split(gain)
    assert (wanted.shape, cross.shape) == ((2, 3, 4), (2, 3, 4, 4))
    np.testing.assert_array_equal(wanted[..., None] * np.eye(4) + cross, gain)
    assert not np.diagonal(cross, axis1=-2, axis2=-1).any()
    cross *= 0
    np.testing.assert_array_equal(gain, kept)


@pytest.mark.parametrize("array", [np.asarray, torch.as_tensor])
def test_split_does_not_depend_on_how_the_gain_lies_in_memory(array):
    gain = exponential(3, 4, 4)
    column_by_column = array(gain.swapaxes(-1, -2).copy()).swapaxes(-1, -2)
    every_second = array(gain.repeat(2, axis=-1))[..., ::2]
    for laid_out in (column_by_column, every_second):
        wanted, cross = (np.asarray(part) for part in split(laid_out))
        np.testing.assert_array_equal(wanted[..., None] * np.eye(4) + cross, gain)
        assert not np.diagonal(cross, axis1=-2, axis2=-1).any()


@pytest.mark.parametrize(("ratio", "bits"), [(0.0, 0.0), (1.0, 1.0), (3.0, 2.0), (1023.0, 10.0)])
def test_rates_are_in_bits(ratio, bits):
    assert rate(np.array([ratio]))[0] == pytest.approx(bits, rel=1e-15)


def test_a_tiny_sinr_has_a_tiny_rate_and_not_none():
    assert rate(np.array([1e-12], np.float32))[0] == pytest.approx(1e-12 / math.log(2), rel=1e-6)


def test_leading_axes_broadcast():
    wanted, cross = split(exponential(3, 1, 4, 4))
    power = exponential(5, 4, seed=1)
    together = sinr(wanted, cross, power, 1.0)
    assert together.shape == (3, 5, 4)
    for run in range(3):
        for slot in range(5):
            np.testing.assert_allclose(together[run, slot], sinr(wanted[run, 0], cross[run, 0], power[slot], 1.0), rtol=1e-6)


def test_torch_and_numpy_agree():
    gain, power = exponential(3, 7, 5, 5), exponential(3, 7, 5, seed=1)
    numpy_rates = rate(sinr(*split(gain), power, 0.5))
    torch_rates = rate(sinr(*split(torch.as_tensor(gain)), torch.as_tensor(power), 0.5))
    assert torch_rates.dtype == torch.float32
    np.testing.assert_allclose(torch_rates.numpy(), numpy_rates, rtol=2e-6)


def test_torch_gives_the_gradient_of_the_rates():
    gain = torch.as_tensor(exponential(2, 3, 3, dtype=float))
    power = torch.as_tensor(exponential(2, 3, seed=1, dtype=float), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: rate(sinr(*split(gain), p, 0.5)), power)
