"""SINR and rate.

Conventions: gain = |h|^2, [receiver, transmitter], (..., m, m) after association: row i is the receiver of agent i.
Any array of the array API serves, numpy or torch; leading axes broadcast.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace


def split(gain: Any) -> tuple[Any, Any]:
    """The wanted gains g_ii (..., m) and the cross gains (..., m, m), g_ij with a zero diagonal.

    The interference is summed over the cross gains alone. Subtracting the wanted power from the total received power
    instead would lose the interference to rounding wherever it is 10^7 times weaker, which in float32 is common.
    """
    agents = gain.shape[-1]
    cross = gain.reshape(*gain.shape[:-2], agents * agents) + 0  # row by row: every (m + 1)-th is diagonal
    wanted = cross[..., :: agents + 1] + 0
    cross[..., :: agents + 1] = 0
    return wanted, cross.reshape(gain.shape)


def interference(cross: Any, power: Any) -> Any:
    """Power that arrives at each receiver from the transmitters of others, sum_{j != i} g_ij p_j, (..., m)."""
    return (cross @ power[..., None])[..., 0]


def sinr(wanted: Any, cross: Any, power: Any, noise: float) -> Any:
    """Signal to interference and noise ratio of every agent, linear, (..., m).

    SINR_i = g_ii p_i / (noise + sum_{j != i} g_ij p_j)

    Source: papers/000, equation (18), with the interference that physically arrives at receiver r(i), |h_{r(i) j}|^2 p_j
    (the printed equation has the two indices exchanged).

    Args:
        wanted: g_ii, (..., m), and
        cross: g_ij with a zero diagonal, (..., m, m): see `split`.
        power: transmit powers p, (..., m).
        noise: noise power, in the unit of gain times power.

    >>> import numpy as np
    >>> gain = np.array([[4.0, 1.0], [2.0, 6.0]])  # receiver 0 hears transmitter 1 with gain 1
    >>> sinr(*split(gain), np.array([1.0, 3.0]), 1.0).tolist()
    [1.0, 6.0]
    """
    return wanted * power / (interference(cross, power) + noise)


def rate(ratio: Any, cap: float = math.inf) -> Any:
    """Rate log2(1 + min(SINR, cap)) in bit/s/Hz of a linear SINR.

    Source: papers/000, equation (18); the base of its log is ours. `cap`, also linear, is the largest SINR that modulation
    and coding can use.

    >>> import numpy as np
    >>> rate(np.array([1.0, 3.0, 1023.0]), cap=7.0).round(12).tolist()
    [1.0, 2.0, 3.0]
    """
    xp = np if isinstance(ratio, np.ndarray) else array_namespace(ratio)  # asking takes longer than the rates of ten agents
    if cap < math.inf:
        ratio = xp.clip(ratio, None, cap)
    return xp.log1p(ratio) * 1.4426950408889634
