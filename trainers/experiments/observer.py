"""An observer of messages: running averages of what every agent sends, and the marks that an attacker is fitted on.

It hears every entry, but neither policies nor perturbations nor channels. It keeps averages over all instants and over about
the last `RECENT` ones, which have more to do with the policies of now.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wirelessenv.saved_state import refuse_outside

RECENT = 50
"""Instants: what was said longer ago has less weight in the recent averages."""
FLOOR = 1e-9
"""Added to sizes before their logarithm: an agent may send zeros."""


class Observer(ABC):
    """Running averages of moments of what agents send, one row for each agent."""

    def __init__(self, like: Tensor) -> None:
        """Begin with nothing heard; `like` has the shape of the entries of an instant."""
        self.instants = 0
        moments = self.moments(torch.zeros_like(like, dtype=torch.float64))
        self.averages = torch.zeros((2, *moments.shape), dtype=moments.dtype, device=moments.device)

    def hear(self, said: Tensor) -> None:
        """Take in the entries of one instant, (runs, agents, ...): a scalar or its slopes for each agent."""
        moments = self.moments(said.double())
        self.instants += 1
        for average, weight in zip(self.averages, (1 / self.instants, 1 / min(self.instants, RECENT)), strict=True):
            average.lerp_(moments, weight)

    def marks(self) -> Float[np.ndarray, "runs agents marks"]:
        """Marks of every agent, from both averages; there is something to fit from the first instant on."""
        return np.concatenate([self.shape_of(average) for average in self.averages.cpu().numpy()], axis=2)

    @abstractmethod
    def moments(self, said: Tensor) -> Tensor:
        """Moments of the entries of one instant, (runs, agents, moments)."""

    @abstractmethod
    def shape_of(self, average: Float[np.ndarray, "runs agents moments"]) -> Float[np.ndarray, "runs agents marks"]:
        """Sizes and shapes of laws, from averages of their moments."""

    def state(self) -> dict[str, Any]:
        """Averages so far, and of how many instants."""
        return {"instants": self.instants, "averages": self.averages}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        refuse_outside("observer.instants", state["instants"], 0)
        self.instants, self.averages = state["instants"], state["averages"]


class ScalarObserver(Observer):
    """Observer of the scalars r_l of Algorithm 2 of Behmandpoor et al. (2024): the law of each agent's own.

    Marks: log of the root mean square, the mean and the mean absolute value over it, and the third moment over its cube, which
    is negative where an agent can only lose by other powers, and positive where it can only gain.
    """

    def moments(self, said: Tensor) -> Tensor:
        return torch.stack([(said**2).mean(2), said.mean(2), said.abs().mean(2), (said**3).mean(2)], dim=2)

    def shape_of(self, average: Float[np.ndarray, "runs agents moments"]) -> Float[np.ndarray, "runs agents marks"]:
        square, mean, size, cube = np.moveaxis(average, 2, 0)
        root = np.sqrt(square) + FLOOR
        return np.stack([np.log(root), mean / root, np.log((size + FLOOR) / root), cube / root**3], axis=2)


class SlopeObserver(Observer):
    """Observer of the slopes dU_l/dp_i of the first-order learner, (runs, l, slots, i).

    Marks: logs of the own slope's mean, of its geometric mean and its spread, of the sum of the others and the largest of
    them, of their geometric mean, and of the harm that agent l does to all others, which these send.
    """

    def moments(self, said: Tensor) -> Tensor:
        own, size = torch.diagonal(said, dim1=1, dim2=3).transpose(1, 2), said.abs()  # (runs, l, slots)
        log, others = (own.abs() + FLOOR).log(), 1 - torch.eye(said.shape[1], dtype=said.dtype, device=said.device)
        each = size.mean(2) * others  # slopes of U_l in others' powers, (runs, l, i)
        geometric = ((size + FLOOR).log().sum(3) - log).mean(2) / max(said.shape[1] - 1, 1)
        few = [own.abs().mean(2), log.mean(2), (log**2).mean(2), geometric, each.sum(2), each.sum(1)]
        return torch.cat([torch.stack(few, dim=2), each], dim=2)

    def shape_of(self, average: Float[np.ndarray, "runs agents moments"]) -> Float[np.ndarray, "runs agents marks"]:
        own, log, square, geometric, others, harm = np.moveaxis(average[..., :6], 2, 0)
        spread = np.sqrt(np.maximum(square - log**2, 0))
        sizes = np.log(np.stack([own, others, average[..., 6:].max(2), harm], axis=2) + FLOOR)
        return np.concatenate([sizes, np.stack([log, spread, geometric], axis=2)], axis=2)
