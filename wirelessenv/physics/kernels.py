"""The formulas of rates.py and aggregation.py for arrays that are known to be right: what every slot is worked out with."""

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace


def split(gain: Any) -> tuple[Any, Any]:
    """(wanted gains (..., m), cross gains (..., m, m)) of gains (..., m, m); see `rates.split`."""
    agents = gain.shape[-1]
    cross = gain.reshape(*gain.shape[:-2], agents * agents) + 0  # row by row: every (m + 1)-th is diagonal
    wanted = cross[..., :: agents + 1] + 0
    cross[..., :: agents + 1] = 0
    return wanted, cross.reshape(gain.shape)


def interference(cross: Any, power: Any) -> Any:
    """sum_{j != i} g_ij p_j, (..., m)."""
    return (cross @ power[..., None])[..., 0]


def sinr(wanted: Any, cross: Any, power: Any, noise: Any) -> Any:
    """g_ii p_i / (noise + sum_{j != i} g_ij p_j), (..., m)."""
    return wanted * power / (interference(cross, power) + noise)


def rate(ratio: Any, cap: float = math.inf) -> Any:
    """log2(1 + min(SINR, cap))."""
    xp = np if isinstance(ratio, np.ndarray) else array_namespace(ratio)  # asking takes longer than the rates of ten agents
    if cap < math.inf:
        ratio = xp.clip(ratio, None, cap)
    return xp.log1p(ratio) * 1.4426950408889634


def visible_amplitude(gain: Any, threshold: float) -> Any:
    """|h| where it is at least `threshold`, 0 elsewhere."""
    xp = array_namespace(gain)
    amplitude = xp.sqrt(gain)
    amplitude *= amplitude >= threshold
    return amplitude


def aggregate(amplitude: Any, history: Any) -> tuple[Any, Any]:
    """(sequences (runs, slots, m, K), the last slot's (runs, m, K)); see `aggregation.aggregate`."""
    xp = array_namespace(amplitude)
    runs, slots, agents = amplitude.shape[:3]
    hops = history.shape[-1]
    # Slot 0 of the work array is the slot before the block, so that "the slot before" is a shifted view.
    sequence = xp.empty((hops, runs, slots + 1, agents), dtype=amplitude.dtype, device=amplitude.device)
    sequence[:, :, 0] = xp.permute_dims(history, (2, 0, 1))
    sequence[0] = 1
    largest = float(xp.finfo(amplitude.dtype).max)
    for clipped in (False, True) if isinstance(amplitude, np.ndarray) else (True,):  # asking first is dear on a GPU
        with np.errstate(over="ignore", invalid="ignore"):
            for hop in range(1, hops):
                collected = (amplitude @ sequence[hop - 1, :, :-1, :, None])[..., 0]
                sequence[hop, :, 1:] = xp.clip(collected, None, largest) if clipped else collected
        if clipped or sequence.max() <= largest:
            break
    sequence = xp.permute_dims(sequence, (1, 2, 3, 0))
    return sequence[:, 1:], sequence[:, -1] + 0
