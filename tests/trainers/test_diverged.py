"""Diverged runs are shown as that, by tables, list, figures, fidelity and search, and never as a result."""

import csv

import numpy as np
import pandas as pd
import pytest

from trainers.__main__ import main
from trainers.experiments import lines, plots, search, tables
from trainers.experiments.experiment import Experiment
from trainers.experiments.outcomes import Outcomes
from trainers.experiments.run_directory import RunDirectory
from trainers.fidelity.claims import check

ITERATIONS = (0, 60, 120, 180, 240)


def directory(path, ends, curves=None, iterations=240, **changes):
    """A run directory made by hand: of each curve and seed the last sound iteration, 240 where it came through.

    Utilities are (seed + 1) (1 + iteration / 240), full power's are seed + 1.
    """
    path.mkdir(parents=True, exist_ok=True)
    seeds = len(next(iter(ends.values())))
    settings = {"curves": curves or {name: {} for name in ends}, "seeds": seeds, "iterations": iterations, **changes}
    experiment = Experiment.parse(settings)
    (path / "config.yaml").write_text(experiment.text())
    with (path / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["curve", "seed", "iteration", "slots", "messages", "utility", "full_power_utility", "max_age"])
        for name, lasts in ends.items():
            for seed, last in enumerate(lasts):
                writer.writerows(
                    [name, seed, at, at, 0, (seed + 1) * (1 + at / 240), seed + 1, 0] for at in ITERATIONS if at <= last
                )
    with (path / "diverged.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["curve", "seed", "iteration", "quantity"])
        for name, lasts in ends.items():
            writer.writerows([name, seed, last + 60, "utility"] for seed, last in enumerate(lasts) if last < 240)
    return RunDirectory(path)


@pytest.fixture
def labels(monkeypatch):
    """Labels of the lines of the figures that are drawn."""
    drawn = []

    monkeypatch.setattr(plots, "save", lambda *_: [])
    monkeypatch.setattr(plots, "legends", lambda _, entries, __: drawn.extend(label for one in entries for label in one))
    return drawn


ENDS = {"whole": [240] * 6, "some": [240, 120, 240, 60, 240, 240], "wild": [120] * 6, "never": [-60] * 6}


def test_tables_say_what_diverged_and_of_how_many_a_mean_is(tmp_path):
    rows = {row["curve"]: row for row in tables.summary(directory(tmp_path / "a", ENDS, reference="whole").path)}
    assert {name: row["shown"] for name, row in rows.items()} == {
        "whole": "2 +- 0",
        "some": "2 +- 0 (4 of 6; 2 diverged)",
        "wild": "diverged (6 of 6, at 180)",
        "never": "diverged (6 of 6, at 0)",
    }
    assert [row["share"] for row in rows.values()] == [1, 1, None, None]


def test_what_diverged_has_no_costs(tmp_path):
    path = directory(tmp_path / "a", ENDS).path
    metrics = pd.read_csv(path / "metrics.csv").assign(bits=lambda rows: 12345 * rows["iteration"], simulated_seconds=None)
    metrics.to_csv(path / "metrics.csv", index=False)
    rows = {row.pop("curve"): row for row in tables.costs(path)}
    assert rows["whole"] == {"utility / full power": "2 +- 0", "slots": "240", "Mbit of all agents": "2.96"}
    assert rows["some"] == rows["whole"] | {"utility / full power": "2 +- 0 (4 of 6; 2 diverged)"}
    assert {rows[name][cost] for name in ("wild", "never") for cost in ("slots", "Mbit of all agents")} == {""}


def test_the_last_finite_rows_of_what_diverged_are_no_result_in_the_list(tmp_path, capsys):
    directory(tmp_path / "a", {"whole": [240] * 2, "wild": [180, 60]})
    assert main(["list", str(tmp_path)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if " a " in line)
    assert "wild: diverged (2 of 2, at 120 to 240)" in line


def test_one_seed_has_no_interval(tmp_path):
    assert tables.summary(directory(tmp_path / "a", {"one": [240]}).path)[0]["shown"] == "2"
    (row,) = tables.summary(directory(tmp_path / "b", {"one": [240, 60]}).path)
    assert row["shown"] == "2 (1 of 2; 1 diverged)"


def test_lines_are_of_sound_seeds_and_say_so(tmp_path, labels, monkeypatch):
    panels = [{}, {"average": "median"}, {"relative_to": "best"}, {"log_x": True}, {"relative_to": "reference"}]
    plots.plot(directory(tmp_path / "a", ENDS, reference="some", panels=panels).path)
    said = ["whole", "some (4 of 6; 2 diverged)", "wild: diverged (6 of 6, at 180)", "never: diverged (6 of 6, at 0)"]
    beside = ["whole (4 of 6)", *said[1:]]  # relative to what has come through in four seeds
    assert [label for label in labels if label != "full power"] == said * 4 + beside


def test_points_are_of_sound_seeds_and_say_so(tmp_path, labels):
    lines = {"all": ["whole", "some"], "lost": ["wild", "never"]}
    points = {name: [{"x": x, "curve": curve} for x, curve in enumerate(curves)] for name, curves in lines.items()}
    plots.plot(directory(tmp_path / "a", ENDS, panels=[{"points": points}]).path)
    assert sorted(labels) == ["all (10 of 12; 2 diverged)", "lost: diverged (12 of 12, at 0 to 180)"]


def test_the_band_is_of_the_seeds_that_both_came_through():
    values = pd.DataFrame({0: [1.0], 1: [3.0], 2: [np.nan]}).dropna(axis=1)
    assert lines.half_width(values).iloc[0] == pytest.approx(12.7062 * np.sqrt(2) / np.sqrt(2), rel=1e-4)
    assert lines.half_width(values[[0]]).isna().all()


def test_a_run_of_which_nothing_is_left_is_drawn_all_the_same(tmp_path):
    run = directory(tmp_path / "a", {"never": [-60] * 2})
    assert [path.name for path in plots.plot(run.path)] == ["figure.png", "figure.pdf"]
    assert tables.summary(run.path)[0]["shown"] == "diverged (2 of 2, at 0)"


def test_names_of_curves_are_text_whatever_they_look_like(tmp_path):
    names = ("1", "1e3", "nan", "null", "007")
    rows = tables.summary(directory(tmp_path / "a", {name: [240, 240] for name in names}).path)
    assert [(row["curve"], row["shown"]) for row in rows] == [(name, "2 +- 0") for name in names]


def test_a_search_says_at_which_steps_seeds_diverged(tmp_path, monkeypatch):
    ends = {"a, step 0.1": [240] * 3, "a, step 1": [240, 60, 240], "a, step 10": [120] * 3}
    run = directory(tmp_path / "a", ends)
    monkeypatch.setattr(search, "run", lambda *_, **__: run)
    experiment = Experiment.parse({"curves": {"a": {}}, "iterations": 240})
    (row,) = search.search(experiment, [0.1, 1, 10], [100, 101, 102], tmp_path)
    assert row == {
        "curve": "a",
        "step 0.1": "4",
        "step 1": "diverged (1 of 3, at 120)",
        "step 10": "diverged (3 of 3, at 180)",
        "best": "0.1",
    }


def claims(path, statistic):
    path.mkdir()
    (path / "r.yaml").write_text("curves: {whole: {}, some: {}, wild: {}, never: {}}\n")
    claim = f"{{claim: c, source: s, run: r, above: 0, statistic: {statistic}}}"
    (path / "claims.yaml").write_text(f"claims: {{c: {claim}}}\n")
    return path / "claims.yaml"


@pytest.mark.parametrize(
    ("statistic", "measured", "layouts", "remark"),
    [
        ("{kind: utility_ratio, first: whole}", "2 [2, 2]", 6, ""),
        (
            "{kind: utility_ratio, first: some}",
            "2 [2, 2]",
            4,
            "2 of 6 seeds have no value; some diverged (2 of 6, at 120 to 180)",
        ),
        ("{kind: utility_ratio, first: wild}", "wild diverged (6 of 6, at 180)", 0, ""),
        ("{kind: utility_ratio, first: never, second: whole}", "never diverged (6 of 6, at 0)", 0, ""),
        ("{kind: end_slope, settings: {whole: 1, wild: 2}, column: utility}", "wild diverged (6 of 6, at 180)", 0, ""),
    ],
)
def test_a_claim_about_what_diverged_is_undecided_and_the_others_are_checked(tmp_path, statistic, measured, layouts, remark):
    run = directory(tmp_path / "run", ENDS)
    (row,) = check(claims(tmp_path / "claims", statistic), tmp_path, lambda *_: run)
    assert (row["measured"], row["layouts"], row["remark"]) == (measured, layouts, remark)
    assert row["verdict"] == ("holds" if layouts else "undecided")


def test_that_all_seeds_diverge_is_found_in_a_run_of_one_curve(tmp_path):
    run = directory(tmp_path / "run", {"wild": [120] * 3})
    path = claims(tmp_path / "claims", "{kind: lost, curve: wild}")
    (row,) = check(path, tmp_path, lambda *_: run)
    assert row["measured"] == "1 [1, 1]"


def test_only_sound_rows_are_left(tmp_path):
    run = directory(tmp_path / "a", ENDS)
    outcomes = Outcomes(run.metrics(), run.diverged(), range(6))
    assert outcomes.end("some", "utility").to_dict() == {0: 2, 2: 6, 4: 10, 5: 12}
    assert outcomes.of("wild").empty
