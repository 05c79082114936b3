"""Gains that a user brings, measured or computed elsewhere, in place of geometry."""

import io
import os
import warnings
from pathlib import Path
from typing import Any, Literal, Self
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, model_validator

from wirelessenv.config import ConfigError, Model
from wirelessenv.sources import Checksum, SourcePath, digest

_SHARED: WeakValueDictionary[tuple[str | None, str], "Held"] = WeakValueDictionary()
"""Gains held in this process, by the file's checksum and the unit: equal gains are in memory once."""


class Held:
    """The linear gains of a file, (slots, m, m), shared by all that name it; part of no comparison, copied by no copy."""

    def __init__(self, gain: NDArray[np.float32] | None = None) -> None:
        self.gain = gain
        if gain is not None:
            gain.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held)  # checksums say what is equal

    __hash__ = None  # type: ignore[assignment]  # nobody needs it

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[type["Held"], tuple[NDArray[np.float32] | None]]:
        return type(self), (self.gain,)


class Gains(Model):
    """A matrix of mean gains E|h|^2, or a series of them that is played slot by slot and begins again at its end.

    A .npz file holds it under the key `gain`, or as its only array, of shape (m, m) or (slots, m, m), [receiver,
    transmitter]; a .csv file holds one matrix, a row for each receiver, numbers separated by commas. A relative path starts
    at the YAML file that it stands in, else at the current directory. The file is read once, when its scenario is made: what
    becomes of it then changes nothing. Fading multiplies these gains: use `fading: none` for data that hold it already.
    """

    path: SourcePath = Field(description="a string alone is short for it")
    unit: Literal["linear", "db"] = Field("linear", description="power gains |h|^2, or 10 log10 of them")
    start: Literal["first", "random"] = Field("first", description="slot of the series in which an episode begins")
    sha256: Checksum | None = Field(None, description="of the file, noted when it is read; where it is given, it is checked")

    _held: Held = PrivateAttr(default_factory=Held)

    @model_validator(mode="before")
    @classmethod
    def _string_is_path(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str | os.PathLike) else data

    @property
    def unread(self) -> bool:
        """True where a checksum alone says what the file holds: it is opened where its gains are asked for."""
        return self.sha256 is not None and self._held.gain is None

    def load(self) -> NDArray[np.float32]:
        """The linear gains, (slots, m, m); raises ConfigError with one sentence for what cannot be used."""
        if self._held.gain is None:
            self._held = _SHARED.get((self.sha256, self.unit)) or self._read()
        assert self._held.gain is not None
        return self._held.gain

    def _read(self) -> Held:
        content = _content(self.path)
        found = digest(content)
        if self.sha256 not in (None, found):
            raise ConfigError(f"gains.path: {self.path}: has changed: its SHA-256 sum should be {self.sha256}, and is {found}")
        held = _SHARED.get((found, self.unit)) or Held(_linear(self.path, content, self.unit))
        _SHARED[found, self.unit] = held
        self.__dict__["sha256"] = found  # a frozen model's own note of what it has read
        return held


def _content(path: str) -> bytes:
    """The file, which should be one of gains by its name."""
    try:
        regular = Path(path).stat() and Path(path).is_file()
        if Path(path).suffix.lower() not in (".npz", ".csv") or not regular:
            raise ConfigError(f"gains.path: {path}: is not a file of gains: it should end in .npz or .csv")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"gains.path: {path}: there is no such file") from None
    except ConfigError:
        raise
    except (OSError, ValueError) as error:
        raise ConfigError(f"gains.path: {path}: cannot be read ({error})") from None


def _linear(path: str, content: bytes, unit: str) -> NDArray[np.float32]:
    """The linear gains (slots, m, m) of a file's content."""
    values = _read(path, content)
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
    return linear.reshape(-1, *linear.shape[-2:])


def _read(path: str, content: bytes) -> NDArray[np.generic]:
    try:
        if path.lower().endswith(".csv"):
            with warnings.catch_warnings(action="error"):  # an empty file is no more than a warning to numpy
                return np.loadtxt(io.StringIO(content.decode("utf-8-sig")), delimiter=",", ndmin=2)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            names = list(arrays)
            if "gain" not in names and len(names) != 1:
                held = ", ".join(names) or "none"
                raise ConfigError(f'gains.path: {path}: should hold an array "gain", or one array alone, and holds {held}')
            return np.asarray(arrays["gain" if "gain" in names else names[0]])
    except ConfigError:
        raise
    except Exception as error:  # a damaged archive raises whatever zipfile, zlib or numpy may
        raise ConfigError(f"gains.path: {path}: cannot be read ({' '.join(str(error).split())})") from None
