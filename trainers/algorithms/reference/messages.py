"""Messages of agents that measure, one by one: lines 2 to 5 of Algorithms 1 and 2 of Behmandpoor et al. (2024)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trainers.algorithms.reference.draws import Flags, MessageDraws

Entries = dict[int, tuple[int, Any]]
"""For each agent l that something is known of: (T, what l measured at time T)."""


@dataclass
class Messages:
    """The memories of all agents, and the messages on their way."""

    draws: MessageDraws
    relay: bool
    held: list[Entries] = field(default_factory=list)
    travelling: list[tuple[int, int, Entries]] = field(default_factory=list)
    """(instant of arrival, receiver, contents)"""

    def exchange(self, t: int) -> None:
        """Lines 2 to 5: send, receive and keep what is newer, in instant t."""
        for _, receiver, entries in [message for message in self.travelling if message[0] == t]:
            self._take(receiver, entries)  # 3
        self.travelling = [message for message in self.travelling if message[0] > t]
        for delayed in (False, True):  # a message of delay 0 holds what its sender holds now; others, in the end of t
            links = [
                link for link in np.argwhere(self.draws.arrives[t]).tolist() if (self.draws.delay[t][*link] > 0) == delayed
            ]
            leaving = [(t + int(self.draws.delay[t][i, j]), j, self._contents(i)) for i, j in links]  # 2
            self.travelling += [message for message in leaving if delayed]
            for _, receiver, entries in [] if delayed else leaving:
                self._take(receiver, entries)  # 3

    def _contents(self, i: int) -> Entries:
        """Contents of a message of agent i: all that it holds, or its own entry alone."""
        return dict(self.held[i]) if self.relay else {i: self.held[i][i]}

    def _take(self, i: int, entries: Entries) -> None:
        for about, entry in entries.items():
            if about not in self.held[i] or entry[0] > self.held[i][about][0]:
                self.held[i][about] = entry  # 4; 5: else the entry held stays


def counted(graph: Flags, most_hops: int | None, uses: Flags | None) -> list[list[bool]]:
    """Say whose queries count in an agent's update.

    Args:
        graph: who sends to whom, (sender, receiver).
        most_hops: agents from which messages need more hops are left out; None: nobody is.
        uses: N_rx, whose queries l agent i uses, (i, l); None: everybody's.

    Returns:
        [i][l]: True where agent i uses the queries of l.
    """
    agents = range(len(graph))
    near = [[most_hops is None or _hops(graph, other, i) <= most_hops for other in agents] for i in agents]
    return [[near[i][other] and (uses is None or bool(uses[i, other])) for other in agents] for i in agents]


def _hops(graph: Flags, sender: int, receiver: int) -> int:
    """Number of links that a message needs from a sender to a receiver."""
    reached, hops = {sender}, 0
    while receiver not in reached:
        reached |= {there for here in reached for there in np.flatnonzero(graph[here]).tolist()}
        hops += 1
    return hops
