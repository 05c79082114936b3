"""Power control on a batch of wireless networks: the fast form, many runs, variants and slots at once."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from trainers.problems.inputs import Inputs
from trainers.problems.policies import Policies, PolicySettings
from trainers.problems.problem import Problem
from trainers.problems.samples import MOST_SETS, Samples, grouped, regrouped
from wirelessenv.config import ConfigError, whole
from wirelessenv.envs.observations import refuse_without_lists
from wirelessenv.layout import refused_with_cut
from wirelessenv.memory import check_room
from wirelessenv.network import Block, WirelessNetwork, block_parts
from wirelessenv.per_agent import beside
from wirelessenv.physics.kernels import interference
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.saved_state import misfit, refuse_infinite, refuse_length, refuse_misfit, refuse_outside
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown
from wirelessenv.streams import run_seeds

EVALUATIONS = ("layout", "present")
EVALUATION_CHUNK = 50  # slots evaluated at once: what fits the cache
POLICIES_AT_ONCE = 256  # of the many in a large network: what fits the cache
AHEAD_LINKS = 2**20  # links of slots prepared at once, where links are cut
AHEAD_SLOTS = 160  # slots of all runs prepared at once on the CPU, where draws do not depend on the size of blocks


def powers_of(
    policies: Policies,
    parameters: Float[Tensor, "sets runs agents variants size"],
    inputs: Float[Tensor, "groups runs agents 1 slots inputs"],
    some: slice | NDArray[np.intp] = slice(None),
) -> Float[Tensor, "sets runs variants slots *bands agents"]:
    """Powers of some agents in some slots.

    Args:
        policies: of the agents.
        parameters: (sets, runs, agents, variants, size).
        inputs: policy inputs, of `Samples`; a group of slots for each set, or one for all.
        some: which of all agents these are.

    Returns:
        (sets, runs, variants, slots, agents); of M bands (sets, runs, variants, slots, M, agents).
    """
    sets, runs, agents, variants, size = parameters.shape
    slots, width = inputs.shape[-2:]
    seen = inputs.expand(sets, runs, agents, variants, slots, width).reshape(-1, slots, width)
    powers = policies(parameters.reshape(-1, size), seen)
    bands = powers.shape[-1:] if powers.shape[-1] > 1 else ()
    powers = powers.view(sets, runs, agents, variants, slots, *bands).movedim(2, -1).contiguous()
    return policies.limited(powers, some)


class WirelessProblem(Problem):
    """Utilities of a `WirelessNetwork` whose agents follow policies: p_i = pi_i(theta_i, observation of the slot).

    F_i = -(utility of agent i). On the CPU the physics runs in numpy and the policies in torch, on the same memory; elsewhere
    all of it runs in torch. All slots of a measurement are worked out at once, so that an observation looks at the coming
    slot alone: the aggregation sequence, the gain, or what pilots tell.

    Args:
        scenario: of the network; a preset's name, or settings.
        policy: shape of the policies.
        seed: the run's seed, or one for each run.
        evaluation_slots: slots kept for evaluation.
        device: "cpu" or "cuda".
        observation: the parts that an observation is joined of, as of an environment.
        evaluation: where the network moves, "layout": evaluate on slots that set out from the layout, on other ways;
            "present": on slots of the places where the measured ones are.

    Raises:
        ConfigError: where a setting is not valid, or does not fit the memory.
    """

    def __init__(  # noqa: PLR0917  # the order that users know; the last one is new
        self,
        scenario: Scenario | str | dict[str, Any] = "paper",
        policy: PolicySettings | None = None,
        seed: int | Sequence[int] = 0,
        evaluation_slots: int = 400,
        device: str = "cpu",
        observation: Any = "aggregation",
        evaluation: Literal["layout", "present"] = "layout",
    ) -> None:
        self.scenario = Scenario.of(scenario)
        self.device = device
        self.evaluation_slots = whole("evaluation_slots", evaluation_slots)
        slots = self.evaluation_slots + self.scenario.hops - 1
        of = "evaluation_slots" if slots >= 2 * self.scenario.hops else "hops"
        check_room(*block_parts(self.scenario, len(run_seeds(seed)), slots, of=of), device=device)
        self.network = WirelessNetwork(self.scenario, seed, None if device == "cpu" else device)
        self.seeds = self.network.seeds
        self.agents = self.scenario.transmitters
        self.inputs = Inputs.of(observation)
        refuse_without_lists(self.scenario, self.inputs.observation)
        if evaluation not in EVALUATIONS:
            raise ConfigError(f"evaluation: {shown(evaluation)} is not valid: it should be one of {', '.join(EVALUATIONS)}")
        self.evaluation = evaluation
        size, bands = self.inputs.size(self.scenario), self.scenario.bands
        self.policies = Policies(size, bands, 0.0, self.scenario.p_max, policy, budget=True)
        self._slots = 0
        self._ahead: list[Samples] = []
        self._full_power: NDArray[np.float64] | None = None
        self._present: tuple[int, tuple[Block, Any]] | None = None

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def slot_seconds(self) -> float:
        return self.scenario.slot_seconds

    @property
    def near(self) -> NeighbourLists | None:
        """Lists of the links that are not cut; None where none is."""
        return self.network.near

    def mean_gains(self) -> Sequence[NDArray[np.float32]]:
        """E|h|^2 of every run's links, (links,), as in `near`."""
        return [layout.mean_gain for layout in self.network.layouts]

    def positions(self) -> Sequence[NDArray[np.float64]]:
        return [layout.transmitters for layout in self.network.layouts]

    def interference_to_noise(self) -> Float[np.ndarray, "runs agents agents"]:
        """Mean power in which each agent l receives each transmitter i at full power, over the noise, (runs, l, i).

        The mean is over the fading, at the beginning of an episode; where i = l it is the signal-to-noise ratio.
        """
        antenna = self.scenario.placement.antennas(self.agents)
        gains = np.stack([layout.link_gain for layout in self.network.layouts])
        each = gains.astype(np.float64) if antenna is None else gains[..., antenna].astype(np.float64)
        noise = self.scenario.noise_power
        return np.asarray(each * self.scenario.p_max / (noise if isinstance(noise, float) else noise[:, None]))

    def measure(
        self, parameters: Float[Tensor, "sets runs agents variants size"], batch: int, common_noise: bool
    ) -> Float[Tensor, "sets runs variants agents"]:
        return self._mean_utilities(parameters, self.slots_ahead(len(parameters), batch, common_noise))

    def slots_ahead(self, sets: int, batch: int, common_noise: bool) -> Samples:
        """The slots of the next measurement, for whoever works out the powers elsewhere.

        Args:
            sets: of policies that are measured.
            batch: slots that each of them is measured over.
            common_noise: let all sets meet the same slots.

        Returns:
            The slots.
        """
        self._slots += sets * batch
        return self._next(batch, 1 if common_noise else sets)

    def _next(self, batch: int, groups: int) -> Samples:
        """The slots of the next measurement; those prepared for another batch are cut anew, so that none is left out."""
        if not self._ahead:
            ahead = max(1, AHEAD_SLOTS // (max(groups, 2) * batch * self.network.runs)) if self._may_prepare else 1
            if self.near is not None:
                ahead = min(ahead, max(1, AHEAD_LINKS // (groups * batch * self.network.runs * self.near.links)))
            self._ahead = self._prepare(batch, groups, ahead)
        elif not self._ahead[0].fit(batch, groups):
            left = sum(len(samples.wanted) * samples.wanted.shape[3] for samples in self._ahead)
            short = -left % (groups * batch)
            self._ahead = regrouped([*self._ahead, *(self._prepare(short, 1, 1) if short else [])], batch, groups)
        return self._ahead.pop(0)

    @property
    def _may_prepare(self) -> bool:
        """False where slots of later measurements would change what is drawn, or where the network is."""
        return self.device == "cpu" and self.evaluation == "layout"

    def wait(self, slots: int) -> None:
        """Let slots pass in which nobody measures."""
        self.network.block(slots)
        self._slots += slots

    def _prepare(self, batch: int, groups: int, ahead: int) -> list[Samples]:
        """The slots of some measurements ahead: channels do not depend on actions, and small arrays cost as much as larger."""
        block = self.network.block(ahead * groups * batch)
        seen = self.inputs.of_block(self.scenario, block)
        return [grouped(block, seen, batch, start, groups) for start in range(0, ahead * groups * batch, groups * batch)]

    def _powers(self, parameters: Tensor, samples: Samples) -> Tensor:
        """Powers as of `powers_of`, of parameters (groups, runs, agents, variants, size)."""
        if self.near is None or parameters[..., 0].numel() <= POLICIES_AT_ONCE:
            return powers_of(self.policies, parameters, samples.inputs)
        found = []
        for number in range(len(parameters)):  # set by set, so that no policy is copied
            group = min(number, len(samples.inputs) - 1)
            parts = [
                powers_of(self.policies, parameters[number, None, :, some], samples.inputs[group, None, :, some], some)
                for first in range(0, self.agents, POLICIES_AT_ONCE)
                for some in [slice(first, first + POLICIES_AT_ONCE)]
            ]
            found.append(torch.cat(parts, dim=-1))
        return torch.cat(found)

    def shared_logits(
        self, parameters: Float[Tensor, "rows size"], seen: Float[Tensor, "rows slots agents inputs"]
    ) -> Float[Tensor, "rows slots *bands agents"]:
        """Logits of powers where all agents of a network use one policy.

        Args:
            parameters: a policy for each row.
            seen: its policy inputs.

        Returns:
            Logits, (rows, slots, agents); of M bands (rows, slots, M, agents).
        """
        logits = self.policies.logits(parameters, seen.flatten(1, 2))
        bands = self.scenario.bands
        return logits.view(seen.shape[:-1]) if bands == 1 else logits.view(*seen.shape[:-1], bands).transpose(-1, -2)

    def _mean_utilities(self, parameters: Tensor, samples: Samples) -> Tensor:
        """(groups, runs, variants, agents) of parameters (groups, runs, agents, variants, size)."""
        return self.earned(self._powers(parameters, samples), samples)

    def earned(
        self, powers: Float[Tensor, "sets runs variants slots *bands agents"], samples: Samples
    ) -> Float[Tensor, "sets runs variants agents"]:
        """Mean utilities that powers earn.

        Args:
            powers: in [0, p_max], (sets, runs, variants, slots, agents); of M bands (sets, runs, variants, slots, M, agents).
            samples: the slots, of `slots_ahead`.

        Returns:
            (sets, runs, variants, agents).
        """
        if self.near is not None:
            return self._earned_over_lists(powers, samples)
        own = powers.numpy() if isinstance(samples.wanted, np.ndarray) else powers
        return torch.as_tensor(self.network.outcome_unchecked(samples.wanted, samples.cross, own).utility.mean(3))

    def _earned_over_lists(self, powers: Tensor, samples: Samples) -> Tensor:
        """Mean utilities as `earned`, over lists of neighbours, set by set and variant by variant."""
        found = torch.empty((*powers.shape[:3], powers.shape[4]))
        for number, of_set in enumerate(powers.numpy()):
            group = min(number, len(samples.wanted) - 1)
            wanted, cross = samples.wanted[group][:, 0], samples.cross[group][:, 0]
            for variant in range(powers.shape[2]):
                outcome = self.network.outcome_unchecked(wanted, cross, of_set[:, variant])
                found[number, :, variant] = torch.from_numpy(outcome.utility.mean(1))
        return found

    def slopes(
        self, parameters: Float[Tensor, "runs agents variants size"], batch: int
    ) -> tuple[Float[Tensor, "runs agents 1 slots inputs"], Float[Tensor, "runs variants slots_and_bands agents agents"]]:
        """Policy inputs and slopes of utilities in powers, in the next slots.

        Agent l's utility depends on the others' powers through the interference alone: dU_l/dp_i = dU_l/dI_l g_li for i != l.
        Of M bands it is that of every band, and the bands of a slot follow each other as slots do.

        Args:
            parameters: policies (runs, agents, variants, size).
            batch: slots.

        Returns:
            Policy inputs (runs, agents, 1, slots, inputs), and dU_l/dp_i (runs, variants, slots M, l, i).
        """
        if self.near is not None:
            raise ConfigError(refused_with_cut("slopes are those of all links"))
        samples = self._next(batch, 1)
        self._slots += batch
        wanted, cross = torch.as_tensor(samples.wanted)[0], torch.as_tensor(samples.cross)[0]
        power = self._powers(parameters[None], samples)[0].requires_grad_()
        arriving = interference(cross, power.detach()).requires_grad_()
        noise = beside(self.scenario.band_noise, arriving)
        total = self.scenario.earned(wanted * power / (arriving + noise), power).sum()
        by_power, by_interference = torch.autograd.grad(total, (power, arriving), materialize_grads=True)
        slopes = by_interference[..., None] * cross + torch.diag_embed(by_power)
        return samples.inputs[0], slopes if self.scenario.bands == 1 else slopes.flatten(2, 3)

    @cached_property
    def _layout_bank(self) -> tuple[Block, Any]:
        bank = self.network.bank(self.evaluation_slots, "evaluation")
        return bank, self.inputs.of_block(self.scenario, bank)

    def _bank(self) -> tuple[Block, Any]:
        """The slots kept for evaluation, and the policy inputs in them."""
        if self.evaluation == "layout":
            return self._layout_bank
        if self._present is None or self._present[0] != self._slots:
            bank = self.network.bank(self.evaluation_slots, "evaluation", present=True)
            self._present = self._slots, (bank, self.inputs.of_block(self.scenario, bank))
        return self._present[1]

    @property
    def bank(self) -> Block:
        """The slots kept for evaluation."""
        return self._bank()[0]

    def evaluate(self, parameters: Float[Tensor, "runs agents variants size"]) -> NDArray[np.float64]:
        total: Any = 0.0
        for slots, means in self._evaluated(parameters):
            total = total + means.sum(2) * slots
        return np.asarray((total / self.evaluation_slots).cpu())

    def utilities(self, parameters: Float[Tensor, "runs agents variants size"]) -> Float[np.ndarray, "runs variants agents"]:
        """Mean utility of every agent, (runs, variants, agents), in the slots kept for evaluation."""
        total: Any = sum(means * slots for slots, means in self._evaluated(parameters))
        return np.asarray((total / self.evaluation_slots).cpu())

    def _evaluated(self, parameters: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Parts of the slots kept for evaluation: how many slots, and the mean utilities (runs, variants, agents) in them."""
        bank, seen = self._bank()
        for start in range(0, self.evaluation_slots, EVALUATION_CHUNK):
            slots = min(EVALUATION_CHUNK, self.evaluation_slots - start)
            samples = grouped(bank, seen, slots, start, 1)
            yield slots, self._mean_utilities(parameters[None], samples)[0].double()

    @property
    def evaluation_inputs(self) -> Float[Tensor, "runs slots agents inputs"]:
        """Policy inputs in the slots kept for evaluation, (runs, slots, agents, inputs)."""
        return torch.as_tensor(self._bank()[1])

    def full_power_utility(self) -> NDArray[np.float64]:
        if self.evaluation == "present":
            return self._at_full_power()
        if self._full_power is None:
            self._full_power = self._at_full_power()
        return self._full_power

    def _at_full_power(self) -> NDArray[np.float64]:
        bank = self.bank
        full = bank.wanted * 0 + beside(self.scenario.p_max / self.scenario.bands, bank.wanted)
        utilities = self.network.utilities(bank.wanted, bank.cross, full)
        return np.asarray(torch.as_tensor(utilities).double().mean(1).sum(1).cpu())

    def act(self, parameters: Float[Tensor, "agents size"], observations: Any) -> Any:
        """Powers of one run's policies, in [0, p_max].

        Args:
            parameters: (agents, size).
            observations: those of an environment with the same `observation`, (..., agents, inputs), or a dict by agent.

        Returns:
            Powers (..., agents), or a dict of (..., 1) by agent; of M bands (..., agents, M), or a dict of (..., M).

        Raises:
            ConfigError: where the observations are of another shape or of other agents.
        """
        if isinstance(observations, dict):
            names = [f"tx_{number}" for number in range(self.agents)]
            if set(observations) != set(names):
                wrong = sorted(map(str, set(observations) ^ set(names)))[0]
                raise ConfigError(f"observations: not valid: those of {names[0]} to {names[-1]} are needed; see {wrong}")
            chosen = dict(zip(names, self.act(parameters, np.stack([observations[name] for name in names])), strict=True))
            return {name: chosen[name] if self.scenario.bands > 1 else chosen[name][..., None] for name in observations}
        inputs = torch.as_tensor(np.asarray(observations, np.float32), device=self.device)
        if inputs.shape[-2:] != (self.agents, self.policies.inputs):
            raise ConfigError(
                f"observations: shape {tuple(inputs.shape)} is not valid: the policies take {self.inputs.name}, "
                f"(..., {self.agents}, {self.policies.inputs})"
            )
        flat = inputs.reshape(-1, self.agents, inputs.shape[-1]).transpose(0, 1)
        powers = self.policies.limited(self.policies(parameters, flat).movedim(0, -1)).movedim(-1, 1)
        bands = (self.scenario.bands,) if self.scenario.bands > 1 else ()
        return powers.reshape(*inputs.shape[:-1], *bands).cpu().numpy()

    def configuration(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario.dump(),
            "policy": self.policies.settings.dump(),
            "seed": list(self.seeds),
            "evaluation_slots": self.evaluation_slots,
            "observation": self.inputs.dump()["observation"],
            **({"evaluation": self.evaluation} if self.evaluation != "layout" else {}),
        }

    @classmethod
    def from_configuration(cls, configuration: dict[str, Any], device: str = "cpu") -> "WirelessProblem":
        """Build the problem again, from its start.

        Args:
            configuration: of `configuration()`.
            device: where torch computes, "cpu" or "cuda".

        Returns:
            The problem.

        Raises:
            ConfigError: where the configuration is not that of a wireless problem.
        """
        policy = PolicySettings.parse(configuration["policy"], "policy")
        rest = {key: configuration[key] for key in ("scenario", "seed", "evaluation_slots", "observation")}
        return cls(**rest, policy=policy, device=device, evaluation=configuration.get("evaluation", "layout"))

    def state(self) -> dict[str, Any]:
        ahead = [samples._asdict() for samples in self._ahead]
        return {"network": self.network.state(), "slots": self._slots, "ahead": ahead}

    def set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("problem.slots", state["slots"], 0)
        for name, own in (("seeds", list(self.seeds)), ("episode", self.network.episode)):
            if state["network"][name] != own:
                raise misfit(f"problem.network.{name}", f"is not {shown(own)}")
        ahead = refuse_length("problem.ahead", state["ahead"], 0, AHEAD_SLOTS)
        for number, samples in enumerate(ahead):
            self._refuse_samples(samples, ahead[0], f"problem.ahead.{number}")
        self.network.set_state(state["network"])
        self._slots, self._present = state["slots"], None
        self._ahead = [Samples(**samples) for samples in ahead]

    def _refuse_samples(self, samples: Any, first: Any, where: str) -> None:
        """Raises ConfigError unless saved samples are such slots as `measure` takes, as many as the first ones."""
        shape = tuple(getattr(first.get("wanted"), "shape", ())) if isinstance(first, dict) else ()
        axes = 5 if self.scenario.bands == 1 else 6
        groups, batch = (shape[0], shape[3]) if len(shape) == axes and 1 <= shape[0] <= MOST_SETS else (1, 1)
        refuse_misfit(samples, self._empty_samples(groups, batch)._asdict(), where)
        refuse_infinite(where, samples)

    def _empty_samples(self, groups: int, batch: int) -> Samples:
        runs, agents = self.network.runs, self.agents
        inputs = torch.zeros((groups, runs, agents, 1, batch, self.policies.inputs), device=self.device)
        bands = (self.scenario.bands,) if self.scenario.bands > 1 else ()
        wanted = torch.zeros((groups, runs, 1, batch, *bands, agents), device=self.device)
        links = (*bands, agents, agents) if self.near is None else (self.near.links,)
        cross = torch.zeros((groups, runs, 1, batch, *links), device=self.device)
        return Samples(inputs, wanted.numpy(), cross.numpy()) if self.device == "cpu" else Samples(inputs, wanted, cross)
