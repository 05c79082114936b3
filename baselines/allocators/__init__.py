"""Power allocators that know every channel: allocator(gain, noise, p_max, weights=None) -> power.

gain (..., m, m) is |h|^2 as [receiver, transmitter]; noise and p_max are numbers, or (..., m) for each receiver and
transmitter; weights (..., m) make it the weighted sum rate. Powers are (..., m). Leading axes are independent channels. With
bands=M, gain is (..., M, m, m), noise and p_max are those of all bands together, and powers are (..., M, m).
Over the links of networks whose faint ones are cut, wmmse_over_lists and fractional_programming_over_lists take their place.
certify returns beside them what no powers can exceed, and delayed makes of a series of gains what is known some slots late.
"""

from baselines.allocators.certified import Certified, certified_optimum, certify
from baselines.allocators.checks import sum_rate
from baselines.allocators.fair import max_min
from baselines.allocators.floor import rate_floor
from baselines.allocators.iterative import fractional_programming, wmmse
from baselines.allocators.near import fractional_programming_over_lists, wmmse_over_lists
from baselines.allocators.scheduling import fplinq, greedy_scheduling, itlinq
from baselines.allocators.simple import delayed, full_power, on_off, random_band, random_power

__all__ = [
    "Certified",
    "certified_optimum",
    "certify",
    "delayed",
    "fplinq",
    "fractional_programming",
    "fractional_programming_over_lists",
    "full_power",
    "greedy_scheduling",
    "itlinq",
    "max_min",
    "on_off",
    "random_band",
    "random_power",
    "rate_floor",
    "sum_rate",
    "wmmse",
    "wmmse_over_lists",
]
