"""The message-passing policy as a method of comparisons: agents that talk to a few neighbours, late and lossily."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import BITS, NeededKnowledge
from baselines.learned.central import Central, CentralNetwork
from baselines.learned.message_network import Heard, MessageNetwork
from trainers.problems.policies import Width
from wirelessenv.arrays import Doubles, Floats
from wirelessenv.config import ConfigError, Count, CountOrZero, Model
from wirelessenv.layout import Layout
from wirelessenv.messages.activity import Activity
from wirelessenv.messages.knowledge import Knowledge
from wirelessenv.messages.links import Links
from wirelessenv.messages.messaging import Messaging
from wirelessenv.network import Block
from wirelessenv.scenario import Scenario
from wirelessenv.streams import stream

Pace = Annotated[
    Literal["at_once", "slot_late", "round_a_slot"],
    Field(
        description="at_once: all rounds within a slot, on its channels, before its powers; slot_late: all rounds within a "
        "slot, for the powers of a later one; round_a_slot: each round waits for messages of the one before, as in environments"
    ),
]


class Conditions(Model):
    """Links and activity, under which messages travel."""

    links: Links = Field(
        Links.parse({"delay": 0}), description="how much later messages are than the pace makes them, and loss"
    )
    activity: Activity = Field(Activity(), description="query: the chance that an agent says something new in a slot")


class TravellingNetwork(CentralNetwork):
    """The message network, whose messages are as late as the pace and the links make them."""

    def __init__(self, network: MessageNetwork, pace: str) -> None:
        super().__init__()
        self.network, self._pace = network, pace

    def fit(self, seen: Heard) -> None:
        self.network.fit(seen)

    def forward(self, seen: Heard) -> Tensor:
        if self._pace != "slot_late":
            return self.network.run(seen)[0]
        _, sent = self.network.run(seen.at_once())
        return self.network.run(seen, sent)[0]


class MessagePolicy(Central):
    """One network for all agents, trained through the rate, whose messages travel among `neighbours` of each agent."""

    kind: Literal["message_policy"] = "message_policy"
    steps: Count = 3000
    rounds: Annotated[CountOrZero, Field(le=100)] = Field(2, description="of messages; 0: nobody says anything")
    floats: Annotated[Count, Field(le=1000)] = Field(2, description="numbers in the message of a round")
    neighbours: Count = Field(4, description="agents that an agent hears from: those with the loudest mean gains, both ways")
    hidden: Width = Field(32, description="numbers in a node")
    pace: Pace = "at_once"
    links: Links = Field(
        Links.parse({"delay": 0}), description="how much later messages are than the pace makes them, and loss"
    )
    activity: Activity = Field(Activity(), description="query: the chance that an agent says something new in a slot")
    practice: tuple[Conditions, ...] = Field(
        (), description="links and activities that it is trained for, one of them in each step; none: its own alone"
    )

    @model_validator(mode="after")
    def _at_once_is_at_once(self) -> Self:
        free = all(one == Conditions() for one in (Conditions(links=self.links, activity=self.activity), *self.practice))
        if self.pace == "at_once" and not free:
            raise ValueError('pace: "at_once" is not valid with delay, loss or sleep: take slot_late or round_a_slot')
        return self

    @property
    def across(self) -> bool:
        return True

    @property
    def knows(self) -> NeededKnowledge:
        return "neighbours" if self.rounds else "own channel"

    @property
    def training(self) -> dict[str, Any]:
        own = ("links", "activity") if self.practice else ()
        return {name: value for name, value in self.dump().items() if name not in own}

    def _late(self, *links: Links) -> int:
        """Slots until messages of all rounds have been used, at most, where none is lost."""
        if self.pace == "at_once":
            return 0
        return (1 + max(one.delay.largest for one in links)) * (self.rounds if self.pace == "round_a_slot" else 1)

    @property
    def unheard(self) -> int:
        return self._late(*(one.links for one in self.practice or (self,)))

    @property
    def memory(self) -> int:
        return self._late(self.links)

    def bits(self, scenario: Scenario) -> float:
        """Bits of a slot: every agent's messages, and how loud it is at each neighbour, which that one feeds back."""
        if self.rounds == 0:
            return 0.0
        return float(BITS * scenario.transmitters * (self.rounds * self.floats + self.neighbours))

    def check(self, scenario: Scenario) -> None:
        fewest = min(one.transmitters for one in (scenario, self.trained_on or scenario))
        if self.rounds and self.neighbours >= fewest:
            raise ConfigError(f"neighbours: {self.neighbours} is not valid: an agent of {fewest} has {fewest - 1} others")

    def powers(self, held: HeldOut, state: dict[str, Any]) -> Doubles:
        if held.warm_up < self.memory:
            raise ConfigError(f"warm_up: {held.warm_up} is not valid: messages take {self.memory} slots until all are used")
        return super().powers(held, state)

    def network(self, scenario: Scenario) -> CentralNetwork:
        return TravellingNetwork(MessageNetwork(self.rounds, self.floats, self.hidden), self.pace)

    def see(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Heard:
        mean_gain = np.stack([layout.link_gain for layout in layouts])
        heard_from = loudest(mean_gain, min(self.neighbours, scenario.transmitters - 1))
        said = None
        if self.pace != "at_once":
            said = self._newest(heard_from, block.wanted.shape[1], range(seed, seed + len(layouts)))
        return heard(scenario, mean_gain, block, heard_from, newest=said, told=0 if self.pace == "at_once" else 1)

    def practise(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Heard:
        method = self
        if self.practice:
            chosen = self.practice[int(stream(seed, "conditions").integers(len(self.practice)))]
            method = self.model_copy(update={"links": chosen.links, "activity": chosen.activity})
        return method.see(scenario, layouts, block, seed)

    def _newest(self, heard_from: Int[np.ndarray, "runs m k"], slots: int, seeds: Sequence[int]) -> Any:
        """[t, i, j]: slot of the newest message of j that i has heard before slot t, (runs, slots, m, m); -1: none."""
        runs, agents = heard_from.shape[:2]
        links = np.zeros((runs, agents, agents), bool)  # [receiver, sender]
        np.put_along_axis(links, heard_from, True, axis=-1)
        messaging = Messaging(activity=self.activity, links=self.links, relay=False)
        newest = Knowledge(messaging, links.swapaxes(1, 2), seeds, counting=False).steps(slots).newest
        return before(np.moveaxis(newest, 0, 1))


def before(newest: Int[np.ndarray, "runs slots m m"]) -> Int[np.ndarray, "runs slots m m"]:
    """Knowledge before every slot, from knowledge at the end of every slot: nothing before the first one."""
    return np.concatenate([np.full_like(newest[:, :1], -1), newest[:, :-1]], axis=1)


def loudest(mean_gain: Floats, neighbours: int) -> Int[np.ndarray, "runs m k"]:
    """The neighbours of every agent: those with the largest sums of both mean gains, loudest first.

    Args:
        mean_gain: (runs, m, m), [receiver, transmitter].
        neighbours: the number k.

    Returns:
        Their numbers, (runs, m, k).
    """
    loudness = mean_gain + mean_gain.swapaxes(1, 2)
    loudness = np.where(np.eye(mean_gain.shape[-1], dtype=bool), -1.0, loudness)
    return np.argsort(-loudness, axis=-1, kind="stable")[..., :neighbours]


def heard(
    scenario: Scenario,
    mean_gain: Floats,
    block: Block,
    neighbour: Int[np.ndarray, "runs m k"],
    *,
    newest: Int[np.ndarray, "runs slots m m"] | None,
    told: int,
) -> Heard:
    """All that agents see and hear in the slots of a block.

    Args:
        scenario: of the networks.
        mean_gain: of their layouts, (runs, m, m), [receiver, transmitter].
        block: their slots.
        neighbour: numbers of the agents that each agent hears from.
        newest: slot of the newest message of agent j that agent i has heard before slot t, [t, i, j]; -1: none; None: all
            messages of a slot arrive in it.
        told: slots ago in which neighbours have measured how loud the agent is.

    Returns:
        The inputs of the network.
    """
    runs, slots, agents = block.wanted.shape
    snr = np.float32(scenario.max_power / scenario.noise)
    run, slot = np.arange(runs)[:, None, None, None], np.arange(slots)[:, None, None]
    itself, other = np.arange(agents)[:, None], neighbour[:, None]
    off = mean_gain * (1 - np.eye(agents, dtype=np.float32))
    ever = np.stack([np.einsum("rii->ri", mean_gain), off.sum(2), off.sum(1)], axis=-1)
    now = np.stack([block.wanted, block.cross.sum(-1)], axis=-1)
    nodes = np.concatenate([now, np.broadcast_to(ever[:, None], (runs, slots, *ever.shape[1:]))], axis=-1)
    here = block.gain[run, slot, itself, other]
    there = block.gain[run, np.maximum(slot - told, 0), other, itself] * (slot >= told)
    means = (mean_gain[run, itself, other], mean_gain[run, other, itself])
    edges = np.stack([here, there, *(np.broadcast_to(mean, here.shape) for mean in means)], axis=-1)
    said = np.broadcast_to(slot, here.shape) if newest is None else newest[run, slot, itself, other].astype(np.intp)
    ages = np.where(said >= 0, slot - said, 0).astype(np.float32)
    arrays = (np.log1p(nodes * snr), np.log1p(edges * snr), neighbour, said, ages)
    return Heard(*(torch.from_numpy(np.ascontiguousarray(one)) for one in arrays))
