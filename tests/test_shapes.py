"""The annotated shapes are checked in the test run."""

import importlib

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from tests.shapes import CHECKED
from wirelessenv.physics import kernels


@pytest.mark.parametrize("array", [np.ones, torch.ones])
def test_arrays_of_a_wrong_shape_are_noticed(array):
    assert kernels.sinr(array((2, 3)), array((2, 3, 3)), array((2, 3)), 1).shape == (2, 3)
    with pytest.raises(TypeCheckError):
        kernels.sinr(array((2, 3)), array((2, 3, 4)), array((2, 4)), 1.0)
    with pytest.raises(TypeCheckError):
        kernels.aggregate(array((1, 5, 3, 3)), array((2, 3, 4)))


@pytest.mark.parametrize("module", CHECKED)
def test_every_module_of_the_list_is_checked(module):
    found = importlib.import_module(module)
    assert "jaxtyping" in type(found.__loader__).__module__
