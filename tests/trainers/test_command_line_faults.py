"""python -m trainers, where something is damaged, has diverged, or does not exist."""

import csv

import pytest

from tests.trainers.test_command_line import CONFIG, run
from trainers.__main__ import main


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


@pytest.mark.slow
def test_damaged_tables_are_begun_again_and_shown_as_far_as_they_go(tmp_path, config, capsys):
    out, whole = tmp_path / "a", tmp_path / "whole"
    assert run(config, "--out", whole, "--quiet") == 0
    assert run(config, "--out", out, "--quiet") == 0
    group = out / "groups" / "000"
    (group / "policies.pt").unlink()
    table = group / "metrics.csv"
    for damage in (lambda text: text.replace(b",20,", b",2x,", 1), lambda text: text[:200] + b"\xff\xfe" + text[202:]):
        table.write_bytes(damage(table.read_bytes()))
        assert run("list", tmp_path) == 0
        assert run(config, "--out", out, "--quiet", "--resume") == 0
        assert numbers(out) == numbers(whole)
        (group / "policies.pt").unlink()


def numbers(directory):
    rows = csv.DictReader((directory / "metrics.csv").read_text().splitlines())
    return [{key: value for key, value in row.items() if key != "wall_seconds"} for row in rows]


@pytest.mark.slow
def test_a_stopped_run_in_which_something_diverged_is_not_finished(tmp_path, config, capsys):
    out = tmp_path / "runs" / "a"
    assert run(config, "--out", out, "--quiet") == 0
    (out / "diverged.csv").write_text("curve,seed,iteration,quantity\nring,0,20,utility\n")
    (out / "groups" / "000" / "policies.pt").unlink()
    table = out / "groups" / "000" / "metrics.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:2]))
    (tmp_path / "runs" / "b").mkdir()
    (tmp_path / "runs" / "b" / "config.yaml").write_text("iterations: -1")
    assert run("list", tmp_path / "runs") == 0
    told = capsys.readouterr().out
    assert "stopped, 1 diverged" in told
    assert "unreadable" in told


def test_a_measure_that_no_run_has_is_refused_before_training(tmp_path, config, capsys):
    assert run(config, "--out", tmp_path / "a", "--set", "measure=utilty") == 2
    assert 'measure: "utilty" is not a column of metrics.csv (did you mean "utility"?)' in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_plots_and_searches_name_what_they_cannot_use(tmp_path, config, capsys):
    assert run(config, "--out", tmp_path / "a", "--quiet") == 0
    table = tmp_path / "a" / "metrics.csv"
    table.write_text(table.read_text().replace("slots", "slot", 1))
    assert run("plot", tmp_path / "a", "--x", "slots") == 2
    assert 'its metrics have no column "slots" (did you mean "slot"?)' in capsys.readouterr().err
    for options, sentence in (
        (["--steps", "0.1,0.10000001"], "--steps: 0.1,0.1 is not valid: two are the same"),
        (["--steps", "0.1", "--last", "0"], "--last: 0 is not valid: it should be 1 or more"),
        (["--steps", "0.1", "--workers", "-1"], "--workers: -1 is not valid: it should be 1 or more"),
    ):
        assert main(["search", str(config), *options, "--out", str(tmp_path / "b")]) == 2
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / "b").exists()


def test_delays_are_those_of_learners_that_pass_on_queries(tmp_path, config, capsys):
    assert run("delays", config, "--set", "curves.ring.learner.cooperative=false") == 0
    assert "no messages" in capsys.readouterr().out
    assert run("delays", "configs/paper/pars_push_fig1.yaml") == 2
    assert "has no ages of this kind" in capsys.readouterr().err
