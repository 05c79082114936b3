"""Writes docs/settings.md: every setting of every configuration, from the models that read them.

python docs/write_settings.py
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic_core import PydanticUndefined

import baselines
import trainers
import wirelessenv
from baselines.comparison.comparison import Comparison
from trainers.experiments.experiment import Experiment
from trainers.workbench.files import write_atomically
from trainers.workbench.terminal import markdown_table
from wirelessenv.config import Model, Piece
from wirelessenv.envs.settings import Settings
from wirelessenv.messages.messaging import Messaging
from wirelessenv.scenario import Scenario

PAGE = Path(__file__).parent / "settings.md"
HEAD = """# Settings

Written by `python docs/write_settings.py` from the models that read configurations. A part that may be exchanged is chosen by
its `kind`: `{kind: rician, k_factor: 4}`, or just `rician` where the other defaults serve.
"""


def page() -> str:
    """The whole page."""
    for package in (wirelessenv, trainers, baselines):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and ".integrations" not in module.name:
                importlib.import_module(module.name)
    return HEAD + "".join(f"\n{part}" for part in _parts())


def _parts() -> Iterator[str]:
    wholes = {
        "Experiment (`wirelessenv train`)": Experiment,
        "Comparison (`wirelessenv compare`)": Comparison,
        "Scenario": Scenario,
        "Messaging": Messaging,
        "Options of an environment": Settings,
    }
    for title, model in wholes.items():
        yield f"## {title}\n\n{_about(model)}\n\n{_table(model)}"
    families = [one for one in Piece.__subclasses__() if _ours(one)]
    kinds = [one for family in families for one in family.kinds.values() if _ours(one)]
    yield "## Parts\n\nMappings inside the ones above and below.\n"
    for part in sorted(_inside([*wholes.values(), *kinds]), key=lambda one: one.__name__):
        yield f"### {part.__name__}\n\n{_about(part)}\n\n{_table(part)}"
    for family in sorted(families, key=lambda one: one.__name__):
        yield f"## Kinds: {family.__name__}\n\n{_about(family)}\n"
        for kind, member in sorted(family.kinds.items()):
            if _ours(member):
                yield f"### `{kind}`\n\n{_about(member)}\n\n{_table(member)}"


def _ours(model: type[Any]) -> bool:
    return model.__module__.partition(".")[0] in ("wirelessenv", "trainers", "baselines")


def _inside(models: Sequence[type[Model]]) -> set[type[Model]]:
    """Models that fields hold, and those that their fields hold; without pieces, which have kinds."""
    found: set[type[Model]] = set()
    left = list(models)
    while left:
        for field in left.pop().model_fields.values():
            held = {one for one in _types(field.annotation) if issubclass(one, Model) and not issubclass(one, Piece)}
            left += held - found
            found |= held
    return {one for one in found if _ours(one)} - set(models)


def _types(annotation: Any) -> Iterator[type[Any]]:
    """Classes in an annotation."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _about(model: type[Any]) -> str:
    """Docstring of a model, without its examples."""
    paragraphs = inspect.cleandoc(model.__doc__ or "").split("\n\n")
    return "\n\n".join(one for one in paragraphs if not one.startswith(">>> "))


def _table(model: type[Model]) -> str:
    rows = [
        {"setting": f"`{name}`", "default": _default(field), "meaning": field.description or ""}
        for name, field in model.model_fields.items()
        if name != "kind"
    ]
    return "\n".join(markdown_table(rows)) + "\n" if rows else ""


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, Piece):
        return f"`{value.dump()['kind']}`"
    if isinstance(value, Model):
        return "its defaults"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None or value in ("", {}, []) else str(value)


if __name__ == "__main__":
    write_atomically(PAGE, page().encode())
