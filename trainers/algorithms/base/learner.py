"""What an experiment sees of a learner, whatever its method."""

from collections.abc import Iterable
from typing import Any, Protocol

from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from wirelessenv.config import whole


def counted(iterations: int, progress_bar: bool = False) -> Iterable[int]:
    """0 ... iterations - 1, with a progress bar where asked for; raises ConfigError where `iterations` is no count."""
    steps = range(whole("iterations", iterations, 0))
    return track(steps, "learning") if progress_bar else steps


class Learner(Protocol):
    """A batch of runs (seeds) of one method in some variants (curves), stepped together."""

    @property
    def iteration(self) -> int:
        """Iterations so far."""

    @property
    def train_seconds(self) -> float:
        """Wall-clock time spent learning."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to learn, before all iterations are over."""

    def learn(self, iterations: int) -> Any:
        """Run `iterations` iterations."""

    def warnings(self, iterations: int) -> list[str]:
        """What a user should know before so many iterations, a sentence each."""

    def report(self) -> dict[str, NDArray[Any]]:
        """Columns of metrics.csv, each (runs, variants); the first is what the runs are judged by."""

    def finite(self) -> NDArray[Any]:
        """Whether what was learned is finite, (runs, variants)."""

    def learned(self) -> Tensor:
        """What was learned: its first axis the runs."""

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
