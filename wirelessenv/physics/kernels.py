"""The formulas of rates.py and aggregation.py for arrays that are known to be right: what every slot is worked out with."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from wirelessenv.arrays import Array


def split(gain: Float[Array, "*batch rx tx"]) -> tuple[Float[Array, "*batch rx"], Float[Array, "*batch rx tx"]]:
    """(wanted gains (..., m), cross gains (..., m, m)) of gains (..., m, m); see `rates.split`."""
    agents = gain.shape[-1]
    cross = gain.reshape(*gain.shape[:-2], agents * agents) + 0  # row by row: every (m + 1)-th is diagonal
    wanted = cross[..., :: agents + 1] + 0
    cross[..., :: agents + 1] = 0
    return wanted, cross.reshape(gain.shape)


def interference(cross: Float[Array, "*#batch rx tx"], power: Float[Array, "*#batch tx"]) -> Float[Array, "*_ rx"]:
    """Received interference sum_{j != i} g_ij p_j; see `rates.interference`.

    Args:
        cross: g_ij with a zero diagonal, linear, (..., m, m).
        power: transmit powers p, (..., m).

    Returns:
        The interference at each receiver, in the unit of gain times power, (..., m).
    """
    return (cross @ power[..., None])[..., 0]


def sinr(
    wanted: Float[Array, "*#batch m"],
    cross: Float[Array, "*#batch m m"],
    power: Float[Array, "*#batch m"],
    noise: float | Float[Array, "*#batch m"] | Float[Array, "*#batch 1"] | Float[Array, ""],
) -> Float[Array, "*_ m"]:
    """SINR g_ii p_i / (noise + sum_{j != i} g_ij p_j); see `rates.sinr`.

    Args:
        wanted: g_ii, linear, (..., m).
        cross: g_ij with a zero diagonal, linear, (..., m, m).
        power: transmit powers p, (..., m).
        noise: noise power, in the unit of gain times power: a number, or (..., m).

    Returns:
        The linear SINR of every agent, (..., m).
    """
    return wanted * power / (interference(cross, power) + noise)


def rate(ratio: Float[Array, "*batch"], cap: float = math.inf, gap: float = 1.0) -> Float[Array, "*batch"]:
    """Rate log2(1 + min(SINR, cap) / gap); see `rates.rate`.

    Args:
        ratio: SINR, linear, of any shape.
        cap: the largest SINR that counts, linear.
        gap: SNR gap, linear.

    Returns:
        Rates in bit/s/Hz, of the shape of `ratio`.
    """
    xp = np if isinstance(ratio, np.ndarray) else array_namespace(ratio)  # asking takes longer than the rates of ten agents
    if cap < math.inf:
        ratio = xp.clip(ratio, None, cap)
    if gap != 1:
        ratio = ratio / gap
    return xp.log1p(ratio) * 1.4426950408889634


def visible_amplitude(gain: Float[Array, "*batch"], threshold: float) -> Float[Array, "*batch"]:
    """Amplitude |h| where it is at least `threshold`, 0 elsewhere.

    Args:
        gain: |h|^2, linear, of any shape.
        threshold: the smallest amplitude that is seen, linear.

    Returns:
        A new array of the shape of `gain`.
    """
    xp = array_namespace(gain)
    amplitude = xp.sqrt(gain)
    amplitude *= amplitude >= threshold
    return amplitude


def aggregate(
    amplitude: Float[Array, "runs slots *links"],
    history: Float[Array, "runs *bands m hops"],
    product: Callable[[Any, Any], Any] = interference,
) -> tuple[Float[Array, "runs slots *bands m hops"], Float[Array, "runs *bands m hops"]]:
    """Aggregation sequences of a block of slots; see `aggregation.aggregate`.

    Where links are cut, the sequence is defined by the lists of neighbours: nothing is exchanged over a link that is cut.

    Args:
        amplitude: |H|, linear, (runs, slots, m, m), [receiver, transmitter], or (runs, slots, links) of lists of neighbours; of
            M bands (runs, slots, M, m, m).
        history: the sequence in the slot before the block, (runs, m, K); of M bands (runs, M, m, K).
        product: sums over transmitters of amplitudes times numbers (runs, slots, m).

    Returns:
        The sequences (runs, slots, m, K), and the last slot's (runs, m, K); of M bands with their axis before m.
    """
    xp = array_namespace(amplitude)
    slots = amplitude.shape[1]
    runs, *rows, hops = history.shape
    # Slot 0 of the work array is the slot before the block, so that "the slot before" is a shifted view.
    sequence = xp.empty((hops, runs, slots + 1, *rows), dtype=amplitude.dtype, device=amplitude.device)
    sequence[:, :, 0] = xp.permute_dims(history, (history.ndim - 1, *range(history.ndim - 1)))
    sequence[0] = 1
    largest = float(xp.finfo(amplitude.dtype).max)
    for clipped in (False, True) if isinstance(amplitude, np.ndarray) else (True,):  # asking first is dear on a GPU
        with np.errstate(over="ignore", invalid="ignore"):
            for hop in range(1, hops):
                collected = product(amplitude, sequence[hop - 1, :, :-1])
                sequence[hop, :, 1:] = xp.clip(collected, None, largest) if clipped else collected
        if clipped or sequence.max() <= largest:
            break
    sequence = xp.permute_dims(sequence, (*range(1, sequence.ndim), 0))
    return sequence[:, 1:], sequence[:, -1] + 0
