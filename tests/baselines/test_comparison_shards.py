"""compare --shard I/N: several commands share one directory, and the last does what needs the work of all."""

import pytest
import yaml

from baselines.__main__ import main
from baselines.comparison.compare import _independent
from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory, tasks
from tests import torture
from tests.baselines.test_comparison import CONFIG, EXPERIMENT, METHODS, SMALL
from trainers.workbench.shards import WorkShard, alone

FEW = {
    "scenarios": {"small": SMALL},
    "layouts": 2,
    "slots": 3,
    "seeds": 1,
    "methods": {"late": METHODS["late"], "own": METHODS["own"], "run": METHODS["run"]},
}


@pytest.fixture
def compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "comparison.yaml").write_text(yaml.safe_dump(FEW, sort_keys=False))
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT | {"iterations": 10}))
    return lambda out, *options: main(["comparison.yaml", "--out", out, "--quiet", "--workers", "1", *options])


def test_shares_are_all_tasks_that_need_no_others():
    comparison = Comparison.parse(CONFIG | {"methods": {"GNN": METHODS["GNN"], "late": METHODS["late"], "own": METHODS["own"]}})
    mine = [task for number in (1, 2, 3) for task in WorkShard(number, 3).mine(_independent(comparison))]
    every = [task for kind in ("trainings", "optima", "evaluations") for task in tasks(comparison, kind)]
    assert len(mine) == len(set(mine))
    left = set(every) - set(mine)
    assert {(task.kind, task.method) for task in left} == {("evaluations", "GNN"), ("evaluations", "own")}
    assert set(mine) < set(every)


@pytest.mark.slow
def test_the_last_shard_assembles_what_a_single_command_makes(tmp_path, compared, capsys):
    assert compared("whole") == 0
    assert compared("cut", "--shard", "2/2") == 0
    assert "Shard 2/2 is finished, 1 of 2 are not yet: the last one does the rest, and assembles cut" in capsys.readouterr().err
    assert not (tmp_path / "cut" / "comparison.csv").exists()
    assert list((tmp_path / "cut" / "evaluations").glob("*.pt"))
    assert compared("cut", "--shard", "1/2") == 0
    assert torture.tables(tmp_path / "cut") == torture.tables(tmp_path / "whole")
    assert (tmp_path / "cut" / "comparison.md").exists()
    (tmp_path / "cut" / "comparison.csv").unlink()
    with alone(tmp_path / "cut" / "shards" / "assembly.lock", ""):
        assert compared("cut", "--shard", "2/2") == 0  # another one, that was last in the same moment, is at it
        assert "Shard 2/2 is finished; another one assembles cut" in capsys.readouterr().err
    assert compared("cut", "--shard", "2/2") == 0  # again: it finds all done
    assert torture.tables(tmp_path / "cut") == torture.tables(tmp_path / "whole")
    assert not ComparisonDirectory(tmp_path / "cut").in_use()
