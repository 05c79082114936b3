"""A certified optimum for small networks: branch and bound over boxes of powers, with the gap that was proved."""

import time
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from baselines.allocators.boxes import Boxes, Channel, bounded, slopes, where_optima_can_be
from baselines.allocators.checks import (
    ChannelGains,
    PerChannel,
    PerReceiver,
    PerTransmitter,
    Powers,
    checked,
    of_each_band,
    value_of,
)
from baselines.allocators.iterative import Limits, iterated, wmmse_step
from baselines.allocators.watch import Watch
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics.checks import count, number
from wirelessenv.physics.kernels import split

BOXES_AT_ONCE = 64
BEGIN = Limits(starts=("full", "random", "random"), tolerance=1e-6, iterations=500)
"""Limits of WMMSE, which begins the search with good powers."""
MOST_BOXES = 2_000_000
"""Boxes of one channel that fit the memory."""


class Certified(NamedTuple):
    """Powers, what they reach, what nothing can exceed, and whether that is as near as was asked for."""

    power: Powers
    """Powers (..., m); of M bands (..., M, m)."""
    value: PerChannel
    """Their weighted sum rate in bit/s/Hz, (...); of M bands its mean over them."""
    bound: PerChannel
    """An upper bound of the optimum in bit/s/Hz, (...)."""
    proved: Bool[np.ndarray, "*batch"]
    """True where `gap` is as small as was asked for, (...)."""

    @property
    def gap(self) -> PerChannel | np.float64:
        """(bound - value) / value, (...)."""
        return (self.bound - self.value) / np.maximum(self.value, 1e-300)


def certified_optimum(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    gap: float = 0.01,
    seconds: float | None = None,
    progress: bool = False,
    most_boxes: int = MOST_BOXES,
) -> Powers:
    """Powers of `certify` alone: no powers reach more than 1 + `gap` times their weighted sum rate, proved.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number; of M bands that in each of them, (..., M, m).
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.
        gap: (bound - value) / value of the result is at most this.
        seconds: of time for all channels together, after which the best powers found so far count; None: no limit.
        progress: show on stderr how many channels are done.
        most_boxes: of a channel, of which more are not kept in memory.

    Returns:
        powers (..., m), or (..., M, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used; without `seconds` also where `most_boxes` do not
            suffice.
    """
    limits = {"gap": gap, "seconds": seconds, "progress": progress, "most_boxes": most_boxes}
    found = certify(gain, noise, p_max, weights, bands=bands, **limits)  # type: ignore[arg-type]  # each has its own
    if seconds is None and not found.proved.all():
        raise ConfigError(f"most_boxes: {most_boxes} are not enough for a gap of {gap}: so far {found.gap.max():.3g} is proved")
    return found.power


def certify(
    gain: ChannelGains,
    noise: PerReceiver,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    bands: int = 1,
    gap: float = 0.01,
    seconds: float | None = None,
    progress: bool = False,
    most_boxes: int = MOST_BOXES,
) -> Certified:
    """The largest weighted sum rate to within a factor 1 + `gap`, proved, by branch and bound; for about 14 pairs at most.

    From the box of all powers on: shrink new boxes to where optima can be, bound the weighted sum rate in them, leave those
    behind whose bound is at most 1 + `gap` times the best value found, and halve those with the largest bounds. The proofs
    about a box are in boxes.py.

    Of M bands p_max are limits in each of them, without a budget for all together: bands are then apart, and each is certified
    by itself. Powers within a budget are within limits that are the budget in each band: the bound then holds for them, too.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number; of M bands that in each of them, (..., M, m).
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.
        gap: (bound - value) / value of the result is at most this.
        seconds: of time for all channels together, which share them evenly; then the best powers and the bound so far are
            returned; None: no limit.
        progress: show on stderr how many channels are done, and the gap that is proved of the one at hand.
        most_boxes: a channel is given up after so many, for they are kept in memory; likewise with the best found so far.

    Returns:
        powers, value, bound, and whether `gap` is proved, channel by channel; its own `gap` is the one that is proved.

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    gap, most_boxes = number("gap", gap), count("most_boxes", most_boxes)
    if count("bands", bands) > 1:
        given = of_each_band(gain, noise, p_max, weights, bands)
        found = certify(*given, gap=gap, seconds=seconds, progress=progress, most_boxes=most_boxes)
        value, bound = found.value.mean(-1), found.bound.mean(-1)
        return Certified(found.power, value, bound, np.asarray(bound <= (1 + gap) * value))
    gains, noises, most, weight = checked(gain, noise, p_max, weights)
    scaled = gains * most[:, None] / noises[:, :, None]  # for powers in [0, 1] and noise 1
    shape = np.shape(gain)[:-2]
    with Watch("certify", len(gains), seconds, progress) as watch:
        power, value, bound = _at_full_power(scaled, weight)
        for place, (one, each) in enumerate(zip(scaled, weight, strict=True)):
            if not watch.over():
                share = None if (left := watch.left()) is None else max(left / (len(gains) - place), 1e-9)
                power[place], value[place], bound[place] = _solve(one, each, gap, most_boxes, share, watch)
            watch.done()
    proved = bound <= (1 + gap) * value
    return Certified(
        (power * most).reshape(np.shape(gain)[:-1]), value.reshape(shape), bound.reshape(shape), proved.reshape(shape)
    )


def _at_full_power(
    gain: Float[Doubles, "n m m"], weights: Float[Doubles, "n m"]
) -> tuple[Float[Doubles, "n m"], Float[Doubles, " n"], Float[Doubles, " n"]]:
    """(powers, what they reach, what they would reach without interference) for noise 1: what is known without a search."""
    power, (wanted, _) = np.ones(weights.shape), split(gain)
    alone = np.asarray((weights * np.log1p(wanted)).sum(-1) / np.log(2))
    return power, value_of(gain, 1.0, power, weights), alone * (1 + 1e-12)


def _solve(  # noqa: PLR0917  # what certify was asked for
    gain: Float[Doubles, "m m"], weights: Float[Doubles, " m"], gap: float, most_boxes: int, seconds: float | None, watch: Watch
) -> tuple[Float[Doubles, " m"], float, float]:
    """(powers in [0, 1], what they reach, what nothing can exceed) for noise 1."""
    end = float("inf") if seconds is None else time.monotonic() + seconds
    channel = Channel(gain, weights)
    one = np.ones_like(weights[None])
    best = iterated(wmmse_step, (gain[None], one, one, weights[None]), BEGIN, Watch("", 1, seconds, progress=False))[0]
    value = proved = float(value_of(gain, 1.0, best, weights))
    fresh, seen = Boxes.all_powers(len(gain)), 0
    waiting = fresh.some(np.array([], int))
    while True:
        fresh, point = bounded(channel, where_optima_can_be(channel, fresh))
        seen += len(fresh.bound)
        candidates = np.concatenate([best[None], point, point.round()])
        values = value_of(gain, 1.0, candidates, weights)
        best, value = candidates[values.argmax()], float(values.max())
        waiting = waiting.and_those(fresh)
        settled = waiting.bound <= (1 + gap) * value
        proved = max(proved, value, float(waiting.bound[settled].max(initial=0)))
        waiting = waiting.some(~settled)
        if not len(waiting.bound):
            return best, value, proved
        if seen > most_boxes or time.monotonic() > end:
            return best, value, max(proved, float(waiting.bound.max()))
        watch.note(f"this one to {100 * (waiting.bound.max() / value - 1):.2g} %" if value else "")
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
