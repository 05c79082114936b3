"""Step-size bounds of methods whose nodes average with doubly stochastic weights, in rounds."""

import numpy as np
from jaxtyping import Float

from wirelessenv.arrays import Doubles


def consensus_step(smoothness: float, weights: Float[Doubles, "n n"]) -> float:
    """The step up to which averaging with W and stepping along own gradients is stable: (1 + lambda_min(W)) / L.

    It is the bound of decentralised gradient descent (Yuan et al., 2016, Theorem 1), whose x_i converge below it on convex
    costs, and that of EXTRA, 2 lambda_min((I + W) / 2) / L (Shi et al., 2015, Theorem 3.3), with exact gradients.

    Args:
        smoothness: L, the largest of the nodes' L_i.
        weights: W, symmetric, (n, n).

    Returns:
        The step size eta.

    >>> consensus_step(4.0, np.eye(3)), consensus_step(2.0, np.full((2, 2), 0.5))
    (0.5, 0.5)
    """
    return float(1 + np.linalg.eigvalsh(weights)[0]) / smoothness
