import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.config import ConfigError
from wirelessenv.physics.utilities import Utility

KINDS = sorted(Utility.kinds)


@pytest.mark.parametrize(
    ("utility", "rate", "power", "value"),
    [
        ("rate", 2.5, 3.0, 2.5),
        ("rate", 0.0, 3.0, 0.0),
        ({"kind": "proportional_fairness", "floor": 0.5}, math.e - 0.5, 3.0, 1.0),
        ("proportional_fairness", 0.0, 3.0, math.log(1e-3)),
        ("energy_efficiency", 2.0, 3.0, 0.5),
        ("energy_efficiency", 2.0, 0.0, 2.0),
        ({"kind": "energy_efficiency", "amplifier_efficiency": 0.5, "circuit_power": 2}, 4.0, 3.0, 0.5),
        ("latency", 4.0, 3.0, -0.25),
        ({"kind": "latency", "packet": 3, "longest": 6}, 1.5, 3.0, -2.0),
        ({"kind": "latency", "packet": 3, "longest": 6}, 0.5, 3.0, -6.0),
        ({"kind": "latency", "packet": 3, "longest": 6}, 0.1, 3.0, -6.0),
        ({"kind": "latency", "packet": 3, "longest": 6}, 0.0, 3.0, -6.0),
        ("minimum_rate", 2.0, 3.0, 2.0),
        ("minimum_rate", 0.5, 3.0, 0.5),
        ("minimum_rate", 0.25, 3.0, 0.0),
        ({"kind": "minimum_rate", "minimum": 2, "weight": 3}, 1.0, 3.0, -2.0),
    ],
)
def test_values_by_hand(utility, rate, power, value):
    for dtype in (np.float64, np.float32):
        paid = Utility.parse(utility)(np.array([[rate]], dtype), np.array([[power]], dtype))
        assert paid.dtype == dtype
        assert paid.shape == (1, 1)
        assert paid[0, 0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(
    rates=st.tuples(st.floats(0, 30), st.floats(0, 30)).map(sorted),
    power=st.floats(0, 40),
)
def test_no_utility_falls_when_the_rate_rises(kind, rates, power):
    lower, upper = Utility.parse(kind)(np.array(rates), np.full(2, power))
    assert lower <= upper
    assert np.isfinite([lower, upper]).all()


@given(rate=st.floats(0.1, 30), powers=st.tuples(st.floats(0, 40), st.floats(0, 40)).map(sorted))
def test_energy_efficiency_falls_with_power(rate, powers):
    frugal, lavish = Utility.parse("energy_efficiency")(np.full(2, rate), np.array(powers))
    assert frugal >= lavish


@pytest.mark.parametrize("kind", KINDS)
def test_torch_and_numpy_agree_and_arguments_are_kept(kind):
    rng = np.random.default_rng(0)
    rate, power = rng.exponential(1.0, (2, 50)).astype(np.float32), rng.uniform(0, 10, (2, 50)).astype(np.float32)
    rate[0, 0] = 0
    kept = rate.copy(), power.copy()
    utility = Utility.parse(kind)
    paid = utility(torch.as_tensor(rate), torch.as_tensor(power))
    assert paid.dtype == torch.float32
    np.testing.assert_allclose(paid.numpy(), utility(rate, power), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal((rate, power), kept)


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "proportional_fairness", "floor": 0},
        {"kind": "energy_efficiency", "circuit_power": 0},
        {"kind": "energy_efficiency", "amplifier_efficiency": 0},
        {"kind": "latency", "longest": float("inf")},
        {"kind": "minimum_rate", "weight": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match="is not valid"):
        Utility.parse(settings)
