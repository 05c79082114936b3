"""Numbers that are one for all agents, or each agent's own: as arithmetic takes them."""

from functools import lru_cache
from typing import Any

import numpy as np
from array_api_compat import is_torch_array

from wirelessenv.arrays import Doubles

PerAgent = float | Doubles
"""A number for all agents, or one of each, (m,)."""


def at_agents(value: float | tuple[float, ...]) -> PerAgent:
    """A setting that is one number for all agents, or a tuple of their own: the number, or a read-only array (m,)."""
    return _array(value) if isinstance(value, tuple) else value


@lru_cache(maxsize=256)
def _array(values: tuple[float, ...]) -> Doubles:
    found = np.array(values)
    found.setflags(write=False)
    return found


def beside(value: PerAgent, array: Any, agents: Any = None) -> Any:
    """A number as it is; those of agents as an array of the library, precision and device of the one that they meet.

    Args:
        value: a number, or (m,).
        array: of numpy or torch, whose last axis is agents.
        agents: numbers of the agents on it, which broadcast with it; None: all, in order.

    Returns:
        The number, or numbers that broadcast with `array`.
    """
    if not isinstance(value, np.ndarray):
        return value
    if not is_torch_array(array):
        found = value.astype(array.dtype)
        return found if agents is None else found[agents]
    import torch  # noqa: PLC0415  # who has a tensor has it, others need not

    tensor = torch.tensor(value, dtype=array.dtype, device=array.device)
    return tensor if agents is None else tensor[agents]


def bands_last(value: PerAgent) -> Any:
    """Numbers beside arrays (..., m, M), whose last axis is bands: a number, or (m, 1)."""
    return value[:, None] if isinstance(value, np.ndarray) else value
