"""What everybody has heard: the newest query time of every agent that every agent knows.

A table entry needs no value. That agent i knows agent l's query of time T[i, l] determines its payload, which is what l
measured at T[i, l]; whoever needs it looks it up as history[T[i, l], l]. So only T is simulated here, and because T does
not depend on what is learned, ages and delays are known before any training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wirelessenv.messages.activity import Trials
from wirelessenv.messages.graph import Links, checked, diameter
from wirelessenv.streams import generator_state, set_generator_state, stream

if TYPE_CHECKING:
    from wirelessenv.scenario import Messaging

UNKNOWN = -1


@dataclass(frozen=True)
class Instant:
    """What happened in one instant of global time, for all runs of a batch."""

    time: int
    queried: NDArray[np.bool_]
    """(runs, m): who measured."""
    updating: NDArray[np.bool_]
    """(runs, m): who updates."""
    newest: NDArray[np.int32]
    """T (runs, m, m): [i, l] is the newest query time of l that i knows at the end of the instant; -1 for none."""
    messages: NDArray[np.int64]
    """(runs,): messages sent, one for each link used, those that are lost included."""
    entries: NDArray[np.int64]
    """(runs,): table entries in them."""
    changed_entries: NDArray[np.int64]
    """(runs,): those of them that are new since the last message over the same link."""


def message_graphs(messaging: "Messaging", agents: int, seeds: Sequence[int], positions: Any = None) -> Links:
    """The strongly connected message graph of every run, (runs, m, m); raises ConfigError where there is none."""
    graphs = []
    for run, seed in enumerate(seeds):
        where = None if positions is None else np.asarray(positions[run])
        graphs.append(checked(messaging.graph.build(agents, stream(seed, "graph"), where)))
    return np.stack(graphs)


def needed_memory(messaging: "Messaging", links: Links) -> int:
    """Diameter times largest delay plus one: how many perturbations an agent keeps when all probabilities are 1."""
    hops = max(diameter(graph) for graph in np.unique(links, axis=0)) if messaging.relay else 1
    return int(hops * messaging.links.delay.largest) + 1


class Knowledge:
    """Evolves T for a batch of runs, one instant a call.

    In an instant t, in this order: agents query (T[i, i] = t); messages that were sent d >= 1 instants ago over a link
    of delay d arrive, carrying what the sender held at the end of instant t - d; messages of delay 0 arrive, carrying
    what the sender holds now. A newer time replaces an older one, never the reverse. With `relay` a message carries all
    that the sender knows (papers/000, Algorithm 2), else its own newest query, sent when it queries (Algorithm 1).
    """

    def __init__(self, messaging: "Messaging", links: Links, seeds: Sequence[int]) -> None:
        """`links` (runs, m, m): see `message_graphs`. All False: nobody hears anybody."""
        runs, agents = links.shape[:2]
        activity = messaging.activity
        self.links = links
        self.time = 0
        self._relay = messaging.relay
        self._delay = messaging.links.delay
        self._query = Trials(activity.query, seeds, "query", (agents,))
        self._update = Trials(activity.update, seeds, "update", (agents,))
        self._transmit = Trials(activity.transmit, seeds, "transmit", (agents, agents))
        self._arrive = Trials(messaging.links.loss.arrival(), seeds, "loss", (agents, agents))
        self._delay_streams = [stream(seed, "delay") for seed in seeds]
        self.newest = np.full((runs, agents, agents), UNKNOWN, np.int32)
        # What is on its way: for each of the last `largest` instants, the tables as they stood at its end and the delay
        # of every message that was sent then and will arrive (-1: none).
        largest = self._delay.largest
        self._tables = np.full((largest + 1, runs, agents, agents), UNKNOWN, np.int32)
        self._travels = np.full((largest + 1, runs, agents, agents), -1, np.int32)
        self._changed_at = np.full((runs, agents, agents), -1, np.int32)
        self._last_sent = np.full((runs, agents, agents), -1, np.int32)
        # The senders that each receiver has, padded to the largest number: (runs, m, most).
        most = max(int(links.sum(1).max()), 1)
        order = np.argsort(~links, axis=1, kind="stable")[:, :most]
        self._senders = np.ascontiguousarray(order.swapaxes(1, 2))
        self._run_index = np.arange(runs)[:, None, None]
        self._receiver_index = np.arange(agents)[None, :, None]
        self._agents = np.arange(agents)

    def step(self) -> Instant:
        """One instant of global time."""
        time, slot = self.time, self.time % len(self._tables)
        queried = self._query.draw()
        own = self.newest[:, self._agents, self._agents]
        self._learn(np.where(queried, time, own), (slice(None), self._agents, self._agents), time)

        sent = self.links & self._transmit.draw()
        if not self._relay:
            sent = sent & queried[:, :, None]
        arrives = sent & self._arrive.draw(where=sent)
        delays = self._delay.draw(self._delay_streams, len(self._agents))
        self._travels[slot] = np.where(arrives, delays, -1)

        for delay in range(1, len(self._tables)):
            past = (time - delay) % len(self._tables)
            self._receive(self._tables[past], self._travels[past] == delay, time)
        held = self.newest
        if self._delay.largest == 0 or (delays == 0).any():
            held = self.newest.copy()
            self._receive(held, self._travels[slot] == 0, time + 1)
        traffic = self._count(sent, held, time)
        self._tables[slot] = self.newest
        self.time += 1
        return Instant(time, queried, self._update.draw(), self.newest, *traffic)

    def _learn(self, times: NDArray[np.int32], where: Any, changed_at: int) -> None:
        changed = self._changed_at[where]
        changed[times > self.newest[where]] = changed_at
        self._changed_at[where] = changed
        self.newest[where] = times

    def _receive(self, tables: NDArray[np.int32], arrives: NDArray[np.bool_], changed_at: int) -> None:
        """Messages with the senders' `tables` arrive over the links where `arrives` is True."""
        heard = arrives[self._run_index, self._senders, self._receiver_index]
        if self._relay:
            told = tables[self._run_index, self._senders]
            told[~heard] = UNKNOWN
            times = np.maximum(told.max(axis=2), self.newest)
        else:
            own = tables[:, self._agents, self._agents]
            told = np.where(arrives, own[:, :, None], UNKNOWN).swapaxes(1, 2)
            times = np.maximum(told, self.newest)
        self._learn(times, slice(None), changed_at)

    def _count(self, sent: Links, held: NDArray[np.int32], time: int) -> tuple[Any, Any, Any]:
        """(messages, entries, changed entries) sent in this instant, each (runs,); who knows nothing sends nothing."""
        axes = (1, 2)
        if not self._relay:
            count = sent.sum(axes)
            self._last_sent[sent] = time
            return count, count, count
        known = (held != UNKNOWN).sum(2)
        entries = (sent * known[:, :, None]).sum(axes)
        messages = (sent & (known > 0)[:, :, None]).sum(axes)
        # An entry is new to a link if it changed after the last message there; what changes later in this instant than
        # the messages leave (delay 0) is stamped with the next.
        last = self._last_sent[self._run_index, self._senders, self._receiver_index]
        changed = self._changed_at[self._run_index, self._senders]
        new = ((changed > last[..., None]) & (changed <= time)).sum(3)
        used = sent[self._run_index, self._senders, self._receiver_index]
        self._last_sent[sent] = time
        return messages, entries, (new * used).sum(axes)

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here, messages on their way included."""
        return {
            "time": self.time,
            "query": self._query.state(),
            "update": self._update.state(),
            "transmit": self._transmit.state(),
            "loss": self._arrive.state(),
            "delay": [generator_state(generator) for generator in self._delay_streams],
            **{name: getattr(self, name).copy() for name in self._ARRAYS},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.time = int(state["time"])
        self._query.set_state(state["query"])
        self._update.set_state(state["update"])
        self._transmit.set_state(state["transmit"])
        self._arrive.set_state(state["loss"])
        for generator, saved in zip(self._delay_streams, state["delay"], strict=True):
            set_generator_state(generator, saved)
        for name in self._ARRAYS:
            setattr(self, name, np.array(state[name]))

    _ARRAYS = ("newest", "_tables", "_travels", "_changed_at", "_last_sent")


def ages(instant: Instant) -> NDArray[np.int32]:
    """How old each entry is, t - T[i, l] (runs, m, m); -1 where nothing is known."""
    return np.where(instant.newest == UNKNOWN, -1, instant.time - instant.newest).astype(np.int32)
