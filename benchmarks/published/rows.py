"""A published value and ours: how far they may be apart, and the table of them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import Float

from trainers.workbench.terminal import markdown_table
from wirelessenv.arrays import Doubles
from wirelessenv.config import read_yaml

KNOWN = Path(__file__).with_name("known.yaml")


class PublishedRow(NamedTuple):
    """One value of one case."""

    case: str
    method: str
    ours: float
    error: float
    """standard error of ours"""
    theirs: float | None
    """None: nobody has published it"""
    their_error: float
    """standard error of theirs, as far as it is known or taken to be known"""

    @property
    def apart(self) -> float:
        """The difference in standard errors; 0 where there is nothing to compare with."""
        return 0.0 if self.theirs is None else (self.ours - self.theirs) / math.hypot(self.error, self.their_error)


def row(case: str, method: str, values: Float[Doubles, " layouts"], theirs: float | None, layouts: int) -> PublishedRow:
    """The row of a mean over layouts.

    Args:
        case: of the table.
        method: of the case.
        values: of each layout here.
        theirs: the published mean; None where there is none.
        layouts: of which that is the mean, as many as here where the source does not say.

    Returns:
        The row.
    """
    spread = float(values.std(ddof=1))
    return PublishedRow(
        case, method, float(values.mean()), spread / math.sqrt(values.size), theirs, spread / math.sqrt(layouts)
    )


def known(table: str) -> dict[str, dict[str, float]]:
    """Published values of a table: by case, and by method."""
    found: dict[str, dict[str, float]] = dict(read_yaml(KNOWN))[table]
    return found


def table(rows: Sequence[PublishedRow], digits: int) -> str:
    """The rows as a table in Markdown.

    Args:
        rows: of all cases.
        digits: behind the point.

    Returns:
        The lines, with one at the end.
    """
    lines: list[dict[str, Any]] = [
        {
            "case": one.case,
            "method": one.method,
            "ours": f"{one.ours:.{digits}f} ± {one.error:.{digits}f}",
            "published": "" if one.theirs is None else f"{one.theirs:g}",
            "apart, standard errors": "" if one.theirs is None else f"{one.apart:+.1f}",
        }
        for one in rows
    ]
    return "\n".join(markdown_table(lines)) + "\n"
