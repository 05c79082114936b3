"""The command wirelessenv: its commands, their help, names of shipped configurations, and sentences about missing extras."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from baselines.comparison.comparison import Comparison
from baselines.comparison.methods import Learned
from tests.wheel import SHORT
from trainers.experiments.experiment import Experiment
from wirelessenv import __version__, shipped
from wirelessenv.__main__ import ENTRIES, main
from wirelessenv.command_line import Parser

ROOT = Path(__file__).parents[1]
SMALL = """
scenario: {preset: dense, transmitters: 4, hops: 2}
messaging: {graph: ring}
problem: {evaluation_slots: 10}
learner: {batch: 2}
iterations: 4
evaluate_every: 2
seeds: 2
"""
COMPARED = "{scenarios: {a: {preset: dense, transmitters: 3}}, layouts: 2, slots: 3, methods: {r: random_power}}"


def left(arguments):
    """The status with which argparse leaves."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


def test_version_is_that_of_the_package(capsys):
    assert left(["--version"]) == 0
    assert capsys.readouterr().out == f"wirelessenv {__version__}\n"


def test_help_names_every_command(capsys):
    assert left(["--help"]) == 0
    printed = capsys.readouterr().out
    names = [
        "list",
        "show",
        "train",
        "plot",
        "runs",
        "search",
        "live",
        "delays",
        "fidelity",
        "theory",
        "compare",
        "report",
        "bench",
    ]
    assert names == list(ENTRIES)
    for name, entry in ENTRIES.items():
        assert re.search(rf"^    {name} +{re.escape(entry.about[:20])}", printed, re.MULTILINE)


@pytest.mark.parametrize("name", ENTRIES)
def test_help_of_a_command_shows_its_options_and_an_example_that_its_parser_takes(name, capsys):
    assert left([name, "--help"]) == 0
    printed = capsys.readouterr().out
    example = re.search(rf"example:\n  python -m wirelessenv {name} ?(.*)\n", printed)
    assert example is not None
    command = __import__(ENTRIES[name].module, fromlist=["COMMANDS"]).COMMANDS[name]
    parser = command.declare(Parser(prog=name))
    parser.parse_args(example[1].split())
    options = {word for action in parser._actions for word in action.option_strings if word.startswith("--")}
    assert options == set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", printed, re.MULTILINE))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trian"], 'trian: unknown command (did you mean "train"?)'),
        (["zzz"], "zzz: unknown command (known: bench, compare,"),
        (["--versoin"], '--versoin: unknown option (did you mean "--version"?)'),
        (["train", "fig2", "--seed", "3"], '--seed: unknown option (did you mean "--seeds"?)'),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_wrong_word_leaves_with_the_nearest_one(arguments, sentence, capsys):
    assert left(arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "fgi2"], 'CONFIG: no file and no shipped experiment is named "fgi2" (did you mean "fig2"?)'),
        (
            ["search", "fgi2", "--steps", "1"],
            'CONFIG: no file and no shipped experiment is named "fgi2" (did you mean "fig2"?)',
        ),
        (["delays", "fgi2"], 'CONFIG: no file and no shipped experiment is named "fgi2" (did you mean "fig2"?)'),
        (["compare", "dens"], 'CONFIG: no file and no shipped comparison is named "dens" (did you mean "dense"?)'),
        (["compare", "fig2"], 'CONFIG: "fig2" is the name of a shipped experiment: wirelessenv train fig2'),
        (["train", "d2d"], 'CONFIG: "d2d" is the name of a shipped comparison: wirelessenv compare d2d'),
        (["train", "claims"], 'CONFIG: no file and no shipped experiment is named "claims"'),
        (["train", "here"], "CONFIG: here is a folder; give a YAML file"),
        (["train", "fig2.yaml"], "fig2.yaml: there is no such file"),
        (["train", "paper/fig2"], "paper/fig2: there is no such file"),
    ],
)
def test_a_name_of_nothing_is_one_sentence_and_writes_nothing(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_names_are_those_of_the_files_which_all_can_be_read():
    for sort, command in shipped.COMMANDS.items():
        folder = {"experiment": "paper", "comparison": "compare"}[sort]
        files = {path.stem for path in (ROOT / "configs" / folder).iterdir()} - {"claims"}
        assert set(shipped.names(sort)) == files, command
        assert all(shipped.titles(sort).values())
    assert Experiment.load(shipped.configuration("fig2", "experiment")) == Experiment.load(ROOT / "configs/paper/fig2.yaml")


def test_a_file_of_ones_own_comes_before_a_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped.configuration("fig2", "experiment") == ROOT / "configs/paper/fig2.yaml"
    (tmp_path / "fig2").write_text("title: mine\n")
    assert shipped.configuration("fig2", "experiment") == Path("fig2")


def test_list_shows_every_configuration_and_where_it_is(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for sort in shipped.COMMANDS:
        for name, title in shipped.titles(sort).items():
            assert re.search(rf"^  {name} +{re.escape(title)}$", printed, re.MULTILINE)
    assert f"Their files, to copy and change: {ROOT / 'configs'}\n" in printed


@pytest.mark.slow
def test_trained_compared_and_listed_below_the_working_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "few.yaml").write_text(COMPARED)
    assert main(["train", "small.yaml", "--workers", "1"]) == 0
    assert main(["compare", "few.yaml", "--workers", "1", "--quiet"]) == 0
    assert main(["plot", "runs/small", "--x", "slots"]) == 0
    assert main(["runs"]) == 0
    assert re.search(r"small.*finished", capsys.readouterr().out)
    assert (tmp_path / "runs/compare/few/comparison.md").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.yaml", "runs", "small.yaml"]


@pytest.mark.slow
def test_shipped_configurations_are_run_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny = ["--set", "iterations=2", "--set", "evaluate_every=1", "--set", "problem.evaluation_slots=5", "--seeds", "2"]
    assert main(["train", "fig2", *tiny, "--workers", "1", "--quiet"]) == 0
    assert (tmp_path / "runs/fig2/figure.png").is_file()


def test_the_wheel_is_tried_on_every_method_that_learns_but_for_a_moment():
    methods = Comparison.load(shipped.configuration("dense", "comparison")).methods
    learning = {name for name, method in methods.items() if isinstance(method, Learned)}
    assert learning - SHORT.keys() == {"zeroth-order"}  # one run of the project's own trainers is learned in full
    assert SHORT.keys() <= learning


def test_bench_begins_anew_where_threads_are_not_bounded(monkeypatch, tmp_path):
    from benchmarks import commands, speeds

    begun = []

    def anew(program, arguments, environment):
        begun.append((program, arguments[1:], {name: environment[name] for name in commands.ONE_THREAD}))
        os.environ |= environment

    monkeypatch.setattr(os, "execve", anew)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "wirelessenv", "bench"])
    monkeypatch.setattr(speeds, "report", lambda out: 0 if out == tmp_path / "speed.md" else 1)
    for name in commands.ONE_THREAD:
        monkeypatch.setenv(name, "2")
    for _ in range(2):
        assert main(["bench", "--out", str(tmp_path / "speed.md")]) == 0
    assert begun == [(sys.executable, ["-m", "wirelessenv", "bench"], commands.ONE_THREAD)]


HIDE = """
import importlib.machinery
found = importlib.machinery.PathFinder.find_spec
def hidden(name, path=None, target=None):
    return None if name.partition(".")[0] == "LIBRARY" else found(name, path, target)
importlib.machinery.PathFinder.find_spec = hidden
"""


def without(library, folder, *arguments):
    """A Python in which a library is not installed."""
    (folder / "sitecustomize.py").write_text(HIDE.replace("LIBRARY", library))
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("library", "arguments", "sentence"),
    [
        ("torch", "-m wirelessenv train fig2", "python -m wirelessenv train needs torch"),
        ("torch", "-m wirelessenv compare dense", "python -m wirelessenv compare needs torch"),
        pytest.param("rich", "-m wirelessenv runs", "python -m wirelessenv runs needs rich", marks=pytest.mark.slow),
        pytest.param("torch", "-m wirelessenv bench", "python -m wirelessenv bench needs torch", marks=pytest.mark.slow),
        ("torch", "-m benchmarks", "python -m benchmarks needs torch"),
        pytest.param("scipy", "-m trainers theory", "python -m trainers theory needs scipy", marks=pytest.mark.slow),
    ],
)
def test_a_missing_extra_is_one_sentence(library, arguments, sentence, tmp_path):
    status, said = without(library, tmp_path, *arguments.split())
    extra = "compare" if "compare" in arguments else "train"
    assert (status, said) == (2, f"{sentence}, which is not installed: pip install 'wirelessenv[{extra}]'\n")


def test_importing_trainers_without_torch_says_which_extra_to_install(tmp_path):
    for statement in ("import trainers", "from trainers import ZerothOrderLearner"):
        status, said = without("torch", tmp_path, "-c", statement)
        assert status == 1
        last = said.splitlines()[-1]
        assert last == "ModuleNotFoundError: trainers needs torch, which is not installed: pip install 'wirelessenv[train]'"
    assert without("torch", tmp_path, "-m", "wirelessenv", "list")[0] == 0


@pytest.mark.slow
def test_what_needs_stable_baselines_says_which_extra_to_install(tmp_path):
    (tmp_path / "ppo.yaml").write_text(COMPARED.replace("r: random_power", "p: ppo"))
    status, said = without("stable_baselines3", tmp_path, "-m", "wirelessenv", "compare", "ppo.yaml")
    assert status == 2
    assert said.splitlines()[-1].endswith("pip install 'wirelessenv[compare]'")
