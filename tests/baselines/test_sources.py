"""Sources of a comparison may change, go away or be moved; so may the code of a user's own methods."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from baselines.__main__ import main
from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory, Task
from baselines.comparison.tables import tables
from baselines.comparison.work import ComparisonJob
from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run
from wirelessenv.config import ConfigError

RNG = np.random.default_rng(3)
OLD, NEW = RNG.exponential(size=(2, 3, 3))
EXPERIMENT = {
    "scenario": {"preset": "dense", "transmitters": 3, "hops": 2, "fading": "rayleigh", "gains": "gr.npz"},
    "messaging": {"graph": "complete"},
    "problem": {"evaluation_slots": 10},
    "iterations": 4,
    "evaluate_every": 2,
    "seeds": 2,
}
COMPARISON = {
    "scenarios": {"mine": {"preset": "dense", "transmitters": 3, "hops": 2, "fading": "rayleigh", "gains": {"path": "gr.npz"}}},
    "layouts": 2,
    "slots": 3,
    "warm_up": 2,
    "methods": {
        "allocator": "their_allocator:allocate",
        "run": {"method": "trainers", "run": "there", "curve": "learned"},
        "trained": {"method": "trainers", "config": "experiment.yaml", "curve": "learned"},
    },
}


def write(path, gain):
    np.savez(path, gain=gain)


def allocators(place, share):
    (place / "their_helper.py").write_text(f"SHARE = {share}\n")
    (place / "their_allocator.py").write_text(
        "import their_helper\n\ndef allocate(gain, noise, p_max):\n    return their_helper.SHARE * p_max + 0 * gain[..., 0]\n"
    )


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with all of that, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])]))
    write(tmp_path / "gr.npz", OLD)
    allocators(tmp_path, 0.25)
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    (tmp_path / "comparison.yaml").write_text(yaml.safe_dump(COMPARISON, sort_keys=False))
    run(Experiment.load("experiment.yaml"), "there", quiet=True, workers=1)
    yield tmp_path
    for name in ("their_allocator", "their_helper"):
        sys.modules.pop(name, None)


def compare(*more):
    return main(["comparison.yaml", "--out", "one", "--quiet", "--workers", "1", *more])


@pytest.mark.slow
def test_what_a_comparison_needs_is_in_its_directory(place, capsys, monkeypatch):
    assert compare() == 0
    before = pd.read_csv("one/comparison.csv").drop(columns=["decision_ms", "training_seconds"])
    for change, named in (
        (lambda: write("gr.npz", NEW), "gr.npz"),
        (lambda: Path("there/metrics.csv").write_text(Path("there/metrics.csv").read_text() + "\n"), "there"),
        (lambda: Path("experiment.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "iterations": 6})), "experiment.yaml"),
    ):
        kept = {path: path.read_bytes() for path in place.iterdir() if path.is_file()} | {
            path: path.read_bytes() for path in place.glob("there/*.csv")
        }
        change()
        capsys.readouterr()
        assert compare("--resume") == 2
        said = capsys.readouterr().err
        assert f"--resume: {place / named} has changed since one was begun with it" in said
        assert said.count("\n") == 1
        for path, content in kept.items():
            path.write_bytes(content)
    for path in ("gr.npz", "experiment.yaml"):
        Path(path).unlink()
    shutil.rmtree("there")
    shutil.rmtree("one/evaluations")
    assert compare("--resume") == 0
    after = pd.read_csv("one/comparison.csv").drop(columns=["decision_ms", "training_seconds"])
    pd.testing.assert_frame_equal(after, before)
    shutil.move("one", place / "moved")
    monkeypatch.chdir("/")
    ((name, reached, _),) = tables(ComparisonDirectory(place / "moved"))
    assert name == "mine"
    assert len(reached) == 5


def utilities(method):
    table = pd.read_csv("one/comparison.csv")
    return table[table["method"] == method]["utility"].to_numpy()


def stamps():
    return {path.name: path.stat().st_mtime_ns for path in Path("one/evaluations").iterdir()}


@pytest.mark.slow
def test_what_code_of_ones_own_has_made_is_made_again_once_it_has_changed(place):
    few = {**COMPARISON, "methods": {"a": "their_allocator:allocate", "b": {"method": "their_allocator:allocate", "delay": 1}}}
    Path("comparison.yaml").write_text(yaml.safe_dump(few))
    assert compare() == 0
    first, before = utilities("a"), stamps()
    assert compare("--resume") == 0
    assert stamps() == before  # nothing was done again
    written = Path("their_helper.py").stat()
    allocators(place, 0.75)  # of the same size, and in the same tick: in a module that theirs imports
    os.utime("their_helper.py", ns=(written.st_atime_ns, written.st_mtime_ns))
    assert compare("--resume") == 0
    after = stamps()
    assert {name for name in after if after[name] != before[name]} == {"00_mine-02_a.pt", "00_mine-03_b.pt"}
    assert (utilities("a") != first).all()


def test_code_that_changes_while_a_comparison_runs_is_refused(place, capsys):
    comparison = Comparison.parse({**COMPARISON, "methods": {"a": "their_allocator:allocate"}})
    code = {("mine", "a"): comparison.code("mine", "a")}
    allocators(place, 0.75)
    job = ComparisonJob(comparison.text(), code, {})
    with pytest.raises(ConfigError, match=r"methods\.a, scenario mine: its code has changed since the comparison was started"):
        job.work((Task("evaluations", "mine", "a"),), place, lambda: False)
