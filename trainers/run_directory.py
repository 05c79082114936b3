"""What a run leaves on disk, and how it is read back: the only thing that plots, tables and resuming look at.

config.yaml      the experiment, complete
manifest.json    versions, commit, machine, device
metrics.csv      one row an evaluation: by curve, seed, iteration
diverged.csv     runs that met infinity or NaN, if there are any
groups/          what trains side by side: its rows, its checkpoints, in the end its policies
figure.png, .pdf
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from trainers.experiment import Experiment
from trainers.groups import TABLES, GroupFiles, groups_of, in_order
from trainers.storage import read_tensors, write_atomically
from trainers.work_directory import WorkDirectory
from wirelessenv.config import ConfigError


class RunDirectory(WorkDirectory):
    """One run's files."""

    what = "run"

    @property
    def metrics_file(self) -> Path:
        """The table of evaluations."""
        return self.path / "metrics.csv"

    def configuration(self) -> Experiment:
        return self.experiment()

    def experiment(self) -> Experiment:
        """The experiment that this directory holds; raises ConfigError where it holds none."""
        if not self._config.exists():
            raise ConfigError(f"{self.path}: is not a run directory: it has no config.yaml")
        return Experiment.load(self._config)

    def assemble(self, experiment: Experiment) -> None:
        """Make metrics.csv, and diverged.csv if there is anything to say in it, of what the groups have written."""
        groups = groups_of(experiment)
        for table in TABLES:
            files = [GroupFiles(self.path, group) for group in groups]
            columns = in_order(name for one in files for name in one.columns(table))
            rows = [dict(zip(one.columns(table), row, strict=True)) for one in files for row in one.rows(table)]
            if rows or table == "metrics.csv":
                write_atomically(self.path / table, _as_csv(columns, rows, experiment))

    def progress(self, experiment: Experiment) -> int:
        """Iterations done, over all runs."""
        return sum(GroupFiles(self.path, group).iteration() * group.runs for group in groups_of(experiment))

    def finished(self, experiment: Experiment) -> bool:
        """Whether every group has come to its end, which is before its last iteration where all its runs have arrived."""
        return all((GroupFiles(self.path, group).path / "policies.pt").exists() for group in groups_of(experiment))

    def policies(self, curve: str, seed: int) -> torch.Tensor:
        """What a finished run has learned on a seed: policies (agents, size), or one that all share, (size,)."""
        for group in groups_of(self.experiment()):
            if curve in group.curves and seed in group.seeds:
                learned = read_tensors(GroupFiles(self.path, group).path / "policies.pt")["parameters"]
                run, variant = group.seeds.index(seed), group.curves.index(curve)
                one: torch.Tensor = learned[run, :, variant] if learned.ndim == 4 else learned[run, variant]
                return one
        raise ConfigError(f'{self.path}: has no curve "{curve}" with seed {seed}')

    def metrics(self) -> pd.DataFrame:
        """All rows; raises ConfigError where there are none yet, and none diverged either. Names of curves are text."""
        table = _read(self.metrics_file) if self.metrics_file.exists() else pd.DataFrame()
        if table.empty and not (len(table.columns) and self.diverged()):
            raise ConfigError(f"{self.path}: has no metrics yet")
        return table

    def diverged(self) -> list[dict[str, str]]:
        """The runs that met infinity or NaN: curve, seed, iteration, quantity."""
        path = self.path / "diverged.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def _read(path: Path) -> pd.DataFrame:
    numbers = [str(name) for name in pd.read_csv(path, nrows=0) if name != "curve"]
    return pd.read_csv(path, dtype={"curve": str}, keep_default_na=False, na_values={key: ["", "nan"] for key in numbers})


def _as_csv(columns: Sequence[str], rows: Sequence[dict[str, str]], experiment: Experiment) -> bytes:
    place = {name: number for number, name in enumerate(experiment.curves)}
    seeds = experiment.seeds.index
    ordered = sorted(rows, key=lambda row: (place[row["curve"]], seeds(int(row["seed"])), int(row["iteration"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    return text.getvalue().encode()
