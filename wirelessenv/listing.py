"""Configurations and presets that come with the package, as text: what `wirelessenv list` prints."""

import textwrap
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from wirelessenv import shipped
from wirelessenv.presets import ABOUT, MESSAGINGS, SCENARIOS
from wirelessenv.scenario import Messaging, Scenario


def list_command(_: Namespace) -> int:
    """Print the shipped configurations and the presets."""
    print(configurations())
    print(listing())
    return 0


def configurations() -> str:
    """Describe the shipped configurations: their names and titles, and the folder of their files."""
    parts = []
    for sort, command in shipped.COMMANDS.items():
        titles = shipped.titles(sort)
        widest = max(map(len, titles), default=0)
        lines = [f"  {name:{widest}}  {title}".rstrip() for name, title in titles.items()]
        parts.append("\n".join([f"{sort.title()}s: wirelessenv {command} NAME\n", *lines]) + "\n")
    return "\n".join([*parts, f"Their files, to copy and change: {shipped.folder()}\n"])


def listing() -> str:
    """Describe the presets: what each is about, and what it sets."""
    parts = []
    for model, presets in ((Scenario, SCENARIOS), (Messaging, MESSAGINGS)):
        parts.append(f"{model.__name__} presets\n")
        for name in presets:
            values = model.of(name).dump()
            text = textwrap.fill(ABOUT[model.__name__, name], 112, initial_indent="    ", subsequent_indent="    ")
            parts.append(
                "\n".join([f"  {name}", text, *(f"      {key}: {_short(values[key])}" for key in presets[name])]) + "\n"
            )
    return "\n".join(parts)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_short(inner)}" for key, inner in value.items() if inner is not None) + "}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
