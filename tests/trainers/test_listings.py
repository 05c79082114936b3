"""Listings beside the code: each numbered line of a listing is named in the file that holds it, or in one that it builds on."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from trainers.algorithms.base.settings import LearnerSettings

FOLDER = Path(__file__).parents[2] / "trainers" / "algorithms"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def listing(source):
    """Numbers of the lines of a listing that do something: heads of loops and of conditions end with a colon."""
    text = ast.get_docstring(ast.parse(source))
    found = re.findall(r"^([ \d]\d) {2,}(\S.*)$", text, re.MULTILINE)
    return {int(number) for number, line in found if not line.endswith(":")}


def named(source):
    """Numbers in comments, "2, 3" and "4 to 6", and in the docstrings of functions, "lines 2 and 3"."""
    body = source.split('"""', 2)[2]
    notes = "\n".join(re.findall(r"#([^\n]*)", body) + re.findall(r"lines? [\d, toand]+\d", body))
    spans = [range(int(first), int(last) + 1) for first, last in re.findall(r"\b(\d+) to (\d+)\b", notes)]
    single = {int(number) for number in re.findall(r"(?<![\w.=])(\d+)(?![\w.])", notes)}
    return single.union(*spans)


@pytest.mark.parametrize("name", NAMES)
def test_each_line_of_a_listing_is_named_in_the_code(name):
    import_module(f"trainers.algorithms.{name}")
    classes = LearnerSettings.kinds[name].learner.mro()
    files = {inspect.getsourcefile(one) for one in classes if one.__module__.startswith("trainers.algorithms")}
    source = (FOLDER / f"{name}.py").read_text("utf-8")
    lines = listing(source)
    assert lines == set() or max(lines) >= 2
    assert lines - set().union(*(named(Path(file).read_text("utf-8")) for file in files)) == set()


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_plain_loop(name):
    assert (FOLDER / "reference" / f"{name}.py").exists()


def test_lines_are_read():
    source = '"""Head.\n\n 1  for t = 0, 1:\n 2      do\n10      end\n"""\nx = 1  # 2, 4 to 6\n'
    assert listing(source) == {2, 10}
    assert named(source) == {2, 4, 5, 6}
