"""python -m trainers, as a user meets it: files, exit statuses, sentences, resuming."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from trainers.__main__ import main
from trainers.run_directory import COLUMNS, RunDirectory
from trainers.storage import read_tensors

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
    return main([str(argument) for argument in arguments])


def rows(directory, without=("wall_seconds",)):
    with (directory / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key not in without} for row in csv.DictReader(file)]


def test_a_run_leaves_what_it_promises(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out) == 0
    found = rows(out, without=())
    assert list(found[0]) == list(COLUMNS)
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
    assert {"wirelessenv", "commit", "python", "torch", "machine", "torch_threads", "device"} <= set(manifest)
    resolved = yaml.safe_load((out / "config.yaml").read_text())
    assert resolved["scenario"]["noise"] == 1.0
    assert resolved["learner"]["memory"] == 40
    for name, start in (("figure.png", b"\x89PNG"), ("figure.pdf", b"%PDF")):
        assert (out / name).read_bytes().startswith(start)
    assert read_tensors(out / "checkpoints" / "policies-0.pt")["parameters"].shape == (2, 6, 2, 3 * 5 + 5 + 5 + 1)
    shown = capsys.readouterr().out
    assert "centralised" in shown
    assert "utility / full" in shown.replace("\n", " ")


def test_resuming_gives_the_same_table_byte_for_byte(tmp_path, config):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(config, "--out", whole, "--quiet") == 0
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    slow = [sys.executable, "-c", SLOW_RUN, str(config), "--out", str(cut), "--quiet"]
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen(  # noqa: S603  # our own program
            [*slow, *(["--resume"] if cut.exists() else [])], env=environment, stderr=subprocess.PIPE
        )
        length = (cut / "metrics.csv").stat().st_size if cut.exists() else len(",".join(COLUMNS))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (cut / "metrics.csv").exists() and (cut / "metrics.csv").stat().st_size > length + 100:
                break
            time.sleep(0.01)
        process.send_signal(stop)
        _, said = process.communicate(timeout=60)
        if stop != signal.SIGKILL:
            assert process.returncode == 130
            assert b"--resume" in said
            assert b"Traceback" not in said
    assert run(config, "--out", cut, "--resume", "--quiet") == 0
    assert rows(cut) == rows(whole)
    for group in (0, 1):
        one, other = (read_tensors(out / "checkpoints" / f"policies-{group}.pt") for out in (whole, cut))
        assert torch.equal(one["parameters"], other["parameters"])


SLOW_RUN = """
import sys, time
from trainers import runner, __main__
evaluate = runner._rows
def slowly(*arguments):
    time.sleep(0.4)
    return evaluate(*arguments)
runner._rows = slowly
sys.exit(__main__.main(sys.argv[1:]))
"""


def test_a_finished_run_is_resumed_at_once_and_not_changed(tmp_path, config):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    before = (out / "metrics.csv").read_bytes()
    assert run(config, "--out", out, "--quiet", "--resume") == 0
    assert (out / "metrics.csv").read_bytes() == before


def test_plot_redraws_from_the_directory_alone(tmp_path, config, capsys):
    out = tmp_path / "out"
    assert run(config, "--out", out, "--quiet") == 0
    config.unlink()
    for axis in ("iteration", "slots", "simulated_seconds", "bits", "wall_seconds"):
        (out / "figure.png").unlink()
        assert run("plot", out, "--x", axis) == 0
        assert (out / "figure.png").stat().st_size > 10_000
    assert "figure.png" in capsys.readouterr().out


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
    from trainers.plots import summary

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
