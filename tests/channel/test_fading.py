import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wirelessenv.channel.fading import Fading, NoFading, Rayleigh, RealAR1, Rician, Span
from wirelessenv.channel.sampling import NumpySampler, TorchSampler

LAWS = [*sorted(set(Fading.kinds) - {"gauss_markov", "jakes"})]
LAWS += [{"kind": kind, "doppler": 10} for kind in ("gauss_markov", "jakes")]
T = 0.02
SAMPLERS = [
    pytest.param(NumpySampler, id="numpy"),
    pytest.param(lambda seeds, purpose: TorchSampler(seeds, purpose, "cpu"), id="torch"),
]


def blocks(law, sampler, cuts, receivers=3, transmitters=2):
    state, gains = None, []
    for slots in cuts:
        gain, state = law.block(sampler, Span(slots, receivers, transmitters, T), state)
        gains.append(np.asarray(gain))
    return np.concatenate(gains, axis=1)


def z_score(values, expected):
    values = np.asarray(values, float).ravel()
    return abs(values.mean() - expected) / (values.std() / np.sqrt(values.size))


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("new", SAMPLERS)
def test_shape_type_and_sign(kind, new):
    gain = blocks(Fading.parse(kind), new([4, 5], "fading"), [3, 1], 3, 2)
    assert gain.shape == (2, 4, 3, 2)
    assert gain.dtype == np.float32
    assert (gain >= 0).all()


@pytest.mark.parametrize("kind", LAWS)
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_numpy_draws_do_not_depend_on_how_slots_are_cut_into_blocks(kind, cuts):
    law = Fading.parse(kind)
    cut, whole = (blocks(law, NumpySampler([7, 1], "fading"), how) for how in (cuts, [sum(cuts)]))
    np.testing.assert_array_equal(cut, whole)


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("new", SAMPLERS)
def test_a_run_does_not_depend_on_what_else_is_in_the_batch(kind, new):
    law = Fading.parse(kind)
    together = blocks(law, new([3, 8, 5], "fading"), [4, 2])
    for row, seed in enumerate([3, 8, 5]):
        np.testing.assert_array_equal(together[row], blocks(law, new([seed], "fading"), [4, 2])[0])


@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("new", SAMPLERS)
def test_a_law_goes_on_from_a_saved_state(kind, new):
    law, sampler = Fading.parse(kind), new([3, 8], "fading")
    _, state = law.block(sampler, Span(3, 3, 3, T), None)
    saved = sampler.state()
    expected = law.block(sampler, Span(4, 3, 3, T), state)[0]
    other = new([0, 1], "fading")
    other.set_state(saved)
    np.testing.assert_array_equal(law.block(other, Span(4, 3, 3, T), state)[0], expected)


@pytest.mark.parametrize("kind", [law for law in LAWS if law != "none"])
def test_seeds_and_purposes_have_channels_of_their_own(kind):
    law = Fading.parse(kind)
    drawn = [blocks(law, NumpySampler([seed], purpose), [2]) for seed, purpose in [(0, "a"), (1, "a"), (0, "b")]]
    assert not any((drawn[i] == drawn[j]).any() for i, j in [(0, 1), (0, 2), (1, 2)])


@pytest.mark.parametrize("new", SAMPLERS)
def test_rayleigh_gains_are_exponential_with_mean_1(new):
    gain = blocks(Rayleigh(), new([0, 1], "fading"), [100], 20, 20)
    assert stats.kstest(gain.ravel().astype(float), "expon").pvalue > 1e-3
    assert z_score(gain, 1.0) < 4
    assert z_score(gain[:, :-1] * gain[:, 1:], 1.0) < 4  # fresh every slot
    assert z_score(gain[..., :-1] * gain[..., 1:], 1.0) < 4  # and for every link


@pytest.mark.parametrize("new", SAMPLERS)
@pytest.mark.parametrize("k", [0.0, 1.0, 6.0])
def test_rician_gains_have_mean_1_and_their_law(new, k):
    gain = blocks(Rician(k_factor=k), new([0], "fading"), [30], 20, 20).astype(float)
    assert z_score(gain, 1.0) < 4
    assert z_score((gain - 1) ** 2, (1 + 2 * k) / (1 + k) ** 2) < 4
    assert z_score(gain[:, :-1] * gain[:, 1:], 1.0) < 4
    law = stats.ncx2(2, 2 * k) if k else stats.chi2(2)
    assert stats.kstest(2 * (k + 1) * gain.ravel()[:4000], law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("new", SAMPLERS)
@pytest.mark.parametrize(("memory", "innovation"), [(0.7**0.5, 0.3**0.5), (0.7, 0.3), (0.95, 1.0), (0.0, 0.5)])
def test_ar1_starts_and_stays_stationary_with_its_correlation(new, memory, innovation):
    law = RealAR1(memory=memory, innovation=innovation)
    sampler, state, amplitudes, gains = new([0], "fading"), None, [], []
    for slots in (1, 1, 10):
        gain, state = law.block(sampler, Span(slots, 150, 150, T), state)
        amplitudes.append(np.asarray(state, float).ravel())
        gains.append(np.asarray(gain, float)[:, -1].ravel())
    variance = innovation**2 / (1 - memory**2)
    for x, gain in zip(amplitudes, gains, strict=True):
        np.testing.assert_allclose(gain, x**2, rtol=1e-5)
        assert z_score(gain, variance) < 4
        assert stats.kstest(x / np.sqrt(variance), "norm").pvalue > 1e-3
    links = amplitudes[0].size
    for lag, (one, other) in {1: (0, 1), 10: (1, 2)}.items():
        assert stats.pearsonr(amplitudes[one], amplitudes[other]).statistic == pytest.approx(memory**lag, abs=4 / links**0.5)
        correlation = stats.pearsonr(gains[one], gains[other]).statistic
        assert correlation == pytest.approx(memory ** (2 * lag), abs=12 / links**0.5)  # squares have heavier tails


def test_gains_of_the_authors_have_unit_power_and_the_law_of_a_squared_gaussian():
    gain = blocks(RealAR1(), NumpySampler([0], "fading"), [30], 60, 60).astype(float)
    last, links = gain[0, -1].ravel(), 60 * 60
    assert abs(last.mean() - 1) < 4 * math.sqrt(2 / links)  # E x^2 = 1, Var x^2 = 2
    assert stats.kstest(last, stats.chi2(1).cdf).pvalue > 1e-3
    before = gain[0, -2].ravel()
    assert stats.pearsonr(before, last).statistic == pytest.approx(0.7, abs=12 / links**0.5)


def test_ar1_keeps_the_state_it_was_given():
    law, sampler = RealAR1(), NumpySampler([0], "fading")
    _, state = law.block(sampler, Span(2, 2, 2, T), None)
    kept = state.copy()
    gain, _ = law.block(sampler, Span(3, 2, 2, T), state)
    gain *= 0
    np.testing.assert_array_equal(state, kept)


def test_without_fading_nothing_is_drawn():
    sampler = NumpySampler([0], "fading")
    before = sampler.state()
    np.testing.assert_array_equal(blocks(NoFading(), sampler, [2]), np.ones((1, 2, 3, 2)))
    assert sampler.state() == before


def test_torch_gains_live_where_the_sampler_does():
    gain, _ = Rician().block(TorchSampler([0], "fading", "cpu"), Span(2, 3, 3, T), None)
    assert isinstance(gain, torch.Tensor)
    assert gain.dtype == torch.float32
