"""Inputs of agents that talk to neighbours, in the slots of a block, as the message-passing network reads it."""

import numpy as np
import torch
from jaxtyping import Int

from trainers.problems.message_network import Heard
from wirelessenv.arrays import Floats
from wirelessenv.network import Block
from wirelessenv.scenario import Scenario


def loudest(mean_gain: Floats, neighbours: int) -> Int[np.ndarray, "runs m k"]:
    """The neighbours of every agent: those with the largest sums of both mean gains, loudest first.

    Args:
        mean_gain: (runs, m, m), [receiver, transmitter].
        neighbours: the number k.

    Returns:
        Their numbers, (runs, m, k).
    """
    loudness = mean_gain + mean_gain.swapaxes(1, 2)
    loudness = np.where(np.eye(mean_gain.shape[-1], dtype=bool), -1.0, loudness)
    return np.argsort(-loudness, axis=-1, kind="stable")[..., :neighbours]


def heard(
    scenario: Scenario,
    mean_gain: Floats,
    block: Block,
    neighbour: Int[np.ndarray, "runs m k"],
    *,
    newest: Int[np.ndarray, "runs slots m m"] | None,
    told: int,
) -> Heard:
    """All that agents see and hear in the slots of a block.

    Args:
        scenario: of the networks.
        mean_gain: of their layouts, (runs, m, m), [receiver, transmitter].
        block: their slots.
        neighbour: numbers of the agents that each agent hears from.
        newest: slot of the newest message of agent j that agent i has heard before slot t, [t, i, j]; -1: none; None: all
            messages of a slot arrive in it.
        told: slots ago in which neighbours have measured how loud the agent is.

    Returns:
        The inputs of the network.
    """
    runs, slots, agents = block.wanted.shape
    snr = np.float32(scenario.max_power / scenario.noise)
    run, slot = np.arange(runs)[:, None, None, None], np.arange(slots)[:, None, None]
    itself, other = np.arange(agents)[:, None], neighbour[:, None]
    off = mean_gain * (1 - np.eye(agents, dtype=np.float32))
    ever = np.stack([np.einsum("rii->ri", mean_gain), off.sum(2), off.sum(1)], axis=-1)
    now = np.stack([block.wanted, block.cross.sum(-1)], axis=-1)
    nodes = np.concatenate([now, np.broadcast_to(ever[:, None], (runs, slots, *ever.shape[1:]))], axis=-1)
    here = block.gain[run, slot, itself, other]
    there = block.gain[run, np.maximum(slot - told, 0), other, itself] * (slot >= told)
    means = (mean_gain[run, itself, other], mean_gain[run, other, itself])
    edges = np.stack([here, there, *(np.broadcast_to(mean, here.shape) for mean in means)], axis=-1)
    said = np.broadcast_to(slot, here.shape) if newest is None else newest[run, slot, itself, other].astype(np.intp)
    ages = np.where(said >= 0, slot - said, 0).astype(np.float32)
    arrays = (np.log1p(nodes * snr), np.log1p(edges * snr), neighbour, said, ages)
    return Heard(*(torch.as_tensor(np.ascontiguousarray(one)) for one in arrays))
