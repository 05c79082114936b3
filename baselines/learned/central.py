"""Networks that are trained in one place, without labels: ascent on the sum of utilities, through the rate."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import Learned, NeededKnowledge, Stage, bits_to_know, training_layouts
from trainers.problems.policies import shares_of_budget
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, Positive
from wirelessenv.layout import Layout, draw_layouts
from wirelessenv.memory import check_room
from wirelessenv.network import NEIGHBOURS, Block, WirelessNetwork, block_parts
from wirelessenv.per_agent import beside
from wirelessenv.physics.kernels import interference
from wirelessenv.saved_state import refuse_misfit
from wirelessenv.scenario import Scenario
from wirelessenv.streams import stream

LINKS_AT_ONCE = 2**18
LARGEST_GRADIENT = 5.0
UNDECIDED = 1e-4
"""Weight of the squared logits. Without it, nearly all gradients of a sparse network say "more power", all sigmoids saturate
together in the first steps, and no gradient is left for the few pairs that should be silent (seen in `paper`)."""


class CentralNetwork(nn.Module):
    """A network that turns slots into powers; its inputs are standardised."""

    @abstractmethod
    def fit(self, seen: Any) -> None:
        """Take the scale of the inputs from some slots, once, before training."""

    @abstractmethod
    def forward(self, seen: Any) -> Tensor:
        """Logits of shares of p_max, (networks, slots, m), of M bands (networks, slots, M, m), of what `Central.see` makes."""


class Central(Learned):
    """max_theta E[(1/m) sum_i U_i(p) - lambda z_i^2], p = p_max sigmoid(z(theta, slot)), lambda small, by Adam.

    Of several bands p_ib = p_max exp(z_ib) / (1 + sum_c exp(z_ic)), and z_i^2 is the mean over bands. The gradient goes
    through SINR and rate: nobody has to say which powers would be right.
    """

    on_device: ClassVar[bool] = True

    steps: Count = Field(description="of Adam")
    networks: Count = Field(16, description="layouts in a step, where it learns across layouts")
    slots: Count = Field(4, description="of each of them in a step")
    renew: Count = Field(2, description="steps after which layouts are drawn anew")
    learning_rate: Positive = Field(3e-3, description="at first; it falls to 0 as half a cosine")
    trained_on: Scenario | None = Field(
        None, description="where it learns across layouts: a scenario that it is trained on; none: the one it is compared on"
    )

    @abstractmethod
    def network(self, scenario: Scenario) -> CentralNetwork:
        """The network, with random parameters drawn from torch's generator."""

    def see(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Any:
        """Inputs of the network in the slots of a block.

        Args:
            scenario: of the networks.
            layouts: theirs, one for each.
            block: their slots.
            seed: of whatever else is random.

        Returns:
            The block itself, where the network needs nothing else.
        """
        return block

    def practise(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Any:
        """Inputs of the network in a step of training: as `see`, where it is not trained for several conditions.

        Args:
            scenario: of the networks.
            layouts: theirs, one for each.
            block: their slots.
            seed: of whatever else is random, of this step.

        Returns:
            The inputs.
        """
        return self.see(scenario, layouts, block, seed)

    def check(self, scenario: Scenario) -> None:
        if self.trained_on is not None and not self.across:
            raise ConfigError("trained_on: is not valid for policies that learn on each layout of the comparison by itself")
        if self.trained_on is not None and self.trained_on.bands != scenario.bands:
            raise ConfigError(
                f"trained_on.bands: {self.trained_on.bands} is not valid: there are {scenario.bands} to decide about"
            )

    def refuse(self, scenario: Scenario, layouts: Sequence[int]) -> None:
        refuse_learning_over_lists(self.trained_on or scenario)

    @property
    def elsewhere(self) -> bool:
        return self.trained_on is not None

    @property
    def unheard(self) -> int:
        """Slots at the beginning of a block in which not everything has arrived that will."""
        return 0

    @property
    def knows_in_training(self) -> NeededKnowledge:
        return "everything"

    def shares(self, scenario: Scenario, logits: Tensor) -> Tensor:
        """Shares of p_max that are used.

        Args:
            scenario: of the networks.
            logits: of a network, (networks, slots, m), of M bands (networks, slots, M, m).

        Returns:
            Shares of the same shape.
        """
        return _shares(scenario, logits)

    def objective(self, scenario: Scenario, logits: Tensor, block: Block) -> Tensor:
        """The number that training makes large: mean utility, less a little for large logits.

        Args:
            scenario: of the networks.
            logits: as of `shares`.
            block: their slots, of which those after the first `unheard` ones count.

        Returns:
            One number.
        """
        return _objective(scenario, logits, block, self.unheard)

    def train(self, scenario: Scenario, seed: int, layout: int | None, folder: Path | None = None) -> Iterator[Stage]:
        scenario = self.trained_on or scenario
        refuse_learning_over_lists(scenario)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(seed, "central training").integers(2**62)))
            with torch.device("cpu"):  # the same first parameters on all devices
                network = self.network(scenario)
        network.to(torch.get_default_device())
        seeds = training_layouts(seed, self.networks) if layout is None else [layout]
        slots = self.unheard + (self.slots if layout is None else self.slots * self.networks)
        check_room(*block_parts(scenario, len(seeds), slots, each="networks"))
        channels = WirelessNetwork(scenario, seeds)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        used = 0
        for step in range(1, self.steps + 1):
            block = channels.block(slots)
            seen = self.practise(scenario, channels.layouts, block, seed * self.steps + step)
            if step == 1:
                network.fit(seen)
            optimiser.zero_grad()
            (-self.objective(scenario, network(seen), block)).backward()  # type: ignore[no-untyped-call]  # torch gives it no type
            nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
            optimiser.step()
            schedule.step()
            if layout is None and step % self.renew == 0:
                channels.reset()
            used += len(seeds) * slots
            if step % max(1, self.steps // self.stages) == 0 or step == self.steps:
                state = {name: value.cpu().clone() for name, value in network.state_dict().items()}
                yield Stage(used, used * bits_to_know("everything", scenario), state)

    def powers(self, held: HeldOut, state: dict[str, Any]) -> Doubles:
        network = self.network(held.scenario)
        refuse_misfit(state, dict(network.state_dict()))
        network.load_state_dict(state)
        agents = held.scenario.transmitters
        layouts = draw_layouts(held.scenario, held.layouts)
        slots = held.block.wanted.shape[1]
        slots *= held.scenario.bands
        at_once = max(1, LINKS_AT_ONCE // (slots * agents * (agents if held.block.near is None else NEIGHBOURS)))
        parts = []
        with torch.no_grad():
            for start in range(0, len(held.layouts), at_once):
                places = range(start, min(start + at_once, len(held.layouts)))
                seen = self.see(held.scenario, layouts[start : places.stop], held.some(places).block, held.layouts[start])
                parts.append(self.shares(held.scenario, network(seen)).double().cpu().numpy() * held.scenario.p_max)
        return np.concatenate(parts)


def refuse_learning_over_lists(scenario: Scenario) -> None:
    """Refuse to train where links are cut: gradients are taken through matrices.

    Args:
        scenario: that a network is to learn on.

    Raises:
        ConfigError: where there is a cut.
    """
    if scenario.cut is not None:
        raise ConfigError(
            f"trained_on: not valid with scenario.cut {scenario.cut:g}: networks are trained with the gains of all links: name "
            "a scenario without a cut, such as {preset: dense}; what is learned there serves any number of agents"
        )


def _objective(scenario: Scenario, logits: Tensor, block: Block, first: int) -> Tensor:
    """Mean utility, less a little for large logits, from slot `first` on."""
    logits = logits[:, first:]
    power = _shares(scenario, logits)
    power = power * beside(scenario.p_max, power)
    wanted, cross = torch.as_tensor(block.wanted[:, first:]), torch.as_tensor(block.cross[:, first:])
    noise = beside(scenario.band_noise, power)
    utilities: Tensor = scenario.earned(wanted * power / (interference(cross, power) + noise), power)
    squares = logits**2 if scenario.bands == 1 else (logits**2).mean(-2)
    objective: Tensor = (utilities - UNDECIDED * squares).mean()
    return objective


def _shares(scenario: Scenario, logits: Tensor) -> Tensor:
    """Shares of p_max, (networks, slots, m), of M bands (networks, slots, M, m)."""
    return logits.sigmoid() if scenario.bands == 1 else shares_of_budget(logits, -2)
