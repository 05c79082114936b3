"""TensorBoard: the metrics as scalars with stable tags, curve/seedN/column."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from wirelessenv.config import ConfigError
from wirelessenv.extras import missing

NOT_SCALARS = ("curve", "seed", "iteration", "wall_seconds", "simulated_seconds")


def require() -> None:
    """Raises ConfigError where TensorBoard's writer is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401, PLC0415  # only to see whether it is there
    except ImportError:
        raise ConfigError(missing("--tensorboard", "tensorboard", "tensorboard")) from None


class Board:
    """Writes what is new in a run's metrics to its folder `tensorboard`, which it makes anew, so that nothing doubles."""

    def __init__(self, path: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  # an optional package

        shutil.rmtree(path / "tensorboard", ignore_errors=True)
        self._writer: Any = SummaryWriter(str(path / "tensorboard"))
        self._written: dict[str, int] = {}

    def update(self, metrics: pd.DataFrame) -> None:
        """Write the rows that came since the last call."""
        if "utility" in metrics:
            metrics = metrics.assign(relative_utility=metrics["utility"] / metrics["full_power_utility"])
        tags = [name for name in metrics if name not in NOT_SCALARS]
        for tag, rows in metrics.groupby(metrics["curve"] + "/seed" + metrics["seed"].astype(str)):
            new = rows[rows["iteration"] > self._written.get(str(tag), -1)]
            for row in new.to_dict("records"):
                for name in tags:
                    self._writer.add_scalar(f"{tag}/{name}", row[name], row["iteration"])
            self._written[str(tag)] = int(rows["iteration"].max())
        self._writer.flush()

    def close(self) -> None:
        """Write the rest and close the file."""
        self._writer.close()
