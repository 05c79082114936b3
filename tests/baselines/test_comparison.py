"""Comparisons from YAML to tables: what is refused, what is written, and that resuming changes nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from filelock import FileLock
from scipy import stats

from baselines.__main__ import main
from baselines.comparison.comparison import Comparison, Signalling
from baselines.comparison.directory import ComparisonDirectory, Task, tasks
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.methods import Method
from baselines.comparison.tables import after_signalling, relative, tables
from trainers import WirelessProblem
from trainers.__main__ import main as trainers_main
from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run
from trainers.workbench.intervals import interval
from wirelessenv import ConfigError

SMALL = {"preset": "dense", "transmitters": 4}
METHODS = {
    "late": {"method": "wmmse", "delay": 2},
    "mine": "my_allocators:half",
    "GNN": {"method": "gnn", "steps": 6},
    "own": {"method": "aggregation_policy", "policies": "own", "steps": 4, "seeds": 1},
    "run": {"method": "trainers", "config": "experiment.yaml", "curve": "learned"},
}
CONFIG = {
    "title": "Few",
    "scenarios": {"small": SMALL},
    "layouts": 3,
    "slots": 5,
    "warm_up": 2,
    "seeds": 2,
    "optimum": {"slots": 2},
    "methods": METHODS,
}
EXPERIMENT = {"messaging": {"graph": "complete"}, "iterations": 20, "evaluate_every": 10, "problem": {"evaluation_slots": 20}}
TIMES = ["decision_ms", "training_seconds"]


def furnish(folder):
    """A configuration, an experiment and an allocator of one's own."""
    (folder / "my_allocators.py").write_text("def half(gain, noise, p_max):\n    return 0.5 * p_max + 0 * gain[..., 0]\n")
    (folder / "comparison.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with all of that."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])]))
    furnish(tmp_path)
    yield tmp_path
    sys.modules.pop("my_allocators", None)


@pytest.fixture(scope="session")  # tests of other modules run in between
def finished(tmp_path_factory):
    """The whole comparison, made once by whichever worker needs it first; tests that change it take a copy."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            finish(folder)
    return folder / "one", SimpleNamespace(**json.loads((folder / "said.json").read_text()))


def finish(folder):
    """Run the comparison and keep what it says."""
    furnish(folder)
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    command = [sys.executable, "-m", "baselines", "comparison.yaml", "--out", "one"]
    env = os.environ | {"PYTHONPATH": path}
    told = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)  # noqa: S603  # our own program
    (folder / "said.json").write_text(json.dumps({"stdout": told.stdout, "stderr": told.stderr}))


def loaded(**changes):
    return Comparison.parse({"scenarios": ["dense"], **changes})


def numbers(path):
    return pd.read_csv(path / "comparison.csv").drop(columns=TIMES)


def test_a_comparison_from_beginning_to_end(finished, place):
    table = pd.read_csv(finished[0] / "comparison.csv")
    assert list(dict.fromkeys(table["method"])) == ["full power", "WMMSE", *METHODS]
    assert len(table) == 3 * (2 + 2 + 2 + 1 + 1)  # references, allocators, two trainings, own policies, a run
    held = HeldOut.draw(Comparison.load("comparison.yaml").scenarios["small"], range(3), 5, 2)
    half = Measured.of(held, np.full((3, 7, 4), 5.0), 2)
    mine = table[table["method"] == "mine"]
    for name, column in half.columns().items():
        np.testing.assert_allclose(mine[name], column, rtol=1e-6)
    reference = table[table["method"] == "full power"]["utility"].to_numpy()
    np.testing.assert_array_equal(mine["full_power_utility"], reference)
    assert table["optimum_share"].max() <= 1 + 1e-6
    assert table[table["method"] == "WMMSE"]["optimum_share"].min() > 0.8
    costs = table.drop_duplicates("method").set_index("method")
    assert costs.loc["GNN", "training_slots"] == 6 * 16 * 4 == costs.loc["own", "training_slots"] * 6 / 4
    assert costs.loc["run", "training_slots"] == 20 * 2 * 20
    assert costs.loc["late", "training_slots"] == 0
    assert list(costs.loc[["GNN", "own"], "trained"]) == ["across layouts", "this layout"]


def test_what_it_leaves_behind(finished):
    directory, told = finished
    learning = pd.read_csv(directory / "learning.csv")
    run_rows = learning[(learning["method"] == "run") & (learning["layout"] == 2)]
    metrics = pd.read_csv(directory / "runs/00_small-06_run/metrics.csv").query("seed == 2")
    np.testing.assert_allclose(run_rows["relative"], metrics["utility"] / metrics["full_power_utility"])
    text = (directory / "comparison.md").read_text()
    assert "| GNN | everything | everything | across layouts | 384 |" in text
    assert "| mine |" in text
    assert "what methods reach on 3 layouts" in told.stdout
    assert "8/8 trainings, 3/3 optima, 8/8 evaluations" in told.stderr
    for name in ("bars", "cdf", "learning"):
        assert (directory / f"{name}.png").stat().st_size > 10_000
        assert (directory / f"{name}.pdf").read_bytes()[:5] == b"%PDF-"


@pytest.mark.slow
def test_stopped_and_resumed_with_other_processes_it_ends_with_the_same_numbers(finished, place):
    command = [sys.executable, "-m", "baselines", "comparison.yaml", "--out", "two", "--workers", "1", "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own program
    while not list(Path("two").glob("trainings/*.pt")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "the same command with --resume goes on" in process.stderr.read()
    process.stderr.close()
    assert not Path("two/comparison.csv").exists()
    first = next(Path("two").glob("trainings/*.pt"))
    when = first.stat().st_mtime_ns
    assert main(["comparison.yaml", "--out", "two", "--resume", "--quiet"]) == 0
    pd.testing.assert_frame_equal(numbers(Path("two")), numbers(finished[0]))
    assert first.stat().st_mtime_ns == when  # what was finished was not done again


@pytest.mark.slow
def test_another_comparison_is_not_overwritten_and_what_is_damaged_is_done_again(finished, place, capsys):
    shutil.copytree(finished[0], "one")
    assert main(["comparison.yaml", "--out", "one"]) == 2
    assert "one holds a comparison already; add --resume" in capsys.readouterr().err
    assert main(["comparison.yaml", "--out", "one", "--resume", "--set", "slots=6"]) == 2
    assert "one holds another comparison: its slots differs" in capsys.readouterr().err
    damaged = Path("one/evaluations/00_small-02_late.pt")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert main(["comparison.yaml", "--out", "one", "--resume", "--quiet"]) == 0
    assert "is damaged" in capsys.readouterr().err
    pd.testing.assert_frame_equal(numbers(Path("one")), numbers(finished[0]))


@pytest.mark.slow
def test_an_allocator_that_fails_half_way_is_one_sentence_and_nothing_is_lost(place, capfd):
    Path("my_allocators.py").write_text("def half(gain, noise, p_max):\n    return gain\n")
    few = {**CONFIG, "methods": {"mine": "my_allocators:half"}, "optimum": None}
    Path("comparison.yaml").write_text(yaml.safe_dump(few))
    assert main(["comparison.yaml", "--out", "one", "--quiet"]) == 2
    assert "my_allocators:half: powers of the shape" in capfd.readouterr().err
    Path("my_allocators.py").write_text("def half(gain, noise, p_max):\n    return 0.5 * p_max + 0 * gain[..., 0]\n")
    assert main(["comparison.yaml", "--out", "one", "--quiet", "--resume"]) == 0


@pytest.mark.slow
def test_runs_that_hold_something_else_are_refused_and_nothing_is_written(place, capsys):
    curves = {"a": {}, "b": {"scenario": {"noise": 2.0}}}
    experiment = Experiment.parse({**EXPERIMENT, "scenario": SMALL, "seeds": 3, "curves": curves})
    run(experiment, "there", quiet=True, workers=1)
    before = {path: path.stat().st_mtime_ns for path in Path("there").rglob("*")}
    entry = {"method": "trainers", "run": "there", "curve": "a"}
    few = {**CONFIG, "optimum": None, "methods": {"run": entry}}

    def refused(**changes):
        Path("comparison.yaml").write_text(yaml.safe_dump({**few, **changes}))
        assert main(["comparison.yaml", "--out", "new", "--quiet"]) == 2
        assert not Path("new").exists()
        return capsys.readouterr().err

    assert "another scenario: its noise is 2.0, and that of the comparison 1.0" in refused(
        methods={"run": {**entry, "curve": "b"}}
    )
    assert 'curve: "c" is not a curve of there' in refused(methods={"run": {**entry, "curve": "c"}})
    assert "there: does not hold layout 3: it has 3 seeds" in refused(layouts=4)
    assert "nowhere: is not a run directory" in refused(methods={"run": {**entry, "run": "nowhere"}})
    Path("there/groups/000/policies.pt").rename("kept")
    assert "there: is not finished" in refused()
    Path("kept").rename("there/groups/000/policies.pt")
    assert {path: path.stat().st_mtime_ns for path in Path("there").rglob("*") if path.is_file()} == {
        path: when for path, when in before.items() if path.is_file()
    }
    Path("comparison.yaml").write_text(yaml.safe_dump(few))
    assert main(["comparison.yaml", "--out", "new", "--quiet"]) == 0
    metrics = pd.read_csv("there/metrics.csv").query("curve == 'a' and iteration == 20")
    table = pd.read_csv("new/comparison.csv").query("method == 'run'")
    assert abs(table["utility"].to_numpy() / metrics["utility"].to_numpy() - 1).max() < 0.5  # other slots of the same layouts


@pytest.mark.slow
def test_a_policy_that_gradient_methods_have_learned_for_all_is_read_too(place):
    messaging = {"graph": "complete", "links": {"delay": 1}}
    problem = {"evaluation_slots": 20, "bank_slots": 20, "batch": 5}
    learner = {"kind": "sgp", "step_size": 0.1}
    experiment = Experiment.parse(
        {**EXPERIMENT, "scenario": SMALL, "seeds": 2, "messaging": messaging, "problem": problem, "learner": learner}
    )
    directory = run(experiment, "there", quiet=True, workers=1)
    few = {"scenarios": {"small": SMALL}, "layouts": 2, "slots": 400, "warm_up": 4}  # those of the evaluation, but for a few
    few["methods"] = {"SGP": {"method": "trainers", "run": "there", "curve": "learned"}}
    Path("comparison.yaml").write_text(yaml.safe_dump(few))
    assert main(["comparison.yaml", "--out", "one", "--quiet"]) == 0
    held = HeldOut.draw(experiment.scenario, [1], 400, 4)
    shared = directory.policies("learned", 1).float().expand(4, -1)
    power = WirelessProblem(SMALL, seed=1).act(shared, held.block.features)
    table = pd.read_csv("one/comparison.csv").query("method == 'SGP' and layout == 1")
    assert table["utility"].item() == pytest.approx(Measured.of(held, power, 0).utility.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"methods": {"x": "wmsse"}}, 'methods.x: unknown kind "wmsse" (did you mean "wmmse"?)'),
        ({"methods": {"x": {"delay": 1}}}, "methods.x: should be a method or a mapping with a method (known: "),
        ({"methods": {"x": {"method": "gnn", "setps": 3}}}, 'methods.x: unknown key "setps" (did you mean "steps"?)'),
        ({"methods": {"x": "nowhere:f"}}, 'methods.x: "nowhere:f" is not valid'),
        ({"methods": {"x": {"method": "wmmse", "delay": 11}}}, 'warm_up: 10 is not valid: the method "x" needs 11 slots'),
        ({"methods": {"x": "on_off"}}, 'methods.x: does not fit the scenario "dense": 24 pairs are not valid'),
        ({"methods": {"x": {"method": "trainers", "curve": "a"}}}, "run, config: give one of them"),
        ({"scenarios": ["dnse"]}, 'scenarios.dnse: unknown preset "dnse" (did you mean "dense"?)'),
        ({"scenarios": []}, "scenarios: [] is not valid"),
        ({"layouts": 1}, "layouts: 1 is not valid"),
        ({"lay_outs": 3}, 'unknown key "lay_outs" (did you mean "layouts"?)'),
        ({"scenarios": ["d2d"], "optimum": {}}, 'optimum: is not valid for the scenario "d2d"'),
        ({"scenarios": ["cellular"], "optimum": {}}, 'optimum: is not valid for the scenario "cellular"'),
        ({"scenarios": ["gaussian"], "optimum": {"slots": 300}}, "optimum.slots: 300 is not valid: there are 200 slots"),
    ],
)
def test_configurations_that_cannot_be_used_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ConfigError) as caught:
        loaded(**changes)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_comparison_survives_its_own_text(place):
    comparison = Comparison.load("comparison.yaml", ["slots=9", "methods.GNN.hidden=8"])
    assert comparison.slots == 9
    assert comparison.methods["GNN"].hidden == 8
    again = Comparison.from_text(comparison.text())
    assert again.dump() == comparison.dump()
    assert again.dump()["methods"]["mine"] == {"method": "my_allocators:half", "delay": 0}


OWN = """
from typing import Literal
import numpy as np
from baselines.comparison.methods import Untrained

class LoudestAlone(Untrained):
    kind: Literal["loudest_alone"] = "loudest_alone"
    power: float = 1.0

    @property
    def knows(self):
        return "everything"

    def powers(self, held):
        own = np.einsum("ltii->lti", held.block.gain)
        return self.power * held.scenario.max_power * (own == own.max(-1, keepdims=True))
"""


def test_a_method_of_ones_own_stands_in_the_table(place):
    Path("my_methods.py").write_text(OWN)
    few = {"scenarios": {"small": SMALL}, "layouts": 2, "slots": 5}
    few["methods"] = {"loudest": {"method": "my_methods:LoudestAlone", "power": 0.5}, "all of it": "my_methods:LoudestAlone"}
    Path("comparison.yaml").write_text(yaml.safe_dump(few))
    assert main(["comparison.yaml", "--out", "one", "--quiet"]) == 0
    table = pd.read_csv("one/comparison.csv").set_index(["method", "layout"])
    held = HeldOut.draw(Comparison.load("comparison.yaml").scenarios["small"], range(2), 5, 10)
    own = np.einsum("ltii->lti", held.counted(held.block.gain)).max(-1)
    np.testing.assert_allclose(table.loc["loudest", "utility"], np.log2(1 + 5 * own).mean(1), rtol=1e-5)
    np.testing.assert_allclose(table.loc["all of it", "utility"], np.log2(1 + 10 * own).mean(1), rtol=1e-5)
    del Method.kinds["loudest_alone"]
    sys.modules.pop("my_methods")


def test_references_are_always_there_and_may_be_changed():
    names = list(loaded(methods={"x": "max_min"}).methods)
    assert names == ["full power", "WMMSE", "x"]
    assert loaded(methods={"WMMSE": {"method": "wmmse", "iterations": 7}}).methods["WMMSE"].iterations == 7


def test_every_task_has_a_file_of_its_own(tmp_path, place):
    comparison, directory = Comparison.load("comparison.yaml"), ComparisonDirectory(tmp_path)
    every = [task for what in ("trainings", "optima", "evaluations") for task in tasks(comparison, what)]
    files = {directory.file(comparison, task) for task in every}
    assert len(files) == len(every) == (2 + 3 + 3) + 3 + (2 + 2 + 2 + 1 + 1)
    assert directory.file(comparison, Task("trainings", "small", "own", 0, 2)).name == "00_small-05_own-0-2.pt"


def test_intervals_are_scipys_of_paired_ratios_averaged_over_trainings():
    rng = np.random.default_rng(0)
    full, gain = rng.exponential(5, 12), rng.normal(1.3, 0.2, (2, 12))
    rows = pd.DataFrame(
        {
            "layout": np.tile(range(12), 2),
            "utility": (full * gain).ravel(),
            "full_power_utility": np.tile(full, 2),
        }
    )
    found, ratios = relative(rows, "full_power"), gain.mean(0)
    middle = np.sort(ratios)[3:9]
    assert found.estimate == pytest.approx(middle.mean())
    assert found.low < found.estimate < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.2 / np.sqrt(2 * 12), rel=0.6)
    by_hand = stats.bootstrap(
        (ratios,), lambda sample, axis: stats.trim_mean(sample, 0.25, axis=axis), rng=np.random.default_rng(0)
    )
    assert (found.low, found.high) == pytest.approx(tuple(by_hand.confidence_interval))
    assert interval([2.0, 2.0, 2.0], "interquartile_mean").low == 2.0
    one_apart = interval([1.0] * 19 + [3.0], "interquartile_mean")  # leaving one out changes nothing: BCa has no interval
    assert (one_apart.estimate, one_apart.low, one_apart.high) == (1, 1, 1)


def test_tables_say_what_the_rows_say(tmp_path, place):
    Path("comparison.yaml").write_text(yaml.safe_dump({**CONFIG, "methods": {}, "optimum": None}))
    assert main(["comparison.yaml", "--out", "one", "--quiet"]) == 0
    ((name, reached, costs),) = tables(ComparisonDirectory("one"))
    assert name == "small"
    assert reached[0] == {**reached[0], "method": "full power", "x full power": "1.000 [1.000, 1.000]", "trainings": ""}
    assert reached[1]["x WMMSE"] == "1.000 [1.000, 1.000]"
    assert costs[1] == {**costs[1], "must know": "everything", "to learn": "", "bits a slot": "640"}
    assert json.loads(Path("one/manifest.json").read_text())["device"] == "cpu"


def test_signalling_takes_its_share_of_the_slot():
    """Two methods: one silent at 0.9 of WMMSE, one at 1.0 whose 1000 bits fill half a slot of 1 ms at 2 Mbit/s."""
    rows = pd.DataFrame(
        [
            {
                "method": name,
                "layout": layout,
                "seed": None,
                "utility": share * reach,
                "wmmse_utility": reach,
                "bits_a_slot": bits,
            }
            for name, share, bits in (("silent", 0.9, 0), ("talks", 1.0, 1000))
            for layout, reach in enumerate((2.0, 3.0, 5.0))
        ]
    )
    found = after_signalling(rows, Signalling(bits_per_second=2e6, slots=(1e-3, 1e-2, 1e-4)))
    assert found == [
        {"method": "silent", "slots of 1 ms": "**0.900**", "slots of 10 ms": "0.900", "slots of 0.1 ms": "**0.900**"},
        {"method": "talks", "slots of 1 ms": "0.500", "slots of 10 ms": "**0.950**", "slots of 0.1 ms": "0.000"},
    ]


def test_the_trainers_list_shows_runs_and_leaves_comparisons_out(finished, capsys):
    assert trainers_main(["list", str(finished[0])]) == 0
    told = capsys.readouterr().out
    assert "00_small-06_run" in told
    assert told.count("finished") == 1
