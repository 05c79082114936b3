"""Tridiagonal quadratics of clients that are alike or differ: the problem of Tyurin and Richtarik (2023)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, whole
from wirelessenv.memory import check_room, part
from wirelessenv.streams import run_seeds, stream


class Tridiagonal(Objective):
    """f_i(x) = x'A_i x / 2 - b_i'x with A_i = nu_i A + c I, where A is tridiagonal: 1/2 on the diagonal, -1/4 beside it.

    nu_i = 1 + s xi_i and b_i = nu_i (-1 + s zeta_i) e_1 / 4 with xi_i, zeta_i ~ N(0, 1): the papers' generator of clients that
    differ, whose `spread` is s; with s = 0 all have A, and b = -e_1 / 4. c makes `smallest` the smallest eigenvalue of the mean
    of the A_i, or is 0. A run begins at x_0 = sqrt(d) e_1. A sample is noise of the gradient, N(0, noise^2) a coordinate.

    >>> problem = Tridiagonal(clients=3, size=5)
    >>> bool(np.abs(problem.gradient(1, problem.minimiser)).max() < 1e-12), round(problem.smoothness, 3)
    (True, 0.933)

    Args:
        clients: n.
        size: d.
        spread: s, heterogeneity of the data.
        smallest: smallest eigenvalue of f's Hessian; None: that of A, times the mean of the nu_i.
        noise: standard deviation of a gradient's coordinate.
        seed: of the nu_i and b_i.
    """

    def __init__(
        self,
        clients: int = 10,
        size: int = 20,
        spread: float = 0.0,
        *,
        smallest: float | None = None,
        noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not noise >= 0 or not np.isfinite(spread) or not spread >= 0:
            raise ConfigError(f"noise, spread: {noise}, {spread} are not valid: 0 or more is needed")
        if smallest is not None and not 0 < smallest < np.inf:
            raise ConfigError(f"smallest: {smallest} is not valid: it should be above 0")
        (seed,) = run_seeds(seed)
        self.clients, self.size, self.noise = whole("clients", clients), whole("size", size), noise
        check_room(part(32, ("size", self.size), ("size", self.size)), part(32, ("clients", self.clients)))
        drawn = spread * stream(seed, "tridiagonal").normal(size=(2, self.clients))
        self._scales = 1 + drawn[0]
        self._pulls = self._scales * (drawn[1] - 1) / 4
        self._matrix = (2 * np.eye(self.size) - np.eye(self.size, k=1) - np.eye(self.size, k=-1)) / 4
        eigenvalues = np.linalg.eigvalsh(self._matrix)
        mean = float(self._scales.mean())
        if not mean > 0:
            raise ConfigError(f"spread: {spread} is not valid: with seed {seed} the mean Hessian is not positive")
        shift = 0.0 if smallest is None else smallest - mean * float(eigenvalues[0])
        self._shift, self._mean_scale, self._mean_pull = shift, mean, float(self._pulls.mean())
        self.smoothness = mean * float(eigenvalues[-1]) + shift
        """L of f."""
        self.local_smoothness = float(np.abs(np.outer(self._scales, eigenvalues[[0, -1]]) + shift).max())
        """L_max of the f_i."""
        self.mean_squared_smoothness = self.local_smoothness
        """l of Gao et al. (2025), Assumption 5: the noise of a sample is the same at all points."""
        self.dissimilarity = float(np.abs(self._scales - mean).max() * eigenvalues[-1])
        """delta of Gao et al. (2025), Assumption 2."""
        hessian = mean * self._matrix + shift * np.eye(self.size)
        self.minimiser: Float[Doubles, " d"] = np.linalg.solve(hessian, self._mean_pull * np.eye(self.size)[0])
        """x*, (d,)."""

    def _of(self, table: Float[Doubles, " n"], clients: Clients) -> Float[Doubles, "k 1"] | float:
        """Numbers of clients, which broadcast against the coordinates of points (..., k, d)."""
        return table[clients][:, None] if isinstance(clients, np.ndarray) else float(table[clients])

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        exact = self._of(self._scales, clients) * (x @ self._matrix)
        if self._shift:
            exact += self._shift * x
        exact[..., :1] -= self._of(self._pulls, clients)
        return np.asarray(exact if sample is None else exact + sample)

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        curved = self._of(self._scales, clients) * (x @ self._matrix) + self._shift * x
        pulled = (self._of(self._pulls, clients) * x[..., :1])[..., 0]
        exact = (curved * x).sum(-1) / 2 - pulled
        return np.asarray(exact if sample is None else exact + (sample * x).sum(-1))

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        if self.noise == 0:
            return super().draw(clients, rng)
        return self.noise * rng.normal(size=(*np.shape(clients), self.size))

    def start(self, rng: np.random.Generator) -> Float[NumpyArray, " d"]:
        return np.asarray(self.starts([0])[0])

    def starts(self, seeds: Sequence[int]) -> Float[NumpyArray, "runs d"]:
        return np.tile(np.sqrt(self.size) * np.eye(self.size)[0], (len(seeds), 1))

    def mean_gradient(self, x: Points) -> Points:
        exact = self._mean_scale * (x @ self._matrix) + self._shift * x
        exact[..., 0] -= self._mean_pull
        return np.asarray(exact)

    def mean_cost(self, x: Points) -> PerPoint:
        curved = self._mean_scale * (x @ self._matrix) + self._shift * x
        return np.asarray((curved * x).sum(-1) / 2 - self._mean_pull * x[..., 0])

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Cost, norm of the gradient, and the distance from x*."""
        return super().measures(x) | {"distance": np.linalg.norm(x - self.minimiser, axis=-1)}
