"""The first-order counterpart of Algorithm 2 (Behmandpoor et al., 2024): same agents, graph and delays, but gradients travel.

Agent l measures, instead of its utility, how its utility in each slot of the batch changes with every agent's power; agent
i follows what it has heard of, through the derivative of its own past powers. It shows what scalars cost against vectors:
an entry of a message holds B m numbers instead of one, and agent l must know the gains of all its interferers. The listing
is ours, line by line that of Algorithm 2; for t = 0, 1, ..., each agent i:

 1  if it queries: measure s_i^t, the slopes dU_i/dp_j of slots b = 1 ... B and all agents j; keep the entry {s_i^t, i, t}
 2  if it transmits: send the entries that it holds to its neighbours
 3  receive what neighbours have sent
 4  for each agent l: a received entry of l that is newer replaces the one held, {s_l^T, l, T}, T = T_i^l
 5  otherwise the entry held stays
 6  if the memory is full: forget the oldest parameters and policy inputs
 7  keep theta_i^t and the policy inputs of the slots of instant t
 8  if it updates: theta_i^{t+1} = theta_i^t + gamma^t sum_l g_il^{T_i^l},
    g_il^T = (1 / (m B)) sum_b dU_l/dp_i(theta^T, xi^b) dp_i/dtheta_i(theta_i^T, xi^b)

Lines 1 and 6 to 8 are in `_iterate` below, 2 to 5 in `wirelessenv.messages.knowledge`; `trainers.events.plan` says which past
entries line 8 adds up, and with what step sizes.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from trainers.algorithms.base.message_passing import MessagePassingLearner, in_memory
from trainers.algorithms.base.settings import MessagePassingSettings
from trainers.events.plan import Plan
from trainers.problems.wireless import WirelessProblem
from wirelessenv.config import ConfigError
from wirelessenv.memory import Part, part


class FirstOrderSettings(MessagePassingSettings):
    """Settings of the first-order learner, with the defaults of its zeroth-order counterpart."""

    kind: Literal["first_order"] = "first_order"


class FirstOrderLearner(MessagePassingLearner):
    """Gradient ascent on the total utility with delayed messages, for a batch of runs; see the head of this file.

    With the complete graph and no delay it is stochastic gradient ascent on (1/m) sum_l U_l. One iteration is B slots.
    `memory` counts the instants whose parameters and inputs an agent keeps; gamma^t = step_size / (t + 1)^decay.

    Args:
        problem: the wireless network, whose gradients are known.
        links: a `Messaging`, its preset's name or a mapping: who talks to whom, when, and how late; or one for each variant.
        seed: the run's seed, or one for each run of the problem.
        settings: those of `FirstOrderSettings`, by name.

    >>> learner = FirstOrderLearner(WirelessProblem("dense", seed=3), "paper", seed=3)
    >>> learner.learn(2).iteration
    2

    Raises:
        ConfigError: for settings that do not fit each other; one sentence.
    """

    Settings = FirstOrderSettings
    settings: FirstOrderSettings
    each: list[FirstOrderSettings]
    problem: WirelessProblem
    wants = "gradients need a WirelessProblem"
    STATE: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.STATE, "_past_parameters", "_past_inputs", "_past_slopes")

    def _begin(self) -> None:
        if not isinstance(self.problem, WirelessProblem):
            raise ConfigError(f"problem: {type(self.problem).__name__} is not valid: {self.wants}")
        super()._begin()
        runs, agents, variants, size = self._parameters.shape

        def past(*shape: int) -> Tensor:
            return torch.zeros((self.settings.memory, runs, *shape), device=self.problem.device)

        # Row t % memory is theta^t, the policy inputs of instant t's slots, and dU_l/dp_i in each of them and of their bands.
        self._past_parameters = past(agents, variants, size)
        self._past_inputs = past(agents, 1, self.settings.batch, self.problem.policies.inputs)
        self._past_slopes = past(variants, self.settings.batch * self.problem.scenario.bands, agents, agents)

    def _parts(self) -> tuple[Part, ...]:
        agents, variants, each = ("transmitters", self.problem.agents), ("curves", self.variants), ("seeds", len(self.seeds))
        policies, memory, batch = self.problem.policies, ("memory", self.settings.memory), ("batch", self.settings.batch)
        return (
            *super()._parts(),
            part(12, memory, each, agents, variants, ("policy.hidden (parameters)", policies.size)),
            part(16 * policies.width, memory, each, agents, variants, batch),
            part(4, memory, each, variants, batch, ("bands", self.problem.scenario.bands), agents, agents),
        )

    @property
    def value_bits(self) -> int:
        """A number for each slot of the batch, each band and each agent."""
        return 32 * self.settings.batch * self.problem.scenario.bands * self.problem.agents

    @property
    def said(self) -> Tensor:
        """Slopes dU_l/dp_i of the last iteration, (runs, l, slots, i)."""
        return self._past_slopes[(self.iteration - 1) % self.settings.memory, :, 0].transpose(1, 2)

    def _iterate(self, plan: Plan) -> None:
        t, row = self.iteration, self.iteration % self.settings.memory
        inputs, slopes = self.problem.slopes(self._parameters, self.settings.batch)
        self._past_slopes[row] = slopes  # 1: s_l^t for all l; who does not query keeps it for nobody

        # 2, 3, 4, 5: `Knowledge`. plan.rows[i, l] is T_i^l % memory, the row of s_l^{T_i^l}.
        self._past_parameters[row], self._past_inputs[row] = self._parameters, inputs  # 6, 7: in the place of t - memory

        # 8: theta_i += gamma^t sum_l g_il, in one backward pass for all past instants in use.
        for rows in in_memory(range(t - plan.oldest, t + 1), self.settings.memory):
            self._parameters += self._ascent(plan, rows)

    def _ascent(self, plan: Plan, rows: slice) -> Tensor:
        """Part of gamma^t sum_l g_il^T whose T are in `rows`, (runs, agents, variants, size)."""
        instants = torch.arange(rows.start, rows.stop, device=plan.rows.device).view(-1, 1, 1, 1, 1)
        weights = (plan.rows == instants) * plan.weights  # (instants, runs, i, variants, l)
        slope_of_power = torch.einsum("tricl,trcbli->tricb", weights, self._past_slopes[rows])  # gamma^t sum_l dU_l/dp_i
        past = self._past_parameters[rows]
        parameters = past.reshape(-1, past.shape[-1]).requires_grad_()
        inputs = self._past_inputs[rows].expand(*past.shape[:-1], -1, -1)
        policies = self.problem.policies
        slope_of_power = policies.limited(slope_of_power.movedim(2, -1)).movedim(-1, 2)  # of outputs, where these are shares
        powers = policies(parameters, inputs.reshape(-1, *inputs.shape[-2:]))
        gradient: Tensor = torch.autograd.grad(powers, parameters, slope_of_power.reshape(powers.shape))[0]
        return gradient.view(past.shape).sum(0) / (self.problem.agents * self.settings.batch)
