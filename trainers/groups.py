"""Groups of runs, the units of work, and the files that each of them writes below the run directory.

groups/000/metrics.csv, diverged.csv   its rows, without a head: `RunDirectory.assemble` makes the tables of them
groups/000/columns                     those of its metrics, where they are not METRICS
groups/000/checkpoint-200.pt           the learner's whole state; the two newest
groups/000/policies.pt                 what it has learned, when it is done: curves, seeds, parameters
"""

import csv
import fcntl
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from trainers.experiment import Experiment
from trainers.storage import read_tensors, write_atomically, write_tensors
from wirelessenv.config import ConfigError

METRICS = (
    "curve",
    "seed",
    "iteration",
    "slots",
    "simulated_seconds",
    "messages",
    "entries",
    "bits",
    "bits_delta",
    "wall_seconds",
    "utility",
    "full_power_utility",
    "max_age",
    "dropped_queries",
)
"""Columns of what agents with policies report, and the order of those that others report, too."""
DIVERGED = ("curve", "seed", "iteration", "quantity")
TABLES = ("metrics.csv", "diverged.csv")


def in_order(columns: Iterable[str]) -> tuple[str, ...]:
    """Columns in the order of METRICS, and those that are not there after them."""
    names = dict.fromkeys(columns)
    return (*(name for name in METRICS if name in names), *(name for name in names if name not in METRICS))


class Group(NamedTuple):
    """Runs that train side by side: some curves, each on some seeds."""

    number: int
    curves: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def runs(self) -> int:
        """How many runs it is."""
        return len(self.curves) * len(self.seeds)


def groups_of(experiment: Experiment) -> list[Group]:
    """The groups of an experiment. They depend on nothing else, so that its numbers do not either."""
    pairs: list[tuple[tuple[str, ...], tuple[int, ...]]] = []
    for curves in experiment.groups():
        most = experiment.curve(curves[0]).learner.seeds_together
        parts = np.array_split(np.arange(len(experiment.seeds)), -(-len(experiment.seeds) // most))
        pairs += [(tuple(curves), tuple(experiment.seeds[at] for at in part)) for part in parts]
    return [Group(number, *pair) for number, pair in enumerate(pairs)]


class GroupFiles:
    """What a group writes: rows, checkpoints, and in the end its policies."""

    def __init__(self, run: Path, group: Group) -> None:
        self.group = group
        self.path = run / "groups" / f"{group.number:03d}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out; wait for the worker of a run that was killed, which dies a moment after it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows to "metrics.csv" or "diverged.csv"."""
        with (self.path / table).open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns(table), lineterminator="\n").writerows(rows)

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table: of metrics.csv those of `reports`, METRICS where it was never called."""
        path = self.path / "columns"
        if table != "metrics.csv" or not path.exists():
            return METRICS if table == "metrics.csv" else DIVERGED
        return tuple(path.read_text(encoding="utf-8").split())

    def reports(self, columns: Iterable[str]) -> None:
        """Say, before the first row, which columns the rows of metrics.csv will have."""
        own = in_order([*DIVERGED[:3], "wall_seconds", *columns])
        if own != self.columns("metrics.csv"):
            write_atomically(self.path / "columns", " ".join(own).encode())

    def rows(self, table: str) -> Iterator[list[str]]:
        """The rows written so far, but for one that is being written, or is damaged: checksums say what may be gone on with."""
        path = self.path / table
        text = path.read_bytes() if path.exists() else b""
        whole, width = text[: text.rfind(b"\n") + 1].decode(errors="replace"), len(self.columns(table))
        rows = csv.reader(whole.splitlines(keepends=True))
        return (row for row in rows if len(row) == width and row[1].isdecimal() and row[2].isdecimal())

    def iteration(self) -> int:
        """The iteration of the newest row; 0 where there is none."""
        newest = 0
        for table in TABLES:
            for row in self.rows(table):
                newest = max(newest, int(row[2]))
        return newest

    def save(self, iteration: int, learner: dict[str, Any]) -> None:
        """Write a checkpoint; the rows before it are on the disk by then. Only the two newest are kept."""
        write_tensors(self.path / f"checkpoint-{iteration}.pt", {"tables": self._tables(), "learner": learner})
        for path in self.checkpoints()[:-2]:
            path.unlink()

    def checkpoints(self) -> list[Path]:
        """Their files, the newest last."""
        return sorted(self.path.glob("checkpoint-*.pt"), key=lambda path: int(path.stem.partition("-")[2]))

    def load(self) -> dict[str, Any] | None:
        """The state of the newest whole checkpoint, with the tables cut to it; None, and no tables, if there is none."""
        for path in reversed(self.checkpoints()):
            saved = self._read(path)
            if saved is not None:
                state: dict[str, Any] = saved["learner"]
                return state
        for table in TABLES:
            (self.path / table).unlink(missing_ok=True)
        return None

    def finish(self, parameters: torch.Tensor) -> None:
        """Keep what was learned, parameters (seeds, agents, curves, size), and forget the checkpoints."""
        learned = {"curves": self.group.curves, "seeds": self.group.seeds, "parameters": parameters.cpu()}
        write_tensors(self.path / "policies.pt", {**learned, "tables": self._tables()})
        self.forget_checkpoints()

    def forget_checkpoints(self) -> None:
        """Delete them, and those that were refused."""
        for path in self.path.glob("checkpoint-*"):
            path.unlink()

    def finished(self) -> bool:
        """Whether the group is done, with policies and rows as they were written."""
        path = self.path / "policies.pt"
        return path.exists() and self._read(path) is not None

    def _read(self, path: Path) -> dict[str, Any] | None:
        """A checkpoint or policies, with the tables cut to it; None, set aside, and a warning, if it cannot be used."""
        try:
            saved: dict[str, Any] = read_tensors(path)
            self._cut(saved["tables"], path)
        except ConfigError as error:
            print(f"{error}; it is set aside, and training goes on from what was saved before", file=sys.stderr)
            path.replace(path.with_name(path.name + ".refused"))
            return None
        return saved

    def _tables(self) -> dict[str, list[int]]:
        """Length and checksum of each table, after flushing it to the disk."""
        found = {}
        for table in TABLES:
            with (self.path / table).open("ab+") as file:
                os.fsync(file.fileno())
                file.seek(0)
                content = file.read()
            found[table] = [len(content), zlib.crc32(content)]
        return found

    def _cut(self, tables: dict[str, list[int]], wanted_by: Path) -> None:
        """Cut the tables to the lengths they had; raises ConfigError where they are not what they were."""
        for table, (length, checksum) in tables.items():
            path = self.path / table
            content = path.read_bytes()[:length] if path.exists() else b""
            if (len(content), zlib.crc32(content)) != (length, checksum):
                raise ConfigError(f"{wanted_by}: does not fit the {table} beside it")
        for table, (length, _) in tables.items():
            if (self.path / table).stat().st_size > length:
                os.truncate(self.path / table, length)
