"""A fitted attacker: a rule that guesses secrets of agents from what they send, and the share of them that it explains."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from wirelessenv.arrays import Doubles

PENALTIES: Doubles = 10.0 ** np.arange(-4, 6, dtype=np.float64)
"""Penalties of the ridge regression, for each row of the fit; the largest leaves next to nothing but the mean."""
FOLDS = 5


class Attacker:
    """Ridge regression of secrets on marks, their squares and their products, all standardised.

    The guess is the mean of the secrets that it was fitted on plus a linear rule, whose penalty is the one that guesses best
    in layouts left out of the fit, fold by fold.
    """

    def __init__(
        self, marks: Float[np.ndarray, "layouts agents marks"], secrets: Float[np.ndarray, "layouts agents numbers"]
    ) -> None:
        """Fit the rule to some layouts.

        Args:
            marks: of the agents of some layouts, at least two, (layouts, agents, marks).
            secrets: theirs, (layouts, agents, numbers).
        """
        errors, folds = np.zeros(len(PENALTIES)), min(FOLDS, len(marks))
        for fold in range(folds):
            outside = np.arange(len(marks)) % folds == fold
            guesses = _Ridge(marks[~outside], secrets[~outside]).guesses(marks[outside], PENALTIES)
            errors += [((secrets[outside] - guess) ** 2).sum() for guess in guesses]
        self.penalty = float(PENALTIES[errors.argmin()])
        self._ridge = _Ridge(marks, secrets)

    def guess(self, marks: Float[np.ndarray, "layouts agents marks"]) -> Float[np.ndarray, "layouts agents numbers"]:
        """Guesses of the secrets behind marks (layouts, agents, marks)."""
        return next(self._ridge.guesses(marks, [self.penalty]))

    def explained(
        self, marks: Float[np.ndarray, "layouts agents marks"], secrets: Float[np.ndarray, "layouts agents numbers"]
    ) -> Doubles:
        """R^2 of each layout, 1 - sum (secret - guess)^2 / sum (secret - mean)^2, over its agents.

        The mean is that of the layouts that the attacker was fitted on, the guess of somebody who hears nothing.

        Args:
            marks: of layouts that the attacker was not fitted on, (layouts, agents, marks).
            secrets: theirs, (layouts, agents, numbers).

        Returns:
            (layouts,); 1 where all is guessed, 0 where the marks tell nothing, less where the guess misleads.
        """
        missed = ((secrets - self.guess(marks)) ** 2).sum((1, 2))
        return np.asarray(1 - missed / ((secrets - self._ridge.mean) ** 2).sum((1, 2)))


class _Ridge:
    """Ridge regression for every penalty at once, by the singular values of its design."""

    def __init__(self, marks: Doubles, secrets: Doubles) -> None:
        rows = marks.reshape(-1, marks.shape[2])
        self._centre, self._scale = rows.mean(0), rows.std(0) + 1e-12
        products = self._products(rows)
        self._middle, self._spread = products.mean(0), products.std(0) + 1e-12
        self.mean = secrets.mean((0, 1))
        left, self._singular, self._right = np.linalg.svd((products - self._middle) / self._spread, full_matrices=False)
        self._onto = left.T @ (secrets.reshape(len(rows), -1) - self.mean)
        self._rows = len(rows)

    def _products(self, rows: Doubles) -> Doubles:
        """Standardised marks, and the products of every two of them; far ones are cut, so that nobody is guessed wildly."""
        marks = np.clip((rows - self._centre) / self._scale, -5, 5)
        first, second = np.triu_indices(marks.shape[1])
        return np.concatenate([marks, marks[:, first] * marks[:, second]], axis=1)

    def guesses(self, marks: Doubles, penalties: Sequence[float] | Doubles) -> Iterator[Doubles]:
        """Guesses (layouts, agents, numbers), penalty by penalty."""
        products = self._products(marks.reshape(-1, marks.shape[2]))
        along = (products - self._middle) / self._spread @ self._right.T
        for penalty in penalties:
            shrunk = self._singular / (self._singular**2 + penalty * self._rows)
            yield self.mean + ((along * shrunk) @ self._onto).reshape(*marks.shape[:2], -1)
