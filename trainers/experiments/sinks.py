"""Metrics of a run for those who watch it elsewhere: TensorBoard, MLflow or Weights & Biases, as curve/seedN/column."""

import os
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from wirelessenv.config import ConfigError
from wirelessenv.extras import missing

NOT_SCALARS = ("curve", "seed", "iteration", "wall_seconds", "simulated_seconds")


class Sink(ABC):
    """Base class of the places that metrics are written to besides the run's own files.

    Args:
        path: of the run directory.
    """

    module: ClassVar[str]
    """The library's module that must be there."""
    library: ClassVar[str]
    """The name of the library for sentences, which is that of the extra, too."""

    def __init__(self, path: Path) -> None:
        self._written: dict[str, int] = {}
        self._open(path)

    @classmethod
    def require(cls) -> None:
        """Raises ConfigError where the library is not installed."""
        try:
            there = find_spec(cls.module) is not None
        except (ImportError, ValueError):  # of a package above it, or an entry that was taken out
            there = False
        if not there:
            raise ConfigError(missing(f"--log {cls.library}", cls.library, cls.library))

    def update(self, metrics: pd.DataFrame) -> None:
        """Write the rows that came since the last call."""
        if "utility" in metrics:
            metrics = metrics.assign(relative_utility=metrics["utility"] / metrics["full_power_utility"])
        names = [str(name) for name in metrics if name not in NOT_SCALARS]
        for tag, rows in metrics.groupby(metrics["curve"] + "/seed" + metrics["seed"].astype(str)):
            new = rows[rows["iteration"] > self._written.get(str(tag), -1)]
            for row in new.to_dict("records"):
                self._write(str(tag), int(row["iteration"]), {name: row[name] for name in names})
            self._written[str(tag)] = int(rows["iteration"].max())
        self._flush()

    @abstractmethod
    def _open(self, path: Path) -> None: ...

    @abstractmethod
    def _write(self, tag: str, iteration: int, values: Mapping[str, float]) -> None: ...

    def _flush(self) -> None:
        return

    @abstractmethod
    def close(self) -> None:
        """Write the rest and close what is open."""


class TensorBoard(Sink):
    """The run's folder `tensorboard`, which is made anew, so that nothing doubles."""

    module, library = "torch.utils.tensorboard", "tensorboard"

    @classmethod
    def require(cls) -> None:
        try:
            import torch.utils.tensorboard  # noqa: F401, PLC0415  # torch has the module, but not what it needs
        except ImportError:
            raise ConfigError(missing("--log tensorboard", cls.library, cls.library)) from None

    def _open(self, path: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  # an optional package

        shutil.rmtree(path / "tensorboard", ignore_errors=True)
        self._writer: Any = SummaryWriter(str(path / "tensorboard"))

    def _write(self, tag: str, iteration: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{tag}/{name}", value, iteration)

    def _flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class MLflow(Sink):
    """A new MLflow run where MLFLOW_TRACKING_URI says, or in the folder `mlruns` of the run directory."""

    module = library = "mlflow"
    _MOST = 900
    """Metrics in a batch, of which MLflow takes 1000."""

    def _open(self, path: Path) -> None:
        import mlflow  # noqa: PLC0415  # an optional package

        place = os.environ.get("MLFLOW_TRACKING_URI") or (path.resolve() / "mlruns").as_uri()
        self._client: Any = mlflow.MlflowClient(tracking_uri=place)
        self._metric: Any = mlflow.entities.Metric
        found = self._client.get_experiment_by_name("wirelessenv")
        experiment = self._client.create_experiment("wirelessenv") if found is None else found.experiment_id
        self._run = self._client.create_run(experiment, run_name=path.name).info.run_id
        self._waiting: list[Any] = []

    def _write(self, tag: str, iteration: int, values: Mapping[str, float]) -> None:
        now = int(1000 * time.time())
        for name, value in values.items():
            key = re.sub(r"[^\w\-. /]", "_", f"{tag}/{name}")  # MLflow takes no other characters
            self._waiting.append(self._metric(key, float(value), now, iteration))

    def _flush(self) -> None:
        for first in range(0, len(self._waiting), self._MOST):
            self._client.log_batch(self._run, metrics=self._waiting[first : first + self._MOST])
        self._waiting = []

    def close(self) -> None:
        self._flush()
        self._client.set_terminated(self._run)


class WeightsAndBiases(Sink):
    """A new run of Weights & Biases in the project `wirelessenv`; WANDB_MODE=offline keeps it in the run directory."""

    module = library = "wandb"

    def _open(self, path: Path) -> None:
        import wandb  # noqa: PLC0415  # an optional package

        self._known: set[str] = set()
        self._run: Any = wandb.init(project="wirelessenv", name=path.name, dir=str(path))

    def _write(self, tag: str, iteration: int, values: Mapping[str, float]) -> None:
        if tag not in self._known:  # its steps are its own: runs go on side by side
            self._known.add(tag)
            self._run.define_metric(f"{tag}/*", step_metric=f"{tag}/iteration")
        self._run.log({f"{tag}/iteration": iteration} | {f"{tag}/{name}": value for name, value in values.items()})

    def close(self) -> None:
        self._run.finish()


SINKS: dict[str, type[Sink]] = {kind.library: kind for kind in (TensorBoard, MLflow, WeightsAndBiases)}
"""Sinks by the name that `--log` gives them."""
