"""Ridge regression over clients that differ, where a few own gradient steps pay (Toghani et al., 2023, Section 5)."""

from functools import cached_property, partial
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from trainers.events.timetable import CHUNK
from trainers.problems.fine_tuning import OwnSteps, Quadratics, apply, spread_of_gaussian, spread_of_set
from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, finite, whole
from wirelessenv.memory import check_room, part
from wirelessenv.streams import stream

Features = Literal["local_sets", "own_covariances", "iid"]
FineTuning = Literal["exact", "batches"]


class RidgeRegression(Objective):
    """f_i(z) = E (b - a'z)^2 + ||z||^2 / (2 n), where client i has b = a'beta_i + zeta: Toghani et al. (2023), (9) and (10).

    beta ~ N(0, common^2 I), beta_i = beta + N(0, spread^2 I), zeta ~ N(0, noise^2). Three laws of a:

        local_sets       uniform over `local_vectors` vectors of the client's own, drawn once from N(0, I)
        own_covariances  N(0, S_i), S_i = Q_i diag(s) Q_i' of mean eigenvalue 1 with a random rotation Q_i, where s is
                         geometric from 1 to `condition`
        iid              N(0, I): all clients have the same Hessian, so that all F^(u) below have one minimiser

    In each f_i is the quadratic z'H_i z / 2 - c_i'z + e_i, which the exact cost and gradient are of. A `sample` is a batch
    of independent rows (a, b), (..., batch, d + 1); test points come from the same law. After u gradient steps of size
    alpha = `inner_step_size` on its own f_i, a client's test error is the mean of (b - a'w)^2 over its test points: what
    Figure 1 shows. The steps are exact, or with `fine_tuning` "batches" on fresh batches, as in (4) of the paper, and the
    error is the mean over them. The paper gives n, d, batch and test_samples; all else is ours. Test errors do not count the
    ridge, which f_i does: where it matters (`common` 1), the point that is best for f_i after 4 or 5 steps need not have the
    least error.

    >>> problem = RidgeRegression(seed=1)
    >>> best = problem.minimiser(steps=2)
    >>> bool(abs(problem.mean_personal_gradient(best, steps=2)).max() < 1e-10)
    True

    Args:
        features: the law of a.
        clients: n.
        size: d.
        batch: samples in a batch, b.
        local_vectors: different a of each client, with `local_sets`.
        test_samples: of each client.
        common: standard deviation of the entries of beta.
        spread: of those of beta_i - beta.
        noise: sigma, of zeta.
        condition: largest by smallest eigenvalue of each S_i.
        inner_step_size: alpha of the steps before a test.
        budget: the largest u that `measures` reports a test error of.
        fine_tuning: steps before a test.
        seed: of beta_i, the laws of a, and the test points.

    Raises:
        ConfigError: where a setting is not valid.
    """

    def __init__(
        self,
        features: Features = "local_sets",
        *,
        clients: int = 10,
        size: int = 30,
        batch: int = 20,
        local_vectors: int = 20,
        test_samples: int = 200,
        common: float = 0.3,
        spread: float = 0.7,
        noise: float = 0.5,
        condition: float = 10.0,
        inner_step_size: float = 0.1,
        budget: int = 5,
        fine_tuning: FineTuning = "exact",
        seed: int = 0,
    ) -> None:
        if features not in get_args(Features):
            raise ConfigError(f"features: {features!r} is not valid: it should be one of {', '.join(get_args(Features))}")
        if fine_tuning not in get_args(FineTuning):
            raise ConfigError(f"fine_tuning: {fine_tuning!r} is not valid: it should be exact or batches")
        clients, size, batch = whole("clients", clients), whole("size", size), whole("batch", batch)
        test_samples, local_vectors = whole("test_samples", test_samples), whole("local_vectors", local_vectors)
        condition, common, spread = finite("condition", condition, 1), finite("common", common), finite("spread", spread)
        self.clients, self.size, self.batch, self.features = clients, size, batch, features
        self.fine_tuning = fine_tuning
        self.inner_step_size, self.budget = finite("inner_step_size", inner_step_size), whole("budget", budget, 0)
        self.noise, self.ridge = finite("noise", noise), 1 / clients
        many, numbers = ("clients", clients), ("size", size)
        check_room(
            part(40, many, numbers, numbers),
            part(16, many, numbers, ("local_vectors", local_vectors)),
            part(24, many, numbers, ("test_samples", test_samples)),
            part(8 * CHUNK, numbers, ("batch", batch)),
            part(24, many, numbers, ("batch", batch)),
        )
        rng = stream(seed, "regression")
        self.targets: Float[Doubles, "n d"] = common * rng.normal(size=size) + spread * rng.normal(size=(clients, size))
        """beta_i, (n, d)."""
        self._draw_law(local_vectors, condition, rng)
        moments = self._second_moments()
        self.hessians: Float[Doubles, "n d d"] = 2 * moments + self.ridge * np.eye(size)
        """H_i, (n, d, d)."""
        self._linear = 2 * apply(moments, self.targets)
        self._constant = (self._linear * self.targets).sum(-1) / 2 + noise**2
        self._test = self._rows(np.arange(clients), test_samples, stream(seed, "regression test"))

    def _draw_law(self, local_vectors: int, condition: float, rng: np.random.Generator) -> None:
        self._vectors: Float[Doubles, "n vectors d"] | None = None
        """Vectors over which a is uniform, (n, local_vectors, d)."""
        self._factors: Float[Doubles, "n d d"] | None = None
        """Factors R_i of a ~ N(0, R_i'R_i), (n, d, d)."""
        if self.features == "local_sets":
            self._vectors = rng.normal(size=(self.clients, local_vectors, self.size))
        elif self.features == "own_covariances":
            spectrum = np.geomspace(1, condition, self.size)
            rotations = np.linalg.qr(rng.normal(size=(self.clients, self.size, self.size)))[0]
            self._factors = np.sqrt(spectrum / spectrum.mean())[:, None] * rotations

    @property
    def feature_sets(self) -> Float[Doubles, "n vectors d"]:
        """Vectors over which each client's features are uniform, (n, local_vectors, d).

        Raises:
            ConfigError: where features are Gaussian.
        """
        if self._vectors is None:
            raise ConfigError(f"features: {self.features} is not valid: only local_sets have finite sets of features")
        return self._vectors

    def _second_moments(self) -> Float[Doubles, "n d d"]:
        """E aa' of each client, (n, d, d)."""
        if self._vectors is not None:
            return np.asarray(self._vectors.mT @ self._vectors / self._vectors.shape[1])
        if self._factors is not None:
            return self._factors.mT @ self._factors
        return np.repeat(np.eye(self.size)[None], self.clients, axis=0)

    def _rows(self, clients: Clients, count: int, rng: np.random.Generator) -> Float[Doubles, "*clients rows columns"]:
        """Independent rows (a, b) of clients, (..., count, d + 1)."""
        rows = np.empty((*np.shape(clients), count, self.size + 1))
        if self._vectors is not None:
            which = rng.integers(self._vectors.shape[1], size=rows.shape[:-1])
            rows[..., :-1] = self._vectors[np.asarray(clients)[..., None], which]
        else:
            drawn = rng.standard_normal((*rows.shape[:-1], self.size))
            rows[..., :-1] = drawn if self._factors is None else drawn @ self._factors[clients]
        rows[..., -1] = apply(rows[..., :-1], self.targets[clients]) + self.noise * rng.standard_normal(rows.shape[:-1])
        return rows

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        return self._rows(clients, self.batch, rng)

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        if sample is None:
            bent = apply(self.hessians[clients], x) / 2 - self._linear[clients]
            return np.asarray((bent * x).sum(-1) + self._constant[clients])
        residual = apply(sample[..., :-1], x) - sample[..., -1]
        return np.asarray((residual**2).mean(-1) + self.ridge / 2 * (x**2).sum(-1))

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        if sample is None:
            return np.asarray(apply(self.hessians[clients], x) - self._linear[clients])
        residual = apply(sample[..., :-1], x) - sample[..., -1]
        return np.asarray(2 / sample.shape[-2] * apply(sample[..., :-1].mT, residual) + self.ridge * x)

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        if sample is None:
            return apply(self.hessians[clients], vector)
        product = apply(sample[..., :-1].mT, apply(sample[..., :-1], vector))
        return np.asarray(2 / sample.shape[-2] * product + self.ridge * vector)

    def minimiser(self, steps: int = 0, inner_step_size: float | None = None) -> Float[Doubles, " d"]:
        """Point z* that is best after u own gradient steps: it minimises (1/n) sum_i f_i(w_i).

        w_i is the point that u exact gradient steps on f_i lead to from z.

        z* = (sum_i P_i H_i P_i)^-1 sum_i P_i H_i P_i x_i*, P_i = (I - alpha H_i)^u, x_i* = H_i^-1 c_i. P_i and H_i commute,
        so that H_i P_i x_i* = P_i c_i.

        Args:
            steps: u.
            inner_step_size: alpha, if not the problem's.

        Returns:
            (d,).
        """
        alpha = self.inner_step_size if inner_step_size is None else inner_step_size
        steps_taken = np.linalg.matrix_power(np.eye(self.size) - alpha * self.hessians, steps)
        bent = (steps_taken @ self.hessians @ steps_taken).sum(0)
        return np.linalg.solve(bent, apply(steps_taken @ steps_taken, self._linear).sum(0))

    def mean_personal_gradient(self, x: Points, steps: int) -> Points:
        """Gradient of the cost that `minimiser` minimises: (1/n) sum_i P_i (H_i w_i - c_i).

        Args:
            x: (..., d).
            steps: u.

        Returns:
            Of the shape of x.
        """
        clients, jacobian = np.arange(self.clients), np.eye(self.size) - self.inner_step_size * self.hessians
        slopes = self.gradient(clients, self.personal(x, steps))
        return np.asarray(apply(np.linalg.matrix_power(jacobian, steps), slopes).mean(-2))

    def personal(self, x: Float[NumpyArray, "*points d"], steps: int) -> Float[NumpyArray, "*points n d"]:
        """Points w_i after u exact gradient steps on each f_i.

        Args:
            x: the common point from which they start, (..., d).
            steps: u.

        Returns:
            (..., n, d).
        """
        clients = np.arange(self.clients)
        w = np.repeat(x[..., None, :], self.clients, axis=-2)
        for _ in range(steps):
            w = w - self.inner_step_size * self.gradient(clients, w)
        return w

    def own_steps(self, fine_tuning: FineTuning, inner_step_size: float | None = None) -> OwnSteps:
        """Own gradient steps of all clients, of which costs and test errors are known in closed form.

        Args:
            fine_tuning: steps on the exact costs, or on batches.
            inner_step_size: alpha, if not the problem's.
        """
        alpha = self.inner_step_size if inner_step_size is None else inner_step_size
        if fine_tuning == "exact":
            return OwnSteps(alpha, self.hessians, self._linear, self.targets)
        moments = self._second_moments()
        spread = partial(spread_of_gaussian, moments, self.batch)
        if self._vectors is not None:
            spread = partial(spread_of_set, self._vectors, self.batch)
        label_noise = 4 * self.noise**2 / self.batch * moments
        return OwnSteps(alpha, self.hessians, self._linear, self.targets, spread, label_noise)

    def personal_cost(self, steps: int, fine_tuning: FineTuning = "exact", inner_step_size: float | None = None) -> Quadratics:
        """F_i^(u), the cost f_i after u own gradient steps, exact or on batches, as quadratics of the point before them.

        Args:
            steps: u.
            fine_tuning: steps on the exact costs, or on batches, as in (4).
            inner_step_size: alpha, if not the problem's.
        """
        cost = Quadratics(self.hessians, self._linear, self._constant)
        return self.own_steps(fine_tuning, inner_step_size).before_all(cost, steps)

    def test_error(self, x: Points, steps: int = 0) -> PerPoint:
        """Mean test error over clients, each after its own steps; with steps on batches, its mean over them, too.

        Args:
            x: the common point, (..., d).
            steps: u, from it to w_i.

        Returns:
            (...).
        """
        if self.fine_tuning == "batches":
            return np.asarray(self._test_errors[steps](x).mean(-1))
        residual = apply(self._test[..., :-1], self.personal(x, steps)) - self._test[..., -1]
        return np.asarray((residual**2).mean((-1, -2)))

    @cached_property
    def _test_errors(self) -> list[Quadratics]:
        """Test errors after 0 ... `budget` steps on batches."""
        a, b = self._test[..., :-1], self._test[..., -1]
        count, own = b.shape[1], self.own_steps("batches")
        errors = [Quadratics(2 / count * a.mT @ a, 2 / count * apply(a.mT, b), (b**2).mean(-1))]
        for _ in range(self.budget):
            errors.append(own.before(errors[-1]))
        return errors

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """Cost of f, its gradient's norm, how far the cost is above f*, and test errors after u = 0 ... `budget` steps.

        Beside the latter stand those of the exact minimisers: `plain_error_u` from that of f, `personal_error_u` from that
        of F^(u), whose steps are the same.
        """
        plain = {**super().measures(x), "excess_cost": self.mean_cost(x) - self.mean_cost(self.minimiser(0))}
        known = {**plain, **{f"test_error_{u}": self.test_error(x, u) for u in range(self.budget + 1)}}
        return known | {name: np.full(x.shape[:-1], value) for name, value in self._exact_errors.items()}

    @cached_property
    def _exact_errors(self) -> dict[str, float]:
        steps = range(self.budget + 1)
        plain = {f"plain_error_{u}": float(self.test_error(self.minimiser(0), u)) for u in steps}
        exact = self.fine_tuning == "exact"
        best = {u: self.minimiser(u) if exact else self.personal_cost(u, "batches").minimiser for u in steps}
        return plain | {f"personal_error_{u}": float(self.test_error(best[u], u)) for u in steps}
