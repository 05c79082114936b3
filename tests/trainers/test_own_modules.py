"""A user's own modules: named in YAML, imported by the command, its workers, plot and list; the guide's example runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from trainers.__main__ import main
from trainers.experiments.experiment import Experiment
from wirelessenv import Messaging, Scenario
from wirelessenv.config import ConfigError
from wirelessenv.imports import no_imports

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/own_method.md").read_text()
FILES = dict(re.findall(r"`(\w+\.\w+)`:\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL))
CHANNEL = """
from typing import Literal
from wirelessenv.channel.fading import Rayleigh
class Quiet(Rayleigh):
    kind: Literal["quiet_{name}"] = "quiet_{name}"
    def block(self, sampler, span, state):
        gain, state = super().block(sampler, span, state)
        return gain / 2, state
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of a name that nobody has imported, away from the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "theirs"
    folder.mkdir()
    name = f"channel_{os.urandom(6).hex()}"
    (folder / f"{name}.py").write_text(CHANNEL.replace("{name}", name))
    (tmp_path / "elsewhere").mkdir()
    return folder, name


def load(folder, **content):
    (folder / "e.yaml").write_text(yaml.safe_dump(content))
    return Experiment.load(folder / "e.yaml")


def python(*arguments, folder):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603  # our own program


@pytest.mark.slow
def test_the_guides_example_runs_from_empty_files_to_a_figure_that_resumes_and_is_listed_from_anywhere(
    tmp_path, monkeypatch, capsys
):
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    for name, text in FILES.items():
        (mine / name).write_text(text)
    short = ["--set", "iterations=40", "--set", "seeds=2", "--quiet"]
    done = python("-m", "trainers", "moons.yaml", *short, "--workers", "2", folder=mine)
    assert (done.returncode, done.stderr) == (0, "")
    run = mine / "runs/moons"
    assert (run / "figure.png").stat().st_size > 10_000
    rows = (run / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 2 * 3
    assert {row.split(",")[0] for row in rows[1:]} == {"AsyncBC", "momentum"}

    monkeypatch.chdir(other)
    monkeypatch.setattr(sys, "path", list(sys.path))
    again = [str(mine / "moons.yaml"), *short, "--out", str(run), "--resume"]
    for command in (["plot", str(run)], ["list", str(mine)], again):
        monkeypatch.delitem(sys.modules, "my_methods", raising=False)
        assert main(command) == 0
        told = capsys.readouterr()
        assert (told.err, "unreadable" in told.out) == ("", False)
    assert sorted(other.iterdir()) == []

    (mine / "my_methods.py").write_text(FILES["my_methods.py"].replace("scale=0.1", "scale=0.2"))
    assert main(again) == 2
    assert "the code of a piece of your own has changed" in capsys.readouterr().err
    (mine / "my_methods.py").unlink()
    monkeypatch.delitem(sys.modules, "my_methods")
    assert main(["list", str(mine)]) == 0
    assert "unreadable" in capsys.readouterr().out


def test_a_module_beside_the_file_is_imported_and_its_place_is_part_of_the_configuration(folder):
    place, name = folder
    experiment = load(place, modules=[name], scenario={"fading": f"quiet_{name}"})
    assert type(experiment.scenario.fading).__name__ == "Quiet"
    assert experiment.dump()["modules"] == [{"name": name, "folder": str(place)}]
    assert Experiment.from_text(experiment.text()) == experiment


@pytest.mark.slow
def test_a_class_that_a_file_names_is_found_beside_it_and_named_again(folder):
    place, name = folder
    experiment = load(place, scenario={"fading": {"kind": f"{name}:Quiet"}})
    assert experiment.dump()["modules"] == [{"name": name, "folder": str(place)}]
    assert experiment.scenario.fading.dump() == {"kind": f"{name}:Quiet"}
    assert Experiment.from_text(experiment.text()) == experiment
    read = "import sys; from trainers.experiments.experiment import Experiment; Experiment.from_text(sys.argv[1])"
    done = python("-c", read, experiment.text(), folder="elsewhere")
    assert (done.returncode, done.stderr) == (0, "")


def test_configurations_without_modules_say_nothing_of_them():
    assert "modules" not in Experiment().dump()


def test_files_of_scenarios_and_messagings_have_modules_too(folder):
    place, name = folder
    (place / "s.yaml").write_text(yaml.safe_dump({"modules": [name], "preset": "dense", "fading": f"quiet_{name}"}))
    assert type(Scenario.from_yaml(place / "s.yaml").fading).__name__ == "Quiet"
    (place / "m.yaml").write_text(yaml.safe_dump({"modules": [name], "graph": "ring"}))
    assert Messaging.from_yaml(place / "m.yaml") == Messaging(graph="ring")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"modules": ["no_such_module"]}, r'modules\.0: "no_such_module" is not valid: there is no such module \(looked in '),
        ({"modules": ["theirs/my.py"]}, r"should be the name of a module, such as my_methods"),
        ({"modules": "json"}, r"modules: 'json' is not valid: it should be a list"),
        ({"modules": [{"name": "json", "place": "x"}]}, r'modules\.0: unknown key "place"'),
        ({"modules": ["broken"]}, r'modules\.0: "broken" is not valid: its import fails: ZeroDivisionError.*broken.py, line 1'),
        ({"modules": ["random"]}, r"a module of that name is loaded already"),
        ({"scenario": {"fading": "os:getcwd"}}, r"scenario.fading: .* should be a class derived from Fading"),
        ({"scenario": {"fading": "NAME:Nothing"}}, r"its import fails: AttributeError"),
        ({"scenario": {"fading": "wirelessenv.channel.fading:Fading"}}, r"should be a class derived from Fading"),
        ({"learner": {"kind": "halves_NAME:Unnamed"}}, r"Unnamed is not valid: it has no Settings of its own"),
        ({"scenario": {"fading": "halves_NAME:Abstract"}}, r"Abstract does not define block"),
        ({"problem": {"kind": "torch_loss"}}, r"problem\.function: missing"),
        ({"problem": {"kind": "torch_loss", "function": "halves_NAME:nothing"}}, r"problem.function: .*its import fails"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence(folder, content, said):
    place, name = folder
    (place / "broken.py").write_text("1 / 0\n")
    (place / "random.py").write_text("")
    (place / f"halves_{name}.py").write_text(
        "from trainers import AsyncSGD\nfrom wirelessenv.channel.fading import Fading\n"
        "class Unnamed(AsyncSGD):\n    pass\nclass Abstract(Fading):\n    pass\n"
    )
    content = yaml.safe_load(yaml.safe_dump(content).replace("NAME", name))
    with pytest.raises(ConfigError, match=said):
        load(place, **content)


@pytest.mark.parametrize("returned", ["None", "1 / 0", "open"])
def test_a_function_that_makes_no_problem_is_named_with_its_fault(folder, returned):
    place, name = folder
    (place / f"f_{name}.py").write_text(f"def make(seed, size=1):\n    return {returned}\n")
    experiment = load(place, problem={"kind": "torch_loss", "function": f"f_{name}:make"}, learner={"kind": "async_sgd"})
    with pytest.raises(ConfigError, match=rf"problem\.function: f_{name}:make (returned|has failed)"):
        experiment.build(["learned"], [0])
    wrong = load(place, problem={"kind": "torch_loss", "function": f"f_{name}:make", "options": {"n": 1}}, learner="async_sgd")
    with pytest.raises(ConfigError, match="unexpected keyword argument"):
        wrong.build(["learned"], [0])


@pytest.mark.parametrize("command", [["plot", "runs/x"], ["list"], ["e.yaml"], ["delays", "e.yaml"]])
def test_commands_refuse_imports_where_asked(folder, command, capsys):
    place, name = folder
    os.chdir(place)
    for path in (Path("e.yaml"), Path("runs/x/config.yaml")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"modules": [{"name": name, "folder": str(place)}]}))
    assert main([*command, "--no-imports"]) == (0 if command == ["list"] else 2)
    told = capsys.readouterr()
    assert ("unreadable" in told.out) if command == ["list"] else ("--no-imports" in told.err)
    assert name not in sys.modules


def test_nothing_is_imported_where_imports_are_refused(folder):
    place, name = folder
    for content in (
        {"modules": [name]},
        {"scenario": {"fading": f"{name}:Quiet"}},
        {"problem": {"kind": "torch_loss", "function": f"{name}:Quiet"}},
    ):
        with no_imports(), pytest.raises(ConfigError, match="not valid with --no-imports: it names code"):
            load(place, **content)
    assert name not in sys.modules
