"""Notebooks: stored without outputs, their links lead to what is there, and all cells run, in an empty folder."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def cells(path, kind):
    """Sources of the cells of a kind."""
    return ["".join(one["source"]) for one in json.loads(path.read_text("utf-8"))["cells"] if one["cell_type"] == kind]


def test_there_are_three_and_each_begins_with_its_title():
    assert {path.stem for path in NOTEBOOKS} == {"first_steps", "own_method", "talking"}
    assert all(cells(path, "markdown")[0].startswith("# ") for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_are_stored_without_outputs(path):
    code = [one for one in json.loads(path.read_text("utf-8"))["cells"] if one["cell_type"] == "code"]
    assert len(code) >= 3
    assert all(one["outputs"] == [] and one["execution_count"] is None for one in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_their_links_lead_to_what_is_there(path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", "\n".join(cells(path, "markdown")))
    assert targets
    assert all((path.parent / target).exists() for target in targets)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_cells_run(path, tmp_path, monkeypatch, registry, one_thread):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    plt.switch_backend("agg")
    scope = {"__name__": "__main__"}
    for cell in cells(path, "code"):
        exec(cell, scope)  # noqa: S102  # the project's own notebooks
