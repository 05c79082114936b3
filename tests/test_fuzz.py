"""A slice of `make fuzz`: every target meets some mutated inputs in every test run."""

import pytest

from tests.fuzz.engine import tried
from tests.fuzz.targets import TARGETS

FIRST = 1_000_000
"""Numbers that `make fuzz` does not come to."""


SLOW = {"run directories", "comparisons"}


@pytest.mark.parametrize("target", [pytest.param(one, marks=pytest.mark.slow) if one in SLOW else one for one in TARGETS])
def test_mutated_inputs_are_taken_or_refused_in_one_sentence(target, tmp_path):
    for number in range(FIRST, FIRST + (4 if target == "run directories" else 25)):
        outcome, said = tried(target, number, tmp_path)
        assert outcome in {"taken", "refused"}, f"--only {target!r} --number {number}: {said}"


def test_a_traceback_is_counted(tmp_path, monkeypatch):
    def broken(rng, folder):
        raise KeyError("x")

    monkeypatch.setitem(TARGETS, "--set", (broken, 1.0))
    outcome, said = tried("--set", 0, tmp_path)
    assert outcome == "traceback"
    assert "KeyError" in said
