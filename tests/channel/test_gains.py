"""Gains from anywhere: arrays, files of other programs, units, axes, base stations, layouts, and what is held out."""

import copy
import gc
import pickle
import sys

import numpy as np
import pytest
from scipy import sparse
from scipy.io import savemat

from wirelessenv import ConfigError, Scenario, WirelessNetwork
from wirelessenv.channel.gains import ELSEWHERE, Gains

RNG = np.random.default_rng(3)
H = RNG.normal(size=(5, 4, 4)) + 1j * RNG.normal(size=(5, 4, 4))
POWER = np.abs(H) ** 2


def played(gains, slots=5, seed=(0,), **options):
    """Gains of the first slots, (runs, slots, m, m)."""
    return WirelessNetwork(Scenario(gains=gains, **options), seed=seed).block(slots).gain


@pytest.mark.parametrize(
    ("values", "unit"),
    [(POWER, "power"), (POWER, "linear"), (10 * np.log10(POWER), "db"), (np.abs(H), "amplitude"), (H, "complex")],
)
def test_units_are_powers(values, unit):
    np.testing.assert_allclose(played({"array": values, "unit": unit})[0], POWER, rtol=1e-5)


def test_an_array_is_a_scenario_of_its_size_without_fading_and_geometry():
    scenario = Scenario(gains=POWER)
    kinds = [getattr(scenario, part).kind for part in ("fading", "placement", "path_loss", "shadowing", "mobility")]
    assert (scenario.transmitters, kinds) == (4, ["none"] * 5)
    np.testing.assert_allclose(played(POWER.tolist())[0], POWER, rtol=1e-6)
    asked_for = Scenario(gains=POWER, fading="rayleigh", preset="dense")
    assert (asked_for.fading.kind, asked_for.max_power) == ("rayleigh", 10.0)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.mat", "a.h5"])
def test_files_hold_what_they_hold(tmp_path, name):
    path = tmp_path / name
    if name.endswith(".npy"):
        np.save(path, H)
    elif name.endswith(".npz"):
        np.savez(path, first=H, other=POWER)
    elif name.endswith(".mat"):
        savemat(path, {"first": H, "other": POWER})
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["first"], file["deep/other"] = H, POWER
    options = {} if name.endswith(".npy") else {"variable": "first"}
    np.testing.assert_allclose(played({"path": path, "unit": "complex", **options})[0], POWER, rtol=1e-5)
    if options:
        there = "deep/other, first" if name.endswith(".h5") else "first, other"
        for wrong in ({"variable": "second"}, {}):
            with pytest.raises(ConfigError, match=f"holds {there}"):
                Scenario(gains={"path": path, **wrong})


def test_without_a_library_its_file_is_one_sentence(tmp_path, monkeypatch):
    for name, library, extra in (("a.mat", "scipy.io", "train"), ("a.h5", "h5py", "hdf5")):
        (tmp_path / name).write_bytes(b"MATLAB 5.0")
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ConfigError, match=rf"cannot be read: .* pip install 'wirelessenv\[{extra}\]'"):
            Scenario(gains=str(tmp_path / name))
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file")
    with pytest.raises(ConfigError, match=r"a .mat file of 7.3, needs h5py"):
        Scenario(gains=str(tmp_path / "a.mat"))


def test_a_mat_file_of_version_7_3_is_hdf5_with_its_axes_the_other_way_round(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        whole = np.empty(H.T.shape, [("real", float), ("imag", float)])
        whole["real"], whole["imag"] = H.T.real, H.T.imag
        file["h"], file["#refs#/a"] = whole, np.zeros(2)  # MATLAB's own group of what cells hold is no variable
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    np.testing.assert_allclose(played({"path": path, "unit": "complex"})[0], POWER, rtol=1e-5)
    with pytest.raises(ConfigError, match=r"it holds h$"):
        Scenario(gains={"path": path, "variable": "second"})


def test_a_sparse_matrix_is_the_matrix_that_it_is(tmp_path):
    savemat(tmp_path / "a.mat", {"gain": sparse.csc_matrix(POWER[0])})
    np.testing.assert_allclose(played(tmp_path / "a.mat", slots=1)[0, 0], POWER[0], rtol=1e-5)


@pytest.mark.parametrize("whole", [False, True])
def test_tensors_are_arrays(whole):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(POWER)
    np.testing.assert_allclose(played({"array": tensor} if whole else tensor)[0], POWER, rtol=1e-5)
    with pytest.raises(ConfigError, match=r"gains: array: .* it should hold numbers everywhere.*requires grad"):
        Scenario(gains=tensor.requires_grad_())


@pytest.mark.parametrize("size", [10, 500])  # the larger one is not looked at entry by entry on its way
def test_masked_gains_are_refused(size):
    with pytest.raises(ConfigError, match=r"it should hold numbers everywhere"):
        Scenario(gains=np.ma.masked_less(RNG.random((size, size)), 0.1))


@pytest.mark.parametrize("association", ["given", "nearest", [0, -1, 1], [0.5, 0, 1], [], ["0", 1, 0], 1, {"a": 1}])
def test_an_association_is_strongest_or_numbers(association):
    with pytest.raises(ConfigError, match=r'Gains.association: .* should be "strongest", or a list of whole numbers from 0'):
        Gains(path="a.npy", axes=["receivers", "transmitters"], association=association)


def test_axes_are_what_they_are_called():
    turned = POWER.transpose(2, 0, 1)  # transmitters, slots, receivers
    found = played({"array": turned, "axes": ["transmitters", "slots", "receivers"]})
    np.testing.assert_allclose(found[0], POWER, rtol=1e-6)
    static = played({"array": POWER, "axes": ["layouts", "receivers", "transmitters"]}, slots=2, seed=[0, 1, 6])
    np.testing.assert_allclose(static, POWER[[0, 1, 1], None].repeat(2, 1), rtol=1e-6)  # 6 is 1 of 5 layouts


@pytest.mark.parametrize("association", [None, "strongest", [2, 0, 1, 1, 2]])
def test_base_stations_that_receive_serve_the_strongest_or_whom_they_are_told(association):
    gain = RNG.exponential(size=(6, 3, 5))  # 3 base stations, 5 transmitters
    gains = {"array": gain, "axes": ["slots", "receivers", "transmitters"], "association": association}
    serving = gain.mean(0).argmax(0) if not isinstance(association, list) else association
    found = played(gains, slots=6)[0]
    for i in range(5):
        for j in range(5):
            np.testing.assert_allclose(found[:, i, j], gain[:, serving[i], j], rtol=1e-6)


def test_base_stations_that_send_have_a_link_for_each_receiver():
    gain = RNG.exponential(size=(2, 6, 5, 3))  # 5 users of 3 base stations, in 2 layouts
    found = played({"array": gain, "axes": ["layouts", "slots", "receivers", "transmitters"]}, slots=6, seed=[0, 1])
    for layout in range(2):
        sender = gain[layout].mean(0).argmax(1)
        for i in range(5):
            for j in range(5):
                np.testing.assert_allclose(found[layout, :, i, j], gain[layout, :, i, sender[j]], rtol=1e-6)


def test_what_is_held_out_is_never_played_but_for_evaluation():
    gain = np.arange(1.0, 41).reshape(4, 10, 1, 1) * np.ones((2, 2))
    scenario = Scenario(gains={"array": gain, "held_out": 0.5}, hops=1)
    for seed in (0, 1, 5, ELSEWHERE, ELSEWHERE + 1, 2 * ELSEWHERE + 7):
        network = WirelessNetwork(scenario, seed=seed)
        layout = 2 + seed % 2 if seed < ELSEWHERE else seed % 2
        slots = gain[layout, :, 0, 0]
        np.testing.assert_array_equal(network.block(7).gain[0, :, 0, 0], slots[[0, 1, 2, 3, 4, 0, 1]])
        np.testing.assert_array_equal(network.bank(3, "training").gain[0, :, 0, 0], slots[:3])
        first = 5 + (seed // 2 * 3) % 5
        np.testing.assert_array_equal(network.bank(3, "evaluation").gain[0, :, 0, 0], slots[5 + (first - 5 + np.arange(3)) % 5])
        np.testing.assert_allclose(network.layouts[0].mean_gain, slots[:5].mean())


def test_a_series_goes_on_from_a_saved_state_in_its_own_layout():
    scenario = Scenario(gains={"array": RNG.exponential(size=(3, 7, 2, 2)), "start": "random"})
    network = WirelessNetwork(scenario, seed=[0, 1, 2])
    network.block(4)
    state = network.state()
    other = WirelessNetwork(scenario, seed=[0, 1, 2])
    other.set_state(state)
    np.testing.assert_array_equal(other.block(9).gain, network.block(9).gain)


def test_an_array_travels_with_its_scenario():
    scenario = Scenario(gains={"array": POWER, "held_out": 0.2})
    for other in (copy.deepcopy(scenario), pickle.loads(pickle.dumps(scenario)), Scenario.parse(scenario.dump())):  # noqa: S301  # our own
        assert other == scenario
        np.testing.assert_allclose(WirelessNetwork(other).block(2).gain[0], POWER[:2], rtol=1e-6)
    dumped = scenario.dump()
    del scenario, other
    gc.collect()
    with pytest.raises(ConfigError, match=r"was an array in memory and is not there any more: write it with numpy.save"):
        Gains.parse(dumped["gains"]).load()


@pytest.mark.parametrize(
    ("gains", "options", "sentence"),
    [
        (POWER[:, :3], {}, r"the shape \(5, 3, 4\) is not valid: .* as in axes: \[receivers, transmitters\]"),
        ([[1.0, 2.0], [3.0]], {}, "array: is not valid: it should hold numbers everywhere, in rows of the same length"),
        (np.array([["a"]]), {}, "array: is not valid: it should hold numbers"),
        ({"array": POWER, "path": "a.npy"}, {}, "path: is not valid beside array"),
        (H, {}, 'holds complex128 values: gains should be real numbers, or unit "complex"'),
        ({"array": -POWER, "unit": "amplitude"}, {}, r"the gain at \[0, 0, 0\] is negative"),
        ({"array": H * np.nan, "unit": "complex"}, {}, r"the gain at \[0, 0, 0\] is NaN"),
        ({"array": POWER, "unit": "watts"}, {}, "gains.unit: 'watts' is not valid"),
        ({"array": POWER, "axes": ["slots", "rx", "tx"]}, {}, "gains.axes.1: 'rx' is not valid"),
        (
            {"array": POWER, "axes": ["slots", "receivers", "receivers"]},
            {},
            "it should name receivers, transmitters, bands, slots, layouts once",
        ),
        ({"array": POWER, "axes": ["receivers", "transmitters"]}, {}, "gains.axes names 2 axes"),
        (
            {"array": POWER, "association": [0, 1]},
            {},
            "gains.association: 2 numbers are not valid .* each of the 4 transmitters",
        ),
        ({"array": POWER, "association": [0, 1, 4, 1]}, {}, "gains.association: 4 is not valid: there are 4 receivers, from 0"),
        ({"array": POWER, "association": "strongest"}, {"fading": "rayleigh"}, "their links would fade apart"),
        ({"array": POWER, "held_out": 1.0}, {}, "gains.held_out: 1.0 is not valid"),
        (POWER, {"transmitters": 5}, "transmitters: 5 is not valid: the array holds the gains of 4 transmitters"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(gains, options, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        Scenario(gains=gains, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("0,1\n1,2\n3,4\n", "begins with a header"), ("a,b\n1,2\n", "without a header"), ("1;2\n3;4\n", "separated by commas")],
)
def test_a_table_holds_numbers_alone(tmp_path, text, said):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(ConfigError, match=said):
        Scenario(gains=tmp_path / "mine.csv", noise=1.0, max_power=1.0)
