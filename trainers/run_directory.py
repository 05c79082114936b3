"""What a run leaves on disk, and how it is read back: the only thing that plots, tables and resuming look at.

config.yaml      the experiment, complete
manifest.json    versions, commit, machine, threads, device
metrics.csv      one row an evaluation
checkpoints/     the newest state of a run under way, and the learned policies of every finished group of curves
figure.png, .pdf
"""

import csv
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import wirelessenv
from trainers.experiment import Experiment
from trainers.storage import read_tensors, write_atomically, write_tensors
from wirelessenv.config import ConfigError

COLUMNS = (
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


class RunDirectory:
    """One run's files."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | Path, experiment: Experiment, resume: bool, device: str) -> "RunDirectory":
        """A directory for this experiment, new or (with `resume`) one that holds it already.

        Raises ConfigError, before anything is written, where the directory holds something else.
        """
        directory = cls(path)
        if directory.path.exists() and not directory.path.is_dir():
            raise ConfigError(f"--out: {path} is not valid: it is a file; give a directory")
        if directory._config.exists():
            if not resume:
                raise ConfigError(
                    f"--out: {path} holds a run already; add --resume to go on with it, or give another directory"
                )
            directory._refuse_another(experiment)
            return directory
        if directory.path.exists() and any(directory.path.iterdir()):
            raise ConfigError(f"--out: {path} is not valid: it holds files that are not a run's; give another directory")
        try:
            (directory.path / "checkpoints").mkdir(parents=True, exist_ok=True)
            write_atomically(directory.path / "manifest.json", json.dumps(_manifest(device), indent=2).encode() + b"\n")
            write_atomically(directory.metrics_file, (",".join(COLUMNS) + "\n").encode())
            write_atomically(directory._config, experiment.text().encode())  # last: a directory with it is a run
        except OSError as error:
            raise ConfigError(f"--out: {path} cannot be written ({error.strerror})") from None
        return directory

    @property
    def _config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def metrics_file(self) -> Path:
        """The table of evaluations."""
        return self.path / "metrics.csv"

    def experiment(self) -> Experiment:
        """The experiment that this directory holds; raises ConfigError where it holds none."""
        if not self._config.exists():
            raise ConfigError(f"{self.path}: is not a run directory: it has no config.yaml")
        return Experiment.load(self._config)

    def _refuse_another(self, experiment: Experiment) -> None:
        there, here = self.experiment().dump(), experiment.dump()
        changed = [key for key in here if here[key] != there[key]]
        if changed:
            raise ConfigError(
                f"--out: {self.path} holds another run: its {changed[0]} differs from this configuration's; "
                "give another directory"
            )

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows to the metrics and flush them to the disk."""
        with self.metrics_file.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerows(rows)
            file.flush()
            os.fsync(file.fileno())

    def metrics(self) -> pd.DataFrame:
        """All rows; raises ConfigError where there are none yet."""
        if not self.metrics_file.exists() or (table := pd.read_csv(self.metrics_file)).empty:
            raise ConfigError(f"{self.path}: has no metrics yet")
        return table

    def save_checkpoint(self, group: int, state: dict[str, Any] | None) -> None:
        """Remember the run under way: the group of curves in training, its learner, and how long the metrics were."""
        length = self.metrics_file.stat().st_size
        write_tensors(self.path / "checkpoints" / "latest.pt", {"group": group, "metrics_bytes": length, "learner": state})

    def load_checkpoint(self) -> tuple[int, dict[str, Any] | None]:
        """(group, its learner's state or None to start it); cuts the metrics to what they were at the checkpoint."""
        path = self.path / "checkpoints" / "latest.pt"
        if not path.exists():
            self._cut_metrics(len(",".join(COLUMNS)) + 1)
            return 0, None
        saved = read_tensors(path)
        self._cut_metrics(saved["metrics_bytes"])
        return saved["group"], saved["learner"]

    def _cut_metrics(self, length: int) -> None:
        with self.metrics_file.open("rb+") as file:
            file.truncate(length)

    def save_policies(self, group: int, curves: list[str], seeds: Iterable[int], parameters: torch.Tensor) -> None:
        """Keep what a finished group has learned: parameters (runs, agents, curves, size)."""
        content = {"curves": curves, "seeds": list(seeds), "parameters": parameters.cpu()}
        write_tensors(self.path / "checkpoints" / f"policies-{group}.pt", content)


def _manifest(device: str) -> dict[str, Any]:
    packages = ("numpy", "torch", "gymnasium", "pettingzoo", "pydantic", "scipy")
    return {
        "wirelessenv": wirelessenv.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "machine": platform.machine(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "device": device,
    }


def _commit() -> str | None:
    """The commit of the checkout that this code runs from, if it is one; "+" marks uncommitted changes."""
    here = Path(__file__).resolve().parent

    def git(*command: str) -> str:
        return subprocess.run(  # noqa: S603  # fixed arguments, no shell
            ["git", *command],  # noqa: S607  # whichever git the user has
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
