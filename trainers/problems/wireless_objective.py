"""The wireless network for gradient methods: one policy that every transmitter copies, and a fixed bank of channels."""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainers.events.timetable import CHUNK
from trainers.problems.objective import Clients, NumpyArray, Objective, PerPoint, Points, Sample
from trainers.problems.policies import Policies, PolicySettings
from trainers.problems.wireless import WirelessProblem
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, whole
from wirelessenv.layout import refused_with_cut
from wirelessenv.memory import check_room, part
from wirelessenv.network import WirelessNetwork, block_parts
from wirelessenv.per_agent import beside
from wirelessenv.physics.kernels import interference
from wirelessenv.scenario import Scenario


class WirelessObjective(Objective):
    """Costs of the transmitters where all of them use one policy: f_i(x) = -mean(U_i - lambda z_i^2) over a bank of slots.

    Client i is transmitter i, U_i its utility, z_i the logit of its power; lambda = `undecided` keeps powers from saturating.
    Without it nearly all gradients say "more power", and in the first steps all sigmoids reach a place without slope.

    The bank is fixed, so that the sum is finite and exact gradients exist; a sample is `batch` of its slots. One network: a run
    on its own. Points are float64 outside and float32 within. A client must know, for its gradient, the gains to its receiver
    and everybody's policy inputs.

    Args:
        scenario: of the network; a preset's name, or settings.
        policy: shape of the policy.
        seed: of the layout and its channels.
        batch: slots in a sample; a tick lasts as many.
        bank_slots: slots that costs are averages over.
        evaluation_slots: slots kept for evaluation.
        together: one client with the mean of all costs, for methods that assume them equal.
        observation: the parts that an observation is joined of: see `WirelessProblem`.
        undecided: lambda, bit/s/Hz where utilities are rates.

    Raises:
        ConfigError: where a setting is not valid, or does not fit the memory.
    """

    exact_is_cheap = False
    acts_personally = True

    def __init__(
        self,
        scenario: Scenario | str | dict[str, Any] = "dense",
        policy: PolicySettings | None = None,
        seed: int = 0,
        *,
        batch: int = 20,
        bank_slots: int = 400,
        evaluation_slots: int = 400,
        together: bool = False,
        observation: Any = "aggregation",
        undecided: float = 0.0,
    ) -> None:
        problem = WirelessProblem(scenario, policy, seed, evaluation_slots, observation=observation)
        self._begin(problem, batch=batch, bank_slots=bank_slots, together=together, undecided=undecided)

    def _begin(self, problem: WirelessProblem, *, batch: int, bank_slots: int, together: bool, undecided: float) -> None:
        self.problem, self.scenario, self.seed = problem, problem.scenario, problem.seeds[0]
        if self.scenario.cut is not None:
            raise ConfigError(refused_with_cut("costs of clients need the gains of all links"))
        self.batch, self.undecided, self.agents = batch, undecided, problem.agents
        self.clients = 1 if together else self.agents
        self.tick_slots, self.tick_seconds = batch, batch * self.scenario.slot_seconds
        self.policies: Policies = self.problem.policies
        self.size = self.policies.size
        check_room(
            *block_parts(self.scenario, 1, whole("bank_slots", bank_slots), of="bank_slots"),
            part(16 * self.policies.width, ("batch", whole("batch", batch)), ("transmitters", self.agents)),
            part(8 * CHUNK, ("batch", batch)),
        )
        self.rows = bank_slots
        bank = WirelessNetwork(self.scenario, self.seed).bank(bank_slots, "training")
        self._features, self._wanted, self._cross = (
            torch.from_numpy(np.ascontiguousarray(part[0]))
            for part in (self.problem.inputs.of_block(self.scenario, bank), bank.wanted, bank.cross)
        )

    def start(self, rng: np.random.Generator) -> Float[NumpyArray, " d"]:
        """The initial policy of the run's first transmitter in the other learners."""
        return self.policies.initial([self.seed], self.agents)[0, 0].numpy().astype(np.float64)

    def draw(self, clients: Clients, rng: np.random.Generator) -> Sample:
        return rng.integers(len(self._wanted), size=(*np.shape(clients), self.batch))

    def cost(self, clients: Clients, x: Points, sample: Sample | None = None) -> PerPoint:
        x = _for_each(clients, x)
        with torch.no_grad():
            return _as_given(self._costs(clients, x, sample, _parameters(x)), x.shape[:-1])

    def gradient(self, clients: Clients, x: Points, sample: Sample | None = None) -> Points:
        x = _for_each(clients, x)
        parameters = _parameters(x).requires_grad_()
        gradient = torch.autograd.grad(self._costs(clients, x, sample, parameters).sum(), parameters)[0]
        return _as_given(gradient, x.shape)

    def hessian_product(self, clients: Clients, x: Points, vector: Points, sample: Sample | None = None) -> Points:
        x = _for_each(clients, x)
        parameters = _parameters(x).requires_grad_()
        total = self._costs(clients, x, sample, parameters).sum()
        gradient = torch.autograd.grad(total, parameters, create_graph=True)[0]
        along = (gradient * _parameters(np.broadcast_to(vector, x.shape))).sum()
        return _as_given(torch.autograd.grad(along, parameters)[0], x.shape)

    def mean_gradient(self, x: Points) -> Points:
        """All clients at once: every power is worked out once, and not once for each client."""
        parameters = _parameters(x).requires_grad_()
        every = torch.arange(len(self._wanted)).expand(len(parameters), -1)
        utility = self._worth(parameters, every).mean((1, 2)).sum()
        return _as_given(-torch.autograd.grad(utility, parameters)[0], x.shape)

    def mean_cost(self, x: Points) -> PerPoint:
        parameters = _parameters(x)
        every = torch.arange(len(self._wanted)).expand(len(parameters), -1)
        with torch.no_grad():
            return _as_given(-self._worth(parameters, every).mean((1, 2)), x.shape[:-1])

    def _costs(
        self, clients: Clients, x: Points, sample: Sample | None, parameters: Float[Tensor, "rows d"]
    ) -> Float[Tensor, " rows"]:
        """f_i of every row of `parameters`, (rows,)."""
        at = np.arange(len(self._wanted)) if sample is None else sample
        slots = np.broadcast_to(at, (*x.shape[:-1], np.shape(at)[-1])).reshape(len(parameters), -1)
        client = np.broadcast_to(clients, x.shape[:-1]).reshape(-1)
        one = None if self.clients == 1 else torch.tensor(client)
        return -self._worth(parameters, torch.tensor(slots), one).mean((1, 2))

    def _worth(
        self, parameters: Float[Tensor, "rows d"], slots: Int[Tensor, "rows slots"], client: Int[Tensor, " rows"] | None = None
    ) -> Float[Tensor, "rows slots clients"]:
        """U_i - lambda z_i^2, (rows, slots, m), or (rows, slots, 1) of one client a row; row r plays policy r in slots[r]."""
        rows = len(slots)
        logit = self.problem.shared_logits(parameters, self._features[slots])
        powers = self.policies.limited(self.policies.bounded(logit, -2))
        wanted, cross, own = self._wanted[slots], self._cross[slots], powers
        agents: Tensor | None = None
        if client is not None:
            each = torch.arange(rows)
            cross = cross.movedim(-2, 1)[each, client].unsqueeze(-2)
            wanted, own, logit = (part.movedim(-1, 1)[each, client].unsqueeze(-1) for part in (wanted, own, logit))
            agents = client[:, None, None]
        arriving = interference(cross, powers)
        of_bands = agents if agents is None or self.scenario.bands == 1 else agents[:, None]  # which are an axis of SINRs
        ratio = wanted * own / (arriving + beside(self.scenario.band_noise, arriving, of_bands))
        utilities: Tensor = self.scenario.earned(ratio, own, agents)
        if not self.undecided:
            return utilities
        squares = logit**2
        return utilities - self.undecided * (squares if self.scenario.bands == 1 else squares.mean(-2))

    def measures(self, x: Points) -> dict[str, PerPoint]:
        """utility: the total on slots kept for evaluation, with all transmitters using the policy x (..., d)."""
        return self._measured(self.utility(x[..., None, :]))

    def measures_of_nodes(self, x: Float[NumpyArray, "*points m d"]) -> dict[str, Float[NumpyArray, "*points"]]:
        """The same where each transmitter acts with its own copy (..., m, d)."""
        return self._measured(self.utility(x))

    def _measured(self, utility: Float[NumpyArray, "*points"]) -> dict[str, Float[NumpyArray, "*points"]]:
        return {"utility": utility, "full_power_utility": np.full(utility.shape, self.full_power_utility)}

    def utility(self, copies: Float[NumpyArray, "*points copies d"]) -> Float[NumpyArray, "*points"]:
        """Total utility on the evaluation slots with transmitter i's policy at copies (..., m, d) or (..., 1, d), (...)."""
        lead = copies.shape[:-2]
        rows = np.broadcast_to(copies, (*lead, self.agents, self.size)).reshape(-1, self.agents, self.size)
        variants = torch.from_numpy(rows.astype(np.float32)).transpose(0, 1)[None]  # (1, agents, variants, size)
        return np.asarray(self.problem.evaluate(variants)[0].reshape(lead))

    @cached_property
    def full_power_utility(self) -> float:
        """Total utility of full power on the evaluation slots."""
        return float(self.problem.full_power_utility()[0])


def _for_each(clients: Clients, x: Points) -> Points:
    """A point for each client in x, also where all share one (..., 1, d)."""
    return np.broadcast_to(x, (*np.broadcast_shapes(x.shape[:-1], np.shape(clients)), x.shape[-1]))


def _as_given(values: Float[Tensor, "..."], shape: tuple[int, ...]) -> Float[Doubles, "..."]:
    return values.numpy().astype(np.float64).reshape(shape)


def _parameters(x: Points) -> Float[Tensor, "rows d"]:
    return torch.tensor(x.reshape(-1, x.shape[-1]), dtype=torch.float32)
