"""Images with classes: Fashion-MNIST and CIFAR-10 from local files, scikit-learn's digits as their stand-in, and splits.

The files are read in their published formats (IDX; CIFAR-10's binary version) and verified by checksum and shape. Nothing
is ever downloaded. What comes from the stand-in says so in its name, which every output shows.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped
from numpy.typing import NDArray

from trainers.problems.logistic import Logistic
from trainers.problems.objective import NumpyArray
from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError
from wirelessenv.extras import missing
from wirelessenv.streams import stream

Labels = np.ndarray[tuple[Any, ...], np.dtype[np.intp]]
Dataset = Literal["fashion_mnist", "cifar10", "digits"]
Scaling = Literal["unit_pixels", "raw", "unit_norm", "standardised"]
"""Scalings of pixels; the paper gives none, and they decide who is ahead: see `scaled`."""

# MD5 sums of the unpacked bytes: Debian's package dataset-fashion-mnist has packed the published files anew, so that the sums
# which github.com/zalandoresearch/fashion-mnist gives of the .gz differ. CIFAR-10's is www.cs.toronto.edu/~kriz/cifar.html's.
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte.gz": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte.gz": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte.gz": "15d484375f8d13e6eb1aabb0c3f46965",
}
PACKAGED = Path("/usr/share/datasets/fashion-mnist")
"""Folder into which Debian's package dataset-fashion-mnist puts the files."""
CIFAR10 = {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}
CIFAR10_MEMBERS = [*(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)), "cifar-10-batches-bin/test_batch.bin"]


@dataclass(frozen=True)
class Images:
    """Images (N, channels, height, width), float32 in [0, 1], with classes 0 to 9; some are kept for testing."""

    name: str
    images: Float32[Floats, "rows channels height width"]
    labels: Int[Labels, " rows"]
    test_images: Float32[Floats, "test_rows channels height width"]
    test_labels: Int[Labels, " test_rows"]


def load(dataset: Dataset = "digits", folder: str | Path | None = None) -> Images:
    """Load a data set by name.

    fashion_mnist: 60000 + 10000 of 1 x 28 x 28; cifar10: 50000 + 10000 of 3 x 32 x 32; digits: 1437 + 360 of 1 x 8 x 8.

    Args:
        dataset: "fashion_mnist", "cifar10", or the stand-in "digits".
        folder: where the published files are; none: the folder of Debian's package for Fashion-MNIST where it is installed,
            else the working directory. The stand-in needs no files.

    Returns:
        Images with classes, for training and for testing; whoever asks again gets the same arrays, which nobody may change.

    Raises:
        ConfigError: where files are missing, damaged, or not what they should be; one sentence.
    """
    if dataset == "digits":
        return _digits()
    if dataset in ("fashion_mnist", "cifar10"):
        place = _place(dataset, folder)
        files = [place / name for name in (FASHION_MNIST if dataset == "fashion_mnist" else CIFAR10)]
        return _once(dataset, place, tuple(_stamp(file) for file in files))
    raise ConfigError(f'dataset: {dataset!r} is not valid: "fashion_mnist", "cifar10" or the stand-in "digits" is needed')


@lru_cache(maxsize=1)  # the runs of an experiment read 60000 images each, in 1.5 s
def _once(dataset: Dataset, place: Path, stamps: tuple[tuple[int, int] | None, ...]) -> Images:
    """Read the images of files that are as these stamps say."""
    if dataset == "fashion_mnist":
        return fashion_mnist(_read(dataset, place, FASHION_MNIST))
    return cifar10(_read(dataset, place, CIFAR10))


def _stamp(file: Path) -> tuple[int, int] | None:
    """Time of a file's last change, and its size; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def fashion_mnist_is_there(folder: str | Path | None = None) -> bool:
    """True where `load` finds all files of Fashion-MNIST; their contents are not looked at."""
    return not _missing(_place("fashion_mnist", folder), FASHION_MNIST)


def _place(dataset: str, folder: str | Path | None) -> Path:
    """The folder itself, or where files are looked for by default."""
    if folder is None:
        return PACKAGED if dataset == "fashion_mnist" and PACKAGED.is_dir() else Path()
    return Path(folder)


def _missing(place: Path, names: Iterable[str]) -> list[str]:
    return [name for name in names if not (place / name).is_file()]


def _unpacked(content: bytes) -> bytes:
    """The bytes in a .gz, or none where it is damaged."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return b""


def _read(dataset: str, folder: str | Path | None, sums: Mapping[str, str]) -> dict[str, bytes]:
    """The files' contents, once all of them are there and have the right checksums; those of .gz are of what is in them."""
    place = _place(dataset, folder)
    missing = _missing(place, sums)
    if missing:
        raise ConfigError(
            f"folder: {place} lacks {', '.join(missing)}: put the published files of {dataset} there, "
            "or use the stand-in with dataset: digits"
        )
    contents = {name: (place / name).read_bytes() for name in sums}
    for name, content in contents.items():
        summed, of = (content, "") if name.endswith(".tar.gz") else (_unpacked(content), " of the unpacked bytes")
        found = hashlib.md5(summed, usedforsecurity=False).hexdigest()
        if found != sums[name]:
            raise ConfigError(f"folder: {place / name} is damaged: its MD5 sum{of} is {found} and should be {sums[name]}")
    return contents


def read_idx(name: str, content: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read a gzipped IDX file: two zeros, type 8 (bytes), the number of axes, each length in 4 bytes, then the numbers.

    Args:
        name: of the file, for an error's sentence.
        content: of the file.
        shape: that the numbers must have.

    Returns:
        An array of that shape.

    Raises:
        ConfigError: where the file is another one.
    """
    raw = gzip.decompress(content)
    axes = len(shape)
    head = np.frombuffer(raw[4 : 4 + 4 * axes], ">u4").tolist()
    if raw[:4] != bytes([0, 0, 8, axes]) or tuple(head) != shape or len(raw) != 4 + 4 * axes + int(np.prod(shape)):
        raise ConfigError(f"folder: {name} is not valid: an IDX file of bytes of shape {shape} is needed")
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def fashion_mnist(contents: Mapping[str, bytes], samples: tuple[int, int] = (60000, 10000), side: int = 28) -> Images:
    """Read Fashion-MNIST from the contents of its four files.

    Args:
        contents: bytes by file name.
        samples: numbers of images for training and for testing.
        side: height and width of an image, in pixels.

    Returns:
        The images with their classes.

    Raises:
        ConfigError: where a file does not hold these images.
    """
    parts: list[NDArray[Any]] = []
    for prefix, count in zip(("train", "t10k"), samples, strict=True):
        images, labels = f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"
        pixels = read_idx(images, contents[images], (count, side, side))
        parts += [_scaled(pixels[:, None]), read_idx(labels, contents[labels], (count,)).astype(np.intp)]
    return Images("Fashion-MNIST", *parts)


def cifar10(contents: Mapping[str, bytes], batch: int = 10000) -> Images:
    """Read CIFAR-10 from its archive: files of rows, each a byte of class and 3 x 32 x 32 bytes, red, green, blue.

    Args:
        contents: the archive's bytes by its name.
        batch: rows in a file.

    Returns:
        The images with their classes; the last file is for testing.

    Raises:
        ConfigError: where a file is missing or of another length.
    """
    ((name, content),) = contents.items()
    records = []
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in CIFAR10_MEMBERS:
            file = archive.extractfile(member) if member in archive.getnames() else None
            raw = b"" if file is None else file.read()
            if len(raw) != batch * 3073:
                raise ConfigError(f"folder: {member} in {name} is not valid: {batch} rows of 3073 bytes are needed")
            records.append(np.frombuffer(raw, np.uint8).reshape(batch, 3073))
    train, test = np.concatenate(records[:-1]), records[-1]
    images = [_scaled(rows[:, 1:].reshape(-1, 3, 32, 32)) for rows in (train, test)]
    labels = [rows[:, 0].astype(np.intp) for rows in (train, test)]
    return Images("CIFAR-10", images[0], labels[0], images[1], labels[1])


def _scaled(pixels: Shaped[NumpyArray, "*shape"], largest: float = 255.0) -> Float32[Floats, "*shape"]:
    return pixels.astype(np.float32) / np.float32(largest)


def _digits() -> Images:
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415  # half a second, and only the stand-in needs it
    except ModuleNotFoundError:
        raise ConfigError(missing("dataset: digits", "sklearn", "train")) from None
    found = load_digits()
    images, labels = _scaled(found.images[:, None], 16.0), found.target.astype(np.intp)
    order = stream(0, "digits").permutation(len(labels))
    images, labels = images[order], labels[order]
    return Images("digits (stand-in, scikit-learn)", images[360:], labels[360:], images[:360], labels[:360])


def odd_against_even(labels: Int[Labels, " rows"]) -> Float32[Floats, " rows"]:
    """Labels b = 1 for odd classes, -1 for even ones, float32."""
    return np.where(labels % 2 == 1, 1, -1).astype(np.float32)


def dirichlet_split(
    labels: Int[Labels, " rows"], clients: int, alpha: float, rng: np.random.Generator
) -> list[Int[Labels, " share"]]:
    """Split rows among clients, each with its own proportions of the classes (Hsu et al., 2019).

    A client draws its proportions q ~ Dirichlet(alpha p), p the classes' shares of all rows, and takes N // n rows so, without
    replacement. Where a class runs out, the client draws q anew over the classes that are left. Rows are drawn per client,
    not per class, so that nobody is left without any as alpha tends to 0.

    Args:
        labels: the class of each row, (N,).
        clients: n.
        alpha: concentration, above 0: the smaller, the more clients differ.
        rng: stream of the draws.

    Returns:
        The numbers of each client's rows, n arrays (N // n,).

    Raises:
        ConfigError: where alpha is not above 0, or there are fewer rows than clients.
    """
    share = len(labels) // clients
    if share == 0 or not alpha > 0:
        raise ConfigError(f"alpha: {alpha} is not valid for {clients} clients and {len(labels)} rows: alpha > 0, a row each")
    classes, counts = np.unique(labels, return_counts=True)
    piles = [rng.permutation(np.flatnonzero(labels == one)) for one in classes]
    prior, left = counts / len(labels), counts.copy()
    rows = []
    for _ in range(clients):
        own: list[Labels] = []
        while (wanted := share - sum(map(len, own))) > 0:
            some = np.flatnonzero(left)
            proportions = rng.dirichlet(alpha * prior[some])
            taken = np.minimum(rng.multinomial(wanted, proportions), left[some])
            for one, count in zip(some, taken, strict=True):
                own.append(piles[one][left[one] - count : left[one]])
                left[one] -= count
        rows.append(np.concatenate(own))
    return rows


def scaled(
    pixels: Float[NumpyArray, "rows d"], scaling: Scaling, kept: Int[Labels, " kept"] | None = None
) -> Float[NumpyArray, "rows d"]:
    """Rows of pixels, scaled in one of four ways.

    unit_pixels   as they are loaded, each in [0, 1]
    raw           times 255: whole numbers, as the published files have them (of the digits: times 255, too)
    unit_norm     each image divided by its Euclidean norm; one of zeros stays
    standardised  each pixel minus its mean over images, divided by its standard deviation; a constant one becomes 0

    Args:
        pixels: in [0, 1], (N, d).
        scaling: which.
        kept: the rows whose mean and standard deviation count, all where not given.

    Returns:
        (N, d), of the type of the pixels.

    Raises:
        ConfigError: for a scaling that does not exist.
    """
    if scaling == "unit_pixels":
        return pixels
    if scaling == "raw":
        return np.asarray(pixels * pixels.dtype.type(255))
    if scaling == "unit_norm":
        norms = np.linalg.norm(pixels, axis=1, keepdims=True)
        return np.asarray(pixels / np.where(norms > 0, norms, 1))
    if scaling == "standardised":
        known = (pixels if kept is None else pixels[kept]).astype(np.float64)
        mean, spread = known.mean(0), known.std(0)
        return np.asarray((pixels - mean) / np.where(spread > 0, spread, np.inf), pixels.dtype)
    raise ConfigError(f"scaling: {scaling!r} is not valid: it should be one of {', '.join(get_args(Scaling))}")


def image_logistic(
    data: Images,
    *,
    clients: int = 64,
    alpha: float = 0.1,
    batch: int = 32,
    weight: float = 0.05,
    scaling: Scaling = "unit_pixels",
    seed: int = 0,
) -> Logistic:
    """Logistic regression of odd against even classes, with the non-convex regulariser: Gao et al. (2025), Appendix D.2.

    Of the training rows 20 % are held out for validation, the rest is split by `dirichlet_split` over all classes.

    Args:
        data: images with their classes.
        clients: n.
        alpha: concentration of the split.
        batch: rows in a sample.
        weight: rho, of the regulariser.
        scaling: of the pixels; "standardised" uses means and deviations of the rows that are not held out.
        seed: of the split and of the rows held out.

    Returns:
        The objective, of x in R^pixels.

    Raises:
        ConfigError: where a number is not valid.
    """
    order = stream(seed, "validation").permutation(len(data.labels))
    held, kept = np.split(order, [len(order) // 5])
    pixels = scaled(data.images.reshape(len(data.images), -1), scaling, kept)
    signs = odd_against_even(data.labels)
    shares = dirichlet_split(data.labels[kept], clients, alpha, stream(seed, "split"))
    return Logistic(
        pixels[kept],
        signs[kept],
        shares,
        batch=batch,
        regulariser="nonconvex",
        weight=weight,
        held_out=(pixels[held], signs[held]),
    )
