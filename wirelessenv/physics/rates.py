"""SINR and rate of what users hand in: checked, then worked out by kernels.py.

Conventions: gain = |h|^2, [receiver, transmitter], (..., m, m) after association: row i is the receiver of agent i.
Lists, numpy arrays or torch tensors serve; leading axes broadcast. All raise ConfigError for what cannot be used.
"""

import math

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from wirelessenv.arrays import Array, ArrayLike
from wirelessenv.config import ConfigError
from wirelessenv.per_agent import PerAgent
from wirelessenv.physics import kernels
from wirelessenv.physics.checks import LARGEST, POWER_GAINS, alike, fits, gains, number, positive, powers, real, shaped, within


def split(gain: ArrayLike) -> tuple[Float[Array, "*batch rx"], Float[Array, "*batch rx tx"]]:
    """The wanted gains g_ii (..., m) and the cross gains (..., m, m), g_ij with a zero diagonal.

    The interference is summed over the cross gains alone. Subtracting the wanted power from the total received power
    instead would lose the interference to rounding wherever it is 10^7 times weaker, which in float32 is common.
    """
    array = real("gain", gain)
    gains("gain", array)
    return kernels.split(array)


def interference(cross: ArrayLike, power: ArrayLike) -> Float[Array, "*batch rx"]:
    """Power that arrives at each receiver from the transmitters of others, sum_{j != i} g_ij p_j.

    Args:
        cross: g_ij with a zero diagonal, linear, (..., m, m): see `split`.
        power: transmit powers p, (..., m).

    Returns:
        The interference at each receiver, in the unit of gain times power, (..., m).

    Raises:
        ConfigError: for shapes that do not fit, and for values that are not finite and 0 or more.
    """
    cross, power = alike(cross=cross, power=power)
    gains("cross", cross)
    powers("power", power, cross.shape[-1])
    fits("power", power, tuple(cross.shape[:-1]), f"cross gains {tuple(cross.shape)}")
    return kernels.interference(cross, power)


def sinr(wanted: ArrayLike, cross: ArrayLike, power: ArrayLike, noise: ArrayLike) -> Float[Array, "*batch m"]:
    """Signal to interference and noise ratio of every agent.

    SINR_i = g_ii p_i / (noise + sum_{j != i} g_ij p_j)

    Source: Behmandpoor et al. (2024), equation (18), with the interference that physically arrives at receiver r(i), |h_{r(i)
    j}|^2 p_j (the printed equation has the two indices exchanged).

    Args:
        wanted: g_ii, linear, (..., m): see `split`.
        cross: g_ij with a zero diagonal, linear, (..., m, m).
        power: transmit powers p, (..., m).
        noise: noise power, in the unit of gain times power: a number, or (..., m) for each receiver.

    Returns:
        The linear SINR of every agent, (..., m).

    Raises:
        ConfigError: for shapes that do not fit, and for values that are not finite, negative, or, of noise, 0.

    >>> import numpy as np
    >>> gain = np.array([[4.0, 1.0], [2.0, 6.0]])  # receiver 0 hears transmitter 1 with gain 1
    >>> sinr(*split(gain), np.array([1.0, 3.0]), 1.0).tolist()
    [1.0, 6.0]
    """
    level = real("noise", noise)
    if isinstance(noise, int | float):  # such a number leaves single precision as it is
        wanted, cross, power = alike(wanted=wanted, cross=cross, power=power)
        positive("noise", level)
        level = noise
    else:
        wanted, cross, power, level = alike(wanted=wanted, cross=cross, power=power, noise=level)
        positive("noise", level)
        fits("noise", level, tuple(cross.shape[:-1]), f"cross gains {tuple(cross.shape)}")
    received(wanted, cross, power)
    return kernels.sinr(wanted, cross, power, level)


def received(wanted: Array, cross: Array, power: Array, most: PerAgent | None = None) -> None:
    """Check that wanted gains, cross gains and powers fit each other.

    Args:
        wanted: g_ii, linear, (..., m).
        cross: g_ij with a zero diagonal, linear, (..., m, m).
        power: transmit powers p, (..., m).
        most: the largest power that is allowed, of all agents, or (m,); None: any.

    Raises:
        ConfigError: where they do not fit, or powers exceed `most`.
    """
    agents, what = shaped("cross", cross), f"cross gains {tuple(cross.shape)}"
    powers("power", power, agents, most)
    if tuple(wanted.shape[-1:]) != (agents,):
        raise ConfigError(f"wanted: the shape {tuple(wanted.shape)} is not valid: it should be (..., m), and m is {agents}")
    fits("power", power, fits("wanted", wanted, tuple(cross.shape[:-1]), what), what)
    room, right = LARGEST, POWER_GAINS
    if isinstance(power, np.ndarray) and power.size and np.result_type(power, cross, wanted) == np.float32:
        room = float(np.finfo(np.float32).max) / (agents * max(1.0, float(power.max())))
        right = f"finite, and 0 or more, and at most {room:.3g}, so that 32 bits hold what is received"
    for name, part in (("wanted", wanted), ("cross", cross)):
        within(name, part, 0, room, right)


def rate(ratio: ArrayLike, cap: float = math.inf, gap: float = 1.0) -> Float[Array, "*batch"]:
    """Rate log2(1 + min(SINR, cap) / gap) in bit/s/Hz of a linear SINR.

    Source: Behmandpoor et al. (2024), equation (18); the base of its log is ours. The gap is that of Cui et al.
    (2019).

    Args:
        ratio: SINR, linear, of any shape.
        cap: the largest SINR that modulation and coding can use, linear.
        gap: SNR gap between capacity and what modulation and coding reach, linear, 1 or more.

    Returns:
        Rates in bit/s/Hz, of the shape of `ratio`.

    Raises:
        ConfigError: for a ratio below 0 or NaN, for a cap that is not above 0, and for a gap below 1.

    >>> import numpy as np
    >>> rate(np.array([1.0, 3.0, 1023.0]), cap=7.0).round(12).tolist()
    [1.0, 2.0, 3.0]
    """
    array = real("ratio", ratio)
    within("ratio", array, 0, math.inf, "a ratio of powers, 0 or more")
    cap = number("cap", cap, finite=False)
    gap = number("gap", gap)
    if gap < 1:
        raise ConfigError(f"gap: {gap:g} is not valid: it should be 1 or more, linear")
    return kernels.rate(array, cap if cap < float(array_namespace(array).finfo(array.dtype).max) else math.inf, gap)
