"""Messages in environments: the channel that an episode begins with, and the part of it that observations show."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from wirelessenv.envs.settings import Settings
from wirelessenv.layout import Layout, draw_layout
from wirelessenv.messages.channel import MessageChannel
from wirelessenv.messages.knowledge import Knowledge, message_graphs
from wirelessenv.messages.near_knowledge import NearKnowledge, message_ends
from wirelessenv.network import WirelessNetwork
from wirelessenv.physics.loudest import Loudest
from wirelessenv.physics.neighbours import NeighbourLists


def refuse_unfit(settings: Settings) -> None:
    """Refuse, before the first reset, messages that do not fit the scenario's own layout.

    Args:
        settings: of an environment with messages.

    Raises:
        ConfigError: where there is no such message graph.
    """
    scenario = settings.scenario
    layout = draw_layout(scenario, scenario.layout_seed)
    if layout.near is None:
        seed, gains = scenario.layout_seed, [layout.link_gain]
        message_graphs(settings.messaging, scenario.transmitters, [seed], [layout.transmitters], mean_gains=gains)
    else:
        near = NeighbourLists(scenario.transmitters, [(layout.near.receiver, layout.near.transmitter)])
        message_ends(settings.messaging, [layout.transmitters], near, [layout.mean_gain])


def message_channel(settings: Settings, network: WirelessNetwork, instants_at_once: int) -> MessageChannel:
    """The channel of an episode's messages.

    Args:
        settings: of an environment with messages.
        network: at the beginning of the episode.
        instants_at_once: instants that are worked out together, at most.

    Returns:
        The channel, over which nothing was sent.

    Raises:
        ConfigError: where there is no message graph, or it does not fit the memory.
    """
    scenario, messaging, fixed = settings.scenario, settings.messaging, settings.scenario.layout == "fixed"
    layouts: list[Layout] = network.layouts
    where = [layout.transmitters for layout in layouts]
    knowledge: Knowledge | NearKnowledge
    if network.near is not None:
        ends = message_ends(messaging, where, network.near, [layout.mean_gain for layout in layouts])
        hops, episode = settings.most_hops or 1, network.episode
        knowledge = NearKnowledge(
            messaging, ends, scenario.transmitters, network.seeds, hops=hops, episode=episode, counting=False
        )
    else:
        seeds = [scenario.layout_seed] * network.runs if fixed else network.seeds
        gains = [layout.link_gain for layout in layouts]
        graphs = message_graphs(
            messaging, scenario.transmitters, seeds, where, 0 if fixed else network.episode, mean_gains=gains
        )
        knowledge = Knowledge(messaging, graphs, network.seeds, episode=network.episode, counting=False)
    return MessageChannel(knowledge, settings.message_width, most_instants=instants_at_once)


class Shown(NamedTuple):
    """The part of what agents know that their observations show: their own messages, and those of their loudest neighbours."""

    place: Int[np.ndarray, "runs m shown"]
    """places in the channel's tables; 0 of those of whom nothing can be heard"""
    there: Bool[np.ndarray, "runs m shown"]
    """False for those of whom nothing can be heard, and where there is nobody"""

    @classmethod
    def of(cls, channel: MessageChannel, loudest: Loudest, neighbours: int) -> "Shown":
        """The part of a channel that is shown.

        Args:
            channel: of messages.
            loudest: the neighbours of every agent.
            neighbours: how many of these are shown.

        Returns:
            Its places.
        """
        runs, agents = loudest.number.shape[:2]
        itself = np.broadcast_to(np.arange(agents)[:, None], (runs, agents, 1))
        wanted = np.concatenate([itself, loudest.number[..., :neighbours]], axis=-1)
        found = channel.who[:, :, None] == wanted[..., None]
        return cls(found.argmax(-1), found.any(-1))

    def messages(self, values: Float[np.ndarray, "runs m places size"]) -> Float[np.ndarray, "runs m shown size"]:
        """Values of those shown; 0 where nothing can be heard."""
        return np.where(self.there[..., None], np.take_along_axis(values, self.place[..., None], 2), np.float32(0))

    def ages(self, ages: Float[np.ndarray, "runs m places"]) -> Float[np.ndarray, "runs m shown"]:
        """Ages of those shown; -1 where nothing can be heard."""
        return np.where(self.there, np.take_along_axis(ages, self.place, 2), np.float32(-1))
