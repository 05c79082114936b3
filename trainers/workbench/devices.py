"""Devices that torch computes on: names, and states that travel between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import torch

from wirelessenv.config import ConfigError


def refuse_absent(device: str) -> None:
    """Raises ConfigError for "cuda" where torch sees no GPU."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device: cuda is not valid: torch sees no GPU; use cpu")


@contextmanager
def computing_on(device: str) -> Iterator[None]:
    """Put tensors that are made within on a device, unless they say otherwise.

    Args:
        device: "cpu" or "cuda".
    """
    with torch.device(device):
        yield


def placed(state: Any, like: Any, device: str) -> Any:
    """A saved state, with each tensor on the device of its counterpart.

    Args:
        state: nested dicts and lists, as `read_tensors` gives them: all on the CPU.
        like: a state of whoever takes it.
        device: of tensors that have no counterpart in it.

    Returns:
        The state.
    """
    if isinstance(state, dict):
        others = like if isinstance(like, dict) else {}
        return {key: placed(value, others.get(key), device) for key, value in state.items()}
    if isinstance(state, list | tuple):
        row = like if isinstance(like, list | tuple) else ()
        return [placed(value, other, device) for value, other in zip_longest(state, row[: len(state)])]
    if isinstance(state, torch.Tensor):
        return state.to(like.device if isinstance(like, torch.Tensor) else device)
    return state
