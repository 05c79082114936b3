"""Powers in their own units: "-104 dBm" is 10^-13.4 W."""

import math
import re
from typing import Any

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?:(?i:(dBm|dBW))|([kmuµnpf]?)[Ww])\s*")
_NUMBER = re.compile(r"\s*[+-]?[\d._]+(?:e[+-]?\d+)?\s*|\s*[+-]?(?:inf|infinity|nan)\s*", re.IGNORECASE)
MOST = 308
"""Exponent of the largest number."""
_TIMES = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
"""Prefixes as they are written: m is milli, and M, which would be mega, is none of them."""


def in_watts(value: Any) -> Any:
    """A power with its unit, such as "23 dBm" or "200 mW", in watts; anything else as it is."""
    if not isinstance(value, str):
        return value
    found = _WRITTEN.fullmatch(value)
    if found is None and _NUMBER.fullmatch(value):
        return value
    if found is None:
        raise ValueError(f"{value!r} is not valid: it should be a number, or a power with its unit, such as -104 dBm or 200 mW")
    number, decibels, times = float(found[1]), found[2], found[3]
    if decibels is None:
        return number * _TIMES[times]
    exponent = (number - (30 if decibels.lower() == "dbm" else 0)) / 10
    return 10.0**exponent if exponent < MOST else math.inf  # which whoever reads it refuses


AsPower = BeforeValidator(in_watts)
"""Reads a power with its unit."""
