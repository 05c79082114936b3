"""Checks of saved states, which may be damaged or a stranger's: they have to fit whoever takes them.

Names, lengths, types and shapes are compared with the state that the taker has itself (`refuse_misfit`); what numbers may be
is said by the taker (`refuse_outside`, `refuse_unsound`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wirelessenv.config import ConfigError

VARYING = ("plans", "ahead", "fading", "block", "last", "_ahead", "_travelling", "moving")
"""Parts that are longer or shorter from time to time: whoever takes them checks them."""
ELSEWHERE = "it was saved by another learner, or by another version of wirelessenv"
OF_OTHERS = "it belongs to a learner of other runs, variants, clients or nodes, or is damaged"
MOST_COUNTED = 2**53
"""Largest number of anything that is counted: what a float64 can tell from its neighbours."""


def refuse_misfit(saved: Any, model: Any, where: str = "") -> None:
    """Raises ConfigError unless a saved state has the names, lengths, types, dtypes and shapes of another one.

    Args:
        saved: the state, as a file gives it.
        model: a state that would fit, such as that of a fresh learner.
        where: the part of a state that these are; "" for all of it.
    """
    if isinstance(model, dict):
        if not isinstance(saved, dict):
            raise misfit(where, f"is {_kind(saved)}, and not a mapping")
        if lacking := [key for key in model if key not in saved]:
            raise ConfigError(f"state: it lacks {_inside(where, lacking[0])}: {ELSEWHERE}")
        if unknown := [key for key in saved if key not in model]:
            raise ConfigError(f"state: nobody knows its {_inside(where, unknown[0])[:60]!r}: {ELSEWHERE}")
        for key in model:
            if key not in VARYING:
                refuse_misfit(saved[key], model[key], _inside(where, key))
    elif isinstance(model, list | tuple):
        if not isinstance(saved, list | tuple) or len(saved) != len(model):
            raise misfit(where, f"should be a list of {len(model)}")
        for number, (one, other) in enumerate(zip(saved, model, strict=True)):
            refuse_misfit(one, other, _inside(where, number))
    elif (found := _kind(saved)) != (wanted := _kind(model)) and not _as_large(saved, model):
        raise misfit(where, f"is {found}, and not {wanted}")


def refuse_outside(where: str, value: Any, least: int, most: int = MOST_COUNTED) -> None:
    """Raises ConfigError unless `value` is a whole number of a range, or an array, a tensor or a list of such numbers.

    Args:
        where: the part of a state that it is.
        value: of any shape; () and [] hold nothing that is wrong.
        least: the smallest number that is right.
        most: the largest one.
    """
    if isinstance(value, list | tuple):
        for number, one in enumerate(value):
            refuse_outside(_inside(where, number), one, least, most)
        return
    numbers = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
    if numbers.dtype.kind not in "iu":
        raise misfit(where, f"is {_kind(value)}, and not whole numbers")
    if numbers.size and not (least <= numbers.min() and numbers.max() <= most):
        wrong = numbers.min() if numbers.min() < least else numbers.max()
        raise misfit(where, f"holds {wrong}, which is not between {least} and {most}")


def refuse_unsound(where: str, value: Any, least: float = 0.0, most: float = np.inf) -> None:
    """Raises ConfigError unless `value` is a floating-point number of a range, or an array, a tensor or a list of such.

    Args:
        where: the part of a state that it is.
        value: of any shape; infinity and NaN are never right.
        least: the smallest number that is right.
        most: the largest one.
    """
    if isinstance(value, list | tuple):
        for number, one in enumerate(value):
            refuse_unsound(_inside(where, number), one, least, most)
        return
    numbers = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
    if numbers.dtype.kind != "f":
        raise misfit(where, f"is {_kind(value)}, and not floating-point numbers")
    if not np.isfinite(numbers).all() or (numbers.size and not least <= numbers.min() <= numbers.max() <= most):
        raise misfit(where, f"holds what is not finite, or not between {least:g} and {most:g}")


def refuse_infinite(where: str, value: Any) -> None:
    """Check that all floating-point numbers anywhere in a part of a state are finite.

    Args:
        where: the path of the part in the state.
        value: the part.

    Raises:
        ConfigError: where one is not.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            refuse_infinite(_inside(where, key), one)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            refuse_infinite(_inside(where, number), one)
    elif not isinstance(value, str) and value is not None:
        numbers = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
        if numbers.dtype.kind in "fc" and not np.isfinite(numbers).all():
            raise misfit(where, "holds what is not finite")


def refuse_length(where: str, value: Any, least: int, most: int) -> Sequence[Any]:
    """A saved list of the right length.

    Args:
        where: the path of the part in the state.
        value: the part.
        least: the smallest number of entries.
        most: the largest.

    Returns:
        The list.

    Raises:
        ConfigError: where it is no list, or has another length.
    """
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        raise misfit(where, f"should be a list of {least} to {most}")
    return value


def misfit(where: str, wrong: str) -> ConfigError:
    """The refusal of a part of a state, in a sentence that begins alike for all of them.

    Args:
        where: the path of the part in the state.
        wrong: the end of the sentence.

    Returns:
        The error, to be raised.
    """
    return ConfigError(f"state: {OF_OTHERS}: {where[:100] or 'all of it'} {wrong}")


def _as_large(saved: Any, model: Any) -> bool:
    """True where two arrays of whole numbers differ in this alone, that one has 32 bits and the other 64: sums widen them."""
    if not (isinstance(saved, np.ndarray) and isinstance(model, np.ndarray) and saved.shape == model.shape):
        return False
    return {saved.dtype, model.dtype} == {np.dtype(np.int32), np.dtype(np.int64)}


def _inside(where: str, key: Any) -> str:
    return f"{where}.{key}".lstrip(".")


def _kind(value: Any) -> str:
    """Describe a value in words, for a sentence."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of the shape {value.shape}"
    if hasattr(value, "layout") and hasattr(value, "device"):
        return f"a tensor of {value.dtype} on {value.device} of the shape {tuple(value.shape)}"
    return f"of the type {type(value.item() if isinstance(value, np.generic) else value).__name__}"
