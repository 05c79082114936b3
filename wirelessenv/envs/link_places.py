"""Numbers of links as lists of receivers and of transmitters: matrices, or lists of neighbours where links are cut."""

import numpy as np

from wirelessenv.arrays import Floats
from wirelessenv.physics.neighbours import NeighbourLists


class Everybody:
    """All links: numbers are matrices (E, m, m), [receiver, transmitter]."""

    def from_transmitters(self, values: Floats) -> Floats:
        """A number of each link's transmitter, of numbers (E, m)."""
        return values[:, None]

    def from_receivers(self, values: Floats) -> Floats:
        """A number of each link's receiver, of numbers (E, m)."""
        return values[..., None]

    def summed(self, values: Floats) -> Floats:
        """Sums at all receivers, (E, m)."""
        return np.asarray(values.sum(-1))

    def rows(self, values: Floats) -> Floats:
        """Lists of all receivers, (E, m, places)."""
        return values

    def columns(self, values: Floats) -> Floats:
        """Lists of all transmitters, (E, m, places)."""
        return values.swapaxes(1, 2)


class Listed(Everybody):
    """Links that are not cut: numbers are (E, links). Places without a link hold 0."""

    def __init__(self, near: NeighbourLists) -> None:
        self._near = near

    def from_transmitters(self, values: Floats) -> Floats:
        return self._near.of_transmitters(values)

    def from_receivers(self, values: Floats) -> Floats:
        return self._near.of_receivers(values)

    def summed(self, values: Floats) -> Floats:
        return self._near.received(values[:, None], np.ones_like(values, shape=(len(values), 1, self._near.agents)))[:, 0]

    def rows(self, values: Floats) -> Floats:
        return self._near.rows(values)

    def columns(self, values: Floats) -> Floats:
        return self._near.columns(values)
