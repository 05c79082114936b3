"""Colours, dashes, titles and files of figures."""

import io
import warnings
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from trainers.workbench.files import write_atomically
from wirelessenv.text import drawn

matplotlib.use("Agg")

DASHES = ("-", "--", ":", "-.")
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind


def title(text: str) -> str:
    """Prepare a title for matplotlib: its lines are lines, and its dollars are dollars."""
    return "\n".join(drawn(line, 120) for line in text.split("\n")[:5])


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and PDF, atomically.

    Args:
        figure: of matplotlib.
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
            figure.savefig(content, format=kind, dpi=160, metadata={"CreationDate": None} if kind == "pdf" else None)
        write_atomically(folder / f"{name}.{kind}", content.getvalue())
        paths.append(folder / f"{name}.{kind}")
    return paths
