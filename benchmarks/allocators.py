"""Milliseconds a channel that allocators take, on the law of the preset `gaussian`: |h|^2 exponential with mean 1, noise 1."""

import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.progress import Progress

from baselines.allocators import certified_optimum, wmmse
from benchmarks.plain_wmmse import wmmse as plain_wmmse
from benchmarks.reporting import row, spread

CHANNELS = 500
CERTIFIED = 100
ASKED = {"wmmse": {10: "0.08", 20: "0.27", 30: "0.6"}, "certified": {6: "50", 10: "5000"}}


def gains(channels: int, pairs: int) -> np.ndarray:
    """Gains of independent channels with mean 1.

    Args:
        channels: number of channels.
        pairs: m, of each channel.

    Returns:
        |h|^2 (channels, m, m).
    """
    return np.random.default_rng(pairs).exponential(size=(channels, pairs, pairs))


def milliseconds(run: Callable[[], object], channels: int) -> float:
    """Time that a call takes for each channel.

    Args:
        run: the call.
        channels: that it works on.

    Returns:
        Milliseconds a channel.
    """
    started = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - started) / channels


def table(rounds: int, bar: Progress) -> list[dict[str, str]]:
    """WMMSE beside the plain one of the tests, in turn in every round; the certified optimum channel by channel.

    Args:
        rounds: of measurements.
        bar: shows progress.

    Returns:
        Rows of the printed table.
    """
    rows = []
    for pairs in bar.track(ASKED["wmmse"], description="WMMSE"):
        gain = gains(CHANNELS, pairs)
        ours, plain = [], []
        for _ in range(rounds):
            ours.append(milliseconds(lambda gain=gain: wmmse(gain, 1.0, 1.0), CHANNELS))
            plain.append(milliseconds(lambda gain=gain: plain_wmmse(gain, 1.0, 1.0), CHANNELS))
        ratios = [b / a for a, b in zip(ours, plain, strict=True)]
        against = f"plain numpy {spread(plain, '.3f')}, {spread(ratios, '.2f')} times as fast"
        rows.append(row(f"WMMSE, m = {pairs}, ms a channel", spread(ours, ".4f"), against, ASKED["wmmse"][pairs]))
    for pairs, asked in ASKED["certified"].items():
        each = [
            milliseconds(lambda one=one: certified_optimum(one, 1.0, 1.0), 1)
            for one in bar.track(gains(CERTIFIED, pairs), description=f"certified optimum, m = {pairs}")
        ]
        mean = f"mean {statistics.fmean(each):.1f}, of {CERTIFIED} channels"
        rows.append(row(f"certified optimum, m = {pairs}, ms", spread(each, ".1f"), mean, asked))
    return rows
