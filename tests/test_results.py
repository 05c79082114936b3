"""Tables of results: commands write them between markers, and no number stands in two places by hand."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from baselines.comparison.compare import compare
from baselines.comparison.comparison import Comparison
from trainers.experiments.experiment import Experiment
from trainers.experiments.plots import plot
from trainers.experiments.runner import run
from trainers.fidelity.claims import write_tables

ROOT = Path(__file__).parents[1]
specification = importlib.util.spec_from_file_location("write_results", ROOT / "docs" / "write_results.py")
write_results = importlib.util.module_from_spec(specification)
specification.loader.exec_module(write_results)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"<!-- begin ([^:]+): written by (make \w+)[^\n]*-->\n(.*?)<!-- end \1 -->\n", re.DOTALL)


def text(page):
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_place_is_filled_by_a_command_that_exists(page):
    found = BLOCK.findall(text(page))
    assert text(page).count("<!-- begin ") == text(page).count("<!-- end ") == len(found)
    for _, command, body in found:
        assert re.search(rf"^{command.removeprefix('make ')}:", text(ROOT / "Makefile"), re.MULTILINE)
        assert body.count("| --- |") >= 1


def test_the_readme_says_of_claims_what_the_table_says():
    found = write_results.in_short(ROOT / "docs" / "results" / "claims.md")
    assert write_results.written(ROOT / "README.md", "claims") == found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_intervals_stand_in_written_tables_alone(page):
    by_hand = BLOCK.sub("", text(page))
    assert not re.search(r"\d \[-?\d|\d ?(\+-|±) ?\d", by_hand)


@pytest.fixture
def copy(tmp_path):
    """The pages, their tables emptied, to be written to."""
    for page in PAGES:
        target = tmp_path / "copy" / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            re.sub(r"(<!-- begin [^\n]*\n).*?(<!-- end )", r"\1\2", text(page), flags=re.DOTALL), encoding="utf-8"
        )
    shutil.copytree(ROOT / "docs" / "images", tmp_path / "copy" / "docs" / "images")
    return tmp_path / "copy"


@pytest.mark.slow
def test_a_comparison_is_written_into_its_page(tmp_path, copy):
    small = {"scenarios": ["gaussian"], "layouts": 2, "slots": 4, "methods": {"random": "random_power"}}
    for page in (copy / "docs" / "results").glob("compare_*.md"):
        if page.stem != "compare_dense":
            page.unlink()
    directory = compare(Comparison.parse(small), tmp_path / "runs" / "compare" / "dense", workers=1, quiet=True)
    write_results.compare(tmp_path / "runs", copy)
    page = text(copy / "docs" / "results" / "compare_dense.md")
    assert "| random | " in page
    assert (copy / "docs" / "images" / "compare_dense.png").read_bytes() == (directory.path / "bars.png").read_bytes()
    assert BLOCK.sub("", page) == BLOCK.sub("", text(ROOT / "docs" / "results" / "compare_dense.md"))
    columns = [line for line in text(ROOT / "docs" / "results" / "compare_d2d.md").splitlines() if line.startswith("| method")]
    assert [line for line in page.splitlines() if line.startswith("| method")] == columns


@pytest.mark.slow
def test_claims_and_runs_are_written_into_theirs(tmp_path, copy):
    rows = list(write_results._rows(write_results.written(ROOT / "docs" / "results" / "claims.md", "claims")))
    (tmp_path / "runs").mkdir()
    write_tables([row | {"remark": "a | b" if row["verdict"] == "fails" else ""} for row in rows], tmp_path / "runs")
    experiment = Experiment.load(ROOT / "configs" / "paper" / "fig2.yaml", ["iterations=2", "evaluate_every=1", "seeds=2"])
    directory = run(experiment, tmp_path / "runs" / "fig2", workers=1, quiet=True)
    plot(directory.path)
    for name, command in {
        found for page in PAGES for found in re.findall(r"<!-- begin (?:run|costs) (\w+): written by make (\w+)", text(page))
    }:
        if name != "fig2":
            shutil.copytree(directory.path, tmp_path / {"figures": "runs", "long": "runs/long"}[command] / name)
    write_results.figures(tmp_path / "runs", copy)
    page = text(copy / "docs" / "results" / "zeroth_order.md")
    places = re.findall(r"<!-- begin run \w+: written by make figures -->", page)  # those of make long stay as they are
    assert page.count("| p=0.25 | ") == len(places) >= 2
    assert text(copy / "README.md") == text(ROOT / "README.md")
    assert "a | b" in text(copy / "docs" / "results" / "claims.md")
    assert (copy / "docs" / "images" / "fig2.png").read_bytes() == (directory.path / "figure.png").read_bytes()
    page = copy / "docs" / "results" / "gradient_methods.md"
    page.write_text(f"{text(page)}<!-- begin run fig4: written by make long -->\n<!-- end run fig4 -->\n", encoding="utf-8")
    shutil.copytree(directory.path, tmp_path / "runs" / "long" / "fig4")
    write_tables([rows[0] | {"claim": "a | c", "remark": "d"}], tmp_path / "runs" / "long")  # those of make long
    write_results.long(tmp_path / "runs", copy)
    assert "- *a | c*: d\n" in text(copy / "docs" / "results" / "claims.md")
    assert "| p=0.25 | " in write_results.written(copy / "docs" / "results" / "gradient_methods.md", "run fig4")
    assert (copy / "docs" / "images" / "fig4.png").read_bytes() == (directory.path / "figure.png").read_bytes()


def test_speeds_are_written_into_theirs(tmp_path, copy):
    (tmp_path / "speed.md").write_text("| a | b |\n| --- | --- |\n| \\1 | 2 |\n")
    write_results.speed(tmp_path, copy)
    assert "| \\1 | 2 |" in text(copy / "docs" / "results" / "speed.md")
    (tmp_path / "libraries.json").write_text('[{"what": "slots/s", "measured": "\\\\1"}]')
    write_results.libraries(tmp_path, copy)
    assert "| slots/s | \\1 |" in text(copy / "docs" / "guides" / "libraries.md")


def test_a_page_without_a_place_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("nothing\n")
    with pytest.raises(SystemExit, match="0 places for speed"):
        write_results.put(tmp_path / "page.md", "speed", "text")
