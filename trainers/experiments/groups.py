"""Groups of runs, the units of work, and the files that each of them writes below the run directory.

groups/000/metrics.csv, diverged.csv   its rows, without a head: `RunDirectory.assemble` makes the tables of them
groups/000/columns                     those of its metrics, where they are not METRICS
groups/000/checkpoint-200.pt           the learner's whole state; the two newest
groups/000/policies.pt                 what it has learned, when it is done: curves, seeds, parameters
"""

import csv
import fcntl
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from trainers.experiments.experiment import Experiment
from trainers.experiments.strided import AnyLearner
from trainers.workbench.files import opened_to_change, read_file, read_tensors, reading, write_atomically, write_tensors
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
"""All tables there are: no other name, whoever gives it, is part of a path."""
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,18})\.pt", re.ASCII)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)


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
        """Number of runs: curves times seeds."""
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
    """Files that a group writes: rows, checkpoints, and in the end its policies."""

    def __init__(self, run: Path, group: Group) -> None:
        self.group = group
        self.path = run / "groups" / f"{group.number:03d}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out; wait for the worker of a run that was killed, which dies a moment after it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with opened_to_change(self.path / ".lock") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows at the end of a table.

        Args:
            table: "metrics.csv" or "diverged.csv".
            rows: by column.
        """
        with opened_to_change(self.path / table) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            csv.DictWriter(text, self.columns(table), lineterminator="\n").writerows(rows)

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table: of metrics.csv those of `reports`, METRICS where it was never called."""
        path = self.path / "columns"
        if table != "metrics.csv" or not path.exists():
            return METRICS if table == "metrics.csv" else DIVERGED
        with reading(path, self._again()):
            names = tuple(read_file(path).decode().split())
            if names[:3] != DIVERGED[:3] or len(set(names)) < len(names) or not all(map(str.isidentifier, names)):
                raise ConfigError("is damaged: it does not hold the names of columns")
        return names

    def _again(self) -> str:
        return f"delete {self.path}, and the same command with --resume trains it again"

    def reports(self, columns: Iterable[str]) -> None:
        """Note, before the first row, which columns the rows of metrics.csv will have."""
        own = in_order([*DIVERGED[:3], "wall_seconds", *columns])
        if own != self.columns("metrics.csv"):
            write_atomically(self.path / "columns", " ".join(own).encode())

    def rows(self, table: str) -> Iterator[list[str]]:
        """The rows written so far, but for one that is being written, or is damaged: checksums say what may be gone on with."""
        path = self.path / table
        with reading(path, self._again()):
            text = read_file(path) if path.exists() else b""
        whole, width = text[: text.rfind(b"\n") + 1].decode(errors="replace"), len(self.columns(table))
        curves, seeds = set(self.group.curves), set(map(str, self.group.seeds))
        for row in _csv_rows(whole):
            if len(row) == width and row[0] in curves and row[1] in seeds and NUMBER.fullmatch(row[2]):
                yield row

    def iteration(self) -> int:
        """The iteration of the newest row; 0 where there is none."""
        newest = 0
        for table in TABLES:
            for row in self.rows(table):
                newest = max(newest, int(row[2]))
        return newest

    def save(self, iteration: int, learner: dict[str, Any]) -> None:
        """Write a checkpoint; the rows before it are on the disk by then. Only the two newest are kept.

        Args:
            iteration: at which the learner is.
            learner: its state.
        """
        write_tensors(self.path / f"checkpoint-{iteration}.pt", {"tables": self._tables(), "learner": learner})
        for path in self.checkpoints()[:-2]:
            path.unlink()

    def checkpoints(self) -> list[Path]:
        """Files of the checkpoints, the newest last."""
        numbers = [path for path in self.path.glob("checkpoint-*.pt") if _CHECKPOINT.fullmatch(path.name)]
        return sorted(numbers, key=_number)

    def load(self, fresh: Callable[[], AnyLearner], iterations: int) -> tuple[AnyLearner, bool]:
        """Restore a learner from the newest usable checkpoint, and cut the tables to it.

        Args:
            fresh: builds a learner.
            iterations: of the experiment; a checkpoint is of fewer.

        Returns:
            The learner, and whether there was a checkpoint; where there was none, it is fresh, and there are no tables.
        """
        for path in reversed(self.checkpoints()):
            learner, number = fresh(), _number(path)
            if self._usable(path, lambda saved: self._restore(learner, saved, number, iterations)):  # noqa: B023  # called at once
                return learner, True
        for table in TABLES:
            (self.path / table).unlink(missing_ok=True)
        return fresh(), False

    def _restore(self, learner: AnyLearner, saved: dict[str, Any], number: int, iterations: int) -> None:
        if set(saved) != {"tables", "learner"}:
            raise ConfigError("does not hold the state of a learner")
        learner.set_state(saved["learner"])
        if learner.iteration != number or number >= iterations:
            raise ConfigError(f"is of iteration {learner.iteration}, and not of {number}, before the last of {iterations}")

    def finish(self, parameters: torch.Tensor) -> None:
        """Keep what was learned, parameters (seeds, agents, curves, size), and forget the checkpoints."""
        write_tensors(self.path / "policies.pt", {**self._names(), "parameters": parameters.cpu(), "tables": self._tables()})
        self.forget_checkpoints()

    def _names(self) -> dict[str, Any]:
        return {"curves": list(self.group.curves), "seeds": list(self.group.seeds)}

    def learned(self, model: torch.Tensor) -> torch.Tensor:
        """Read the parameters that `finish` kept, of the form of `model`; raises ConfigError where they are anything else."""
        with reading(self.path / "policies.pt", self._again()):
            return self._parameters(read_tensors(self.path / "policies.pt"), model)

    def _parameters(self, saved: dict[str, Any], model: torch.Tensor | None) -> torch.Tensor:
        parameters = saved.get("parameters")
        if set(saved) != {"curves", "seeds", "parameters", "tables"} or not isinstance(parameters, torch.Tensor):
            raise ConfigError("does not hold what a group has learned")
        if {name: saved[name] for name in self._names()} != self._names():
            raise ConfigError("belongs to other curves or seeds")
        runs, curves = len(self.group.seeds), len(self.group.curves)
        shape = tuple(parameters.shape)
        if not parameters.is_floating_point() or shape[:1] + shape[-2:-1] != (runs, curves) or len(shape) not in (3, 4):
            raise ConfigError(f"its parameters, of the shape {shape}, do not fit {runs} seeds of {curves} curves")
        if model is not None and (shape, parameters.dtype) != (tuple(model.shape), model.dtype):
            wanted = f"{model.dtype} of the shape {tuple(model.shape)}"
            raise ConfigError(f"its parameters, {parameters.dtype} of the shape {shape}, are not {wanted}")
        return parameters

    def forget_checkpoints(self) -> None:
        """Delete the checkpoints, and those that were refused."""
        for path in self.path.glob("checkpoint-*"):
            if not path.is_dir():
                path.unlink()

    def finished(self, model: torch.Tensor | None = None) -> bool:
        """True where the group is done, with rows and policies as they were written, these of the form of `model`, if given."""
        path = self.path / "policies.pt"
        return path.exists() and self._usable(path, lambda saved: self._parameters(saved, model))

    def _usable(self, path: Path, take: Callable[[dict[str, Any]], object]) -> bool:
        """True where a checkpoint or policies fit `take` and the tables, which are cut to it; else it is set aside."""
        try:
            with reading(path):
                saved = read_tensors(path)
                take(saved)
                self._cut(saved["tables"])
        except ConfigError as error:
            print(f"{error}; it is set aside, and training goes on from what was saved before", file=sys.stderr)
            path.replace(path.with_name(path.name + ".refused"))
            return False
        return True

    def _tables(self) -> dict[str, list[int]]:
        """Length and checksum of each table, after flushing it to the disk."""
        found = {}
        for table in TABLES:
            with opened_to_change(self.path / table) as file:
                os.fsync(file.fileno())
                file.seek(0)
                content = file.read()
            found[table] = [len(content), zlib.crc32(content)]
        return found

    def _cut(self, tables: Any) -> None:
        """Cut the tables to the lengths they had; raises ConfigError where they are not what they were."""
        lengths = _lengths(tables)
        for table, (length, checksum) in lengths.items():
            path = self.path / table
            content = read_file(path)[:length] if path.exists() else b""
            if (len(content), zlib.crc32(content)) != (length, checksum):
                raise ConfigError(f"does not fit the {table} beside it")
        for table, (length, _) in lengths.items():
            with opened_to_change(self.path / table) as file:
                file.truncate(length)


def _number(checkpoint: Path) -> int:
    """The iteration in a checkpoint's name."""
    found = _CHECKPOINT.fullmatch(checkpoint.name)
    assert found is not None
    return int(found[1])


def _lengths(tables: Any) -> dict[str, tuple[int, int]]:
    """Length and checksum of each table, as a file gives them; raises ConfigError for anything but those of TABLES."""
    if not isinstance(tables, dict) or set(tables) != set(TABLES):
        raise ConfigError(f"does not name the tables {' and '.join(TABLES)}, and no others")
    for table, said in tables.items():
        if not isinstance(said, list) or len(said) != 2 or not all(type(one) is int and one >= 0 for one in said):
            raise ConfigError(f"does not say how long {table} was")
    return {table: (tables[table][0], tables[table][1]) for table in TABLES}


def _csv_rows(text: str) -> Iterator[list[str]]:
    """The rows of a table, but for those that are none."""
    rows = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            continue
