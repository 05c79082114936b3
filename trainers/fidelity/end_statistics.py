"""Statistics of any column of a run, for claims about gradient methods, and of utilities of any sign: one number a seed."""

from typing import Literal

import numpy as np
from pydantic import Field

from trainers.experiments.figures import Reached
from trainers.fidelity.statistics import Curves, Statistic, sound
from wirelessenv.arrays import Doubles
from wirelessenv.config import Positive, Seed


class AboveFullPower(Statistic):
    """Utility of `curve` at its end minus that of full power, in the utility's unit: also where utilities are negative."""

    kind: Literal["above_full_power"] = "above_full_power"
    curve: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        ends, full = (curves.table(self.curve, column).iloc[-1] for column in ("utility", "full_power_utility"))
        return sound(np.asarray(ends - full))


class EndRatio(Statistic):
    """log2 of a column at the end of `first` (or where it gets to `when`) over the same of `second`."""

    kind: Literal["end_ratio"] = "end_ratio"
    first: str
    second: str
    column: str
    second_column: str | None = Field(None, description="if it is another")
    when: Reached | None = None

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        first = curves.taken(self.first, self.column, self.when)
        second = curves.taken(self.second, self.second_column or self.column, self.when)
        with np.errstate(divide="ignore"):  # what is 0 has no logarithm, and no value
            return sound(np.log2(first / second))


class EndDifference(Statistic):
    """Column at the end of `first`, minus the same of `second` where there is one."""

    kind: Literal["end_difference"] = "end_difference"
    first: str
    second: str | None = None
    column: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        first, second = (curves.taken(name, self.column) if name else 0.0 for name in (self.first, self.second))
        return sound(np.asarray(first - second))


class EndSlope(Statistic):
    """Power of a setting with which a column at the end (or where it gets to `when`) grows: slope of its log, a layout."""

    kind: Literal["end_slope"] = "end_slope"
    settings: dict[str, Positive] = Field(description="the setting of each curve")
    column: str
    when: Reached | None = None

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        with np.errstate(divide="ignore"):  # what is 0 has no logarithm, and no value
            ends = np.log(np.stack([curves.taken(name, self.column, self.when) for name in self.settings]))
        setting = np.log(np.array(list(self.settings.values()), float))[:, None]
        centred = setting - setting.mean()
        return sound(np.round((centred * ends).sum(0) / (centred**2).sum(), 9))


class Fall(Statistic):
    """log2 of a column at the end of a curve over the same at its start."""

    kind: Literal["fall"] = "fall"
    curve: str
    column: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        start = curves.table(self.curve, self.column).iloc[0].sort_index().to_numpy(float)
        with np.errstate(divide="ignore"):  # what is 0 has no logarithm, and no value
            return sound(np.log2(curves.taken(self.curve, self.column) / start))


class Lost(Statistic):
    """1 where a seed of a curve diverged before `iterations`, 0 where it did not."""

    kind: Literal["lost"] = "lost"
    curve: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        last = curves.iterations(self.curve)
        lost = (last < curves.iterations().max()) | np.isin(curves.seeds, list(curves.diverged(self.curve)))
        when = f"last sound evaluation at {last[lost].min():.0f} to {last[lost].max():.0f}" if lost.any() else ""
        return lost.astype(float), when


class MeanDifference(Statistic):
    """Column of `first` minus the same of `second`, each averaged over all evaluations: who is ahead on the way."""

    kind: Literal["mean_difference"] = "mean_difference"
    first: str
    second: str
    column: str
    since: Seed = Field(
        0, description="iteration of the first evaluation that counts: AsyncBC has made a step before the first"
    )

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        tables = (curves.table(name, self.column) for name in (self.first, self.second))
        first, second = (table[table.index >= self.since].mean() for table in tables)
        return sound(np.asarray(first - second))


class Jumpiness(Statistic):
    """log2 of the ratio of two curves' root mean square change of a column between evaluations, over their second half."""

    kind: Literal["jumpiness"] = "jumpiness"
    first: str
    second: str
    column: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        rough = []
        for name in (self.first, self.second):
            table = curves.table(name, self.column)
            rough.append(np.sqrt((table.iloc[len(table) // 2 :].diff().iloc[1:] ** 2).mean()))
        return sound(np.asarray(np.log2(rough[0] / rough[1])))
