"""Comparisons in which trainings diverge: they go on, and say so wherever a result would stand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from baselines.__main__ import main
from baselines.comparison import figures
from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Learned
from baselines.comparison.tables import said, tables
from baselines.comparison.work import _measured, diverged
from baselines.learned import rows
from trainers.workbench.engines import InThisProcess, InWorkers
from wirelessenv import ConfigError

EXPERIMENT = {
    "messaging": {"graph": "complete"},
    "learner": {"step_size": 1e30, "decay": -5},
    "iterations": 20,
    "evaluate_every": 10,
    "problem": {"evaluation_slots": 20},
}
CONFIG = {
    "scenarios": {"[/] $x^{$": {"preset": "dense", "transmitters": 4}},
    "layouts": 3,
    "slots": 5,
    "warm_up": 2,
    "seeds": 2,
    "methods": {
        "_$x^{$": {"method": "gnn", "steps": 4, "learning_rate": 1e30},
        "run [/]": {"method": "trainers", "config": "experiment.yaml", "curve": "learned"},
        "whole": {"method": "gnn", "steps": 4},
    },
}


@pytest.fixture
def labels(monkeypatch):
    """Texts of the figures' axes and legends that are drawn."""
    found = []
    save = figures.save

    def noted(figure, folder, name):
        for axes in figure.axes:
            found.extend(label.get_text() for label in axes.get_yticklabels())
            found.extend(text.get_text() for text in (axes.get_legend().get_texts() if axes.get_legend() else ()))
        return save(figure, folder, name)

    monkeypatch.setattr(figures, "save", noted)
    return found


@pytest.mark.slow
def test_what_diverged_stands_in_tables_and_figures_as_that(tmp_path, monkeypatch, labels, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(InWorkers, "work_off", InThisProcess.work_off)
    Path("experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    Path("comparison.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    assert main(["comparison.yaml", "--out", "one", "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    ((_, reached, _),) = tables(ComparisonDirectory("one"))
    by_name = {row["method"]: row for row in reached}
    lost = {"_$x^{$": "diverged (2 of 2, at 64 slots)", "run [/]": "diverged (3 of 3, at 0 slots)"}
    for method, sentence in lost.items():
        assert {**by_name[method], "x full power": sentence, "x WMMSE": sentence, "jain": ""} == {**by_name[method], "jain": ""}
        assert by_name[method]["Jain index"] == by_name[method]["trainings"] == ""
        assert f"{method}: {sentence}".replace("$", r"\$") in [label.removeprefix("\u200b") for label in labels]
        assert method in printed
    assert "diverged" not in by_name["whole"]["x full power"]
    assert by_name["whole"]["trainings"].startswith("2 (")
    assert "diverged (2 of 2, at 64 slots)" in Path("one/comparison.md").read_text()
    table = pd.read_csv("one/comparison.csv").set_index("method")
    assert table.loc[list(lost), "utility"].isna().all()
    assert table.loc[["whole", "WMMSE"], "utility"].notna().all()


def test_a_mean_over_some_trainings_says_of_how_many(tmp_path):
    comparison = Comparison.parse(CONFIG | {"methods": {"GNN": {"method": "gnn"}, "own": {"method": "gnn"}}})
    table = pd.DataFrame(
        {"seed": [0, 0, 1, 1], "layout": [0, 1, 0, 1], "utility": [1, 2, np.nan, np.nan], "training_slots": [99, 99, 64, 64]}
    )
    assert said(table, comparison.methods["GNN"]) == "1 of 2; 1 diverged"
    assert said(table.dropna(), comparison.methods["GNN"]) == ""
    assert said(table, comparison.methods["WMMSE"]) == ""


def test_states_that_hold_nan_have_diverged():
    assert diverged({"a": {"b": [torch.tensor([1.0, torch.nan])]}})
    assert diverged({"a": np.array([np.nan])})
    assert diverged(float("nan"))
    assert not diverged({"a": torch.tensor([torch.inf]), "b": np.arange(3), "c": "nan", "d": None, "e": 1.0})


def test_what_stable_baselines_raises_of_nan_is_a_training_that_diverged():
    scenario = Comparison.parse(CONFIG | {"methods": {}}).scenarios["[/] $x^{$"]
    options = {"kind": "ppo", "slots": 300, "networks": 2, "minibatches": 4, "learning_rate": 1e30}
    method = rows.Reinforcement.kinds["ppo"].parse(options)
    assert isinstance(method, Learned)
    assert any(stage.relative is not None and np.isnan(stage.relative) for stage in method.train(scenario, 0, None))


def test_an_allocator_whose_powers_are_nan_is_refused_as_ever(monkeypatch):
    comparison = Comparison.parse(CONFIG | {"methods": {}})
    held = HeldOut.draw(next(iter(comparison.scenarios.values())), [0], 2, 0)
    with pytest.raises(ConfigError, match="powers"):
        _measured(held, comparison.methods["full power"], np.full((1, 2, 4), np.nan), 0)
