"""Docstrings say what a thing is or does, in plain words; public functions name the shape and unit of what they take."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DONE = [
    "baselines",
    "benchmarks",
    "trainers/__init__.py",
    "trainers/algorithms",
    "trainers/async_bc.py",
    "trainers/bounds",
    "trainers/events",
    "trainers/experiments",
    "trainers/fidelity",
    "trainers/live",
    "trainers/problems",
    "trainers/workbench",
    "wirelessenv",
]
"""Folders and files of the repository that fulfil the rules."""
RIDDLES = ("What", "Who", "Whom", "Whose", "Where", "Whether", "How", "Of", "That", "Those", "By")
"""First words of docstrings that leave out what the thing is."""
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def faults(source: str) -> list[str]:
    """One line for each docstring of a module that breaks a rule."""
    tree = ast.parse(source)
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | Definition)]
    words = [fault for node in documented for fault in faults_of_words(node)]
    return words + list(faults_of_fields(tree)) + list(faults_of_arguments(tree))


def faults_of_words(node: ast.Module | Definition) -> Iterator[str]:
    docstring = ast.get_docstring(node)
    if docstring is None:
        return
    name = getattr(node, "name", "module")
    summary = docstring.split("\n\n")[0].split()
    if summary[0] in RIDDLES:
        yield f"{name}: begins with {summary[0]}"
    if len(summary) < 5:
        yield f"{name}: {len(summary)} words are no sentence"
    for file in re.findall(r"(?<![\w/.*-])[\w/-]+\.(?:py|md)\b", docstring):
        if not any(path.as_posix().endswith(f"/{file}") for path in ROOT.rglob(Path(file).name)):
            yield f"{name}: there is no {file}"


def faults_of_fields(tree: ast.Module) -> Iterator[str]:
    """Strings under fields and constants that begin with a riddle, be it after a shape, "(m, m): ", or in small letters."""
    for parent in ast.walk(tree):
        body = getattr(parent, "body", None)
        for field, below in pairwise(body if isinstance(body, list) else []):
            if isinstance(field, ast.Assign | ast.AnnAssign) and isinstance(below, ast.Expr):
                text = below.value.value if isinstance(below.value, ast.Constant) else None
                first = re.match(r"(?:\(.*?\):)?\s*(\w+)", text) if isinstance(text, str) else None
                if first and first[1].capitalize() in RIDDLES:
                    name = ast.unparse(field).split(":")[0].split(" =")[0]
                    yield f"{name}: begins with {first[1]}"


def faults_of_arguments(parent: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Public functions of two parameters or more without their Args; a method without docstring has that of its base class."""
    for node in parent.body:
        if isinstance(node, Definition) and node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from faults_of_arguments(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from faults_of_function(node, inherits=isinstance(parent, ast.ClassDef) and bool(parent.bases))


def faults_of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, *, inherits: bool) -> Iterator[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    names = [one.arg for one in given if one is not None and one.arg not in ("self", "cls")]
    docstring = ast.get_docstring(node)
    overloaded = any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)
    if len(names) < 2 or overloaded or (docstring is None and inherits):
        return
    told = re.search(r"^Args:\n((?:    .*(?:\n|$)|\n)*)", docstring or "", re.MULTILINE)
    described = re.findall(r"^    ([*\w, ]+?)(?: \(.*?\))?:", told[1], re.MULTILINE) if told else []
    missing = set(names) - {name.strip("* ") for line in described for name in line.split(",")}
    if missing:
        yield f"{node.name}: Args does not tell {', '.join(sorted(missing))}"


@pytest.mark.parametrize("part", DONE)
def test_docstrings_follow_the_rules(part):
    files = [ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py"))
    assert files
    assert [f"{file.relative_to(ROOT)}: {fault}" for file in files for fault in faults(file.read_text("utf-8"))] == []


@pytest.mark.parametrize("part", ["docs", "examples", "tests"])
def test_docstrings_elsewhere_begin_with_what_the_thing_is(part):
    told = [(file, fault) for file in sorted((ROOT / part).rglob("*.py")) for fault in faults(file.read_text("utf-8"))]
    assert [f"{file.relative_to(ROOT)}: {fault}" for file, fault in told if "begins with" in fault] == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('"""What a module is about, in words."""', "module: begins with What"),
        ('class A:\n    """All of them."""', "A: 3 words are no sentence"),
        ('X = 2\n"""Of a scenario, that are drawn."""', "X: begins with Of"),
        ('def f(x):\n    """The sum, see no_such_file.py, of all."""', "f: there is no no_such_file.py"),
        ('def f(x, y):\n    """The sum of two given numbers."""', "f: Args does not tell x, y"),
        (
            'def f(x, *, y):\n    """The sum of two given numbers.\n\n    Args:\n        x: one of them, a number.\n    """',
            "f: Args does not tell y",
        ),
        ("class A:\n    def f(self, x, y): pass", "f: Args does not tell x, y"),
        ('class A:\n    x: int = 1\n    """whether it counts"""', "x: begins with whether"),
        ('X = 1\n"""(m, m): who counts."""', "X: begins with who"),
    ],
)
def test_each_rule_is_looked_at(source, fault):
    assert faults(source) == [fault]


@pytest.mark.parametrize(
    "source",
    [
        'def f(x, *, y):\n    """The sum of two numbers.\n\n    Args:\n        x: one.\n        y: the\n            other."""',
        'def f(x, y):\n    """The sum, see streams.py, of both.\n\n    Args:\n        x, y: all.\n    """',
        "class A(B):\n    def f(self, x, y): pass",
        "def _f(x, y): pass",
        'class A:\n    x: int = 1\n    """(m,): True where it counts."""',
        'class _A:\n    def f(self, x, y):\n        """The sum of two given numbers."""',
    ],
)
def test_sound_docstrings_pass(source):
    assert faults(source) == []
