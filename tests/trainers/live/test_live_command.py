"""The command that runs agents apart: what it refuses, what it writes, and shards that are killed."""

import os
import signal
import sys
import time

import numpy as np
import pandas as pd
import pytest

from trainers.experiments.experiment import Experiment
from trainers.live import actors
from trainers.live.plan import LivePlan
from trainers.live.schedule import read_schedule, write_schedule
from trainers.workbench.cluster import connected
from wirelessenv.__main__ import main
from wirelessenv.config import ConfigError

pytestmark = pytest.mark.filterwarnings(  # files and processes of Ray
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
BC = {"task": np.arange(3), "next_client": np.zeros(3, int), "seconds": np.zeros(3), "first": np.zeros(1, int)}


def refusal(capsys, *arguments):
    assert main(["live", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_what_cannot_run_live_is_one_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "--shards: 30 are not valid: there are only 24 agents" in refusal(capsys, "fig2", "--shards", "30")
    assert "--shards: 0 is not valid" in refusal(capsys, "fig2", "--shards", "0")
    line = refusal(capsys, "dasgd_fig2")
    assert "has no live form; zeroth_order, async_bc, pars_push have one" in line
    assert "learner.momentum: 0.5 is not valid in a live run: it should be 0" in refusal(
        capsys, "fig2", "--set", "learner.momentum=0.5"
    )
    assert '--curve: "none" is not a curve' in refusal(capsys, "fig2", "--curve", "none")
    assert "--tick: 0 is not valid" in refusal(capsys, "fig2", "--tick", "0")
    assert "--address: there:1x is not valid" in refusal(capsys, "fig2", "--address", "there:1x").replace('"', "")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'wirelessenv[ray]'" in refusal(capsys, "async_bc_fig1", "--out", "elsewhere")
    assert list(tmp_path.iterdir()) == []


def test_a_schedule_is_what_was_written_or_is_refused(tmp_path):
    path = tmp_path / "schedule.npz"
    write_schedule(path, "async_bc", BC)
    found = read_schedule(path, "async_bc")
    assert {name: column.tolist() for name, column in found.items()} == {name: column.tolist() for name, column in BC.items()}
    with pytest.raises(ConfigError, match=r"is the schedule of async_bc, not of pars_push"):
        read_schedule(path, "pars_push")
    for wrong in ({"task": np.arange(2)}, {"task": np.zeros(3)}, {"task": np.full(3, -2)}, {"task": np.array([None] * 3)}):
        write_schedule(path, "async_bc", BC | wrong)
        with pytest.raises(ConfigError, match=r"schedule\.npz: is damaged"):
            read_schedule(path, "async_bc")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ConfigError, match=r"schedule\.npz: is damaged"):
        read_schedule(path, "async_bc")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ("fig2", ["--set", "iterations=300"]),
        ("async_bc_fig1", ["--set", "iterations=500"]),
        ("pars_push_fig1", ["--set", "iterations=150", "--tick", "20"]),
    ],
)
def test_the_command_runs_and_the_simulator_follows(config, changes, tmp_path, capsys):
    pytest.importorskip("ray")
    out = tmp_path / "live"
    assert main(["live", config, "--shards", "2", *changes, "--quiet", "--check", "--out", str(out)]) == 0
    apart = float(capsys.readouterr().out.split("differ by ")[1].split()[0])
    assert apart < (1e-6 if config == "fig2" else 1e-12)
    metrics = pd.read_csv(out / "metrics.csv")
    assert metrics["iteration"].iloc[-1] >= int(changes[1].split("=")[1])
    assert metrics["wall_seconds"].is_monotonic_increasing
    assert (out / "ages.csv").exists()
    assert main(["live", config, "--out", str(out), "--quiet"]) == 2  # it holds a run already


FEW_STEPS = {"kind": "pars_push", "step_size": 1e-6}
"""While a shard is away, the mass of the others flows onto the links to it, and their z = x / y moves the more."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zeroth_order", "async_bc", "pars_push"])
def test_killed_shards_begin_again_and_nothing_is_lost(kind):
    """Seven random kills for each method, the process numbers change, and the simulator still follows."""
    pytest.importorskip("ray")
    rng, kills = np.random.default_rng(5), 7
    ridge = {"kind": "ridge_regression", "clients": 8, "size": 5}
    given = {
        "zeroth_order": {
            "scenario": "dense",
            "learner": {"kind": "zeroth_order", "step_size": 0.05},
        },  # rounding adds up with steps
        "async_bc": {"problem": "least_squares", "learner": {"kind": "async_bc", "exact": True}},
        "pars_push": {"problem": ridge, "learner": FEW_STEPS, "messaging": {"graph": "complete"}},
    }
    experiment = Experiment.parse({**given[kind], "iterations": 10**8})
    with connected(None, 2, "wirelessenv live") as ray:
        plan = LivePlan.of(experiment, None, 2, tick_seconds=1.0, patience=1.0)
        with actors.live_run(ray, plan, [actors.CarryLimits()] * 2) as run:
            while run.look()[0] == 0:
                time.sleep(0.1)
            for _ in range(kills):
                victim = run.shards[int(rng.integers(2))]
                before = ray.get(victim.process.remote())
                lives = sum(run.ending().lives)
                time.sleep(rng.uniform(0.05, 0.5))
                os.kill(before, signal.SIGKILL)
                _wait_until_it_is_back(run, lives)
                assert ray.get(victim.process.remote()) != before
                _holds(plan, run.ending())
            ending = run.ending()
    assert sum(ending.lives) - 2 == kills
    _holds(plan, ending)


def _wait_until_it_is_back(run, lives):
    until = time.monotonic() + 120
    while sum(run.ending().lives) == lives:
        assert time.monotonic() < until
        run.look()
        time.sleep(0.1)


def _holds(plan, ending):
    replayed = plan.solution_of(plan.replayed(ending.schedule))
    apart = np.linalg.norm(replayed - ending.solution) / np.linalg.norm(replayed)
    assert apart < (1e-6 if plan.kind == "zeroth_order" else 1e-10)
