"""Ends of the seeds of a run's curves: what diverged has no result, and whatever is shown of the others says so."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd


def told(values: int, seeds: int, diverged: Iterable[int] = (), unit: str = "") -> str:
    """What is to be said beside a result of `values` of `seeds`, of which some `diverged`, each at an iteration (or a `unit`).

    >>> told(6, 6)
    ''
    >>> told(4, 6, [180, 120])
    '4 of 6; 2 diverged'
    >>> told(0, 6, [180] * 6)
    'diverged (6 of 6, at 180)'
    >>> told(0, 6, [180, 120])
    'diverged (2 of 6, at 120 to 180)'
    >>> told(0, 6)
    'no value'
    """
    at = sorted(diverged)
    if values:
        return "" if values == seeds else f"{values} of {seeds}" + (f"; {len(at)} diverged" if at else "")
    if not at:
        return "no value"
    return f"diverged ({len(at)} of {seeds}, at {at[0]}{f' to {at[-1]}' if at[-1] > at[0] else ''}{unit and f' {unit}'})"


def beside(shown: str, said: str) -> str:
    """A result with what is said beside it, or that alone where there is no result.

    >>> beside("0.9", "4 of 6; 2 diverged")
    '0.9 (4 of 6; 2 diverged)'
    """
    return f"{shown} ({said})" if shown and said else shown or said


def labelled(name: str, said: str) -> str:
    """A name with what is said of its result.

    >>> labelled("ring", "4 of 6; 2 diverged"), labelled("ring", "diverged (6 of 6, at 180)")
    ('ring (4 of 6; 2 diverged)', 'ring: diverged (6 of 6, at 180)')
    """
    return f"{name}: {said}" if said and not said[0].isdigit() else beside(name, said)


class Outcomes:
    """Metrics of a run without its seeds that diverged, and how many these are.

    Args:
        metrics: rows of metrics.csv.
        diverged: rows of diverged.csv.
        seeds: of the experiment.
    """

    def __init__(self, metrics: pd.DataFrame, diverged: Iterable[Mapping[str, str]], seeds: Sequence[int]) -> None:
        self._seeds = len(seeds)
        self._diverged = {(row["curve"], int(row["seed"])): int(row["iteration"]) for row in diverged}
        lost = [pair in self._diverged for pair in zip(metrics["curve"], metrics["seed"], strict=True)]
        self.sound = metrics[~np.array(lost, bool)]
        """Rows of the seeds that have not diverged."""

    def of(self, curve: str) -> pd.DataFrame:
        """Rows of a curve's seeds that have not diverged."""
        return self.sound[self.sound["curve"] == curve]

    def end(self, curve: str, column: str) -> "pd.Series[float]":
        """Last value of a column, by seed.

        Args:
            curve: by name.
            column: of metrics.csv.

        Returns:
            One value for each sound seed.
        """
        rows = self.of(curve)
        last = rows.loc[rows.groupby("seed")["iteration"].idxmax()]
        return last.set_index("seed")[column].astype(float)

    def diverged(self, curve: str) -> list[int]:
        """The iterations at which seeds of a curve diverged."""
        return [at for (name, _), at in self._diverged.items() if name == curve]

    def told(self, curve: str, values: int) -> str:
        """Remark beside a result of some of the curve's seeds; empty where it is of all.

        Args:
            curve: by name.
            values: number of seeds that the result is of.

        Returns:
            Such as "4 of 6; 2 diverged".
        """
        return told(values, self._seeds, self.diverged(curve))
