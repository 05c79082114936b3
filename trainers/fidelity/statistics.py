"""Statistics of a run that a claim is about: one number for each layout, from the metrics table alone.

Gains are (utility - start) / (reference's utility at its end - reference's start), paired by layout, so that a layout on
which everything is easy counts no more than another.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from trainers.experiments.figures import Axis, Reached
from trainers.workbench.outcomes import told
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, Piece, Probability, nearest


class NoValue(ConfigError):  # noqa: N818  # the name says what happened
    """Raised for a statistic of which no seed has a value."""


class Curves:
    """Metrics of a run as tables (iteration x seed). A seed that diverged on a curve has no values of it, NaN.

    Args:
        metrics: rows of metrics.csv.
        diverged: (curve, seed) of each that did, or a mapping from these to the iteration.
    """

    def __init__(self, metrics: pd.DataFrame, diverged: Iterable[tuple[str, int]] | Mapping[tuple[str, int], int] = ()) -> None:
        self._metrics, self._diverged = metrics, diverged if isinstance(diverged, Mapping) else dict.fromkeys(diverged, 0)
        self.seeds = sorted({*metrics["seed"], *(seed for _, seed in self._diverged)})
        """Seeds of the run, in order."""

    def _rows(self, curve: str, *columns: str) -> pd.DataFrame:
        for column in columns:
            if column not in self._metrics:
                raise ConfigError(f'statistic: "{column}" is not a column of the run{nearest(column, self._metrics.columns)}')
        rows = self._metrics[self._metrics["curve"] == curve]
        if rows.empty:
            if self.diverged(curve):
                raise NoValue(f'statistic: no seed has a value: all of "{curve}" diverged')
            raise ConfigError(f'statistic: "{curve}" is not a curve of the run')
        return rows

    def _sound(self, curve: str) -> list[int]:
        return [seed for seed in self.seeds if (curve, seed) not in self._diverged]

    def diverged(self, curve: str) -> dict[int, int]:
        """The iteration at which each seed of a curve diverged that did."""
        return {seed: at for (name, seed), at in self._diverged.items() if name == curve}

    def told(self, names: Iterable[str]) -> str:
        """Remark on the seeds of these curves that diverged, and when; empty where none did."""
        lost = {name: self.diverged(name).values() for name in names}
        return "; ".join(f"{name} {told(0, len(self.seeds), at)}" for name, at in lost.items() if at)

    def table(self, curve: str, column: str = "utility") -> pd.DataFrame:
        """One column of a curve as a table (iteration x seed).

        Args:
            curve: by name.
            column: of metrics.csv.

        Returns:
            The table; NaN for seeds that diverged.

        Raises:
            ConfigError: where the run has no such curve or column.
        """
        whole = self._rows(curve, column).pivot(index="iteration", columns="seed", values=column)
        return whole.reindex(columns=self._sound(curve)).reindex(columns=self.seeds)

    def gain(self, curve: str, reference: str, reference_at: float = 1.0) -> pd.DataFrame:
        """Gains of a curve, relative to the reference's gain at its end.

        Args:
            curve: by name.
            reference: curve of gain 1 at its end.
            reference_at: take the reference's end earlier, after this part of its iterations.

        Returns:
            A table (iteration x seed).
        """
        utility, best = self.table(curve), self.table(reference)
        at = best.index[best.index <= reference_at * best.index[-1]][-1]
        gain: pd.DataFrame = (utility - utility.iloc[0]) / (best.loc[at] - best.iloc[0])
        return gain

    def time_to(self, level: float, curve: str, reference: str, axis: Axis) -> tuple[Doubles, int]:
        """Amount that each seed has spent when its gain first reaches a level.

        A seed that never does counts with all that it has spent: its true value is larger.

        Args:
            level: of the gain.
            curve: by name.
            reference: curve of gain 1.
            axis: column that counts what is spent.

        Returns:
            One value for each seed, and the number of seeds that never reach the level.
        """
        reached = self.gain(curve, reference) >= level
        spent = self.table(curve, axis).ffill()
        first = reached.to_numpy().argmax(axis=0)
        missed = ~reached.to_numpy().any(axis=0)
        values = spent.to_numpy(float)[np.where(missed, len(spent) - 1, first), np.arange(spent.shape[1])]
        return values, int((missed & spent.notna().any().to_numpy()).sum())

    def taken(self, curve: str, column: str, when: Reached | None = None) -> Doubles:
        """Values of a column at each seed's last evaluation, or at the first where another is at most a level.

        Args:
            curve: by name.
            column: whose values are taken.
            when: the other column and its level.

        Returns:
            One value for each seed; NaN where it diverged or never got there.
        """
        rows = self._rows(curve, column, *([] if when is None else [when.column]))
        there = rows if when is None else rows[rows[when.column] <= when.below]
        pick = there.groupby("seed")["iteration"].idxmax() if when is None else there.groupby("seed")["iteration"].idxmin()
        found: pd.Series[float] = there.loc[pick].set_index("seed")[column]
        return np.asarray(found.reindex(self._sound(curve)).reindex(self.seeds), float)

    def iterations(self, curve: str | None = None) -> Doubles:
        """The last iteration of each seed of a curve, or of the whole run, also of those that diverged."""
        rows = self._metrics if curve is None else self._metrics[self._metrics["curve"] == curve]
        return np.asarray(rows.groupby("seed")["iteration"].max().reindex(self.seeds, fill_value=0), float)


class Statistic(Piece):
    """A statistic of a run, one value a layout."""

    @abstractmethod
    def values(self, curves: Curves) -> tuple[Doubles, str]:
        """Values, one for each layout, and a remark, such as how many runs never got there."""

    def names(self) -> list[str]:
        """Texts among its settings: names of curves, and a few words of its own."""
        said = self.dump()
        return [value for value in (*said.values(), *said.get("settings", ())) if isinstance(value, str)]


class GainDifference(Statistic):
    """Gain of `first` minus gain of `second`, averaged over the whole run (how fast) or at its end."""

    kind: Literal["gain_difference"] = "gain_difference"
    first: str
    second: str
    reference: str
    when: Literal["average", "end"] = "average"

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        both = [curves.gain(name, self.reference) for name in (self.first, self.second)]
        found = [gain.mean() if self.when == "average" else gain.iloc[-1] for gain in both]
        return sound(np.asarray(found[0] - found[1]))


class GainShare(Statistic):
    """Gain of `curve` at its end; `reference_at` looks at the reference after that part of its iterations."""

    kind: Literal["gain_share"] = "gain_share"
    curve: str
    reference: str
    reference_at: Probability = 1.0

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        return sound(np.asarray(curves.gain(self.curve, self.reference, self.reference_at).iloc[-1]))


class UtilityRatio(Statistic):
    """Utility of `first` at its end, or in the `last` part of the run, over that of `second`, or over full power's."""

    kind: Literal["utility_ratio"] = "utility_ratio"
    first: str
    second: str | None = Field(None, description="a curve; none: full power")
    last: Probability = Field(0.0, description="part of the run, up to its end, over which utilities are averaged")

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        column = "utility" if self.second else "full_power_utility"
        tables = curves.table(self.first), curves.table(self.second or self.first, column)
        first, second = (table[table.index >= (1 - self.last) * table.index[-1]].mean() for table in tables)
        return sound(np.asarray(first / second))


class TimeSlope(Statistic):
    """Power of a setting with which the time to a level of the gain grows: slope of log(time) over log(setting), a layout."""

    kind: Literal["time_slope"] = "time_slope"
    settings: dict[str, Count] = Field(description="the setting of each curve")
    reference: str
    axis: Axis
    level: Probability = 0.5

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        found = [curves.time_to(self.level, name, self.reference, self.axis) for name in self.settings]
        times = np.log(np.stack([np.maximum(times, 1e-9) for times, _ in found]))
        setting = np.log(np.array(list(self.settings.values()), float))[:, None]
        centred = setting - setting.mean()
        slopes = (centred * times).sum(0) / (centred**2).sum()
        missed = {name: missed for name, (_, missed) in zip(self.settings, found, strict=True)}
        return sound(np.round(slopes, 9), _missed(missed))


class CostRatio(Statistic):
    """log2 of what `first` spends on `axis` to reach a level of the gain, over what `second` spends."""

    kind: Literal["cost_ratio"] = "cost_ratio"
    first: str
    second: str
    reference: str
    axis: Axis = "bits"
    level: Probability = 0.5

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        (first, missed), (second, also) = (
            curves.time_to(self.level, name, self.reference, self.axis) for name in (self.first, self.second)
        )
        return sound(np.log2(first / second), _missed({self.first: missed, self.second: also}))


class ShareDifference(Statistic):
    """Average gain of `first`, against its own reference, minus that of `second` against its own."""

    kind: Literal["share_difference"] = "share_difference"
    first: str
    first_reference: str
    second: str
    second_reference: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        first = curves.gain(self.first, self.first_reference).mean()
        second = curves.gain(self.second, self.second_reference).mean()
        return sound(np.asarray(first - second))


class Roughness(Statistic):
    """log2 of the ratio of two curves' roughness: root mean square change of the gain from evaluation to evaluation.

    Taken over the second half of the run, where a smooth curve is nearly flat.
    """

    kind: Literal["roughness"] = "roughness"
    first: str
    second: str
    reference: str

    def values(self, curves: Curves) -> tuple[Doubles, str]:
        rough = []
        for name in (self.first, self.second):
            gain = curves.gain(name, self.reference)
            changes = gain.iloc[len(gain) // 2 :].diff().iloc[1:]
            rough.append(np.sqrt((changes**2).mean()))
        return sound(np.asarray(np.log2(rough[0] / rough[1])))


def sound(values: Doubles, remark: str = "") -> tuple[Doubles, str]:
    """Keep the finite values, with a remark on the others: seeds that diverged, or did not arrive.

    Args:
        values: one for each seed.
        remark: that the other one is added to.

    Returns:
        The finite values, and the remark.

    Raises:
        NoValue: where none is finite.
    """
    sound = np.isfinite(values)
    if not sound.any():
        raise NoValue("statistic: no seed has a value: none arrived, or all diverged")
    lost = "" if sound.all() else f"{(~sound).sum()} of {len(values)} seeds have no value"
    return values[sound], "; ".join(part for part in (remark, lost) if part)


def _missed(missed: dict[str, int]) -> str:
    """A remark on the runs that never reached the level, each counted with all that it spent."""
    some = {name: count for name, count in missed.items() if count}
    return "not reached: " + ", ".join(f"{name} {count} times" for name, count in some.items()) if some else ""
