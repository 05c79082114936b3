"""What a gradient method sees of a problem: the costs of n clients, their gradients, and samples of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import ConfigError
from wirelessenv.streams import stream

Array = NDArray[Any]
Clients = int | NDArray[np.intp]


class Objective(ABC):
    """Costs f_1 ... f_n of n clients on x in R^d; a method minimises their mean f(x) = (1/n) sum_i f_i(x).

    Shapes: `clients` is one client, and x (..., d); or an array of k clients, and x (..., k, d), one point for each, or
    (..., 1, d), one for all. A `sample` is what `draw` returns for the same clients; None asks for the exact cost or
    gradient. Leading axes broadcast: they are runs and settings side by side. A new problem defines `gradient` and `cost`,
    and `draw` if it has samples.
    """

    clients: int
    """n"""
    size: int
    """d"""
    exact_is_cheap: bool = True
    """Whether exact costs of all clients at many points are quick enough to be reported."""
    acts_personally: bool = False
    """Whether nodes that take steps of their own from a common point are to be measured where these lead."""
    tick_seconds: float = 1.0
    """How long a unit of a method's time (a tick, a second of computing) lasts."""
    tick_slots: int = 0
    """Channel slots that pass in it, where there are any."""

    @abstractmethod
    def gradient(self, clients: Clients, x: Array, sample: Array | None = None) -> Array:
        """The gradient of f_i(x; sample), of the shape of x."""

    @abstractmethod
    def cost(self, clients: Clients, x: Array, sample: Array | None = None) -> Array:
        """f_i(x; sample), of the shape of x without its last axis."""

    def draw(self, clients: Clients, rng: np.random.Generator) -> Array:
        """One sample for each client, (...) or (k, ...)."""
        raise ConfigError(f"problem: {type(self).__name__} has no samples, only exact gradients")

    def hessian_product(self, clients: Clients, x: Array, vector: Array, sample: Array | None = None) -> Array:
        """Hess f_i(x; sample) vector, of the shape of x."""
        raise ConfigError(f"problem: {type(self).__name__} has no Hessian products")

    def start(self, rng: np.random.Generator) -> Array:
        """Where a run begins, (d,)."""
        return np.zeros(self.size)

    def starts(self, seeds: Sequence[int]) -> Array:
        """Where the runs of these seeds begin, (runs, d)."""
        return np.stack([self.start(stream(seed, "start")) for seed in seeds])

    def mean_gradient(self, x: Array) -> Array:
        """The gradient of f(x), of the shape of x (..., d)."""
        return np.asarray(self.gradient(np.arange(self.clients), x[..., None, :]).mean(-2))

    def mean_cost(self, x: Array) -> Array:
        """f(x), (...)."""
        return np.asarray(self.cost(np.arange(self.clients), x[..., None, :]).mean(-1))

    def measures_of_nodes(self, x: Array) -> dict[str, Array]:
        """What a run reports about nodes that each have a point of their own, x (..., n, d): the mean of their measures."""
        return {name: values.mean(-1) for name, values in self.measures(x).items()}

    def measures(self, x: Array) -> dict[str, Array]:
        """What a run reports about x (..., d), each (...)."""
        return {"cost": self.mean_cost(x), "gradient_norm": np.linalg.norm(self.mean_gradient(x), axis=-1)}
