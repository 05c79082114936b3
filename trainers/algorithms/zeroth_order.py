"""The asynchronous zeroth-order message-passing learner: Algorithms 1 and 2 of Behmandpoor et al. (2024).

Agents perturb their policies together, each measures its own utility, and only these scalars travel; each agent then
moves along its own past perturbations, weighted with what it has heard. F of the paper is a cost; here F = -utility, so
that the update climbs the total utility. Algorithm 2, for t = 0, 1, ..., each agent i:

 1  if it queries: measure r_i^t by equation (4), with theta_i^t and u_i^t; keep the entry {r_i^t, i, t}
 2  if it transmits: send the entries that it holds to its neighbours
 3  receive what neighbours have sent
 4  for each agent l: a received entry of l that is newer replaces the one held, {r_l^T, l, T}, T = T_i^l
 5  otherwise the entry held stays
 6  if the memory of perturbations is full: forget the oldest
 7  draw the next perturbation u_i^{t+1} and keep it
 8  if it updates: theta_i^{t+1} = theta_i^t + gamma^t sum_l r_l^{T_i^l} u_i^{T_i^l}             equations (6), (7)

In Algorithm 1 messages do not relay: an agent that queries sends its own new entry, {r_i^t, i, t}, and line 2 is part of 1.

Where the lines are: 1, 6, 7 and 8 are in `_iterate` below. That agent i holds an entry {r_l^T, l, T} is known from T alone, so
`wirelessenv.messages.knowledge` goes through 2 to 5 with nothing but T, and `trainers.events.plan` says which past queries
line 8 adds up, and with what step sizes. Lines 6 and 7 of instant t are done first in instant t + 1: then all perturbations
in the memory are there for line 8.

Choices where the paper is silent or contradicts itself: one iteration of global time is 2B slots, B with theta and B with
theta + mu u; all agents perturb at every query instant; the rate's logarithm is to base 2; what nobody knows has
timestamp -1; an entry is replaced by newer ones alone, since an old message may come late; each agent has its own initial
weights; entries older than the memory of perturbations are left out of the sum and counted.

The step: equation (4) has 1/m in the query and the authors' code has none, so that a step of 0.5 there is 0.5 m here, 12 for
m = 24. The default is the 0.5 of the paper's text.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from trainers.algorithms.base.message_passing import MessagePassingLearner, in_memory
from trainers.algorithms.base.settings import VARIES, MessagePassingSettings, StepSize
from trainers.events.plan import Plan
from wirelessenv.channel.sampling import sampler
from wirelessenv.config import Count, NonNegative, Positive
from wirelessenv.saved_state import refuse_unsound

SMALLEST, LARGEST = 1e-6, 1e6
"""Perturbations below are lost in the rounding of 32-bit parameters; beyond, nothing is left of the parameters."""


class ZerothOrderSettings(MessagePassingSettings):
    """Settings of the zeroth-order learner; the defaults are those of Section VIII of the paper."""

    kind: Literal["zeroth_order"] = "zeroth_order"
    step_size: StepSize = Field(
        0.5,
        description="gamma_t = step_size / (t + 1)^decay; equation (4) has 1/m in the query and the authors' code has "
        "none, so that its step of 0.5 is 0.5 m here, and the 0.5 of the paper's text m times smaller",
    )
    smoothing: Annotated[Positive, Field(ge=SMALLEST, le=LARGEST), VARIES] = Field(
        2.0, description="mu, the size of the perturbation"
    )
    smoothing_decay: Annotated[NonNegative, Field(le=1), VARIES] = Field(
        0.0, description="how fast it falls: mu_t = smoothing / (t + 1)^smoothing_decay"
    )
    batch_growth: Annotated[NonNegative, Field(le=1)] = Field(
        0.0, description="how fast the batch grows: B_t = batch (t + 1)^batch_growth, rounded up"
    )
    common_noise: bool = Field(False, strict=True, description="both measurements of a query meet the same channels")
    perturb_sleeping: bool = Field(True, strict=True, description="agents that do not update perturb all the same")
    most_hops: Annotated[Count | None, VARIES] = Field(
        None,
        description="h: an agent uses the queries of agents at most h hops away, which is local and biased, not the paper's; "
        "none: of all",
    )
    weakest_interference: Annotated[Positive | None, VARIES] = Field(
        None,
        description="an agent uses the queries of those alone whom it disturbs, N_rx of equation (2): at full power with at "
        "least so many times the noise; none: of all, as in Section VII",
    )


class ZerothOrderLearner(MessagePassingLearner):
    """Algorithm 2 (Algorithm 1 where the messaging does not relay) for a batch of runs.

    r_i^t = (1 / (mu m B)) sum_b {F_i(theta^t, xi^b) - F_i(theta^t + mu u^t, xi'^b)}                 equation (4)
    theta_i^{t+1} = theta_i^t + gamma^t sum_l r_l^{T_i^{l,t}} u_i^{T_i^{l,t}},  gamma^t = step_size / (t + 1)^decay

    mu and B may have schedules of the text after Theorem VI.4: mu_t = smoothing / (t + 1)^smoothing_decay and
    B_t = batch (t + 1)^batch_growth; both are constant unless asked for.

    A run is one seed: a layout, its channels and its initial policies. `links` and the settings that
    vary (see below) may be sequences of equal length: variants that train side by side on the same runs and share their
    channels and perturbations, so that their differences are paired.

    The local variant, `most_hops` = h, is not the paper's: in line 8 the sum is over those l alone whose messages need at most
    h hops to agent i. What it follows is biased, the gradient of the near agents' utilities; but where far agents hardly
    disturb each other, their queries are mostly variance, and it grows with m. It needs perturbations of h times the largest
    delay only. Messages and their bits stay those of Algorithm 2.

    >>> from trainers import WirelessProblem
    >>> learner = ZerothOrderLearner(WirelessProblem("dense", seed=3), "paper", smoothing=0.2, seed=3)
    >>> learner.learn(5).iteration
    5

    Args:
        problem: what is optimised.
        links: a `Messaging`, its preset's name or a mapping: who talks to whom, when, and how late; or one for each variant.
        seed: the run's seed, or one for each run of the problem.
        settings: see below.

    Raises:
        ConfigError: for settings that do not fit each other; one sentence.
    """

    Settings = ZerothOrderSettings
    settings: ZerothOrderSettings
    each: list[ZerothOrderSettings]
    STATE: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.STATE, "_perturbations", "_queries")
    value_bits = 32

    def _begin(self) -> None:
        super()._begin()
        runs, agents, variants, size = self._parameters.shape
        device, memory = self.problem.device, self.settings.memory
        # Plain and perturbed parameters side by side, so that one call evaluates both: (2, runs, agents, variants, size).
        self._parameters = torch.stack([self._parameters, self._parameters])
        self._perturbations = torch.zeros((memory, runs, agents, size), device=device)  # row t % memory is u^t
        self._queries = torch.zeros((runs, memory, variants, agents), device=device)  # [:, t % memory] is r^t
        self._draws = sampler(self.seeds, "perturbation", device=None if device == "cpu" else device)
        self._set_mu()

    @property
    def parameters(self) -> Tensor:
        """The policies theta, (runs, agents, variants, size)."""
        return self._parameters[0]

    def _iterate(self, plan: Plan) -> None:
        t, memory = self.iteration, self.settings.memory
        row = t % memory
        if any(one.smoothing_decay for one in self.each):
            self._set_mu()
        self._perturb(self._perturbations[row], plan.updating)  # 6, 7 of instant t - 1: u^t in the place of u^{t - memory}

        # 1: r_i^t = (utility with theta^t + mu u^t - utility with theta^t) / (mu m), kept in row t % memory of all queries.
        plain, perturbed = self.problem.measure(self._parameters, self._batch(), self.settings.common_noise)
        torch.sub(perturbed, plain, out=self._queries[:, row]).mul_(self._per_mu_m)

        # 2, 3, 4, 5: `Knowledge`. plan.rows[i, l] is T_i^l % memory, the row of r_l^{T_i^l}.
        held = self._queries.gather(1, plan.rows)

        # 8: theta_i^{t+1} = theta_i^t + sum_l (gamma^t r_l^{T_i^l}) u_i^{T_i^l}; what multiplies one u is added up first.
        terms = held.mul_(plan.weights)
        weight_of_row = torch.zeros((*terms.shape[:3], memory), device=terms.device).scatter_add_(3, plan.rows, terms)
        self._move(weight_of_row, range(t - plan.oldest, t + 1))

    def _set_mu(self) -> None:
        """Set mu_t = smoothing / (t + 1)^smoothing_decay of each variant, and 1 / (mu_t m)."""
        mu = [max(one.smoothing / (self.iteration + 1) ** one.smoothing_decay, SMALLEST) for one in self.each]
        self._mu = torch.tensor(mu, dtype=torch.float32, device=self.problem.device)[:, None]
        self._per_mu_m = 1 / (self._mu * self.problem.agents)

    def _batch(self) -> int:
        """B_t = batch (t + 1)^batch_growth, rounded up."""
        return int(np.ceil(self.settings.batch * (self.iteration + 1) ** self.settings.batch_growth))

    def _perturb(self, drawn: Tensor, updating: NDArray[np.bool_]) -> None:
        """Draw u^t ~ N(0, I) into `drawn`, and set theta^t + mu u^t."""
        self._draws.fill_normal((drawn.numpy() if self.problem.device == "cpu" else drawn)[:, None])
        perturbation = drawn.unsqueeze(2)
        if not self.settings.perturb_sleeping:
            perturbation = perturbation * torch.from_numpy(updating).to(perturbation.device)[..., None]
        torch.addcmul(self._parameters[0], perturbation, self._mu, out=self._parameters[1])  # theta^t + mu u^t

    def _move(self, weight_of_row: Tensor, times: range) -> None:
        """Add to theta_i the sum of weight times u_i over the perturbations of `times`."""
        runs, agents, variants, size = self.parameters.shape
        theta = self.parameters.view(runs * agents, variants, size)
        weights = weight_of_row.view(runs * agents, variants, self.settings.memory)
        perturbations = self._perturbations.view(self.settings.memory, runs * agents, size).transpose(0, 1)
        for rows in in_memory(times, self.settings.memory):
            theta.baddbmm_(weights[:, :, rows], perturbations[:, rows])  # theta + weights @ u

    def state(self) -> dict[str, Any]:
        return super().state() | {"draws": self._draws.state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_unsound("_perturbations", state["_perturbations"], -np.inf)
        super()._set_state(state)
        self._draws.set_state(state["draws"])
