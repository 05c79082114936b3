"""Figures as they are printed: style, titles, legends beside the data, notes, and files."""

import io
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from trainers.workbench.files import write_atomically
from wirelessenv.style import DASHES, GREY, ONE_PANEL, ONE_ROW, RC, line
from wirelessenv.text import drawn

matplotlib.use("Agg")

Labelled = dict[str, Any]
"""Lines and bars of a legend by their labels."""
_ROW, _NOTE, _TICKS, _LABEL = 0.133, 0.115, 0.27, 0.14
"""Inches: a row of a legend, a line of a note, the ticks under a panel, and a line of its label."""
_IN_AN_INCH = 16.5
"""Letters of a legend, of whose columns each takes as many more as `_HANDLE`."""
_HANDLE = 8
_LONGEST = 14
"""Letters in an inch of an axis's label."""


def title(text: str) -> str:
    """Prepare a title for matplotlib: its lines are lines, and its dollars are dollars."""
    return "\n".join(drawn(line, 120) for line in text.split("\n")[:5])


@contextmanager
def styled() -> Iterator[None]:
    """Context in which figures are made and saved in the style of wirelessenv/style.py, whatever matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)  # type: ignore[arg-type]  # the keys are strings here, and a set of literals there
        yield


def panels(count: int, columns: int | None = None, height: float = 2.4) -> tuple[Figure, list[Axes]]:
    """Make an empty figure with panels: one row of up to three, else rows of two, or of three where that leaves no gap.

    Args:
        count: of the panels.
        columns: another number of panels in a row.
        height: of a row, in inches; one panel has its own.

    Returns:
        The figure, and its axes in reading order.
    """
    columns = columns or (count if count <= 3 else 3 if count % 2 and count % 3 == 0 else 2)
    rows = -(-count // columns)
    figure = Figure(figsize=ONE_PANEL if count == 1 else (ONE_ROW, height * rows))
    return figure, [figure.add_subplot(rows, columns, place) for place in range(1, count + 1)]


def head(axes: Sequence[Axes], titles: Sequence[str], whole: str) -> None:
    """Put titles over a figure and its panels: a figure of one panel has one title.

    Args:
        axes: the panels of one figure.
        titles: one for each.
        whole: that of the figure.
    """
    figure: Any = axes[0].figure
    if len(axes) == 1:
        longest = int(figure.get_figwidth() * _LONGEST)
        figure.suptitle("\n".join(title(line) for line in _wrapped(whole or titles[0], longest)[:4]), x=0.01, ha="left")
        return
    figure.suptitle(title(whole), x=0.01, ha="left")
    for place, (panel, text) in enumerate(zip(axes, titles, strict=True)):
        panel.set_title(" ".join(filter(None, (letter(place), title(text)))))


def letter(place: int) -> str:
    """The name of a panel: (a), (b) and so on."""
    return f"({chr(ord('a') + place)})" if place < 26 else f"({place + 1})"


def label(axes: Axes, x: str, y: str) -> None:
    """Label the axes of a panel, in lines as long as it is wide, or high.

    Args:
        axes: the panel.
        x: the horizontal label; its lines are lines.
        y: the vertical one.
    """
    figure: Any = axes.figure
    grid: Any = axes.get_subplotspec()
    width, height = figure.get_size_inches() / grid.get_gridspec().get_geometry()[::-1]
    axes.set_xlabel("\n".join(_lines(x, (width - 0.4) * _LONGEST)))
    axes.set_ylabel("\n".join(_lines(y, (height - 0.3) * _LONGEST)))


def _lines(text: str, longest: float) -> list[str]:
    return [drawn(part) for line in text.split("\n") for part in _wrapped(line, int(longest))][:3]


def _wrapped(text: str, longest: int) -> list[str]:
    """Lines of about the same length, as few as there may be; "a = b" stays on one of them.

    >>> _wrapped("utility relative to full power", 28)
    ['utility relative', 'to full power']
    >>> _wrapped("clients, eta = 0.001", 14)
    ['clients,', 'eta = 0.001']
    """
    kept = text.replace(" = ", "\u00a0=\u00a0")
    lines = textwrap.wrap(kept, longest)
    for width in range(longest - 1, 0, -1):
        narrower = textwrap.wrap(kept, width, break_long_words=False)
        if len(narrower) > len(lines) or max(map(len, narrower), default=0) > width:
            break
        lines = narrower
    return [line.replace("\u00a0", " ") for line in lines]


def curve_look(place: int) -> dict[str, Any]:
    """Look of a curve that is a line without points: markers come in where dashes begin anew.

    Args:
        place: of the curve among those of its panel, from 0.

    Returns:
        Keywords of `Axes.plot`; the group id says which place it is.
    """
    colour, dashes, marker = line(place)
    look = {"color": colour, "linestyle": dashes, "gid": f"line {place:03d}"}
    return look | ({"marker": marker, "markevery": 0.1} if place >= len(DASHES) else {})


def legends(axes: Sequence[Axes], entries: Sequence[Labelled], note: str = "") -> None:
    """Put legends under the panels, off the data, and a note under all; the figure grows by what they need.

    Args:
        axes: the panels of one figure.
        entries: of the legend of each. The figure has one legend where they are the same, or where those of no two panels
            contradict each other: each name has one look, by its group id, and each look one name.
        note: how lines, bands and bars are to be read.
    """
    figure: Any = axes[0].figure
    width, height = figure.get_size_inches()
    lines = title(note).count("\n") + 1 if note else 0
    below = _NOTE * lines + 0.06 * bool(lines)
    shared = _common(entries) if len(axes) > 1 else {}
    if shared:
        legend, rows = _legend(figure, shared, width, loc="lower center")
        legend.set_in_layout(False)
        base, below = below, below + _ROW * rows + 0.06
    else:
        height += sum(_beneath(axes, entries, width))
    height += below
    figure.set_size_inches(width, height)
    figure.get_layout_engine().set(rect=(0, below / height, 1, 1 - below / height))
    if shared:
        legend.set_bbox_to_anchor((0.5, base / height), figure.transFigure)
    figure.text(0.01, 0.04 / height, title(note), fontsize=6.5, color=GREY, in_layout=False)


def _common(entries: Sequence[Labelled]) -> Labelled:
    """Entries of one legend for several panels; none where these contradict each other."""
    if all(list(one) == list(entries[0]) for one in entries):
        return entries[0]
    found = {(name, _look(handle)): handle for one in entries for name, handle in one.items()}
    names, looks = ({pair[place] for pair in found} for place in (0, 1))
    if None in looks or not len(names) == len(looks) == len(found):
        return {}
    return {name: found[name, look] for name, look in sorted(found, key=lambda pair: str(pair[1]))}


def _look(handle: Any) -> str | None:
    """Group id of a line, or of the line of points with bars."""
    found: str | None = (handle[0] if isinstance(handle, tuple) else handle).get_gid()
    return found


def _beneath(axes: Sequence[Axes], entries: Sequence[Labelled], width: float) -> list[float]:
    """Put legends under panels, one for each or for their row; returns the inches that each row needs for them."""
    figure: Any = axes[0].figure
    grid: Any = axes[0].get_subplotspec()
    columns, needed = grid.get_gridspec().ncols, []
    for first in range(0, len(axes), columns):
        row, theirs = axes[first : first + columns], entries[first : first + columns]
        labels = max(panel.get_xlabel().count("\n") + bool(panel.get_xlabel()) for panel in row)
        together = _common(theirs) if len(row) > 1 else {}
        most = 0
        for panel, one in zip(row[:1] if together else row, [together] if together else theirs, strict=True):
            place = panel.transAxes + ScaledTranslation(0, -_TICKS - _LABEL * labels, figure.dpi_scale_trans)
            middle, room = (len(row) * 0.53, width) if together else (0.5, width / columns)
            legend, rows = _legend(panel, one, room, loc="upper center", bbox_to_anchor=(middle, 0), bbox_transform=place)
            most = max(most, rows)
        if together:  # it is wider than its panel, which must not shrink for it: the labels make room
            legend.set_in_layout(False)
            for panel in row:
                panel.set_xlabel(panel.get_xlabel() + "\n" * (most + 1))
        needed.append(_ROW * most + _LABEL * max(labels - 1, 0))
    return needed


def _legend(owner: Any, entries: Labelled, width: float, **place: Any) -> tuple[Any, int]:
    """Make a legend with as many columns as there is room for, and return it with its number of rows."""
    longest = max(map(len, entries), default=0) + _HANDLE
    columns = max(1, min(len(entries), int(width * _IN_AN_INCH // longest)))
    look = {"columnspacing": 1.2, "handletextpad": 0.5, "borderpad": 0, "borderaxespad": 0, "labelspacing": 0.35}
    return owner.legend(list(entries.values()), list(entries), ncols=columns, **look, **place), -(-len(entries) // columns)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and PDF, atomically.

    Args:
        figure: of matplotlib, made while `styled`.
        folder: where the files go.
        name: of the files, without suffix.

    Returns:
        Paths of the two files.
    """
    paths = []
    for kind in ("png", "pdf"):
        content = io.BytesIO()
        with warnings.catch_warnings():  # names may be in any script, and a small figure may be full of them
            for message in ("Glyph", "Matplotlib currently does not support", "constrained_layout not applied"):
                warnings.filterwarnings("ignore", message)
            figure.savefig(content, format=kind, metadata={"CreationDate": None} if kind == "pdf" else None)
        write_atomically(folder / f"{name}.{kind}", content.getvalue())
        paths.append(folder / f"{name}.{kind}")
    return paths
