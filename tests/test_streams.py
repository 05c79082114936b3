from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.config import ConfigError
from wirelessenv.streams import generator_state, run_seeds, set_generator_state, stream

keys = st.tuples(st.integers(0, 2**63 - 1) | st.integers(0, 3), st.sampled_from(["fading", "loss", ""]), st.integers(0, 5))


@given(one=keys, other=keys)
def test_streams_are_equal_exactly_where_seed_purpose_and_episode_are(one, other):
    assert (list(stream(*one).random(3)) == list(stream(*other).random(3))) == (one == other)


@pytest.mark.parametrize("other", [(0, "fading", 1), (1, "fading", 0), (0, "layout", 0), (2**32, "fading", 0)])
def test_neighbouring_streams_are_uncorrelated(other):
    draws = 100_000
    a, b = stream(0, "fading", 0).standard_normal(draws), stream(*other).standard_normal(draws)
    assert abs(np.mean(a * b)) < 4 / np.sqrt(draws)


def test_a_stream_does_not_depend_on_those_made_before():
    first = stream(5, "fading").random(4)
    for seed in range(10):
        stream(seed, "fading").random(7)
    np.testing.assert_array_equal(stream(5, "fading").random(4), first)


@pytest.mark.parametrize(
    ("given_seeds", "seeds"),
    [
        (3, (3,)),
        (np.int64(3), (3,)),
        (np.array(3), (3,)),
        ([4, 2], (4, 2)),
        ([np.array(4), np.uint8(2)], (4, 2)),
        (np.arange(3), (0, 1, 2)),
        (range(2), (0, 1)),
        (deque([1]), (1,)),
        (2**1024 - 1, (2**1024 - 1,)),
    ],
)
def test_run_seeds(given_seeds, seeds):
    assert run_seeds(given_seeds) == seeds
    assert all(type(seed) is int for seed in run_seeds(given_seeds))


NO_SEEDS = [-1, True, 1.0, None, "7", [1, -1], [True], [0.5], ["1"], [None], [], [[1]], b"12", bytearray(2), {1}]
NO_SEEDS += [np.ones((2, 2), int), np.ones(2), range(10**9), range(10**20), 2**1024, [1 << 10**7]]


@pytest.mark.parametrize("wrong", NO_SEEDS)
def test_what_is_no_seed_is_refused_in_one_sentence(wrong):
    with pytest.raises(ConfigError, match=r"^seed: [^\n]*is not valid[^\n]*$"):
        run_seeds(wrong)


@given(before=st.integers(0, 5))
def test_a_generator_goes_on_from_its_state(before):
    generator = stream(1, "fading")
    generator.random(before, dtype=np.float32)  # an odd number leaves half a word in the generator
    state = generator_state(generator)
    expected = generator.random(5, dtype=np.float32)
    other = stream(2, "loss")
    set_generator_state(other, state)
    np.testing.assert_array_equal(other.random(5, dtype=np.float32), expected)
