"""What allocators share: their arguments, checked, and the objective."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wirelessenv.config import ConfigError
from wirelessenv.physics.rates import rate, sinr, split
from wirelessenv.sentences import shown

Floats = NDArray[np.float64]


def checked(gain: ArrayLike, noise: ArrayLike, p_max: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, ...]:
    """(gain (n, m, m), noise (n, m), p_max (n, m), weights (n, m)) in double precision; ConfigError in one sentence."""
    gains = np.asarray(gain, float)
    if gains.ndim < 2 or gains.shape[-1] != gains.shape[-2] or not gains.size:
        raise ConfigError(f"gain: the shape {gains.shape} is not valid: it should be (..., m, m), [receiver, transmitter]")
    if not (gains >= 0).all() or np.isinf(gains).any():
        raise ConfigError("gain: not valid: power gains |h|^2 are finite numbers, 0 or more")
    given: dict[str, Any] = {"noise": noise, "p_max": p_max, "weights": 1.0 if weights is None else weights}
    rows = []
    for name, value in given.items():
        row = np.asarray(value, float)
        allowed = (row >= 0) if name == "weights" else (row > 0)
        if not (allowed & np.isfinite(row)).all():
            bound = "0 or more" if name == "weights" else "above 0"
            raise ConfigError(f"{name}: {shown(value)} is not valid: it should be finite, and {bound}")
        try:
            rows.append(np.broadcast_to(row, gains.shape[:-1]).reshape(-1, gains.shape[-1]))
        except ValueError:
            raise ConfigError(f"{name}: the shape {row.shape} is not valid for gains {gains.shape}") from None
    return gains.reshape(-1, *gains.shape[-2:]), *rows


def sum_rate(gain: ArrayLike, noise: ArrayLike, power: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """sum_i w_i log2(1 + SINR_i) in bit/s/Hz, (...), of powers (..., m).

    >>> float(sum_rate([[3.0, 1.0], [0.0, 7.0]], noise=1.0, power=[1.0, 0.0]))
    2.0
    """
    noises: Any = np.asarray(noise, float)
    rates = rate(sinr(*split(np.asarray(gain, float)), np.asarray(power, float), noises))
    return np.asarray((rates if weights is None else rates * np.asarray(weights)).sum(-1))
