"""The first-order counterpart of Algorithm 2 (Behmandpoor et al., 2024): same agents, graph and delays, but gradients travel.

Agent l measures, instead of its utility, how its utility in each slot of the batch changes with every agent's power; agent
i follows what it has heard of, through the derivative of its own past powers. It shows what scalars cost against vectors:
an entry of a message holds B m numbers instead of one, and agent l must know the gains of all its interferers.
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
    """The settings of `FirstOrderLearner`, with the defaults of its zeroth-order counterpart."""

    kind: Literal["first_order"] = "first_order"


class FirstOrderLearner(MessagePassingLearner):
    """Gradient ascent on the total utility with the delays of `messaging`, for a batch of runs.

    g_il^T = (1 / (m B)) sum_b dU_l/dp_i(theta^T, xi^b) dp_i/dtheta_i(theta_i^T, xi^b)
    theta_i^{t+1} = theta_i^t + gamma^t sum_l g_il^{T_i^{l,t}},  gamma^t = step_size / (t + 1)^decay

    With the complete graph and no delay it is stochastic gradient ascent on (1/m) sum_l U_l. One iteration is B slots.
    `memory` counts the instants whose parameters and inputs an agent keeps.

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
    STATE: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.STATE, "_past_parameters", "_past_inputs", "_past_slopes")

    def _begin(self) -> None:
        if not isinstance(self.problem, WirelessProblem):
            raise ConfigError(f"problem: {type(self.problem).__name__} is not valid: gradients need a WirelessProblem")
        super()._begin()
        runs, agents, variants, size = self._parameters.shape

        def past(*shape: int) -> Tensor:
            return torch.zeros((self.settings.memory, runs, *shape), device=self.problem.device)

        # Row t % memory is theta^t, the policy inputs of instant t's slots, and dU_l/dp_i in each of them.
        self._past_parameters = past(agents, variants, size)
        self._past_inputs = past(agents, 1, self.settings.batch, self.problem.policies.inputs)
        self._past_slopes = past(variants, self.settings.batch, agents, agents)

    def _parts(self) -> tuple[Part, ...]:
        agents, variants, each = ("transmitters", self.problem.agents), ("curves", self.variants), ("seeds", len(self.seeds))
        policies, memory, batch = self.problem.policies, ("memory", self.settings.memory), ("batch", self.settings.batch)
        return (
            *super()._parts(),
            part(12, memory, each, agents, variants, ("policy.hidden (parameters)", policies.size)),
            part(16 * policies.width, memory, each, agents, variants, batch),
            part(4, memory, each, variants, batch, agents, agents),
        )

    @property
    def value_bits(self) -> int:
        """A number for each slot of the batch and each agent."""
        return 32 * self.settings.batch * self.problem.agents

    def _iterate(self, plan: Plan) -> None:
        t, row = self.iteration, self.iteration % self.settings.memory

        # 1. Query: dU_l/dp_i in every slot; keep it with the parameters and inputs that it belongs to.
        self._past_parameters[row] = self._parameters
        self._past_inputs[row], self._past_slopes[row] = self.problem.slopes(self._parameters, self.settings.batch)

        # 2. to 6. Broadcast, receive, remember: the plan knows which entry T[i, l] everybody holds now.
        # 7., 8. Update: theta_i += gamma sum_l g_il, one backward pass for all past instants in use.
        for rows in in_memory(range(t - plan.oldest, t + 1), self.settings.memory):
            self._parameters += self._ascent(plan, rows)

    def _ascent(self, plan: Plan, rows: slice) -> Tensor:
        """Sum over the past instants `rows` of weight times g, (runs, agents, variants, size)."""
        instants = torch.arange(rows.start, rows.stop, device=plan.rows.device).view(-1, 1, 1, 1, 1)
        weights = (plan.rows == instants) * plan.weights  # (instants, runs, i, variants, l)
        slope_of_power = torch.einsum("tricl,trcbli->tricb", weights, self._past_slopes[rows])
        past = self._past_parameters[rows]
        parameters = past.reshape(-1, past.shape[-1]).requires_grad_()
        inputs = self._past_inputs[rows].expand(*past.shape[:-1], -1, -1)
        powers = self.problem.policies(parameters, inputs.reshape(-1, *inputs.shape[-2:]))
        gradient: Tensor = torch.autograd.grad(powers, parameters, slope_of_power.reshape(powers.shape))[0]
        return gradient.view(past.shape).sum(0) / (self.problem.agents * self.settings.batch)
