"""The exchange of messages as one configuration: `Messaging`. Its counterpart for the radio is scenario.py.

>>> Messaging(graph={"kind": "block", "kappa": 6}, activity={"update": 0.9, "transmit": 0.9}).links.delay.largest
1
"""

from typing import Any, Self

from pydantic import Field, model_validator

from wirelessenv.messages.activity import Activity
from wirelessenv.messages.graph import BlockGraph, CompleteGraph, Graph
from wirelessenv.messages.links import Links
from wirelessenv.presets import MESSAGINGS, PresetModel


class Messaging(PresetModel):
    """The exchange of messages: a graph of senders and receivers, the activity of agents, delay and loss on links.

    Probabilities, longest silences, instants and constant delays may be lists, with each agent's own.

    With `relay` agents pass on all they know (Behmandpoor et al., 2024, Algorithm 2), else their own queries only (Algorithm
    1).
    """

    graph: Graph = Field(BlockGraph(), description="who may send to whom")
    activity: Activity = Field(default_factory=Activity, description="in which instants agents measure, learn and send")
    links: Links = Field(default_factory=Links, description="how late messages are, and how many are lost")
    relay: bool = Field(True, strict=True, description="agents pass on all that they know; false: their own queries alone")

    @classmethod
    def presets(cls) -> dict[str, dict[str, Any]]:
        return MESSAGINGS

    @model_validator(mode="after")
    def _no_delay_needs_no_relay(self) -> Self:
        # Without delay "what the sender held" would depend on the order in which the agents are visited; where all hear all
        # at once, nothing needs to be relayed.
        delay = self.links.delay
        if self.relay and delay.smallest == 0 and (delay.largest > 0 or not isinstance(self.graph, CompleteGraph)):
            raise ValueError(
                "links.delay: 0 is not valid: relayed messages need a delay of at least 1, or none ever on a complete graph"
            )
        return self

    def check_agents(self, agents: int) -> None:
        """Refuse lists of values that are not one for each agent.

        Args:
            agents: the number m.

        Raises:
            ConfigError: naming the list.
        """
        for name in ("query", "update", "transmit", "presence"):
            getattr(self.activity, name).check_agents(f"activity.{name}", agents)
        self.links.delay.check_agents(agents)
