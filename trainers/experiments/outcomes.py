"""Ends of the seeds of a run's curves: what diverged has no result, and whatever is shown of the others says so."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from trainers.workbench.outcomes import told


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

    def end(self, curve: str, column: str, last: float = 0.0) -> "pd.Series[float]":
        """Last value of a column, or its mean over the last part of a curve, by seed.

        Args:
            curve: by name.
            column: of metrics.csv.
            last: the part of the iterations, 0 to 1.

        Returns:
            One value for each sound seed.
        """
        rows = self.of(curve)
        ends = rows.groupby("seed")["iteration"].transform("max")
        return rows[rows["iteration"] >= (1 - last) * ends].groupby("seed")[column].mean().astype(float)

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
