"""Rows of clients in the forms in which people give them, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainers.algorithms.async_bc import AsyncBC
from trainers.problems.logistic import Logistic
from trainers.problems.shares import client_rows
from trainers.problems.torch_loss import TorchObjective
from wirelessenv import ConfigError

HALVES = [[0, 1, 2, 3], [4, 5, 6, 7]]
MASK = np.arange(8) < 4
FORMS = [
    HALVES,
    tuple(map(tuple, HALVES)),
    [range(4), range(4, 8)],
    (range(4) for _ in [0]),
    np.array(HALVES),
    np.array(HALVES, object),
    *(np.array(HALVES, kind) for kind in "bBhHiIlLqQ"),
    [np.array(own, ">i2") for own in HALVES],
    torch.tensor(HALVES),
    [torch.tensor(own, dtype=torch.uint8) for own in HALVES],
    {0: HALVES[0], 1: HALVES[1]},
    {np.int64(1): HALVES[1], 0: np.array(HALVES[0])},
    {"left": HALVES[0], "right": range(4, 8)},
    {0: HALVES[0], 1: HALVES[1]}.values(),
    [MASK, ~MASK],
    np.stack([MASK, ~MASK]),
    [MASK.tolist(), (~MASK).tolist()],
    [torch.tensor(MASK), range(4, 8)],
    np.split(np.arange(8), 2),
]


@pytest.mark.parametrize("clients", FORMS, ids=lambda form: type(form).__name__)
def test_every_form_means_the_same(clients):
    clients = list(clients) if not hasattr(clients, "__len__") else clients
    found = client_rows(clients, 8)
    assert [rows.tolist() for rows in found] == HALVES[: len(found)]
    assert all(rows.dtype == np.intp for rows in found)
    inputs, signs = np.random.default_rng(0).normal(size=(8, 3)), np.tile([-1, 1], 4)
    for make in (
        lambda own: TorchObjective(nn.Linear(3, 2).double(), inputs, signs > 0, own, loss=loss),
        lambda own: Logistic(inputs, signs, own),
    ):
        one, other = AsyncBC(make(clients)).learn(3), AsyncBC(make([np.array(own) for own in HALVES[: len(found)]])).learn(3)
        np.testing.assert_array_equal(one.solution, other.solution)


def loss(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets.long())


@given(st.lists(st.lists(st.integers(0, 19), min_size=1), min_size=1))
def test_rows_are_kept_in_their_order_and_number(clients):
    """A row may count twice, and belong to several."""
    assert [rows.tolist() for rows in client_rows(clients, 20)] == clients
    assert [rows.tolist() for rows in client_rows(dict(enumerate(map(tuple, clients))), 20)] == clients


def test_what_is_given_may_be_changed_afterwards():
    rows = np.arange(4)
    (found,) = client_rows([rows], 4)
    rows[:] = 0
    assert found.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("clients", "said"),
    [
        ([], "an empty list is not valid"),
        ({}, "an empty list is not valid"),
        ("01", "an empty list is not valid"),
        (3, "3 is not valid: give the rows of each client"),
        (torch.tensor(3), r"tensor\(3\) is not valid"),
        ([0, 1, 2], "0 of client 0 is not valid: its rows should be a flat list"),
        (range(3), "0 of client 0"),
        ([[0], []], r"\[\] of client 1 is not valid: a client needs at least one row"),
        ({"a": [0], "b": []}, r"\[\] of client 'b'"),
        ([[0], [8]], r"\[8\] of client 1 is not valid: row 8 should be 0 to 7"),
        ([[0, -1]], "row -1 should be 0 to 7"),
        ([np.array([2**64 - 1], np.uint64)], f"row {2**64 - 1} should be 0 to 7"),
        ([[2**70]], "rows are whole numbers"),
        ([[0.0, 1.0]], "rows are whole numbers, or a mask of 8"),
        ([[0.5]], "rows are whole numbers"),
        ([[float("nan")]], "rows are whole numbers"),
        ([["a"]], "rows are whole numbers"),
        (["ab"], "its rows should be a flat list"),
        ([None], "its rows should be a flat list"),
        ([[None]], "rows are whole numbers"),
        ([{0, 1}], "its rows should be a flat list"),
        ([[[0, 1]]], "its rows should be a flat list"),
        ([[0, [1]]], "its rows should be a flat list"),
        ([[True, False]], "a mask of 2 should have 8 truth values"),
        ([np.ones(9, bool)], "a mask of 9 should have 8"),
        ([np.zeros(8, bool)], "a client needs at least one row"),
        ([[True, 2]], "rows are whole numbers"),
        ({0: [0], 2: [1]}, r"keys \[0, 2\] are not valid"),
        ({0: [0], "b": [1]}, r"keys \[0, 'b'\] are not valid"),
        ({-1: [0]}, r"keys \[-1\] are not valid"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(clients, said):
    for make in (
        lambda: client_rows(clients, 8),
        lambda: TorchObjective(nn.Linear(2, 2), np.zeros((8, 2)), np.zeros(8, int), clients),
        lambda: Logistic(np.zeros((8, 2)), np.ones(8), clients),
    ):
        with pytest.raises(ConfigError, match=f"clients: .*{said}"):
            make()
