"""A quadratic with chosen eigenvalues: the problem of Tosi and Theobald (2023), Figure 2a."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, whole
from wirelessenv.memory import check_room, part
from wirelessenv.streams import run_seeds, stream

MOST_WORK = 4e10
"""Sum of size^3 over the runs: half a minute of factorisations."""


class Quadratic(Objective):
    """f_i(x) = ||A x - b||^2 / 2, the same for all clients; A symmetric with eigenvalues in [smallest, largest], b ~ N(0, I).

    Both ends are eigenvalues, the others are uniform between them, the axes uniform too. A sample is noise of the gradient,
    N(0, noise^2) a coordinate: f_i(x; xi) = f_i(x) + xi'x. With several seeds each run has its own A and b, and
    the axis before the last is the runs': for methods with a server and DASGD, whose points are (variants, runs, d).

    Args:
        size: d.
        smallest: lambda_min(A).
        largest: lambda_max(A).
        clients: n.
        noise: standard deviation of a gradient's coordinate.
        seed: of A and b; one for all runs, or one for each.
    """

    def __init__(
        self,
        size: int = 10,
        smallest: float = 1.0,
        largest: float = 2.0,
        *,
        clients: int = 1,
        noise: float = 0.0,
        seed: int | Sequence[int] = 0,
    ) -> None:
        if not 0 < smallest <= largest:
            raise ConfigError(f"smallest, largest: {smallest}, {largest} are not valid: 0 < smallest <= largest is needed")
        if not noise >= 0:
            raise ConfigError(f"noise: {noise} is not valid: it should be 0 or more")
        self.clients, self.size, self.noise = whole("clients", clients), whole("size", size), noise
        check_room(part(32, ("size", self.size), ("size", self.size), ("seeds", len(run_seeds(seed)))))
        if (runs := len(run_seeds(seed))) * self.size**3 > MOST_WORK:
            raise ConfigError(
                f"size: {self.size} is not valid with {runs} seeds: to draw them takes minutes; choose at most "
                f"{int((MOST_WORK / runs) ** (1 / 3))}"
            )
        drawn = [self._drawn(one, smallest, largest) for one in run_seeds(seed)]
        matrices, targets = (np.stack(part) for part in zip(*drawn, strict=True))
        if np.ndim(seed) == 0:
            matrices, targets = matrices[0], targets[0]
        self._matrix, self._target = matrices, targets
        self._hessian = matrices @ matrices
        self._pull = (matrices @ targets[..., None])[..., 0]
        self.minimiser: Float[Doubles, " d"] | Float[Doubles, "runs d"] = np.linalg.solve(matrices, targets[..., None])[..., 0]
        """x*, (d,) or (runs, d)."""
        self.smoothness = float(largest) ** 2
        """L, of f and of every f_i."""

    def _drawn(self, seed: int, smallest: float, largest: float) -> tuple[Float[Doubles, "d d"], Float[Doubles, " d"]]:
        rng = stream(seed, "quadratic")
        axes = np.linalg.qr(rng.normal(size=(self.size, self.size)))[0]
        eigenvalues = rng.uniform(smallest, largest, self.size)
        eigenvalues[-1] = largest
        eigenvalues[0] = smallest if self.size > 1 else largest
        return (axes * eigenvalues) @ axes.T, rng.normal(size=self.size)

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        exact = (x[..., None, :] @ self._hessian)[..., 0, :] - self._pull
        return np.asarray(exact if sample is None else exact + sample)

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        residual = (x[..., None, :] @ self._matrix)[..., 0, :] - self._target
        exact = (residual**2).sum(-1) / 2
        return np.asarray(exact if sample is None else exact + (sample * x).sum(-1))

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        if self.noise == 0:
            return super().draw(clients, rng)
        return self.noise * rng.normal(size=(*np.shape(clients), self.size))

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        return np.asarray((vector[..., None, :] @ self._hessian)[..., 0, :])

    def starts(self, seeds: Sequence[int]) -> Float[NumpyArray, "runs d"]:
        """Start every run at 0, (runs, d)."""
        if self.minimiser.ndim == 2 and len(self.minimiser) != len(seeds):
            raise ConfigError(f"seed: {len(seeds)} runs are not valid: the problem was drawn for {len(self.minimiser)}")
        return np.zeros((len(seeds), self.size))

    def mean_gradient(self, x: Points) -> Points:
        return self.gradient(0, x)

    def mean_cost(self, x: Points) -> PerPoint:
        return self.cost(0, x)

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Cost, norm of the gradient, and the distance from x*."""
        return super().measures(x) | {"distance": np.linalg.norm(x - self.minimiser, axis=-1)}
