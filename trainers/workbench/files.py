"""Files that survive: written whole or not at all, read without pickle, damage noticed; and nobody else's are written to.

What stands in a directory may be damaged, or a stranger's. Whoever reads there does so within `reading`, which turns whatever
goes wrong into one sentence; whoever opens a file there to change it does so with `opened_to_change`.
"""

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from wirelessenv.config import ConfigError

_MAGIC = b"wirelessenv 1 "
_HEAD = len(_MAGIC) + 64 + 1
MOST_BYTES = 2**30
"""Bytes that a table, a manifest or a configuration may have. Tensors may take as much as half of the memory."""
MOST_PARTS = 1_000_000
"""Numbers, lists and tensors in a file of tensors: lists within lists that are shared take no room in the file."""


@contextmanager
def reading(path: str | Path, remedy: str = "") -> Iterator[None]:
    """Context for whatever reads a file that may be damaged: what any parser raises becomes a ConfigError of one sentence.

    Args:
        path: of the file.
        remedy: what the user may do about it.

    Raises:
        ConfigError: where the body raises anything.
    """
    then = f"; {remedy}" if remedy else ""
    try:
        yield
    except ConfigError as error:
        said = str(error)
        raise ConfigError(said if str(path) in said else f"{path}: {said}{then}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}){then}") from None
    except MemoryError:
        raise ConfigError(f"{path}: cannot be read: it does not fit the memory{then}") from None
    except Exception as error:  # parsers raise what they like: of other formats, depth, types, encodings
        raise ConfigError(f"{path}: is damaged, or no file of this kind ({type(error).__name__}){then}") from None


def read_file(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """Read all of a regular file, and wait for nothing.

    Args:
        path: of the file.
        most: bytes that it may have.

    Returns:
        Its bytes.

    Raises:
        ConfigError: where it is no regular file, is larger, or cannot be read; one sentence.
    """
    with reading(path), _regular(path, os.O_RDONLY, "rb") as file:
        if os.fstat(file.fileno()).st_size > most:
            raise ConfigError(f"{path}: cannot be read: it is larger than {most // 2**20} MiB")
        content: bytes = file.read(most)
        return content


@contextmanager
def opened_to_change(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file, made where there is none, to be read and written at its end."""
    with _regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, "ab+") as file:
        if os.fstat(file.fileno()).st_nlink > 1:
            raise ConfigError(f"{path}: is not written to: it is a hard link, another file, too; put a copy in its place")
        yield file


@contextmanager
def _regular(path: str | Path, flags: int, mode: str) -> Iterator[IO[bytes]]:
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)  # a pipe without a writer is not waited for
    except OSError as error:
        if flags & os.O_NOFOLLOW and Path(path).is_symlink():
            raise ConfigError(f"{path}: is not written to: it is a link; put the file itself in its place") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigError(f"{path}: cannot be used: it is not a regular file")
    with os.fdopen(descriptor, mode) as file:
        yield file


def refuse_links(directory: Path) -> None:
    """Raises ConfigError where something below a directory is a link that leads out of it: nothing is written there."""
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            place = Path(folder, name)
            if place.is_symlink() and not _leads_inside(place, directory):
                raise ConfigError(f"{place}: is a link that leads out of {directory}; put what it leads to in its place")


def _leads_inside(link: Path, directory: Path) -> bool:
    try:
        return link.resolve().is_relative_to(directory.resolve())
    except (OSError, RuntimeError):  # it leads round in a circle
        return False


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk, and rename it there.

    A process that is killed on the way leaves a `.part` file, which nobody reads and the next write replaces.

    Args:
        path: of the file.
        content: all of its bytes.

    Raises:
        OSError: where the disk refuses; the file is what it was before.
    """
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    try:
        beside.unlink(missing_ok=True)  # what a link of this name leads to is left alone
        with beside.open("xb") as file:
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
    """Write nested dicts and lists of tensors, arrays, numbers and strings, with a checksum.

    Args:
        path: of the file.
        value: a dict, to be read again by `read_tensors`.

    Raises:
        OSError: where the disk refuses.
    """
    buffer = io.BytesIO()
    torch.save(_plain(value), buffer)
    body = buffer.getvalue()
    write_atomically(path, _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def read_tensors(path: str | Path) -> dict[str, Any]:
    """Read a dict that `write_tensors` wrote; raises ConfigError where the file is missing, damaged or another kind of file."""
    with reading(path), _regular(path, os.O_RDONLY, "rb") as file:
        head = file.read(_HEAD)
        if not head.startswith(_MAGIC):
            raise ConfigError(f"{path}: is not a file that this version of wirelessenv wrote")
        if os.fstat(file.fileno()).st_size > _memory() // 2:
            raise ConfigError(f"{path}: cannot be read: it is larger than half of this machine's memory")
        body = file.read()
        if head != _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n":
            raise ConfigError(f"{path}: is damaged: its checksum does not fit its content")
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or _size(entries) > len(body):
            raise ConfigError(f"{path}: is not a file that wirelessenv wrote: it is compressed")
        found = _Arrays(len(body)).of(torch.load(io.BytesIO(body), map_location="cpu", weights_only=True))
        if not isinstance(found, dict):
            raise ConfigError(f"{path}: is not a file that wirelessenv wrote: it holds no mapping")
        return found


def _memory() -> int:
    """Bytes that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _size(entries: list[zipfile.ZipInfo]) -> int:
    return sum(entry.file_size for entry in entries)


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


class _Arrays:
    """Undoes `_plain`, and refuses what `_plain` never makes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._parts = most_bytes, 0

    def of(self, value: Any) -> Any:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ConfigError("is not a file that wirelessenv wrote: it has too many parts")
        if type(value) is dict:
            if set(value) == {"__array__"}:
                return self.of(value["__array__"]).numpy()
            if not all(type(key) in (str, int) for key in value):
                raise TypeError
            return {key: self.of(item) for key, item in value.items()}
        if type(value) is list:
            return [self.of(item) for item in value]
        if type(value) is torch.Tensor:
            if value.layout != torch.strided or value.requires_grad or value.nbytes > self._most_bytes:
                raise TypeError
            return value
        if value is not None and type(value) not in (bool, int, float, str):
            raise TypeError
        return value
