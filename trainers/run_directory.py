"""What a run leaves on disk, and how it is read back: the only thing that plots, tables and resuming look at.

config.yaml      the experiment, complete
manifest.json    versions, commit, machine, device
metrics.csv      one row an evaluation: by curve, seed, iteration
diverged.csv     runs that met infinity or NaN, if there are any
groups/          what trains side by side: its rows, its checkpoints, in the end its policies
figure.png, .pdf
"""

import csv
import fcntl
import io
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import wirelessenv
from trainers.experiment import Experiment
from trainers.groups import TABLES, GroupFiles, groups_of, in_order
from trainers.storage import write_atomically
from wirelessenv.config import ConfigError

MUST_AGREE = ("wirelessenv", "python", "numpy", "torch", "device", "threads_a_worker")
"""What of the manifest decides the last bits of the numbers."""


class RunDirectory:
    """One run's files."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    @contextmanager
    def opened(
        cls, path: str | Path, experiment: Experiment, *, resume: bool, device: str, force: bool = False
    ) -> Iterator["RunDirectory"]:
        """A directory for this experiment, new or (with `resume`) one that holds it already; nobody else's meanwhile.

        Raises ConfigError, before anything is written, where the directory holds something else, is in use, or (unless
        `force`) was begun with other versions or on another device.
        """
        directory = cls(path)
        directory._refuse_what_is_there(experiment, resume, device, force)
        directory.path.mkdir(parents=True, exist_ok=True)
        with (directory.path / ".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"--out: {path} is in use: another process trains there; wait for it, or stop it") from None
            if not directory._config.exists():
                write_atomically(directory.path / "manifest.json", json.dumps(_manifest(device), indent=2).encode() + b"\n")
                write_atomically(directory._config, experiment.text().encode())  # last: a directory with it is a run
            yield directory

    def _refuse_what_is_there(self, experiment: Experiment, resume: bool, device: str, force: bool) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"--out: {self.path} is not valid: it is a file; give a directory")
        if self._config.exists():
            if not resume:
                raise ConfigError(
                    f"--out: {self.path} holds a run already; add --resume to go on with it, or give another directory"
                )
            self._refuse_another(experiment)
            if not force:
                self._refuse_other_versions(device)
        elif self.path.exists() and {entry.name for entry in self.path.iterdir()} - {".lock", "manifest.json"}:
            raise ConfigError(f"--out: {self.path} is not valid: it holds files that are not a run's; give another directory")

    def _refuse_other_versions(self, device: str) -> None:
        then, now = json.loads((self.path / "manifest.json").read_text()), _manifest(device)
        changed = [name for name in MUST_AGREE if then.get(name) != now[name]]
        if changed:
            name = changed[0]
            raise ConfigError(
                f"--resume: {self.path} was begun with {name} {then.get(name)} and this is {now[name]}: the numbers would not "
                "be the same to the last bit; add --force to go on all the same"
            )

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

    def metrics(self) -> pd.DataFrame:
        """All rows; raises ConfigError where there are none yet."""
        if not self.metrics_file.exists() or (table := pd.read_csv(self.metrics_file)).empty:
            raise ConfigError(f"{self.path}: has no metrics yet")
        return table

    def diverged(self) -> list[dict[str, str]]:
        """The runs that met infinity or NaN: curve, seed, iteration, quantity."""
        path = self.path / "diverged.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def _as_csv(columns: Sequence[str], rows: Sequence[dict[str, str]], experiment: Experiment) -> bytes:
    place = {name: number for number, name in enumerate(experiment.curves)}
    seeds = experiment.seeds.index
    ordered = sorted(rows, key=lambda row: (place[row["curve"]], seeds(int(row["seed"])), int(row["iteration"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    return text.getvalue().encode()


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
        "threads_a_worker": 1,
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
