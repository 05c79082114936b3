"""Faults that would make a comparison unfair, or its columns false, are refused in one sentence or cannot happen."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from baselines.__main__ import main
from baselines.comparison.compare import compare
from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.methods import Method
from baselines.comparison.tables import tables
from baselines.learned.trained_run import TrainedRun
from trainers.algorithms.zeroth_order import ZerothOrderLearner
from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run
from trainers.problems.policies import Policies
from trainers.problems.wireless import WirelessProblem
from wirelessenv import ConfigError, Messaging, Scenario

SMALL = {"preset": "gaussian", "transmitters": 3}
FEW = {"scenarios": {"small": SMALL}, "layouts": 3, "slots": 6, "warm_up": 2, "seeds": 1}
ON = {"messaging": {"graph": "complete"}, "iterations": 4, "evaluate_every": 2, "problem": {"evaluation_slots": 20}}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory whose modules can be imported, in worker processes, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])]))
    kinds = dict(Method.kinds)
    yield tmp_path
    Method.kinds.clear()
    Method.kinds.update(kinds)
    sys.modules.pop("mine", None)


def refused(**changes):
    with pytest.raises(ConfigError) as caught:
        Comparison.parse(FEW | changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def ended(out, **changes):
    """The exit status of a comparison."""
    Path("comparison.yaml").write_text(yaml.safe_dump(FEW | changes, sort_keys=False))
    return main(["comparison.yaml", "--out", out, "--quiet", "--resume", "--workers", "1"])


@pytest.mark.parametrize("utility", ["latency", "proportional_fairness", "minimum_rate"])
def test_utilities_that_can_be_negative_have_no_ratios(utility):
    said = refused(scenarios={"small": SMALL | {"utility": utility}})
    assert said.startswith("scenarios.small: the utility ")
    assert "it can be negative" in said


def test_energy_efficiency_has_ratios():
    assert Comparison.parse(FEW | {"scenarios": {"small": SMALL | {"utility": "energy_efficiency"}}})


@pytest.mark.slow
def test_layouts_that_are_all_the_same_are_refused_and_one_layout_is_called_so(place):
    np.savez("one.npz", gain=np.ones((3, 3)))
    np.savez("series.npz", gain=np.random.default_rng(0).exponential(size=(50, 3, 3)))
    one, series = ({"gains": {"path": f"{name}.npz"}, "transmitters": 3} for name in ("one", "series"))
    same = "is not valid: without fading all its layouts are the same"
    for scenario in (one, {"layout": "fixed"}):
        assert refused(scenarios={"mine": scenario | {"fading": "none"}}) == f"scenarios.mine: {same}"
    somewhere = {**series, "gains": {"path": "series.npz", "start": "random"}, "fading": "none"}
    assert Comparison.parse(FEW | {"scenarios": {"mine": somewhere}})
    assert "gains.held_out should say what share of its gains is kept to compare on" in refused(
        scenarios={"mine": somewhere}, methods={"GNN": "gnn"}
    )
    one["fading"] = "rayleigh"
    assert ended("out", scenarios={"mine": one}, methods={"GNN": {"method": "gnn", "steps": 2}}) == 0
    assert set(ComparisonDirectory("out").table("comparison.csv").query("method == 'GNN'")["trained"]) == {"this layout"}


def test_the_references_are_what_they_are_called(place):
    assert '"WMMSE" is what all others are compared with' in refused(methods={"WMMSE": "random_power"})
    assert '"full power" is what' in refused(methods={"full power": {"method": "max_min"}})
    text = "from typing import Literal\nfrom baselines.comparison.allocation import RandomPower\n"
    Path("mine.py").write_text(text + 'class Mine(RandomPower):\n    kind: Literal["wmmse"] = "wmmse"\n')
    assert 'kind: "wmmse" of Mine is not valid: WMMSE has it already' in refused(methods={"x": "mine:Mine"})
    assert 'unknown key "kind"' in refused(methods={"x": {"method": "wmmse", "kind": "random_power"}})


@pytest.mark.slow
def test_what_a_method_does_to_its_slots_is_not_measured(place):
    Path("mine.py").write_text(
        "from typing import ClassVar, Literal\n"
        "from baselines.comparison.methods import Untrained\n"
        "class Cheat(Untrained):\n"
        '    kind: Literal["cheat"] = "cheat"\n'
        "    knows: ClassVar[str] = 'everything'\n"
        "    def powers(self, held):\n"
        "        held.block.cross[...] = 0\n"
        "        return 0 * held.block.wanted + held.scenario.max_power\n"
        "class Mystery(Cheat):\n"
        '    kind: Literal["mystery"] = "mystery"\n'
        "    knows: ClassVar[str] = 'the sky'\n"
    )
    assert "knows: 'the sky' is not valid" in refused(methods={"x": "mine:Mystery"})
    assert ended("out", methods={"cheat": "mine:Cheat"}) == 0
    table = pd.read_csv("out/comparison.csv").pivot(index="layout", columns="method", values="utility")
    np.testing.assert_allclose(table["cheat"], table["full power"], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 / 0", "its import fails: ZeroDivisionError: division by zero (mine.py, line 1)"),
        ("import sys; sys.exit()", "its import fails: SystemExit"),
        ("def f(:", "its import fails: SyntaxError"),
    ],
)
def test_modules_that_cannot_be_imported_are_one_sentence(place, text, sentence):
    Path("mine.py").write_text(text)
    assert sentence in refused(methods={"x": "mine:f"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "[][1]",
            "methods.x, scenario small: mine:f: has failed, IndexError: list index out of range (mine.py, line 2)",
            marks=pytest.mark.slow,
        ),
        pytest.param("exit()", "mine:f: has failed, SystemExit", marks=pytest.mark.slow),
        pytest.param("[[1.0], [1.0, 2.0]]", "mine:f: has failed, ValueError: ", marks=pytest.mark.slow),
        pytest.param("0j * gain[..., 0]", "mine:f: powers of the type complex128 are not valid", marks=pytest.mark.slow),
        pytest.param("None", "mine:f: powers of the type object are not valid", marks=pytest.mark.slow),
    ],
)
def test_allocators_that_fail_are_one_sentence(place, capfd, text, sentence):
    Path("mine.py").write_text(f"def f(gain, noise, p_max):\n    return {text}\n")
    assert ended("out", methods={"x": "mine:f"}) == 2
    said = capfd.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_methods_in_another_order_are_the_same_comparison(place):
    methods = {"W-MMSE late": {"method": "wmmse", "delay": 1}, "W MMSE late": "random_power", "half": "max_min"}
    assert ended("out", methods=methods) == 0
    before = pd.read_csv("out/comparison.csv")
    for late in ("cdf.png", "comparison.csv"):
        Path("out", late).unlink()
    assert ended("out", methods=dict(reversed(methods.items()))) == 0
    pd.testing.assert_frame_equal(pd.read_csv("out/comparison.csv"), before)
    assert Path("out/cdf.png").exists()


@pytest.mark.slow
def test_names_are_text_whatever_they_look_like(place):
    assert "this key is not valid: its length should be 60 or less" in refused(methods={"x" * 61: "max_min"})
    assert "a list should hold names of presets alone" in refused(scenarios=[SMALL])
    assert ended("out", scenarios={"10": SMALL, "nan": SMALL}, methods={"NA": "max_min", "a $b_$": "on_off"}) == 0
    found = list(tables(ComparisonDirectory("out")))
    assert [name for name, *_ in found] == ["10", "nan"]
    assert [row["method"] for row in found[0][1]] == ["full power", "WMMSE", "NA", "a $b_$"]


def test_curves_of_another_network_or_problem_are_refused(place):
    curves = {"same": {}, "other": {"scenario": {"noise": 2.0}}, "quadratic": {"problem": "quadratic", "learner": "async_sgd"}}
    Path("experiment.yaml").write_text(yaml.safe_dump(ON | {"scenario": SMALL, "curves": curves}))
    for curve, sentence in (("other", "its noise is 2.0, and that of the comparison 1.0"), ("quadratic", "another problem")):
        method = {"method": "trainers", "config": "experiment.yaml", "curve": curve}
        with pytest.raises(ConfigError, match=sentence):
            compare(Comparison.parse(FEW | {"methods": {"x": method}}), "out", quiet=True)
        assert not Path("out").exists()


def test_what_a_run_has_cost_counts_its_inputs_and_its_own_time(place):
    experiment = Experiment.parse(ON | {"scenario": SMALL, "seeds": 3, "curves": {"a": {}, "b": {"messaging": "centralised"}}})
    metrics = run(experiment, "there", quiet=True, workers=1).metrics().query("curve == 'a' and iteration == 4")
    method = TrainedRun(run="there", curve="a")
    scenario = Scenario.of(SMALL)
    last = list(method.train(scenario, 0, 1, Path()))[-1]
    row = metrics.query("seed == 1").iloc[0]
    assert last.slots == row["slots"]
    assert last.bits == row["bits"] + last.slots * 32 * 3 * (scenario.hops - 1)
    assert last.seconds == row["wall_seconds"]
    assert method.knows_in_training == "neighbours"
    assert TrainedRun(run="there", curve="b").knows_in_training == "everything"


def test_policies_that_see_their_gain_alone_are_sent_nothing(place):
    one = {"problem": {"observation": "gain", "evaluation_slots": 20}}
    run(Experiment.parse(ON | {"scenario": SMALL, "seeds": 3, "curves": {"a": one}}), "there", quiet=True, workers=1)
    method, scenario = TrainedRun(run="there", curve="a"), Scenario.of(SMALL)
    assert (method.knows, method.bits(scenario)) == ("own channel", 0)
    state = list(method.train(scenario, 0, 1, Path()))[-1].state
    held = HeldOut.draw(scenario, [1], 6, 2)
    own = np.log1p(np.einsum("ltii->lti", held.block.gain) * scenario.max_power / scenario.noise)
    policies = Policies(1, 1, 0.0, scenario.max_power)
    inputs = torch.as_tensor(own[0].T[..., None], dtype=torch.float32)
    expected = policies(torch.as_tensor(state["parameters"]), inputs)[..., 0].T
    np.testing.assert_allclose(method.powers(held, state)[0], expected, rtol=1e-5)


def test_messages_have_the_same_size_everywhere():
    messaging = {"graph": "ring", "links": {"delay": 2}}
    method = Method.parse({"kind": "ppo", "reward": "known", "messaging": messaging})
    scenario = Scenario.of(SMALL)
    learner = ZerothOrderLearner(WirelessProblem(scenario, 0), messaging, step_size=0.1)
    links = 6 if Messaging.of(messaging).graph.build(3, np.random.default_rng(0), None).sum() == 6 else 3
    assert method.bits(scenario) == links * 3 * learner.entry_bits == links * 3 * (32 + 2 + 32)
    assert method.memory == 40


@pytest.mark.slow
def test_an_optimum_that_is_not_found_everywhere_says_so(place):
    assert "it is found for the sum of rates without a cap" in refused(
        scenarios=["cellular"], methods={"x": {"method": "certified_optimum"}}
    )
    assert ended("out", scenarios={"g": SMALL | {"transmitters": 6}}, optimum={"slots": 2, "most_boxes": 20}) == 0
    table = pd.read_csv("out/comparison.csv").query("method == 'WMMSE'")
    found = int(table["optimum_slots"].sum())
    assert 0 < found < 6  # some channels need more boxes than these
    ((_, reached, _),) = tables(ComparisonDirectory("out"))
    assert f"of the optimum (in {found} of 6 slots)" in reached[0]


@pytest.mark.slow
def test_a_directory_of_a_run_is_no_comparisons(place, capsys):
    run(Experiment.parse(ON | {"scenario": SMALL, "seeds": 1}), "there", quiet=True, workers=1)
    assert ended("there") == 2
    assert "--out: there holds a run, not a comparison; give another directory" in capsys.readouterr().err
    assert ended("out") == 0
    Path("out/manifest.json").unlink()
    assert ended("out") == 2
    assert "manifest.json is missing or damaged" in capsys.readouterr().err


@pytest.mark.slow
def test_force_goes_on_with_other_versions_in_runs_of_the_trainers_too(place, capsys):
    Path("experiment.yaml").write_text(yaml.safe_dump(ON))
    methods = {"run": {"method": "trainers", "config": "experiment.yaml", "curve": "learned"}}
    assert ended("out", methods=methods) == 0
    for manifest in Path("out").rglob("manifest.json"):
        manifest.write_text(manifest.read_text().replace(np.__version__, "1.0"))
    assert ended("out", methods=methods) == 2
    assert "was begun with numpy 1.0" in capsys.readouterr().err
    assert main(["comparison.yaml", "--out", "out", "--quiet", "--resume", "--force"]) == 0


@pytest.mark.slow
def test_who_asks_twice_does_not_wait(place):
    Path("mine.py").write_text(
        "import pathlib, time\ndef f(gain, noise, p_max):\n    pathlib.Path('begun').touch()\n    time.sleep(600)\n"
    )
    Path("comparison.yaml").write_text(yaml.safe_dump(FEW | {"methods": {"slow": "mine:f"}}))
    command = [sys.executable, "-m", "baselines", "comparison.yaml", "--out", "out", "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own program
    while not Path("begun").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None  # it waits for what is being done
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert "what is finished is saved" in process.stderr.read()
    process.stderr.close()


def test_a_number_of_processes_that_cannot_be_is_refused(place):
    with pytest.raises(ConfigError, match="--workers: -1 is not valid"):
        compare(Comparison.parse(FEW), "out", workers=-1)
    assert not Path("out").exists()


def test_an_optimum_whose_time_is_up_counts_and_the_table_says_how_near_it_is(place):
    assert ended("out", scenarios={"g": SMALL | {"transmitters": 6}}, optimum={"slots": 2, "gap": 1e-9, "seconds": 1e-9}) == 0
    table = pd.read_csv("out/comparison.csv").query("method == 'full power'")
    assert (table["optimum_slots"] == 2).all()
    np.testing.assert_allclose(table["optimum_share"], 1, rtol=1e-6)  # no time: full power is the best that is known
    ((_, reached, _),) = tables(ComparisonDirectory("out"))
    far = table["optimum_gap"].max()
    assert far > 0.1
    (title,) = (title for title in reached[0] if title.startswith("of the optimum"))
    said = float(title.removeprefix("of the optimum (certified to ").removesuffix(" %)"))
    assert 100 * far <= said < 100 * far + 0.1 + 1e-9


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gain[..., 0] * float('nan')", "its powers: nan at [0, 0, 0] is not valid: it should be in [0, 1]"),
        pytest.param(
            "gain[..., 0] * 0 - 1", "its powers: -1.0 at [0, 0, 0] is not valid: it should be in [0, 1]", marks=pytest.mark.slow
        ),
        pytest.param("gain[..., 0] > 0", "powers of the type bool are not valid", marks=pytest.mark.slow),
        pytest.param("[0.0, 1.0]", "powers of the shape (2,) are not valid for gains", marks=pytest.mark.slow),
        pytest.param(
            "__import__('numpy').ma.masked_less(gain[..., 0] * 0, 1)",
            "its powers: masked entries are not valid",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_an_allocator_of_ones_own_returns_is_refused_by_the_name_of_its_method(place, capfd, text, sentence):
    Path("mine.py").write_text(f"def f(gain, noise, p_max):\n    return {text}\n")
    assert ended("out", methods={"x": "mine:f"}) == 2
    said = capfd.readouterr().err
    assert f"methods.x, scenario small: mine:f: {sentence}" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_method_of_ones_own_that_fails_is_one_sentence(place, capfd):
    Path("mine.py").write_text(
        "from typing import ClassVar, Literal\nfrom baselines.comparison.methods import Untrained\n"
        'class Bad(Untrained):\n    kind: Literal["bad"] = "bad"\n    knows: ClassVar[str] = "nothing"\n'
        "    def powers(self, held):\n        return held.nothing\n"
    )
    assert ended("out", methods={"x": "mine:Bad"}) == 2
    said = capfd.readouterr().err
    assert "methods.x, scenario small: mine:Bad: has failed, AttributeError:" in said
    assert "Traceback" not in said


SERIES = np.random.default_rng(0).exponential(size=(60, 3, 3)) + 3 * np.eye(3)


def own(array=SERIES, **options):
    return Scenario(gains={"array": array, **options}, hops=1)


@pytest.mark.parametrize(
    ("gains", "asked", "sentence"),
    [
        (
            {},
            {"layouts": 3, "slots": 20},
            r"layouts: 3 are not valid: the gains hold 1 layouts of 60 slots .* make 2 blocks of 22",
        ),
        ({"held_out": 0.5}, {"layouts": 2, "slots": 20}, "of 30 slots to evaluate on, which make 1 blocks"),
        ({"array": SERIES[0]}, {}, "without fading all its layouts are the same"),
        ({}, {"methods": {"GNN": "gnn"}}, r'methods.GNN: cannot learn on the scenario "mine": gains.held_out should say'),
        (
            {"array": SERIES[:, None], "held_out": 0.5},
            {"methods": {"own": {"method": "aggregation_policy", "policies": "own"}}},
            "methods.own: cannot learn .* of one slot, of which nothing else is left",
        ),
    ],
)
def test_gains_of_ones_own_that_cannot_be_compared_on_are_refused(gains, asked, sentence):
    few = {"scenarios": {"mine": own(**gains)}, "layouts": 2, "slots": 5, "warm_up": 2}
    with pytest.raises(ConfigError, match=sentence):
        Comparison.parse(few | asked)


@pytest.mark.slow
def test_policies_learn_on_gains_of_ones_own_in_memory_and_are_compared_on_what_was_held_out(tmp_path):
    methods = {
        "GNN": {"method": "gnn", "steps": 4, "networks": 2, "seeds": 1},
        "own": {"method": "aggregation_policy", "policies": "own", "steps": 3, "seeds": 1},
    }
    for scenario in (own(held_out=0.5), own(np.stack([SERIES, 2 * SERIES, SERIES, 3 * SERIES]), held_out=0.5)):
        few = {"scenarios": {"mine": scenario}, "layouts": 2, "slots": 5, "warm_up": 2, "methods": methods}
        found = compare(Comparison.parse(few), tmp_path / str(len(scenario.given_gains())), quiet=True, workers=1)
        table = pd.read_csv(found.path / "comparison.csv").set_index(["method", "layout"])
        assert set(table.index.get_level_values(0)) == {"full power", "WMMSE", *methods}
        held = HeldOut.draw(scenario, range(2), 5, 2)
        full = Measured.of(held, np.full((2, 7, 3), 10.0), 0).utility
        np.testing.assert_allclose(table.loc["full power", "utility"], full, rtol=1e-6)
        assert [path.suffix for path in (found.path / "sources").iterdir()] == [".npy"]
        assert found.configuration().scenarios["mine"].given_gains().shape == scenario.given_gains().shape
