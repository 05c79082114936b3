"""Image files in their published formats, what is said when they are missing or damaged, the stand-in, and the split."""

import gzip
import hashlib
import io
import statistics
import sys
import tarfile

import numpy as np
import pytest

from trainers.algorithms.async_bc import AsyncBC
from trainers.experiments.problem_settings import ImageLogisticSettings
from trainers.problems import images
from trainers.problems.images import (
    cifar10,
    dirichlet_split,
    fashion_mnist,
    image_logistic,
    load,
    odd_against_even,
    read_idx,
    scaled,
)
from wirelessenv import ConfigError


def idx(array):
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


@pytest.fixture
def small_fashion():
    rng = np.random.default_rng(0)
    arrays = {}
    for prefix, count in (("train", 6), ("t10k", 3)):
        arrays[f"{prefix}-images-idx3-ubyte.gz"] = rng.integers(0, 256, (count, 4, 4), dtype=np.uint8)
        arrays[f"{prefix}-labels-idx1-ubyte.gz"] = rng.integers(0, 10, count, dtype=np.uint8)
    return arrays


def test_idx_files_are_read(small_fashion):
    found = fashion_mnist({name: idx(array) for name, array in small_fashion.items()}, (6, 3), 4)
    assert found.images.shape == (6, 1, 4, 4)
    assert found.images.dtype == np.float32
    np.testing.assert_allclose(found.images[:, 0] * 255, small_fashion["train-images-idx3-ubyte.gz"], rtol=1e-6)
    np.testing.assert_array_equal(found.test_labels, small_fashion["t10k-labels-idx1-ubyte.gz"])


@pytest.mark.parametrize("damage", ["shape", "type", "short"])
def test_idx_files_of_another_shape_are_refused(damage):
    raw = bytearray(gzip.decompress(idx(np.zeros((3, 4, 4), np.uint8))))
    if damage == "type":
        raw[2] = 9
    if damage == "short":
        raw = raw[:-1]
    with pytest.raises(ConfigError, match="t10k is not valid"):
        read_idx("t10k", gzip.compress(bytes(raw)), (4, 4, 4) if damage == "shape" else (3, 4, 4))


def archive(records):
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, content in records.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def test_the_binary_version_of_cifar_10_is_read():
    rng = np.random.default_rng(1)
    rows = {name: rng.integers(0, 10, (2, 3073), dtype=np.uint8) for name in images.CIFAR10_MEMBERS}
    packed = archive({name: array.tobytes() for name, array in rows.items()})
    found = cifar10({"cifar-10-binary.tar.gz": packed}, batch=2)
    assert found.images.shape == (10, 3, 32, 32)
    last = rows["cifar-10-batches-bin/test_batch.bin"]
    np.testing.assert_array_equal(found.test_labels, last[:, 0])
    assert found.test_images[1, 2, 5, 7] * 255 == pytest.approx(last[1, 1 + 2 * 1024 + 5 * 32 + 7])  # blue, row 5, column 7
    del rows["cifar-10-batches-bin/data_batch_4.bin"]
    with pytest.raises(ConfigError, match="data_batch_4"):
        cifar10({"x": archive({name: array.tobytes() for name, array in rows.items()})}, batch=2)


def test_missing_files_folder_and_stand_in_are_named(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"x")
    with pytest.raises(ConfigError) as error:
        load("fashion_mnist", tmp_path)
    said = str(error.value)
    assert str(tmp_path) in said
    assert "train-images" not in said  # it is there
    assert all(f"{name}-ubyte.gz" in said for name in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"))
    assert "dataset: digits" in said
    with pytest.raises(ConfigError, match="cifar-10-binary"):
        load("cifar10", tmp_path)
    with pytest.raises(ConfigError, match="mnist"):
        load("mnist", tmp_path)


def test_checksums_are_verified(tmp_path, monkeypatch, small_fashion):
    contents = {name: idx(array) for name, array in small_fashion.items()}
    sums = {
        name: hashlib.md5(gzip.decompress(content), usedforsecurity=False).hexdigest() for name, content in contents.items()
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(images, "FASHION_MNIST", sums)
    with pytest.raises(ConfigError, match=r"\(60000, 28, 28\)"):  # the sums agree, the shapes do not
        load("fashion_mnist", tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(contents["t10k-labels-idx1-ubyte.gz"] + b"x")
    with pytest.raises(ConfigError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        load("fashion_mnist", tmp_path)
    changed = gzip.decompress(contents["t10k-labels-idx1-ubyte.gz"])[:-1] + b"x"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(changed))
    with pytest.raises(ConfigError, match=r"MD5 sum of the unpacked bytes"):
        load("fashion_mnist", tmp_path)


def test_files_packed_anew_are_the_same(tmp_path, monkeypatch, small_fashion):
    """Whatever a packer writes into the header, and however hard it packs."""
    contents = {name: gzip.decompress(idx(array)) for name, array in small_fashion.items()}
    sums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(images, "FASHION_MNIST", sums)
    for level in (1, 9):
        for name, content in contents.items():
            (tmp_path / name).write_bytes(gzip.compress(content, level, mtime=level))
        with pytest.raises(ConfigError, match=r"\(60000, 28, 28\)"):  # the sums agree, the shapes do not
            load("fashion_mnist", tmp_path)


def test_the_folder_of_the_package_is_the_default_and_the_stand_in_what_is_left(tmp_path, monkeypatch, small_fashion):
    monkeypatch.setattr(images, "PACKAGED", tmp_path)
    wanted = {"kind": "image_logistic", "dataset": "fashion_mnist_or_digits"}
    found = ImageLogisticSettings.parse(wanted)
    assert (found.dataset, found.stand_in) == ("digits", "on the stand-in digits")
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load("fashion_mnist")
    for name, array in small_fashion.items():
        (tmp_path / name).write_bytes(idx(array))
    found = ImageLogisticSettings.parse(wanted)
    assert (found.dataset, found.stand_in) == ("fashion_mnist", "")
    assert ImageLogisticSettings.parse({**wanted, "folder": str(tmp_path / "no")}).dataset == "digits"


@pytest.mark.skipif(not images.fashion_mnist_is_there(), reason="the package dataset-fashion-mnist is not installed")
def test_the_files_of_the_package_are_fashion_mnist():
    """As its publishers describe it: 6000 images of each class for training, 1000 for testing, means 0.2860 of pixels."""
    found = load("fashion_mnist")
    np.testing.assert_array_equal(np.bincount(found.labels), [6000] * 10)
    np.testing.assert_array_equal(np.bincount(found.test_labels), [1000] * 10)
    assert found.images.mean(dtype=float) == pytest.approx(0.2860, abs=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_are_scaled_as_asked(dtype):
    pixels = np.random.default_rng(0).random((6, 4)).astype(dtype)
    pixels[2], pixels[:, 1] = 0, 0.0
    kept = np.array([0, 1, 3])
    assert scaled(pixels, "unit_pixels") is pixels
    np.testing.assert_allclose(scaled(pixels, "raw") / 255, pixels, rtol=1e-6)
    lengths = [sum(float(value) ** 2 for value in row) for row in scaled(pixels, "unit_norm")]
    np.testing.assert_allclose(lengths, [1, 1, 0, 1, 1, 1], rtol=1e-6)
    standard = scaled(pixels, "standardised", kept)
    assert standard.dtype == dtype
    np.testing.assert_array_equal(standard[:, 1], 0)
    for column in (0, 2, 3):
        values = [float(pixels[row, column]) for row in kept]
        expected = (float(pixels[5, column]) - statistics.fmean(values)) / statistics.pstdev(values)
        assert standard[5, column] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ConfigError, match="scaling"):
        scaled(pixels, "none")


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return load("digits")


def test_the_stand_in_says_what_it_is(digits):
    assert "stand-in" in digits.name
    assert digits.images.shape == (1437, 1, 8, 8)
    assert digits.test_images.shape == (360, 1, 8, 8)
    assert digits.images.min() == 0
    assert digits.images.max() == 1
    assert set(digits.labels) == set(range(10))


def test_a_machine_without_scikit_learn_is_told_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ConfigError, match="dataset: digits needs scikit-learn, which is not installed"):
        load("digits")


def test_odd_classes_are_one():
    np.testing.assert_array_equal(odd_against_even(np.arange(4)), [-1, 1, -1, 1])


@pytest.mark.parametrize("alpha", [100.0, 0.1, 0.001])
def test_every_client_gets_as_many_rows_and_no_row_twice(alpha):
    labels = np.repeat(np.arange(10), 130)
    rows = dirichlet_split(labels, 64, alpha, np.random.default_rng(0))
    assert [len(own) for own in rows] == [1300 // 64] * 64
    assert len(np.unique(np.concatenate(rows))) == 64 * (1300 // 64)


def test_smaller_alpha_means_fewer_classes_to_a_client():
    """At large alpha the shares are those of a multinomial, at small ones a client has one class, or two where one ran out."""
    labels = np.repeat(np.arange(10), 600)

    def classes(alpha):
        rows = dirichlet_split(labels, 64, alpha, np.random.default_rng(1))
        return np.mean([len(np.unique(labels[own])) for own in rows[:32]])  # the last clients take what is left

    found = [classes(alpha) for alpha in (1e4, 1.0, 0.1, 0.001)]
    assert found[0] == pytest.approx(10 * (1 - 0.9**93), abs=0.1)  # 93 rows each, nearly uniform
    assert found == sorted(found, reverse=True)
    assert found[-1] < 1.3


def test_proportions_have_the_law_of_the_dirichlet():
    """E q_c^2 of Dirichlet(alpha p) is (alpha p + 1) / (10 (alpha + 1)); from few rows of plenty, corrected for counting."""
    labels, alpha, share, squares = np.repeat(np.arange(10), 4000), 2.0, 100, []
    for seed in range(15):
        for own in dirichlet_split(labels, 400, alpha, np.random.default_rng(seed))[:40]:  # before any class runs out
            counts = np.bincount(labels[own], minlength=10)
            squares.append((counts * (counts - 1)).sum() / (share * (share - 1)))
    expected = (alpha / 10 + 1) / (alpha + 1)
    assert abs(np.mean(squares) - expected) < 4 * np.std(squares) / np.sqrt(len(squares))


def test_asyncbc_learns_odd_against_even_on_the_stand_in(digits):
    """Whatever alpha: more than 8 in 10 of the validation rows, where the larger class has 5."""
    for alpha in (1.0, 0.01):
        problem = image_logistic(digits, clients=16, alpha=alpha, weight=0.001, seed=1)
        learner = AsyncBC(problem, {"computing": {"kind": "linear", "slowest": 50}}, step_size=0.05).learn(3000)
        assert learner.measures()["accuracy"].item() > 0.8


def test_alpha_and_clients_have_to_fit():
    with pytest.raises(ConfigError, match="alpha"):
        dirichlet_split(np.zeros(10, int), 11, 0.1, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="alpha"):
        dirichlet_split(np.zeros(10, int), 2, 0.0, np.random.default_rng(0))
