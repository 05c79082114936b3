"""Lists of neighbours: the links of networks in which far transmitters are not heard, and sums over them.

Gains of such links are (runs, slots, links) in place of (runs, slots, m, m). Links are ordered by receiver and then by
transmitter, the direct one among them, so that lists in which nothing is missing are the rows of a matrix, one after the other.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from wirelessenv.config import ConfigError
from wirelessenv.extras import missing

LINKS_AT_ONCE = 2**16
"""Links of some slots that are summed in one call: their numbers stay in the cache."""
LinkEnds = Int[np.ndarray, " links"]


def scipy_needed(user: str) -> Any:
    """The module scipy, which the light environment lacks; raises ConfigError with the extra that installs it."""
    try:
        import scipy.sparse.csgraph  # noqa: PLC0415  # the light environment does without
        import scipy.spatial  # noqa: PLC0415  # likewise
    except ImportError:
        raise ConfigError(missing(user, "scipy", "train")) from None
    return scipy


class NeighbourLists:
    """Links of a batch of networks, each with its own lists.

    Runs with fewer links than others are filled up with empty places at the end: gains there are 0, and belong to the last
    receiver.
    """

    def __init__(self, agents: int, ends: Sequence[tuple[LinkEnds, LinkEnds]]) -> None:
        """Join the links of some networks.

        Args:
            agents: the number m.
            ends: receivers and transmitters of the links of each run, in order, direct ones included.
        """
        self.agents, self.runs = agents, len(ends)
        self.counts: tuple[int, ...] = tuple(len(receiver) for receiver, _ in ends)
        """Number of links of each run, without empty places."""
        self.links = max(self.counts)
        shape = self.runs, self.links
        self.receiver: Int[np.ndarray, "runs links"] = np.full(shape, agents - 1, np.int32)
        self.transmitter: Int[np.ndarray, "runs links"] = np.full(shape, agents - 1, np.int32)
        self.own: Int[np.ndarray, "runs m"] = np.empty((self.runs, agents), np.intp)
        """Places of the direct links among those of their run."""
        for run, (receiver, transmitter) in enumerate(ends):
            self.receiver[run, : len(receiver)], self.transmitter[run, : len(receiver)] = receiver, transmitter
            self.own[run] = np.flatnonzero(receiver == transmitter)
        self._matrices: dict[int, Any] = {}

    def ends(self, run: int) -> tuple[LinkEnds, LinkEnds]:
        """Receivers and transmitters of the links of a run, without empty places."""
        return self.receiver[run, : self.counts[run]], self.transmitter[run, : self.counts[run]]

    def some(self, runs: Sequence[int]) -> "NeighbourLists":
        """The lists of some runs alone, which may have fewer places."""
        return NeighbourLists(self.agents, [self.ends(run) for run in runs])

    def split(
        self, gain: Float[np.ndarray, "runs slots links"]
    ) -> tuple[Float[np.ndarray, "runs slots m"], Float[np.ndarray, "runs slots links"]]:
        """Wanted gains g_ii, and the cross gains, which are 0 in the places of direct links; see `rates.split`."""
        where = self.own[:, None]
        wanted, cross = np.take_along_axis(gain, where, -1), gain + 0
        np.put_along_axis(cross, where, 0, -1)
        return wanted, cross

    def received(
        self, values: Float[np.ndarray, "runs slots links"], sent: Float[np.ndarray, "runs slots m"]
    ) -> Float[np.ndarray, "runs slots m"]:
        """Sums over transmitters, sum_j g_ij x_j, at every receiver i.

        Args:
            values: g, a number for each link.
            sent: x, a number for each transmitter.

        Returns:
            The sums, (runs, slots, m), in the unit of g x.
        """
        return self._summed(values, sent, transposed=False)

    def collected(
        self, values: Float[np.ndarray, "runs slots links"], asked: Float[np.ndarray, "runs slots m"]
    ) -> Float[np.ndarray, "runs slots m"]:
        """Sums over receivers, sum_i g_ij x_i, for every transmitter j.

        Args:
            values: g, a number for each link.
            asked: x, a number for each receiver.

        Returns:
            The sums, (runs, slots, m), in the unit of g x.
        """
        return self._summed(values, asked, transposed=True)

    def _summed(self, values: NDArray[Any], vector: NDArray[Any], transposed: bool) -> NDArray[Any]:
        slots = vector.shape[1]
        found = np.empty(vector.shape, np.result_type(values, vector))
        at_once = max(1, LINKS_AT_ONCE // (self.runs * self.links))
        for first in range(0, slots, at_once):
            part = slice(first, first + at_once)
            matrix = self._matrix(min(at_once, slots - first))
            matrix.data = np.ascontiguousarray(values[:, part]).reshape(-1)
            flat = np.ascontiguousarray(vector[:, part]).reshape(-1)
            found[:, part] = ((matrix.T if transposed else matrix) @ flat).reshape(self.runs, -1, self.agents)
        return found

    def _matrix(self, slots: int) -> Any:
        """One matrix of all runs and so many slots, blocks on its diagonal; its values are put in by whoever multiplies."""
        if slots not in self._matrices:
            sparse = scipy_needed("cut: summing over neighbours").sparse
            blocks = np.arange(self.runs * slots, dtype=np.int32).reshape(self.runs, slots, 1)
            columns = (self.transmitter[:, None] + blocks * np.int32(self.agents)).reshape(-1)
            begins = np.stack([np.searchsorted(receiver, np.arange(self.agents)) for receiver in self.receiver])
            rows = (begins[:, None] + blocks * np.int64(self.links)).reshape(-1)
            ends = np.append(rows, columns.size).astype(np.int32)
            size = self.runs * slots * self.agents
            self._matrices[slots] = sparse.csr_array((np.zeros(columns.size, np.float32), columns, ends), shape=(size, size))
        return self._matrices[slots]

    def of_transmitters(self, values: NDArray[Any]) -> NDArray[Any]:
        """The number of each link's transmitter, (runs, ..., links), of numbers of all transmitters (runs, ..., m)."""
        return self._of(values, self.transmitter)

    def of_receivers(self, values: NDArray[Any]) -> NDArray[Any]:
        """The number of each link's receiver, (runs, ..., links), of numbers of all receivers (runs, ..., m)."""
        return self._of(values, self.receiver)

    def _of(self, values: NDArray[Any], end: NDArray[np.int32]) -> NDArray[Any]:
        return np.stack([values[run][..., end[run]] for run in range(self.runs)])

    @cached_property
    def heard(self) -> Int[np.ndarray, "runs m most"]:
        """Places of the links to each receiver, by transmitter; `links`, beyond all places, where there is none."""
        return self._table(self.receiver, self.counts)

    @cached_property
    def hearing(self) -> Int[np.ndarray, "runs m most"]:
        """Places of the links from each transmitter, by receiver; `links`, beyond all places, where there is none."""
        return self._table(self.transmitter, self.counts)

    def _table(self, ends: NDArray[np.int32], counts: tuple[int, ...]) -> NDArray[np.intp]:
        tables = []
        for end, count in zip(ends, counts, strict=True):
            order = np.argsort(end[:count], kind="stable")
            begins = np.searchsorted(end[:count][order], np.arange(self.agents + 1))
            place = begins[:-1, None] + np.arange(max(1, int(np.diff(begins).max())))
            tables.append(np.where(place < begins[1:, None], order[np.minimum(place, count - 1)], self.links))
        most = max(table.shape[1] for table in tables)
        return np.stack([np.pad(table, ((0, 0), (0, most - table.shape[1])), constant_values=self.links) for table in tables])

    def rows(self, values: Float[np.ndarray, "runs links"]) -> Float[np.ndarray, "runs m most"]:
        """Values of links as lists of receivers, in places as of `heard`; 0 in empty ones."""
        return self._listed(values, self.heard)

    def columns(self, values: Float[np.ndarray, "runs links"]) -> Float[np.ndarray, "runs m most"]:
        """Values of links as lists of transmitters, in places as of `hearing`; 0 in empty ones."""
        return self._listed(values, self.hearing)

    def _listed(self, values: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
        padded = np.concatenate([values, np.zeros((self.runs, 1), values.dtype)], axis=-1)
        return np.take_along_axis(padded, places.reshape(self.runs, -1), -1).reshape(places.shape)
