"""A radius of interference: the links that are not cut, and the mean power that arrives over those that are.

The links are found with scipy's trees of positions. Mean gains g(d) of cut links, which fall with the distance d, are summed
in two parts, g(d) = {g(d) - g(D)} + g(D) for d < D, as in the particle-mesh methods of physics (Hockney and Eastwood, Computer
Simulation Using Particles, 1988): the first link by link; the rest, g(max(d, D)), which is smooth, on a coarse grid.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from wirelessenv.arrays import Doubles
from wirelessenv.channel.geometry import Positions
from wirelessenv.channel.path_loss import PathLoss
from wirelessenv.memory import check_room, part
from wirelessenv.per_agent import PerAgent
from wirelessenv.physics.neighbours import scipy_needed

SPACINGS, CELLS = 4, 9
"""D is the radius, or so many mean distances between transmitters, if that is more; and so many cells of the grid."""
FARTHEST = 1e15
"""Distance beyond which nobody is looked for."""


class NearLinks(NamedTuple):
    """Links of a layout that are not cut, by receiver and then by transmitter, direct links included."""

    receiver: Int[np.ndarray, " links"]
    transmitter: Int[np.ndarray, " links"]
    gain: Float[Doubles, " links"]
    """E|h|^2, linear"""
    cut_gain: Float[Doubles, " m"]
    """sum of E|h|^2 over the links to each receiver that are cut"""


def near_links(
    path_loss: PathLoss,
    transmitters: Positions,
    receivers: Positions,
    weakest: float,
    *,
    power: PerAgent = 1.0,
    noise: PerAgent = 1.0,
) -> NearLinks:
    """Find the links between pairs that are not cut.

    Args:
        path_loss: the law of gains, which should fall with the distance.
        transmitters: positions (m, 2).
        receivers: those of their receivers, (m, 2), in the same unit of length.
        weakest: links with a smaller mean gain E|h|^2, linear, are cut, but for direct ones, where power and noise are 1.
        power: of every transmitter, relative to the largest; links with gain x power < weakest x noise are cut.
        noise: of every receiver, relative to the smallest.

    Returns:
        The links, and the gains of those that are cut, times `power`.

    Raises:
        ConfigError: where there are too many, or scipy is not installed.
    """
    agents = len(transmitters)
    everything = np.concatenate([transmitters, receivers])
    size = float(np.linalg.norm(everything.max(0) - everything.min(0)))
    radius = _reach(path_loss, weakest, size)
    near, far = min(max(radius, SPACINGS * size / math.sqrt(2 * agents)), size) * (1 + 1e-9), size > radius
    receiver, transmitter = _within(receivers, transmitters, near if far else size * (1 + 1e-9))
    gain = path_loss.gain(np.linalg.norm(receivers[receiver] - transmitters[transmitter], axis=-1))
    faintest = weakest if isinstance(noise, float) else weakest * noise[receiver]
    sent = power if isinstance(power, float) else power[transmitter]
    kept = (gain * sent >= faintest) | (receiver == transmitter)
    cut_gain = np.zeros(agents)
    if far:
        flat = float(path_loss.gain(np.array(near)))
        everybody = agents * power if isinstance(power, float) else float(power.sum())
        cut_gain += _on_a_grid(path_loss, transmitters, receivers, near, power) if near < size else everybody * flat
        beyond = np.where(kept, 0.0, gain) - flat
        cut_gain += np.bincount(receiver, beyond * sent, minlength=agents)
        np.maximum(cut_gain, 0, out=cut_gain)
    elif not kept.all():  # whom the loudest would reach everywhere, but not all
        cut_gain += np.bincount(receiver, np.where(kept, 0.0, gain) * sent, minlength=agents)
    return NearLinks(receiver[kept], transmitter[kept], gain[kept], cut_gain)


def _reach(path_loss: PathLoss, weakest: float, most: float) -> float:
    """The largest distance up to `most` at which the gain is not below the weakest."""
    low, high = 0.0, most
    if float(path_loss.gain(np.array(most))) >= weakest:
        return most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(path_loss.gain(np.array(middle))) >= weakest else (low, middle)
    return high


def _within(receivers: Positions, transmitters: Positions, radius: float) -> tuple[Any, Any]:
    """Ends of all links that are no longer than a radius, and of the direct ones, in order."""
    tree_of = scipy_needed("cut: finding neighbours").spatial.cKDTree
    here, there, agents = tree_of(receivers), tree_of(transmitters), len(transmitters)
    found = int(here.count_neighbors(there, radius))
    check_room(part(100, ("transmitters", agents), ("neighbours of each, which a smaller cut adds to", -(-found // agents))))
    pairs = here.sparse_distance_matrix(there, radius, output_type="ndarray")
    order = pairs["i"].astype(np.int64) * agents + pairs["j"]
    own = np.arange(agents, dtype=np.int64) * (agents + 1)
    order = np.sort(np.concatenate([order[pairs["i"] != pairs["j"]], own]))
    receiver, transmitter = np.divmod(order, agents)
    return receiver.astype(np.int32), transmitter.astype(np.int32)


def _on_a_grid(path_loss: PathLoss, transmitters: Positions, receivers: Positions, near: float, power: PerAgent) -> Doubles:
    """sum_j g(max(d_ij, near)) p_j at each receiver i, on a grid of cells of `near` / CELLS, summed by Fourier transforms.

    A transmitter is shared among the four nearest points of the grid, and the sum at a receiver is that at the four nearest
    points, both linearly in each direction.
    """
    everything = np.concatenate([transmitters, receivers])
    low, cell = everything.min(0), near / CELLS
    shape = tuple(np.floor((everything.max(0) - low) / cell).astype(int) + 2)
    many = np.zeros(math.prod(shape))
    for place, share in _corners(transmitters, low, cell, shape):
        many += np.bincount(place, share * power, minlength=many.size)
    steps = [np.minimum(np.arange(2 * count), 2 * count - np.arange(2 * count)) for count in shape]
    apart = cell * np.hypot(*np.meshgrid(*steps, indexing="ij"))
    spectrum = np.fft.rfft2(path_loss.gain(np.maximum(apart, near))) * np.fft.rfft2(many.reshape(shape), apart.shape)
    field = np.fft.irfft2(spectrum, apart.shape)[: shape[0], : shape[1]].ravel()
    return np.asarray(sum(field[place] * share for place, share in _corners(receivers, low, cell, shape)))


def _corners(positions: Positions, low: Doubles, cell: float, shape: tuple[int, ...]) -> list[tuple[Any, Any]]:
    """The four points of a grid about each position, and its share in each of them."""
    place = (positions - low) / cell
    corner = np.minimum(place.astype(int), np.array(shape) - 2)
    right = place - corner
    return [
        (
            (corner[:, 0] + across) * shape[1] + corner[:, 1] + up,
            (right[:, 0] if across else 1 - right[:, 0]) * (right[:, 1] if up else 1 - right[:, 1]),
        )
        for across in (0, 1)
        for up in (0, 1)
    ]
