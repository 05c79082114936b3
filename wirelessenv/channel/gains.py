"""Gains that a user brings, measured or computed elsewhere, in place of geometry."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import ConfigError, Model


class Gains(Model):
    """A matrix of mean gains E|h|^2, or a series of them that is played slot by slot and begins again at its end.

    A .npz file holds it under the key `gain`, or as its only array, of shape (m, m) or (slots, m, m), [receiver,
    transmitter]; a .csv file holds one matrix, a row for each receiver, numbers separated by commas. A relative path starts
    at the current directory. Fading multiplies these gains: use `fading: none` for data that hold it already.
    """

    path: str = Field(min_length=1, description="a string alone is short for it")
    unit: Literal["linear", "db"] = Field("linear", description="power gains |h|^2, or 10 log10 of them")
    start: Literal["first", "random"] = Field("first", description="slot of the series in which an episode begins")

    @model_validator(mode="before")
    @classmethod
    def _string_is_path(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    def load(self) -> NDArray[np.float32]:
        """The linear gains, (slots, m, m); raises ConfigError with one sentence for what cannot be used."""
        try:
            written = Path(self.path).stat()
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            raise ConfigError(
                f"gains.path: {self.path}: " + ("there is no such file" if missing else f"cannot be read ({error})")
            ) from None
        return _load(self.path, self.unit, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=4)
def _load(path: str, unit: str, modified: int, size: int) -> NDArray[np.float32]:
    """The file as it was `modified`; kept, because every network of a scenario asks for it."""
    values = _read(path)
    if values.dtype.kind not in "fiu":
        raise ConfigError(f"gains.path: {path}: holds {values.dtype} values: gains should be real numbers")
    if values.ndim not in (2, 3) or values.shape[-1] != values.shape[-2] or not values.size:
        raise ConfigError(f"gains.path: {path}: the shape {values.shape} is not valid: it should be (m, m) or (slots, m, m)")
    with np.errstate(over="ignore"):
        gain = 10 ** (values.astype(float) / 10) if unit == "db" else values.astype(float)
        linear = gain.astype(np.float32)
    for name, wrong, right in (
        ("NaN", np.isnan(linear), "every gain should be a number"),
        ("infinite", np.isinf(linear), "every gain should be finite, in 32 bits"),
        ("negative", linear < 0, 'power gains are 0 or more; gains in dB need unit "db"'),
    ):
        if wrong.any():
            place = ", ".join(str(index) for index in np.argwhere(wrong)[0])
            raise ConfigError(f"gains.path: {path}: the gain at [{place}] is {name}: {right}")
    linear = linear.reshape(-1, *linear.shape[-2:])
    linear.flags.writeable = False  # it is shared
    return linear


def _read(path: str) -> NDArray[np.generic]:
    kind = Path(path).suffix.lower()
    if kind not in (".npz", ".csv"):
        raise ConfigError(f"gains.path: {path}: is not a file of gains: it should end in .npz or .csv")
    try:
        if kind == ".csv":
            with warnings.catch_warnings(action="error"):  # an empty file is no more than a warning to numpy
                return np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8-sig")
        # numpy leaves a file open that is no archive, unless it is ours.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = list(arrays)
            if "gain" not in names and len(names) != 1:
                held = ", ".join(names) or "none"
                raise ConfigError(f'gains.path: {path}: should hold an array "gain", or one array alone, and holds {held}')
            return np.asarray(arrays["gain" if "gain" in names else names[0]])
    except ConfigError:
        raise
    except Exception as error:  # a damaged archive raises whatever zipfile, zlib, numpy or the disk may
        raise ConfigError(f"gains.path: {path}: cannot be read ({' '.join(str(error).split())})") from None
