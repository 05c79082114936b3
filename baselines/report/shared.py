"""Parts that reports of runs and of comparisons share: configuration, machine, and layouts."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from baselines.report.content import Chart, DirectoryReport, Trace
from trainers.workbench.files import read_file
from wirelessenv.network import WirelessNetwork
from wirelessenv.scenario import Scenario

LAYOUTS = 2
"""Number of layouts of a scenario that are drawn."""


def begin(path: Path, kind: str) -> DirectoryReport:
    """Begin a report with the configuration and the machine, as their files hold them.

    Args:
        path: of the directory.
        kind: "run" or "comparison".

    Returns:
        The report, to be gone on with.
    """
    report = DirectoryReport(path, kind)
    with report.part("configuration"):
        report.configuration = read_file(path / "config.yaml").decode()
    with report.part("machine"):
        found: dict[str, Any] = dict(json.loads(read_file(path / "manifest.json")))
        told = {key: value for key, value in found.items() if isinstance(value, str | int | float) and value != ""}
        report.machine = {key: value for key, value in told.items() if key != "what"}  # which the report says as its kind
    return report


def layouts(name: str, scenario: Scenario, seeds: list[int]) -> list[Chart]:
    """Draw layouts of a scenario; none where it has no geometry.

    Args:
        name: of the scenario, for titles.
        scenario: of the network.
        seeds: of the layouts.

    Returns:
        A chart for each.
    """
    charts = []
    for seed in seeds[:LAYOUTS]:
        block = WirelessNetwork(scenario, seed).block(1)
        transmitters, receivers, serving = block.transmitters[0, 0], block.receivers[0, 0], block.serving[0, 0]
        if not np.isfinite(transmitters).all():
            return []
        served = receivers[serving]
        gaps = np.full(len(served), np.nan)
        x, y = (np.stack([transmitters[:, axis], served[:, axis], gaps], axis=1).ravel().tolist() for axis in (0, 1))
        traces = (
            Trace("link", x, y, kind="links"),
            Trace("receiver", receivers[:, 0].tolist(), receivers[:, 1].tolist(), kind="dots"),
            Trace("transmitter", transmitters[:, 0].tolist(), transmitters[:, 1].tolist(), kind="dots"),
        )
        charts.append(Chart(f"{name}: layout of seed {seed}", "x", "y", traces, map=True))
    return charts
