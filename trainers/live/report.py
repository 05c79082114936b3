"""Report of a live run: ages as they were measured, in the words that the simulator has for those that it draws."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.events.timetable import Server
from trainers.experiments.experiment import Experiment
from trainers.live.party import Arrays
from trainers.live.replay import RecordedTimetable
from trainers.workbench.files import write_atomically
from trainers.workbench.work_directory import WorkDirectory


class LiveDirectory(WorkDirectory):
    """The directory of a live run: config.yaml, manifest.json, schedule.npz, metrics.csv and ages.csv."""

    what: ClassVar[str] = "live run"

    def configuration(self) -> Experiment:
        return self._read_configuration(Experiment)

    @property
    def schedule(self) -> Path:
        """The file with the schedule."""
        return self.path / "schedule.npz"

    @property
    def pieces(self) -> Path:
        """The folder of its pieces, while the run goes on."""
        return self.path / "schedule"

    def write_table(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Write a table of rows, atomically.

        Args:
            name: of the file.
            rows: with the same columns.
        """
        text = io.StringIO()
        table = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_atomically(self.path / name, text.getvalue().encode())


def ages_of(kind: str, schedule: Arrays) -> NDArray[np.int64]:
    """Ages of all that was used, in the instants of the simulator: rounds, updates or ticks.

    Of Algorithm 2, t - T of the others' entries in each update; of AsyncBC, the staleness of each answer; of PARS-Push, t -
    kappa_ij of each link whenever its receiver has taken in what had arrived.

    Args:
        kind: of the learner.
        schedule: of its run.

    Returns:
        The ages, in no order that means something.
    """
    if kind == "async_bc":
        tasks, concurrency = schedule["task"], len(schedule["first"])
        return np.asarray(np.arange(len(tasks)) - np.maximum(0, tasks - concurrency + 1))
    if kind == "pars_push":
        return _ages_of_sums(schedule)
    heard = schedule["update_heard"].astype(np.int64)
    others = (heard >= 0) & (np.arange(heard.shape[-1]) != schedule["update_agent"][:, None])
    return np.asarray((schedule["update_round"][:, None] - heard)[others])


def _ages_of_sums(schedule: Arrays) -> NDArray[np.int64]:
    found = [np.zeros(0, np.int64)]
    for link, receiver in enumerate(schedule["link_receiver"]):
        awake = schedule["woken_tick"][schedule["woken_node"] == receiver]
        own = schedule["taken_link"] == link
        newest = np.searchsorted(schedule["taken_tick"][own], awake, side="right") - 1
        known = newest >= 0
        found.append(awake[known] - schedule["taken_sent"][own][newest[known]])
    return np.concatenate(found)


def summary(kind: str, schedule: Arrays, clients: int) -> dict[str, float]:
    """Ages and times of a run by name.

    Args:
        kind: of the learner.
        schedule: of its run.
        clients: number of agents, clients or nodes.

    Returns:
        Mean and largest age; of AsyncBC, what a timetable says of itself; of the others, how often an agent acts.
    """
    ages = ages_of(kind, schedule)
    found = {"mean age": float(ages.mean()) if ages.size else 0.0, "largest age": float(ages.max(initial=0))}
    if kind == "async_bc":
        table = RecordedTimetable(Server(), clients, schedule)
        known = table.summary(len(schedule["task"]))
        return found | {name: known[name] for name in ("tau_c", "concurrency")}
    if kind == "pars_push":
        return found | {"share of ticks awake": len(schedule["woken_tick"]) / max(1, clients * int(schedule["ticks"]))}
    return found | {"updates an agent and round": len(schedule["update_round"]) / max(1, clients * len(schedule["post"]))}


def counted(ages: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Table of ages: how often each of them occurs."""
    times = np.bincount(ages) if ages.size else np.zeros(0, int)
    return [{"age": age, "times": int(count)} for age, count in enumerate(times) if count]
