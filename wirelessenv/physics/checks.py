"""Checks of gains, powers, noise and options from users: taken as real numbers, or refused in one sentence.

These look at every value, so they stand where users call, not in inner loops. What is given is never changed.
"""

import math
import operator
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from wirelessenv.config import MOST, ConfigError
from wirelessenv.per_agent import PerAgent
from wirelessenv.sentences import shown

SMALLEST, LARGEST = 1e-40, 1e40
"""Between these, whatever a unit may be, no product or square that anybody works out overflows."""
NOT_NEGATIVE = f"finite, and 0 or more (at most {LARGEST:g})"
POWER_GAINS = f"finite, and 0 or more, as power gains |h|^2 are (at most {LARGEST:g})"
ROUNDING = 1e-6
"""times the largest power may be too much: powers often come in single precision."""


def real(name: str, value: Any) -> Any:
    """Real numbers of 32 or 64 bits as a numpy array in the byte order of this machine, or a torch tensor.

    Args:
        name: the argument, as a sentence names it.
        value: a number, list, numpy array or torch tensor, of any shape.

    Returns:
        An array of the same shape.

    Raises:
        ConfigError: where it holds anything but real numbers.
    """
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
    """`real` numbers as a numpy array, also of a torch tensor.

    Args:
        name: the argument, as a sentence names it.
        value: a number, list, numpy array or torch tensor, of any shape.
        double: in double precision; else in that which it has.

    Returns:
        A numpy array of the same shape.

    Raises:
        ConfigError: where it holds anything but real numbers, or requires a gradient.
    """
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
    """Check that all values of a real array are in [least, most].

    Args:
        name: the argument, as a sentence names it.
        array: a numpy array or torch tensor, of any shape.
        least: the smallest value that is allowed.
        most: the largest one.
        right: the allowed values, in words.

    Raises:
        ConfigError: where a value is outside, or NaN.
    """
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
    """The number m of agents of an array of the shape of gains.

    Args:
        name: the argument, as a sentence names it.
        array: a numpy array or torch tensor, (..., m, m).
        axes: the right shape, in words.
        fewest: the smallest number of axes.

    Returns:
        The number m, at least 1.

    Raises:
        ConfigError: where it has another shape.
    """
    shape = tuple(array.shape)
    if len(shape) < fewest or shape[-1] != shape[-2] or not shape[-1]:
        raise ConfigError(f"{name}: the shape {shape} is not valid: it should be {axes}")
    return int(shape[-1])


def gains(name: str, array: Any, axes: str = "(..., m, m), [receiver, transmitter]", fewest: int = 2) -> None:
    """Check that a real array holds power gains of m >= 1 pairs.

    Args:
        name: the argument, as a sentence names it.
        array: gains |h|^2, linear, (..., m, m).
        axes: the right shape, in words.
        fewest: the smallest number of axes.

    Raises:
        ConfigError: where it does not.
    """
    shaped(name, array, axes, fewest)
    within(name, array, 0, LARGEST, POWER_GAINS)


def powers(name: str, array: Any, agents: int, most: PerAgent | None = None) -> None:
    """Check that a real array holds powers of all agents.

    Args:
        name: the argument, as a sentence names it.
        array: powers, (..., m).
        agents: the number m.
        most: the largest power that is allowed, of all agents, or (m,); None: any.

    Raises:
        ConfigError: where it does not.
    """
    shape = tuple(array.shape)
    if not shape or shape[-1] != agents:
        raise ConfigError(f"{name}: the shape {shape} is not valid: it should be (..., m), and m is {agents}")
    if most is None:
        within(name, array, 0, LARGEST, NOT_NEGATIVE)
    elif isinstance(most, np.ndarray):
        for agent, own in enumerate(most.tolist()):
            within(f"{name} of agent {agent}", array[..., agent], 0, own * (1 + ROUNDING), f"in [0, {own:g}]")
    else:
        within(name, array, 0, most * (1 + ROUNDING), f"in [0, {most:g}]")


def positive(name: str, array: Any) -> None:
    """Check that all values of a real array, as of noise or largest powers, are above 0.

    Args:
        name: the argument, as a sentence names it.
        array: powers, of any shape.

    Raises:
        ConfigError: where one is not.
    """
    within(name, array, SMALLEST, LARGEST, f"finite, and above 0 ({SMALLEST:g} to {LARGEST:g})")


def weights(name: str, array: Any) -> None:
    """Check that a real array holds weights: finite numbers, 0 or more.

    Args:
        name: the argument, as a sentence names it.
        array: weights, of any shape.

    Raises:
        ConfigError: where one is not.
    """
    within(name, array, 0, LARGEST, NOT_NEGATIVE)


def fits(name: str, array: Any, others: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The shape that an array and others broadcast to.

    Args:
        name: the argument, as a sentence names it.
        array: a numpy array or torch tensor.
        others: the shape of the others.
        what: the others, as a sentence names them.

    Returns:
        The common shape.

    Raises:
        ConfigError: where there is none.
    """
    try:
        return np.broadcast_shapes(tuple(array.shape), others)
    except ValueError:
        raise ConfigError(f"{name}: the shape {tuple(array.shape)} is not valid for {what}") from None


def count(name: str, value: Any, least: int = 1) -> int:
    """A whole number from `least` to MOST.

    Args:
        name: the argument, as a sentence names it.
        value: a whole number of Python's or numpy's.
        least: the smallest one that is allowed.

    Returns:
        The number.

    Raises:
        ConfigError: where it is another value.
    """
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if isinstance(value, bool | np.bool_) or not least <= found <= MOST:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a whole number, {least} or more, at most {MOST}")
    return found


def number(name: str, value: Any, *, above: bool = True, finite: bool = True) -> float:
    """One real number, above 0, or 0 or more.

    Args:
        name: the argument, as a sentence names it.
        value: a number of Python's, numpy's or torch's.
        above: above 0; else 0 is allowed.
        finite: finite; else infinity is allowed, where it means no limit.

    Returns:
        The number.

    Raises:
        ConfigError: where it is another value.
    """
    array = numbers(name, value)
    if array.ndim or not (array > 0 if above else array >= 0) or (finite and np.isinf(array)):
        bound = "above 0" if above else "0 or more"
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a {'finite ' if finite else ''}number, {bound}")
    return float(array)
