"""Random draws of a messaging for one run: who queries, updates and sends when, and what is lost or late."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wirelessenv.messages.activity import Trials
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.scenario import Messaging
from wirelessenv.streams import stream

Flags = NDArray[np.bool_]


class MessageDraws(NamedTuple):
    """All events of one run; of m agents, i sends to j."""

    graph: Flags
    """(m, m): True for a link from i to j."""
    queries: Flags
    """(instants, m)"""
    updates: Flags
    """(instants, m)"""
    sent: Flags
    """(instants, m, m): True where i sends to j, be it lost or not."""
    arrives: Flags
    """(instants, m, m): True where it is not lost."""
    delay: NDArray[np.int64]
    """(instants, m, m): after how many instants it arrives."""


def message_draws(
    messaging: Messaging,
    agents: int,
    seed: int,
    instants: int,
    *,
    senders: Literal["all", "querying", "updating"] | Flags = "all",
    positions: Any = None,
) -> MessageDraws:
    """All events of a run in one go, from the random streams that a messaging names everywhere.

    Args:
        messaging: graph, activity, delays and losses.
        agents: m.
        seed: of the run.
        instants: how many there are.
        senders: the agents that may send in an instant: all, those that query in it, or those that update in it; or the
            links over which they may, (instants, m, m).
        positions: where the agents stand, (m, 2) in metres, if the graph asks for it.

    Returns:
        What happens in each instant.
    """
    graph = message_graphs(messaging, agents, [seed], None if positions is None else [positions])[0]
    queries = Trials(messaging.activity.query, [seed], "query", (agents,)).draw(instants)
    updates = Trials(messaging.activity.update, [seed], "update", (agents,)).draw(instants)
    there = Trials(messaging.activity.presence, [seed], "presence", (agents,)).draw(instants)
    queries, updates = queries & there, updates & there
    if isinstance(senders, str):
        speaking = {"all": np.ones_like(queries), "querying": queries, "updating": updates}[senders]
        may_send = np.repeat(speaking[..., None], agents, axis=-1)
    else:
        may_send = senders[:, None]
    transmits = Trials(messaging.activity.transmit, [seed], "transmit", (agents, agents)).draw(instants, where=may_send)
    sent = graph & may_send & there[..., None] & transmits
    arrives = (
        sent
        & Trials(messaging.links.loss.arrival(), [seed], "loss", (agents, agents)).draw(instants, where=sent)
        & there[:, :, None]
    )
    delay = np.broadcast_to(messaging.links.delay.draw([stream(seed, "delay")], instants, agents), arrives.shape)
    return MessageDraws(graph, queries[:, 0], updates[:, 0], sent[:, 0], arrives[:, 0], delay[:, 0])
