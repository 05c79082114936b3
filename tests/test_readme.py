"""The README's Python, run as it stands, but for the length of one training."""

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_every_python_block_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 4
    scope: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("1_000_000", "10_000"), scope)  # noqa: S102  # the README's own code
    assert (tmp_path / "learner.pt").exists()
    assert 5 < float(scope["at_full_power"]) < 20


def test_every_file_it_links_to_exists():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target
