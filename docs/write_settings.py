"""Writes docs/settings.md: every setting of every configuration, from the models that read them.

python docs/write_settings.py
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    ours = ("wirelessenv", "trainers", "baselines")
    families = [one for one in Piece.__subclasses__() if one.__module__.partition(".")[0] in ours]
    for family in sorted(families, key=lambda one: one.__name__):
        yield f"## Kinds: {family.__name__}\n\n{_about(family)}\n"
        for kind, member in sorted(family.kinds.items()):
            if member.__module__.partition(".")[0] in ours:
                yield f"### `{kind}`\n\n{_about(member)}\n\n{_table(member)}"


def _about(model: type[Any]) -> str:
    return (model.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " ")


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
