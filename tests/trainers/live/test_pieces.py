"""Pieces of a live run's record: what is on the disk when the hub is lost can be replayed, up to the last piece."""

import numpy as np
import pytest

from tests.trainers.live.carrier import Carrier, Time
from trainers.experiments.experiment import Experiment
from trainers.live.party import RecordedRows
from trainers.live.plan import LivePlan
from trainers.live.report import ages_of, counted, summary
from trainers.live.schedule import joined, read_pieces, read_schedule, write_piece, write_schedule
from wirelessenv.config import ConfigError

GIVEN = {
    "zeroth_order": {
        "scenario": {"preset": "dense", "transmitters": 6},
        "learner": {"kind": "zeroth_order", "step_size": 0.05},
    },
    "async_bc": {"problem": "least_squares", "learner": {"kind": "async_bc", "exact": True}},
    "pars_push": {
        "problem": {"kind": "ridge_regression", "clients": 8, "size": 5},
        "learner": {"kind": "pars_push", "step_size": 1e-3},
        "messaging": {"graph": "ring"},
    },
}


def of(kind, iterations):
    return LivePlan.of(Experiment.parse({**GIVEN[kind], "iterations": iterations, "evaluate_every": 10}), None, 2)


ITERATIONS = {"zeroth_order": 50, "async_bc": 600, "pars_push": 50}
"""Many answers come together, so that a server needs more of them for as many events."""


def lost(kind, folder):
    """Run whose pieces are written at random moments, and whose end is lost; the plan, and the number of pieces."""
    plan, clock = of(kind, ITERATIONS[kind]), Time()
    hub, rng, pieces = plan.hub(clock), np.random.default_rng(4), []
    carrier = Carrier(hub, lambda shard: plan.shard(shard, clock), 1, clock=clock, kill=0.02, lose=0.1)
    act = hub.act

    def acts(**options):
        if rng.random() < 0.15:
            write_piece(folder, len(pieces), kind, hub.piece())
            pieces.append(hub.iteration)
        return act(**options)

    hub.act = acts
    carrier.run()
    return plan, hub, len(pieces)


def near(plan, replayed, solution):
    assert np.linalg.norm(plan.solution_of(replayed) - solution) <= 1e-6 * np.linalg.norm(solution)


@pytest.mark.parametrize("kind", GIVEN)
def test_what_was_kept_of_a_lost_run_is_replayed(kind, tmp_path):
    plan, hub, number = lost(kind, tmp_path / "schedule")
    pieces = read_pieces(tmp_path / "schedule", kind)
    known = joined(kind, pieces)
    assert len(pieces) == number > 2
    assert 0 < known.now.iteration <= hub.iteration
    near(plan, plan.replayed(read_schedule(tmp_path / "schedule.npz", kind)), known.now.solution)
    assert [one.iteration for one in known.kept] == [one.iteration for one in hub.kept[: len(known.kept)]]
    (tmp_path / "schedule" / "000002.npz").unlink()  # without it, what came later means nothing
    known = joined(kind, read_pieces(tmp_path / "schedule", kind))
    near(plan, plan.replayed(read_schedule(tmp_path / "schedule.npz", kind)), known.now.solution)
    hub.act = type(hub).act.__get__(hub)
    write_piece(tmp_path / "schedule", 2, "other", hub.piece())
    with pytest.raises(ConfigError, match=rf"000002\.npz: is the schedule of other, not of {kind}"):
        read_schedule(tmp_path / "schedule.npz", kind)


def test_pieces_joined_are_all_rows():
    rows, rng, seen = RecordedRows({"a": np.zeros(0, int), "b": np.zeros((0, 2))}), np.random.default_rng(0), []
    for number in range(60):
        rows.add({"a": np.full(number % 3, number), "b": rng.normal(size=(number % 3, 2))})
        if rng.random() < 0.3:
            seen.append(rows.fresh())
    seen.append(rows.fresh())
    for name, column in rows.columns().items():
        assert (np.concatenate([one[name] for one in seen]) == column).all()
        assert column.dtype == seen[0][name].dtype
    assert len(rows.fresh()["b"]) == 0


@pytest.mark.parametrize("kind", GIVEN)
def test_a_run_that_has_done_nothing_leaves_a_schedule_that_can_be_read(kind, tmp_path):
    plan = of(kind, 5)
    hub = plan.hub(lambda: 0.0)
    write_schedule(tmp_path / "schedule.npz", kind, hub.schedule())
    found = read_schedule(tmp_path / "schedule.npz", kind)
    assert counted(ages_of(kind, found)) == []
    assert summary(kind, found, plan.agents)["largest age"] == 0
    near(plan, plan.replayed(found), hub.solution())
