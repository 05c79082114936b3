"""Code of a user's own that a configuration runs: what it makes depends on its text, as on any other setting."""

import ast
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from wirelessenv.config import Model, Piece
from wirelessenv.sources import digest

_OURS = ("wirelessenv", "trainers", "baselines")
_SCRIPTS = ("__main__", "__mp_main__")
_INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib"))


def checksum(*parts: Any) -> str:
    """Checksum of the source text of all that is not the project's own; "" where there is nothing of that sort.

    Args:
        parts: models with all models in them, classes, functions, modules.

    Of a class or function it is the text of its whole module, and of the modules beside that one which it imports; of one
    that stands in a script or a notebook, it is its own text.
    """
    texts: dict[str, str] = {}
    for one in (inner for part in parts for inner in _defined(part)):
        name = one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None) or ""
        module = sys.modules.get(name)
        if name.partition(".")[0] in (*_OURS, *sys.builtin_module_names) or module is None:
            continue
        file = getattr(module, "__file__", None)
        if name in _SCRIPTS or file is None:
            texts[f"{one.__qualname__}"] = _own_text(one)
        else:
            texts |= _with_imports(name, Path(file))
    return digest(*(f"{name}\n{len(text)}\n{text}".encode() for name, text in sorted(texts.items()))) if texts else ""


def texts(modules: Iterable[Any]) -> dict[str, dict[str, str]]:
    """The texts of a configuration's own modules, and of those beside them that they import.

    Args:
        modules: with `name` and `folder`, as a configuration notes them.

    Returns:
        Texts by the folder that a module was found in, and by path below it; none of what is installed.
    """
    found: dict[str, dict[str, str]] = {}
    for one in modules:
        file = getattr(sys.modules.get(one.name), "__file__", None)
        if one.folder and file and not _below(Path(file).resolve(), _INSTALLED):
            found.setdefault(str(one.folder), {}).update(_with_imports(one.name, Path(file)))
    return found


def _defined(part: Any) -> Iterator[Any]:
    """The classes, functions and modules that a part is made of."""
    if isinstance(part, Model):
        for one in (type(part), *(part.made_of() if isinstance(part, Piece) else ())):
            yield from _defined(one)
        for name in type(part).model_fields:
            yield from _within(getattr(part, name))
    elif isinstance(part, type):
        yield from (one for one in part.__mro__ if not _installed(one))
    else:
        yield part


def _within(value: Any) -> Iterator[Any]:
    if isinstance(value, Model):
        yield from _defined(value)
    elif isinstance(value, list | tuple | Mapping):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _within(inner)


def _installed(one: type) -> bool:
    file = getattr(sys.modules.get(one.__module__), "__file__", None)
    return one.__module__ not in _SCRIPTS and (file is None or _below(Path(file).resolve(), _INSTALLED))


def _below(file: Path, places: Iterable[Path]) -> bool:
    return any(file.is_relative_to(place) for place in places)


def _own_text(one: Any) -> str:
    try:
        return inspect.getsource(one)
    except (OSError, TypeError):  # it was typed in
        return ""


def _with_imports(name: str, file: Path) -> dict[str, str]:
    """The text of a module's file, and of those in the same tree that it imports, by their names there."""
    file = file.resolve()
    root = file.parents[name.count(".") + (file.name == "__init__.py")]
    alone = _below(file, _INSTALLED)
    texts: dict[str, str] = {}
    waiting = [file]
    while waiting:
        here = waiting.pop()
        where = here.relative_to(root).as_posix()
        if where in texts or where.split("/")[0] in _OURS:
            continue
        texts[where] = here.read_text(encoding="utf-8", errors="replace")
        waiting += [] if alone else _imported(texts[where], here, root)
    return texts


def _imported(text: str, file: Path, root: Path) -> list[Path]:
    """The files below `root` that a module's text imports, wherever in it."""
    try:
        nodes: Iterable[ast.AST] = ast.walk(ast.parse(text))
    except (SyntaxError, ValueError):  # its import says so
        return []
    places: list[Path] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            places += [root.joinpath(*alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = file.parents[node.level - 1] if node.level else root
            base = base.joinpath(*(node.module or "").split("."))
            places += [base, *(base / alias.name for alias in node.names)]
    found = {one for place in places for one in (place, *place.parents) if one != root and one.is_relative_to(root)}
    return [file for place in found for file in (place.with_name(f"{place.name}.py"), place / "__init__.py") if file.is_file()]
