"""Copies of what a configuration names, below the directory of the work that needs it: sources/, each under its checksum."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from pydantic import Field

from trainers.workbench.files import read_file, write_atomically
from wirelessenv.config import ConfigError, Model
from wirelessenv.sources import IN_MEMORY, PATHS, Checksum, digest, identity, is_source


class KeptSource(Model):
    """Checksum of a source and the place of its copy."""

    sha256: Checksum
    place: str | None = Field(pattern="^sources/[0-9a-f]{64}[.a-z]*$", description="of its copy; none of what is too large")


Sources = dict[str, KeptSource]
"""Sources of a work, by the path at which each was found."""
FOLDER = "sources"
LARGEST = 64 * 2**20
"""Largest source that is copied, in bytes; of a larger one the absolute path and the checksum are kept."""
READ_AS: dict[str, type["YAMLSource"]] = {}
"""Class that YAML files are read as where a configuration names them, by suffix."""
RUN_FILES = ("config.yaml", "manifest.json", "metrics.csv", "groups/*/columns", "groups/*/policies.pt")
"""Files of a run directory that are read by users of what it has learned."""


class YAMLSource(Protocol):
    """A configuration that another configuration may name as a file."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a configuration from its file."""

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a configuration that `text` has written."""

    def text(self) -> str:
        """All of it as YAML, complete."""

    def dump(self) -> dict[str, Any]:
        """All of it as plain dicts, lists and numbers."""


Read = TypeVar("Read", bound=type[YAMLSource])


def named_as_yaml(document: Read) -> Read:
    """Decorator of the class that YAML files are read as, where a configuration names them."""
    READ_AS.update({".yaml": document, ".yml": document})
    return document


def contents(path: str | Path) -> dict[str, bytes]:
    """Contents of a source by name: of a run directory its files, of a file alone "" is the name."""
    if (given := IN_MEMORY.get(str(path))) is not None:
        return {"": given.content()}
    path = Path(path)
    if path.is_dir():
        found = sorted(one for pattern in RUN_FILES for one in path.glob(pattern))
        return {one.relative_to(path).as_posix(): read_file(one) for one in found}
    if (document := READ_AS.get(path.suffix.lower())) is not None:
        return {"": document.load(path).text().encode()}
    return {"": path.read_bytes()}


def checksum(found: Mapping[str, bytes], path: str | Path) -> str:
    """Checksum of the `contents` of a source; of a file of data it is that file's SHA-256 sum.

    Args:
        found: contents by name.
        path: of the source, whose suffix says how it is read.

    Returns:
        64 hexadecimal digits.
    """
    if (document := READ_AS.get(Path(path).suffix.lower())) is not None:
        said = identity(document.from_text(found[""].decode()).dump())
        return digest(json.dumps(said, sort_keys=True).encode())
    return digest(*(part for name, content in found.items() for part in _framed(name, content)))


def _framed(name: str, content: bytes) -> Iterator[bytes]:
    """Frame contents by names and lengths, which keep several files apart."""
    if name:
        yield f"{name} {len(content)}\n".encode()
    yield content


def keep(data: Any, directory: Path, noted: Sources) -> Any:
    """Copy the sources of a configuration below a directory.

    Args:
        data: dump of the configuration.
        directory: of the work.
        noted: filled with what is where, by original path.

    Returns:
        The dump with the paths of the copies, relative to the directory.

    Raises:
        ConfigError: where a source is not what it was when the configuration was read.
    """
    if isinstance(data, list | tuple):
        return [keep(value, directory, noted) for value in data]
    if not isinstance(data, Mapping):
        return data
    data = {key: keep(value, directory, noted) for key, value in data.items()}
    if is_source(data):
        key = next(key for key in PATHS if data.get(key))
        path = data[key]
        if path not in noted:
            noted[path] = KeptSource(sha256=data["sha256"], place=_copy(path, data["sha256"], directory))
        data[key] = noted[path].place or path
    return data


def _copy(path: str, expected: str, directory: Path) -> str | None:
    """Copy a source; returns the copy's place, or None for what is too large."""
    try:
        found = contents(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    if checksum(found, path) != expected:
        raise ConfigError(f"{path}: has changed since the configuration was read: start again")
    if sum(map(len, found.values())) > LARGEST and path not in IN_MEMORY:
        return None
    place = Path(FOLDER) / f"{expected}{'' if Path(path).is_dir() else Path(path).suffix.lower()}"
    for name, content in found.items():
        target = directory / place / name if name else directory / place
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    return place.as_posix()


def changed(data: Any, noted: Sources) -> str | None:
    """First source of a dump that held something else when it was noted.

    Args:
        data: dump of the configuration.
        noted: sources with their checksums, by original path.

    Returns:
        Its path; None where all are the same.
    """
    for value in data.values() if isinstance(data, Mapping) else data if isinstance(data, list | tuple) else ():
        if (found := changed(value, noted)) is not None:
            return found
    if is_source(data):
        for path in (data[key] for key in PATHS if data.get(key)):
            if path in noted and noted[path].sha256 != data["sha256"]:
                return str(path)
    return None
