"""Axes of figures: the same ranges where panels are compared, and ticks that can be read."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from wirelessenv.arrays import Doubles

LEAST_SHARE = 0.5
"""Share of its height, or width, that a panel's own range fills at least where it shares one with others."""
MOST_TICKS, MOST_PLACES = 7, 9
_APART = 0.22
"""Inches between two ticks of a panel, at least."""


def share(axes: Sequence[Axes], alike: Sequence[Hashable | None], which: str, *, squeezed: bool = False) -> None:
    """Give panels that show the same quantity the same range, unless one would be squeezed into a corner of it.

    Args:
        axes: the panels of a figure, drawn.
        alike: what each shows; None: a range of its own.
        which: "x" or "y".
        squeezed: share also where a panel would fill little of the range.
    """
    for quantity in dict.fromkeys(one for one in alike if one is not None):
        group = [panel for panel, one in zip(axes, alike, strict=True) if one == quantity]
        logarithmic = any(_of(panel, which, "scale")() == "log" for panel in group)
        measure: Callable[[Any], Any] = np.log if logarithmic else np.asarray
        # a panel in which all has diverged takes the others' range, and has none of its own
        own = [_limits(panel, which) for panel in group]
        limits = np.array([(low, high) for low, high in own if low > 0 or not logarithmic])
        if len(group) < 2 or not limits.size or not np.isfinite(limits).all():
            continue
        low, high = limits[:, 0].min(), limits[:, 1].max()
        sizes = np.diff(measure(limits)).ravel() / (measure(high) - measure(low))
        if sizes.min() < LEAST_SHARE and not squeezed:
            continue
        for panel in group:
            getattr(panel, f"set_{which}lim")(low, high)
        if which == "y":
            _label_left_ones(group)


def _limits(panel: Axes, which: str) -> tuple[float, float]:
    low, high = _of(panel, which, "lim")()
    return low, high


def _of(panel: Axes, which: str, what: str) -> Callable[[], Any]:
    found: Callable[[], Any] = getattr(panel, f"get_{which}{what}")
    return found


def _label_left_ones(group: Sequence[Axes]) -> None:
    """Say once in a row what its panels share."""
    places = {id(panel): panel.get_subplotspec() for panel in group}
    for panel in group:
        own = places[id(panel)]
        if own is None:
            continue
        beside = [one for one in places.values() if one is not None and one.rowspan.start == own.rowspan.start]
        if any(one.colspan.start == own.colspan.start - 1 for one in beside):
            panel.set_ylabel("")
            panel.tick_params(axis="y", labelleft=False)


def tick_at(panel: Axes, places: Doubles) -> None:
    """Put the ticks of a horizontal axis at the places where there are points, where these are few and apart.

    Args:
        panel: with its points and its scale.
        places: of the points.
    """
    found = np.unique(places)
    if not 1 < len(found) <= MOST_PLACES:
        return
    low, high = np.array(panel.get_xlim())
    measure: Callable[[Any], Any] = np.log if panel.get_xscale() == "log" else np.asarray
    figure: Any = panel.figure
    grid: Any = panel.get_subplotspec()
    width = figure.get_figwidth() / grid.get_gridspec().ncols - 0.5
    if np.diff(measure(found)).min() * width < _APART * (measure(high) - measure(low)):
        return
    panel.xaxis.set_major_locator(FixedLocator(list(found)))
    panel.xaxis.set_major_formatter(plainly())
    panel.xaxis.set_minor_locator(NullLocator())


def tick_plainly(panel: Axes) -> None:
    """Label axes with plain numbers: of logarithmic ones decades, or 1, 2 and 5 times these where they span less than two."""
    for which in ("x", "y"):
        axis = getattr(panel, f"{which}axis")
        low, high = _limits(panel, which)
        logarithmic = _of(panel, which, "scale")() == "log"
        short = logarithmic and high < 100 * low
        if logarithmic:
            axis.set_minor_formatter(NullFormatter())
        if short:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=MOST_TICKS + 2))
        if short or (high >= 1e6 and not logarithmic):
            axis.set_major_formatter(plainly())


def plainly() -> FuncFormatter:
    """Formatter of ticks that writes numbers as `plain` does."""
    return FuncFormatter(lambda value, _: plain(value))


def plain(value: float) -> str:
    """A number as a tick shows it, with M for millions and G for thousands of them.

    >>> [plain(0.05), plain(2000), plain(3e7)]
    ['0.05', '2000', '30 M']
    """
    for size, name in ((1e9, " G"), (1e6, " M")):
        if abs(value) >= size:
            return f"{value / size:g}{name}"
    return f"{value:g}" if 1e-4 <= abs(value) < 1e6 or value == 0 else f"{value:.0e}"
