"""Parts of pages that take seconds to make, kept in .docs_cache/ until the packages or what they are made of change."""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".docs_cache"
PROGRAMS = ("wirelessenv", "trainers", "baselines")


def kept(name: str, made_of: str, make: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Make something, or take it from the last build.

    Args:
        name: of the file that keeps it.
        made_of: text that it depends on, beside the packages and the source of `make`.
        make: makes it, as what JSON can hold.
        arguments: of `make`.

    Returns:
        It.
    """
    depends_on = [_programs(), made_of, inspect.getsource(make), *map(str, arguments)]
    key = hashlib.sha256("\n".join(depends_on).encode()).hexdigest()
    path = FOLDER / f"{name}.json"
    if path.exists():
        there = json.loads(path.read_text("utf-8"))
        if there["key"] == key:
            return dict(there["made"])
    made = make(*arguments)
    FOLDER.mkdir(exist_ok=True)
    path.write_text(json.dumps({"key": key, "made": made}), encoding="utf-8")
    return made


@functools.cache
def _programs() -> str:
    files = sorted(path for folder in PROGRAMS for path in (ROOT / folder).rglob("*.py"))
    return "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
