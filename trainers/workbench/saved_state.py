"""Checks of a learner's saved state: that of a fresh learner is the model of it."""

from typing import Any

import numpy as np
import torch

from wirelessenv.config import ConfigError

VARYING = ("plans", "ahead", "fading", "block", "last", "_ahead", "_travelling", "moving")
"""Entries that are longer or shorter from time to time; the `set_state` that takes them checks them."""


def refuse_misfit(saved: Any, model: Any, where: str) -> None:
    """Refuse a saved state that does not have the form of a fresh learner's.

    Args:
        saved: state from a file.
        model: a fresh learner's state.
        where: name of this part, for the sentence; "" for all of it.

    Raises:
        ConfigError: unless keys, lengths, types, dtypes and shapes agree.
    """
    if isinstance(model, dict):
        if not isinstance(saved, dict) or set(saved) != set(model):
            raise ConfigError(f"does not fit: {where or 'it'} should hold {', '.join(map(str, model))}")
        for key in model:
            if key not in VARYING:
                refuse_misfit(saved[key], model[key], f"{where}.{key}".lstrip("."))
    elif isinstance(model, list | tuple):
        if not isinstance(saved, list | tuple) or len(saved) != len(model):
            raise ConfigError(f"does not fit: {where} should be a list of {len(model)}")
        for number, (one, other) in enumerate(zip(saved, model, strict=True)):
            refuse_misfit(one, other, f"{where}.{number}")
    elif (found := _kind(saved)) != (wanted := _kind(model)):
        raise ConfigError(f"does not fit: {where} should be {wanted}, and is {found}")


def refuse_shape(name: str, value: Any, kind: str, *shape: int | None) -> None:
    """Refuse a value that is not an array or tensor of a kind and shape.

    Args:
        name: of the value, for the sentence.
        value: from a file.
        kind: of its numbers: "f", "i" or "b".
        *shape: length of each axis; None: any.

    Raises:
        ConfigError: where it is anything else.
    """
    found = np.dtype(str(value.dtype).removeprefix("torch.")) if isinstance(value, torch.Tensor | np.ndarray) else None
    if found is None or found.kind != kind or len(value.shape) != len(shape):
        raise ConfigError(f"does not fit: {name} is {_kind(value)}")
    if any(length not in (None, there) for length, there in zip(shape, value.shape, strict=True)):
        raise ConfigError(f"does not fit: {name} is of the shape {tuple(value.shape)}, not {shape}")


def _kind(value: Any) -> str:
    """Describe an entry in words, for a sentence."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of {value.dtype} on {value.device} of the shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of the kind {value.dtype.kind} of the shape {value.shape}"
    return f"of the type {type(value.item() if isinstance(value, np.generic) else value).__name__}"
