"""The measurement of speeds within TorchRL runs, and compares what it says."""

from benchmarks.libraries import table


def test_every_speed_is_measured():
    rows = table(rounds=1, scale=0.01)
    assert len(rows) == 6
    assert all(float(row["measured"].split()[0]) > 0 for row in rows)
