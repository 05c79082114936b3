"""Files and folders that a configuration names: where they are, whose copy stands in for them, what they hold.

In a dumped configuration a source is a mapping with one of PATHS. Where it also has `sha256`, that is what it holds, and the
path is only where it was found.
"""

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

PATHS = ("path", "folder", "run", "config")
"""The fields of configurations that name a file or a folder."""
_COPIES: ContextVar[Mapping[str, str]] = ContextVar("_COPIES", default={})  # noqa: B039  # never changed in place


class Written(str):
    """A string of a YAML file, which knows the folder of that file."""

    folder: str = ""


def written(data: Any, folder: Path) -> Any:
    """Data of a file, whose strings know the folder that they were written in.

    Args:
        data: dicts, lists, strings and numbers.
        folder: the folder of the file.

    Returns:
        The same data, with all strings but keys as `Written`.
    """
    if isinstance(data, dict):
        return {key: written(value, folder) for key, value in data.items()}
    if isinstance(data, list):
        return [written(value, folder) for value in data]
    if isinstance(data, str):
        data = Written(data)
        data.folder = os.path.abspath(folder)
    return data


def absolute(path: Any) -> Any:
    """A path as an absolute one: from the folder of the file that it is written in, else from the working directory.

    Where nothing is there, but a copy `stands_in`, it is that of the copy.
    """
    if not isinstance(path, str | os.PathLike) or not (text := os.fspath(path)) or text.startswith(MEMORY):
        return path
    found = os.path.abspath(os.path.join(getattr(path, "folder", ""), text))
    return _COPIES.get().get(found, found) if not os.path.exists(found) else found


def brief(path: str | os.PathLike[str]) -> str:
    """A path as a sentence names it: from the working directory, where it is below."""
    below = Path(path).is_relative_to(Path.cwd()) and Path(path) != Path.cwd()
    return str(Path(path).relative_to(Path.cwd()) if below else path)


SourcePath = Annotated[str, BeforeValidator(absolute), Field(min_length=1)]
"""A file or a folder, absolute from the moment that it is read."""
Checksum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@contextmanager
def standing_in(copies: Mapping[str, str]) -> Iterator[None]:
    """Meanwhile a path that leads nowhere is that of its copy; `copies` maps the one to the other."""
    before = _COPIES.set(copies)
    try:
        yield
    finally:
        _COPIES.reset(before)


def digest(*contents: bytes) -> str:
    """The SHA-256 sum of contents, one after the other."""
    total = hashlib.sha256()
    for content in contents:
        total.update(content)
    return total.hexdigest()


MEMORY = "memory:"
"""Beginning of the path of an array that was given in Python."""


class InMemory:
    """An array that was given in Python where a file could stand; it is found by its checksum as long as somebody has it."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array.view()
        self.array.flags.writeable = False
        self.sha256 = digest(self.content())
        IN_MEMORY[self.path] = self

    @property
    def path(self) -> str:
        """Text that stands for the path of a file."""
        return f"{MEMORY}{self.sha256}.npy"

    def content(self) -> bytes:
        """The array as a .npy file."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(self.array), allow_pickle=False)
        return buffer.getvalue()

    def __deepcopy__(self, memo: Any) -> "InMemory":
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InMemory)  # checksums say what is equal

    __hash__ = None  # type: ignore[assignment]  # nobody needs it

    def __reduce__(self) -> tuple[type["InMemory"], tuple[NDArray[Any]]]:
        return InMemory, (np.asarray(self.array),)


IN_MEMORY: WeakValueDictionary[str, InMemory] = WeakValueDictionary()
"""Arrays that were given in this process, by their paths."""


def is_source(data: Any) -> bool:
    """True where part of a dump is a source of known content."""
    return isinstance(data, Mapping) and isinstance(data.get("sha256"), str) and any(data.get(key) for key in PATHS)


def identity(data: Any) -> Any:
    """A dump without the places at which its sources were found: of equal identity is what gives the same numbers."""
    if isinstance(data, Mapping):
        nowhere = PATHS if is_source(data) else ("folder",)  # of images, whose published sums are always checked
        modules = {"modules"} if isinstance(data.get("modules"), list) else set()  # own_code looks at what they hold
        return {key: identity(value) for key, value in data.items() if key not in {*nowhere, *modules}}
    return [identity(value) for value in data] if isinstance(data, list | tuple) else data


def with_sources(changes: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of a dump, with their sources as the whole dump has them.

    Args:
        changes: a part of the settings.
        whole: the complete dump.

    Returns:
        The changes with the checksums and absolute paths of what they name.
    """
    found: dict[str, Any] = {}
    for key, value in changes.items():
        there = whole.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            found[key] = with_sources(value, there)
            if is_source(there) and any(name in value for name in PATHS):
                found[key]["sha256"] = there["sha256"]
        elif isinstance(there, Mapping) and is_source(there) and isinstance(value, str | os.PathLike):
            found[key] = {name: there[name] for name in (*PATHS, "sha256") if name in there}
        else:
            found[key] = there if key in PATHS and isinstance(there, str) else _plain(value)
    return found


def _plain(value: Any) -> Any:
    """Data whose strings of files are plain strings."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value
