"""A certified optimum for small networks: branch and bound over boxes of powers, with the gap that was proved."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from baselines.allocators.boxes import Boxes, Channel, bounded, slopes, where_optima_can_be
from baselines.allocators.checks import Floats, checked, sum_rate
from baselines.allocators.iterative import Start, wmmse
from wirelessenv.config import ConfigError

BOXES_AT_ONCE = 64
STARTS: tuple[Start, ...] = ("full", "random", "random")
"""of WMMSE, to begin with good powers"""
MOST_BOXES = 2_000_000


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
    most_boxes: int = MOST_BOXES,
) -> Floats:
    """Powers (..., m) whose weighted sum rate times 1 + `gap` no powers exceed, proved: those of `certify`."""
    return certify(gain, noise, p_max, weights, gap=gap, most_boxes=most_boxes).power


def certify(
    gain: ArrayLike,
    noise: ArrayLike,
    p_max: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    gap: float = 0.01,
    most_boxes: int = MOST_BOXES,
) -> Certified:
    """The largest weighted sum rate to within a factor 1 + `gap`, proved, by branch and bound; for about 14 pairs at most.

    From the box of all powers on: shrink new boxes to where optima can be, bound the weighted sum rate in them, leave those
    behind whose bound is at most 1 + `gap` times the best value found, and halve those with the largest bounds. What is
    proved about a box, and how, is in boxes.py.

    Args:
        gain: |h|^2 (..., m, m), [receiver, transmitter].
        noise: noise power.
        p_max: largest powers.
        weights: of the rates.
        gap: (bound - value) / value of the result is at most this.
        most_boxes: give up after so many.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used, and where `most_boxes` do not suffice.
    """
    if not gap > 0 or most_boxes < 1:
        raise ConfigError(f"gap, most_boxes: {gap}, {most_boxes} are not valid: above 0, and 1 or more are needed")
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    scaled = gains * most[:, None] / noises[:, :, None]  # for powers in [0, 1] and noise 1
    found = [_solve(one, each, gap, most_boxes) for one, each in zip(scaled, weight, strict=True)]
    power, value, bound = (np.array(part) for part in zip(*found, strict=True))
    shape = np.shape(gain)[:-2]
    return Certified((power * most).reshape(np.shape(gain)[:-1]), value.reshape(shape), bound.reshape(shape))


def _solve(gain: Floats, weights: Floats, gap: float, most_boxes: int) -> tuple[Floats, float, float]:
    """(powers in [0, 1], what they reach, what nothing can exceed) for noise 1."""
    channel = Channel(gain, weights)
    best = wmmse(gain, 1.0, 1.0, weights, starts=STARTS, tolerance=1e-6, iterations=500)
    value = proved = float(sum_rate(gain, 1.0, best, weights))
    fresh, seen = Boxes.all_powers(len(gain)), 0
    waiting = fresh.some(np.array([], int))
    while True:
        fresh, point = bounded(channel, where_optima_can_be(channel, fresh))
        seen += len(fresh.bound)
        candidates = np.concatenate([best[None], point, point.round()])
        values = sum_rate(gain, 1.0, candidates, weights)
        best, value = candidates[values.argmax()], float(values.max())
        waiting = waiting.and_those(fresh)
        settled = waiting.bound <= (1 + gap) * value
        proved = max(proved, value, float(waiting.bound[settled].max(initial=0)))
        waiting = waiting.some(~settled)
        if not len(waiting.bound):
            return best, value, proved
        if seen > most_boxes:
            left = waiting.bound.max() / value - 1
            raise ConfigError(f"most_boxes: {most_boxes} are not enough for a gap of {gap}: so far {left:.3g} is proved")
        order = np.argpartition(-waiting.bound, min(BOXES_AT_ONCE, len(waiting.bound)) - 1)
        fresh = _halved(channel, waiting.some(order[:BOXES_AT_ONCE]))
        waiting = waiting.some(order[BOXES_AT_ONCE:])


def _halved(channel: Channel, boxes: Boxes) -> Boxes:
    """Both halves of every box, cut along the edge whose length times gain and loss, at most, is largest."""
    _, gain, _, loss = slopes(channel, boxes)
    edge = ((boxes.high - boxes.low) * (gain + loss)).argmax(1)
    rows = np.arange(len(edge))
    middle = (boxes.low[rows, edge] + boxes.high[rows, edge]) / 2
    lower, upper = boxes.high.copy(), boxes.low.copy()
    lower[rows, edge], upper[rows, edge] = middle, middle
    return boxes._replace(high=lower).and_those(boxes._replace(low=upper))
