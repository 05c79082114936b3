"""Link scheduling (Cui et al., 2019): sum rates of schedules as percentages of FPLinQ's."""

from collections.abc import Iterator

import numpy as np

from baselines.allocators import fplinq, greedy_scheduling, itlinq
from baselines.comparison.held_out import HeldOut
from baselines.comparison.measures import Measured
from benchmarks.published.rows import PublishedRow, known, row
from wirelessenv import Scenario

LENGTHS = ((2, 65), (30, 70))
"""Shortest and longest link of each case, m."""


def link_rows(shortest: int, longest: int, layouts: int = 400) -> Iterator[PublishedRow]:
    """The rows of a case.

    As published, the FPLinQ that all are relative to does not know the SNR gap, and greedy scheduling does. The layouts of the
    published means are taken to be as many as here.

    Args:
        shortest: length of a link, m.
        longest: length of a link, m.
        layouts: the number of them.

    Yields:
        Greedy scheduling, random halves, all links on; FPLinQ that knows the gap, ITLinQ.
    """
    scenario = Scenario(preset="d2d_links", placement={"shortest_link": shortest, "longest_link": longest})
    held = HeldOut.draw(scenario, range(layouts), slots=1, warm_up=0)
    gain, rated, noise, most = held.block.gain.astype(float), held.rated_gain(), scenario.noise_power, scenario.p_max
    powers = {
        "greedy": greedy_scheduling(rated, noise, most),
        "random": most * (np.random.default_rng(0).random(gain.shape[:-1]) < 0.5),
        "all on": np.full(gain.shape[:-1], most),
        "FPLinQ that knows the gap": fplinq(rated, noise, most),
        "ITLinQ": itlinq(rated, noise, most),
    }
    case = f"{shortest} to {longest} m"
    reference, theirs = Measured.of(held, fplinq(gain, noise, most), 0).utility, known("links")[case]
    for name, power in powers.items():
        yield row(case, name, 100 * Measured.of(held, power, 0).utility / reference, theirs.get(name), layouts)
