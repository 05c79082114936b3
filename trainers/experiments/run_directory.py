"""Files of a run, and how they are read back: the only source of plots, tables and resuming."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from trainers.experiments.experiment import Experiment
from trainers.experiments.groups import DIVERGED, NUMBER, TABLES, Group, GroupFiles, groups_of, in_order
from trainers.workbench.files import read_file, reading, write_atomically
from trainers.workbench.work_directory import WorkDirectory
from wirelessenv import own_code
from wirelessenv.config import ConfigError

_ANEW = "the same command with --resume makes it anew"


class NoMetrics(ConfigError):  # noqa: N818  # the name says what is the matter
    """Raised for a run in which nothing has been measured yet."""


class RunDirectory(WorkDirectory):
    """Directory of a run: its configuration, tables, checkpoints and policies."""

    what = "run"

    @property
    def metrics_file(self) -> Path:
        """Path of the table of evaluations."""
        return self.path / "metrics.csv"

    def configuration(self) -> Experiment:
        return self.experiment()

    def experiment(self) -> Experiment:
        """The experiment that this directory holds; raises ConfigError where it holds none."""
        return self._read_configuration(Experiment)

    def code(self, configuration: Experiment) -> str:
        return own_code.checksum(*(configuration.curve(name) for name in configuration.curves))

    def assemble(self, experiment: Experiment) -> None:
        """Make metrics.csv, and diverged.csv if there is anything to say in it, of what the groups have written."""
        groups = groups_of(experiment)
        for table in TABLES:
            files = [GroupFiles(self.path, group) for group in groups]
            columns = in_order(name for one in files for name in one.columns(table))
            rows = [dict(zip(one.columns(table), row, strict=True)) for one in files for row in one.rows(table)]
            if rows or table == "metrics.csv":
                write_atomically(self.path / table, _as_csv(columns, rows, experiment))

    def progress(self, experiment: Experiment, groups: Sequence[Group] | None = None) -> int:
        """Iterations done, over all runs.

        Args:
            experiment: of this directory.
            groups: some of its groups; None: all.

        Returns:
            Their sum.
        """
        some = groups_of(experiment) if groups is None else groups
        done = [(GroupFiles(self.path, group).iteration(), group.runs) for group in some]
        return sum(min(iteration, experiment.iterations) * runs for iteration, runs in done)

    def finished(self, experiment: Experiment) -> bool:
        """True where every group has come to its end, which is before its last iteration where all its runs have arrived."""
        return all((GroupFiles(self.path, group).path / "policies.pt").exists() for group in groups_of(experiment))

    def policies(self, curve: str, seed: int) -> torch.Tensor:
        """Read the policies that a finished run has learned.

        Args:
            curve: by name.
            seed: of the run.

        Returns:
            Parameters (agents, size), or (size,) where all agents share them.

        Raises:
            ConfigError: where there is no such curve or seed, or the file is missing or damaged.
        """
        experiment = self.experiment()
        for group in groups_of(experiment):
            if curve in group.curves and seed in group.seeds:
                fresh = experiment.build(group.curves, group.seeds)
                learned = GroupFiles(self.path, group).learned(fresh.parameters)
                run, variant = group.seeds.index(seed), group.curves.index(curve)
                return learned[run, :, variant] if learned.ndim == 4 else learned[run, variant]
        raise ConfigError(f'{self.path}: has no curve "{curve}" with seed {seed}')

    def metrics(self) -> pd.DataFrame:
        """Read all rows; raises ConfigError where there are none yet, and none diverged either. Names of curves are text."""
        with reading(self.metrics_file, _ANEW):
            there = self.metrics_file.exists()
            rows = _table(read_file(self.metrics_file)) if there else pd.DataFrame()
            if there:
                self._refuse_foreign(rows, self.experiment())
        if rows.empty and not (there and self.diverged()):
            raise NoMetrics(f"{self.path}: has no metrics yet")
        return rows

    def _refuse_foreign(self, rows: pd.DataFrame, experiment: Experiment) -> None:
        for name in (*DIVERGED[:3], experiment.measure):
            if name not in rows:
                raise ConfigError(f'is damaged: it has no column "{name}"')
        for name in rows.columns.drop("curve"):
            whole = name in ("seed", "iteration") and not rows.empty
            if rows[name].dtype.kind not in ("i" if whole else "iufbO" if rows.empty else "iufb"):
                raise ConfigError(f'is damaged: its column "{name}" does not hold {"whole " if whole else ""}numbers')
        for name, known in {"curve": experiment.curves, "seed": experiment.seeds}.items():
            if not rows[name].isin(list(known)).all():
                raise ConfigError(f"is damaged: it has rows of a {name} that is not the experiment's")
        if rows.duplicated(["curve", "seed", "iteration"]).any() or (rows["iteration"] < 0).any():
            raise ConfigError("is damaged: it has rows of the same curve, seed and iteration")
        counts = rows.reindex(columns=["max_age", "messages"]).astype(float)
        if np.isinf(counts).any(axis=None) or (counts["messages"].isna() & counts["max_age"].notna()).any():
            raise ConfigError("is damaged: its counts are not numbers")

    def diverged(self) -> list[dict[str, str]]:
        """The runs that met infinity or NaN: curve, seed, iteration, quantity."""
        path = self.path / "diverged.csv"
        with reading(path, _ANEW):
            if not path.exists():
                return []
            rows = list(csv.DictReader(io.StringIO(read_file(path).decode(), newline=""), strict=True))
            experiment = self.experiment()
            seeds = set(map(str, experiment.seeds))
            for row in rows:
                known = set(row) == set(DIVERGED) and row["curve"] in experiment.curves and row["seed"] in seeds
                if not known or not NUMBER.fullmatch(row["iteration"]):
                    raise ConfigError("is damaged: it does not hold runs of this experiment")
            return rows


def _table(content: bytes) -> pd.DataFrame:
    numbers = [str(name) for name in pd.read_csv(io.BytesIO(content), nrows=0) if name != "curve"]
    missing = {key: ["", "nan"] for key in numbers}
    return pd.read_csv(io.BytesIO(content), dtype={"curve": str}, keep_default_na=False, na_values=missing)


def _as_csv(columns: Sequence[str], rows: Sequence[dict[str, str]], experiment: Experiment) -> bytes:
    place = {name: number for number, name in enumerate(experiment.curves)}
    seeds = experiment.seeds.index
    ordered = sorted(rows, key=lambda row: (place[row["curve"]], seeds(int(row["seed"])), int(row["iteration"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    return text.getvalue().encode()
