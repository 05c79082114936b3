"""Fading of several bands: independent from band to band, the same in all of them, or correlated in between."""

import math
from typing import Any

from array_api_compat import array_namespace

from wirelessenv.channel.fading import Fading, Span
from wirelessenv.channel.sampling import Sampler


def fade_bands(fading: Fading, sampler: Sampler, span: Span, state: Any, *, bands: int, correlation: float) -> tuple[Any, Any]:
    """Small-scale gains of the next slots in every band.

    With 0 < r < 1, f_1 = w_1 and f_b = r f_{b-1} + sqrt(1 - r^2) w_b, where w_b are independent, of the law of `fading`: the
    scattered part of f in bands b and c has the correlation r^|b - c|, and that of Gaussian laws stays what it is in every
    band. (A coherence bandwidth B_c and bands that are df apart have r = exp(-df / B_c).) A constant part is in every band.

    Args:
        fading: the law of each band.
        sampler: the source of all random numbers.
        span: the slots, and the links of one band.
        state: what the last block returned; None at the start.
        bands: M.
        correlation: r, of adjacent bands: 0 independent, 1 the same.

    Returns:
        Gains |f|^2, linear, (runs, slots, M, receivers, transmitters) float32, which the caller leaves as they are; and the
        state after them.
    """
    if correlation == 1:
        gain, state = fading.block(sampler, span, state)
        shape = (*gain.shape[:2], bands, *gain.shape[2:])
        return array_namespace(gain).broadcast_to(gain[:, :, None], shape), state
    together = span._replace(receivers=bands * span.receivers)  # a law knows links alone: those of a band stand below another's
    if correlation == 0:
        gain, state = fading.block(sampler, together, state)
        return _apart(gain, bands), state
    scatter, direct, state = fading.amplitudes(sampler, together, state)
    parts = [_apart(part, bands) for part in scatter]
    for part in parts:
        for band in range(1, bands):
            part[:, :, band] *= math.sqrt(1 - correlation**2)
            part[:, :, band] += correlation * part[:, :, band - 1]
    parts[0] += direct
    return sum(part**2 for part in parts), state


def _apart(values: Any, bands: int) -> Any:
    """Values (runs, slots, M receivers, transmitters) as (runs, slots, M, receivers, transmitters)."""
    runs, slots, rows, transmitters = values.shape
    return values.reshape(runs, slots, bands, rows // bands, transmitters)
