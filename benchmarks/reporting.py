"""Rows of the printed tables."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], form: str) -> str:
    """The median of the rounds, and their range."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def row(what: str, measured: str, against: str = "", asked: str = "") -> dict[str, str]:
    return {"what": what, "measured": measured, "against": against, "asked for": asked}
