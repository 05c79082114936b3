"""Fading of several bands: its law in each band, and between bands."""

import numpy as np
import pytest
from scipy import stats

from wirelessenv.channel.bands import fade_bands
from wirelessenv.channel.fading import Fading, Rayleigh, Span
from wirelessenv.channel.sampling import NumpySampler, TorchSampler

LAWS = ["rayleigh", {"kind": "rician", "k_factor": 2.0}, "real_ar1", "none"]
LAWS += [{"kind": kind, "doppler": 10} for kind in ("gauss_markov", "jakes")]


def drawn(law, bands, correlation, slots=400, links=(3, 2), *, seeds=range(6), cuts=None, new=NumpySampler):
    sampler, state, blocks = new(seeds, "fading"), None, []
    for count in cuts or [slots]:
        span = Span(count, *links, 0.02)
        gain, state = fade_bands(Fading.parse(law), sampler, span, state, bands=bands, correlation=correlation)
        blocks.append(np.asarray(gain))
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("correlation", [0, 0.6, 1])
@pytest.mark.parametrize("new", [NumpySampler, lambda seeds, purpose: TorchSampler(seeds, purpose, "cpu")])
def test_gains_have_an_axis_of_bands(law, correlation, new):
    gain = drawn(law, 3, correlation, 4, new=new)
    assert gain.shape == (6, 4, 3, 3, 2)
    assert gain.dtype == np.float32
    assert (gain >= 0).all()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("correlation", [0, 0.6, 1])
def test_numbers_do_not_depend_on_how_slots_are_cut_into_blocks(law, correlation):
    whole, cut = drawn(law, 3, correlation, 12), drawn(law, 3, correlation, cuts=[1, 7, 4])
    np.testing.assert_array_equal(whole, cut)


def test_of_one_band_the_numbers_are_those_without_bands():
    span = Span(7, 3, 2, 0.02)
    alone, _ = Rayleigh().block(NumpySampler([5], "fading"), span, None)
    np.testing.assert_array_equal(drawn("rayleigh", 1, 0, 7, seeds=[5])[:, :, 0], alone)


@pytest.mark.parametrize("correlation", [0, 0.5, 0.9])
def test_every_band_has_the_law_of_one(correlation):
    gain = drawn("rayleigh", 4, correlation, 200, (4, 4), seeds=range(10))
    expected = stats.expon()
    # 1e-4 / 4 for each of 4 bands of 10 runs of independent draws
    worst = min(stats.kstest(gain[:, :, band].ravel(), expected.cdf).pvalue for band in range(4))
    assert worst > 2.5e-5


@pytest.mark.parametrize("law", ["rayleigh", {"kind": "gauss_markov", "doppler": 10}, "real_ar1"])
def test_gains_of_two_bands_have_the_square_of_the_correlation_of_amplitudes(law):
    # of Gaussian amplitudes corr(|f_b|^2, |f_c|^2) = |corr(f_b, f_c)|^2 = r^(2 |b - c|)
    correlation, runs = 0.8, 40
    gain = drawn(law, 3, correlation, 300, (3, 3), seeds=range(runs)).astype(float)
    for apart in (1, 2):
        found = np.array([np.corrcoef(one[:, 0].ravel(), one[:, apart].ravel())[0, 1] for one in gain])
        error = found.std(ddof=1) / np.sqrt(runs)
        assert abs(found.mean() - correlation ** (2 * apart)) < 4 * error + 0.005  # a share's bias of 1 / 300
    independent = drawn(law, 2, 0, 300, (3, 3), seeds=range(runs)).astype(float)
    found = np.array([np.corrcoef(one[:, 0].ravel(), one[:, 1].ravel())[0, 1] for one in independent])
    assert abs(found.mean()) < 4 * found.std(ddof=1) / np.sqrt(runs)


def test_waves_of_jakes_keep_their_power_in_mixed_bands():
    gain = drawn({"kind": "jakes", "doppler": 10}, 4, 0.7, 50, (4, 4), seeds=range(60))
    means = gain.mean((1, 3, 4))  # of each run and band
    assert (abs(means.mean(0) - 1) < 4 * means.std(0) / np.sqrt(60)).all()


def test_a_direct_path_is_in_every_band():
    gain = drawn({"kind": "rician", "k_factor": 1e4}, 3, 0.5, 50)
    assert abs(gain - 1).max() < 0.15


def test_fully_correlated_bands_are_the_same():
    gain = drawn("rayleigh", 3, 1, 20)
    np.testing.assert_array_equal(gain, np.broadcast_to(gain[:, :, :1], gain.shape))
    np.testing.assert_array_equal(
        gain[:, :, 0], Rayleigh().block(NumpySampler(range(6), "fading"), Span(20, 3, 2, 0.02), None)[0]
    )
