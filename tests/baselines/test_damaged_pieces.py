"""Damaged files of a comparison: taken, where they can be, or refused in one sentence."""

import random

import numpy as np
import pytest

from baselines.comparison.comparison import Comparison
from baselines.comparison.directory import ComparisonDirectory, Task
from tests.fuzz.states import StateMutator
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError

COMPARISON = Comparison.parse(
    {
        "scenarios": {"a": {"preset": "dense", "transmitters": 3}},
        "layouts": 2,
        "slots": 3,
        "optimum": {"slots": 2},
        "methods": {"g": {"method": "gnn", "steps": 1}},
    }
)
MEASURED = {"utility": np.ones(2), "rates": np.ones((2, 3)), "power": np.ones(2), "first": np.ones((2, 2))}
PIECES = {
    Task("evaluations", "a", "full power"): {"measured": MEASURED, "decision_ms": 0.1},
    Task("optima", "a", layout=0): {"value": np.array([1.0, np.nan]), "gap": np.zeros(2)},
    Task("trainings", "a", "g", 0): {"state": {"x": np.ones(2)}, "curve": np.ones((4, 3)), "seconds": 1.0, "code": "x"},
}


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.kind)
def test_a_damaged_piece_is_taken_or_refused(piece, tmp_path):
    directory = ComparisonDirectory(tmp_path)
    file = directory.file(COMPARISON, piece)
    file.parent.mkdir()
    write_tensors(file, PIECES[piece])
    sound, taken = read_tensors(file), 0
    directory.read(COMPARISON, piece)
    for number in range(150):
        write_tensors(file, StateMutator(random.Random(number)).changed(sound))
        try:
            found = directory.read(COMPARISON, piece)
        except ConfigError as error:
            assert str(file) in str(error)  # noqa: PT017  # most are refused, some are taken
            assert "\n" not in str(error)  # noqa: PT017
            continue
        taken += 1
        if piece.kind == "evaluations":
            assert found["measured"]["rates"].shape == (2, 3)
        elif piece.kind == "optima":
            assert found["value"].shape == (2,)
        else:
            assert found["curve"].shape[1] == 3
            assert 0 <= int(found["curve"][-1, 0]) <= 2**53
    assert taken < 100


@pytest.mark.parametrize("key", ["measured", "decision_ms"])
def test_a_piece_of_another_sort_is_refused(key, tmp_path):
    directory, piece = ComparisonDirectory(tmp_path), Task("optima", "a", layout=0)
    directory.file(COMPARISON, piece).parent.mkdir()
    write_tensors(directory.file(COMPARISON, piece), {key: np.ones(2)})
    with pytest.raises(ConfigError, match=r"state: it lacks value.*; delete it, and the same command with --resume"):
        directory.read(COMPARISON, piece)
