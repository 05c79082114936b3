import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import j0

from wirelessenv.channel.waves import bessel_j0


@given(st.floats(-2000, 2000))
def test_j0_is_that_of_scipy(x):
    assert bessel_j0(x) == pytest.approx(j0(x), abs=2e-12)


@pytest.mark.parametrize("x", [0.0, 1e-300, 2.404825557695773, 999.999, 1000.0, 1000.001, 1e6, 1e12])
def test_j0_at_its_edges(x):
    # Far out the argument of the cosine is rounded, by both, to 1e-16 of itself.
    assert bessel_j0(x) == pytest.approx(j0(x), abs=2e-12 + 1e-16 * x / math.sqrt(1 + x))
    assert bessel_j0(-x) == bessel_j0(x)
