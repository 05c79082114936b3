"""How long computing and messages take: laws of durations."""

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import ConfigError, Piece, Positive


class Duration(Piece):
    """How long a task of client i takes, or a message of node i travels."""

    random: ClassVar[bool] = False

    @abstractmethod
    def means(self, clients: int) -> NDArray[np.float64]:
        """The mean duration for each of n clients, (n,)."""


class Constant(Duration):
    """The same for all clients, always."""

    kind: Literal["constant"] = "constant"
    seconds: Positive = 1.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.full(clients, float(self.seconds))


class Linear(Duration):
    """i tau / n for client i = 1 ... n, so that the slowest needs tau (Gao et al., 2025, Appendix D.1)."""

    kind: Literal["linear"] = "linear"
    slowest: Positive = 10.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.arange(1, clients + 1) * self.slowest / clients


class Given(Duration):
    """One number for each client."""

    kind: Literal["given"] = "given"
    seconds: tuple[Positive, ...]

    def means(self, clients: int) -> NDArray[np.float64]:
        if len(self.seconds) != clients:
            raise ConfigError(f"seconds: {len(self.seconds)} numbers are not valid: there should be one for each of {clients}")
        return np.asarray(self.seconds, float)


class Exponential(Duration):
    """Exponentially distributed, drawn anew for each task, around the `mean` of another law."""

    kind: Literal["exponential"] = "exponential"
    mean: Duration = Constant()
    random: ClassVar[bool] = True

    def means(self, clients: int) -> NDArray[np.float64]:
        return self.mean.means(clients)
