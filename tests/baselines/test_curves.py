"""Curves of a comparison: shared trainings, and what stands where."""

import re

import pytest

from baselines.comparison.comparison import Comparison
from baselines.comparison.curves import write_curves
from baselines.comparison.directory import ComparisonDirectory, tasks
from baselines.comparison.tables import amount, relative
from baselines.comparison.work import ComparisonJob
from wirelessenv.config import ConfigError

SMALL = {"preset": "dense", "transmitters": 4}
TALK = {"method": "message_policy", "pace": "round_a_slot", "steps": 2, "hidden": 4, "neighbours": 2, "practice": [{}]}
SETTINGS = {
    "scenarios": {"small": SMALL, "larger": {**SMALL, "transmitters": 6}},
    "layouts": 2, "slots": 2, "warm_up": 6, "seeds": 1,
    "methods": {
        "prompt": TALK,
        "late": {**TALK, "links": {"delay": 2}},
        "anywhere": {**TALK, "trained_on": SMALL},
        "anywhere, late": {**TALK, "trained_on": SMALL, "links": {"delay": 2}},
        "WMMSE, late": {"method": "wmmse", "delay": 3},
    },
    "relative_to": "full power",
    "curves": {
        "slots late": {"messages": [[3, "late"], [1, "prompt"]], "WMMSE": [[0, "WMMSE"], [3, "WMMSE, late"]]},
        "bits a slot": {"all": ["prompt", "WMMSE", "late"]},
    },
}  # fmt: skip


def test_methods_that_are_trained_alike_share_a_training():
    trainings = tasks(Comparison.parse(SETTINGS), "trainings")
    assert [(one.scenario, one.method) for one in trainings] == [
        ("small", "prompt"),
        ("small", "anywhere"),
        ("larger", "prompt"),
    ]


@pytest.mark.slow
def test_curves_hold_what_the_tables_hold(tmp_path):
    comparison = Comparison.parse(SETTINGS)
    with ComparisonDirectory.opened(tmp_path / "out", comparison, resume=False, device="cpu") as directory:
        own_code = {(scenario, name): "" for scenario in comparison.scenarios for name in comparison.methods}
        for kind in ("trainings", "evaluations"):  # here: processes of their own take seconds to start
            (directory.path / kind).mkdir()
            ComparisonJob(comparison.text(), own_code, {}).work(tuple(tasks(comparison, kind)), directory.path, lambda: False)
        directory.assemble(comparison)
        write_curves(directory)
    page = (directory.path / "curves.md").read_text()
    assert (directory.path / "curves.png").stat().st_size > 0
    assert re.findall(r"\*\*(.*)\*\*", page) == [
        f"{scenario}: {x}" for scenario in ("small", "larger") for x in ("slots late", "bits a slot")
    ]
    table = directory.table("comparison.csv")
    rows = [line.strip("| ").split(" | ") for line in (directory.path / "scenarios.md").read_text().splitlines()]
    assert rows[0] == ["method", "small", "larger"]
    assert [row[0] for row in rows[2:]] == list(comparison.methods)
    for place, scenario in enumerate(("small", "larger"), 1):
        some = table[(table["scenario"] == scenario) & (table["method"] == "anywhere")]
        ratio = relative(some, "full_power").estimate
        assert next(row for row in rows if row[0] == "anywhere")[place].startswith(f"{ratio:.3f} [")
    for scenario, text in zip(("small", "larger"), re.split(r"\*\*\w+: slots late\*\*", page)[1:], strict=True):
        rows = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| \d", line)]
        assert [row[0] for row in rows[:3]] == ["0", "1", "3"]
        some = table[(table["scenario"] == scenario) & (table["method"] == "late")]
        assert rows[2][1].startswith(f"{relative(some, 'full_power').estimate:.3f} [")
        assert sum(row[1].count("; ") for row in rows[3:]) == 1  # two methods that need the same bits
        agents = {"small": 4, "larger": 6}[scenario]
        bits = 32 * agents * (2 * 2 + 2), 32 * agents * (agents + 1)  # of messages and feedback; of all gains and powers
        assert [row[0] for row in rows[3:]] == [amount(one) for one in sorted(bits)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"relative_to": "nobody"}, 'relative_to: "nobody" is not valid: it is none of the methods'),
        ({"curves": {"x": {"y": [[0, "nobody"]]}}}, r'curves\.x\.y: "nobody" is not valid: it is none of the methods'),
        ({"curves": {"x": {"y": []}}}, r"curves\.x\.y"),
        ({"curves": {"x": {"y": [["far", "WMMSE"]]}}}, r"curves\.x\.y\.0\.x"),
    ],
)
def test_curves_of_nobody_are_refused(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Comparison.parse(SETTINGS | changes)
