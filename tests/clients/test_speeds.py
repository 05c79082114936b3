"""The measurement of speeds within TorchRL runs, and compares what it says."""

import pytest


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TorchRL's collectors say so of themselves, when they are imported
def test_every_speed_is_measured():
    from benchmarks.libraries import table

    rows = table(rounds=1, scale=0.01)
    assert len(rows) == 8
    assert all(float(row["measured"].split()[0]) > 0 for row in rows)
