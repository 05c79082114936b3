"""The command that runs agents apart: what it refuses, what it writes, and shards that are killed."""

import importlib
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainers.experiments.experiment import Experiment
from trainers.live import actors
from trainers.live.party import Kept
from trainers.live.plan import LivePlan
from trainers.live.schedule import read_schedule, write_schedule
from trainers.workbench.cluster import QUIET, connected
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
    air = {"post": np.zeros((2, 3), int), "base": np.zeros((2, 3), int), "seconds": np.zeros(2), "shard": np.zeros(2, int)}
    updates = {"update_round": np.zeros(1, int), "update_agent": np.zeros(1, int), "update_heard": np.zeros((1, 3), int)}
    write_schedule(path, "zeroth_order", air | updates)
    with pytest.raises(ConfigError, match="differ in the number of agents"):
        read_schedule(path, "zeroth_order")
    write_schedule(path, "async_bc", BC)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ConfigError, match=r"schedule\.npz: is damaged"):
        read_schedule(path, "async_bc")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ("fig2", ["--set", "iterations=300", "--curve", "centralised, step 0.5"]),  # with steps of 12 rounding grows, too
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
RIDGE = {"kind": "ridge_regression", "clients": 8, "size": 5}
GIVEN = {
    "zeroth_order": {
        "scenario": "dense",
        "learner": {"kind": "zeroth_order", "step_size": 0.05},
    },  # rounding adds up with steps
    "async_bc": {"problem": "least_squares", "learner": {"kind": "async_bc", "exact": True}},
    "pars_push": {"problem": RIDGE, "learner": FEW_STEPS, "messaging": {"graph": "complete"}},
}


def endless(kind, shards=2):
    """Plan of a run that has no end; ticks are long, so that a process is back after some of them."""
    experiment = Experiment.parse({**GIVEN[kind], "iterations": 10**8})
    return LivePlan.of(experiment, None, shards, tick_seconds=1.0, patience=1.0)


class CheckedHub(actors.HubActor):
    """The hub, which can be asked what has to hold whatever happens."""

    def holds(self):
        """All mass and the least on a link, of PARS-Push; tasks under way and how many there are to be, of AsyncBC."""
        with self._changed:
            if self.hub.kind == "pars_push":
                return float(self.hub.total()[-1]), float(self.hub.on_links()[:, -1].min())
            return (len(self.hub.under_way), self.hub.tau_c) if self.hub.kind == "async_bc" else (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", GIVEN)
def test_killed_shards_begin_again_and_nothing_is_lost(kind, monkeypatch):
    """Seven random kills for each method, the process numbers change, and the simulator still follows."""
    pytest.importorskip("ray")
    monkeypatch.setattr(actors, "HubActor", CheckedHub)
    rng, kills, plan = np.random.default_rng(5), 7, endless(kind)
    slow = actors.CarryLimits(sleep=0.02)  # replays, which begin at the first round again and again, have to be faster
    with connected(None, 2, "wirelessenv live") as ray, actors.live_run(ray, plan, [slow] * 2) as run:
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
            one, other = ray.get(run.hub.holds.remote())
            if kind == "pars_push":
                assert one == pytest.approx(8, rel=1e-12)
                assert other > -1e-12
            else:
                assert one == other
            _holds(plan, run.ending())
        ending = run.ending()
    assert sum(ending.lives) - 2 == kills
    _holds(plan, ending)


class ClosedHub(actors.HubActor):
    """A hub to which no connection can be made, as behind a firewall."""

    def __init__(self, *given):
        super().__init__(*given)
        self._listener.close()


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached_ends_the_run_in_a_sentence(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(actors, "HubActor", ClosedHub)
    monkeypatch.setattr(actors, "UNREACHED", 3)
    plan = endless("async_bc")
    with (
        connected(None, 2, "wirelessenv live") as ray,
        actors.live_run(ray, plan, [actors.CarryLimits()] * 2) as run,
        pytest.raises(ConfigError, match=r"cannot reach the hub at [\d.]+:\d+: the machines of the cluster should let"),
    ):
        run.run()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["async_bc", "zeroth_order"])
def test_a_run_goes_on_where_a_node_is_killed(kind, monkeypatch):
    """Shards are spread over two nodes; those of the one that is killed go on at the other from what the hub holds."""
    ray, utils = pytest.importorskip("ray"), importlib.import_module("ray.cluster_utils")
    for name, value in {**QUIET, "PYTHONPATH": str(Path(__file__).parents[3])}.items():
        monkeypatch.setenv(name, value)
    cluster = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        node = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        cluster.wait_for_nodes()  # Ray spreads over those that it knows by then
        plan = endless(kind)
        with actors.live_run(ray, plan, [actors.CarryLimits()] * 2) as run:
            while run.look()[0] == 0:
                time.sleep(0.1)
            places = ray.get([shard.node.remote() for shard in run.shards])
            assert node.node_id in places
            processes = ray.get([shard.process.remote() for shard in run.shards])
            cluster.remove_node(node, allow_graceful=False)
            lost = [number for number, place in enumerate(places) if place == node.node_id]
            _wait_until_others_are_there(run, ray, {number: processes[number] for number in lost})
            again = ray.get([shard.process.remote() for shard in run.shards])
            assert [number for number in range(2) if again[number] != processes[number]] == lost
            iteration = run.look()[0]
            while run.look()[0] < iteration + 20:
                time.sleep(0.1)
            _holds(plan, run.ending())
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.slow
def test_a_run_whose_hub_is_killed_leaves_what_can_be_replayed(tmp_path, capsys, monkeypatch):
    ray, out, runs = pytest.importorskip("ray"), tmp_path / "live", []
    begin = actors.LiveRun.__init__

    def noted(run, *given):
        begin(run, *given)
        runs.append(run)

    def kill():
        while not (out / "schedule" / "000001.npz").exists():
            time.sleep(0.1)
        os.kill(ray.get(runs[0].hub.process.remote()), signal.SIGKILL)

    monkeypatch.setattr(actors.LiveRun, "__init__", noted)
    killing = threading.Thread(target=kill)
    killing.start()
    assert main(["live", "async_bc_fig1", "--set", "iterations=100000000", "--out", str(out), "--quiet"]) == 1
    killing.join()
    said = capsys.readouterr().err.strip()
    assert said.startswith("The process of the hub was killed: this live run cannot go on; its record up to iteration ")
    assert said.endswith(f" is in {out}, and can be replayed")
    assert {path.name for path in out.iterdir()} >= {"schedule.npz", "metrics.csv", "ages.csv"}
    assert not (out / "schedule").exists()
    plan = LivePlan.of(Experiment.load(out / "config.yaml"), None, 2)
    schedule = read_schedule(out / "schedule.npz", "async_bc")
    assert len(schedule["task"]) == int(said.split("iteration ")[1].split()[0]) > 0
    replayed = plan.measures(Kept(0, 0.0, plan.solution_of(plan.replayed(schedule))))
    written = pd.read_csv(out / "metrics.csv").iloc[-1]
    for name, value in replayed.items():
        assert value == pytest.approx(written[name], rel=1e-9)


def _wait_until_it_is_back(run, lives):
    until = time.monotonic() + 120
    while sum(run.ending().lives) == lives:
        assert time.monotonic() < until
        run.look()
        time.sleep(0.1)


def _wait_until_others_are_there(run, ray, before):
    """Processes of a node that is gone answer for some seconds, and are nowhere for some more."""
    until = time.monotonic() + 120
    while before:
        assert time.monotonic() < until
        run.look()
        with suppress(ray.exceptions.RayActorError, ray.exceptions.ActorUnavailableError):
            before = {
                number: process
                for number, process in before.items()
                if ray.get(run.shards[number].process.remote(), timeout=30) == process
            }
        time.sleep(0.1)


def _holds(plan, ending):
    replayed = plan.solution_of(plan.replayed(ending.schedule))
    apart = np.linalg.norm(replayed - ending.solution) / np.linalg.norm(replayed)
    assert apart < (1e-6 if plan.kind == "zeroth_order" else 1e-10)
