"""The examples: each runs as a user starts it, at a small size, in an empty folder, and says what its first lines promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SMALL = {
    "environment_loop.py": ("--slots", "50"),
    "own_ppo.py": ("--updates", "6", "--networks", "4", "--slots", "20"),
    "sb3_ppo.py": ("--steps", "20000", "--networks", "4", "--slots", "10"),
    "own_allocator.py": ("--layouts", "2", "--slots", "4"),
    "algorithm_2.py": ("--iterations", "20", "--layouts", "1"),
}


def run(name, folder):
    """Text that an example prints at its small size."""
    return started(folder, EXAMPLES / name, *SMALL[name])


def started(folder, *arguments):
    """Text that Python prints, called with the arguments."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONWARNINGS": "error"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=240, check=False)  # noqa: S603  # our own programs
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_are_here_and_short():
    found = {path.name: path for path in EXAMPLES.glob("*.py")}
    assert set(found) == {*SMALL, "own_async_method.py"}
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 60 for path in found.values())


def test_environment_loop(tmp_path):
    lines = run("environment_loop.py", tmp_path).splitlines()
    earned = [float(line[26:].split()[0]) for line in lines]
    assert [line[:26].strip() for line in lines] == ["full power", "random power", "where the channel is good"]
    assert earned[1] < earned[0] < earned[2]


@pytest.mark.slow
def test_own_ppo_learns(tmp_path):
    earned = [float(line.split()[2]) for line in run("own_ppo.py", tmp_path).splitlines()]
    assert len(earned) == 2
    assert earned[-1] > earned[0]


@pytest.mark.slow
def test_stable_baselines3(tmp_path):
    assert 0.5 < float(run("sb3_ppo.py", tmp_path).split("PPO earns ")[1].split()[0]) < 3
    assert (tmp_path / "ppo.zip").exists()


@pytest.mark.slow
def test_own_allocator_stands_in_the_table(tmp_path):
    table = run("own_allocator.py", tmp_path)
    for name in ("greedy", "greedy, a slot late", "random power", "WMMSE", "full power"):
        assert table.count(f"\n| {name} | ") == 2  # what is reached, and what is needed


@pytest.mark.slow
def test_algorithm_2_draws_its_picture(tmp_path):
    said = run("algorithm_2.py", tmp_path)
    assert (tmp_path / "algorithm_2.png").read_bytes().startswith(b"\x89PNG")
    assert all(name in said for name in ("told by all, at once", "told by neighbours, late", "told by nobody"))


@pytest.mark.slow
def test_own_asynchronous_method_is_a_curve_beside_others(tmp_path):
    small = ("--set", "iterations=40", "--seeds", "1", "--workers", "1")
    table = started(tmp_path, "-m", "trainers", EXAMPLES / "own_async_method.yaml", *small)
    assert all(name in table for name in ("Async-SGD", "AsyncBC", "mine"))
    assert (tmp_path / "runs" / "own_async_method" / "figure.png").exists()


@pytest.mark.parametrize("name", SMALL)
def test_help_says_what_an_example_shows(name, tmp_path):
    first = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith('"""')
    assert first.endswith(".")
    assert "python examples/" + name in (EXAMPLES / name).read_text(encoding="utf-8")
