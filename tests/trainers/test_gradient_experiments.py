"""Gradient methods as experiments: files, columns, arrivals, searches, and runs that stop and go on."""

import csv

import numpy as np
import pytest
import torch

from trainers.__main__ import main
from trainers.events.timetable import Server
from trainers.experiments import runner, training
from trainers.experiments.experiment import Experiment
from trainers.experiments.groups import METRICS, groups_of
from trainers.experiments.plots import plot
from trainers.experiments.run_directory import RunDirectory
from trainers.experiments.tables import summary
from trainers.problems.least_squares import LeastSquares
from trainers.problems.logistic import Logistic
from trainers.workbench.files import read_tensors
from wirelessenv import ConfigError

RING = {"graph": "ring", "activity": {"update": 0.7}, "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 2}}}
RIDGE = {"kind": "ridge_regression", "clients": 4, "size": 5, "batch": 3, "budget": 1}
WIRELESS = {"kind": "wireless", "evaluation_slots": 10, "bank_slots": 12, "batch": 4}
QUADRATIC = {"kind": "quadratic"}
CASES = {
    "sgp": (RIDGE, {"kind": "sgp"}),
    "pars_push": (RIDGE, {"kind": "pars_push", "inner_steps": 1}),
    "async_sgd": (RIDGE, {"kind": "async_sgd", "server": {"computing": {"kind": "exponential"}}}),
    "async_bc": ({"kind": "least_squares", "noise": 0.1}, {"kind": "async_bc", "same_sample": False}),
    "ringleader": ({"kind": "least_squares", "noise": 0.1}, {"kind": "ringleader", "server": {"computing": "exponential"}}),
    "sync_sgd": (RIDGE, {"kind": "sync_sgd", "computing": {"kind": "exponential"}}),
    "dasgd": (
        {"kind": "quadratic"},
        {"kind": "dasgd", "nodes": 3, "exact": True, "network": {"links": {"kind": "exponential"}}},
    ),
    "dasgd on the network": (WIRELESS, {"kind": "dasgd", "stride": 9}),
    "pars_push on the network": (WIRELESS, {"kind": "pars_push", "inner_steps": 1}),
    "async_bc on the network": (WIRELESS, {"kind": "async_bc", "stride": 3}),
}


def experiment(problem, learner, **options):
    written = {
        "scenario": {"preset": "dense", "transmitters": 3, "hops": 2},
        "policy": {"hidden": [3]},
        "messaging": RING,
        "problem": problem,
        "learner": {"step_size": 0.01, **learner},
        "iterations": 60,
        "evaluate_every": 10,
        "seeds": 2,
        "measure": "utility" if problem["kind"] == "wireless" else "cost",
    }
    return Experiment.parse(written | options)


def rows(path):
    with (path / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key != "wall_seconds"} for row in csv.DictReader(file)]


SLOW = {"dasgd on the network", "pars_push on the network"}


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.slow] * (case in SLOW)) for case in CASES])
def test_a_run_that_stops_goes_on_to_the_same_numbers(case, tmp_path):
    asked = experiment(*CASES[case], curves={"a": {}, "b": {"learner": {"step_size": 0.02}}})
    runner.run(asked, tmp_path / "whole", quiet=True, workers=1)
    for group in groups_of(asked):
        assert group.curves == ("a", "b")  # step sizes train side by side
        assert len(group.seeds) == 1
        for stop in (20, 40):
            cut = training.train(asked, group, tmp_path / "cut", lambda at, stop=stop: at >= stop, device="cpu", save_every=1e9)
            assert not cut
        assert training.train(asked, group, tmp_path / "cut", lambda _: False, device="cpu", save_every=1e9)
        ended = [read_tensors(tmp_path / run / "groups" / f"{group.number:03d}" / "policies.pt") for run in ("whole", "cut")]
        assert torch.equal(ended[0]["parameters"], ended[1]["parameters"])
    RunDirectory(tmp_path / "cut").assemble(asked)
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")
    assert len(rows(tmp_path / "whole")) == 2 * 2 * 7


@pytest.mark.slow
def test_curves_of_all_methods_share_one_table_and_one_figure(tmp_path):
    curves = {
        "zeroth-order": {"learner": {"kind": "zeroth_order", "batch": 4}},
        "SGP": {"learner": {"kind": "sgp", "most": 30}},
        "Async-SGD": {"learner": {"kind": "async_sgd", "server": {"computing": "constant"}, "stride": 3}},
    }
    panels = [{"x": "slots", "log_x": True}, {"points": {"ends": [{"x": 1, "curve": "SGP"}, {"x": 2, "curve": "Async-SGD"}]}}]
    asked = experiment(WIRELESS, {"kind": "sgp"}, curves=curves, panels=panels)
    runner.run(asked, tmp_path, quiet=True, workers=1)
    found = rows(tmp_path)
    columns = [name for name in METRICS if name != "wall_seconds"]
    assert list(found[0])[: len(columns)] == columns
    last = {row["curve"]: row for row in found if row["seed"] == "1"}
    assert {name: row["iteration"] for name, row in last.items()} == {"zeroth-order": "60", "SGP": "30", "Async-SGD": "60"}
    assert int(last["zeroth-order"]["slots"]) == 60 * 8
    assert float(last["SGP"]["slots"]) == 30 * 4
    ticks = Server(computing="constant").timetable(3, seed=1).seconds(180)[-1]
    assert ticks > 60  # three clients could answer in each, but one that is asked twice queues
    assert float(last["Async-SGD"]["slots"]) == ticks * 4
    assert float(last["SGP"]["simulated_seconds"]) == pytest.approx(30 * 4 * 0.025)
    assert last["zeroth-order"]["consensus_distance"] == last["SGP"]["max_age"] == ""
    assert plot(tmp_path)[0].stat().st_size > 10_000
    assert [row["D_max"] is None for row in summary(tmp_path)] == [False, True, True]


def test_a_problem_takes_its_settings_from_the_experiment():
    problem = {
        "kind": "logistic",
        "samples": 12,
        "size": 3,
        "clients": 2,
        "batch": 5,
        "regulariser": "nonconvex",
        "weight": 0.5,
    }
    objective = experiment(problem, {"kind": "async_sgd"}).build(["learned"], [4]).learner.problem
    x = np.array([1.0, -2.0, 0.5])
    plain = Logistic.gaussian(12, 3, clients=2, seed=4)
    assert objective.draw(1, np.random.default_rng(0)).shape == (5,)
    assert objective.mean_cost(x) - plain.mean_cost(x) == pytest.approx(0.5 * (x**2 / (1 + x**2)).sum())


def test_nodes_act_with_their_own_copies_on_the_network():
    learner = experiment(WIRELESS, {"kind": "sgp", "step_size": 3.0}).build(["learned"], [0]).learner
    learner.learn(5)
    apart, together = (learner.problem.utility(x)[0, 0] for x in (learner.nodes, learner.solution[:, :, None]))
    assert learner.measures()["utility"][0, 0] == pytest.approx(apart)
    assert apart != pytest.approx(together, rel=1e-6)


def test_on_the_network_nodes_act_where_their_own_steps_lead():
    settings = {"kind": "pars_push", "inner_steps": 2, "inner_step_size": 30.0, "step_size": 0.1}
    learner = experiment(WIRELESS, settings).build(["learned"], [0]).learner
    learner.learn(5)
    objective, acting = learner.problem, learner.nodes.copy()
    for _ in range(2):
        acting -= 30 * np.stack([objective.gradient(i, acting[..., i, :]) for i in range(3)], axis=-2)
    assert learner.measures()["utility"][0, 0] == pytest.approx(objective.utility(acting)[0, 0], rel=1e-4)
    assert learner.measures()["utility"][0, 0] != pytest.approx(objective.utility(learner.nodes)[0, 0], rel=1e-3)


def test_a_run_ends_where_it_arrives(tmp_path, capsys):
    target = {"below": 0.5, "power": 2, "window": 4}
    asked = experiment(
        {"kind": "least_squares"}, {"kind": "sync_sgd", "exact": True, "step_size": 0.05, "target": target}, measure="arrived",
        iterations=5000, evaluate_every=1000, curves={"small": {}, "large": {"learner": {"step_size": 0.2}}},
    )  # fmt: skip
    runner.run(asked, tmp_path / "run", quiet=True, workers=1)
    problem = LeastSquares(seed=1)
    for name, step in (("small", 0.05), ("large", 0.2)):
        squares = [10 * problem.smoothness**2 * (1 - step * problem.smoothness) ** (2 * (t // 4)) for t in range(1, 400)]
        expected = 4 + np.argmax(np.convolve(squares, np.ones(4) / 4, "valid") <= 0.5)
        assert (
            float([row for row in rows(tmp_path / "run") if (row["curve"], row["seed"]) == (name, "1")][-1]["arrived"])
            == expected
        )
    assert int(rows(tmp_path / "run")[-1]["iteration"]) < 1000
    assert main(["list", str(tmp_path)]) == 0
    assert "finished" in capsys.readouterr().out


def test_training_ends_once_all_runs_side_by_side_are_there(tmp_path):
    """Gradient descent with a large, a small and a diverging step: as a run without end, up to where the slow one is there."""
    curves = {name: {"learner": {"step_size": step}} for name, step in (("fast", 0.2), ("slow", 0.05), ("lost", 1e30))}
    asked = {"curves": curves, "iterations": 800, "measure": "distance"}
    learner = {"kind": "dasgd", "nodes": 1, "exact": True}
    runner.run(experiment(QUADRATIC, learner, **asked), tmp_path / "whole", quiet=True, workers=1)
    until = {"column": "distance", "below": 1e-3}
    runner.run(experiment(QUADRATIC, learner, until=until, **asked), tmp_path / "run", quiet=True, workers=1)
    whole, found = rows(tmp_path / "whole"), rows(tmp_path / "run")
    last = {}
    for seed in ("0", "1"):
        slow = {int(row["iteration"]): float(row["distance"]) for row in whole if (row["curve"], row["seed"]) == ("slow", seed)}
        last[seed] = min(at for at, distance in slow.items() if distance <= 1e-3)
    assert found == [row for row in whole if int(row["iteration"]) <= last[row["seed"]]]
    assert max(last.values()) < 800
    with pytest.raises(ConfigError, match=r'until\.column: "dist" is not a column'):
        runner.run(experiment(QUADRATIC, learner, until={"column": "dist", "below": 1}, **asked), tmp_path / "none", quiet=True)


def test_a_search_finds_the_step_that_arrives_first(tmp_path, capsys):
    path = tmp_path / "small.yaml"
    path.write_text(
        experiment(
            {"kind": "least_squares"}, {"kind": "sync_sgd", "exact": True, "target": {"below": 0.1}}, measure="arrived",
            iterations=400,
        ).text()
    )  # fmt: skip
    given = ["search", str(path), "--steps", "0.001,0.1,0.3,9", "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main([*given, "--seeds", "5,6"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "learned" in line)
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert (cells[1], cells[4], cells[5]) == ("-", "-", "0.3")
    assert main([*given, "--seeds", "1,2"]) == 2
    assert "--seeds: 1 is not valid: the experiment reports on it; search on others" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "learner", "sentence"),
    [
        (
            RIDGE,
            {"kind": "zeroth_order"},
            'problem: "ridge_regression" is not valid for learners whose agents exchange scalars',
        ),
        ({"kind": "image_logistic", "dataset": "cifar10"}, {"kind": "async_sgd"}, "folder: . lacks cifar-10-binary.tar.gz"),
        (RIDGE, {"kind": "async_sgd", "server": {"concurrency": 9}}, "concurrency: 9 is not valid: there are only 4 clients"),
        (RIDGE, {"kind": "dasgd", "nodes": 3}, "nodes: 3 is not valid"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(problem, learner, sentence, tmp_path):
    with pytest.raises(ConfigError) as caught:
        runner.run(experiment(problem, learner), tmp_path / "run", quiet=True, workers=1)
    assert sentence in str(caught.value)
    assert not (tmp_path / "run").exists()
