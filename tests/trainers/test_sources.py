"""Sources of a run may change, go away or be moved: the run says so, or goes on from what it has kept."""

import copy
import importlib
import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from trainers.__main__ import main
from trainers.experiments import listing, plots
from trainers.experiments.experiment import Experiment
from trainers.experiments.run_directory import RunDirectory
from trainers.experiments.runner import run as train
from wirelessenv.channel.fading import Fading
from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Scenario

RNG = np.random.default_rng(12)
OLD, NEW = RNG.exponential(size=(2, 4, 4))
CONFIG = {
    "scenario": {"preset": "dense", "transmitters": 4, "hops": 2, "gains": "gains/gr.npz"},
    "messaging": {"graph": "ring"},
    "problem": {"evaluation_slots": 10},
    "policy": {"hidden": [3]},
    "learner": {"batch": 2},
    "iterations": 4,
    "evaluate_every": 2,
    "seeds": 1,
    "curves": {"one": {}, "other": {"scenario": {"gains": {"path": "gains/gr.npz"}, "noise": 2.0}}},
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a configuration and gains in it; the working directory is another one."""
    (tmp_path / "work" / "gains").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write(tmp_path / "work" / "gains" / "gr.npz", OLD)
    (tmp_path / "work" / "small.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return tmp_path / "work"


def write(path, gain):
    np.savez(path, gain=gain)


def command(place, *more, out="out"):
    return main([str(one) for one in (place / "small.yaml", "--out", place / out, "--quiet", "--workers", 1, *more)])


def begun(place, out="out"):
    """A run that was stopped before its first group."""
    with RunDirectory.opened(place / out, Experiment.load(place / "small.yaml"), resume=False, device="cpu") as directory:
        return directory


def test_a_source_that_has_changed_is_refused_and_nothing_is_written(place, capsys):
    begun(place)
    write(place / "gains" / "gr.npz", NEW)
    before = {path: path.read_bytes() for path in (place / "out").rglob("*") if path.is_file()}
    assert command(place, "--resume", "--force") == 2
    said = capsys.readouterr().err
    assert f"--resume: {place}/gains/gr.npz has changed since {place}/out was begun with it" in said
    assert said.count("\n") == 1
    assert {path: path.read_bytes() for path in (place / "out").rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_source_that_has_gone_away_is_taken_from_the_copy(place):
    assert command(place, out="whole") == 0
    begun(place)
    shutil.rmtree(place / "gains")
    assert command(place, "--resume") == 0
    without = ["curve", "seed", "iteration", "utility", "full_power_utility"]
    whole, resumed = (RunDirectory(place / out).metrics()[without] for out in ("whole", "out"))
    assert resumed.equals(whole)


def test_a_missing_source_that_was_never_kept_is_said(place, capsys):
    shutil.rmtree(place / "gains")
    assert command(place) == 2
    assert f"{place}/gains/gr.npz: there is no such file" in capsys.readouterr().err


@pytest.mark.slow
def test_list_and_plot_need_the_directory_alone(place, tmp_path, monkeypatch):
    assert command(place) == 0
    shutil.move(place / "out", tmp_path / "moved")
    shutil.rmtree(place)
    monkeypatch.chdir("/")
    (row,) = listing.runs(tmp_path / "moved")
    assert (row["state"], row["progress"]) == ("finished", "100%")
    assert all(path.exists() for path in plots.plot(tmp_path / "moved"))
    experiment = RunDirectory(tmp_path / "moved").experiment()
    for name in ("one", "other"):
        np.testing.assert_allclose(experiment.curve(name).scenario.given_gains()[0, 0], OLD, rtol=1e-6)
    # what it holds is a whole configuration, of which another run can be begun
    assert main([str(tmp_path / "moved" / "config.yaml"), "--out", str(tmp_path / "again"), "--quiet", "--workers", "1"]) == 0


@pytest.mark.slow
def test_a_directory_of_old_has_no_checksums_and_is_read_from_where_it_was_begun(place, monkeypatch):
    assert command(place) == 0
    monkeypatch.chdir(place)
    config = yaml.safe_load((place / "out" / "config.yaml").read_text())
    config["scenario"]["gains"] = {"path": "gains/gr.npz", "unit": "linear", "start": "first"}
    config["curves"]["other"]["scenario"]["gains"] = {"path": "gains/gr.npz"}
    (place / "out" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    shutil.rmtree(place / "out" / "sources")
    manifest = json.loads((place / "out" / "manifest.json").read_text())
    del manifest["sources"]
    (place / "out" / "manifest.json").write_text(json.dumps(manifest))
    assert listing.runs(place / "out")[0]["state"] == "finished"
    assert command(place, "--resume") == 0


def test_paths_of_a_file_are_relative_to_it_and_those_of_a_change_to_the_working_directory(place, tmp_path):
    write(tmp_path / "elsewhere" / "mine.npz", NEW)
    experiment = Experiment.load(place / "small.yaml")
    assert experiment.scenario.gains.path == str(place / "gains" / "gr.npz")
    assert experiment.curves["other"]["scenario"]["gains"]["path"] == str(place / "gains" / "gr.npz")
    changed = Experiment.load(place / "small.yaml", ["scenario.gains.path=mine.npz"])
    assert changed.scenario.gains.path == str(tmp_path / "elsewhere" / "mine.npz")
    np.testing.assert_allclose(changed.curve("one").scenario.given_gains()[0, 0], NEW, rtol=1e-6)
    np.testing.assert_allclose(changed.curve("other").scenario.given_gains()[0, 0], OLD, rtol=1e-6)
    (place / "scenario.yaml").write_text("{preset: dense, transmitters: 4, gains: gains/gr.npz}")
    assert Scenario.from_yaml(place / "scenario.yaml").gains.path == str(place / "gains" / "gr.npz")


def test_a_python_path_is_absolute_at_once(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    given = {"preset": "dense", "transmitters": 4, "fading": "none", "gains": {"path": Path("gains/gr.npz")}}
    scenario, experiment = Scenario(**given), Experiment(scenario=given, curves={"a": {"scenario": {"gains": "gains/gr.npz"}}})
    monkeypatch.chdir(tmp_path)
    assert Experiment.from_text(experiment.text()).curve("a").scenario.gains == scenario.gains
    np.testing.assert_allclose(WirelessNetwork(scenario).block(1).gain[0, 0], OLD, rtol=1e-6)


def test_a_scenario_is_of_the_gains_that_it_was_made_of(place):
    path = place / "gains" / "gr.npz"
    given = {"transmitters": 4, "fading": "none", "gains": {"path": str(path)}}
    scenario, written = Scenario(**given), path.stat()
    write(path, NEW)
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))  # the same size in the same tick
    assert path.stat().st_size == written.st_size
    np.testing.assert_allclose(WirelessNetwork(Scenario(**given)).block(1).gain[0, 0], NEW, rtol=1e-6)
    path.unlink()
    for one in (scenario, copy.deepcopy(scenario), pickle.loads(pickle.dumps(scenario))):  # noqa: S301  # our own
        assert one == scenario
        np.testing.assert_allclose(WirelessNetwork(one).block(1).gain[0, 0], OLD, rtol=1e-6)
        assert not one.gains.load().flags.writeable


def test_a_dump_names_its_gains_and_refuses_others(place):
    path = place / "gains" / "gr.npz"
    write(path, OLD + 1)  # nobody in this process holds these
    dump = Scenario(transmitters=4, gains=str(path)).dump()
    write(path, NEW)
    with pytest.raises(ConfigError, match=r"gains\.path: .*gr\.npz: has changed: its SHA-256 sum should be"):
        WirelessNetwork(dump)


def test_a_source_that_changes_before_the_copy_is_made_is_refused(place):
    experiment = Experiment.load(place / "small.yaml")
    write(place / "gains" / "gr.npz", NEW)
    with pytest.raises(ConfigError, match=r"gr\.npz: has changed since the configuration was read"):
        train(experiment, place / "out", quiet=True, workers=1)
    assert not (place / "out" / "config.yaml").exists()


def test_what_is_large_is_not_copied_and_is_checked(place, monkeypatch):
    monkeypatch.setattr("trainers.workbench.kept_sources.LARGEST", 100)
    begun(place)
    assert not (place / "out" / "sources").exists()
    assert RunDirectory(place / "out").experiment().scenario.gains.path == str(place / "gains" / "gr.npz")
    write(place / "gains" / "gr.npz", NEW)
    assert listing.runs(place / "out")[0]["state"] == "stopped"
    with pytest.raises(ConfigError, match="has changed since"):
        train(Experiment.load(place / "small.yaml"), place / "out", resume=True, quiet=True, workers=1)


LAW = """
from typing import Literal
from wirelessenv.channel.fading import NoFading


class Louder(NoFading):
    kind: Literal["louder_still"] = "louder_still"
"""


def test_a_run_of_other_code_of_ones_own_is_refused(place, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(place), *sys.path])
    (place / "louder_still.py").write_text(LAW)
    importlib.invalidate_caches()
    importlib.import_module("louder_still")
    experiment = Experiment.load(place / "small.yaml", ["curves.other.scenario.fading=louder_still"])
    train(experiment, place / "out", quiet=True, workers=1)
    train(experiment, place / "out", resume=True, quiet=True, workers=1)
    (place / "louder_still.py").write_text(LAW + "\n")
    with pytest.raises(ConfigError, match=r"the code of a piece of your own has changed since .*out was begun"):
        train(experiment, place / "out", resume=True, quiet=True, workers=1, force=True)
    assert listing.runs(place / "out")[0]["state"] == "finished"
    del Fading.kinds["louder_still"], sys.modules["louder_still"]
