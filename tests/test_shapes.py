"""The annotated shapes are checked in the test run."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from baselines.allocators.checks import value_of
from tests.shapes import ARRAYS_CHECKED, CHECKED
from trainers.problems.analytic import AnalyticProblem
from trainers.problems.ridge_regression import RidgeRegression
from wirelessenv.physics import kernels


@pytest.mark.parametrize("array", [np.ones, torch.ones])
def test_arrays_of_a_wrong_shape_are_noticed(array):
    assert kernels.sinr(array((2, 3)), array((2, 3, 3)), array((2, 3)), 1).shape == (2, 3)
    with pytest.raises(TypeCheckError):
        kernels.sinr(array((2, 3)), array((2, 3, 4)), array((2, 4)), 1.0)
    with pytest.raises(TypeCheckError):
        kernels.aggregate(array((1, 5, 3, 3)), array((2, 3, 4)))


def test_parameters_of_a_wrong_shape_are_noticed():
    problem = AnalyticProblem(agents=4, size=2, seed=[0, 1, 2])
    assert problem.measure(torch.zeros(2, 3, 4, 5, 2), 1, True).shape == (2, 3, 5, 4)
    with pytest.raises(TypeCheckError):
        problem.measure(torch.zeros(3, 4, 5, 2), 1, True)
    with pytest.raises(TypeCheckError):
        problem.policies.logits(torch.zeros(5, 2), torch.zeros(4, 1, 0))


def test_points_and_channels_of_a_wrong_shape_are_noticed():
    problem = RidgeRegression(clients=3, size=4)
    assert problem.gradient(np.arange(3), np.zeros((2, 1, 4))).shape == (2, 3, 4)
    with pytest.raises(TypeCheckError):
        problem.hessian_product(0, np.zeros((2, 4)), np.zeros((3, 4)))
    with pytest.raises(TypeCheckError):
        problem.cost(np.zeros((1, 3), int), np.zeros(4))
    with pytest.raises(TypeCheckError):
        value_of(np.ones((5, 3, 3)), 1.0, np.ones((4, 3)))


@pytest.mark.parametrize("module", [*CHECKED, *ARRAYS_CHECKED])
def test_every_module_of_the_list_is_checked(module):
    found = importlib.import_module(module)
    assert "jaxtyping" in type(found.__loader__).__module__


def test_shapes_are_those_of_classes():
    """Not of numpy's NDArray, which is an alias and no class from numpy 2.5 on, so that importing the package would fail."""
    root = Path(__file__).parents[1]
    aliases = re.compile(r"^(\w+) = NDArray\[", re.MULTILINE)
    texts = {
        path: path.read_text()
        for room in ("wirelessenv", "trainers", "baselines")
        for path in root.joinpath(room).rglob("*.py")
    }
    names = "|".join(["NDArray", *{name for text in texts.values() for name in aliases.findall(text)}])
    of_alias = re.compile(rf"\b(?:Float|Int|Bool|Shaped|Num|Real|Complex)\d*\[(?:{names})\b")
    assert not [str(path) for path, text in texts.items() if of_alias.search(text)]
