"""Quadratic costs after gradient steps on each client's own cost, exact ones or on batches, in closed form.

A step is w' = w - alpha (H w - c). With exact steps, H and c are the client's. With batches of b rows (a, b = a'beta + zeta),
H = (2 / b) sum aa' + ridge I and c = (2 / b) sum a b, and what is left of a cost is its mean over the batches.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from trainers.problems.objective import NumpyArray
from wirelessenv.arrays import Doubles

Matrices = Float[Doubles, "n d d"]
Vectors = Float[Doubles, "n d"]


def apply(
    matrices: Float[NumpyArray, "*#batch p q"], vectors: Float[NumpyArray, "*#batch q"]
) -> Float[NumpyArray, "*#batch p"]:
    """Products of matrices and vectors.

    Args:
        matrices: (..., p, q).
        vectors: (..., q).

    Returns:
        (..., p).
    """
    return np.asarray((matrices @ vectors[..., None])[..., 0])


@dataclass(frozen=True)
class Quadratics:
    """Costs w'M w / 2 - v'w + k of n clients."""

    curvature: Matrices
    """M, symmetric, (n, d, d)."""
    linear: Vectors
    """v, (n, d)."""
    constant: Float[Doubles, " n"]
    """k, (n,)."""

    def __call__(self, x: Float[NumpyArray, "*points d"]) -> Float[NumpyArray, "*points n"]:
        """Cost of every client at points (..., d), (..., n)."""
        w = x[..., None, :]
        return np.asarray((w * (apply(self.curvature, w) / 2 - self.linear)).sum(-1) + self.constant)

    @property
    def minimiser(self) -> Float[Doubles, " d"]:
        """Point at which the mean over the clients is least, (d,)."""
        return np.linalg.solve(self.curvature.sum(0), self.linear.sum(0))


@dataclass(frozen=True)
class OwnSteps:
    """Gradient steps of all clients on their own quadratics."""

    size: float
    """alpha"""
    hessians: Matrices
    """E H, (n, d, d)."""
    linear: Vectors
    """E c, (n, d)."""
    targets: Vectors
    """beta, (n, d)."""
    spread: Callable[[Matrices], Matrices] | None = None
    """E (H - E H) M (H - E H) of a matrix M for each client; None: exact steps."""
    label_noise: Float[Doubles, "n d d"] | None = None
    """Covariance of what zeta adds to c, (n, d, d); None: exact steps."""

    def before(self, cost: Quadratics) -> Quadratics:
        """Mean cost as a function of the point from which one step leads to the argument of `cost`.

        With w' = A w + alpha c, A = I - alpha H: M becomes E AMA, v becomes E A (v - alpha M c), k becomes
        k + E (alpha^2 c'M c / 2 - alpha v'c). H - E H and c - E c go together: the latter is (H - E H) beta, and label noise.
        """
        alpha, keep = self.size, np.eye(self.hessians.shape[-1]) - self.size * self.hessians
        pulled = alpha * apply(cost.curvature, self.linear)
        curvature = keep @ cost.curvature @ keep
        linear = apply(keep, cost.linear - pulled)
        constant = cost.constant + alpha * (self.linear * (pulled / 2 - cost.linear)).sum(-1)
        if self.spread is not None and self.label_noise is not None:
            spread = alpha**2 * self.spread(cost.curvature)
            along = apply(spread, self.targets)
            noise = alpha**2 * (cost.curvature * self.label_noise).sum((-1, -2))
            curvature, linear = curvature + spread, linear + along
            constant = constant + ((along * self.targets).sum(-1) + noise) / 2
        return Quadratics((curvature + curvature.mT) / 2, linear, constant)

    def before_all(self, cost: Quadratics, steps: int) -> Quadratics:
        """Mean cost as a function of the point before u steps.

        Args:
            cost: of the point after them.
            steps: u.
        """
        for _ in range(steps):
            cost = self.before(cost)
        return cost


def spread_of_gaussian(moments: Matrices, batch: int, matrices: Matrices) -> Matrices:
    """E (H - E H) M (H - E H) for batches of rows a ~ N(0, S): (4 / b) (S M S + tr(M S) S).

    Args:
        moments: S, (n, d, d).
        batch: b.
        matrices: M, symmetric, (n, d, d).

    Returns:
        (n, d, d).
    """
    turned = moments @ matrices
    trace = turned.trace(axis1=-2, axis2=-1)[:, None, None]
    return np.asarray(4 / batch * (turned @ moments + trace * moments))


def spread_of_set(rows: Float[Doubles, "n vectors d"], batch: int, matrices: Matrices) -> Matrices:
    """E (H - E H) M (H - E H) for batches of rows a uniform over a set: (4 / b) (E aa'Maa' - S M S).

    Args:
        rows: the set of each client, (n, vectors, d).
        batch: b.
        matrices: M, symmetric, (n, d, d).

    Returns:
        (n, d, d).
    """
    moments = rows.mT @ rows / rows.shape[1]
    along = ((rows @ matrices) * rows).sum(-1, keepdims=True)
    return np.asarray(4 / batch * (rows.mT @ (along * rows) / rows.shape[1] - moments @ matrices @ moments))
