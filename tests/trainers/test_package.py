"""The names that `trainers` offers, and the imports under which they were published."""

import importlib
import inspect
import pkgutil

import pytest

import trainers
import trainers.algorithms
import trainers.problems
from trainers.algorithms.base.learner import Learner
from trainers.problems.objective import Objective

ONCE_PUBLISHED = """
import numpy as np
import torch
from trainers import WirelessProblem, ZerothOrderLearner
from trainers.async_bc import AsyncBC
from trainers.problems.torch_loss import TorchObjective

inputs, targets = torch.randn(40, 6), torch.randint(0, 2, (40,))
mine = TorchObjective(torch.nn.Linear(6, 2), inputs.numpy(), targets.numpy(), clients=np.split(np.arange(40), 8), batch=4)
learner = AsyncBC(mine, {"computing": {"kind": "linear", "slowest": 10}}, step_size=[0.001, 0.01], seed=[0, 1]).learn(5)
assert learner.measures()["cost"].shape == (2, 2)
"""
"""Program that the README of version 0.1 showed; users' programs hold it."""


def public_classes(room):
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        for name, found in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(found) and found.__module__ == module.name and not name.startswith("_"):
                yield found


def test_the_package_offers_every_learner_and_every_problem():
    learners = {one.__name__ for one in public_classes(trainers.algorithms) if issubclass(one, Learner)}
    problems = {one.__name__ for one in public_classes(trainers.problems) if issubclass(one, Objective)}
    problems |= {one.__name__ for one in public_classes(trainers.problems) if one.__name__.endswith("Problem")} - {"Problem"}
    assert len(learners) == len([*pkgutil.iter_modules(trainers.algorithms.__path__)]) - 2  # but for base and reference
    assert learners | problems | {"Policies"} == set(trainers.__all__)


@pytest.mark.parametrize("name", trainers.__all__)
def test_every_name_is_imported_when_it_is_asked_for(name):
    assert getattr(trainers, name).__name__ == name


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'AsyncABC'"):
        trainers.AsyncABC  # noqa: B018  # the access is the test


def test_what_was_published_is_still_imported(one_thread):
    exec(ONCE_PUBLISHED, {"__name__": "__main__"})  # noqa: S102  # the project's own documentation
