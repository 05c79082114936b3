"""Arguments of the allocators, checked, and their objective."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from wirelessenv.arrays import ArrayLike, Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics import checks
from wirelessenv.physics.kernels import rate, sinr, split
from wirelessenv.streams import run_seeds

ChannelGains = Float[Doubles, "*batch rx tx"] | ArrayLike
"""|h|^2 of each channel of a batch, or lists of such numbers."""
PerReceiver = Float[Doubles, "*batch rx"] | ArrayLike
"""A number for each receiver, or one for all."""
PerTransmitter = Float[Doubles, "*batch tx"] | ArrayLike
"""A number for each transmitter, or one for all."""
Powers = Float[Doubles, "*batch tx"]
"""Powers of all transmitters, of each channel of a batch."""
PerChannel = Float[Doubles, "*batch"]
"""One number for each channel of a batch."""
AllocatorInput = tuple[Float[Doubles, "n m m"], Float[Doubles, "n m"], Float[Doubles, "n m"], Float[Doubles, "n m"]]
"""Gains, noise, largest powers and weights of n channels."""


def checked(gain: ChannelGains, noise: PerReceiver, p_max: PerTransmitter, weights: PerReceiver | None) -> AllocatorInput:
    """The arguments of an allocator in double precision, with one leading axis for all n channels.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.

    Returns:
        (gain (n, m, m), noise (n, m), p_max (n, m), weights (n, m)).

    Raises:
        ConfigError: in one sentence, where an argument is not numbers of a shape that fits the gains.
    """
    gains = checks.numbers("gain", gain)
    checks.gains("gain", gains)
    rows = []
    for name, value in {"noise": noise, "p_max": p_max, "weights": 1.0 if weights is None else weights}.items():
        row = _row(name, value)
        if checks.fits(name, row, gains.shape[:-1], f"gains {gains.shape}") != gains.shape[:-1]:
            raise ConfigError(f"{name}: the shape {row.shape} is not valid for gains {gains.shape}")
        rows.append(np.broadcast_to(row, gains.shape[:-1]).reshape(-1, gains.shape[-1]))
    noises, most, weight = rows
    return gains.reshape(-1, *gains.shape[-2:]), noises, most, weight


def _row(name: str, value: ArrayLike) -> Float[Doubles, "*batch"]:
    row: Doubles = checks.numbers(name, value)
    (checks.weights if name == "weights" else checks.positive)(name, row)
    return row


def generator(seed: int | Sequence[int]) -> np.random.Generator:
    """The generator of a seed, or of several numbers that are one together; raises ConfigError where they are none."""
    return np.random.default_rng(run_seeds(seed))  # looked at before: numpy does not return from some that are none


def sum_rate(gain: ChannelGains, noise: PerReceiver, power: PerTransmitter, weights: PerReceiver | None = None) -> PerChannel:
    """Weighted sum rate: sum_i w_i log2(1 + SINR_i), in bit/s/Hz. Leading axes broadcast.

    >>> float(sum_rate([[3.0, 1.0], [0.0, 7.0]], noise=1.0, power=[1.0, 0.0]))
    2.0

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power of each receiver, (..., m), or a number.
        power: of each transmitter, (..., m).
        weights: of the rates, (..., m), or a number; None: 1.

    Returns:
        Rates (...), one for each channel, in bit/s/Hz.

    Raises:
        ConfigError: for gains, noise, powers or weights that cannot be used.
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


def value_of(
    gain: Float[Doubles, "*#batch m m"],
    noise: Float[Doubles, "*#batch m"] | Float[Doubles, "*#batch 1"] | Float[Doubles, ""] | float,
    power: Float[Doubles, "*#batch m"],
    weights: Float[Doubles, "*#batch m"] | Float[Doubles, "*#batch 1"] | Float[Doubles, ""] | None = None,
) -> Float[Doubles, "*#batch"]:
    """The sum rate of arrays that are known to be sound, in bit/s/Hz.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m).
        noise: noise power, (..., m), or a number.
        power: of each transmitter, (..., m).
        weights: of the rates, (..., m); None: 1.

    Returns:
        Rates (...), one for each channel, in bit/s/Hz.
    """
    rates = rate(sinr(*split(gain), power, noise))
    return np.asarray((rates if weights is None else rates * weights).sum(-1))
