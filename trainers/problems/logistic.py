"""Binary logistic regression on features given as arrays, with a convex or a non-convex regulariser."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float
from scipy.sparse.linalg import svds
from scipy.special import expit

from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from trainers.problems.shares import client_rows
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, whole
from wirelessenv.memory import check_room, part
from wirelessenv.streams import stream

ROWS = 4096  # rows in one product, where all of them are used
LANCZOS = 64  # rows and columns from which an iteration finds a largest eigenvalue sooner than all of them are found


class Logistic(Objective):
    """f_i(x) = (1/N_i) sum_{(a, b) of client i} log(1 + exp(-b a'x)) + r(x), b = +-1.

    r(x) = weight ||x||^2 / 2 ("l2"), or weight sum_j x_j^2 / (1 + x_j^2) ("nonconvex", Gao et al. (2025), Section 5). Points
    have the type of the features: float32 is fast, float64 reaches 1e-12. A run begins at 0.

    A sample is the numbers of `batch` rows of the client, drawn uniformly with replacement, so that a client may have fewer.

    >>> problem = Logistic.gaussian(samples=100, size=20)
    >>> round(float(problem.mean_cost(np.zeros(20))), 4)
    0.6931

    Args:
        features: a, (N, d).
        labels: b, (N,), each -1 or 1.
        clients: the rows of each client, as `client_rows` takes them; one client with all of them where not given.
        batch: rows in a sample.
        regulariser: r.
        weight: of r.
        held_out: features and labels for `accuracy`.
    """

    def __init__(
        self,
        features: Any,
        labels: Any,
        clients: Any = None,
        *,
        batch: int = 32,
        regulariser: Literal["l2", "nonconvex"] = "l2",
        weight: float = 0.0,
        held_out: tuple[Float[NumpyArray, "rows d"], Float[NumpyArray, " rows"]] | None = None,
    ) -> None:
        features, labels = np.asarray(features), np.asarray(labels)
        _check(features, labels)
        shares, batch = client_rows(clients, len(features)), whole("batch", batch)
        if regulariser not in ("l2", "nonconvex") or not weight >= 0:
            raise ConfigError(
                f'regulariser: {regulariser!r}, {weight!r} is not valid: "l2" or "nonconvex", and a weight of 0 on'
            )
        order = np.concatenate(shares)  # a client's rows lie together: its exact gradient needs no copy
        self._signed = features[order] * labels[order, None].astype(features.dtype)  # b a: a cost knows no other use of them
        self._counts = np.array([len(share) for share in shares])
        self._ends = np.cumsum(self._counts)
        self.rows = len(self._signed)
        self.clients, self.size, self.batch = len(shares), features.shape[1], batch
        self.regulariser, self.weight, self.held_out = regulariser, float(weight), held_out
        self._row_weights = np.repeat(1 / (len(shares) * self._counts), self._counts).astype(features.dtype)

    @classmethod
    def gaussian(cls, samples: int = 100, size: int = 20, *, clients: int = 1, seed: int = 0, **settings: Any) -> Self:
        """Data of Tosi and Theobald (2023), Figure 2b: a ~ N(0, I), b = +-1 uniformly; every client has all of them.

        Args:
            samples: N.
            size: d.
            clients: n.
            seed: of the data.
            **settings: batch (1 where it is not given), regulariser and weight, as the class has them.

        Returns:
            The objective.

        Raises:
            ConfigError: where a number is not valid.
        """
        rows = ("samples", samples), ("clients", clients)
        check_room(part(24, *rows, ("size", size)), part(16, ("batch", settings.get("batch", 1)), ("size", size)))
        rng = stream(seed, "logistic")
        features, labels = rng.normal(size=(samples, size)), rng.choice([-1.0, 1.0], samples)
        return cls(features, labels, [np.arange(samples)] * clients, **{"batch": 1, **settings})

    @property
    def smoothness(self) -> float:
        """A bound L of f's: lambda_max of (1/4) sum of weighted a a', and that of r: weight, or 2 weight."""
        gram = (self._signed * self._row_weights[:, None]).T @ self._signed
        return float(np.linalg.eigvalsh(gram.astype(float))[-1]) / 4 + self.weight * (1 if self.regulariser == "l2" else 2)

    @property
    def mean_squared_smoothness(self) -> float:
        """A bound of l, E||grad f_i(x; xi) - grad f_i(y; xi)||^2 <= l^2 ||x - y||^2, the largest of all clients.

        Source: Gao et al. (2025), Assumption 5. From x to y each row has a mean curvature c in [0, 1/4], so that for B rows
        E||sum c a a'(x - y) / B||^2 is at most ||x - y||^2 times (lambda_max of the mean of ||a||^2 a a') / (16 B) + (1 - 1/B)
        (lambda_max of the mean of a a')^2 / 16, means over the client's rows. r adds weight, or 2 weight, to l.
        """
        largest = 0.0
        for end, count in zip(self._ends.tolist(), self._counts.tolist(), strict=True):
            rows = self._signed[end - count : end].astype(float)
            one_by_one = _largest(rows * np.linalg.norm(rows, axis=1, keepdims=True)) / 16
            largest = max(largest, one_by_one / self.batch + (1 - 1 / self.batch) * (_largest(rows) / 4) ** 2)
        return float(np.sqrt(largest)) + self.weight * (1 if self.regulariser == "l2" else 2)

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        counts = np.asarray(self._counts[clients])[..., None]
        drawn = (rng.random((*np.shape(clients), self.batch)) * counts).astype(np.intp)
        return np.asarray(drawn + (np.asarray(self._ends[clients])[..., None] - counts))

    def _rows(self, client: int, sample: Sample | None) -> Float[NumpyArray, "rows d"]:
        if sample is not None:
            return np.asarray(self._signed.take(sample, axis=0))
        return np.asarray(self._signed[self._ends[client] - self._counts[client] : self._ends[client]])

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        one_batch = sample is None or sample.size == sample.shape[-1]  # for all points
        if isinstance(clients, int | np.integer) and one_batch:
            return self._gradient(int(clients), x, None if sample is None else sample.ravel())
        return self._each(lambda one, own, point: self._gradient(one, point, own), clients, sample, x)

    def _gradient(self, client: int, x: Points, sample: Sample | None) -> Points:
        rows = self._rows(client, sample)
        slopes = expit(-_along(x.reshape(-1, self.size), rows.T))
        slopes *= -1 / len(rows)
        gradient = _along(slopes, rows).reshape(x.shape)
        return gradient + self._regulariser_slope(x) if self.weight else gradient

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        return self._each(lambda one, own, point: self._cost(one, point, own)[..., None], clients, sample, x)[..., 0]

    def _cost(self, client: int, x: Points, sample: Sample | None) -> PerPoint:
        margins = x @ self._rows(client, sample).T
        return np.asarray(np.logaddexp(0, -margins).mean(-1) + self._regularised(x))

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        return self._each(lambda one, own, point, along: self._product(one, point, along, own), clients, sample, x, vector)

    def _product(self, client: int, x: Points, vector: Points, sample: Sample | None) -> Points:
        rows = self._rows(client, sample)
        probability = expit(x @ rows.T)
        curved = (probability * (1 - probability) * (vector @ rows.T)) @ rows / len(rows)
        return np.asarray(curved + self._regulariser_curvature(x) * vector)

    def _each(
        self, work: Callable[..., NumpyArray], clients: Clients, sample: Sample | None, *points: NumpyArray
    ) -> NumpyArray:
        """Apply `work` (client, sample, points) to every client and sample, each result at its place among the points."""
        lead = np.shape(clients) if sample is None else sample.shape[:-1]
        shape = np.broadcast_shapes((*lead, self.size), *(one.shape for one in points))
        spread = [np.broadcast_to(one, shape) for one in points]
        out: NumpyArray | None = None
        for place in np.ndindex(lead):
            client = int(clients[place[-1]]) if isinstance(clients, np.ndarray) else clients
            at = (..., *place, slice(None))
            found = work(client, None if sample is None else sample[place], *(one[at] for one in spread))
            out = np.empty((*shape[:-1], found.shape[-1]), found.dtype) if out is None else out
            out[at] = found
        return np.asarray(out)

    def _regularised(self, x: Points) -> PerPoint:
        squares = x**2
        return np.asarray(self.weight * (squares / 2 if self.regulariser == "l2" else squares / (1 + squares)).sum(-1))

    def _regulariser_slope(self, x: Points) -> Points:
        return self.weight * x if self.regulariser == "l2" else 2 * self.weight * x / np.square(1 + x * x)

    def _regulariser_curvature(self, x: Points) -> Points | float:
        return self.weight if self.regulariser == "l2" else 2 * self.weight * (1 - 3 * x**2) / (1 + x**2) ** 3

    def mean_gradient(self, x: Points) -> Points:
        points, total = x.reshape(-1, self.size), None
        for start in range(0, len(self._signed), ROWS):
            rows, weights = self._signed[start : start + ROWS], self._row_weights[start : start + ROWS]
            part = (expit(-(points @ rows.T)) * weights) @ rows
            total = -part if total is None else total - part
        slope = np.asarray(total).reshape(x.shape)
        return slope + self._regulariser_slope(x) if self.weight else slope

    def mean_cost(self, x: Points) -> PerPoint:
        points = x.reshape(-1, self.size)
        total = np.zeros(len(points))
        for start in range(0, len(self._signed), ROWS):
            rows, weights = self._signed[start : start + ROWS], self._row_weights[start : start + ROWS]
            total += np.logaddexp(0, -(points @ rows.T)) @ weights
        return np.asarray(total.reshape(x.shape[:-1]) + self._regularised(x))

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Cost, norm of the gradient, and accuracy on the rows held out, where there are some."""
        known = super().measures(x)
        if self.held_out is not None:
            features, labels = self.held_out
            known["accuracy"] = np.asarray((((x @ features.T) > 0) == (labels > 0)).mean(-1))
        return known

    def starts(self, seeds: Sequence[int]) -> Float[NumpyArray, "runs d"]:
        """Start every run at 0, (runs, d), of the features' type."""
        return np.zeros((len(seeds), self.size), self._signed.dtype)


def _largest(rows: Float[Doubles, "rows d"]) -> float:
    """The largest eigenvalue of the mean of a a' over rows a."""
    if min(rows.shape) < LANCZOS:
        return float(np.linalg.norm(rows, 2) ** 2) / len(rows)
    (singular,) = svds(rows, k=1, v0=np.ones(min(rows.shape)), return_singular_vectors=False)
    return float(singular**2) / len(rows)


def _along(points: Float[NumpyArray, "k p"], columns: Float[NumpyArray, "p q"]) -> Float[NumpyArray, "k q"]:
    """The product points @ columns; of a few points (K, p) one by one, which BLAS does in half the time."""
    return np.asarray((points[:, None, :] @ columns)[:, 0] if len(points) < 4 else points @ columns)


def _check(features: NumpyArray, labels: NumpyArray) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1] or not labels.size or not np.isin(labels, (-1, 1)).all():
        raise ConfigError(
            f"labels: {labels.shape} for features {features.shape} are not valid: (N,) numbers -1 or 1 for (N, d) are needed"
        )
    if features.dtype not in (np.float32, np.float64):
        raise ConfigError(f"features: {features.dtype} is not valid: float32 or float64 is needed")
