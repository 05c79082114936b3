"""Pages of the API: for each part of the packages its modules with their docstrings, written by mkdocstrings."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

PARTS = {  # page: title, what it is, and the modules: a package with "." at its end stands for all modules in it
    "environment": ("Environment", "`power_control_v0` and its forms.", ["wirelessenv.power_control_v0", "wirelessenv.envs."]),
    "network": (
        "Network and scenarios",
        "The simulator under all forms, and the configuration of its radio.",
        ["wirelessenv.network", "wirelessenv.scenario", "wirelessenv.presets", "wirelessenv.layout", "wirelessenv.large_scale"],
    ),
    "channel": ("Channel", "Geometry, path loss, shadowing, fading, mobility, own gains.", ["wirelessenv.channel."]),
    "physics": ("Physics", "Rates, utilities and the aggregation sequence.", ["wirelessenv.physics."]),
    "messages": ("Messages", "Who talks to whom, when and how late.", ["wirelessenv.messages."]),
    "integrations": ("Integrations", "Other people's libraries.", ["wirelessenv.integrations."]),
    "algorithms": ("Algorithms", "The learners.", ["trainers.algorithms.", "trainers.algorithms.base."]),
    "problems": ("Problems", "What learners train on.", ["trainers.problems."]),
    "events": ("Events", "Who computes, sends and hears when.", ["trainers.events."]),
    "bounds": ("Bounds", "Step sizes and rates of the papers.", ["trainers.bounds."]),
    "experiments": ("Experiments", "From a YAML file to a run directory and its figure.", ["trainers.experiments."]),
    "fidelity": ("Fidelity", "Claims of the papers, and theory beside runs.", ["trainers.fidelity."]),
    "allocators": (
        "Allocators",
        "Power allocation that knows every channel, and `evaluate`.",
        ["baselines.evaluation", "baselines.allocators."],
    ),
    "learned": ("Learned methods", "Networks and reinforcement learners of comparisons.", ["baselines.learned."]),
    "comparison": ("Comparisons", "Everybody on the same channels.", ["baselines.comparison."]),
}


def api_pages(root: Path) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Place, title and writer of each page.

    Args:
        root: of the repository.

    Yields:
        They, in the order of the navigation.
    """
    for name, (title, about, given) in PARTS.items():
        yield f"api/{name}.md", title, lambda title=title, about=about, given=given: page(root, title, about, given)


def page(root: Path, title: str, about: str, given: list[str]) -> str:
    """One page.

    Args:
        root: of the repository.
        title: of the page.
        about: a sentence below it.
        given: modules, as in `PARTS`.

    Returns:
        Its text, for mkdocstrings.
    """
    modules = [module for one in given for module in _modules(root, one)]
    parts = [f"::: {module}\n" for module in modules]
    return "\n".join([f"# {title}\n\n{about} Settings that YAML files give stand in [settings](../settings.md).\n", *parts])


def _modules(root: Path, given: str) -> list[str]:
    if not given.endswith("."):
        return [given]
    folder = root / given.strip(".").replace(".", "/")
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("__"))
    return [f"{given}{name}" for name in names if _documented(folder / f"{name}.py")]


def _documented(path: Path) -> bool:
    """Raises FileNotFoundError where there is no such module."""
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) is not None
