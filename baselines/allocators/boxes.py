"""Proofs about boxes of powers: the parts of them that can hold an optimum, and upper bounds of the sum rate.

Powers are in [0, 1] and noise is 1 here. Pair i receives s_i = g_ii p_i of its own, I_i = 1 + sum_{j != i} g_ij p_j of others
and noise, T_i = I_i + s_i in all; U = sum_i w_i log2(T_i / I_i). Arrays are (boxes, m).
"""

import math
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float, Int

from wirelessenv.arrays import Doubles

PerBox = Float[Doubles, "boxes m"]
"""A number of each pair in each box."""
LN2 = math.log(2)
STEPS = 5
"""Steps of ascent towards the point where the best linear bound is tight."""
CERTAIN = 1 + 1e-9
"""A sum of terms of one sign exceeds another for certain where it does so by this factor: rounding is far below it."""
ROUNDING = 1e-13
"""Times the size of a bound's terms, this is more than rounding takes from it."""


class Boxes(NamedTuple):
    """Boxes [low, high] of powers (n, m); nothing in one exceeds its bound (n,)."""

    low: PerBox
    high: PerBox
    bound: Float[Doubles, " boxes"]

    @classmethod
    def all_powers(cls, pairs: int) -> Self:
        """One box with all that is allowed."""
        return cls(np.zeros((1, pairs)), np.ones((1, pairs)), np.array([np.inf]))

    def some(self, which: Bool[np.ndarray, " boxes"] | Int[np.ndarray, " some"]) -> "Boxes":
        """The boxes of some places or marks alone."""
        return Boxes(*(part[which] for part in self))

    def and_those(self, others: "Boxes") -> "Boxes":
        """These boxes, followed by the others."""
        return Boxes(*(np.concatenate(parts) for parts in zip(self, others, strict=True)))


class Channel:
    """One channel with its weights: gain (m, m), [receiver, transmitter], for powers up to 1 and noise 1."""

    def __init__(self, gain: Float[Doubles, "m m"], weights: Float[Doubles, " m"]) -> None:
        self.weights, self.own = weights, np.diag(gain).copy()
        self.cross = gain - np.diag(self.own)

    def ranges(self, boxes: Boxes) -> tuple[PerBox, PerBox, PerBox, PerBox]:
        """(smallest s, largest s, smallest I, largest I)."""
        low, high, _ = boxes
        return low * self.own, high * self.own, 1 + low @ self.cross.T, 1 + high @ self.cross.T


def slopes(channel: Channel, boxes: Boxes) -> tuple[PerBox, PerBox, PerBox, PerBox]:
    """Bounds of the slopes of U in every power, over each box.

    ln(2) dU/dp_k = gain_k - loss_k. gain_k = w_k g_kk / T_k falls in every power.
    loss_k = sum_{i != k} w_i g_ik (1 / I_i - 1 / T_i), where 1 / I_i - 1 / T_i = s_i / (I_i (I_i + s_i)) rises in s_i and
    falls in I_i.

    Args:
        channel: of m pairs.
        boxes: of powers, (n, m).

    Returns:
        (gain at least, gain at most, loss at least, loss at most), each (n, m).
    """
    least, most, quiet, loud = channel.ranges(boxes)
    reward = channel.weights * channel.own
    loss_least = channel.weights * least / (loud * (loud + least)) @ channel.cross
    loss_most = channel.weights * most / (quiet * (quiet + most)) @ channel.cross
    return reward / (loud + most), reward / (quiet + least), loss_least, loss_most


def bends(channel: Channel, boxes: Boxes) -> tuple[PerBox, PerBox]:
    """Bounds of the second derivatives of U in every power, over each box.

    ln(2) d2U/dp_k2 = up_k - down_k. down_k = w_k (g_kk / T_k)^2 falls in every power.
    up_k = sum_{i != k} w_i g_ik^2 (1 / I_i^2 - 1 / T_i^2) has terms that rise in s_i and, as 1 / x^2 is convex, fall in I_i.

    Args:
        channel: of m pairs.
        boxes: of powers, (n, m).

    Returns:
        (down at most, up at least), each (n, m).
    """
    least, _, quiet, loud = channel.ranges(boxes)
    total = loud + least
    up = channel.weights * least / (loud * total) * (1 / loud + 1 / total) @ channel.cross**2
    return channel.weights * (channel.own / (quiet + least)) ** 2, up


def where_optima_can_be(channel: Channel, boxes: Boxes) -> Boxes:
    """The boxes, shrunk to the powers that optima over all powers can have; those that hold none are dropped.

    Where U rises in p_k throughout a box, an optimum in it has p_k = 1, and where U falls, p_k = 0. Where U is strictly
    convex in p_k, p_k is 0 or 1: between them nothing is a maximum. Each optimum meets all of these, so that they apply at
    once. One of its powers is 1: SINRs grow when all powers do by one factor. A pair without a channel or a weight has no
    gain; U does not fall when it is silent, and of several optima those that keep it silent are looked for.

    Args:
        channel: of m pairs.
        boxes: of powers, (n, m).

    Returns:
        Boxes of at most n rows, with the bounds that they had.
    """
    gain_least, gain_most, loss_least, loss_most = slopes(channel, boxes)
    down, up = bends(channel, boxes)
    rises, falls = gain_least > CERTAIN * loss_most, loss_least >= CERTAIN * gain_most
    at_an_end = rises | falls | (up > CERTAIN * down)
    zero, one = (boxes.low == 0) & ~rises, (boxes.high == 1) & ~falls
    low = np.where(at_an_end & ~zero, 1.0, boxes.low)
    high = np.where(at_an_end & ~one, 0.0, boxes.high)
    return Boxes(low, high, boxes.bound).some((low <= high).all(1) & (high == 1).any(1))


def bounded(channel: Channel, boxes: Boxes) -> tuple[Boxes, PerBox]:
    """Upper bounds of U in the boxes, and points of them where U is large.

    U is at most a linear function for every choice of prices, which is largest at a corner. The prices are the best ones at
    a point, and points go towards the corners (Frank and Wolfe's ascent of the least of these functions, which is concave).

    Args:
        channel: of m pairs.
        boxes: of powers, (n, m).

    Returns:
        (the boxes with bounds no larger than before, points (n, m)).
    """
    point, bound = (boxes.low + boxes.high) / 2, boxes.bound
    for step in range(STEPS):
        constant, slope = linear_bound(channel, boxes, point)
        corner = np.where(slope > 0, boxes.high, boxes.low)
        bound = np.minimum(bound, constant + (slope * corner).sum(1))
        point = point + (corner - point) * (2 / (step + 3))
    return boxes._replace(bound=bound), point


def linear_bound(channel: Channel, boxes: Boxes, point: PerBox) -> tuple[Float[Doubles, " boxes"], PerBox]:
    """Linear upper bounds of U in each box, U <= constant + slope . p, close to U at its point.

    Rate i, log2(1 + s / I), is convex in I, in [a, b], and lies below its chord c log2(1 + s / a) + (1 - c) log2(1 + s / b)
    with c = (b - I) / (b - a). For every price mu, log2(1 + s / x) <= mu s + V(x) where V(x) is the maximum of
    log2(1 + s / x) - mu s over the range of s, which is at s = 1 / (mu ln 2) - x or at the end of the range nearest to it. So

        U <= sum_i w_i (mu_i s_i + c_i V_i(a_i) + (1 - c_i) V_i(b_i)) for all prices mu,

    linear in p as s, I and c are. The best price at the point shares s between the two logarithms as water between two
    vessels of bottoms a and b, with 1 / (mu ln 2) as its level.

    Args:
        channel: of m pairs.
        boxes: of powers, (n, m).
        point: powers in the boxes, (n, m).

    Returns:
        (constants (n,), slopes (n, m)).
    """
    least, most, quiet, loud = channel.ranges(boxes)
    spread = loud - quiet
    wide = spread > 1e-9 * quiet  # in a narrower one c = 1 will do: rates fall in I
    inverse = np.divide(1, spread, out=np.zeros_like(spread), where=wide)
    share = np.where(wide, (loud - 1 - point @ channel.cross.T) * inverse, 1.0)
    level = water_level(point * channel.own, share.clip(1e-9, 1 - 1e-9), least, most, quiet, loud)
    price = 1 / (level * LN2)
    at_quiet, at_loud = (level - quiet).clip(least, most), (level - loud).clip(least, most)
    value = np.log1p(at_quiet / quiet) / LN2 - price * at_quiet
    drop = np.minimum(np.log1p(at_loud / loud) / LN2 - price * at_loud - value, 0) * inverse  # along I
    slope = channel.weights * price * channel.own + (channel.weights * drop) @ channel.cross
    constant = channel.weights * (value + drop * (1 - quiet) + ROUNDING * (value + price * most))
    return constant.sum(1), slope


def water_level(  # noqa: PLR0917  # an amount, shares, and the four ends of two vessels
    amount: Float[Doubles, "*boxes m"],
    share: Float[Doubles, "*boxes m"],
    least: Float[Doubles, "*boxes m"],
    most: Float[Doubles, "*boxes m"],
    quiet: Float[Doubles, "*boxes m"],
    loud: Float[Doubles, "*boxes m"],
) -> Float[Doubles, "*boxes m"]:
    """The x with share clip(x - quiet, least, most) + (1 - share) clip(x - loud, least, most) = amount.

    Where no clip acts x is `free`, which is the same mean of the solutions where only one clip does and of its threshold.

    Args:
        amount: of water, between `least` and `most`, (n, m).
        share: of the first vessel, in (0, 1), (n, m).
        least: that each vessel holds, (n, m).
        most: that each vessel holds, (n, m).
        quiet: bottom of the first vessel, (n, m).
        loud: bottom of the second vessel, at least `quiet`, (n, m).

    Returns:
        Levels x, (n, m).
    """
    free = amount + share * quiet + (1 - share) * loud
    second_at_least = quiet + (amount - (1 - share) * least) / share
    first_at_most = loud + (amount - share * most) / (1 - share)
    first_can_take_all = amount <= share * most + (1 - share) * least
    return np.where(first_can_take_all, np.minimum(free, second_at_least), np.maximum(free, first_at_most))
