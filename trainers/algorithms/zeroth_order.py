"""The asynchronous zeroth-order message-passing learner: Algorithms 1 and 2 of papers/000.

Agents perturb their policies together, each measures its own utility, and only these scalars travel; each agent then
moves along its own past perturbations, weighted with what it has heard. F of the paper is a cost; here F = -utility, so
that the update climbs the total utility. Step numbers in the comments are those of Algorithm 2.

Choices where the paper is silent or contradicts itself: one iteration of global time is 2B slots, B with theta and B with
theta + mu u; all agents perturb at every query instant; the rate's logarithm is to base 2; what nobody knows has
timestamp -1; each agent has its own initial weights; entries older than the memory of perturbations are left out of the
sum and counted.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.algorithms.base.message_passing import MessagePassingLearner, Messagings, in_memory
from trainers.events.plan import Plan
from trainers.problems.problem import Problem
from wirelessenv.channel.sampling import sampler


class ZerothOrderLearner(MessagePassingLearner):
    """Algorithm 2 (Algorithm 1 where the messaging does not relay) for a batch of runs.

    r_i^t = (1 / (mu m B)) sum_b {F_i(theta^t, xi^b) - F_i(theta^t + mu u^t, xi'^b)}                 equation (4)
    theta_i^{t+1} = theta_i^t + gamma^t sum_l r_l^{T_i^{l,t}} u_i^{T_i^{l,t}},  gamma^t = step_size / (t + 1)^decay

    A run is one seed: a layout, its channels and its initial policies. `messaging`, `smoothing`, `step_size`, `decay`
    and `cooperative` may be sequences of equal length: variants of the learner that train side by side on the same
    runs and share their channels and perturbations, so that their differences are paired.

    >>> from trainers import WirelessProblem
    >>> learner = ZerothOrderLearner(WirelessProblem("dense", seed=3), "paper", smoothing=0.2, seed=3)
    >>> learner.learn(5).iteration
    5

    Args:
        problem: what is optimised.
        messaging: who talks to whom, when, and how late; a preset's name will do.
        smoothing: mu, the size of the perturbation.
        batch: B, samples a measurement; a query takes two measurements.
        step_size, decay: gamma^t = step_size / (t + 1)^decay.
        memory: how many perturbations an agent keeps.
        common_noise: the perturbed measurement replays the channels of the plain one (it still counts as B slots).
        perturb_sleeping: whether agents that do not update in an instant perturb in it all the same.
        cooperative: False: an agent uses its own queries only and sends nothing (the selfish learner).
        seed: the run's seed, or one for each run of the problem.

    Raises:
        ConfigError: for settings that do not fit each other; one sentence.
    """

    EACH: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.EACH, "smoothing")
    SHARED: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.SHARED, "common_noise", "perturb_sleeping")
    STATE: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.STATE, "_perturbations", "_queries")
    value_bits = 32

    smoothing: NDArray[Any]
    common_noise: bool
    perturb_sleeping: bool

    def __init__(
        self,
        problem: Problem,
        messaging: Messagings = "paper",
        *,
        smoothing: float | Sequence[float] = 2.0,
        batch: int = 20,
        step_size: float | Sequence[float] = 0.5,
        decay: float | Sequence[float] = 0.25,
        memory: int = 40,
        common_noise: bool = False,
        perturb_sleeping: bool = True,
        cooperative: bool | Sequence[bool] = True,
        seed: int | Sequence[int] = 0,
    ) -> None:
        settings: dict[str, Any] = {"smoothing": smoothing, "batch": batch, "step_size": step_size, "decay": decay}
        settings |= {"memory": memory, "common_noise": common_noise, "perturb_sleeping": perturb_sleeping}
        super().__init__(problem, messaging, seed, cooperative=cooperative, **settings)
        runs, agents, variants, size = self._parameters.shape
        device = problem.device
        # Plain and perturbed parameters side by side, so that one call evaluates both: (2, runs, agents, variants, size).
        self._parameters = torch.stack([self._parameters, self._parameters])
        self._perturbations = torch.zeros((self.memory, runs, agents, size), device=device)  # row t % memory is u^t
        self._queries = torch.zeros((runs, self.memory, variants, agents), device=device)  # [:, t % memory] is r^t
        self._draws = sampler(self.seeds, "perturbation", device=None if device == "cpu" else device)
        self._mu = torch.tensor(self.smoothing, dtype=torch.float32, device=device)[:, None]
        self._per_mu_m = 1 / (self._mu * agents)

    @property
    def parameters(self) -> Tensor:
        """The policies theta, (runs, agents, variants, size)."""
        return self._parameters[0]

    def _iterate(self, plan: Plan) -> None:
        t, row = self.iteration, self.iteration % self.memory

        # 1. Query: perturb with u^t ~ N(0, I), measure plain and perturbed, keep {r^t, t}.
        self._perturb(row, plan.updating)
        plain, perturbed = self.problem.measure(self._parameters, self.batch, self.common_noise)
        torch.sub(perturbed, plain, out=self._queries[:, row]).mul_(self._per_mu_m)

        # 2. to 6. Broadcast, receive, remember: the plan knows which entry T[i, l] everybody holds now.
        terms = self._queries.gather(1, plan.rows).mul_(plan.weights)

        # 7., 8. Update: theta_i += gamma sum_l r_l^{T[i, l]} u_i^{T[i, l]}, the terms of one perturbation added up first.
        weight_of_row = torch.zeros((*terms.shape[:3], self.memory), device=terms.device).scatter_add_(3, plan.rows, terms)
        self._move(weight_of_row, range(t - plan.oldest, t + 1))

    def _perturb(self, row: int, updating: NDArray[np.bool_]) -> None:
        drawn = self._perturbations[row]
        self._draws.fill_normal((drawn.numpy() if self.problem.device == "cpu" else drawn)[:, None])
        perturbation = drawn.unsqueeze(2)
        if not self.perturb_sleeping:
            perturbation = perturbation * torch.from_numpy(updating).to(perturbation.device)[..., None]
        torch.addcmul(self._parameters[0], perturbation, self._mu, out=self._parameters[1])

    def _move(self, weight_of_row: Tensor, times: range) -> None:
        """theta_i += sum over the perturbations of `times` of weight times perturbation."""
        runs, agents, variants, size = self.parameters.shape
        theta = self.parameters.view(runs * agents, variants, size)
        weights = weight_of_row.view(runs * agents, variants, self.memory)
        perturbations = self._perturbations.view(self.memory, runs * agents, size).transpose(0, 1)
        for rows in in_memory(times, self.memory):
            theta.baddbmm_(weights[:, :, rows], perturbations[:, rows])

    def state(self) -> dict[str, Any]:
        return super().state() | {"draws": self._draws.state()}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self._draws.set_state(state["draws"])
