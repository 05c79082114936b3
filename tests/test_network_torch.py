import numpy as np
import pytest
import torch

from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import SCENARIOS

UPLINK = {"association": "uplink", "receivers": 4, "transmitters": 12}


@pytest.mark.parametrize("scenario", [*SCENARIOS, UPLINK])
def test_blocks_are_tensors_of_the_same_shapes(scenario):
    network, numpy = WirelessNetwork(scenario, seed=[3, 5], device="cpu"), WirelessNetwork(scenario, seed=[3, 5])
    for block, other in ((network.block(4), numpy.block(4)), (network.bank(3, "test"), numpy.bank(3, "test"))):
        for field in ("gain", "wanted", "cross", "features"):
            tensor = getattr(block, field)
            assert isinstance(tensor, torch.Tensor)
            assert tensor.dtype == torch.float32
            assert tensor.shape == getattr(other, field).shape
        assert torch.isfinite(block.features).all()
        assert torch.equal(torch.diag_embed(block.wanted) + block.cross, block.gain)


@pytest.mark.parametrize("scenario", ["dense", UPLINK])
def test_layouts_are_those_of_numpy_and_gains_have_their_mean(scenario):
    network, numpy = WirelessNetwork(scenario, seed=3, device="cpu"), WirelessNetwork(scenario, seed=3)
    layout = network.layouts[0]
    np.testing.assert_array_equal(layout.mean_gain, numpy.layouts[0].mean_gain)
    mean = network.block(20_000).gain[0].mean(0).numpy()
    np.testing.assert_allclose(mean, layout.mean_gain[layout.serving], rtol=0.06)


def test_a_run_does_not_depend_on_what_else_is_in_the_batch():
    together, alone = WirelessNetwork("authors", [3, 5], "cpu").block(4), WirelessNetwork("authors", 5, "cpu").block(4)
    assert torch.equal(together.gain[1], alone.gain[0])


def test_utilities_are_those_of_numpy_and_have_gradients():
    network = WirelessNetwork("dense", seed=3)
    block = network.block(5)
    power = np.random.default_rng(0).uniform(0, 10, block.wanted.shape).astype(np.float32)
    expected = network.utilities(block.wanted, block.cross, power)
    tensor = torch.as_tensor(power).requires_grad_()
    wanted, cross = torch.as_tensor(block.wanted), torch.as_tensor(block.cross)
    paid = WirelessNetwork("dense", seed=3, device="cpu").utilities(wanted, cross, tensor)
    np.testing.assert_allclose(paid.detach().numpy(), expected, rtol=1e-5)
    paid.sum().backward()
    assert tensor.grad is not None
    assert (tensor.grad != 0).all()


@pytest.mark.parametrize("scenario", ["authors", UPLINK])
def test_a_network_goes_on_from_a_saved_state(scenario):
    network = WirelessNetwork(scenario, seed=[3, 5], device="cpu")
    network.block(5)
    saved = network.state()
    expected, bank = network.block(4), network.bank(3, "evaluation")
    for _ in range(2):
        other = WirelessNetwork(scenario, seed=1, device="cpu")
        other.set_state(saved)
        again = other.block(4)
        assert torch.equal(again.gain, expected.gain)
        assert torch.equal(again.features, expected.features)
        assert torch.equal(other.bank(3, "evaluation").gain, bank.gain)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_a_device_has_a_name(device):
    assert WirelessNetwork("dense", seed=3, device=device).device == "cpu"


@pytest.mark.parametrize("wrong", ["", "cpus", "meta", "cuda:999", True, -1, 3.5, [], torch])
def test_what_is_no_device_is_refused_in_one_sentence(wrong):
    with pytest.raises(ConfigError, match=r'^device: .* is not valid: it should be "cpu", "cuda" or None \('):
        WirelessNetwork("dense", device=wrong)
