"""Gains of bands from the coefficients and delays of propagation paths, as ray tracers give them."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import numbers

AXES = ("receivers", "antennas", "transmitters", "antennas", "paths", "time")
PARTS = 2
"""real and imaginary"""
LARGEST = 1e15
"""Coefficients whose gains are still finite in 32 bits."""


def from_paths(a: ArrayLike, tau: ArrayLike | None = None, frequency: ArrayLike | None = None) -> Float[np.ndarray, "..."]:
    """Power gains from path coefficients: |H|^2, H(f) = sum over paths of a exp(-2 pi i f tau), mean over pairs of antennas.

    Coefficients are those of Sionna RT's `Paths.cir()` and of DeepMIMO's channels, one base station beside another; where a
    link has fewer paths than others, the rest of its coefficients are 0 (and its delays may be what they like).

    Args:
        a: complex amplitudes, (receivers, antennas, transmitters, antennas, paths, time); without a last axis, of one slot. A
            tuple of two is (real parts, imaginary parts). An axis of one scene in front of the others may be there.
        tau: delays of the paths in seconds, (receivers, transmitters, paths), or with antennas, (receivers, antennas,
            transmitters, antennas, paths). None: all paths arrive together.
        frequency: middle of each band in Hz, relative to the carrier, (bands,). None: the carrier alone.

    Returns:
        Gains [receiver, transmitter]: (time, receivers, transmitters), or (bands, time, receivers, transmitters) where
        `frequency` is given; a scenario takes the latter with `axes`, as it would read layouts in place of bands.

    Raises:
        ConfigError: for shapes that do not fit each other, and coefficients that are not finite.
    """
    amplitudes: NDArray[np.complex128] = _coefficients(a)
    if frequency is None:
        return _power(amplitudes.sum(-2))
    frequencies = numbers("frequency", frequency)
    if frequencies.ndim != 1 or not frequencies.size or not np.isfinite(frequencies).all():
        raise ConfigError(f"frequency: the shape {frequencies.shape} is not valid: it should list the bands' frequencies in Hz")
    if tau is None:
        raise ConfigError("tau: missing: without delays of the paths all bands are the same")
    delays = _delays(tau, amplitudes)
    bands = [_power((amplitudes * np.exp(-2j * np.pi * one * delays)).sum(-2)) for one in frequencies]
    return np.stack(bands)


def _coefficients(a: Any) -> Any:
    """Complex coefficients of one scene, (receivers, antennas, transmitters, antennas, paths, time)."""
    if isinstance(a, tuple):
        if len(a) != PARTS:
            raise ConfigError(f"a: a tuple of {len(a)} is not valid: it should be (real parts, imaginary parts)")
        real, imaginary = (numbers(f"a[{place}]", part) for place, part in enumerate(a))
        if real.shape != imaginary.shape:
            raise ConfigError(f"a: real parts {real.shape} and imaginary parts {imaginary.shape} should have equal shapes")
        a = real + 1j * imaginary
    try:
        found = np.asarray(a)
    except Exception as error:  # whatever the objects of other libraries raise, and lists of unequal lengths
        raise ConfigError(f"a: is not valid: it should be an array of complex numbers ({str(error)[:120]})") from None
    if found.dtype.kind not in "fiuc":
        raise ConfigError(f"a: holds {found.dtype} values: path coefficients should be complex numbers")
    if found.ndim == len(AXES) + 1 and found.shape[0] == 1:
        found = found[0]
    if found.ndim == len(AXES) - 1:
        found = found[..., None]
    if found.ndim != len(AXES) or not found.size:
        raise ConfigError(f"a: the shape {found.shape} is not valid: it should be ({', '.join(AXES)})")
    if not np.isfinite(found).all():
        place = ", ".join(str(index) for index in np.argwhere(~np.isfinite(found))[0])
        raise ConfigError(f"a: the coefficient at [{place}] is not finite; a path that is not there has 0")
    largest = max(np.abs(found.real).max(), np.abs(found.imag).max())
    if largest > LARGEST:
        raise ConfigError(f"a: coefficients of {largest:.3g} are not valid: the largest that is taken is {LARGEST:g}")
    return found.astype(complex)


def _delays(tau: ArrayLike, amplitudes: Any) -> Any:
    """Delays that broadcast against the amplitudes; 0 where a path has no amplitude."""
    found = numbers("tau", tau)
    receivers, _, transmitters, _, paths, _ = amplitudes.shape
    if found.shape[:1] == (1,) and found.shape[1:] in ((receivers, transmitters, paths), amplitudes.shape[:-1]):
        found = found[0]  # of one scene, as the coefficients are
    if found.shape == (receivers, transmitters, paths):
        found = found[:, None, :, None]
    elif found.shape != amplitudes.shape[:-1]:
        raise ConfigError(
            f"tau: the shape {found.shape} is not valid: beside a of shape {amplitudes.shape} it should be "
            f"{(receivers, transmitters, paths)} or {amplitudes.shape[:-1]}"
        )
    found = found[..., None]
    there = amplitudes != 0
    if not np.isfinite(np.broadcast_to(found, there.shape)[there]).all():
        raise ConfigError("tau: the delay of a path is not finite")
    return np.where(np.isfinite(found), found, 0.0)


def _power(response: NDArray[np.complex128]) -> NDArray[np.float64]:
    """|H|^2, mean over pairs of antennas: (time, receivers, transmitters)."""
    return np.asarray(np.moveaxis((np.abs(response) ** 2).mean((1, 3)), -1, 0))
