"""A trained message-passing policy that acts step by step in an environment whose agents send each other numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from baselines.learned.message_policy import MessagePolicy, TravellingNetwork
from trainers.problems.message_network import SIZE_OF_EDGE, SIZE_OF_NODE, MessageNetwork
from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError
from wirelessenv.saved_state import refuse_misfit
from wirelessenv.scenario import Scenario

OBSERVATION = (
    {"kind": "gain"},
    {"kind": "incoming", "source": "pilots"},
    {"kind": "gain", "source": "mean"},
    {"kind": "incoming", "source": "mean"},
    {"kind": "outgoing", "source": "mean"},
    {"kind": "edges"},
    {"kind": "edges", "source": "mean"},
)
"""Parts of an agent's observation that the network reads, in order: its node, and its edges to all others."""


def environment_options(talks: Any, *, over_lists: bool = False) -> dict[str, Any]:
    """Options of the environment in which agents that talk act: what they see, and how messages travel.

    Args:
        talks: settings with `rounds`, `floats`, `neighbours`, `links` and `activity`.
        over_lists: see and hear `neighbours` others alone, as agents do where a scenario cuts links.

    Returns:
        The options, without the scenario.
    """
    messaging = {
        "graph": {"kind": "strongest", "neighbours": talks.neighbours},
        "activity": talks.activity,
        "links": talks.links,
        "relay": False,
    }
    told = {"messages": "learned", "message_size": talks.rounds * talks.floats, "messaging": messaging}
    observation: tuple[dict[str, Any], ...] = OBSERVATION
    if over_lists:
        told["message_neighbours"] = talks.neighbours
        observation = tuple(one | {"strongest": talks.neighbours} if one["kind"] == "edges" else one for one in OBSERVATION)
    return {"observation": observation, "actions": "normalised", **(told if talks.rounds else {})}


def size_of_observation(network: MessageNetwork, others: int) -> int:
    """Numbers in an observation of the environment of `environment_options`.

    Args:
        network: of the agents.
        others: agents that an agent sees and hears.

    Returns:
        How many.
    """
    width = network.rounds * network.floats
    return SIZE_OF_NODE + SIZE_OF_EDGE * others + ((1 + others) * (width + 1) if width else 0)


def actions_of(network: MessageNetwork, seen: Tensor, others: int) -> Tensor:
    """Actions of agents that run one network, each from its own observation.

    Args:
        network: theirs.
        seen: observations of the environment of `environment_options`, (..., size).
        others: agents that an agent sees and hears, m - 1 or fewer.

    Returns:
        The power in [-1, 1], and the message, (..., 1 + size of a message).

    Raises:
        ConfigError: for observations of another size.
    """
    width, floats, shown = network.rounds * network.floats, network.floats, 1 + others
    measured, right = SIZE_OF_EDGE * others, size_of_observation(network, others)
    if width and seen.shape[-1] == SIZE_OF_NODE + measured:
        raise ConfigError(
            f"messages: the environment has no message channel, and the policy sends {width} numbers to its neighbours in "
            "every slot: make the environment with its `options`"
        )
    if seen.shape[-1] != right:
        raise ConfigError(
            f"observations: {seen.shape[-1]} numbers an agent are not valid: the policy reads {right} of {others} others; "
            "make the environment with its `options`"
        )
    nodes, rest = seen[..., :SIZE_OF_NODE], seen[..., SIZE_OF_NODE:]
    edges = rest[..., :measured].reshape(*seen.shape[:-1], SIZE_OF_EDGE, others).transpose(-1, -2)
    if width:
        known = rest[..., measured:-shown].reshape(*seen.shape[:-1], shown, width)[..., 1:, :]
        ages = rest[..., -others:]
    else:
        known, ages = seen.new_zeros(*edges.shape[:-1], 0), seen.new_full(edges.shape[:-1], -1.0)
    there = ages >= 0
    # of the others, only those from whom something was heard: the network runs on a few places and not on all
    some = max(1, int(there.sum(-1).max()))
    place = torch.argsort(~there, dim=-1, stable=True)[..., :some]
    ages, there = ages.gather(-1, place), there.gather(-1, place)
    edges, known = (one.gather(-2, place[..., None].expand(*place.shape, one.shape[-1])) for one in (edges, known))

    def arrived(number: int, sent: Tensor) -> Tensor:
        part: Tensor = known[..., number * floats : (number + 1) * floats]
        return part

    ages = torch.where(there, ages + 1, torch.zeros(()))  # 0 in an observation: said in the last slot
    logits, sent = network.decide(nodes, edges, ages, there, arrived)
    return torch.cat([2 * logits.sigmoid()[..., None] - 1, *sent], dim=-1)


class Talker:
    """A message-passing policy for agents: from observations to powers and messages, one slot at a time.

    Every agent runs the same network on its own observation, which holds what has arrived: `options` are those of the
    environment in which it does. Messages sent in a slot are heard in the next one at the earliest, so that each round costs a
    slot.
    """

    def __init__(self, method: MessagePolicy, scenario: Scenario | str | Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """A policy of the state that a training ended with.

        Args:
            method: the policy's settings; its pace is "round_a_slot".
            scenario: that it was trained for.
            state: tensors of the network.

        Raises:
            ConfigError: for another pace, or a state that does not fit.
        """
        if method.pace != "round_a_slot":
            raise ConfigError(f'pace: "{method.pace}" is not valid: in an environment every round takes a slot, "round_a_slot"')
        self.method, self.scenario = method, Scenario.of(scenario)
        holder = method.network(self.scenario)
        assert isinstance(holder, TravellingNetwork)
        refuse_misfit(dict(state), dict(holder.state_dict()))
        holder.load_state_dict(state)
        self.network: MessageNetwork = holder.network

    @classmethod
    def train(cls, method: MessagePolicy, scenario: Scenario | str | Mapping[str, Any], seed: int = 0) -> Self:
        """Train a policy through the rate.

        Args:
            method: its settings.
            scenario: the network.
            seed: of the training.

        Returns:
            The trained policy.

        Raises:
            ConfigError: for settings that do not fit each other.
        """
        scenario = Scenario.of(scenario)
        return cls(method, scenario, method.learned(scenario, seed))

    @property
    def width(self) -> int:
        """Numbers in a message: those of all rounds."""
        return self.method.rounds * self.method.floats

    @property
    def memory(self) -> int:
        """Slots until it has heard all that it will hear, where no message is lost."""
        return self.method.memory

    @property
    def options(self) -> dict[str, Any]:
        """Options of the environment that it acts in; the scenario is another one."""
        return environment_options(self.method)

    @property
    def options_over_lists(self) -> dict[str, Any]:
        """Options of an environment whose scenario cuts links."""
        return environment_options(self.method, over_lists=True)

    def predict(self, observations: Mapping[str, Floats] | Floats) -> Any:
        """Actions of all agents, each from its own observation.

        Args:
            observations: by agent, as PettingZoo gives them, or an array (..., m, size).

        Returns:
            Actions by agent, or an array (..., m, 1 + size of a message): the power in [-1, 1], and the message.

        Raises:
            ConfigError: for observations of another size than those of `options`.
        """
        if not isinstance(observations, Mapping):
            return self._actions(np.asarray(observations, np.float32))
        actions = self._actions(np.stack(list(observations.values())).astype(np.float32))
        return dict(zip(observations, actions, strict=True))

    def _actions(self, seen: Floats) -> Floats:
        with torch.no_grad():
            few = self.method.neighbours
            others = few if seen.shape[-1] == size_of_observation(self.network, few) else seen.shape[-2] - 1
            return actions_of(self.network, torch.from_numpy(seen), others).numpy()

    def save(self, path: str | Path) -> None:
        """Write the policy into one file, as a whole or not at all."""
        said = {"method": self.method.dump(), "scenario": self.scenario.dump()}
        write_tensors(Path(path), {**said, "state": self.network_state()})

    def network_state(self) -> dict[str, Tensor]:
        """Tensors of the network, as a training ends with them."""
        return {f"network.{name}": value for name, value in self.network.state_dict().items()}

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The policy of a file; raises ConfigError where it is none."""
        found = read_tensors(Path(path))
        if not isinstance(found, dict) or set(found) != {"method", "scenario", "state"}:
            raise ConfigError(f"{path}: this is no message-passing policy")
        return cls(MessagePolicy.parse(found["method"], str(path)), Scenario.of(found["scenario"]), found["state"])
