"""Inputs of agents that talk to neighbours, in the slots of a block, as the message-passing network reads it."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int

from trainers.problems.message_network import Heard
from wirelessenv.arrays import Floats
from wirelessenv.network import Block
from wirelessenv.physics.kernels import split
from wirelessenv.physics.loudest import Loudest, Places, at_places
from wirelessenv.scenario import Scenario


def heard(
    scenario: Scenario,
    mean_gain: Floats,
    block: Block,
    neighbours: Loudest,
    *,
    newest: Int[np.ndarray, "runs slots m k"] | None,
    told: int,
) -> Heard:
    """All that agents see and hear in the slots of a block.

    Args:
        scenario: of the networks.
        mean_gain: of their layouts, (runs, m, m), [receiver, transmitter]; where links are cut (runs, links).
        block: their slots.
        neighbours: the agents that each agent hears from.
        newest: slot of the newest message of each of them that an agent has heard before each slot; -1: none; None: all
            messages of a slot arrive in it.
        told: slots ago in which neighbours have measured how loud the agent is.

    Returns:
        The inputs of the network.
    """
    runs, slots, *each, agents = block.wanted.shape
    ratio = scenario.of_one_band.snr(block.near)
    if isinstance(ratio, np.ndarray):  # of each link; of lists (runs, links)
        ratio = ratio.astype(np.float32)
        mean_gain, gain = mean_gain * ratio, block.gain * (ratio if block.near is None else ratio[:, None])
        wanted, cross = split(gain) if block.near is None else block.near.split(gain)
        block, ratio = replace(block, gain=gain, wanted=wanted, cross=cross), 1.0
    snr = np.float32(ratio)
    slot, mean = np.arange(slots)[:, None, None], mean_gain[:, None]
    if block.near is None:
        off = mean_gain * (1 - np.eye(agents, dtype=np.float32))
        ever = np.stack([np.einsum("rii->ri", mean_gain), off.sum(2), off.sum(1)], axis=-1)
        interference = block.cross.sum(-1)
    else:
        ones = np.ones_like(block.wanted)
        own, off = block.near.split(mean)
        ever = np.stack([own, block.near.received(off, ones[:, :1]), block.near.collected(off, ones[:, :1])], axis=-1)[:, 0]
        interference = block.near.received(block.cross, ones)
    now = np.concatenate([_last(block.wanted), _last(interference)], axis=-1)
    nodes = np.concatenate([now, np.broadcast_to(ever[:, None], (runs, slots, *ever.shape[1:]))], axis=-1)
    gain, mean = block.gain.reshape(runs, slots, *each, -1), mean.reshape(runs, 1, -1)
    here = _at(gain, neighbours.here)
    there = _at(gain[:, np.maximum(slot[:, 0, 0] - told, 0)], neighbours.there) * (slot >= told)[..., None]
    shape = here.shape[:-1]
    means = [np.broadcast_to(_at(mean, places), (*shape, 1)) for places in (neighbours.here, neighbours.there)]
    edges = np.concatenate([here, there, *means], axis=-1)
    said = np.broadcast_to(slot, shape) if newest is None else newest.astype(np.intp)
    if not neighbours.known.all():
        said = np.where(neighbours.known[:, None], said, -1)
    ages = np.where(said >= 0, slot - said, 0).astype(np.float32)
    arrays = (np.log1p(nodes * snr), np.log1p(edges * snr), neighbours.number, said, ages)
    return Heard(*(torch.as_tensor(np.ascontiguousarray(one)) for one in arrays))


def _last(values: Floats) -> Floats:
    """Numbers (runs, slots, m), or of M bands (runs, slots, M, m), with bands as the last axis."""
    return values[..., None] if values.ndim == 3 else np.swapaxes(values, 2, 3)


def _at(gain: Floats, places: Places) -> Floats:
    """Gains of links, (runs, slots, links), or of M bands (runs, slots, M, links), at places: (runs, slots, m, k, M)."""
    runs, slots, *each, links = gain.shape
    found = at_places(gain.reshape(runs, -1, links), places)
    return np.moveaxis(found.reshape(runs, slots, *(each or [1]), *places.shape[1:]), 2, -1)
