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

Options that are not the paper's change what a query measures (`feedback`, `directions`), or average what line 8 adds up
(`momentum`, `second_moment`), so that the estimate varies less; `trainers.algorithms.base.estimates` has their formulas.

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

from trainers.algorithms.base.estimates import FEEDBACK, Moments
from trainers.algorithms.base.message_passing import MessagePassingLearner, in_memory
from trainers.algorithms.base.settings import VARIES, MessagePassingSettings, StepSize
from trainers.events.plan import Plan, Steps
from trainers.problems.samples import MOST_SETS
from wirelessenv.channel.sampling import sampler
from wirelessenv.config import Count, NonNegative, Positive
from wirelessenv.memory import Part, part
from wirelessenv.saved_state import refuse_unsound

SMALLEST, LARGEST = 1e-6, 1e6
"""Perturbations below are lost in the rounding of 32-bit parameters; beyond, nothing is left of the parameters."""


def weights_of_rows(queries: Tensor, rows: Tensor, weights: Tensor, directions: int, who: Tensor | None = None) -> Tensor:
    """Weights of past perturbations in an update, gamma^t r_l^T summed over the l with the same T; of line 8 of Algorithm 2.

    Args:
        queries: r of every row of the memory, (runs, memory directions, variants, l); the rows T K ... are of instant T.
        rows: T % memory of the entries that agents i hold, (runs, i, variants, l).
        weights: gamma^t, or 0 where an entry does not count, the same shape.
        directions: K.
        who: numbers l of the agents in the last axis of rows and weights, the same shape; None: all, in order.

    Returns:
        What each row of perturbations u_i is multiplied with, (runs, i, variants, memory directions).
    """
    weight_of_row = torch.zeros((*rows.shape[:3], queries.shape[1]), device=rows.device)
    for direction in range(directions):
        held = rows if directions == 1 else rows * directions + direction
        if who is None:
            values = queries.gather(1, held)
        else:
            runs, memory, variants, agents = queries.shape
            place = torch.addcmul(who, held, torch.tensor(variants * agents)) + torch.arange(variants)[:, None] * agents
            values = queries.reshape(runs, memory * variants * agents).gather(1, place.flatten(1)).view(rows.shape)
        weight_of_row.scatter_add_(3, held, values.mul_(weights))
    return weight_of_row


def add_perturbations(target: Tensor, weight_of_row: Tensor, perturbations: Tensor, times: range, directions: int) -> None:
    """Add to each policy the sum of weight times u_i over the perturbations of `times`; of line 8 of Algorithm 2.

    Args:
        target: (runs, agents, variants, size), changed in place.
        weight_of_row: of `weights_of_rows`.
        perturbations: u, (memory directions, runs, agents, size).
        times: instants, at most as many as are remembered.
        directions: K.
    """
    runs, agents, variants, size = target.shape
    added = target.view(runs * agents, variants, size)
    weights = weight_of_row.view(runs * agents, variants, -1)
    remembered = perturbations.view(-1, runs * agents, size).transpose(0, 1)
    for rows in in_memory(times, len(perturbations) // directions):
        several = slice(rows.start * directions, rows.stop * directions)
        added.baddbmm_(weights[:, :, several], remembered[:, several])  # target + weights @ u


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
    feedback: Literal["two_point", "antithetic", "residual"] = Field(
        "two_point",
        description="U(theta + mu u) minus: U(theta), the paper's, 2B slots; antithetic: U(theta - mu u), halved, 2B slots; "
        "residual: the measurement before it, B slots",
    )
    directions: Annotated[Count, Field(le=MOST_SETS // 2)] = Field(
        1, description="K perturbations a query, which hold a scalar each and cost (K + 1)B slots; antithetic 2KB, residual KB"
    )
    momentum: Annotated[NonNegative, Field(lt=1), VARIES] = Field(
        0.0, description="beta_1: an agent moves along the running mean of its estimates; 0: along the last one"
    )
    second_moment: Annotated[NonNegative, Field(lt=1), VARIES] = Field(
        0.0, description="beta_2 of Adam: the estimate is divided by the root of the running mean of its squares; 0: it is not"
    )
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

    With `directions` K > 1, u and r are those of every direction, and the sum is over these, too, divided by K.

    A run is one seed: a layout, its channels and its initial policies. `links` and the settings that
    vary (see below) may be sequences of equal length: variants that train side by side on the same runs and share their
    channels and perturbations, so that their differences are paired.

    The local variant, `most_hops` = h, is not the paper's: in line 8 the sum is over those l alone whose messages need at most
    h hops to agent i. What it follows is biased, the gradient of the near agents' utilities; but where far agents hardly
    disturb each other, their queries are mostly variance, and it grows with m. It needs perturbations of h times the largest
    delay only. Messages and their bits stay those of Algorithm 2.

    Where the scenario cuts faint links, networks are large, and `most_hops` is needed: agents keep and pass on the entries of
    agents at most h hops away alone, and messages are as short; a `memory` of h times the largest delay, plus one, is enough
    where nothing is lost. Algorithm 1 needs no `most_hops`: its agents hear of their neighbours alone.

    >>> from trainers import WirelessProblem
    >>> learner = ZerothOrderLearner(WirelessProblem("dense", seed=3), "paper", smoothing=0.2, seed=3)
    >>> learner.learn(5).iteration
    5

    Args:
        problem: what is optimised.
        links: a `Messaging`, its preset's name or a mapping: who talks to whom, when, and how late; or one for each variant.
        seed: the run's seed, or one for each run of the problem.
        settings: those of `ZerothOrderSettings`, by name.

    Raises:
        ConfigError: for settings that do not fit each other; one sentence.
    """

    Settings = ZerothOrderSettings
    settings: ZerothOrderSettings
    each: list[ZerothOrderSettings]
    over_lists = True
    STATE: ClassVar[tuple[str, ...]] = (*MessagePassingLearner.STATE, "_perturbations", "_queries")

    def _begin(self) -> None:
        super()._begin()
        runs, agents, variants, size = self._parameters.shape
        device, kept = self.problem.device, self.settings.memory * self.settings.directions
        form = FEEDBACK[self.settings.feedback]
        self._feedback = form(self.settings.directions, torch.zeros((runs, variants, agents), device=device))
        if self._averages:
            self._moments = Moments(self.each, self._parameters)
        # Plain and perturbed parameters side by side, so that one call evaluates all: (sets, runs, agents, variants, size).
        self._parameters = torch.stack([self._parameters] * (1 + self._feedback.perturbed))
        # The K rows from (t % memory) K on are u^{t,1}, ..., u^{t,K}, and [:, these rows] are r^{t,1}, ..., r^{t,K}.
        self._perturbations = torch.zeros((kept, runs, agents, size), device=device)
        self._queries = torch.zeros((runs, kept, variants, agents), device=device)
        self._draws = sampler(self.seeds, "perturbation", device=None if device == "cpu" else device)
        self._set_mu()

    @property
    def _averages(self) -> bool:
        """True where estimates are averaged over time: then measurements are weighted without the step size."""
        return any(one.momentum or one.second_moment for one in self.each)

    def _steps(self) -> list[Steps]:
        steps = super()._steps()
        return [one._replace(size=1.0, decay=0.0, of_agents=None) for one in steps] if self._averages else steps

    def _parts(self) -> tuple[Part, ...]:
        agents, variants, each = ("transmitters", self.problem.agents), ("curves", self.variants), ("seeds", len(self.seeds))
        hidden, memory = ("policy.hidden (parameters)", self.problem.policies.size), ("memory", self.settings.memory)
        more, batch = ("directions", self.settings.directions - 1), ("batch", self.settings.batch)
        sets = len(FEEDBACK[self.settings.feedback].signs)
        return (
            *super()._parts(),
            part(8 * sets, more, each, agents, variants, hidden),
            part(6 * sets * self.problem.policies.width, more, each, agents, variants, batch),
            part(24 * sets, more, each, agents, agents if self._lists is None else ("neighbours", 32), batch),
            part(5, more, memory, each, agents, hidden),
            part(14, more, memory, each, agents, variants),
            part(20 * self._averages, each, agents, variants, hidden),
        )

    @property
    def value_bits(self) -> int:
        """A scalar for each direction."""
        return 32 * self.settings.directions

    @property
    def parameters(self) -> Tensor:
        """The policies theta, (runs, agents, variants, size)."""
        return self._parameters[0]

    @property
    def said(self) -> Tensor:
        """Scalars r of the last iteration, (runs, agents, directions)."""
        return self._queries[:, self._rows_of(self.iteration - 1), 0].transpose(1, 2)

    def _rows_of(self, instant: int) -> slice:
        """Rows of an instant's perturbations and queries in the memory of them."""
        directions = self.settings.directions
        first = instant % self.settings.memory * directions
        return slice(first, first + directions)

    def _iterate(self, plan: Plan) -> None:
        t = self.iteration
        rows = self._rows_of(t)
        if any(one.smoothing_decay for one in self.each):
            self._set_mu()
        self._perturb(self._perturbations[rows], plan.updating)  # 6, 7 of instant t - 1: u^t in the place of u^{t - memory}

        # 1: r_i^t = (utility with theta^t + mu u^t - utility with theta^t) / (mu m), or as `feedback` says, kept in rows of t.
        utilities = self.problem.measure(self._feedback.measured(self._parameters), self._batch(), self.settings.common_noise)
        torch.mul(self._feedback.differences(utilities, t).transpose(0, 1), self._per_mu_m, out=self._queries[:, rows])

        # 2, 3, 4, 5: `Knowledge`. plan.rows[i, l] is T_i^l % memory, the row of r_l^{T_i^l}.
        # 8: theta_i^{t+1} = theta_i^t + sum_l (gamma^t r_l^{T_i^l}) u_i^{T_i^l}; what multiplies one u is added up first.
        weight_of_row = weights_of_rows(self._queries, plan.rows, plan.weights, self.settings.directions, plan.who)
        self._move(weight_of_row, range(t - plan.oldest, t + 1), plan.updating)

    def _set_mu(self) -> None:
        """Set mu_t = smoothing / (t + 1)^smoothing_decay of each variant, and 1 / (mu_t m K)."""
        mu = [max(one.smoothing / (self.iteration + 1) ** one.smoothing_decay, SMALLEST) for one in self.each]
        self._mu = torch.tensor(mu, dtype=torch.float32, device=self.problem.device)[:, None]
        self._per_mu_m = 1 / (self._mu * (self.problem.agents * self.settings.directions))

    def _batch(self) -> int:
        """B_t = batch (t + 1)^batch_growth, rounded up."""
        return int(np.ceil(self.settings.batch * (self.iteration + 1) ** self.settings.batch_growth))

    def _perturb(self, drawn: Tensor, updating: NDArray[np.bool_]) -> None:
        """Draw u^t ~ N(0, I) into `drawn`, and set theta^t + mu u^t."""
        for one in drawn.numpy() if self.problem.device == "cpu" else drawn:  # direction by direction, which fits the cache
            self._draws.fill_normal(one[:, None])
        perturbation = drawn.unsqueeze(3)
        if not self.settings.perturb_sleeping:
            perturbation = perturbation * torch.from_numpy(updating).to(perturbation.device)[..., None]
        self._feedback.perturb(self._parameters, perturbation, self._mu)

    def _move(self, weight_of_row: Tensor, times: range, updating: NDArray[np.bool_]) -> None:
        """Move theta_i along the sum of weight times u_i over the perturbations of `times`, or along its running mean."""
        if not self._averages:
            self._add(self.parameters, weight_of_row, times)
            return
        estimates = torch.zeros_like(self.parameters)
        self._add(estimates, weight_of_row, times)
        self._moments.move(self.parameters, estimates, updating, self.iteration)

    def _add(self, target: Tensor, weight_of_row: Tensor, times: range) -> None:
        """Add to the rows of `target`, one for each agent, the sum of weight times u_i over the perturbations of `times`."""
        add_perturbations(target, weight_of_row, self._perturbations, times, self.settings.directions)

    def state(self) -> dict[str, Any]:
        averages = {"moments": self._moments.state()} if self._averages else {}
        remembered = {"feedback": memory} if (memory := self._feedback.state()) else {}
        return super().state() | {"draws": self._draws.state()} | remembered | averages

    def _set_state(self, state: dict[str, Any]) -> None:
        refuse_unsound("_perturbations", state["_perturbations"], -np.inf)
        super()._set_state(state)
        self._draws.set_state(state["draws"])
        self._feedback.set_state(state.get("feedback", {}))
        if self._averages:
            self._moments.set_state(state["moments"])
