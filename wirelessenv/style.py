"""Style of all figures: fonts, sizes, colours and line styles, as a journal prints them.

    import matplotlib.pyplot as plt
    from wirelessenv.style import RC

    plt.rcParams.update(RC)

Nothing here imports matplotlib. Lines differ in colour and in dashes, and colours in lightness: they are told apart in
grey, too. Text in a PDF stays text (TrueType fonts, embedded).
"""

from typing import Any, NamedTuple

COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito (2008): told apart by the colour-blind."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
"""Solid, dashed, dotted, and two with dashes and dots. Their number and that of the colours have no common factor."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
KNOWING = {"nothing": "#f2f2f2", "own channel": "#b3d1e8", "neighbours": "#5597c8", "everything": "#0b4373"}
"""Colours by what must be known: the darker, the more."""
DARK, GREY, PALE = "#222222", "#666666", "#d9d9d9"
ONE_PANEL, ONE_ROW = (4.8, 3.1), 7.2
"""Inches: a figure of one panel, and the width of a row of them, which is that of a journal's two columns."""
RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#444444",
    "axes.axisbelow": True,  # grids are under bars
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)!r})",
    "axes.formatter.useoffset": False,
    "grid.color": PALE,
    "grid.linewidth": 0.4,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.8,  # long enough to see the dashes
    "figure.titlesize": 9,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 220,
    "pdf.fonttype": 42,  # TrueType, which journals ask for
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "wirelessenv",
}


class LineStyle(NamedTuple):
    """Look of one line among others."""

    colour: str
    dashes: Any
    marker: str


def line(number: int) -> LineStyle:
    """Style of a line: no two of the first 35 have the same colour and dashes.

    Args:
        number: its place among the lines, from 0.

    Returns:
        Colour, dashes and marker.
    """
    return LineStyle(COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)])
