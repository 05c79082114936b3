"""Averages over layouts or seeds, with bootstrap intervals."""

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np

from wirelessenv.arrays import Doubles
from wirelessenv.config import Model


class Interval(Model):
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


Average = Literal["mean", "median", "interquartile_mean"]


def averaged(values: Doubles, average: Average, axis: int = -1) -> Doubles:
    """Average of values: mean, median, or interquartile mean, which is that of the middle half.

    Args:
        values: of any shape.
        average: which.
        axis: over which it is taken.

    Returns:
        Of the shape of values without the axis.
    """
    if average == "interquartile_mean":
        from scipy import stats  # noqa: PLC0415  # only claims and comparisons need it

        return np.asarray(stats.trim_mean(values, 0.25, axis=axis))
    return np.asarray((np.mean if average == "mean" else np.median)(values, axis=axis))


def interval(values: Sequence[float] | Doubles, average: Average, resamples: int = 9999) -> Interval:
    """Average over layouts with its 95 % bootstrap interval (percentile for the median, else BCa), seed fixed.

    Args:
        values: one for each layout.
        average: which.
        resamples: of the bootstrap.

    Returns:
        The interval; infinite where there is a single value.
    """
    from scipy import stats  # noqa: PLC0415  # only claims and comparisons need it

    def statistic(sample: Doubles, axis: int = -1) -> Doubles:
        return averaged(sample, average, axis)

    sample = np.asarray(values, float)
    estimate = float(statistic(sample))
    if len(sample) < 2 or np.ptp(sample) == 0:
        low, high = (estimate,) * 2 if np.ptp(sample) == 0 and len(sample) > 1 else (-np.inf, np.inf)
        return Interval.model_construct(estimate=estimate, low=low, high=high)
    for method in ("percentile",) if average == "median" else ("BCa", "percentile"):
        with np.errstate(invalid="ignore"), warnings.catch_warnings(action="ignore", category=stats.DegenerateDataWarning):
            found = stats.bootstrap((sample,), statistic, n_resamples=resamples, method=method, rng=np.random.default_rng(0))
        low, high = found.confidence_interval
        if np.isfinite(low) and np.isfinite(high):
            break  # BCa has none where leaving one value out never changes the average
    return Interval.model_construct(estimate=estimate, low=float(low), high=float(high))
