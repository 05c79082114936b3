"""What allocators share: their arguments, checked, and the objective."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wirelessenv.config import ConfigError
from wirelessenv.physics import checks
from wirelessenv.physics.kernels import rate, sinr, split
from wirelessenv.streams import run_seeds

Floats = NDArray[np.float64]


def checked(gain: ArrayLike, noise: ArrayLike, p_max: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, ...]:
    """(gain (n, m, m), noise (n, m), p_max (n, m), weights (n, m)) in double precision; ConfigError in one sentence."""
    gains = checks.numbers("gain", gain)
    checks.gains("gain", gains)
    rows = []
    for name, value in {"noise": noise, "p_max": p_max, "weights": 1.0 if weights is None else weights}.items():
        row = _row(name, value)
        if checks.fits(name, row, gains.shape[:-1], f"gains {gains.shape}") != gains.shape[:-1]:
            raise ConfigError(f"{name}: the shape {row.shape} is not valid for gains {gains.shape}")
        rows.append(np.broadcast_to(row, gains.shape[:-1]).reshape(-1, gains.shape[-1]))
    return gains.reshape(-1, *gains.shape[-2:]), *rows


def _row(name: str, value: Any) -> Floats:
    row: Floats = checks.numbers(name, value)
    (checks.weights if name == "weights" else checks.positive)(name, row)
    return row


def generator(seed: Any) -> np.random.Generator:
    """The generator of a seed, or of several numbers that are one together; raises ConfigError where they are none."""
    return np.random.default_rng(run_seeds(seed))  # looked at before: numpy does not return from some that are none


def sum_rate(gain: ArrayLike, noise: ArrayLike, power: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """sum_i w_i log2(1 + SINR_i) in bit/s/Hz, (...), of powers (..., m).

    Leading axes broadcast. Raises ConfigError for gains, noise, powers or weights that cannot be used.

    >>> float(sum_rate([[3.0, 1.0], [0.0, 7.0]], noise=1.0, power=[1.0, 0.0]))
    2.0
    """
    gains, powers = checks.numbers("gain", gain), checks.numbers("power", power)
    checks.gains("gain", gains)
    checks.powers("power", powers, gains.shape[-1])
    shape = checks.fits("power", powers, gains.shape[:-1], f"gains {gains.shape}")
    rows = {"noise": _row("noise", noise), "weights": _row("weights", 1.0 if weights is None else weights)}
    for name, row in rows.items():
        if row.ndim and row.shape[-1] not in (1, shape[-1]):
            raise ConfigError(f"{name}: the shape {row.shape} is not valid for gains {gains.shape}")
        shape = checks.fits(name, row, shape, f"gains {gains.shape} and powers {powers.shape}")
    return value_of(gains, rows["noise"], powers, None if weights is None else rows["weights"])


def value_of(gain: Floats, noise: Any, power: Floats, weights: Floats | None = None) -> Floats:
    """`sum_rate` of arrays that are known to be right: for inner loops."""
    rates = rate(sinr(*split(gain), power, noise))
    return np.asarray((rates if weights is None else rates * weights).sum(-1))
