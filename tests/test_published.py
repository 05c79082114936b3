"""Published tables: each value within three standard errors of ours."""

import pytest

from benchmarks.published.links import LENGTHS, link_rows
from benchmarks.published.rows import known, table


@pytest.mark.slow
@pytest.mark.parametrize(("shortest", "longest"), LENGTHS)
def test_shares_of_fplinq_are_the_published_ones(shortest, longest):
    rows = list(link_rows(shortest, longest))
    assert {one.method for one in rows if one.theirs is not None} == set(known("links")[f"{shortest} to {longest} m"])
    assert [one for one in rows if abs(one.apart) >= 3] == []
    assert table(rows, 1).count("|\n") == len(rows) + 2
