"""Arguments of physics, networks and allocators: taken as the numbers that they hold, or refused in one sentence."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from baselines.allocators import (
    certified_optimum,
    certify,
    delayed,
    fractional_programming,
    full_power,
    max_min,
    on_off,
    random_power,
    sum_rate,
    wmmse,
)
from wirelessenv import ConfigError, WirelessNetwork
from wirelessenv.physics.aggregation import aggregate, visible_amplitude
from wirelessenv.physics.rates import interference, rate, sinr, split

EVERY = [full_power, random_power, on_off, wmmse, fractional_programming, max_min, certified_optimum]
GAIN = np.array([[4.0, 1.0], [2.0, 8.0]])
SAME = {
    "lists": GAIN.tolist(),
    "tuples": tuple(map(tuple, GAIN)),
    "integers": GAIN.astype(np.uint8),
    "half precision": GAIN.astype(np.float16),
    "big-endian": GAIN.astype(">f8"),
    "columns first": np.asfortranarray(GAIN),
    "not contiguous": np.kron(GAIN, [[1, 0]])[:, ::2],
    "masked nowhere": np.ma.masked_array(GAIN),
    "long doubles": GAIN.astype(np.longdouble),
    "a tensor": torch.tensor(GAIN),
    "a bfloat16 tensor": torch.tensor(GAIN).bfloat16(),
}


@pytest.mark.parametrize("given_as", SAME)
def test_gains_are_the_numbers_that_they_hold_whatever_holds_them(given_as):
    gain = SAME[given_as]
    for allocator in EVERY:
        np.testing.assert_array_equal(allocator(gain, 1.0, 1.0), allocator(GAIN, 1.0, 1.0))
    assert float(sum_rate(gain, 1, [1, 0])) == pytest.approx(np.log2(5), rel=1e-15)
    wanted, cross = split(gain)
    assert np.asarray(wanted, float).tolist() == [4, 8]
    assert np.asarray(sinr(wanted, cross, [1, 2], 1), float) == pytest.approx([4 / 3, 16 / 3])


def test_what_is_handed_in_may_be_read_only_and_stays_as_it_is():
    parts = [np.array(GAIN), np.array([0.5, 1.0]), np.array([2.0, 1.0]), np.array([1.0, 0.5])]
    before = [part.copy() for part in parts]
    for part in parts:
        part.flags.writeable = False
    for allocator in EVERY:
        power = allocator(*parts)
        power[...] = 0  # what comes back is nobody else's
    sum_rate(*parts)
    for part, as_before in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part, as_before)


@pytest.mark.parametrize("pairs", [1, 3])
def test_an_empty_batch_has_empty_powers_and_one_pair_has_full_power(pairs):
    for allocator in EVERY:
        assert allocator(np.zeros((2, 0, pairs, pairs)), 1.0, 1.0).shape == (2, 0, pairs)
    assert certify(np.zeros((0, pairs, pairs)), 1.0, 1.0).proved.shape == (0,)
    assert [float(allocator([[2.0]], 1.0, 3.0)[0]) for allocator in EVERY if allocator is not random_power] == [3.0] * 6


WRONG = [
    (GAIN + 0j, "values of the type complex128 are not valid: they should be real numbers"),
    (GAIN > 1, "values of the type bool are not valid"),
    (GAIN.astype(str), "values of the type <U32 are not valid"),
    (GAIN.astype(object), "values of the type object are not valid"),
    ("1.5", "values of the type <U3 are not valid"),
    (None, "values of the type object are not valid"),
    ({"gain": GAIN}, "values of the type object are not valid"),
    ([[1.0], [1.0, 2.0]], "[[1.0], [1.0, 2.0]] is not valid: it should be an array of numbers"),
    (np.ma.masked_array(GAIN, [[1, 0], [0, 0]]), "masked entries are not valid"),
    (torch.tensor(GAIN) > 1, "values of the type torch.bool are not valid"),
    (torch.tensor(GAIN) + 0j, "values of the type torch.complex128 are not valid"),
    (torch.tensor(GAIN).to("meta"), "a tensor on the device meta is not valid: it holds no numbers"),
    (np.array([[1, np.nan], [1, 1]]), "nan at [0, 1] is not valid: it should be finite, and 0 or more"),
    (np.array([[1, 1], [-np.inf, 1]]), "-inf at [1, 0] is not valid: it should be finite, and 0 or more"),
    (np.array([[1, 1], [1, 1e41]]), "1e+41 at [1, 1] is not valid: it should be finite, and 0 or more"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG)
def test_what_holds_no_gains_or_powers_is_refused_by_name(wrong, sentence):
    calls = [(lambda allocator=allocator: allocator(wrong, 1.0, 1.0), "gain") for allocator in [*EVERY, certify]]
    calls += [
        (lambda: sum_rate(wrong, 1.0, [1.0, 1.0]), "gain"),
        (lambda: sum_rate(GAIN, 1.0, wrong), "power"),
        (lambda: split(wrong), "gain"),
        (lambda: visible_amplitude(wrong, 0.1), "gain"),
        (lambda: interference(GAIN, wrong), "power"),
        (lambda: sinr([1.0, 1.0], GAIN, wrong, 1.0), "power"),
        (lambda: WirelessNetwork({"preset": "gaussian", "transmitters": 2}).utilities([1.0, 1.0], GAIN, wrong), "power"),
    ]
    for call, name in calls:
        with pytest.raises(ConfigError) as caught:
            call()
        said = str(caught.value)
        assert said.startswith(f"{name}: ")
        assert "\n" not in said
        if (
            name == "gain"
            and not said.startswith("gain: nan at [0, 0,")
            and "at [0, " not in said.split("is not", maxsplit=1)[0]
        ):
            assert sentence.split(" at [")[0] in said


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: sum_rate(GAIN, 1.0, [1.0, -1.0]), "power: -1.0 at [1] is not valid: it should be finite, and 0 or more"),
        (lambda: sum_rate(GAIN, 1.0, [1.0]), "power: the shape (1,) is not valid: it should be (..., m), and m is 2"),
        (lambda: sum_rate(GAIN, 1.0, 1.0), "power: the shape () is not valid"),
        (lambda: sum_rate([GAIN] * 3, 1.0, np.ones((2, 2))), "power: the shape (2, 2) is not valid for gains (3, 2, 2)"),
        (lambda: sum_rate(GAIN, 0.0, [1.0, 1.0]), "noise: 0.0 is not valid: it should be finite, and above 0"),
        (lambda: sum_rate(GAIN, [1.0, 1.0, 1.0], [1.0, 1.0]), "noise: the shape (3,) is not valid for gains (2, 2)"),
        (lambda: sum_rate(GAIN, None, [1.0, 1.0]), "noise: values of the type object are not valid"),
        (lambda: sum_rate(GAIN, 1.0, [1.0, 1.0], [1.0, -1.0]), "weights: -1.0 at [1] is not valid"),
        (lambda: sum_rate(np.ones((2, 3)), 1.0, [1.0, 1.0]), "gain: the shape (2, 3) is not valid: it should be (..., m, m)"),
        (lambda: sum_rate(np.ones((0, 0)), 1.0, []), "gain: the shape (0, 0) is not valid"),
        (lambda: wmmse(torch.tensor(GAIN).requires_grad_(), 1.0, 1.0), "gain: a tensor that requires a gradient is not valid"),
        (lambda: wmmse(GAIN, 1.0, 1.0, iterations=1.5), "iterations: 1.5 is not valid: it should be a whole number, 1 or more"),
        (lambda: wmmse(GAIN, 1.0, 1.0, iterations=True), "iterations: True is not valid"),
        (
            lambda: wmmse(GAIN, 1.0, 1.0, tolerance=np.nan),
            "tolerance: nan is not valid: it should be a finite number, 0",
        ),
        (lambda: wmmse(GAIN, 1.0, 1.0, starts="full"), "starts: 'full' is not valid: it should be a list of"),
        (lambda: wmmse(GAIN, 1.0, 1.0, seed=-1), "seed: -1 is not valid: a seed is a whole number, 0 or more"),
        (lambda: random_power(GAIN, 1.0, 1.0, seed=1.5), "seed: 1.5 is not valid"),
        (lambda: max_min(GAIN, 1.0, 1.0, seconds=0), "seconds: 0 is not valid: it should be a number, above 0"),
        (lambda: certify(GAIN, 1.0, 1.0, gap="x"), "gap: values of the type <U1 are not valid"),
        (lambda: certify(GAIN, 1.0, 1.0, most_boxes=0), "most_boxes: 0 is not valid"),
        (lambda: delayed([GAIN], 1.5), "slots: 1.5 is not valid: it should be a whole number, 0 or more"),
        (lambda: delayed(GAIN, 1), "gain: the shape (2, 2) is not valid: it should be (..., time, m, m)"),
        (lambda: rate([1.0, np.nan]), "ratio: nan at [1] is not valid: it should be a ratio of powers, 0 or more"),
        (lambda: rate([1.0], cap=-1), "cap: -1 is not valid: it should be a number, above 0"),
        (lambda: sinr([1.0, 1.0], GAIN, [1.0, 1.0], -1.0), "noise: -1.0 is not valid"),
        (lambda: sinr([1.0], GAIN, [1.0, 1.0], 1.0), "wanted: the shape (1,) is not valid: it should be (..., m), and m is 2"),
        (lambda: aggregate(np.ones((1, 1, 2, 3)), np.ones((1, 2, 3))), "amplitude: the shape (1, 1, 2, 3) is not valid"),
        (lambda: aggregate(np.ones((1, 1, 2, 2)), np.ones((1, 3, 3))), "history: the shape (1, 3, 3) is not valid"),
    ],
)
def test_each_argument_that_cannot_be_used_is_said_with_what_would_be_right(call, sentence):
    with pytest.raises(ConfigError) as caught:
        call()
    assert str(caught.value).startswith(sentence)


def test_a_network_takes_powers_up_to_its_limit():
    network = WirelessNetwork("dense", seed=0)
    block = network.block(1)
    power = np.full((1, 1, 24), 10.0, np.float32)
    assert network.outcome(block.wanted, block.cross, power).utility.shape == (1, 1, 24)
    with pytest.raises(ConfigError, match=r"^power: 10\.1\d* at \[0, 0, 3\] is not valid: it should be in \[0, 10\]$"):
        network.utilities(block.wanted, block.cross, np.where(np.arange(24) == 3, 10.1, power))


def test_what_single_precision_cannot_hold_is_refused_rather_than_infinite():
    with pytest.raises(ConfigError, match=r"cross: .* so that 32 bits hold what is received"):
        sinr(np.float32([1, 1]), np.float32([[0, 1e38], [1e38, 0]]), np.float32([9, 9]), 1.0)


def test_a_cap_beyond_single_precision_is_no_cap():
    for ratio in (np.float32([3.0, np.inf]), torch.tensor([3.0, np.inf])):
        assert rate(ratio, cap=1e40).tolist() == [2.0, np.inf]


def test_rates_can_still_be_transformed_by_torch():
    wanted, cross = split(torch.tensor(GAIN))
    power = torch.rand(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one_by_one = torch.func.vmap(lambda p: rate(sinr(wanted, cross, p, 1.0)))(power)
    torch.testing.assert_close(one_by_one, rate(sinr(wanted, cross, power, 1.0)))


ANY = arrays.arrays(
    st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.uint8, np.complex128, bool, object, "U3", ">f4"]),
    st.sampled_from([(), (0,), (2,), (2, 2), (3, 2, 2), (2, 3), (0, 2, 2), (1, 1)]),
)
NUMBERS = st.one_of(ANY, st.floats(), st.integers(), st.none(), st.text(max_size=3), st.lists(st.floats(), max_size=3))


@pytest.mark.parametrize("allocator", [*EVERY, sum_rate])
@given(gain=st.one_of(ANY, st.just(GAIN)), noise=st.one_of(NUMBERS, st.just(1.0)), third=st.one_of(NUMBERS, st.just(1.0)))
def test_whatever_is_handed_in_gives_finite_numbers_or_one_sentence(allocator, gain, noise, third):
    with warnings.catch_warnings(action="error"):
        try:
            found = allocator(gain, noise, third)
        except ConfigError as error:
            assert "\n" not in str(error)  # noqa: PT017  # either of two ends is right
        else:
            assert np.isfinite(found).all()
            assert (found >= 0).all()
