import numpy as np
import pytest
import torch

from tests.trainers.plain_wireless import network_output
from trainers.problems.policies import Policies, PolicySettings
from wirelessenv import ConfigError


@pytest.mark.parametrize("hidden", [(), (7,), (30, 30), (4, 3, 2)])
@pytest.mark.parametrize("input_scale", [1.0, 0.5])
def test_every_network_of_a_batch_computes_its_own_formula(hidden, input_scale):
    policies = Policies(5, 1, 0.0, 10.0, PolicySettings(hidden=hidden, input_scale=input_scale))
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=(6, policies.size)).astype(np.float32)
    inputs = rng.normal(size=(6, 4, 5)).astype(np.float32)
    outputs = policies(torch.from_numpy(parameters), torch.from_numpy(inputs))
    assert outputs.shape == (6, 4, 1)
    for network in range(6):
        for row in range(4):
            expected = network_output(parameters[network], input_scale * inputs[network, row], hidden, 10.0)
            assert outputs[network, row, 0].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_several_outputs_within_their_bounds():
    policies = Policies(3, 2, -1.0, 3.0)
    outputs = policies(10 * torch.randn(50, policies.size), torch.randn(50, 8, 3))
    assert outputs.shape == (50, 8, 2)
    assert outputs.min() >= -1
    assert outputs.max() <= 3
    assert outputs.std() > 0.5


def test_the_papers_network_has_1141_parameters_and_initial_ones_are_uniform_by_fan_in():
    policies = Policies(5, 1, 0.0, 10.0)
    assert policies.size == 5 * 30 + 30 + 30 * 30 + 30 + 30 + 1 == 1141
    start = policies.initial((0, 1), 24)
    assert start.shape == (2, 24, 1141)
    for rows, bound in ((start[..., :180], 5**-0.5), (start[..., 180:], 30**-0.5)):
        assert rows.abs().max() <= bound
        assert rows.abs().max() > 0.99 * bound
        assert rows.mean().abs() < 0.02 * bound
    assert not torch.equal(start[0, 0], start[0, 1])  # every agent its own
    assert torch.equal(policies.initial((1,), 24)[0], start[1])  # whatever else is in the batch


def test_settings_are_validated():
    with pytest.raises(ConfigError, match=r"policy\.hidden\.1: 0 is not valid"):
        PolicySettings.parse({"hidden": [3, 0]}, "policy")
