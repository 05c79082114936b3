"""The loudest neighbours of every agent, in networks with all links and over lists of those that are not cut."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from wirelessenv.physics.neighbours import NeighbourLists

Places = Int[np.ndarray, "runs m k"]


class Loudest(NamedTuple):
    """Neighbours of agents, loudest first, and the places of the links to and from them among the gains of their run.

    Gains are those of a matrix, row after row, or of lists of neighbours. A link that is cut is at the place -1, and so are the
    links of empty places, of which there are some where an agent has fewer neighbours than others.
    """

    number: Places
    """numbers of the neighbours; -1 in empty places"""
    here: Places
    """places of the links from the neighbours' transmitters to the agent's receiver"""
    there: Places
    """places of the links from the agent's transmitter to the neighbours' receivers"""

    @property
    def known(self) -> Bool[np.ndarray, "runs m k"]:
        """True where there is a neighbour."""
        return self.number >= 0

    @classmethod
    def of_matrices(cls, number: Places) -> "Loudest":
        """Neighbours of given numbers, -1 in empty places, in networks with all links."""
        agents = number.shape[1]
        itself, known = np.arange(agents)[:, None], number >= 0
        return cls(number, np.where(known, itself * agents + number, -1), np.where(known, number * agents + itself, -1))


def loudest(mean_gain: Float[np.ndarray, "runs _ *links"], neighbours: int, near: NeighbourLists | None = None) -> Loudest:
    """The neighbours of every agent: those with the largest sums of both mean gains, loudest first.

    Args:
        mean_gain: E|h|^2, (runs, m, m), [receiver, transmitter]; where links are cut (runs, links), as in `near`.
        neighbours: the number k of places; where an agent has fewer neighbours, some are empty.
        near: lists of the links that are not cut; None: none is.

    Returns:
        The neighbours, (runs, m, k).
    """
    if near is not None:
        each = [_listed(mean_gain[run, : near.counts[run]], near, run, neighbours) for run in range(near.runs)]
        return Loudest(*(np.stack(parts) for parts in zip(*each, strict=True)))
    loudness = mean_gain + mean_gain.swapaxes(1, 2)
    loudness = np.where(np.eye(mean_gain.shape[-1], dtype=bool), -1.0, loudness)
    number = np.argsort(-loudness, axis=-1, kind="stable")[..., : min(neighbours, mean_gain.shape[-1] - 1)]
    empty = ((0, 0), (0, 0), (0, neighbours - number.shape[-1]))
    return Loudest.of_matrices(np.pad(number, empty, constant_values=-1))


def _listed(gain: NDArray[Any], near: NeighbourLists, run: int, neighbours: int) -> Loudest:
    """Neighbours of the agents of one run, (m, k)."""
    agents = near.agents
    receiver, transmitter = (end.astype(np.int64) for end in near.ends(run))
    links = receiver * agents + transmitter  # in order
    apart = receiver != transmitter
    one, other = np.divmod(np.union1d(links[apart], (transmitter * agents + receiver)[apart]), agents)
    here, there = (_found(links, receivers * agents + senders) for receivers, senders in ((one, other), (other, one)))
    heard = np.append(gain, gain.dtype.type(0))  # at the place -1: nothing
    loudness = heard[here] + heard[there]
    order = np.lexsort((other, -loudness, one))
    rank = np.arange(len(one)) - np.searchsorted(one[order], one[order])
    order, rank = order[rank < neighbours], rank[rank < neighbours]
    tables = np.full((3, agents, neighbours), -1, np.intp)
    tables[:, one[order], rank] = other[order], here[order], there[order]
    return Loudest(*tables)


def _found(links: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.intp]:
    """Places of some links among those in order; -1 where there is none."""
    place = np.minimum(np.searchsorted(links, wanted), len(links) - 1)
    return np.where(links[place] == wanted, place, -1)


def at_places(gain: Float[np.ndarray, "runs slots links"], places: Places) -> Float[np.ndarray, "runs slots m k"]:
    """Gains of the links at some places.

    Args:
        gain: of all links, those of matrices row after row.
        places: as in `Loudest`.

    Returns:
        Gains, in the unit of those given; 0 at the place -1.
    """
    runs, agents, most = places.shape
    found = np.take_along_axis(gain, places.reshape(runs, 1, -1), -1).reshape(runs, -1, agents, most)
    if (cut := places < 0).any():
        found *= ~cut[:, None]
    return found
