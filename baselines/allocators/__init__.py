"""Power allocators that know every channel: allocator(gain, noise, p_max, weights=None) -> power.

gain (..., m, m) is |h|^2 as [receiver, transmitter]; noise and p_max are numbers, or (..., m) for each receiver and
transmitter; weights (..., m) make it the weighted sum rate. Powers are (..., m). Leading axes are independent channels.
certify returns what no powers can exceed beside them.
"""

from baselines.allocators.certified import Certified, certified_optimum, certify
from baselines.allocators.checks import sum_rate
from baselines.allocators.iterative import fractional_programming, max_min, wmmse
from baselines.allocators.simple import full_power, on_off, random_power

__all__ = [
    "Certified",
    "certified_optimum",
    "certify",
    "fractional_programming",
    "full_power",
    "max_min",
    "on_off",
    "random_power",
    "sum_rate",
    "wmmse",
]
