"""Rows of the printed tables."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], form: str) -> str:
    """The median of the rounds, and their range.

    Args:
        values: one for each round.
        form: of a number, such as ".2f".

    Returns:
        Text such as "2.00 (1.90 to 2.10)".
    """
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def row(what: str, measured: str, against: str = "", asked: str = "") -> dict[str, str]:
    """A row of a printed table.

    Args:
        what: is measured, with its unit.
        measured: the result.
        against: a comparison with something else.
        asked: the result that is aimed at.

    Returns:
        Text by column.
    """
    return {"what": what, "measured": measured, "against": against, "asked for": asked}
