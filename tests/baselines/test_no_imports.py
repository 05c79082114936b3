"""A comparison may name code, which is run when its file is read; --no-imports refuses that before anything is imported."""

from pathlib import Path

import pytest
import yaml

from baselines.__main__ import main
from baselines.comparison.comparison import Comparison
from wirelessenv.config import ConfigError
from wirelessenv.imports import no_imports

FEW = {"scenarios": {"small": {"preset": "gaussian", "transmitters": 3}}, "layouts": 2, "slots": 2, "warm_up": 0}
CODE = "from pathlib import Path\nPath('was_run').touch()\ndef f(gain, noise, p_max):\n    return gain[..., 0] * 0 + p_max\n"
NAMED = ["evil:f", {"method": "evil:f"}, {"method": "evil:f", "delay": 1}, "evil:missing", "evil:", "os:system"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "evil", raising=False)
    Path("evil.py").write_text(CODE)


def write(name, methods):
    Path(name).write_text(yaml.safe_dump(FEW | {"methods": methods}))


@pytest.mark.parametrize("named", NAMED)
def test_code_is_refused_before_it_is_imported(named, capsys):
    write("theirs.yaml", {"x": named})
    assert main(["theirs.yaml", "--no-imports", "--quiet"]) == 2
    said = capsys.readouterr().err
    name = named if isinstance(named, str) else named["method"]
    assert said == f'methods.x: "{name}" is not valid with --no-imports: it names code, which would be imported and run\n'
    assert not Path("was_run").exists()
    assert not Path("runs").exists()


def test_code_by_set_is_refused_too(capsys):
    write("theirs.yaml", {})
    assert main(["theirs.yaml", "--no-imports", "--set", "methods.x=evil:f"]) == 2
    assert "not valid with --no-imports" in capsys.readouterr().err
    assert not Path("was_run").exists()


def test_code_in_a_directory_that_is_resumed_is_refused_too(capsys):
    write("theirs.yaml", {"x": "evil:f"})
    write("mine.yaml", {})
    Path("out").mkdir()
    Path("out/config.yaml").write_text(Path("theirs.yaml").read_text())
    assert main(["mine.yaml", "--no-imports", "--out", "out", "--resume"]) == 2
    assert "not valid with --no-imports" in capsys.readouterr().err
    assert not Path("was_run").exists()


def test_what_names_no_code_is_read_as_ever():
    comparison = FEW | {"methods": {"half": "max_min"}}
    with no_imports():
        assert Comparison.parse(comparison) == Comparison.parse(comparison)
        with pytest.raises(ConfigError, match="--no-imports"):
            Comparison.parse(FEW | {"methods": {"x": "evil:f"}})
    assert type(Comparison.parse(FEW | {"methods": {"x": "evil:f"}}).methods["x"]).__name__ == "Custom"
    assert Path("was_run").exists()


def test_a_failed_import_says_that_it_runs_code():
    with pytest.raises(ConfigError, match=r"module:function, code that is imported and run, and its import fails: "):
        Comparison.parse(FEW | {"methods": {"x": "no_such_module:f"}})
