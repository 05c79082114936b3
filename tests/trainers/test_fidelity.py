"""Statistics and verdicts on tables made by hand, and the claims file."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from trainers.experiments.experiment import Experiment
from trainers.fidelity.claims import QUICK, Claim, Claims, _row, check, write_tables
from trainers.fidelity.deciding import MOST, layouts_needed
from trainers.fidelity.deciding import sentence as told
from trainers.fidelity.end_statistics import EndRatio, Fall, Jumpiness, Lost
from trainers.fidelity.reruns import Rerun
from trainers.fidelity.statistics import Curves, Roughness, Statistic
from trainers.workbench.intervals import Interval, interval
from wirelessenv import ConfigError
from wirelessenv.config import read_yaml

CLAIMS = Path(__file__).parents[2] / "configs" / "paper" / "claims.yaml"
LONG = CLAIMS.parents[1] / "long" / "claims.yaml"


RISING = ("arrived", "accuracy", "steps", "gradient_norm", "excess_cost")
RISING += tuple(f"{kind}_error_{u}" for kind in ("test", "plain", "personal") for u in range(6))
RISING += tuple(f"explained_{secret}" for secret in ("rate", "channel", "policy", "parameters"))


def table(**curves):
    """Metrics of curves given as one list of utilities for each seed, evaluated at iterations 0, 10, 20, ...."""
    rows = [
        {
            "curve": name, "seed": seed, "iteration": 10 * step, "utility": utility, "full_power_utility": 4.0,
            "bits": 100 * step * (1 + (name == "slow")), "simulated_seconds": 0.5 * step, "slots": step, "wall_seconds": step,
            "cost": 1 / (1 + step), "loss": 1.2 / (1 + step), **dict.fromkeys(RISING, utility),
        }
        for name, seeds in curves.items()
        for seed, utilities in enumerate(seeds)
        for step, utility in enumerate(utilities)
    ]  # fmt: skip
    return pd.DataFrame(rows)


CURVES = Curves(
    table(
        best=[[1, 2, 3], [2, 6, 10]],  # gains 0, 1/2, 1 and 0, 1/2, 1
        slow=[[1, 1, 2], [2, 2, 4]],  # gains 0, 0, 1/2 and 0, 0, 1/4
    )
)


def values(**statistic):
    return Claims.parse(
        {"claims": {"c": {"claim": "c", "source": "s", "run": "r", "above": 0, "statistic": statistic}}}
    ).claims["c"].statistic.values(CURVES)  # fmt: skip


@pytest.mark.parametrize(
    ("statistic", "expected", "remark"),
    [
        ({"kind": "gain_share", "curve": "slow", "reference": "best"}, [0.5, 0.25], ""),
        ({"kind": "gain_share", "curve": "slow", "reference": "best", "reference_at": 0.5}, [1, 0.5], ""),
        ({"kind": "gain_difference", "first": "best", "second": "slow", "reference": "best"}, [1 / 3, 5 / 12], ""),
        ({"kind": "gain_difference", "first": "best", "second": "slow", "reference": "best", "when": "end"}, [0.5, 0.75], ""),
        ({"kind": "utility_ratio", "first": "slow", "second": "best"}, [2 / 3, 0.4], ""),
        ({"kind": "utility_ratio", "first": "slow"}, [0.5, 1], ""),
        ({"kind": "utility_ratio", "first": "slow", "second": "best", "last": 0.5}, [1.5 / 2.5, 3 / 8], ""),
        ({"kind": "above_full_power", "curve": "slow"}, [-2, 0], ""),
        ({"kind": "cost_ratio", "first": "slow", "second": "best", "reference": "best"}, [2, 2], "not reached: slow 1 times"),
        (
            {"kind": "time_slope", "settings": {"best": 1, "slow": 2}, "reference": "best", "axis": "iteration"},
            [1, 1],
            "not reached: slow 1 times",
        ),
        (
            {
                "kind": "share_difference",
                "first": "best",
                "first_reference": "best",
                "second": "slow",
                "second_reference": "best",
            },
            [1 / 3, 5 / 12],
            "",
        ),
        ({"kind": "end_ratio", "first": "slow", "second": "best", "column": "accuracy"}, np.log2([2 / 3, 0.4]), ""),
        (
            {
                "kind": "end_ratio",
                "first": "slow",
                "second": "best",
                "column": "steps",
                "when": {"column": "cost", "below": 0.5},
            },
            np.log2([1 / 2, 1 / 3]),  # cost is 1/2 at the second evaluation
            "",
        ),
        ({"kind": "end_slope", "settings": {"best": 1, "slow": 4}, "column": "arrived"}, np.log([2 / 3, 0.4]) / np.log(4), ""),
        ({"kind": "end_difference", "first": "best", "second": "slow", "column": "accuracy"}, [1, 6], ""),
        ({"kind": "end_difference", "first": "slow", "column": "accuracy"}, [2, 4], ""),
        ({"kind": "fall", "curve": "best", "column": "excess_cost"}, np.log2([3, 5]), ""),
        ({"kind": "lost", "curve": "best"}, [0, 0], ""),
        ({"kind": "mean_difference", "first": "best", "second": "slow", "column": "accuracy"}, [2 / 3, 10 / 3], ""),
        (
            {"kind": "mean_difference", "first": "best", "second": "slow", "column": "accuracy", "since": 15},
            [1, 6],  # of the last evaluation alone
            "",
        ),
    ],
)
def test_statistics_of_a_table_made_by_hand(statistic, expected, remark):
    found, said = values(**statistic)
    np.testing.assert_allclose(found, expected)
    assert said == remark


def test_roughness_compares_the_changes_of_the_second_half():
    steps = np.arange(40)
    curves = Curves(table(best=[steps / 39.0], calm=[0.01 * (steps % 2)], wild=[0.08 * (steps % 2)]))
    statistic = Roughness(first="wild", second="calm", reference="best")
    np.testing.assert_allclose(statistic.values(curves)[0], [3])  # 8 times as rough


def test_jumpiness_compares_any_columns_changes_of_the_second_half():
    steps = np.arange(40)
    curves = Curves(table(calm=[1 + 0.01 * (steps % 2)], wild=[1 + 0.08 * (steps % 2)]))
    np.testing.assert_allclose(Jumpiness(first="wild", second="calm", column="accuracy").values(curves)[0], [3])


def test_seeds_that_diverged_or_never_arrived_are_counted_and_said():
    metrics = table(whole=[[1, 2, 4], [1, 2, 8]], broken=[[1, 2, 4], [1, 3]])
    metrics.loc[(metrics["curve"] == "whole") & (metrics["seed"] == 1), "arrived"] = np.nan
    found, said = Lost(curve="broken").values(Curves(metrics))
    assert (found.tolist(), said) == ([0, 1], "last sound evaluation at 10 to 10")
    found, said = Fall(curve="broken", column="accuracy").values(Curves(metrics))
    np.testing.assert_allclose(found, [2, np.log2(3)])
    found, said = EndRatio(first="whole", second="broken", column="arrived").values(Curves(metrics))
    assert (found.tolist(), said) == ([0], "1 of 2 seeds have no value")
    with pytest.raises(ConfigError, match="no seed has a value"):
        Fall(curve="whole", column="missed").values(Curves(metrics.assign(missed=np.nan)))


@pytest.mark.parametrize(
    ("low", "high", "bounds", "verdict"),
    [
        (0.1, 0.5, {"above": 0}, "holds"),
        (-0.1, 0.5, {"above": 0}, "undecided"),
        (-0.5, -0.1, {"above": 0}, "fails"),
        (-0.5, -0.1, {"below": 0}, "holds"),
        (-0.05, 0.05, {"above": -0.1, "below": 0.1}, "holds"),
        (0.05, 0.15, {"above": -0.1, "below": 0.1}, "undecided"),
        (0.15, 0.25, {"above": -0.1, "below": 0.1}, "fails"),
        (0.5, 1.0, {"above": 0.5}, "undecided"),
        (0.0, 0.5, {"above": 0.5}, "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval(low, high, bounds, verdict):
    statistic = {"kind": "gain_share", "curve": "slow", "reference": "best"}
    claim = Claim.parse({"claim": "c", "source": "s", "run": "r", "statistic": statistic, **bounds})
    assert claim.verdict(Interval(estimate=(low + high) / 2, low=low, high=high)) == verdict


@pytest.mark.parametrize("average", ["mean", "median"])
def test_intervals_cover_the_truth_about_as_often_as_they_say(average):
    rng = np.random.default_rng(0)
    hits = [found.low <= 0 <= found.high for found in (interval(rng.normal(size=20), average, 400) for _ in range(200))]
    assert 0.87 <= np.mean(hits) <= 0.99


def test_an_interval_of_one_value_decides_nothing():
    found = interval([1.0], "mean")
    assert (found.low, found.high) == (-np.inf, np.inf)


@pytest.mark.parametrize(("lost", "verdict"), [((), "holds"), ((2, 3), "holds"), ((1, 2, 3, 4), "undecided")])
def test_the_few_layouts_that_are_left_by_a_method_that_runs_away_decide_nothing(lost, verdict):
    curves = Curves(table(best=[[1.0, 2, 3]] * 6), [("best", seed) for seed in lost])
    statistic = {"kind": "fall", "curve": "best", "column": "accuracy"}
    row = _row(Claim.parse({"claim": "c", "source": "s", "run": "r", "statistic": statistic, "above": 1}), curves)
    assert (row["layouts"], row["verdict"]) == (6 - len(lost), verdict)
    assert ("fewer than half of the layouts have a value" in row["remark"]) == (verdict == "undecided")


def test_every_claim_names_a_run_and_curves_that_exist():
    stated = {path: Claims.parse(read_yaml(path)) for path in (CLAIMS, LONG)}
    claims = [claim for own in stated.values() for claim in own.claims.values()]
    assert len(claims) >= 15
    assert len({claim.claim for claim in claims}) == len(claims)  # tables are looked up by them
    for path, own in stated.items():
        runs = {claim.run: own.experiment(claim.run, path.parent, QUICK) for claim in own.claims.values()}
        assert set(own.runs) <= set(runs)  # none without a claim
        tables = {name: table(**dict.fromkeys(run.curves, [[1, 2, 4, 3, 5]] * 4)) for name, run in runs.items()}
        curves = {name: Curves(made.assign(excess_cost=made["loss"] / 3)) for name, made in tables.items()}  # gets below 0.1
        for claim in own.claims.values():
            found, _ = claim.statistic.values(curves[claim.run])
            assert found.shape == (4,)
    kinds = {claim.statistic.dump()["kind"] for claim in claims}
    assert kinds == set(Statistic.kinds)  # none without a user


@pytest.mark.slow
def test_check_makes_each_run_once_and_writes_a_table(tmp_path):
    made = []

    class Made:
        def diverged(self):
            return []

        def __init__(self, experiment):
            self._curves = experiment.curves

        def metrics(self):
            rng = np.random.default_rng(0)
            return table(**{name: (1 + np.cumsum(rng.random((4, 5)), axis=1)).tolist() for name in self._curves})

    def make(experiment, directory):
        made.append(directory.name)
        assert experiment.iterations == 400
        return Made(experiment)

    rows = check(CLAIMS, tmp_path, make, quick=True)
    assert len(made) == len(set(made))
    assert {row["verdict"] for row in rows} <= {"holds", "fails", "undecided"}
    lines = write_tables(rows, tmp_path).read_text().splitlines()
    assert len(lines) == len(rows) + 2
    assert {line.count("|") for line in lines} == {len(rows[0]) + 1}
    written = pd.read_csv(tmp_path / "fidelity.csv", keep_default_na=False)
    assert written.astype(str).to_dict("records") == [{key: str(value) for key, value in row.items()} for row in rows]


def test_a_rerun_is_its_configuration_on_further_seeds_with_some_of_its_curves():
    whole = Experiment.load(CLAIMS.with_name("variance.yaml"))
    settings = {"config": "variance.yaml", "first_seed": 7, "seeds": 3, "curves": ["momentum", "two points"]}
    found = Rerun.parse(settings | {"changes": ["iterations=12"]}).experiment(CLAIMS.parent)
    assert (found.seeds, found.iterations, list(found.curves)) == ((7, 8, 9), 12, ["momentum", "two points"])
    assert found.curve("momentum") == whole.curve("momentum")
    assert found.reference == whole.reference == "two points"
    assert Rerun.parse(settings | {"curves": ["momentum"]}).experiment(CLAIMS.parent).reference is None
    assert list(Rerun.parse(settings | {"curves": []}).experiment(CLAIMS.parent).curves) == list(whole.curves)
    with pytest.raises(ConfigError, match=r'"momentums" is not a curve of variance.yaml \(did you mean "momentum"\?\)'):
        Rerun.parse(settings | {"curves": ["momentums"]}).experiment(CLAIMS.parent)


@pytest.mark.parametrize(
    ("found", "bounds", "needed"),
    [
        ((0.1, -0.1, 0.25), (0, None), 40),  # half the width of what is below would do: four times as many
        ((-0.1, -0.3, 0.1), (0, None), 40),  # decided as failing
        ((0.9, 0.8, 1.2), (None, 1), 90),
        ((0, -0.2, 0.3), (-0.1, 0.1), 90),  # both ends must come within the bounds
        ((0.2, 0.05, 0.3), (-0.1, 0.1), 23),
        ((0, -1, 1), (0, None), MOST + 1),
        ((0.5, -math.inf, math.inf), (0, None), MOST + 1),
    ],
)
def test_the_layouts_that_would_decide_follow_from_the_width_of_the_interval(found, bounds, needed):
    estimate, low, high = found
    assert layouts_needed(10, Interval.model_construct(estimate=estimate, low=low, high=high), *bounds) == needed


def test_an_undecided_claim_says_how_many_layouts_and_how_much_training_would_decide_it(tmp_path):
    rng = np.random.default_rng(1)
    metrics = table(best=[[1, 2, 4]] * 20, slow=[[1, 2, 1 + 3 * share] for share in 0.9 + 0.02 * rng.standard_normal(20)])
    statistic = {"kind": "gain_share", "curve": "slow", "reference": "best"}
    claim = Claim.parse({"claim": "c", "source": "s", "run": "r", "statistic": statistic, "average": "mean", "above": 0.9})
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump({"claims": {"c": claim.dump()}}))
    Path(tmp_path / "r.yaml").write_text("{}")

    class Made:
        def diverged(self):
            return []

        def metrics(self):
            return metrics

    (row,) = check(tmp_path / "claims.yaml", tmp_path, lambda *_: Made())
    assert row["verdict"] == "undecided"
    assert re.fullmatch(
        r"about [\d,]+ layouts or seeds would decide an effect of this size, \d+ \w+ of training", row["remark"]
    )
    assert told(250, 4.1) == "about 250 layouts or seeds would decide an effect of this size, 18 minutes of training"
    assert told(33, 1.5).endswith("50 seconds of training")
    assert told(1234, 60).startswith("about 1,300 layouts")


def test_claims_that_cannot_be_checked_are_refused(tmp_path):
    statistic = {"kind": "gain_share", "curve": "slow", "reference": "best"}
    base = {"claim": "c", "source": "s", "run": "r", "statistic": statistic}
    for change, sentence in (
        ({}, "above: missing: a claim needs a threshold"),
        ({"above": 1, "below": 0}, "above: 1.0 is not valid"),
        ({"above": 0, "statistic": {"kind": "gain_shares"}}, 'unknown kind "gain_shares" (did you mean "gain_share"?)'),
    ):
        with pytest.raises(ConfigError) as caught:
            Claim.parse(base | change, "claim")
        assert sentence in str(caught.value)
    claim = Claim.parse(base | {"above": 0, "statistic": {**statistic, "curve": "none"}})
    with pytest.raises(ConfigError, match='"none" is not a curve of the run'):
        claim.statistic.values(CURVES)


@pytest.mark.parametrize(
    "statistic",
    [
        {"kind": "gain_share", "curve": "slow", "reference": "best"},
        {"kind": "gain_difference", "first": "best", "second": "slow", "reference": "best"},
        {"kind": "utility_ratio", "first": "slow", "second": "best"},
        {"kind": "cost_ratio", "first": "slow", "second": "best", "reference": "best", "axis": "iteration"},
        {"kind": "mean_difference", "first": "slow", "second": "best", "column": "accuracy"},
        {"kind": "fall", "curve": "slow", "column": "accuracy"},
        {"kind": "end_ratio", "first": "slow", "second": "best", "column": "accuracy"},
    ],
)
def test_a_seed_that_diverged_has_no_value_and_that_is_said(statistic):
    metrics = table(best=[[1, 2, 3], [2, 6, 10], [1, 2, 3]], slow=[[1, 1, 2], [2], []])
    curves = Curves(metrics, [("slow", 1), ("slow", 2)])
    claim = {"claim": "c", "source": "s", "run": "r", "above": 0, "statistic": statistic}
    found, said = Claims.parse({"claims": {"c": claim}}).claims["c"].statistic.values(curves)
    assert found.shape == (1,)
    assert "2 of 3 seeds have no value" in said
    assert Lost(curve="slow").values(curves)[0].tolist() == [0, 1, 1]


def test_columns_that_no_run_has_are_named():
    with pytest.raises(ConfigError, match=r'"acuracy" is not a column of the run \(did you mean "accuracy"\?\)'):
        Fall(curve="slow", column="acuracy").values(CURVES)
