import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.physics.aggregation import aggregate, visible_amplitude


def amplitudes(runs=1, slots=9, agents=4, seed=0):
    return np.random.default_rng(seed).exponential(0.7, (runs, slots, agents, agents)).astype(np.float32)


def product_form(amplitude, hops):
    """y^k[t] = H[t] H[t-1] ... H[t-k+1] 1 (Behmandpoor et al., 2024) in float64; nothing is exchanged before the first slot."""
    slots, agents = amplitude.shape[:2]
    sequence = np.ones((slots, agents, hops))
    for t in range(slots):
        for k in range(1, hops):
            product = np.eye(agents)
            for lag in range(min(k, t + 1)):
                product = product @ amplitude[t - lag].astype(float)
            sequence[t, :, k] = product.sum(axis=1)
    return sequence


def ones(runs, agents, hops):
    return np.ones((runs, agents, hops), np.float32)


@given(agents=st.integers(1, 5), hops=st.integers(1, 6), slots=st.integers(1, 8), seed=st.integers(0, 99))
def test_the_sequence_is_the_product_of_channel_matrices(agents, hops, slots, seed):
    amplitude = amplitudes(2, slots, agents, seed)
    sequence, history = aggregate(amplitude, ones(2, agents, hops))
    assert sequence.shape == (2, slots, agents, hops)
    assert sequence.dtype == np.float32
    for run in range(2):
        np.testing.assert_allclose(sequence[run], product_form(amplitude[run], hops), rtol=1e-5)
    np.testing.assert_array_equal(history, sequence[:, -1])


def test_the_first_exchange_sums_what_each_receiver_hears():
    amplitude = np.array([[[[1.0, 2.0], [5.0, 3.0]]]], np.float32)
    sequence, _ = aggregate(amplitude, ones(1, 2, 2))
    assert sequence[0, 0].tolist() == [[1, 3], [1, 8]]


@given(cuts=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_it_does_not_matter_how_slots_are_cut_into_blocks(cuts):
    amplitude = amplitudes(2, sum(cuts), 5)
    whole, last = aggregate(amplitude, ones(2, 5, 5))
    history, parts = ones(2, 5, 5), []
    for part in np.split(amplitude, np.cumsum(cuts)[:-1], axis=1):
        sequence, history = aggregate(part, history)
        parts.append(sequence)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-6)
    np.testing.assert_allclose(history, last, rtol=1e-6)


@pytest.mark.parametrize("hops", [3, 5])
def test_how_it_began_is_forgotten_after_as_many_slots_as_there_are_exchanges(hops):
    amplitude, history = amplitudes(slots=8), ones(1, 4, hops)
    one, _ = aggregate(amplitude, history)
    history[..., 1:] = 100
    other, _ = aggregate(amplitude, history)
    np.testing.assert_array_equal(one[:, hops - 2 :], other[:, hops - 2 :])
    assert (one[:, : hops - 2, :, -1] != other[:, : hops - 2, :, -1]).all()


def test_later_changes_of_a_history_do_not_reach_the_sequence():
    sequence, history = aggregate(amplitudes(), ones(1, 4, 5))
    kept = sequence.copy()
    history *= 0
    np.testing.assert_array_equal(sequence, kept)


def test_weak_links_are_not_seen_and_the_threshold_itself_is():
    gain = np.array([[0.0, 0.0001, 0.00011], [0.00009, 4.0, 9.0]])
    np.testing.assert_allclose(visible_amplitude(gain, 0.01), [[0, 0.01, 0.00011**0.5], [0, 2, 3]], rtol=1e-15)


def test_the_gain_keeps_its_weak_links():
    gain = amplitudes()
    kept = gain.copy()
    assert (visible_amplitude(gain, 0.8) == 0).any()
    np.testing.assert_array_equal(gain, kept)


def test_torch_and_numpy_agree():
    gain = amplitudes(3, 6, 4)
    sequence, history = aggregate(visible_amplitude(gain, 0.5), ones(3, 4, 5))
    seen = visible_amplitude(torch.as_tensor(gain), 0.5)
    torch_sequence, torch_history = aggregate(seen, torch.ones(3, 4, 5))
    assert torch_sequence.dtype == torch.float32
    np.testing.assert_allclose(torch_sequence.numpy(), sequence, rtol=1e-5)
    np.testing.assert_allclose(torch_history.numpy(), history, rtol=1e-5)
