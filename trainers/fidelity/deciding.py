"""The number of layouts that would decide an undecided claim, and the time that their training takes."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress

from trainers.fidelity.statistics import Curves
from trainers.workbench.intervals import Interval
from wirelessenv.config import ConfigError

MOST = 100_000
"""More layouts than these are told as "more than"."""


def layouts_needed(count: int, found: Interval, above: float | None, below: float | None) -> int:
    """Number of layouts at which an effect of the measured size would be decided.

    An interval's ends come nearer to its estimate with the square root of the number of layouts. A claim holds once both
    ends are within its bounds, and fails once the interval lies beyond one of them.

    Args:
        count: of layouts that were measured.
        found: the estimate and its interval.
        above: lower bound of the claim, if it has one.
        below: upper bound of the claim, if it has one.

    Returns:
        The number, more than `MOST` where the estimate is all but at a bound or has no interval.
    """
    low = -math.inf if above is None else above
    high = math.inf if below is None else below
    down, up = found.estimate - found.low, found.high - found.estimate
    if low < found.estimate < high:
        ratio = max(_ratio(down, found.estimate - low), _ratio(up, high - found.estimate))
    else:
        ratio = _ratio(up, low - found.estimate) if found.estimate <= low else _ratio(down, found.estimate - high)
    needed = count * ratio**2
    return MOST + 1 if not needed <= MOST else max(math.ceil(needed), count + 1)


def _ratio(width: float, distance: float) -> float:
    if distance == math.inf or width == 0:
        return 0.0
    return width / distance if distance > 0 else math.inf


def seconds_a_layout(curves: Curves, names: Iterable[str]) -> float:
    """Median training time of a layout on some curves, in seconds of one core (`wall_seconds` of metrics.csv).

    Names that are no curve, and curves of which every seed diverged, count as nothing.

    Args:
        curves: of the run.
        names: of some of them.

    Returns:
        The sum over these curves.
    """
    seconds = 0.0
    for name in dict.fromkeys(names):
        with suppress(ConfigError):
            seconds += float(curves.table(name, "wall_seconds").max().median())
    return seconds


def sentence(needed: int, seconds: float) -> str:
    """The sentence that stands beside an undecided claim.

    Args:
        needed: layouts, as `layouts_needed` counts them.
        seconds: training time of one of them.

    Returns:
        The sentence, with two digits of each.
    """
    if needed > MOST:
        return f"more than {MOST:,} layouts or seeds would be wanted to decide an effect of this size"
    count, time = f"{_two_digits(needed):,}", _time(needed * seconds)
    return f"about {count} layouts or seeds would decide an effect of this size, {time} of training"


def _two_digits(number: float) -> int:
    digits = int(10 ** max(0, math.floor(math.log10(max(number, 1))) - 1))
    return math.ceil(number / digits) * digits


def _time(seconds: float) -> str:
    units: Sequence[tuple[str, float]] = (("seconds", 1), ("minutes", 60), ("hours", 3600))
    name, size = next((unit for unit in reversed(units) if seconds >= 2 * unit[1]), units[0])
    return f"{_two_digits(seconds / size)} {name}"
