"""Code of a user's own that a configuration names: the one place where it is imported, and where that is refused."""

import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from wirelessenv.sentences import cut

_ALLOWED = ContextVar("_ALLOWED", default=True)
_FOUND: ContextVar[dict[str, str]] = ContextVar("_FOUND")
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@contextmanager
def no_imports(refused: bool = True) -> Iterator[None]:
    """Refuse, within, every configuration that names code, before anything of it is imported: for files from strangers."""
    before = _ALLOWED.set(not refused)
    try:
        yield
    finally:
        _ALLOWED.reset(before)


@contextmanager
def noting() -> Iterator[dict[str, str]]:
    """Collect the modules that are imported within from a folder: their names, and that folder."""
    found: dict[str, str] = {}
    before = _FOUND.set(found)
    try:
        yield found
    finally:
        _FOUND.reset(before)
        if (around := _FOUND.get(None)) is not None:
            around |= found


def imported(reference: str) -> Any:
    """The function or class that "module:name" names; its module is imported, which runs it.

    Args:
        reference: "module:name". A string of a YAML file is looked for beside that file first, then in the working
            directory, then where Python looks.

    Returns:
        The function or class.

    Raises:
        ValueError: where there is no such thing, or `no_imports` refuses it.
    """
    module, _, name = reference.partition(":")
    wrong = f'"{cut(reference)}" is not valid'
    if not _ALLOWED.get():
        raise ValueError(f"{wrong} with --no-imports: it names code, which would be imported and run")
    try:
        found = getattr(_module(module, getattr(reference, "folder", "")), name)
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"{wrong}: it should be module:function, code that is imported and run, and its import fails: {failure(error)}"
        ) from error
    if not callable(found):
        raise ValueError(f"{wrong}: it is neither a function nor a class")
    return found


def import_module(name: str, folder: str | None = None) -> None:
    """Import a module, so that the pieces that it defines are known by their kinds.

    Args:
        name: such as my_methods, or package.module.
        folder: where it is looked for first.

    Raises:
        ValueError: where there is no such module, its import fails, or `no_imports` refuses it.
    """
    wrong = f'"{cut(name)}" is not valid'
    if not _NAME.fullmatch(name):
        raise ValueError(f"{wrong}: it should be the name of a module, such as my_methods for the file my_methods.py")
    if not _ALLOWED.get():
        raise ValueError(f"{wrong} with --no-imports: it names code, which would be imported and run")
    folder = folder or str(getattr(name, "folder", ""))
    try:
        _module(name, folder)
    except ModuleNotFoundError as error:
        if error.name is None or f"{name}.".startswith(f"{error.name}."):
            looked = f"{folder}, the working directory" if folder else "the working directory"
            raise ValueError(f"{wrong}: there is no such module (looked in {looked}, and where Python looks)") from None
        raise ValueError(f"{wrong}: its import fails: {failure(error)}") from error
    except (Exception, SystemExit) as error:
        raise ValueError(f"{wrong}: its import fails: {failure(error)}") from error


def _module(name: str, folder: str) -> ModuleType:
    """Import it from `folder`, else from the working directory, else from where Python looks."""
    places = dict.fromkeys([*([folder] if folder else []), *([] if name in sys.modules else [os.getcwd()])])
    place = next((place for place in places if _file(name, place).is_file()), None)
    if place is not None and place not in sys.path:
        sys.path.insert(0, place)
    importlib.invalidate_caches()
    with _no_bytecode():
        module = importlib.import_module(name)
    there = getattr(module, "__file__", None)
    if place is None:
        place = str(Path(there).parents[name.count(".") + (Path(there).name == "__init__.py")]) if there else ""
        if place not in _own_places:
            return module
    elif there is None or Path(there).read_bytes() != _file(name, place).read_bytes():
        raise ImportError(f"a module of that name is loaded already, from {there or 'Python itself'}: give yours another name")
    _own_places.add(place)
    if (found := _FOUND.get(None)) is not None:
        found[name] = place
    return module


_own_places: set[str] = set()
"""Folders, none of which Python would look in, where modules were found."""


def _file(name: str, place: str) -> Path:
    """The file of a module below `place`, which may be missing."""
    whole = Path(place, *name.split("."))
    package = whole / "__init__.py"
    return package if package.is_file() else whole.with_name(f"{whole.name}.py")


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leave no compiled code behind: Python would take it for a file's that was edited within the same second."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def failure(error: BaseException) -> str:
    """The error that a user's code has raised, and the line where, as one line of text."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = (__file__, importlib.__file__)
    theirs = [frame for frame in frames if frame.filename not in ours and not frame.filename.startswith("<frozen")]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return " ".join(f"{type(error).__name__}: {error}{where}".split())
