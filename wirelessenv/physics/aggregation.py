"""The aggregation sequence: what a transmitter knows of its surroundings after K - 1 exchanges with its neighbours."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace


def visible_amplitude(gain: Any, threshold: float) -> Any:
    """|h| where it is at least `threshold`, 0 elsewhere; a new array, the gain keeps its weak links (papers/000, VIII)."""
    xp = array_namespace(gain)
    amplitude = xp.sqrt(gain)
    amplitude *= amplitude >= threshold
    return amplitude


def aggregate(amplitude: Any, history: Any) -> tuple[Any, Any]:
    """The aggregation sequences of a block of consecutive slots.

    y^0[t] = 1 and y^k[t] = |H[t]| y^{k-1}[t-1] for k = 1 ... K-1: every slot each transmitter collects the neighbours'
    previous values, weighted with the channel of that slot (papers/000, Section VIII, where it is written as the product
    of K - 1 channel matrices with a vector of ones).

    Where the sequence outgrows the numbers' type (it grows by about the sum of a row's amplitudes each hop), it stays at the
    largest number of the type, so that it is always finite.

    Args:
        amplitude: |H|, (runs, slots, m, m), [receiver, transmitter].
        history: the sequence in the slot before the block, (runs, m, K); all ones at the start.

    Returns:
        (sequences (runs, slots, m, K), the last slot's as the next block's history (runs, m, K)).
    """
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
