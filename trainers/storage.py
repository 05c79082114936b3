"""Files that survive: written whole or not at all, read without pickle, damage noticed."""

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wirelessenv.config import ConfigError

_MAGIC = b"wirelessenv 1 "


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk, and rename it there.

    A process that is killed on the way leaves a `.part` file, which nobody reads and the next write replaces.
    """
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)  # on a full disk, half a file only takes room
        raise
    _flush_names(path.parent)


def _flush_names(directory: Path) -> None:
    """Make a rename last through a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_tensors(path: str | Path, value: Any) -> None:
    """Write nested dicts and lists of tensors, arrays, numbers and strings, with a checksum."""
    buffer = io.BytesIO()
    torch.save(_plain(value), buffer)
    body = buffer.getvalue()
    write_atomically(path, _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def read_tensors(path: str | Path) -> Any:
    """Undo `write_tensors`; raises ConfigError where the file is missing, damaged or another kind of file."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    head, _, body = content.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise ConfigError(f"{path}: is not a file that this version of wirelessenv wrote")
    if head != _MAGIC + hashlib.sha256(body).hexdigest().encode():
        raise ConfigError(f"{path}: is damaged: its checksum does not fit its content")
    return _arrays(torch.load(io.BytesIO(body), weights_only=True))


def _plain(value: Any) -> Any:
    """Arrays as marked tensors: what torch.load takes with weights_only."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return {"__array__": torch.from_numpy(np.ascontiguousarray(value))}
    if isinstance(value, np.generic):
        return value.item()
    return value


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return (
            value["__array__"].numpy() if set(value) == {"__array__"} else {key: _arrays(item) for key, item in value.items()}
        )
    if isinstance(value, list):
        return [_arrays(item) for item in value]
    return value
