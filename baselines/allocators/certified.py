"""A certified optimum for small networks: branch and bound over boxes of powers, with the gap that was proved."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from baselines.allocators.checks import Floats, checked, sum_rate
from baselines.allocators.iterative import Start, wmmse
from wirelessenv.config import ConfigError

BOXES_AT_ONCE = 128
STARTS: tuple[Start, ...] = ("full", *("random",) * 8)
"""of WMMSE, to begin with good powers"""
STEPS = 12
"""of projected ascent towards the point where a bound is tightest"""


class Certified(NamedTuple):
    """Powers, what they reach, and what nothing can exceed."""

    power: Floats
    """(..., m)"""
    value: Floats
    """their weighted sum rate in bit/s/Hz, (...)"""
    bound: Floats
    """an upper bound of the optimum, (...)"""

    @property
    def gap(self) -> Floats:
        """(bound - value) / value, (...)."""
        return (self.bound - self.value) / np.maximum(self.value, 1e-300)


def certified_optimum(
    gain: ArrayLike,
    noise: ArrayLike,
    p_max: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    gap: float = 0.01,
    most_boxes: int = 2_000_000,
) -> Certified:
    """Powers within a factor 1 + `gap` of the largest weighted sum rate, proved; for about 10 pairs at most.

    In a box of powers, rate i is log2(N + sum_j g_ij p_j) - log2(I_i) with I_i = N + sum_{j != i} g_ij p_j in a known interval:
    the first term is concave in p, and the second, convex in I_i, lies below its chord. Their sum is concave, and so below
    each of its tangents, whose maximum over the box is at a corner; the tangent is taken where some steps of ascent lead to.
    Boxes are halved along the edge that weighs most in it, those with the largest bounds first.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used, and where `most_boxes` do not suffice.
    """
    if not gap > 0 or most_boxes < 1:
        raise ConfigError(f"gap, most_boxes: {gap}, {most_boxes} are not valid: above 0, and 1 or more are needed")
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    found = [_solve(g, n, p, w, gap, most_boxes) for g, n, p, w in zip(gains, noises, most, weight, strict=True)]
    power, value, bound = (np.array(part) for part in zip(*found, strict=True))
    shape = np.shape(gain)[:-2]
    return Certified(power.reshape(np.shape(gain)[:-1]), value.reshape(shape), bound.reshape(shape))


def _solve(  # noqa: PLR0917  # one channel, and how well
    gain: Floats, noise: Floats, most: Floats, weights: Floats, gap: float, most_boxes: int
) -> tuple[Floats, float, float]:
    scaled = gain * most / noise[:, None]  # powers in [0, 1], noise 1
    best = wmmse(gain, noise, most, weights, starts=STARTS, tolerance=1e-6, iterations=500) / most
    value = float(sum_rate(scaled, 1.0, best, weights))
    low, high = np.zeros((1, len(gain))), np.ones((1, len(gain)))
    bound, tangent, point = _bounds(scaled, weights, low, high)
    seen, proved = 1, value
    while True:
        unsettled = bound > (1 + gap) * value
        proved = max(proved, float(bound[~unsettled].max(initial=0)))  # of boxes that are left behind
        low, high, bound, tangent = (part[unsettled] for part in (low, high, bound, tangent))
        if not len(bound):
            return best * most, value, max(proved, value)
        if seen > most_boxes:
            left = bound.max() / value - 1
            raise ConfigError(f"most_boxes: {most_boxes} are not enough for a gap of {gap}: so far {left:.3g} is proved")
        order = np.argpartition(-bound, min(BOXES_AT_ONCE, len(bound)) - 1)
        first, rest = order[:BOXES_AT_ONCE], order[BOXES_AT_ONCE:]
        left, right = _halved(low[first], high[first], tangent[first])
        lower, upper = (np.concatenate(pair) for pair in zip(left, right, strict=True))
        bounds, tangents, point = _bounds(scaled, weights, lower, upper)
        values = sum_rate(scaled, 1.0, point, weights)
        if values.max() > value:
            best, value = point[values.argmax()], float(values.max())
        low, high = np.concatenate([low[rest], lower]), np.concatenate([high[rest], upper])
        bound = np.concatenate([bound[rest], np.minimum(bounds, np.tile(bound[first], 2))])
        tangent = np.concatenate([tangent[rest], tangents])
        seen += len(bounds)


def _halved(low: Floats, high: Floats, tangent: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Both halves of every box, cut along the edge whose length times weight is largest."""
    edge = ((high - low) * tangent).argmax(1)
    rows = np.arange(len(low))
    middle = (low[rows, edge] + high[rows, edge]) / 2
    upper, lower = high.copy(), low.copy()
    upper[rows, edge], lower[rows, edge] = middle, middle
    return (low, upper), (lower, high)


def _bounds(gain: Floats, weights: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """(upper bounds (n,), how much each edge matters (n, m), points (n, m)) of boxes [low, high], for noise 1.

    An edge matters by how much it widens the intervals of I_i in which chords are far from their curves.
    """
    cross = gain.copy()
    np.fill_diagonal(cross, 0)
    least, largest = 1 + low @ cross.T, 1 + high @ cross.T  # I_i lies between them
    spread = largest - least
    logs = np.log2(largest / least)
    chord = np.divide(logs, spread, out=1 / (least * np.log(2)), where=spread > 1e-12)
    # -log2 I_i <= -log2 least - chord (I_i - least), and I_i is linear in p.
    slope = -(weights * chord) @ cross
    constant = (weights * (-np.log2(least) + chord * (least - 1))).sum(1)

    def value_and_gradient(power: Floats) -> tuple[Floats, Floats]:
        received = 1 + power @ gain.T
        value = (weights * np.log2(received)).sum(1) + (slope * power).sum(1) + constant
        return value, (weights / received / np.log(2)) @ gain + slope

    point = (low + high) / 2
    upper = np.full(len(low), np.inf)
    for step in range(STEPS + 1):
        value, gradient = value_and_gradient(point)
        corner = np.where(gradient > 0, high, low)
        upper = np.minimum(upper, value + (gradient * (corner - point)).sum(1))  # the tangent's maximum over the box
        if step < STEPS:
            point = point + (corner - point) * (2 / (step + 3))  # Frank and Wolfe's step
    return upper, (weights * spread * chord / least) @ cross, point
