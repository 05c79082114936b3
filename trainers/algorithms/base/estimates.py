"""Estimates of a gradient from utilities at perturbed policies: the forms of a query, and averages over time.

Algorithm 2 of Behmandpoor et al. (2024) compares a perturbed measurement with a plain one and follows the result. Others have
found forms that vary less. In instant t an agent has K directions u^{t,1}, ..., u^{t,K}; a query holds a scalar for each. Let
U(theta) be an agent's utility, measured over B slots. On a quadratic utility with gradient a and Hessian H in n dimensions,
measured with variance s^2, the second moment E||r u||^2 of one direction's term is, where h = tr(H)^2 + 2 tr(H^2):

    two points            (n + 2) ||a||^2 + (n + 4) h mu^2 / 4                                      + 2 n s^2 / mu^2
    antithetic pair       (n + 2) ||a||^2                                                           + n s^2 / (2 mu^2)
    residual, theta fixed (2n + 2) ||a||^2 + ((2n + 4) h - 2 (n + 2) tr(H)^2) mu^2 / 4              + 2 n s^2 / mu^2

and the mean of K directions has a K-th of its variance. All have the gradient of the smoothed utility as their mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wirelessenv.saved_state import refuse_outside

EPSILON = 1e-8
"""Adam divides by the root of the mean square plus this."""


class Feedback(ABC):
    """Form of a query: the policies that are measured in an instant, and the scalars that follow from it.

    Policies lie in one tensor: the plain ones first, then the perturbed ones, `sets` for each direction.
    """

    signs: ClassVar[tuple[int, ...]] = (1,)
    """The multiples of mu u at which policies are perturbed."""
    measures_plain: ClassVar[bool] = False
    """True where the plain policies are measured, too, once for all directions."""

    def __init__(self, directions: int, like: Tensor) -> None:
        """Begin with no measurement so far.

        Args:
            directions: K.
            like: utilities of one set of policies, (runs, variants, agents).
        """
        self.directions = directions
        self.before = torch.zeros_like(like)

    @property
    def perturbed(self) -> int:
        """Number of perturbed sets of policies in an instant."""
        return len(self.signs) * self.directions

    @property
    def measurements(self) -> int:
        """Number of measurements of B slots in an instant."""
        return self.perturbed + self.measures_plain

    def perturb(self, policies: Tensor, perturbations: Tensor, mu: Tensor) -> None:
        """Set the perturbed policies of an instant.

        Args:
            policies: theta, and behind it what is set, (1 + perturbed, runs, agents, variants, size).
            perturbations: u, (directions, runs, agents, 1 or variants, size).
            mu: of each variant, (variants, 1).
        """
        for sign, part in zip(self.signs, policies[1:].chunk(len(self.signs)), strict=True):
            torch.addcmul(policies[:1], perturbations, mu, value=sign, out=part)

    def measured(self, policies: Tensor) -> Tensor:
        """The policies among these that are measured."""
        return policies if self.measures_plain else policies[1:]

    @abstractmethod
    def differences(self, utilities: Tensor, instant: int) -> Tensor:
        """Differences of utilities, which over mu are slopes along the directions.

        Args:
            utilities: of the policies that were measured, (measurements, runs, variants, agents).
            instant: t, from 0.

        Returns:
            One for each direction, (directions, runs, variants, agents).
        """

    def state(self) -> dict[str, Any]:
        """All that a form remembers from instant to instant."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:  # noqa: B027  # most forms remember nothing
        """Go on from a saved state."""


class TwoPoint(Feedback):
    """U(theta + mu u) - U(theta), equation (4) of Behmandpoor et al. (2024); all directions share U(theta).

    Several directions: Duchi et al. (2015). Costs K + 1 measurements.
    """

    measures_plain = True

    def differences(self, utilities: Tensor, instant: int) -> Tensor:
        return utilities[1:] - utilities[0]


class Antithetic(Feedback):
    """{U(theta + mu u) - U(theta - mu u)} / 2, a central difference (Tang et al., 2023). Costs 2K measurements.

    What is even in u cancels, curvature first of all, and half the difference has a quarter of the noise.
    """

    signs = (-1, 1)

    def differences(self, utilities: Tensor, instant: int) -> Tensor:
        minus, plus = utilities.chunk(2)
        return (plus - minus) / 2


class Residual(Feedback):
    """U(theta^t + mu u^t) - U(theta^{t-1} + mu u^{t-1}), the measurement before it (Zhang et al., 2022). Costs K measurements.

    With several directions each is compared with the one before it. The first measurement of a run has none before it, and
    its difference is 0. Agents measure in every instant, also in those in which they do not query.
    """

    def differences(self, utilities: Tensor, instant: int) -> Tensor:
        before = utilities[0] if instant == 0 else self.before
        self.before = utilities[-1].clone()
        return utilities - torch.cat([before[None], utilities[:-1]])

    def state(self) -> dict[str, Any]:
        return {"before": self.before}

    def set_state(self, state: dict[str, Any]) -> None:
        self.before = state["before"]


FEEDBACK: dict[str, type[Feedback]] = {"two_point": TwoPoint, "antithetic": Antithetic, "residual": Residual}
"""The forms, by the names that settings give them."""


class Moments:
    """Momentum and Adam on the estimates of agents (Chen et al., 2019; Kingma and Ba, 2015), whichever an agent's variant has.

    d = m / (1 - beta_1^k), m = beta_1 m + (1 - beta_1) g in each update, the k-th of its agent; with Adam d is divided by
    sqrt(v / (1 - beta_2^k)) + 1e-8, v = beta_2 v + (1 - beta_2) g^2. beta_1 = 0 is no momentum, beta_2 = 0 is no Adam. An agent
    that does not update keeps its m, v and k.
    """

    def __init__(self, each: Sequence[Any], like: Tensor) -> None:
        """Begin with m = v = 0.

        Args:
            each: settings of each variant, with steps, momentum (beta_1) and second_moment (beta_2).
            like: policies (runs, agents, variants, size).
        """
        self._each = each
        self._first_decay = self._column([one.momentum for one in each], like)
        self._second_decay = self._column([one.second_moment for one in each], like)
        self._first, self._second = torch.zeros_like(like), torch.zeros_like(like)
        self._updates = torch.zeros((*like.shape[:3], 1), dtype=torch.int64, device=like.device)

    @staticmethod
    def _column(values: Sequence[float], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=like.device)[:, None]

    def move(self, policies: Tensor, estimates: Tensor, updating: NDArray[np.bool_], instant: int) -> None:
        """Add gamma^t d to the policies of those who update.

        Args:
            policies: theta, (runs, agents, variants, size).
            estimates: g, the same shape.
            updating: who updates, (runs, agents, variants).
            instant: t, from 0.
        """
        awake = torch.from_numpy(updating).to(estimates.device)[..., None]
        self._updates += awake
        for moment, decay, new in (
            (self._first, self._first_decay, estimates),
            (self._second, self._second_decay, estimates.square()),
        ):
            torch.where(awake, decay * moment + (1 - decay) * new, moment, out=moment)
        number = self._updates.clamp(min=1)
        mean = self._first / (1 - self._first_decay**number)
        root = (self._second / (1 - self._second_decay**number)).sqrt_().add_(EPSILON)
        gamma = self._column([one.steps.at(instant) for one in self._each], policies)
        if (own := self._each[0].agent_steps) is not None:  # which the variants share
            gamma = gamma * self._column(own, policies)[:, None]
        policies.addcmul_(torch.where(self._second_decay > 0, mean / root, mean), gamma * awake)

    def state(self) -> dict[str, Any]:
        """Moments and counts of updates."""
        return {"first_moment": self._first, "second_moment": self._second, "updates": self._updates}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        refuse_outside("moments.updates", state["updates"], 0)
        self._first, self._second, self._updates = (state[name] for name in ("first_moment", "second_moment", "updates"))
