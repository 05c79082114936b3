"""What users hand in as gains, powers, noise and options: taken as real numbers, or refused in one sentence.

These look at every value, so they stand where users call, not in inner loops. What is given is never changed.
"""

import math
import operator
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from wirelessenv.config import MOST, ConfigError
from wirelessenv.sentences import shown

SMALLEST, LARGEST = 1e-40, 1e40
"""Between these, whatever a unit may be, no product or square that anybody works out overflows."""
NOT_NEGATIVE = f"finite, and 0 or more (at most {LARGEST:g})"
POWER_GAINS = f"finite, and 0 or more, as power gains |h|^2 are (at most {LARGEST:g})"
ROUNDING = 1e-6
"""times the largest power may be too much: powers often come in single precision."""


def real(name: str, value: Any) -> Any:
    """Real numbers of 32 or 64 bits as a numpy array in the byte order of this machine, or a torch tensor."""
    if is_torch_array(value):
        return _real_tensor(name, value)
    if np.ma.is_masked(value):
        raise ConfigError(f"{name}: masked entries are not valid: every entry should be a number")
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever the objects of other libraries raise, and lists of unequal lengths
        said = " ".join(str(error).split())[:120]
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be an array of numbers ({said})") from None
    if array.dtype.kind not in "fiu":
        raise _wrong_type(name, array.dtype)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # what a long double holds beyond is infinite, and refused as such
            return array.astype(float)
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array.astype(array.dtype.newbyteorder("="), copy=False)


def _real_tensor(name: str, value: Any) -> Any:
    import torch  # noqa: PLC0415  # who has a tensor has it, others need not

    if value.is_meta:
        raise ConfigError(f"{name}: a tensor on the device meta is not valid: it holds no numbers")
    if value.is_complex() or value.dtype == torch.bool or value.is_quantized or value.layout != torch.strided:
        kind = value.dtype if value.layout == torch.strided else f"{value.dtype}, {value.layout}"
        raise _wrong_type(name, kind)
    if not value.is_floating_point():
        return value.to(torch.float64)
    return value.to(torch.float32) if value.element_size() < 4 else value


def _wrong_type(name: str, kind: Any) -> ConfigError:
    return ConfigError(f"{name}: values of the type {kind} are not valid: they should be real numbers")


def numbers(name: str, value: Any, *, double: bool = True) -> Any:
    """`real` numbers as a numpy array, also of a torch tensor; in double precision unless told otherwise."""
    array = real(name, value)
    if is_torch_array(array):
        if array.requires_grad:
            raise ConfigError(f"{name}: a tensor that requires a gradient is not valid: none comes back; detach() it")
        array = array.cpu().numpy()
    return array.astype(float, copy=False) if double else array


def alike(**given: Any) -> list[Any]:
    """`real` numbers of several arrays, all numpy, or all tensors of one type and place where one of them is a tensor."""
    arrays = [real(name, value) for name, value in given.items()]
    tensors = [array for array in arrays if is_torch_array(array)]
    if not tensors:
        return arrays
    import torch  # noqa: PLC0415  # who has a tensor has it, others need not

    where = next((tensor.device for tensor in tensors if tensor.device.type != "cpu"), tensors[0].device)
    kinds = {torch.as_tensor(array).dtype for array in arrays}
    widest = torch.float64 if torch.float64 in kinds else torch.float32
    return [torch.as_tensor(array).to(where, widest) for array in arrays]


def within(name: str, array: Any, least: float, most: float, right: str) -> None:
    """Raises ConfigError, which says what would be `right`, where a value of a real array is not in [least, most]."""
    if not math.prod(array.shape):
        return
    array = array.detach() if is_torch_array(array) else array
    xp = array_namespace(array)
    try:
        with np.errstate(invalid="ignore"):
            fine = float(xp.min(array)) >= least and float(xp.max(array)) <= most  # not so where one is NaN
    except RuntimeError:  # under a transformation of torch.func there are no values yet
        return
    if fine:
        return
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.asarray(array.cpu() if is_torch_array(array) else array, float)
        wrong = ~((values >= least) & (values <= most))
    place = tuple(int(index) for index in np.argwhere(wrong)[0])
    at = f" at [{', '.join(map(str, place))}]" if place else ""
    raise ConfigError(f"{name}: {float(values[place])!r}{at} is not valid: it should be {right}")


def shaped(name: str, array: Any, axes: str = "(..., m, m), [receiver, transmitter]", fewest: int = 2) -> int:
    """The m of a real array of the shape of gains; raises ConfigError where it has another shape."""
    shape = tuple(array.shape)
    if len(shape) < fewest or shape[-1] != shape[-2] or not shape[-1]:
        raise ConfigError(f"{name}: the shape {shape} is not valid: it should be {axes}")
    return int(shape[-1])


def gains(name: str, array: Any, axes: str = "(..., m, m), [receiver, transmitter]", fewest: int = 2) -> None:
    """Raises ConfigError where a real array holds no power gains of m >= 1 pairs."""
    shaped(name, array, axes, fewest)
    within(name, array, 0, LARGEST, POWER_GAINS)


def powers(name: str, array: Any, agents: int, most: float | None = None) -> None:
    """Raises ConfigError where a real array holds no powers (..., m), none above `most` where there is such a limit."""
    shape = tuple(array.shape)
    if not shape or shape[-1] != agents:
        raise ConfigError(f"{name}: the shape {shape} is not valid: it should be (..., m), and m is {agents}")
    if most is None:
        within(name, array, 0, LARGEST, NOT_NEGATIVE)
    else:
        within(name, array, 0, most * (1 + ROUNDING), f"in [0, {most:g}]")


def positive(name: str, array: Any) -> None:
    """Raises ConfigError where a real array, as of noise or largest powers, holds what is not above 0."""
    within(name, array, SMALLEST, LARGEST, f"finite, and above 0 ({SMALLEST:g} to {LARGEST:g})")


def weights(name: str, array: Any) -> None:
    """Raises ConfigError where a real array holds what are no weights."""
    within(name, array, 0, LARGEST, NOT_NEGATIVE)


def fits(name: str, array: Any, others: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The shape that `array` and `others` broadcast to; ConfigError, which says what `others` are of, where they do not."""
    try:
        return np.broadcast_shapes(tuple(array.shape), others)
    except ValueError:
        raise ConfigError(f"{name}: the shape {tuple(array.shape)} is not valid for {what}") from None


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number from `least` to MOST."""
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if isinstance(value, bool | np.bool_) or not least <= found <= MOST:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a whole number, {least} or more, at most {MOST}")
    return found


def number(name: str, value: Any, *, above: bool = True, finite: bool = True) -> float:
    """One real number, above 0, or 0 or more; infinity, too, where it means no limit."""
    array = numbers(name, value)
    if array.ndim or not (array > 0 if above else array >= 0) or (finite and np.isinf(array)):
        bound = "above 0" if above else "0 or more"
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a {'finite ' if finite else ''}number, {bound}")
    return float(array)
