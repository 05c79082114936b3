"""Slots of measurements, prepared some at a time: cut from blocks, and cut anew where the batch has changed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from array_api_compat import array_namespace
from torch import Tensor

from wirelessenv.network import Block

MOST_SETS = 128
"""Largest number of sets of policies that are measured at once."""


class Samples(NamedTuple):
    """The slots of one measurement; a group of slots for each set of policies, or one for all."""

    inputs: Tensor
    """policy inputs (groups, runs, agents, 1, slots, inputs)"""
    wanted: Any
    """(groups, runs, 1, slots, agents); of M bands (groups, runs, 1, slots, M, agents)"""
    cross: Any
    """(groups, runs, 1, slots, agents, agents); of M bands (groups, runs, 1, slots, M, agents, agents)"""

    def fit(self, batch: int, groups: int) -> bool:
        """True where the measurement is one of a batch.

        Args:
            batch: slots of a group.
            groups: 1, or the number of sets.
        """
        return (len(self.wanted), self.wanted.shape[3]) == (groups, batch)


SLOT_AXES = Samples(4, 3, 3)  # type: ignore[arg-type]  # of each leaf


def grouped(block: Block, seen: Any, batch: int, start: int, groups: int) -> Samples:
    """Cut the slots of one measurement from a block.

    Args:
        block: of the network.
        seen: the policy inputs in it, (runs, slots, agents, inputs).
        batch: slots of a group.
        start: the first slot.
        groups: 1, or the number of sets.

    Returns:
        `groups` times `batch` slots of the block.
    """

    def cut(leaf: Any) -> Any:
        part = leaf[:, start : start + groups * batch]
        return part.reshape(part.shape[0], groups, batch, *part.shape[2:]).swapaxes(0, 1)

    inputs = torch.as_tensor(cut(seen)).transpose(2, 3).unsqueeze(3).contiguous()
    return Samples(inputs, cut(block.wanted)[:, :, None], cut(block.cross)[:, :, None])


def regrouped(prepared: Sequence[Samples], batch: int, groups: int) -> list[Samples]:
    """The same slots, one after the other in time, cut into other measurements.

    Args:
        prepared: measurements; their slots are a multiple of `groups` times `batch` together.
        batch: slots of a group.
        groups: 1, or the number of sets.

    Returns:
        Measurements of `groups` groups of `batch` slots.
    """

    def cut(leaf: int, axis: int) -> list[Any]:
        parts = [group[None] for samples in prepared for group in samples[leaf]]
        lined_up = array_namespace(parts[0]).concat(parts, axis=axis)
        shape = lined_up.shape
        pieces = lined_up.reshape(*shape[1:axis], -1, groups, batch, *shape[axis + 1 :])
        return list(_first(pieces, axis - 1, 2))

    return [Samples(*leaves) for leaves in zip(*(cut(leaf, axis) for leaf, axis in enumerate(SLOT_AXES)), strict=True)]


def _first(array: Any, start: int, count: int) -> Any:
    """`array` with `count` axes from `start` on moved to its front."""
    axes = range(array.ndim)
    moved = [*axes[start : start + count], *axes[:start], *axes[start + count :]]
    return array_namespace(array).permute_dims(array, moved)
