"""Networks of a user's own gains, and the bound of the SINR."""

from pathlib import Path

import numpy as np
import pytest
import torch

from wirelessenv.config import ConfigError
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Scenario

RNG = np.random.default_rng(7)
ONE, SERIES = RNG.exponential(size=(4, 4)), RNG.exponential(size=(5, 4, 4))


@pytest.fixture
def file(tmp_path):
    def write(values, name="gains.npz", **others):
        path = tmp_path / name
        if name.endswith(".csv"):
            np.savetxt(path, values, delimiter=",")
        else:
            np.savez(path, **({"gain": values} | others if values is not None else others))
        return str(path)

    return write


def of(path, **changes):
    return {"transmitters": 4, "fading": "none", "gains": {"path": path}, **changes}


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("name", ["gains.npz", "gains.csv"])
def test_a_matrix_is_the_gain_of_every_slot(file, name, device):
    network = WirelessNetwork(of(file(ONE, name)), seed=[0, 1], device=device)
    assert (network.scenario.placement.kind, network.scenario.path_loss.kind) == ("none", "none")
    block = network.block(3)
    np.testing.assert_allclose(np.asarray(block.gain), np.broadcast_to(ONE, (2, 3, 4, 4)), rtol=1e-6)
    assert block.serving[0, 0].tolist() == [0, 1, 2, 3]
    assert np.isnan(block.transmitters).all()


def test_decibels_and_the_only_array_of_a_file(file):
    path = file(None, losses=10 * np.log10(ONE))
    block = WirelessNetwork(of(path, gains={"path": path, "unit": "db"})).block(2)
    np.testing.assert_allclose(block.gain[0, 1], ONE, rtol=1e-5)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_series_is_played_slot_by_slot_and_begins_again(file, device):
    network = WirelessNetwork(of(file(SERIES, other=ONE), direct_gain_db=3), seed=[0, 1], device=device)
    played = np.concatenate([np.asarray(network.block(slots).gain) for slots in (3, 1, 9)], axis=1)
    expected = SERIES[np.arange(13) % 5] * np.where(np.eye(4) == 1, 10**0.3, 1)
    np.testing.assert_allclose(played, np.broadcast_to(expected, (2, 13, 4, 4)), rtol=1e-5)
    np.testing.assert_allclose(network.layouts[0].mean_gain, expected[:5].mean(0), rtol=1e-5)


def test_a_series_goes_on_from_a_saved_state_and_is_scaled_by_fading(file):
    scenario = of(file(SERIES), fading="rayleigh")
    network = WirelessNetwork(scenario, seed=[0, 1])
    network.block(3)
    saved, expected = network.state(), network.block(4)
    other = WirelessNetwork(scenario, seed=9)
    other.set_state(saved)
    np.testing.assert_array_equal(other.block(4).gain, expected.gain)
    plain = WirelessNetwork({"preset": "gaussian", "transmitters": 4}, seed=[0, 1])  # the same fading of the same seeds
    plain.block(3)
    np.testing.assert_allclose(expected.gain, plain.block(4).gain * SERIES[[3, 4, 0, 1]], rtol=1e-5)


def test_a_random_start_belongs_to_seed_and_episode(file):
    scenario = of(path := file(np.arange(1.0, 101).reshape(100, 1, 1)), transmitters=1, gains={"path": path, "start": "random"})
    network = WirelessNetwork(scenario, seed=range(200))
    first = network.block(3).gain[:, :, 0, 0]
    np.testing.assert_array_equal((first[:, 1] - first[:, 0]) % 100, 1)
    counts = np.histogram(first[:, 0], bins=4, range=(0.5, 100.5))[0]
    assert ((counts - 50) ** 2 / 50).sum() < 16.3  # chi squared of 3 degrees, one in a thousand
    network.reset()
    assert (network.block(3).gain[:, 0, 0, 0] != first[:, 0]).mean() > 0.9
    np.testing.assert_array_equal(WirelessNetwork(scenario, seed=[7]).block(3).gain[0, :, 0, 0], first[7])


def changed(value):
    gains = ONE.copy()
    gains[1, 2] = value
    return gains


@pytest.mark.parametrize(
    ("values", "changes", "sentence"),
    [
        (changed(-1), {}, r"the gain at \[1, 2\] is negative"),
        (changed(np.nan), {}, r"the gain at \[1, 2\] is NaN: every gain should be a number"),
        (changed(np.inf), {}, r"the gain at \[1, 2\] is infinite"),
        (changed(1e300), {}, r"the gain at \[1, 2\] is infinite: every gain should be finite, in 32 bits"),
        (
            ONE[:3],
            {},
            r"the shape \(3, 4\) is not valid: it should be \(m, m\), \(slots, m, m\) or .*axes: \[receivers, transmitters\]",
        ),
        (ONE[0], {}, r"the shape \(4,\) is not valid"),
        (np.ones((0, 4, 4)), {}, r"the shape \(0, 4, 4\) is not valid"),
        (ONE + 1j, {}, "holds complex128 values: gains should be real numbers"),
        (np.array([[None]]), {}, "cannot be read"),  # an object: it would be unpickled
        (ONE, {"transmitters": 5}, r"transmitters: 5 is not valid: .*gains.npz holds the gains of 4 transmitters"),
        (ONE, {"placement": "uniform"}, 'placement: "uniform" is not valid beside gains, which take its place'),
        (ONE, {"path_loss": "power_law"}, 'path_loss: "power_law" is not valid beside gains'),
        (ONE, {"mobility": "random_waypoint"}, 'mobility: "random_waypoint" is not valid beside gains'),
        (ONE, {"association": "uplink", "receivers": 2}, 'association: "uplink" is not valid beside gains'),
    ],
)
def test_gains_that_cannot_be_used_are_refused_in_one_sentence(file, values, changes, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        Scenario.of(of(file(values), **changes))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_used_are_refused_in_one_sentence(file, tmp_path):
    text, empty = tmp_path / "gains.csv", tmp_path / "empty.csv"
    text.write_text("1,2\n3,much\n", encoding="utf-8")
    empty.write_text("", encoding="utf-8")
    (tmp_path / "torn.npz").write_bytes(Path(file(ONE)).read_bytes()[:90])
    for path, sentence in [
        (tmp_path / "none.npz", "there is no such file"),
        (tmp_path / "gains.mat", "there is no such file"),
        (tmp_path, "is not a file of gains: it should end in .npz, .npy, .csv, .mat, .h5 or .hdf5"),
        (text, "cannot be read"),
        (empty, "cannot be read"),
        (tmp_path / "torn.npz", "cannot be read"),
        (file(None, "two.npz", a=ONE, b=ONE), 'should hold an array "gain", or one array alone, and holds a, b'),
    ]:
        with pytest.raises(ConfigError, match=f"^scenario: gains.path: .*{sentence}") as caught:
            Scenario.of(of(str(path)))
        assert "\n" not in str(caught.value)


def test_a_file_that_was_written_anew_is_read_anew(file):
    first = WirelessNetwork(of(file(ONE))).block(1).gain
    second = WirelessNetwork(of(file(np.concatenate([SERIES, SERIES])))).block(1).gain
    np.testing.assert_allclose(first[0, 0], ONE, rtol=1e-6)
    np.testing.assert_allclose(second[0, 0], SERIES[0], rtol=1e-6)


def test_rates_end_where_the_sinr_is_capped():
    wanted, cross, power = np.array([[2000.0, 7.0]]), np.array([[[0, 1.0], [0.0, 0]]]), np.array([[1.0, 0.5]])
    network = WirelessNetwork({"preset": "gaussian", "transmitters": 2, "sinr_cap_db": 30, "noise": 1.0})
    expected = [np.log2(1 + 1000), np.log2(1 + 3.5)]
    np.testing.assert_allclose(network.utilities(wanted, cross, power)[0], expected, rtol=1e-12)
    tensors = [torch.as_tensor(x) for x in (wanted, cross)]
    given = torch.as_tensor(power).requires_grad_()
    paid = network.utilities(*tensors, given)
    np.testing.assert_allclose(paid.detach()[0], expected, rtol=1e-12)
    paid.sum().backward()
    assert given.grad is not None
    assert given.grad[0, 0] == 0  # more power would not pay
    assert given.grad[0, 1] > 0  # 0's interference does not matter to a capped rate
