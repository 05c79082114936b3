"""Interface between gradient methods and problems: the costs of n clients, their gradients, and samples of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from wirelessenv.config import ConfigError
from wirelessenv.streams import stream

NumpyArray = np.ndarray[tuple[Any, ...], np.dtype[Any]]
"""Numbers of any type and shape."""
Points = Float[NumpyArray, "*#points d"]
"""Points of R^d, single or double precision, of any leading axes, which broadcast."""
PerPoint = Float[NumpyArray, "*#points"]
"""A number for each point."""
Sample = Shaped[NumpyArray, "..."]
"""Samples of clients; their type and trailing axes are the problem's own."""
Clients = int | np.integer[Any] | Int[np.ndarray, " k"]
"""One client, or k of them."""


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
    """Set False where exact costs of all clients are too slow to be reported at every evaluation."""
    rows: int = 2**53
    """Samples that are numbers of rows, or of slots, are below it."""
    acts_personally: bool = False
    """Set True where each node is measured at the point that its own steps lead to, not at the common one."""
    tick_seconds: float = 1.0
    """Seconds that a unit of a method's time (a tick, a second of computing) lasts."""
    tick_slots: int = 0
    """Channel slots that pass in a tick; 0 where there is no channel."""

    @abstractmethod
    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        """Gradient of f_i(x; sample) in x.

        Args:
            clients: i, or k of them.
            x: (..., d), or (..., k, d) for k clients.
            sample: from `draw` for the same clients; None: the exact gradient.

        Returns:
            Of the shape of x.
        """

    @abstractmethod
    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        """Cost f_i(x; sample) of a client at a point.

        Args:
            clients: i, or k of them.
            x: (..., d), or (..., k, d) for k clients.
            sample: from `draw` for the same clients; None: the exact cost.

        Returns:
            Of the shape of x without its last axis.
        """

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        """Draw one sample for each client.

        Args:
            clients: i, or k of them.
            rng: stream of the draws.

        Returns:
            (...), or (k, ...); the trailing axes are the problem's own.

        Raises:
            ConfigError: where the problem has exact gradients only.
        """
        raise ConfigError(f"problem: {type(self).__name__} has no samples, only exact gradients")

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        """Product of the Hessian of f_i(x; sample) with a vector.

        Args:
            clients: i, or k of them.
            x: (..., d), or (..., k, d) for k clients.
            vector: of the shape of x.
            sample: from `draw` for the same clients; None: the exact Hessian.

        Returns:
            Of the shape of x.

        Raises:
            ConfigError: where the problem has no second derivatives.
        """
        raise ConfigError(f"problem: {type(self).__name__} has no Hessian products")

    def start(self, rng: np.random.Generator) -> Float[NumpyArray, " d"]:
        """Draw the point at which a run begins, (d,)."""
        return np.zeros(self.size)

    def starts(self, seeds: Sequence[int]) -> Float[NumpyArray, "runs d"]:
        """Points at which the runs of these seeds begin, (runs, d)."""
        return np.stack([self.start(stream(seed, "start")) for seed in seeds])

    def mean_gradient(self, x: Points) -> Points:
        """Gradient of f at x (..., d), of the shape of x."""
        return np.asarray(self.gradient(np.arange(self.clients), x[..., None, :]).mean(-2))

    def mean_cost(self, x: Points) -> PerPoint:
        """Mean cost f(x), (...), of points x (..., d)."""
        return np.asarray(self.cost(np.arange(self.clients), x[..., None, :]).mean(-1))

    def measures_of_nodes(self, x: Float[NumpyArray, "*points n d"]) -> dict[str, Float[NumpyArray, "*points"]]:
        """Measures of nodes at points of their own, x (..., n, d): the mean over the nodes, each (...)."""
        return {name: values.mean(-1) for name, values in self.measures(x).items()}

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Measures that a run reports at x (..., d), each (...)."""
        return {"cost": self.mean_cost(x), "gradient_norm": np.linalg.norm(self.mean_gradient(x), axis=-1)}
