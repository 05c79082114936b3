"""python -m trainers, as a user meets it: files, exit statuses, sentences, resuming."""

import csv
import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tests import torture
from trainers.__main__ import main
from trainers.experiments import plots, search, training
from trainers.experiments.groups import METRICS
from trainers.experiments.run_directory import RunDirectory
from trainers.workbench.files import read_tensors
from trainers.workbench.workers import Interrupted

CONFIG = """
title: "A small run"
scenario: {preset: dense, transmitters: 6, hops: 3}
messaging: {graph: ring}
problem: {evaluation_slots: 30}
policy: {hidden: [5]}
learner: {smoothing: 0.5, batch: 3}
iterations: 60
evaluate_every: 20
seeds: 2
reference: centralised
curves:
  centralised: {messaging: centralised}
  ring: {messaging: {activity: {update: 0.5, transmit: 0.5}}}
  larger batch: {learner: {batch: 5}}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


def run(*arguments):
    """The command, in this process unless it says otherwise."""
    given = [str(argument) for argument in arguments]
    here = ["--workers", "1"] if given and given[0].endswith("small.yaml") and "--workers" not in given else []
    return main([*given, *here])


def rows(directory, without=("wall_seconds",)):
    with (directory / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key not in without} for row in csv.DictReader(file)]


def test_a_run_leaves_what_it_promises(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out) == 0
    found = rows(out, without=())
    assert list(found[0]) == list(METRICS)
    assert len(found) == 3 * 2 * 4
    by_curve = {name: [row for row in found if row["curve"] == name] for name in ("centralised", "ring", "larger batch")}
    for name, batch in (("centralised", 3), ("ring", 3), ("larger batch", 5)):
        for row in by_curve[name]:
            slots = 2 * batch * int(row["iteration"])
            assert int(row["slots"]) == slots
            assert float(row["simulated_seconds"]) == pytest.approx(0.025 * slots)
    assert by_curve["centralised"][-1]["messages"] == str(60 * 6 * 5)
    assert by_curve["centralised"][-1]["max_age"] == "0"
    starts = {(row["seed"], row["utility"]) for row in found if row["iteration"] == "0"}
    assert len(starts) == 2  # the same start for all curves of a seed
    assert float(found[-1]["wall_seconds"]) > 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert {"wirelessenv", "commit", "python", "torch", "machine", "threads_a_worker", "device"} <= set(manifest)
    resolved = yaml.safe_load((out / "config.yaml").read_text())
    assert resolved["scenario"]["noise"] == 1.0
    assert resolved["learner"]["memory"] == 40
    for name, start in (("figure.png", b"\x89PNG"), ("figure.pdf", b"%PDF")):
        assert (out / name).read_bytes().startswith(start)
    assert read_tensors(out / "groups" / "000" / "policies.pt")["parameters"].shape == (2, 6, 2, 3 * 5 + 5 + 5 + 1)
    shown = capsys.readouterr().out
    assert "centralised" in shown
    assert "utility / full" in shown.replace("\n", " ")


DISTURBANCES = [
    # who, how, of how many workers, exit status, sentence
    ("worker", signal.SIGKILL, 2, 1, "A worker process failed or was killed: the same command with --resume goes on. It is in"),
    ("run", signal.SIGINT, 2, 130, "Stopped, and saved: the same command with --resume goes on. It is in"),
    ("run", signal.SIGKILL, 1, -signal.SIGKILL, ""),
]


@pytest.mark.slow
def test_a_run_that_is_stopped_and_killed_again_and_again_ends_with_the_same_numbers(tmp_path, monkeypatch):
    """Each disturbance comes after a checkpoint of the process that it meets, at a moment that is nobody's choice."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    config, whole, cut = (tmp_path / name for name in ("small.yaml", "whole", "cut"))
    config.write_text(torture.CONFIG.replace("ITERATIONS", "4000"))
    assert run(config, "--out", whole, "--quiet") == 0
    rng, met = random.Random(3), 0
    for who, how, workers, status, sentence in DISTURBANCES:
        process = subprocess.Popen(torture.command_of(config, cut, workers), stderr=subprocess.PIPE)  # noqa: S603  # our own program
        saved_meanwhile(cut, process)
        time.sleep(rng.uniform(0, 0.1))
        victim = torture.newest_child(process.pid) if who == "worker" else process.pid
        if process.poll() is None:
            os.kill(victim, how)
        _, said = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        met += 1
        assert process.returncode == status
        assert said.decode().strip() == (f"{sentence} {cut}" if sentence else "")
        if status == 130:
            assert (cut / "metrics.csv").stat().st_size > 500
            assert not (cut / ".stop").exists()
    assert met >= 2  # on a slow disk the last kill may come too late
    assert run(config, "--out", cut, "--quiet", "--resume") == 0
    assert torture.rows(cut) == torture.rows(whole)
    one, other = (read_tensors(out / "groups" / "001" / "policies.pt") for out in (whole, cut))
    assert torch.equal(one["parameters"], other["parameters"])


def saved_meanwhile(out, process):
    """Wait until a process has saved something, or has ended."""
    before, deadline = set(out.glob("groups/*/*.pt")), time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None and not set(out.glob("groups/*/*.pt")) - before:
        time.sleep(0.02)


def test_the_numbers_do_not_depend_on_the_number_of_workers(tmp_path, config):
    config.write_text(CONFIG.replace("seeds: 2", "seeds: 7"))
    for workers in (1, 2):
        assert run(config, "--out", tmp_path / str(workers), "--quiet", "--workers", workers) == 0
    assert rows(tmp_path / "1") == rows(tmp_path / "2")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(tmp_path, config, capsys, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(config, "--out", whole, "--quiet") == 0
    saves = []

    def often(self):  # a checkpoint at every evaluation
        saves.append(0)
        return True

    monkeypatch.setattr(training.Cadence, "due", often)
    monkeypatch.setattr(training.GroupFiles, "finish", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit):
        run(config, "--out", cut, "--quiet")
    monkeypatch.undo()
    older, newest = sorted((cut / "groups" / "000").glob("checkpoint-*.pt"))
    assert (older.name, newest.name) == ("checkpoint-20.pt", "checkpoint-40.pt")
    newest.write_bytes(newest.read_bytes()[:-20])
    assert run(config, "--out", cut, "--quiet", "--resume") == 0
    assert "checkpoint-40.pt: is damaged" in capsys.readouterr().err
    assert rows(cut) == rows(whole)


def test_a_directory_in_use_is_left_alone(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    with (out / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(config, "--out", out, "--quiet", "--resume") == 2
    assert "is in use: another process works there" in capsys.readouterr().err


@pytest.mark.slow
def test_other_versions_are_refused_unless_forced(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(manifest | {"torch": "1.0"}))
    assert run(config, "--out", out, "--quiet", "--resume") == 2
    assert "was begun with torch 1.0 and this is" in capsys.readouterr().err
    assert run(config, "--out", out, "--quiet", "--resume", "--force") == 0


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(tmp_path, config, capsys, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(config, "--out", whole, "--quiet") == 0
    written = []

    def full(self, table, rows):
        written.append(table)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return append(self, table, rows)

    append = training.GroupFiles.append
    monkeypatch.setattr(training.GroupFiles, "append", full)
    assert run(config, "--out", cut, "--quiet") == 1
    assert f"{cut}: cannot be written (No space left on device); what was saved before is safe" in capsys.readouterr().err
    monkeypatch.undo()
    assert run(config, "--out", cut, "--quiet", "--resume") == 0
    assert rows(cut) == rows(whole)


@contextmanager
def ordinary_user():
    """Not root for a while, to whom every directory is open."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.slow
def test_a_directory_that_cannot_be_written_is_one_sentence_and_nothing_is_lost(capsys):
    with tempfile.TemporaryDirectory() as name:  # not below tmp_path, which is closed to other users
        folder = Path(name)
        (folder / "small.yaml").write_text(CONFIG)
        assert run(folder / "small.yaml", "--out", folder / "old", "--quiet") == 0
        capsys.readouterr()
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for path in (folder, folder / "old", folder / "old" / "groups"):
            path.chmod(0o555)
        for path in before:
            path.chmod(0o444)
        with ordinary_user():
            for out, resume in (("new", []), ("old", ["--resume"])):
                assert run(folder / "small.yaml", "--out", folder / out, "--quiet", *resume) == 1
                said = capsys.readouterr().err
                safe = "; what was saved before is safe" if resume else ""  # of what never was, nothing is
                assert said == f"{folder / out}: cannot be written (Permission denied){safe}\n"
            assert run("list", folder) == 0
            assert "finished" in capsys.readouterr().out
            assert run("plot", folder / "old") == 1
            assert "cannot be written (Permission denied); give another folder with --out\n" in capsys.readouterr().err
        folder.chmod(0o755)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        (folder / "old").chmod(0o755)


@pytest.mark.slow
def test_a_curve_that_diverges_is_recorded_and_the_others_go_on(tmp_path, config, capsys):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(config, "--out", whole, "--quiet") == 0
    config.write_text(CONFIG + "  wild: {learner: {step_size: 1.0e+30, decay: -5}}\n")
    assert run(config, "--out", out, "--quiet") == 0
    with (out / "diverged.csv").open() as file:
        found = list(csv.DictReader(file))
    assert {(row["curve"], row["seed"]) for row in found} == {("wild", "0"), ("wild", "1")}
    assert {row["quantity"] for row in found} <= {"parameters", "utility"}
    assert "Diverged: wild, seed 0, by iteration" in capsys.readouterr().err
    sound = [row for row in rows(out) if row["curve"] != "wild"]
    for row, expected in zip(sound, rows(whole), strict=True):
        assert float(row["utility"]) == pytest.approx(float(expected["utility"]), rel=1e-3)


@pytest.mark.slow
def test_a_finished_run_is_resumed_at_once_and_not_changed(tmp_path, config):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    before = (out / "metrics.csv").read_bytes()
    assert run(config, "--out", out, "--quiet", "--resume") == 0
    assert (out / "metrics.csv").read_bytes() == before


@pytest.mark.slow
def test_plot_redraws_from_the_directory_alone(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    config.unlink()
    for axis in ("iteration", "slots", "simulated_seconds", "bits", "wall_seconds"):
        (out / "figure.png").unlink()
        assert run("plot", out, "--x", axis) == 0
        assert (out / "figure.png").stat().st_size > 10_000
    assert "figure.png" in capsys.readouterr().out


def test_plot_leaves_panels_their_own_axes_unless_it_is_told(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(plots, "plot", lambda path, x, out: asked.append(x) or [])
    assert run("plot", tmp_path) == run("plot", tmp_path, "--x", "bits") == 0
    assert asked == [None, "bits"]


def test_delays_are_those_that_training_measures(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    metrics = RunDirectory(out).metrics()
    capsys.readouterr()
    assert run("delays", config) == 0
    printed = capsys.readouterr().out
    for name, curve in metrics.groupby("curve"):
        line = next(line for line in printed.splitlines() if name in line)
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        assert int(cells[5]) == curve["max_age"].max()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{config}", "--set", "iteratoins=3"], 'unknown key "iteratoins" (did you mean "iterations"?)'),
        (["{config}", "--set", "learner.memory=2"], "memory: 2 is not valid: the graph's diameter times the largest delay"),
        (["{config}", "--set", "messaging.graph={kind: edges, edges: [[0, 1]]}"], "graph: not strongly connected"),
        (["{config}", "--set", "messaging.activity.transmit=-0.1"], "probability: -0.1 is not valid"),
        (["{config}", "--seeds", "none"], "seeds: 'none' is not valid"),
        (["nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["plot", "nowhere"], "nowhere: is not a run directory"),
        (["delays", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_writes_nothing(config, capsys, monkeypatch, arguments, sentence):
    monkeypatch.chdir(config.parent)
    status = run(*(argument.replace("{config}", str(config)) for argument in arguments))
    said = capsys.readouterr().err
    assert status == 2
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
    assert [entry.name for entry in config.parent.iterdir()] == ["small.yaml"]


def test_nothing_is_overwritten(tmp_path, config, capsys):
    out, other, file = tmp_path / "out", tmp_path / "other", tmp_path / "file"
    assert run(config, "--out", out, "--quiet") == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    file.write_text("a file")
    for arguments, sentence in (
        ([config, "--out", out], "holds a run already; add --resume"),
        ([config, "--out", out, "--resume", "--set", "scenario.noise=2"], "holds another run: its scenario differs"),
        ([config, "--out", other], "it holds files that are not a run's"),
        ([config, "--out", file], "it is a file; give a directory"),
    ):
        assert run(*arguments, "--quiet") == 2
        assert sentence in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [entry.name for entry in other.iterdir()] == ["thesis.tex"]


def test_usage_errors_leave_with_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    assert "usage: python -m trainers" in capsys.readouterr().err


def test_summary_is_paired_by_layout(tmp_path, config):
    from trainers.experiments.tables import summary

    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    table = RunDirectory(out).metrics()
    ring = table[table["curve"] == "ring"].pivot(index="iteration", columns="seed", values="utility")
    best = table[table["curve"] == "centralised"].pivot(index="iteration", columns="seed", values="utility")
    full = table[table["iteration"] == 0].groupby("seed")["full_power_utility"].first()
    row = {row["curve"]: row for row in summary(out)}["ring"]
    relative = ring.loc[60] / full
    assert row["relative"] == pytest.approx(relative.mean())
    assert row["half_width"] == pytest.approx(12.7062 * relative.std() / np.sqrt(2), rel=1e-4)
    assert row["share"] == pytest.approx(((ring.loc[60] - ring.loc[0]) / (best.loc[60] - best.loc[0])).median())


def test_list_shows_every_run_and_its_state(tmp_path, config, capsys):
    assert run("list", tmp_path) == 2
    assert "holds no runs" in capsys.readouterr().err
    assert run(config, "--out", tmp_path / "one", "--quiet") == 0
    assert run("list", tmp_path) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "one" in line)
    assert [cell.strip() for cell in line.strip("│").split("│")][:5] == ["one", "finished", "100%", "3", "2"]


@pytest.mark.slow
def test_tensorboard_gets_every_row_once_also_after_resuming(tmp_path, config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = tmp_path / "out"
    for options in ([], ["--resume"]):
        assert run(config, "--out", out, "--quiet", "--tensorboard", *options) == 0
        events = EventAccumulator(str(out / "tensorboard")).Reload()
        assert len(events.Tags()["scalars"]) == 3 * 2 * 10
        found = events.Scalars("larger batch/seed1/utility")
        assert [event.step for event in found] == [0, 20, 40, 60]
        expected = [float(row["utility"]) for row in rows(out) if row["curve"] == "larger batch" and row["seed"] == "1"]
        np.testing.assert_allclose([event.value for event in found], expected, rtol=1e-6)


@pytest.mark.parametrize("library", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_library_to_log_with_is_one_sentence(tmp_path, config, capsys, monkeypatch, library):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard" if library == "tensorboard" else library, None)
    for option in ("--log", library), *([("--tensorboard",)] if library == "tensorboard" else []):
        assert run(config, "--out", tmp_path / "out", "--quiet", *option) == 2
        said = f"--log {library} needs {library}, which is not installed: pip install 'wirelessenv[{library}]'"
        assert capsys.readouterr().err.strip() == said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["short", "long" * 25, "nowhere"])
@pytest.mark.slow
def test_workers_begin_wherever_temporary_files_are(tmp_path, config, place):
    """The path of a socket has a largest length, which a folder for temporary files may exceed; or nobody may write there."""
    folder = tmp_path / place
    if place != "nowhere":
        folder.mkdir()
    program = (
        "import sys, tempfile; from trainers.__main__ import main\n"
        f"if {place == 'nowhere'}: tempfile._candidate_tempdir_list = lambda: []\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = [str(config), "--out", str(tmp_path / "out"), "--workers", "2", "--quiet", "--set", "iterations=20"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", program, *arguments, "--seeds", "7"], env=env, capture_output=True, text=True)  # noqa: S603, PLW1510  # our own program
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stopped_search_names_the_command_that_goes_on(tmp_path, monkeypatch, capsys):
    """It goes on by itself, and has no --resume."""

    def stopped(*_, **__):
        raise Interrupted

    monkeypatch.setattr(search, "search", stopped)
    given = ["search", "async_bc_fig1", "--steps", "0.1", "--seeds", "100", "--out", str(tmp_path / "found")]
    assert run(*given) == 130
    assert f"Stopped, and saved: the same command goes on. It is in {tmp_path / 'found'}" in capsys.readouterr().err
