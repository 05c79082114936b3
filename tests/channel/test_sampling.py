import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wirelessenv.channel.sampling import WORDS_AT_ONCE, NumpySampler, TorchSampler, fill_uniform, sampler

DEVICES = [pytest.param(None, id="numpy"), pytest.param("cpu", id="torch")]
SHAPES = [(), (1,), (3,), (2, 2), (3, 1, 3)]


def flat(drawn):
    return np.asarray(drawn, float).ravel()


def uncorrelated(one, other):
    products = one * other
    return abs(products.mean()) < 4 * products.std() / np.sqrt(products.size)


def test_the_device_chooses_the_sampler():
    assert isinstance(sampler([0], "fading"), NumpySampler)
    assert isinstance(sampler([0], "fading", device="cpu"), TorchSampler)
    assert isinstance(sampler([0], "fading", device="cpu").ones(2, 3), torch.Tensor)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_draw_has_a_row_for_each_run(device, shape):
    draws = sampler([0, 1], "fading", device=device)
    for drawn in (draws.uniform(4, *shape), draws.exponential(4, *shape), draws.normal(4, *shape), draws.ones(4, *shape)):
        assert drawn.shape == (2, 4, *shape)
        assert str(drawn.dtype).endswith("float32")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(1,), (7,), (10, 10)])
def test_normals_are_standard_and_independent(device, shape):
    values = np.asarray(sampler([0], "fading", device=device).normal(20_000 // int(np.prod(shape)), *shape), float)[0]
    assert stats.kstest(values.ravel(), "norm").pvalue > 1e-3
    assert uncorrelated(values[1:], values[:-1])
    assert uncorrelated(values[1:] ** 2 - 1, values[:-1] ** 2 - 1)


@pytest.mark.parametrize("device", DEVICES)
def test_the_values_of_one_slot_are_pairwise_independent(device):
    values = np.asarray(sampler([0], "fading", device=device).normal(20_000, 6), float)[0]
    for i in range(6):
        for j in range(i):
            assert uncorrelated(values[:, i], values[:, j])
            assert uncorrelated(values[:, i] ** 2 - 1, values[:, j] ** 2 - 1)


@pytest.mark.parametrize("device", DEVICES)
def test_exponentials_are_exponential_and_finite_whatever_is_drawn(device):
    values = flat(sampler([0], "fading", device=device).exponential(500, 2000))
    assert (values >= 0).all()
    assert values.max() < 25 * np.log(2)  # 1 - u is 2^-24 or more
    assert stats.kstest(values[:50_000], "expon").pvalue > 1e-3


@pytest.mark.parametrize("device", DEVICES)
def test_uniforms_fill_their_interval_and_stay_below_1(device):
    values = flat(sampler([0], "fading", device=device).uniform(500, 2000))
    assert (values >= 0).all()
    assert (values < 1).all()
    assert stats.kstest(values[:50_000], "uniform").pvalue > 1e-3


@pytest.mark.parametrize("shape", SHAPES)
@given(cuts=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_numpy_draws_do_not_depend_on_how_slots_are_cut(shape, cuts):
    for kind in ("normal", "exponential", "uniform"):
        cut = sampler([3, 4], "fading")
        parts = [getattr(cut, kind)(slots, *shape) for slots in cuts]
        whole = getattr(sampler([3, 4], "fading"), kind)(sum(cuts), *shape)
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(3, 3), (2, 2)])
def test_filling_a_part_of_an_array_draws_the_same_and_leaves_the_rest(device, shape):
    expected = flat(sampler([3, 4], "fading", device=device).normal(5, *shape))
    target = sampler([3, 4], "fading", device=device).ones(7, *shape)
    sampler([3, 4], "fading", device=device).fill_normal(target[:, 1:6])
    np.testing.assert_array_equal(flat(target[:, 1:6]), expected)
    assert (flat(target[:, :1]) == 1).all()
    assert (flat(target[:, 6:]) == 1).all()


@pytest.mark.parametrize("device", DEVICES)
def test_episodes_have_draws_of_their_own(device):
    first, second = (flat(sampler([3], "fading", episode, device).normal(4, 5)) for episode in (0, 1))
    assert (first != second).all()


@pytest.mark.parametrize("device", DEVICES)
def test_draws_go_on_from_a_saved_state(device):
    draws = sampler([3, 4], "fading", device=device)
    draws.normal(3, 3)
    saved = draws.state()
    expected = [flat(draws.normal(2, 3)), flat(draws.exponential(2, 3))]
    for _ in range(2):
        other = sampler([0, 1], "fading", device=device)
        other.set_state(saved)
        np.testing.assert_array_equal([flat(other.normal(2, 3)), flat(other.exponential(2, 3))], expected)


@given(before=st.integers(0, 3), words=st.integers(0, 3), more=st.integers(0, 5), seed=st.integers(0, 100))
def test_uniform_numbers_are_numpys_and_so_are_those_after_them(before: int, words: int, more: int, seed: int) -> None:
    ours, numpys = np.random.default_rng(seed), np.random.default_rng(seed)
    target = np.empty(words * 2 * WORDS_AT_ONCE + more, np.float32)
    for generator in (ours, numpys):
        generator.random(before, dtype=np.float32)  # an odd number leaves half a word
    fill_uniform(ours, target)
    np.testing.assert_array_equal(target, numpys.random(target.size, dtype=np.float32))
    np.testing.assert_array_equal(ours.random(3, dtype=np.float32), numpys.random(3, dtype=np.float32))
