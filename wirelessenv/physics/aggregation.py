"""The aggregation sequence: a summary of the channels around a transmitter after K - 1 exchanges with its neighbours.

What users hand in is checked, then worked out by kernels.py; ConfigError says what cannot be used.
"""

import numpy as np
from jaxtyping import Float

from wirelessenv.arrays import Array, ArrayLike
from wirelessenv.config import ConfigError
from wirelessenv.physics import kernels
from wirelessenv.physics.checks import LARGEST, NOT_NEGATIVE, POWER_GAINS, alike, number, real, within


def visible_amplitude(gain: ArrayLike, threshold: float) -> Float[Array, "*batch"]:
    """Amplitude |h| where it is at least `threshold`, 0 elsewhere (Behmandpoor et al., 2024, Section VIII).

    Args:
        gain: |h|^2, linear, of any shape.
        threshold: the smallest amplitude that is seen, linear.

    Returns:
        A new array of the shape of `gain`.

    Raises:
        ConfigError: for gains that are not finite and 0 or more, and for a negative threshold.
    """
    array = real("gain", gain)
    within("gain", array, 0, LARGEST, POWER_GAINS)
    with np.errstate(over="ignore"):  # of a threshold that single precision does not reach: nothing is visible
        return kernels.visible_amplitude(array, number("threshold", threshold, above=False))


def aggregate(
    amplitude: ArrayLike, history: ArrayLike
) -> tuple[Float[Array, "runs slots m hops"], Float[Array, "runs m hops"]]:
    """The aggregation sequences of a block of consecutive slots.

    y^0[t] = 1 and y^k[t] = |H[t]| y^{k-1}[t-1] for k = 1 ... K-1: every slot each transmitter collects the neighbours'
    previous values, weighted with the channel of that slot (Behmandpoor et al., 2024, Section VIII, where it is written as the
    product of K - 1 channel matrices with a vector of ones).

    Where the sequence outgrows the numbers' type (it grows by about the sum of a row's amplitudes each hop), it stays at the
    largest number of the type, so that it is always finite.

    Args:
        amplitude: |H|, (runs, slots, m, m), [receiver, transmitter].
        history: the sequence in the slot before the block, (runs, m, K); all ones at the start.

    Returns:
        The sequences (runs, slots, m, K), and the last slot's as the next block's history (runs, m, K).

    Raises:
        ConfigError: for shapes that do not fit, and for values that are not finite and 0 or more.
    """
    amplitude, history = alike(amplitude=amplitude, history=history)
    shape, before = tuple(amplitude.shape), tuple(history.shape)
    if len(shape) != 4 or shape[-1] != shape[-2] or not shape[-1]:
        raise ConfigError(f"amplitude: the shape {shape} is not valid: it should be (runs, slots, m, m)")
    if len(before) != 3 or before[:2] != (shape[0], shape[-1]) or not before[2]:
        raise ConfigError(f"history: the shape {before} is not valid: it should be (runs, m, K), ({shape[0]}, {shape[-1]}, K)")
    within("amplitude", amplitude, 0, LARGEST, NOT_NEGATIVE)
    within("history", history, 0, float("inf"), "0 or more")
    return kernels.aggregate(amplitude, history)
