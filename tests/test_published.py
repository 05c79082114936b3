"""Published tables: each value within three standard errors of ours."""

import numpy as np
import pytest

from baselines.allocators import fractional_programming, sum_rate
from benchmarks.published.bands import CASES, as_published, band_rows
from benchmarks.published.floor import FLOOR, drawn, floor_rows, mean_gains
from benchmarks.published.links import LENGTHS, link_rows
from benchmarks.published.rows import known, table


@pytest.mark.slow
@pytest.mark.parametrize(("shortest", "longest"), LENGTHS)
def test_shares_of_fplinq_are_the_published_ones(shortest, longest):
    rows = list(link_rows(shortest, longest))
    assert {one.method for one in rows if one.theirs is not None} == set(known("links")[f"{shortest} to {longest} m"])
    assert [one for one in rows if abs(one.apart) >= 3] == []
    assert table(rows, 1).count("|\n") == len(rows) + 2


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_bands_and_powers_are_the_published_ones_or_better(case):
    """With several bands the authors' code finds less than there is, for reasons that docs/results/published.md measures."""
    rows = {one.method: one for one in band_rows(*case)}
    alike = {name for name in known("bands")["{} cells, {} links, M = {}".format(*case)] if name != "learned"}
    assert {name for name, one in rows.items() if one.theirs is not None} == alike
    for name in alike:
        if case[2] == 1 or name == "random":
            assert abs(rows[name].apart) < 3, name
        else:
            assert rows[name].apart > -3, name
    assert rows["ours"].ours > rows["FP"].ours
    assert rows["ours, a slot late"].ours < rows["ours"].ours


def test_fractional_programming_as_published_stops_early_or_goes_on_to_a_stationary_point():
    gain = np.random.default_rng(0).exponential(size=(50, 4, 4)) + 3 * np.eye(4)
    stopped, stationary = as_published(gain, 0.1, 1.0), fractional_programming(gain, 0.1, 1.0, iterations=1000, tolerance=0)
    assert ((stopped >= 0) & (stopped <= 1)).all()
    reached = [sum_rate(gain, 0.1, power) for power in (stopped, stationary)]
    assert reached[0].mean() < reached[1].mean()
    np.testing.assert_allclose(as_published(np.array([[[2.0]]]), 0.1, 3.0), [[3.0]])


@pytest.mark.slow
def test_a_floor_is_kept_with_a_larger_mean_than_itlinqs():
    rows = {(one.method, one.case): one for one in floor_rows()}
    for case, values in known("floor").items():
        assert set(values) == {method for (method, of), one in rows.items() if of == case and one.theirs is not None}
    assert [one for one in rows.values() if abs(one.apart) >= 3] == []
    kept, least = rows["with a floor", "mean"], rows["with a floor", "5th percentile"]
    assert least.ours - 3 * least.error > FLOOR
    assert kept.ours - 3 * kept.error > rows["ITLinQ", "mean"].ours  # on the same channels
    assert rows["fractional programming", "5th percentile"].ours < FLOOR


def test_everybody_is_served_by_the_strongest_transmitter():
    for seed in range(20):
        gain = mean_gains(np.random.default_rng(seed))
        assert gain.argmax(1).tolist() == list(range(6))
    assert drawn(2).shape == (2, 150, 6, 6)
