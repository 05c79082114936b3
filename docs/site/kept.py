"""Parts of pages that take seconds to make, kept in .docs_cache/ until a program of the project or what they are made of changes."""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".docs_cache"
PROGRAMS = ("wirelessenv", "trainers", "baselines")


def kept(name: str, made_of: Sequence[Path], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make something, or take it from the last build.

    Args:
        name: of the file that keeps it.
        made_of: files that it depends on, beside the packages.
        make: makes it, as what JSON can hold.

    Returns:
        It.
    """
    key = hashlib.sha256("".join([_programs(), *(path.read_text("utf-8") for path in made_of)]).encode()).hexdigest()
    path = FOLDER / f"{name}.json"
    if path.exists():
        there = json.loads(path.read_text("utf-8"))
        if there["key"] == key:
            return dict(there["made"])
    made = make()
    FOLDER.mkdir(exist_ok=True)
    path.write_text(json.dumps({"key": key, "made": made}), encoding="utf-8")
    return made


@functools.cache
def _programs() -> str:
    files = sorted(path for folder in PROGRAMS for path in (ROOT / folder).rglob("*.py"))
    return "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
