"""The network of TensorFlow's tutorial, costs that are measured on some rows, and images that are read once."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from trainers.algorithms.dasgd import DASGD
from trainers.experiments.problem_settings import CNNSettings
from trainers.problems import images
from trainers.problems.image_networks import MeasuredOnSome, tutorial_cnn
from wirelessenv import ConfigError
from wirelessenv.scenario import Scenario

RNG = np.random.default_rng(5)


@pytest.mark.parametrize(("channels", "side", "parameters"), [(3, 32, 122_570), (1, 28, 93_322), (1, 8, 72_842)])
def test_the_network_has_as_many_parameters_as_the_tutorial_says(channels, side, parameters):
    """122,570 of 32 x 32 pixels in colour, as model.summary() of the tutorial prints; the others counted by hand."""
    module = tutorial_cnn(channels, side)
    assert sum(one.numel() for one in module.parameters()) == parameters
    assert module(torch.zeros(2, channels, side, side)).shape == (2, 10)


def test_the_network_computes_the_tutorial_s_layers():
    module, pixels = tutorial_cnn(1, 20), torch.from_numpy(RNG.normal(size=(3, 1, 20, 20)).astype(np.float32))
    a, b, c, d, e = [part for part in module if isinstance(part, nn.Conv2d | nn.Linear)]
    x = functional.max_pool2d(functional.conv2d(pixels, a.weight, a.bias).relu(), 2)
    x = functional.max_pool2d(functional.conv2d(x, b.weight, b.bias).relu(), 2)
    x = functional.conv2d(x, c.weight, c.bias).relu().flatten(1)
    torch.testing.assert_close(module(pixels), (x @ d.weight.T + d.bias).relu() @ e.weight.T + e.bias)


@pytest.mark.parametrize("side", range(4, 40))
def test_any_side_of_four_pixels_and_more_fits(side):
    assert tutorial_cnn(1, side)(torch.zeros(1, 1, side, side)).shape == (1, 10)


def test_less_than_four_pixels_are_refused():
    with pytest.raises(ConfigError, match="side: 3"):
        tutorial_cnn(1, 3)


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize(("measured", "rows"), [(4, [0, 2, 5, 7]), (10, range(10)), (99, range(10))])
def test_the_mean_loss_of_some_rows_is_measured_and_training_is_the_same(summed, measured, rows):
    torch.set_num_threads(1)
    inputs, classes = RNG.normal(size=(10, 3)).astype(np.float32), RNG.integers(0, 2, 10)
    module = nn.Linear(3, 2)
    loss = nn.CrossEntropyLoss(reduction="sum" if summed else "mean")
    given = {"loss": loss, "batch": 2, "summed": summed}
    problem = MeasuredOnSome(module, inputs, classes, measured=measured, **given)
    learner = DASGD(problem, nodes=3, step_size=0.1).learn(20)
    weight, bias = learner.solution[0, 0][:6].reshape(2, 3), learner.solution[0, 0][6:]
    scores = inputs @ weight.T + bias
    losses = np.log(np.exp(scores).sum(1)) - scores[np.arange(10), classes]
    assert learner.measures()["loss"][0, 0] == pytest.approx(losses[list(rows)].mean(), rel=1e-5)
    assert "gradient_norm" not in learner.measures()


def test_a_configuration_chooses_network_and_rows():
    chosen = CNNSettings(network="tutorial", measured=64, batch=8)
    objective = chosen.objective(Scenario(), None, 0)
    assert (objective.size, objective.batch) == (72_842, 8)
    assert set(objective.measures(objective.starts([0]))) == {"loss"}
    with pytest.raises(ConfigError, match="network"):
        CNNSettings.parse({"kind": "cnn", "network": "large"})


def test_images_are_read_once_until_a_file_changes(tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(images, "CIFAR10", {"a.bin": "x"})
    monkeypatch.setattr(images, "_read", lambda dataset, place, sums: reads.append(place) or {"a.bin": b""})
    monkeypatch.setattr(images, "cifar10", lambda contents: object())
    (tmp_path / "a.bin").write_bytes(b"1")
    first, again = images.load("cifar10", tmp_path), images.load("cifar10", str(tmp_path))
    assert first is again
    (tmp_path / "a.bin").write_bytes(b"12")
    assert images.load("cifar10", tmp_path) is not first
    assert reads == [tmp_path, tmp_path]
