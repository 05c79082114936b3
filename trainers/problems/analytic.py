"""A problem whose constants are known: smooth costs with a known minimum, for theory and for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from trainers.problems.policies import Policies
from trainers.problems.problem import Problem
from wirelessenv.channel.sampling import sampler
from wirelessenv.config import ConfigError
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import run_seeds, stream

SHAPES = {"convex": 1.0, "lopsided": 1.0, "nonconvex": np.exp(-0.5)}
"""The largest slope of each shape; the largest curvature of both is 1."""


@dataclass(frozen=True)
class Constants:
    """Constants that bound a problem, as in Behmandpoor et al. (2024), Assumptions I, V and VI."""

    smoothness: float
    """L of every f_l and of every F_l(., xi): what the proofs use, though Assumption I asks it of f_l alone."""
    gradient: float
    """G: the largest norm of a gradient of f_l."""
    gradient_noise: float
    """sigma: E||grad F_l - grad f_l||^2 <= sigma^2."""
    noise_slope: float
    """L_xi: the Lipschitz constant of F_l in xi."""
    noise_size: float
    """v: E||xi||^2 <= v^2."""
    minimum: float
    """f*: the smallest value of f = (1/m) sum f_l."""


class AnalyticProblem(Problem):
    """Costs of all agents' parameters together, as Behmandpoor et al. (2024) has them: smooth, with bounded gradients.

    F_i(theta, xi) = sum_k phi(c_ik'(theta - theta*)) + tau xi_0 + rho xi_1 sin(c_i0'(theta - theta*))

    phi(x) = sqrt(1 + x^2) - 1 (convex), a quarter of it for x > 0 (lopsided, so that the smooth approximation of (3) has its
    minimum elsewhere) or 1 - exp(-x^2 / 2) (nonconvex), |phi''| <= 1; the n = m n_l vectors c_ik of an
    agent are orthonormal, theta* is where all costs have their minimum 0. The sample xi is common to all agents, as a
    channel is: xi_0 ~ N(0, 1), xi_1 = +-1. Then

        L = 1 + rho,  G = sqrt(n) max |phi'|,  sigma = rho,  L_xi = sqrt(tau^2 + rho^2),  v^2 = [tau > 0] + [rho > 0],

    and no smaller L (where rho = 0) or G will do. All runs have the same costs and start at theta = 0; they differ in
    their samples and perturbations. A utility is -F_i.

    With `locality` below 1 agents stand in a ring, and an agent feels the parameters of another, h steps away, locality^h times
    as much: the entries of c_ik that belong to them are multiplied by that. L and G then are bounds, not the smallest ones.

    >>> problem = AnalyticProblem(agents=4, size=2, slope_noise=0.5)
    >>> problem.constants.smoothness, problem.constants.minimum
    (1.5, 0.0)

    Args:
        agents: m.
        size: n_l, parameters of each agent.
        shape: "convex", "lopsided" or "nonconvex".
        value_noise: tau, noise of the value alone.
        slope_noise: rho, noise of the slope.
        distance: root mean square of the entries of theta*: how far from the minimum a run starts.
        locality: what is left of an agent's influence at each step of the ring.
        seed: the run's seed, or one for each run.
        device: where torch computes.
    """

    slot_seconds = float("nan")

    def __init__(
        self,
        agents: int = 4,
        size: int = 2,
        shape: Literal["convex", "lopsided", "nonconvex"] = "nonconvex",
        *,
        value_noise: float = 0.0,
        slope_noise: float = 0.0,
        distance: float = 1.5,
        locality: float = 1.0,
        seed: int | Sequence[int] = 0,
        device: str = "cpu",
    ) -> None:
        if shape not in SHAPES:
            raise ConfigError(f'shape: {shape!r} is not valid: it should be "convex", "lopsided" or "nonconvex"')
        self.seeds, self.agents, self.device = run_seeds(seed), agents, device
        self.policies: Policies = _Points(size)
        self.shape, self.value_noise, self.slope_noise, self._slots = shape, value_noise, slope_noise, 0
        dimension = agents * size
        rng = stream(0, "analytic problem")
        directions = np.linalg.qr(rng.normal(size=(agents, dimension, dimension)))[0]
        target = rng.normal(size=dimension)
        if locality != 1:
            apart = np.abs(np.subtract.outer(range(agents), range(agents)))
            reach = np.repeat(float(locality) ** np.minimum(apart, agents - apart), size, axis=1)
            directions = directions * reach[:, None]
        self._directions = torch.as_tensor(directions, device=device)
        self.target = torch.as_tensor(distance * target / np.sqrt(np.mean(target**2)), device=device)
        """theta*, (agents * size,)."""
        self._draws = sampler(self.seeds, "analytic noise", device=None if device == "cpu" else device)

    @property
    def constants(self) -> Constants:
        """L, G, sigma, L_xi, v and f*."""
        tau, rho = self.value_noise, self.slope_noise
        steepest = float(sqrt(self.agents * self.policies.size) * SHAPES[self.shape])
        return Constants(1 + rho, steepest, rho, sqrt(tau**2 + rho**2), sqrt((tau > 0) + (rho > 0)), 0.0)

    @property
    def slots(self) -> int:
        return self._slots

    def positions(self) -> None:
        return None

    def _along(self, parameters: Tensor) -> Tensor:
        """c_ik'(theta - theta*), (..., variants, i, k) of (..., agents, variants, size), in double precision."""
        flat = parameters.movedim(-2, -3).flatten(-2).double() - self.target
        return torch.einsum("ikp,...p->...ik", self._directions, flat)

    def _costs(self, along: Tensor) -> Tensor:
        shaped = -torch.expm1(-(along**2) / 2) if self.shape == "nonconvex" else (1 + along**2).sqrt() - 1
        return (shaped * self._weights(along)).sum(-1)

    def _weights(self, along: Tensor) -> Tensor | float:
        """A quarter on one side where costs are lopsided; else 1."""
        return 1 - 0.75 * (along > 0).double() if self.shape == "lopsided" else 1.0

    def costs(self, parameters: Float[Tensor, "*lead agents variants size"]) -> Float[Tensor, "*lead variants agents"]:
        """f_i(theta), (..., variants, i), of parameters (..., agents, variants, size)."""
        return self._costs(self._along(parameters))

    def gradients(
        self, parameters: Float[Tensor, "*lead agents variants size"]
    ) -> Float[Tensor, "*lead variants agents agents size"]:
        """df_i/dtheta_l, (..., variants, i, l, size), of parameters (..., agents, variants, size)."""
        along = self._along(parameters)
        slopes = along * torch.exp(-(along**2) / 2) if self.shape == "nonconvex" else along / (1 + along**2).sqrt()
        slopes = slopes * self._weights(along)
        gradients = torch.einsum("...ik,ikp->...ip", slopes, self._directions)
        return gradients.reshape(*gradients.shape[:-1], self.agents, self.policies.size)

    def sampled(
        self, parameters: Float[Tensor, "*lead agents variants size"], samples: Float[Tensor, "*#lead 2"]
    ) -> Float[Tensor, "*lead variants agents"]:
        """Costs at given samples, F_i(theta, xi).

        Args:
            parameters: theta, (..., agents, variants, size).
            samples: xi, (..., 2), or means of several: F_i is linear in xi.

        Returns:
            (..., variants, i).
        """
        along = self._along(parameters)
        value, slope = samples[..., None, None, :].double().unbind(-1)
        return self._costs(along) + self.value_noise * value + self.slope_noise * slope * along[..., 0].sin()

    def measure(
        self, parameters: Float[Tensor, "sets runs agents variants size"], batch: int, common_noise: bool
    ) -> Float[Tensor, "sets runs variants agents"]:
        self._slots += len(parameters) * batch
        if self.value_noise == self.slope_noise == 0:
            return -self.costs(parameters).float()
        groups = 1 if common_noise else len(parameters)
        drawn = torch.as_tensor(self._draws.normal(groups * batch, 2), device=self.device)
        samples = torch.stack([drawn[..., 0], drawn[..., 1].sign()], dim=-1)
        mean = samples.double().reshape(-1, groups, batch, 2).mean(2).movedim(1, 0)  # (groups, runs, 2)
        return -self.sampled(parameters, mean).float()

    def evaluate(self, parameters: Float[Tensor, "runs agents variants size"]) -> NDArray[np.float64]:
        return np.asarray(-self.costs(parameters).sum(-1).cpu())

    def full_power_utility(self) -> NDArray[np.float64]:
        return np.full(len(self.seeds), np.nan)

    def act(self, parameters: Float[Tensor, "agents size"], observations: Any) -> Any:
        return parameters.cpu().numpy()  # nothing is observed

    def configuration(self) -> dict[str, Any]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"draws": self._draws.state(), "slots": self._slots}

    def set_state(self, state: dict[str, Any]) -> None:
        self._draws.set_state(state["draws"])
        refuse_outside("problem.slots", state["slots"], 0)
        self._slots = state["slots"]


class _Points(Policies):
    """Parameters that belong to no network: points of R^size, all 0 at first."""

    def __init__(self, size: int) -> None:
        self.size, self.width = size, 0

    def initial(self, seeds: Sequence[int], agents: int) -> Tensor:
        return torch.zeros((len(seeds), agents, self.size))
