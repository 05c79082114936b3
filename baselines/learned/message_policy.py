"""The message-passing policy as a method of comparisons: agents that talk to a few neighbours, late and lossily."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import BITS, NeededKnowledge
from baselines.learned.central import Central, CentralNetwork
from trainers.problems.heard import heard
from trainers.problems.message_network import Heard, MessageNetwork
from trainers.problems.policies import Width
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, CountOrZero, Model
from wirelessenv.large_scale import filled_up
from wirelessenv.layout import Layout
from wirelessenv.messages.activity import Activity
from wirelessenv.messages.knowledge import Knowledge
from wirelessenv.messages.links import Links
from wirelessenv.messages.messaging import Messaging
from wirelessenv.messages.near_graph import in_order
from wirelessenv.messages.near_knowledge import NearKnowledge
from wirelessenv.network import Block
from wirelessenv.physics.loudest import Places, loudest
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
    with_bands = True
    of_lists = True
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
        """Bits of a slot, on average: messages of agents that speak, and how loud each is at a neighbour, who feeds it back."""
        if self.rounds == 0:
            return 0.0
        said = self.rounds * self.floats * self.activity.query.share
        there = self.activity.presence.share * scenario.transmitters
        return float(BITS * there * (said + self.neighbours * scenario.bands))

    def check(self, scenario: Scenario) -> None:
        fewest = min(one.transmitters for one in (scenario, self.trained_on or scenario))
        if self.rounds and self.neighbours >= fewest:
            raise ConfigError(f"neighbours: {self.neighbours} is not valid: an agent of {fewest} has {fewest - 1} others")
        super().check(scenario)

    def powers(self, held: HeldOut, state: dict[str, Any]) -> Doubles:
        if held.warm_up < self.memory:
            raise ConfigError(f"warm_up: {held.warm_up} is not valid: messages take {self.memory} slots until all are used")
        return super().powers(held, state)

    def network(self, scenario: Scenario) -> CentralNetwork:
        return TravellingNetwork(MessageNetwork(self.rounds, self.floats, self.hidden, scenario.bands), self.pace)

    def see(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Heard:
        near = block.near
        mean_gain = filled_up([layout.mean_gain if near is not None else layout.link_gain for layout in layouts])
        neighbours = loudest(mean_gain, min(self.neighbours, scenario.transmitters - 1), near)
        if self.pace == "at_once":
            return heard(scenario, mean_gain, block, neighbours, newest=None, told=0)
        said = self._newest(neighbours.number, block.wanted.shape[1], range(seed, seed + len(layouts)), near is not None)
        return heard(scenario, mean_gain, block, neighbours, newest=said, told=1)

    def practise(self, scenario: Scenario, layouts: Sequence[Layout], block: Block, seed: int) -> Heard:
        method = self
        if self.practice:
            chosen = self.practice[int(stream(seed, "conditions").integers(len(self.practice)))]
            method = self.model_copy(update={"links": chosen.links, "activity": chosen.activity})
        return method.see(scenario, layouts, block, seed)

    def _newest(self, heard_from: Places, slots: int, seeds: Sequence[int], listed: bool) -> Int[np.ndarray, "runs slots m k"]:
        """Slot of the newest message of each neighbour that agents have heard before each slot; -1: none."""
        runs, agents = heard_from.shape[:2]
        messaging = Messaging(activity=self.activity, links=self.links, relay=False)
        messaging.check_agents(agents)
        if listed:
            ends = [in_order(one[one >= 0], np.nonzero(one >= 0)[0], agents) for one in heard_from]
            near = NearKnowledge(messaging, ends, agents, seeds, hops=1)
            place = (near.who[:, :, None] == heard_from[..., None]).argmax(-1)
            newest = np.take_along_axis(near.steps(slots).newest, place[None], -1)
        else:
            links = np.zeros((runs, agents, agents), bool)  # [receiver, sender]
            np.put_along_axis(links, heard_from, True, axis=-1)
            knowledge = Knowledge(messaging, links.swapaxes(1, 2), seeds, counting=False)
            newest = np.take_along_axis(knowledge.steps(slots).newest, heard_from[None], -1)
        return before(np.moveaxis(newest, 0, 1))


def before(newest: Int[np.ndarray, "runs slots m k"]) -> Int[np.ndarray, "runs slots m k"]:
    """Knowledge before every slot, from knowledge at the end of every slot: nothing before the first one."""
    return np.concatenate([np.full_like(newest[:, :1], -1), newest[:, :-1]], axis=1)
