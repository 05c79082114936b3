"""Powers in their own units: "-104 dBm" is 10^-13.4 W."""

import math
import re
from typing import Any

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(dBm|dBW|W|mW|kW|uW|nW)\s*", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?[\d._]+(?:e[+-]?\d+)?\s*|\s*[+-]?(?:inf|infinity|nan)\s*", re.IGNORECASE)
MOST = 308
"""Exponent of the largest number."""
_WATTS = {"w": 1.0, "mw": 1e-3, "kw": 1e3, "uw": 1e-6, "nw": 1e-9}


def in_watts(value: Any) -> Any:
    """A power with its unit, such as "23 dBm" or "200 mW", in watts; anything else as it is."""
    if not isinstance(value, str):
        return value
    found = _WRITTEN.fullmatch(value)
    if found is None and _NUMBER.fullmatch(value):
        return value
    if found is None:
        raise ValueError(f"{value!r} is not valid: it should be a number, or a power with its unit, such as -104 dBm or 200 mW")
    number, unit = float(found[1]), found[2].lower()
    if unit in _WATTS:
        return number * _WATTS[unit]
    exponent = (number - (30 if unit == "dbm" else 0)) / 10
    return 10.0**exponent if exponent < MOST else math.inf  # which whoever reads it refuses


AsPower = BeforeValidator(in_watts)
"""Reads a power with its unit."""
