"""Names and titles are text: in tables, figures and files, whatever characters they are made of."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from tests.trainers.test_command_line import CONFIG
from tests.trainers.test_diverged import directory
from trainers.__main__ import main
from trainers.experiments import plots
from trainers.experiments.experiment import Experiment
from trainers.experiments.figures import Axis
from trainers.experiments.groups import GroupFiles, groups_of
from trainers.options import AXES
from trainers.workbench import drawing
from trainers.workbench.drawing import title
from trainers.workbench.terminal import print_table
from wirelessenv import ConfigError

NAMES = ("$x^{$", "$", "a$b$c", r"\$", r"\frac{", "_hidden", "[/]", "[bold]x", ":smile:", "漢字", "עברית", "😀", "%s {0}")
NAMES += ("&<b>", "x" * 200)


@pytest.mark.slow
def test_figures_draw_every_name_as_it_is(tmp_path, monkeypatch):
    seen = []
    legends = plots.legends

    def noted(axes, entries, note):
        legends(axes, entries, note)
        seen.extend(text.get_text() for legend in axes[0].figure.legends for text in legend.get_texts())

    monkeypatch.setattr(plots, "legends", noted)
    panels = [{"title": name, "x_label": name, "y_label": name} for name in ("$x^{$", "two\nlines", "\x1b[2J")]
    run = directory(tmp_path / "a", {name: [240, 240] for name in NAMES}, title="$x^{$ " * 100, panels=panels)
    assert [path.stat().st_size > 1000 for path in plots.plot(run.path)] == [True, True]
    shown = [name.removeprefix("\u200b").replace(r"\$", "$") for name in seen]
    assert shown == [*(name if len(name) < 80 else "x" * 77 + "..." for name in NAMES[:3]), *shown[3:-1], "full power"]
    assert "_hidden" in shown
    assert "x" * 77 + "..." in shown


@pytest.mark.parametrize("text", ["$x^{$", r"\$a$", "a$b$c", r"\frac{$"])
def test_what_is_drawn_is_measured_as_plain_text(text):
    figure = Figure()
    drawn = figure.text(0, 0, title(text))
    assert drawn._preprocess_math(drawn.get_text()) == (text, False)  # matplotlib's own reading


def test_tables_print_every_name_as_it_is(capsys):
    print_table("[/] [red]title", [{"[/b]": name, "value": "[1]"} for name in (*NAMES[:-1], "\x1b[2J", "a\nb")])
    printed = capsys.readouterr().out
    for name in (*NAMES[:-1], "\\x1b[2J", "a\\x0ab", "[/] [red]title", "[/b]"):
        assert name in printed
    assert "\x1b[2J" not in printed


def test_delays_are_printed_of_curves_of_any_name(tmp_path, capsys):
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG.replace("  ring:", '  "[/] $x^{$":'))
    assert main(["delays", str(config)]) == 0
    assert "[/] $x^{$" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "a\nb", "a\rb", "\x1b[2J", "a\u2028b", "\u202eabc", "a\0b", "x" * 201])
def test_names_that_are_not_one_line_are_refused(name):
    with pytest.raises(ConfigError, match="a name is one line of 1 to 200 characters") as caught:
        Experiment.parse({"curves": {name: {}}})
    assert len(str(caught.value).splitlines()) == 1


def test_rows_of_any_name_are_read_back(tmp_path):
    odd = (*NAMES, "a,b", '"', '"a"', "'", "a;b\u00a0c", " ", "#x", "nan", "1")
    experiment = Experiment.parse({"curves": {name: {} for name in odd}, "seeds": 1})
    found = []
    for group in groups_of(experiment):
        files = GroupFiles(tmp_path, group)
        files.path.mkdir(parents=True)
        files.append("diverged.csv", [{"curve": name, "seed": 0, "iteration": 1, "quantity": "u"} for name in group.curves])
        found += [row[0] for row in files.rows("diverged.csv")]
    assert found == list(odd)


@pytest.mark.slow
def test_a_terminal_that_knows_ascii_alone_gets_what_it_knows(tmp_path):
    directory(tmp_path / "é", {"né 漢": [240, 240]})
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "trainers", "list", str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    assert (done.returncode, done.stderr) == (0, "")
    assert "n? ?: 2 +- 0" in done.stdout


def test_a_disk_that_is_full_while_a_figure_is_drawn_is_one_sentence(tmp_path, monkeypatch, capsys):
    run = directory(tmp_path / "a", {"whole": [240, 240]})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(drawing, "write_atomically", full)
    assert main(["plot", str(run.path)]) == 1
    assert capsys.readouterr().err.startswith(f"{run.path}: cannot be written (No space left on device)")


def test_a_name_that_is_too_long_for_a_file_is_one_sentence(tmp_path, capsys):
    for arguments in (["list", "x" * 300], ["plot", "x" * 300], ["x" * 300 + ".yaml"], ["delays", "x" * 5000]):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "[Errno" not in said


def test_the_axes_of_the_command_line_are_those_of_panels():
    assert Axis.__args__ == AXES
