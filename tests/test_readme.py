"""The Python in the documentation: each block runs as it stands, in a folder and a namespace of its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")] + sorted((ROOT / "docs").rglob("*.md"))
SMALLER = {"learn(1_000_000": "learn(10_000", "num_envs=1000": "num_envs=10", "learn(300)": "learn(30)", "steps=100": "steps=2"}
"""Numbers that take long, and those that are run in their place: numbers alone, so that nothing else is new."""
FILE = re.compile(r"^`(\w+\.\w+)`:\n\n```\w+\n", re.MULTILINE)
"""A page whose blocks are files, each under its name: they belong together, and a test of their own runs them."""


def text(page):
    return page.read_text(encoding="utf-8")


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)


ALONE = [(page, block) for page in PAGES if not FILE.search(text(page)) for block in blocks(page)]
NAMED = [f"{page.stem}-{number}" for number, (page, _) in enumerate(ALONE)]


def the_block(part, page):
    (found,) = (block for block in blocks(ROOT / page) if part in block)
    return found


def run(block):
    """Names that a block has defined."""
    for long, short in SMALLER.items():
        block = block.replace(long, short)
    scope = {"__name__": "__main__"}
    exec(block, scope)  # noqa: S102  # the project's own documentation
    return scope


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch, registry, one_thread):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("page", "block"), ALONE, ids=NAMED)
def test_every_block_runs_alone_and_its_tests_pass(page, block):
    for name, found in run(block).items():
        if name.startswith("test_"):
            found()


def test_blocks_are_found_and_their_sizes_still_stand_there():
    assert all(len(blocks(page)) == text(page).count("```python") for page in PAGES)
    assert len(blocks(ROOT / "README.md")) == 4
    assert len(ALONE) >= 14
    assert all(any(long in block for _, block in ALONE) for long in SMALLER)


def test_the_readme_is_short():
    assert len(text(ROOT / "README.md").splitlines()) < 250


def test_blocks_give_what_the_pages_say(tmp_path):
    beside = run(the_block("best_known", "docs/guides/environment.md"))
    assert beside["full_power"] < beside["mine"] < beside["best_known"]
    assert 5 < run(the_block("at_full_power =", "docs/guides/environment.md"))["at_full_power"] < 20
    compared = run(the_block("best =", "docs/guides/comparisons.md"))
    assert compared["best"].shape == (100,)
    assert compared["late"].mean() < compared["best"].mean()
    assert compared["optimum"].proved.all()
    assert (compared["optimum"].gap <= 0.01).all()
    for page in ("README.md", "docs/guides/experiments.md"):
        assert set(run(the_block("learner.save", page))["powers"]) == {f"tx_{agent}" for agent in range(24)}
    assert [path.name for path in tmp_path.iterdir()] == ["learner.pt"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_heading_that_a_page_links_to_exists(page):
    for target, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text(page)):
        file = (page.parent / target) if target else page
        assert file.exists(), target
        headings = (
            [
                re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in text(file).splitlines()
                if line.startswith("#")
            ]
            if heading
            else []
        )
        assert heading in (*headings, ""), f"{target}#{heading}"
