"""Directions of imports: packages, the rooms of trainers, and no circle between modules."""

import ast
import re
from collections import Counter
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("wirelessenv", "trainers", "baselines")
"""Each may import itself and those before it."""
ROOMS = ("workbench", "events", "problems", "bounds", "algorithms", "experiments", "live", "fidelity")
"""The same, inside `trainers`."""


def imports() -> networkx.DiGraph:
    """An arrow from each module to each module that it imports, wherever in the file it does."""
    files = {_module(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    graph = networkx.DiGraph()
    graph.add_nodes_from(files)
    for module, path in files.items():
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}: a relative import"
                names = [
                    f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in files else node.module
                    for alias in node.names
                ]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            graph.add_edges_from((module, name) for name in names if name in files)
    return graph


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


IMPORTS = imports()


def test_no_modules_import_each_other_in_a_circle():
    assert [sorted(circle) for circle in networkx.strongly_connected_components(IMPORTS) if len(circle) > 1] == []


def _order(module: str) -> tuple[int, int]:
    package, room, *_ = (*module.split("."), "", "")
    inside = ROOMS.index(room) if package == "trainers" and room in ROOMS else len(ROOMS)
    return PACKAGES.index(package), inside


def names(source: str) -> list[str]:
    """Names of the classes, aliases of types and type variables at the top of a module."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            assigned = [one.id for one in targets if isinstance(one, ast.Name)]
            found += [name for name in assigned if re.match(r"_?[A-Z]", name) and not name.isupper()]
    return found


def test_a_class_or_type_has_a_name_of_its_own():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    defined = Counter(name for path in files for name in names(path.read_text()))
    assert defined["Objective"] == defined["Doubles"] == 1
    assert [name for name, times in defined.items() if times > 1] == []


def test_names_of_classes_and_types_are_found():
    source = "class Law:\n    Inner = int\nMany = list[int]\n_Few: TypeAlias = int\nLIMIT = 3\nf = int"
    assert names(source) == ["Law", "Many", "_Few"]


def test_packages_and_rooms_know_only_those_before_them():
    wrong = [f"{one} -> {other}" for one, other in IMPORTS.edges if _order(other) > _order(one)]
    assert wrong == []


@pytest.mark.parametrize("base", sorted(one for one in IMPORTS if one.startswith("trainers.algorithms.base.")))
def test_what_algorithms_share_knows_no_single_problem(base):
    general = {f"trainers.problems.{name}" for name in ("problem", "objective", "policies", "saved")}
    assert {one for one in IMPORTS.successors(base) if one.startswith("trainers.problems.")} <= general


def test_references_know_no_other_form_of_their_algorithms():
    references = {one for one in IMPORTS if one.startswith("trainers.algorithms.reference")}
    algorithms = {path.stem for path in (ROOT / "trainers/algorithms").glob("*.py")} - {"__init__"}
    assert {one.rpartition(".")[2] for one in references} == algorithms | {
        "reference",
        "draws",
        "messages",
        "rounds",
        "variants",
    }
    known = {other for one in references for other in IMPORTS.successors(one)}
    assert {other for other in known if other.startswith("trainers.algorithms")} <= references


@pytest.mark.parametrize("path", sorted((ROOT / "trainers/algorithms/reference").glob("*.py")), ids=lambda path: path.stem)
def test_references_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100


def test_comparisons_take_what_is_general_from_the_workbench():
    """Comparisons know of experiments what a trained run is, in one file, and nothing of the papers' claims."""
    rooms = ("trainers.experiments", "trainers.fidelity", "trainers.bounds", "trainers.events")
    known = {one for one, other in IMPORTS.edges if one.startswith("baselines.") and other.startswith(rooms)}
    known = {one for one in known if not one.startswith("baselines.report.")}  # which shows runs, too
    assert known == {"baselines.learned.trained_run"}
