"""The wireless network whose agents talk before they choose powers, for scalars and for gradients: messages arrive at once."""

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from trainers.problems.heard import heard
from trainers.problems.message_network import SIZE_OF_EDGE, SIZE_OF_NODE, Heard, MessageNetwork
from trainers.problems.policies import Policies, PolicySettings, Width
from trainers.problems.samples import Samples
from trainers.problems.wireless import WirelessProblem
from trainers.problems.wireless_objective import WirelessObjective
from wirelessenv.config import ConfigError, Count, CountOrZero, Model
from wirelessenv.layout import Layout, draw_layouts, refused_with_bands
from wirelessenv.memory import check_room, part
from wirelessenv.network import Block, WirelessNetwork
from wirelessenv.physics.loudest import loudest
from wirelessenv.scenario import Scenario
from wirelessenv.streams import stream

SCALE_SEEDS, SCALE_SLOTS = range(2**40, 2**40 + 16), 10
"""Layouts, and slots of each, that the scale of the inputs is taken from: nobody learns or is evaluated there."""


class Talk(Model):
    """The shape of a message-passing network, and whom its agents hear."""

    rounds: CountOrZero = Field(2, le=100, description="of messages; 0: nobody says anything")
    floats: Count = Field(2, le=1000, description="numbers in the message of a round")
    neighbours: Count = Field(4, description="agents that an agent hears from: those with the loudest mean gains, both ways")
    width: Width = Field(16, description="numbers in a node")

    def network(self) -> MessageNetwork:
        """A network of this shape."""
        return MessageNetwork(self.rounds, self.floats, self.width)


class TalkInputs:
    """Policy inputs of agents that talk, in the place of observations: the node, then edges, neighbour by neighbour."""

    name = "channels of their own and to neighbours"

    def __init__(self, layouts: Sequence[Layout], neighbours: int) -> None:
        self._mean_gain = np.stack([layout.link_gain for layout in layouts])
        self._neighbours = loudest(self._mean_gain, neighbours)
        self.neighbour = self._neighbours.number
        """(runs, m, k)"""

    def heard(self, scenario: Scenario, block: Block) -> Heard:
        """All that agents see and hear, where messages arrive at once.

        Args:
            scenario: of the network.
            block: slots of every run.

        Returns:
            The inputs of the network.
        """
        return heard(scenario, self._mean_gain, block, self._neighbours, newest=None, told=0)

    def of_block(self, scenario: Scenario, block: Block) -> Float[np.ndarray, "runs slots m inputs"]:
        """Policy inputs in the slots of a block.

        Args:
            scenario: of the network.
            block: slots of every run.

        Returns:
            Numbers of the node and of the edges, (runs, slots, m, 5 + 4 k).
        """
        seen = self.heard(scenario, block)
        return np.asarray(torch.cat([seen.nodes, seen.edges.flatten(-2)], dim=-1))


def fit_beforehand(network: MessageNetwork, scenario: Scenario, neighbours: int) -> None:
    """Take the scale of the inputs from layouts on which nobody learns.

    Args:
        network: whose scale it is.
        scenario: of the layouts.
        neighbours: k.
    """
    block = WirelessNetwork(scenario, SCALE_SEEDS).bank(SCALE_SLOTS, "training")
    network.fit(TalkInputs(draw_layouts(scenario, SCALE_SEEDS), neighbours).heard(scenario, block))


class TalkingPolicies(Policies):
    """Parameters of message-passing networks as rows theta, in the order of the network's own parameters."""

    def __init__(self, talk: Talk, scenario: Scenario) -> None:
        self.talk = talk
        self.network = talk.network()
        self.shapes = {name: tuple(value.shape) for name, value in self.network.named_parameters()}
        super().__init__(SIZE_OF_NODE + SIZE_OF_EDGE * talk.neighbours, 1, 0.0, scenario.p_max, PolicySettings(hidden=()))
        self.size = sum(map(prod, self.shapes.values()))
        self.width = talk.width * (4 + 4 * talk.rounds + talk.neighbours * talk.rounds)
        fit_beforehand(self.network, scenario, talk.neighbours)
        self.network.requires_grad_(False)

    def initial(self, seeds: Sequence[int], agents: int) -> Float[Tensor, "runs {agents} {self.size}"]:
        """Draw initial parameters, every entry uniform in +-1 / sqrt(fan in); agents begin with the same ones.

        Args:
            seeds: one for each run.
            agents: m.

        Returns:
            (runs, agents, size), float32.
        """
        check_room(part(28, ("seeds", len(seeds)), ("transmitters", agents), ("width (parameters)", self.size)))
        fan_in = {name.rpartition(".")[0]: shape[1] for name, shape in self.shapes.items() if len(shape) == 2}
        rows = np.empty((len(seeds), self.size), np.float32)
        for row, seed in zip(rows, seeds, strict=True):
            rng = stream(seed, "initial policy")
            parts = [
                rng.uniform(-1, 1, prod(shape)) / sqrt(fan_in[name.rpartition(".")[0]]) for name, shape in self.shapes.items()
            ]
            row[:] = np.concatenate(parts)
        return torch.from_numpy(rows)[:, None].expand(-1, agents, -1).clone()

    def of_all(
        self,
        parameters: Float[Tensor, "rows copies size"],
        seen: Float[Tensor, "rows slots m inputs"],
        neighbour: Any,
    ) -> Float[Tensor, "rows slots m"]:
        """Logits of all agents of some networks, where everybody, or each agent, has parameters.

        Args:
            parameters: one copy a network, or one for each agent.
            seen: inputs.
            neighbour: numbers of neighbours, (rows, m, k).

        Returns:
            Logits of the shares of p_max.
        """
        rows, copies = parameters.shape[:2]
        parts = parameters.split_with_sizes([prod(shape) for shape in self.shapes.values()], dim=-1)
        own = {name: one.reshape(rows, copies, *shape) for one, (name, shape) in zip(parts, self.shapes.items(), strict=True)}
        slots, agents, near = seen.shape[1], seen.shape[2], neighbour.shape[-1]
        edges = seen[..., SIZE_OF_NODE:].reshape(*seen.shape[:-1], near, SIZE_OF_EDGE)
        said = torch.arange(slots)[:, None, None].expand(rows, slots, agents, near)
        told = Heard(seen[..., :SIZE_OF_NODE], edges, neighbour, said, seen.new_zeros(said.shape))
        logits: Tensor = torch.func.functional_call(_Logits(self.network), {f"of.{key}": one for key, one in own.items()}, told)
        return logits


class _Logits(nn.Module):
    """A network's logits, without its messages."""

    def __init__(self, of: MessageNetwork) -> None:
        super().__init__()
        self.of = of

    def forward(self, *seen: Tensor) -> Tensor:
        logits: Tensor = self.of.run(Heard(*seen))[0]
        return logits


class TalkingProblem(WirelessProblem):
    """Utilities of agents that run a message-passing network on their own copies of it: messages arrive within the slot.

    Args:
        scenario: of the network; a preset's name, or settings.
        talk: shape of the network.
        seed: the run's seed, or one for each run.
        evaluation_slots: slots kept for evaluation.

    Raises:
        ConfigError: where a setting is not valid, or does not fit the memory.
    """

    def __init__(
        self, scenario: Scenario | str | dict[str, Any], talk: Talk, seed: int | Sequence[int] = 0, evaluation_slots: int = 400
    ) -> None:
        scenario = Scenario.of(scenario)
        if scenario.bands > 1:
            raise ConfigError(refused_with_bands("agents that talk while they learn choose a power for one band"))
        super().__init__(scenario, None, seed, evaluation_slots)
        if talk.neighbours >= self.agents:
            raise ConfigError(
                f"problem.neighbours: {talk.neighbours} is not valid: an agent of {self.agents} has {self.agents - 1} others"
            )
        self.inputs: Any = TalkInputs(self.network.layouts, talk.neighbours)
        self.policies: TalkingPolicies = TalkingPolicies(talk, self.scenario)
        self._neighbour = torch.from_numpy(self.inputs.neighbour)

    def shared_logits(
        self, parameters: Float[Tensor, "rows size"], seen: Float[Tensor, "rows slots agents inputs"]
    ) -> Float[Tensor, "rows slots agents"]:
        """Logits of powers where all agents of the first run's network use one policy.

        Args:
            parameters: a policy for each row.
            seen: its policy inputs.

        Returns:
            Logits, (rows, slots, agents).
        """
        neighbour = self._neighbour[:1].expand(len(parameters), -1, -1)
        return self.policies.of_all(parameters[:, None], seen, neighbour)

    def _powers(self, parameters: Tensor, samples: Samples) -> Tensor:
        groups, runs, agents, variants, size = parameters.shape
        slots, width = samples.inputs.shape[-2:]
        seen = samples.inputs.permute(0, 1, 3, 4, 2, 5).expand(groups, runs, variants, slots, agents, width)
        neighbour = self._neighbour[None, :, None].expand(groups, runs, variants, agents, -1)
        rows = parameters.transpose(2, 3).reshape(-1, agents, size)
        logits = self.policies.of_all(rows, seen.reshape(-1, slots, agents, width), neighbour.flatten(0, 2))
        return self.policies.limited(self.policies.bounded(logits).view(groups, runs, variants, slots, agents))

    def slopes(self, parameters: Tensor, batch: int) -> NoReturn:
        """Refuse: an agent's powers are not all that its policy changes, where it talks.

        Args:
            parameters: of the policies.
            batch: slots.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("learner: first_order is not valid for agents that talk: their messages change the powers of others")

    def act(self, parameters: Tensor, observations: Any) -> NoReturn:
        """Refuse: in an environment messages are a slot late, and these arrive at once.

        Args:
            parameters: of the policies.
            observations: of the agents.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("act: not valid for messages that arrive at once: train a Talker for environments")

    def configuration(self) -> dict[str, Any]:
        """Nothing: a saved learner is given its problem."""
        return {}


class TalkingObjective(WirelessObjective):
    """Costs where all transmitters use one message-passing network: see `WirelessObjective`.

    For its gradient a client must know, besides, what its messages and those of others were worked out from.

    Args:
        scenario: of the network; a preset's name, or settings.
        talk: shape of the message-passing network.
        seed: of the layout and its channels.
        batch: slots in a sample; a tick lasts as many.
        bank_slots: slots that costs are averages over.
        evaluation_slots: slots kept for evaluation.
        together: one client with the mean of all costs, for methods that assume them equal.
        undecided: weight of squared logits.
    """

    def __init__(
        self,
        scenario: Scenario | str | dict[str, Any] = "dense",
        talk: Talk | None = None,
        seed: int = 0,
        *,
        batch: int = 20,
        bank_slots: int = 400,
        evaluation_slots: int = 400,
        together: bool = False,
        undecided: float = 0.0,
    ) -> None:
        problem = TalkingProblem(scenario, talk or Talk(), seed, evaluation_slots)
        self._begin(problem, batch=batch, bank_slots=bank_slots, together=together, undecided=undecided)
