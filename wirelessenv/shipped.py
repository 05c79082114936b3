"""Configurations that come with the package: where they are, and the names that they go by on a command line."""

from pathlib import Path
from typing import Literal

from wirelessenv.config import ConfigError, nearest, read_yaml

Sort = Literal["experiment", "comparison"]
_FOLDERS: dict[Sort, str] = {"experiment": "paper", "comparison": "compare"}
COMMANDS: dict[Sort, str] = {"experiment": "train", "comparison": "compare"}
"""The command that takes configurations of a sort."""
_YAML = (".yaml", ".yml")


def folder() -> Path:
    """Folder of the shipped configurations: inside the package where it was installed, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def claims() -> Path:
    """File of the papers' claims, beside the experiments that decide them."""
    return folder() / _FOLDERS["experiment"] / "claims.yaml"


def names(sort: Sort) -> dict[str, Path]:
    """Shipped configurations of one sort: their files by name, in the order of names."""
    files = sorted((folder() / _FOLDERS[sort]).glob("*.yaml"))
    return {path.stem: path for path in files if path != claims()}


def titles(sort: Sort) -> dict[str, str]:
    """Titles of the shipped configurations of one sort, by name."""
    return {name: str(read_yaml(path).get("title") or "") for name, path in names(sort).items()}


def configuration(given: str, sort: Sort) -> Path:
    """Find the file that a command line names.

    Args:
        given: the path of a file, or the name of a shipped configuration. A file in the working directory comes first.
        sort: of the configuration.

    Returns:
        The file, which may be missing where `given` is clearly a path.

    Raises:
        ConfigError: where `given` is a name, and no shipped configuration of this sort has it.
    """
    path, known = Path(given), names(sort)
    if path.suffix in _YAML or len(path.parts) != 1 or path.is_file():
        return path
    if given in known:
        return known[given]
    if path.is_dir():
        raise ConfigError(f"CONFIG: {given} is a folder; give a YAML file")
    for other in _FOLDERS:
        if other != sort and given in names(other):
            raise ConfigError(f'CONFIG: "{given}" is the name of a shipped {other}: wirelessenv {COMMANDS[other]} {given}')
    raise ConfigError(f'CONFIG: no file and no shipped {sort} is named "{given}"{nearest(given, known)}')
