"""Knowledge that agents need, and numbers that they are sent, to observe the parts of an observation."""

from baselines.comparison.methods import NeededKnowledge
from wirelessenv.envs.observations import (
    Aggregation,
    Edges,
    Full,
    Gain,
    Incoming,
    Local,
    Neighbours,
    Observation,
    Outgoing,
    Weight,
)
from wirelessenv.scenario import Scenario


def knowledge_for(part: Observation) -> NeededKnowledge:
    """The knowledge that an agent needs to observe this part."""
    if isinstance(part, Local | Gain | Incoming | Weight) or (isinstance(part, Outgoing) and part.source == "mean"):
        return "own channel"
    return "everything" if isinstance(part, Full) else "neighbours"


def sent_for(part: Observation, scenario: Scenario) -> int:
    """Numbers that agents send each other in a slot so that all can observe a part.

    Args:
        part: of the observation.
        scenario: of the network.

    Returns:
        How many, of all agents together.
    """
    agents, bands = scenario.transmitters, scenario.bands
    if isinstance(part, Aggregation):
        return bands * agents * (scenario.hops - 1)
    if isinstance(part, Neighbours):  # the rates of interferers, in two slots; channel, rate and noise of those disturbed
        return bands * agents * 5 * min(part.strongest, agents - 1)
    if isinstance(part, Edges | Outgoing) and part.source != "mean":
        return bands * agents * (agents - 1)  # every receiver tells every other transmitter how loud it is; means are told once
    return bands * (agents**2 + agents) if isinstance(part, Full) else 0
