"""Gains of bands from the coefficients and delays of propagation paths, as ray tracers give them."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from wirelessenv.config import ConfigError

AXES = "(receivers, antennas, transmitters, antennas, paths, time)"


def from_paths(a: ArrayLike, tau: ArrayLike | None = None, frequency: ArrayLike | None = None) -> Float[np.ndarray, "..."]:
    """Power gains from path coefficients: |H|^2, H(f) = sum over paths of a exp(-2 pi i f tau), mean over pairs of antennas.

    Coefficients are those of Sionna RT's `Paths.cir()` and of DeepMIMO's channels; where a link has fewer paths than others,
    the rest of its coefficients are 0 (and its delays may be what they like).

    Args:
        a: complex amplitudes, (receivers, antennas, transmitters, antennas, paths, time); without a last axis, of one slot.
        tau: delays of the paths in seconds, (receivers, transmitters, paths), or with antennas, (receivers, antennas,
            transmitters, antennas, paths). None: all paths arrive together.
        frequency: middle of each band in Hz, relative to the carrier, (bands,). None: the carrier alone.

    Returns:
        Gains [receiver, transmitter]: (time, receivers, transmitters), or (bands, time, receivers, transmitters) where
        `frequency` is given.

    Raises:
        ConfigError: for shapes that do not fit each other, and coefficients that are not finite.
    """
    amplitudes: NDArray[np.complex128] = _coefficients(a)
    if frequency is None:
        return _power(amplitudes.sum(-2))
    frequencies = np.asarray(frequency, float)
    if frequencies.ndim != 1 or not frequencies.size or not np.isfinite(frequencies).all():
        raise ConfigError(f"frequency: the shape {frequencies.shape} is not valid: it should list the bands' frequencies in Hz")
    if tau is None:
        raise ConfigError("tau: missing: without delays of the paths all bands are the same")
    delays = _delays(tau, amplitudes)
    bands = [_power((amplitudes * np.exp(-2j * np.pi * one * delays)).sum(-2)) for one in frequencies]
    return np.stack(bands)


def _coefficients(a: ArrayLike) -> Any:
    found = np.asarray(a)
    if found.dtype.kind not in "fiuc":
        raise ConfigError(f"a: holds {found.dtype} values: path coefficients should be complex numbers")
    if found.ndim == 5:
        found = found[..., None]
    if found.ndim != 6 or not found.size:
        raise ConfigError(f"a: the shape {found.shape} is not valid: it should be {AXES}")
    if not np.isfinite(found).all():
        place = ", ".join(str(index) for index in np.argwhere(~np.isfinite(found))[0])
        raise ConfigError(f"a: the coefficient at [{place}] is not finite; a path that is not there has 0")
    return found.astype(complex)


def _delays(tau: ArrayLike, amplitudes: Any) -> Any:
    """Delays that broadcast against the amplitudes; 0 where a path has no amplitude."""
    found = np.asarray(tau, float)
    receivers, _, transmitters, _, paths, _ = amplitudes.shape
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
