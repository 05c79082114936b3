"""The Python in README.md and CONTRIBUTING.md: each block runs as it stands, in a folder and a namespace of its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README, CONTRIBUTING = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
SMALLER = {"learn(1_000_000": "learn(10_000", "num_envs=1000": "num_envs=10", "learn(300)": "learn(30)"}
"""What takes long, and what is run in its place: numbers alone, so that nothing is there that a reader would not have."""


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def the_block(part):
    (found,) = (block for block in blocks(README) if part in block)
    return found


def run(block):
    """What the block has defined."""
    for long, short in SMALLER.items():
        block = block.replace(long, short)
    scope = {"__name__": "__main__"}
    exec(block, scope)  # noqa: S102  # the project's own documentation
    return scope


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch, registry, one_thread):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("block", blocks(README))
def test_every_block_of_the_readme_runs_alone(block):
    run(block)


@pytest.mark.parametrize("block", blocks(CONTRIBUTING))
def test_every_block_of_contributing_runs_alone_and_its_tests_pass(block):
    for name, found in run(block).items():
        if name.startswith("test_"):
            found()


def test_blocks_are_found_and_their_sizes_still_stand_there():
    assert len(blocks(README)) == README.count("```python") >= 10
    assert len(blocks(CONTRIBUTING)) == CONTRIBUTING.count("```python") >= 2
    assert all(README.count(long) == 1 for long in SMALLER)


def test_blocks_give_what_the_readme_says(tmp_path):
    assert 5 < run(the_block("at_full_power ="))["at_full_power"] < 20
    compared = run(the_block("best ="))
    assert compared["best"].shape == (100,)
    assert compared["late"].mean() < compared["best"].mean()
    assert compared["optimum"].proved.all()
    assert (compared["optimum"].gap <= 0.01).all()
    assert set(run(the_block("learner.save"))["powers"]) == {f"tx_{agent}" for agent in range(24)}
    assert [path.name for path in tmp_path.iterdir()] == ["learner.pt"]


def test_every_file_it_links_to_exists():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
