"""Least squares with controlled heterogeneity: the problem of Gao et al. (2025), Appendix D.1, and of its Theorem 3."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, whole
from wirelessenv.memory import check_room, part
from wirelessenv.streams import run_seeds, stream


class LeastSquares(Objective):
    """f_i(x) = ||A_i x - b_i||^2 / 2 with A_i = s_i I, s_i = i / sqrt(n), and b_i ~ N(0, (zeta / i)^2 I), i = 1 ... n.

    A run begins at x_0 = x* + 1. Then what a method that sees differences of gradients does relative to x* does not depend
    on zeta at all. From x_0 = 0 (`start` "zero") the way to x* grows with zeta; the paper does not give x_0. With s_i = 1
    all Hessians are I and f_i = ||x - b_i||^2 / 2 is the problem of Theorem 3. A sample is noise of the gradient, N(0,
    noise^2) a coordinate: f_i(x; xi) = f_i(x) + xi'x. With several seeds each run has its own b_i, and the axis before the
    last is the runs': for methods with a server and DASGD, whose points are (variants, runs, d).

    >>> LeastSquares(zeta=0.0).minimiser[:3], LeastSquares(scales=[1.0, 3.0]).smoothness
    (array([0., 0., 0.]), 5.0)

    Args:
        clients: n.
        size: d.
        zeta: heterogeneity; (1/n) sum_i ||grad f_i(x*)||^2 grows with its square.
        noise: standard deviation of a gradient's coordinate.
        scales: s_i instead of i / sqrt(n).
        start: x_0, "minimiser_plus_one" or "zero".
        seed: of the b_i; one for all runs, or one for each.
    """

    def __init__(
        self,
        clients: int = 4,
        size: int = 10,
        zeta: float = 1.0,
        *,
        noise: float = 0.0,
        scales: Sequence[float] | None = None,
        start: Literal["minimiser_plus_one", "zero"] = "minimiser_plus_one",
        seed: int | Sequence[int] = 0,
    ) -> None:
        clients = whole("clients", clients if scales is None else len(scales))
        if not noise >= 0 or not np.isfinite(zeta):
            raise ConfigError(f"noise, zeta: {noise}, {zeta} are not valid: 0 or more, and a finite number are needed")
        if start not in ("minimiser_plus_one", "zero"):
            raise ConfigError(f'start: {start!r} is not valid: "minimiser_plus_one" or "zero" is needed')
        self._from_zero = start == "zero"
        index = np.arange(1, clients + 1)
        self.clients, self.size, self.noise = clients, whole("size", size), noise
        check_room(part(32, ("clients", clients), ("size", size), ("seeds", len(run_seeds(seed)))))
        self._scales = index / np.sqrt(clients) if scales is None else np.asarray(scales, float)
        if not np.isfinite(self._scales).all() or not (self._scales**2).mean() > 0:
            raise ConfigError(f"scales: {scales!r} is not valid: finite numbers are needed, not all of them 0")
        seeds = run_seeds(seed)
        self._runs = 0 if np.ndim(seed) == 0 else len(seeds)
        drawn = [zeta / index[:, None] * stream(one, "least squares").normal(size=(clients, size)) for one in seeds]
        self._targets = np.stack(drawn, axis=1) if self._runs else drawn[0]  # b_i, (n, d) or (n, runs, d)
        self._curvatures = (self._scales**2).tolist()
        self._pulls = self._scales.reshape(-1, *[1] * (self._targets.ndim - 1)) * self._targets
        self.smoothness = float(np.mean(self._curvatures))
        """L of f = (1/n) sum s_i^2."""
        self.local_smoothness = float(max(self._curvatures))
        """L_max of the f_i."""
        self.mean_squared_smoothness = self.local_smoothness
        """l of Gao et al. (2025), Assumption 5: the noise of a sample is the same at all points."""
        self.dissimilarity = max(abs(self.smoothness - one) for one in self._curvatures)
        """delta of Gao et al. (2025), Assumption 2."""
        self.minimiser: Float[Doubles, " d"] | Float[Doubles, "runs d"] = self._pulls.mean(0) / self.smoothness
        """x*, (d,) or (runs, d)."""

    def _of(self, table: Float[Doubles, "n *runs d"], clients: Clients) -> Float[Doubles, "*_ d"]:
        """Rows of a table (n, d) or (n, runs, d): a client's for each run, or, of several clients, one for each of them."""
        if self._runs and isinstance(clients, np.ndarray):
            if len(clients) != self._runs:
                raise ConfigError(f"clients: {len(clients)} are not valid: one for each of {self._runs} runs is needed")
            return np.asarray(table[clients, np.arange(self._runs)])
        return np.asarray(table[clients])

    def _scaled(self, factors: Float[Doubles, " n"] | list[float], clients: Clients) -> Float[Doubles, "k 1"] | float:
        return np.asarray(factors)[clients][:, None] if isinstance(clients, np.ndarray) else factors[clients]

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        exact = self._scaled(self._curvatures, clients) * x
        exact -= self._of(self._pulls, clients)
        return np.asarray(exact if sample is None else exact + sample)

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        residual = self._scaled(self._scales, clients) * x - self._of(self._targets, clients)
        exact = (residual**2).sum(-1) / 2
        return np.asarray(exact if sample is None else exact + (sample * x).sum(-1))

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        if self.noise == 0:
            return super().draw(clients, rng)
        return self.noise * rng.normal(size=(*np.shape(clients), self.size))

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        return np.asarray(self._scaled(self._curvatures, clients) * vector)

    def starts(self, seeds: Sequence[int]) -> Float[NumpyArray, "runs d"]:
        """x* + 1, or 0, for each run."""
        if self._runs not in (0, len(seeds)):
            raise ConfigError(f"seed: {len(seeds)} runs are not valid: the problem was drawn for {self._runs}")
        first = np.zeros_like(self.minimiser) if self._from_zero else self.minimiser + 1.0
        return np.broadcast_to(first, (len(seeds), self.size))

    def mean_gradient(self, x: Points) -> Points:
        return np.asarray(self.smoothness * (x - self.minimiser))

    def mean_cost(self, x: Points) -> PerPoint:
        return np.asarray(np.mean([self.cost(client, x) for client in range(self.clients)], axis=0))

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Cost, norm of the gradient, and the distance from x*."""
        return super().measures(x) | {"distance": np.linalg.norm(x - self.minimiser, axis=-1)}
