"""The physics of waves that the channel needs. scipy, which has J0, is no dependency of the environment."""

import math

import numpy as np

SPEED_OF_LIGHT = 299_792_458.0
"""m/s"""


def bessel_j0(x: float) -> float:
    """The Bessel function of the first kind and order 0, J0(x) = (1 / pi) int_0^pi cos(x sin t) dt, within 1e-12.

    The integrand is periodic, so that the trapezoid rule with n points errs by about 2 J_2n(x), which vanishes faster than
    exponentially once 2 n exceeds x. Beyond 1000 Hankel's asymptotic expansion takes its place (Abramowitz and Stegun,
    9.1.18 and 9.2.5).

    >>> round(bessel_j0(1.0), 12)
    0.765197686558
    """
    x = abs(x)
    if x <= 1000:
        angles = np.arange(points := 30 + math.ceil(x)) * (math.pi / points)
        return float(np.cos(x * np.sin(angles)).mean())
    even, odd = 1 - 9 / (128 * x**2), -1 / (8 * x) + 75 / (1024 * x**3)
    turned = x - math.pi / 4
    return math.sqrt(2 / (math.pi * x)) * (even * math.cos(turned) - odd * math.sin(turned))
