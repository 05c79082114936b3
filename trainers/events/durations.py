"""Laws of durations: of computing, of messages, and of rounds that wait for the slowest."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import ConfigError, NonNegative, Piece, Positive
from wirelessenv.streams import stream


class Duration(Piece):
    """Law of the duration of a client's tasks, or of a node's messages."""

    random: ClassVar[bool] = False

    @abstractmethod
    def means(self, clients: int) -> NDArray[np.float64]:
        """Mean duration for each of n clients in seconds, (n,); raises ConfigError where it has not one for each."""


class Constant(Duration):
    """The same duration for all clients, always."""

    kind: Literal["constant"] = "constant"
    seconds: Positive = 1.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.full(clients, float(self.seconds))


class Linear(Duration):
    """Durations i tau / n for client i = 1 ... n, so that the slowest needs tau (Gao et al., 2025, Appendix D.1)."""

    kind: Literal["linear"] = "linear"
    slowest: Positive = 10.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.arange(1, clients + 1) * self.slowest / clients


class PowerOfIndex(Duration):
    """Durations seconds i^exponent for client i = 1 ... n: 0.5 and 1 in Tyurin and Richtarik (2023) and the papers after it."""

    kind: Literal["power"] = "power"
    exponent: NonNegative = 0.5
    seconds: Positive = 1.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.asarray(np.arange(1, clients + 1, dtype=float) ** self.exponent * self.seconds, np.float64)


class Given(Duration):
    """A duration of its own for each client."""

    kind: Literal["given"] = "given"
    seconds: tuple[Positive, ...]

    def means(self, clients: int) -> NDArray[np.float64]:
        if len(self.seconds) != clients:
            raise ConfigError(f"seconds: {len(self.seconds)} numbers are not valid: there should be one for each of {clients}")
        return np.asarray(self.seconds, float)


class Exponential(Duration):
    """Exponentially distributed durations, drawn anew for each task, around the `mean` of another law."""

    kind: Literal["exponential"] = "exponential"
    mean: Duration = Constant()
    random: ClassVar[bool] = True

    def means(self, clients: int) -> NDArray[np.float64]:
        return self.mean.means(clients)


def round_seconds(law: Duration, clients: int, seeds: Sequence[int], turn: int) -> NDArray[np.float64]:
    """Duration of a round, in which every client computes once and the slowest is waited for.

    Args:
        law: of the clients' durations.
        clients: n.
        seeds: of the runs.
        turn: which round it is, from 0.

    Returns:
        Seconds, (runs,).
    """
    means = law.means(clients)
    if not law.random:
        return np.full(len(seeds), means.max())
    draws = [stream(seed, "computing time", turn).exponential(size=clients) for seed in seeds]
    return np.asarray((means * np.stack(draws)).max(1))
