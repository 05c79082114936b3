"""Arrays in files of other programs: numpy's .npy and .npz, text, MATLAB's .mat and HDF5."""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import ConfigError
from wirelessenv.extras import missing

Numbers = NDArray[np.generic]
USUAL = "gain"
"""The variable that is read where none is named and a file holds several."""


def read_array(path: str, content: bytes, variable: str | None = None) -> Numbers:
    """The array of a file's content; nothing in it is ever run.

    Args:
        path: of the file, whose suffix says how it is read.
        content: of the file.
        variable: name of the array in a file of several; None: "gain", or the only one.

    Returns:
        The array, as it is.

    Raises:
        ConfigError: for what cannot be read, naming the variables that are there.
    """
    read = FORMATS[Path(path).suffix.lower()]
    try:
        return read(content, variable)
    except (_RefusedError, ConfigError) as error:
        raise ConfigError(f"gains.path: {path}: {error}") from None
    except Exception as error:  # a damaged archive raises whatever zipfile, zlib, numpy, scipy or h5py may
        raise ConfigError(f"gains.path: {path}: cannot be read ({' '.join(str(error).split())})") from None


class _RefusedError(Exception):
    """A sentence about a file, without its name."""


def _chosen(variable: str | None, there: Iterable[str]) -> str:
    names = sorted(there)
    if variable is None and (len(names) == 1 or USUAL in names):
        return names[0] if len(names) == 1 else USUAL
    if variable in names:
        return str(variable)
    held = ", ".join(names) or "none"
    if variable is None:
        raise _RefusedError(f'should hold an array "gain", or one array alone, and holds {held}; name one as variable')
    raise _RefusedError(f'variable: "{variable}" is not there; it holds {held}')


def _alone(variable: str | None) -> None:
    if variable is not None:
        raise _RefusedError(f'variable: "{variable}" is not valid for a file that holds one array alone')


def _text(content: bytes, variable: str | None) -> Numbers:
    _alone(variable)
    right = (
        "it should hold one matrix of numbers, separated by commas, without a header or an index; a series needs .npy or .npz"
    )
    try:
        with warnings.catch_warnings(action="error"):  # an empty file is no more than a warning to numpy
            found = np.loadtxt(io.StringIO(content.decode("utf-8-sig")), delimiter=",", ndmin=2)
    except ValueError as error:
        raise _RefusedError(f"cannot be read ({str(error)[:80]}): {right}") from None
    if found.shape[1] > 1 and (found[0] == np.arange(found.shape[1])).all():
        raise _RefusedError(f"begins with a header 0, 1, 2, ...: {right}")
    return found


def _npy(content: bytes, variable: str | None) -> Numbers:
    _alone(variable)
    return np.asarray(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))


def _npz(content: bytes, variable: str | None) -> Numbers:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise _RefusedError("cannot be read (it is not what numpy.savez writes)")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return np.asarray(arrays[_chosen(variable, arrays)])


def _matlab(content: bytes, variable: str | None) -> Numbers:
    if content[:10] == b"MATLAB 7.3":
        return _hdf5(content, variable).T  # HDF5 whose axes MATLAB writes in the order in which it counts, last one first
    try:
        from scipy.io import loadmat, whosmat  # noqa: PLC0415  # the environment installs without scipy
    except ModuleNotFoundError:
        raise _RefusedError(f"cannot be read: {missing('a .mat file', 'scipy', 'train')}") from None
    name = _chosen(variable, (name for name, _, _ in whosmat(io.BytesIO(content))))
    found = loadmat(io.BytesIO(content), variable_names=[name])[name]
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)  # a sparse matrix is no array


def _hdf5(content: bytes, variable: str | None) -> Numbers:
    try:
        import h5py  # noqa: PLC0415  # an extra
    except ModuleNotFoundError:
        raise _RefusedError(f"cannot be read: {missing('an .h5 file, or a .mat file of 7.3,', 'h5py', 'hdf5')}") from None
    with h5py.File(io.BytesIO(content), "r") as file:
        there: list[str] = []
        file.visititems(lambda name, item: there.append(name) if isinstance(item, h5py.Dataset) and name[0] != "#" else None)
        found = np.asarray(file[_chosen(variable, there)])
    if found.dtype.names is not None and set(found.dtype.names) in (
        {"real", "imag"},
        {"r", "i"},
    ):  # as others write complex ones
        real, imaginary = ("real", "imag") if "real" in found.dtype.names else ("r", "i")
        return np.asarray(found[real] + 1j * found[imaginary])
    return found


FORMATS: dict[str, Callable[[bytes, str | None], Numbers]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".csv": _text,
    ".mat": _matlab,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
"""The reader of each kind of file, by its suffix."""
