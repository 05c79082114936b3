"""Figures of a run, from its directory alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from trainers.experiments.figures import Axis
from trainers.experiments.lines import Line, PanelLines, columns_of, lines_of, without_copies
from trainers.experiments.outcomes import Outcomes
from trainers.experiments.run_directory import RunDirectory
from trainers.workbench.axes import plainly, share, tick_at, tick_plainly
from trainers.workbench.drawing import Labelled, curve_look, head, label, legends, letter, panels, save, styled, title
from trainers.workbench.outcomes import labelled
from wirelessenv import style
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, nearest
from wirelessenv.text import drawn

_APART = 3.0
"""Printer's points between points that stand at the same place."""
_NARROW = 140.0
"""Printer's points of the width of a narrow panel."""
_WIDE = 2.8
"""Times the usual width of a line that another one lies on."""


def plot(path: str | Path, x: Axis | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw figure.png and figure.pdf of a run directory, panel by panel.

    Each line is the mean over layouts of utility / full-power utility (of the utility itself where there is no full
    power), of the utility minus that of full power (`relative_to: full_power_difference`), or of the utility / the panel's
    best on the same layout (`best`). The band about a curve is the 95 % interval (Student) of its mean paired difference
    to the reference: where the reference's line is outside it, the two differ. Without a reference it is the interval of
    the mean itself, which is paired with full power. Seeds that
    diverged are in no line; its label says how many they are.

    Panels of the same quantity have the same range. A panel that only puts another scale under the lines of another one is
    not drawn; the other gets a second axis.

    Args:
        path: of the run directory.
        x: the axis of all panels, instead of their own.
        out: the folder that the figures go to, made where there is none; the run directory, if not given.

    Returns:
        Paths of the two figures.

    Raises:
        ConfigError: where the directory is damaged, or its metrics lack a column.
    """
    directory = RunDirectory(path)
    whole, found = read_lines(directory, x)
    with styled():
        figure = _draw(without_copies(found), whole)
        folder = directory.path if out is None else Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        return save(figure, folder, "figure")


def read_lines(directory: RunDirectory, x: Axis | None = None) -> tuple[str, list[PanelLines]]:
    """Compute everything that a run's figure shows.

    Args:
        directory: of the run.
        x: the axis of all panels, instead of their own.

    Returns:
        The title, and the lines of each panel.

    Raises:
        ConfigError: where the directory is damaged, or its metrics lack a column.
    """
    experiment, metrics = directory.experiment(), directory.metrics()
    outcomes = Outcomes(metrics, directory.diverged(), experiment.seeds)
    chosen = experiment.panels if x is None else [panel.model_copy(update={"x": x}) for panel in experiment.panels]
    for name in dict.fromkeys(columns_of(chosen, experiment)):
        if name not in metrics:
            raise ConfigError(f'{directory.path}: its metrics have no column "{name}"{nearest(name, metrics.columns)}')
    whole = ", ".join(part for part in (experiment.title, experiment.problem.stand_in) if part)
    return whole, [lines_of(panel, experiment, outcomes) for panel in chosen]


def _draw(found: Sequence[PanelLines], whole: str) -> Figure:
    found = [_shortened(panel) for panel in found]
    figure, axes = panels(len(found))
    entries = [_draw_panel(panel, one) for panel, one in zip(axes, found, strict=True)]
    share(axes, [(one.y_label, one.panel.log_y) if one.panel.y_range is None else None for one in found], "y")
    share(axes, [(one.x_label, one.panel.log_x) for one in found], "x")
    for panel, one in zip(axes, found, strict=True):
        tick_plainly(panel)
        if one.panel.points:
            tick_at(panel, _places(one))
    head(axes, [one.panel.title for one in found], whole)
    legends(axes, entries, _explained(found))
    return figure


def _draw_panel(axes: Axes, one: PanelLines) -> Labelled:
    """Draw lines into a panel, and return the entries of its legend."""
    panel = one.panel
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    draw = _draw_points if panel.points else _draw_curve
    ages = {line.age for line in one.lines} - {None}
    entries: Labelled = {}
    for number, line in enumerate(one.lines):
        age = f" (D_max = {line.age})" if line.age is not None and len(ages) > 1 else ""
        under = any(_same(line, later) for later in one.lines[number + 1 :])
        entries[labelled(drawn(line.name) + age, line.said)] = draw(axes, line, number, len(one.lines), _WIDE if under else 1)
    if one.level is not None:
        level = axes.axhline(one.level, color=style.GREY, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1, gid="level")
        entries["full power"] = level
    if one.second is not None:
        beside = axes.secondary_xaxis("top", functions=(one.second.there, one.second.back))
        beside.set_xlabel(title(one.second.label), fontsize=7)
        if not panel.log_x:
            beside.xaxis.set_major_formatter(plainly())
    if panel.y_range is not None:
        axes.set_ylim(*panel.y_range)
    label(axes, one.x_label, one.y_label)
    return entries


def _same(line: Line, later: Line) -> bool:
    """True where a line would be hidden under one that is drawn after it."""
    if len(line.x) != len(later.x) or not len(line.x):
        return False
    return bool(np.allclose(line.x, later.x) and np.allclose(line.middle, later.middle, rtol=0.01))


def _draw_curve(axes: Axes, line: Line, number: int, _: int, wide: float) -> Any:
    look = curve_look(number)
    (drawn_line,) = axes.plot(line.x, line.middle, linewidth=wide * style.RC["lines.linewidth"], **look)
    axes.fill_between(line.x, line.low, line.high, color=look["color"], alpha=0.12, linewidth=0)
    return drawn_line


def _draw_points(axes: Axes, line: Line, number: int, count: int, wide: float) -> Any:
    """Points with bars, a little apart from those of other lines at the same place; the first are the largest."""
    colour, dashes, marker = style.line(number)
    figure: Any = axes.figure
    moved = axes.transData + ScaledTranslation(_APART * (number - (count - 1) / 2) / 72, 0, figure.dpi_scale_trans)
    bars = (line.middle - line.low, line.high - line.middle)
    look = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4.5, "markerfacecolor": "white"}
    look["gid"] = f"points {number:03d}"
    look["linewidth"] = wide * style.RC["lines.linewidth"]
    drawn_line = axes.errorbar(line.x, line.middle, bars if line.x.size else None, elinewidth=0.8, transform=moved, **look)
    axes.set_xmargin(max(0.05, (_APART * (count - 1) / 2 + look["markersize"]) / _NARROW))  # else the outer ones are cut off
    axes.update_datalim([(x, y) for x, low, high in zip(line.x, line.low, line.high, strict=True) for y in (low, high)])
    axes.autoscale_view()
    return drawn_line


def _places(one: PanelLines) -> Doubles:
    return np.concatenate([line.x for line in one.lines])


def _shortened(one: PanelLines) -> PanelLines:
    """Lines without the words that all their names share with the title of the panel."""
    names = [line.name for line in one.lines]
    before, after = _shared(names, one.panel.title), _shared([name[::-1] for name in names], one.panel.title, -1)
    short = [name[before : len(name) - after].strip(" ,") for name in names]
    if len(names) < 2 or len(set(short)) < len(names) or not all(short):
        return one
    ending = names[0][len(names[0]) - after :]
    y_label = one.y_label.removesuffix(ending) if after else one.y_label
    errors = one.errors.replace(ending, "") if after else one.errors
    errors = errors.replace(f"to {names[0][:before]}", "to ") if before else errors
    lines = tuple(line._replace(name=name) for line, name in zip(one.lines, short, strict=True))
    return one._replace(lines=lines, y_label=y_label, errors=errors)


def _shared(names: Sequence[str], said: str, step: int = 1) -> int:
    """Number of characters at the beginning of all names that end between words, and stand in the title, too."""
    found, common = _squeezed(said), min(names, key=len, default="")
    for length in range(len(common), 0, -1):
        if not all(name.startswith(common[:length]) for name in names):
            continue
        between = common[length - 1] == " " or (step < 0 and common[length - 1] == ",")
        words = common[:length][::step].strip(" ,")
        if between and words and _squeezed(words) in found:
            return length
    return 0


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


def _explained(found: Sequence[PanelLines]) -> str:
    """Sentences on what lines, bands and bars are, each with the panels that it is of."""
    said: dict[str, list[int]] = {}
    for place, one in enumerate(found):
        ages = {line.age for line in one.lines} - {None}
        late = [f"D_max = {ages.pop()}: age of the oldest message that was used"] if len(ages) == 1 else []
        for sentence in (one.errors, *late):
            said.setdefault(sentence, []).append(place)
    return "\n".join(
        sentence if len(places) == len(found) else f"{', '.join(map(letter, places))} {sentence}"
        for sentence, places in said.items()
    )
