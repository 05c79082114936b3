"""Knowledge of agents of others near them: entries of agents at most some hops away, kept and passed on.

Tables of all agents, as of `Knowledge`, grow with the square of their number; these grow with the number of agents near each.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from wirelessenv.memory import check_room, part
from wirelessenv.messages.activity import Trials
from wirelessenv.messages.knowledge import UNKNOWN, Instants
from wirelessenv.messages.messaging import Messaging
from wirelessenv.messages.near_graph import Ends, heard_of, refuse_unconnected
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import generator_state, set_generator_state, stream

ENTRIES_AT_ONCE = 2**22
"""Entries of tables that are worked out ahead, at most."""


class NearKnowledge:
    """Evolves T[i, k], the newest query time of agent `who[i, k]` that agent i has heard of, for a batch of runs.

    Entries of agents more than `hops` away are neither kept nor passed on, so that messages stay short. Where all messages
    arrive after the same delay, T is that of `Knowledge`; where some are lost or overtaken, an entry cannot come by a detour
    through somebody more than `hops` away from its agent. Without relay agents hear the queries of their neighbours alone
    (Behmandpoor et al., 2024, Algorithm 1). Links draw from streams of their own, in order of receivers and senders.
    """

    def __init__(
        self,
        messaging: Messaging,
        ends: Sequence[Ends],
        agents: int,
        seeds: Sequence[int],
        *,
        hops: int,
        episode: int = 0,
        counting: bool = True,
    ) -> None:
        """Begin an episode in which nobody has heard anything.

        Args:
            messaging: activity, links, and whether agents relay.
            ends: links of the message graph of every run; none: nobody hears anybody.
            agents: the number m.
            seeds: one for each run.
            hops: links on the way of an entry, at most.
            episode: whose random streams are drawn from.
            counting: count messages and entries, which takes time.
        """
        runs, activity, self._relay = len(ends), messaging.activity, messaging.relay
        pairs = [heard_of(one, agents, hops if self._relay else 1) for one in ends]
        self._ends = Ends(*(np.concatenate([one[end] + run * agents for run, one in enumerate(ends)]) for end in (0, 1)))
        self._of_run = np.repeat(np.arange(runs), [len(one.sender) for one in ends])
        self._counts = [len(one.sender) for one in ends]
        many = [np.bincount(one.receiver, minlength=agents) for one in pairs]
        places = max(int(one.max()) for one in many)
        self.shape = runs, agents, places
        """(runs, m, places)"""
        self.who: Int[np.ndarray, "runs m places"] = np.zeros(self.shape, np.int64)
        """Numbers of the agents that each agent hears of, by number, itself among them; 0 in empty places."""
        self.there = np.arange(places) < np.stack(many)[..., None]
        """False in empty places, (runs, m, places)."""
        for run, one in enumerate(pairs):
            place = np.arange(len(one.receiver)) - np.searchsorted(one.receiver, one.receiver)
            self.who[run, one.receiver, place] = one.sender
        self._triples(pairs, agents)
        self._query = Trials(activity.query, seeds, "query", (agents,), episode)
        self._update = Trials(activity.update, seeds, "update", (agents,), episode)
        self._presence = None if activity.presence.certain else Trials(activity.presence, seeds, "presence", (agents,), episode)
        each, arrival = list(zip(seeds, self._counts, strict=True)), messaging.links.loss.arrival()
        self._transmit = [
            Trials(activity.transmit, [seed], "transmit", (count,), episode, senders=one.sender)
            for (seed, count), one in zip(each, ends, strict=True)
        ]
        self._arrive = [Trials(arrival, [seed], "loss", (count,), episode) for seed, count in each]
        self._delay, self._delay_streams = messaging.links.delay, [stream(seed, "delay", episode) for seed in seeds]
        past, size = max(self._delay.largest, 1), runs * agents * places
        near = ("agents near each, of which a smaller most_hops leaves", places)
        check_room(part(8 * past, ("transmitters", runs * agents), near))
        self.time, self._counting = 0, counting
        self.max_age, self.messages = np.full(runs, -1), np.zeros(runs, np.int64)
        self.entries, self.changed_entries = self.messages.copy(), self.messages.copy()
        self._tables = np.full((past, size), UNKNOWN, np.int32)
        self._travels = np.full((past, len(self._ends.sender)), -1, np.int32)
        self._changed_at = np.full(size, -1, np.int32)
        self._last_sent = np.full(len(self._ends.sender), -1, np.int32)

    def _triples(self, pairs: Sequence[Ends], agents: int) -> None:
        """Prepare line 4: which entries of which senders may replace each entry, and over which links."""
        runs, _, places = self.shape
        known = Ends(*(np.concatenate([one[end] + run * agents for run, one in enumerate(pairs)]) for end in (0, 1)))
        begins = np.searchsorted(known.receiver, np.arange(runs * agents + 1))
        slot = known.receiver * places + np.arange(len(known.receiver)) - begins[known.receiver]  # of each entry in the table
        key = known.receiver * (runs * agents) + known.sender  # sorted
        self._own = slot[known.receiver == known.sender]
        sender, receiver = self._ends
        many = np.diff(begins)[sender] if self._relay else np.ones(len(sender), np.int64)
        link = np.repeat(np.arange(len(sender)), many)
        if self._relay:
            told = begins[sender][link] + np.arange(len(link)) - np.repeat(np.cumsum(many) - many, many)
        else:
            told = np.searchsorted(key, sender * (runs * agents + 1))
        self._told_link, self._told_slot = link, slot[told]
        wanted = receiver[link] * (runs * agents) + known.sender[told]
        at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        kept = key[at] == wanted
        order = np.argsort(at[kept], kind="stable")
        self._from, self._over = slot[told[kept]][order], link[kept][order]
        into = at[kept][order]
        first = np.append(True, np.diff(into) > 0) if into.size else np.zeros(0, bool)
        self._starts, self._into = np.flatnonzero(first), slot[into[first]]

    def steps(self, instants: int) -> Instants:
        """The next instants of global time."""
        runs, agents, places = self.shape
        queried, updating = self._query.draw(instants), self._update.draw(instants)
        there = None if self._presence is None else self._presence.draw(instants)
        if there is not None:
            queried, updating = queried & there, updating & there
        past = len(self._tables)
        sent, arrives, delays = self._links_of(instants, queried, there)
        travels = np.concatenate([self._travels, np.where(arrives, delays, -1).astype(np.int32)])
        tables = np.concatenate([self._tables, np.empty((instants, runs * agents * places), np.int32)])
        counts = np.zeros((3, instants, runs), np.int64)
        for new in range(instants):
            self._evolve(tables, travels, past + new, queried[new].ravel())
            if self._counting:
                counts[:, new] = self._count(tables, past + new, sent[new])
            self.time += 1
        self._tables, self._travels = tables[-past:].copy(), travels[-past:].copy()
        times = np.arange(self.time - instants, self.time, dtype=np.int32)
        newest = tables[past:].reshape(instants, *self.shape)
        oldest = np.where(newest == UNKNOWN, -1, times[:, None, None, None] - newest).max((2, 3))
        np.maximum(self.max_age, oldest.max(0), out=self.max_age)
        self.messages += counts[0].sum(0)
        self.entries += counts[1].sum(0)
        self.changed_entries += counts[2].sum(0)
        return Instants(times, queried, updating, newest, oldest, *counts)

    def horizon(self) -> int:
        """The oldest query time that somebody holds, or that is on its way; `time` where there is none."""
        known = self._tables[self._tables != UNKNOWN]
        return int(known.min()) if known.size else self.time

    def on_their_way(self) -> list[tuple[int, int, int, int, int]]:
        """The messages that have not arrived: (run, sender, receiver, instant in which it was sent, delay) of each."""
        when, link = np.nonzero(self._travels >= np.arange(len(self._travels), 0, -1)[:, None])  # seen from the next instant
        ends = (end[link] % self.shape[1] for end in self._ends)
        rows = (self._of_run[link], *ends, self.time - len(self._travels) + when, self._travels[when, link])
        return [tuple(map(int, row)) for row in zip(*rows, strict=True)]  # type: ignore[misc]  # five, as zipped

    def _links_of(
        self, instants: int, queried: NDArray[np.bool_], there: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Any]:
        """Marks of the messages that are sent and that arrive, and how late, (instants, links) of all runs."""
        sent, arrives, delays, first = [], [], [], 0
        for run, count in enumerate(self._counts):
            own = slice(first, first + count)
            sender = self._ends.sender[own] - run * self.shape[1]
            may_send = np.ones((instants, 1, count), bool) if self._relay else queried[:, run][:, None, sender]
            if there is not None:
                may_send = may_send & there[:, run][:, None, sender]
            sent.append((may_send & self._transmit[run].draw(instants, where=may_send))[:, 0])
            arrives.append(sent[-1] & self._arrive[run].draw(instants, where=sent[-1][:, None])[:, 0])
            if there is not None:
                arrives[-1] &= there[:, run][:, self._ends.receiver[own] - run * self.shape[1]]
            delays.append(self._delay.draw_links(self._delay_streams[run], instants, sender))
            first += count
        return np.concatenate(sent, 1), np.concatenate(arrives, 1), np.concatenate(delays, 1)

    def _evolve(self, tables: NDArray[np.int32], travels: NDArray[np.int32], now: int, queried: NDArray[np.bool_]) -> None:
        """Lines 1 to 5 of one instant."""
        table = tables[now]
        table[:] = tables[now - 1]  # 5
        table[self._own[queried]] = self.time  # 1: {r_i^t, i, t} is kept
        if not self._starts.size:
            return
        for delay in range(self._delay.largest, self._delay.smallest - 1, -1):
            arriving = travels[now - delay] == delay
            told = (table if delay == 0 else tables[now - delay])[self._from]
            if not arriving.all():
                told[~arriving[self._over]] = UNKNOWN
            told = np.maximum.reduceat(told, self._starts)  # 3
            table[self._into] = np.maximum(table[self._into], told)  # 4

    def _count(self, tables: NDArray[np.int32], now: int, sent: NDArray[np.bool_]) -> tuple[Any, Any, Any]:
        """(messages, entries, changed entries) of an instant, each (runs,); who knows nothing sends nothing."""
        runs, _, places = self.shape
        changed = tables[now] != tables[now - 1]
        self._changed_at[changed] = self.time
        if not self._relay:
            messages = np.bincount(self._of_run[sent], minlength=runs)
            return messages, messages, messages
        known = np.count_nonzero(tables[now].reshape(-1, places) != UNKNOWN, axis=1)[self._ends.sender] * sent
        if sent.all() and (self._last_sent == self.time - 1).all():  # all that is new is new to every link
            new = np.count_nonzero(changed.reshape(-1, places), axis=1)[self._ends.sender]
        else:
            later = self._changed_at[self._told_slot] > self._last_sent[self._told_link]
            new = np.bincount(self._told_link, later, minlength=len(sent)).astype(np.int64) * sent
        self._last_sent[sent] = self.time
        per_run = (np.bincount(self._of_run, one, minlength=runs).astype(np.int64) for one in (known > 0, known, new))
        return tuple(per_run)  # type: ignore[return-value]  # three

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here, messages on their way included."""
        return {
            "query": self._query.state(),
            "update": self._update.state(),
            "transmit": [one.state() for one in self._transmit],
            "loss": [one.state() for one in self._arrive],
            "delay": [generator_state(generator) for generator in self._delay_streams],
            **({} if self._presence is None else {"presence": self._presence.state()}),
            **{name: copy(getattr(self, name)) for name in self._STATE},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        for name in ("max_age", "_tables", "_changed_at", "_last_sent"):
            refuse_outside(name, state[name], -1, state["time"])
        for name in ("time", "messages", "entries", "changed_entries"):
            refuse_outside(name, state[name], 0)
        refuse_outside("_travels", state["_travels"], -1, self._delay.largest)
        self._query.set_state(state["query"])
        self._update.set_state(state["update"])
        if self._presence is not None:
            self._presence.set_state(state["presence"])
        for own, name in ((self._transmit, "transmit"), (self._arrive, "loss")):
            for one, saved in zip(own, state[name], strict=True):
                one.set_state(saved)
        for generator, saved in zip(self._delay_streams, state["delay"], strict=True):
            set_generator_state(generator, saved)
        for name in self._STATE:
            setattr(self, name, copy(state[name]))

    _STATE = ("time", "max_age", "messages", "entries", "changed_entries", "_tables", "_travels", "_changed_at", "_last_sent")


def message_ends(
    messaging: Messaging, positions: Sequence[NDArray[np.float64]], lists: NeighbourLists, gains: Sequence[NDArray[np.floating]]
) -> list[Ends]:
    """The links of the message graph of every run, for networks whose faint links are cut.

    Args:
        messaging: the configuration, of which the graph counts here.
        positions: the transmitters', (m, 2) of every run.
        lists: of the radio links that are not cut, `NeighbourLists`.
        gains: E|h|^2 of these, (links,) of every run.

    Returns:
        Links of strongly connected graphs.

    Raises:
        ConfigError: where there is none, the graph has no lists, or settings do not have one value for each agent.
    """
    agents, found = lists.agents, []
    messaging.check_agents(agents)
    for run, (places, gain) in enumerate(zip(positions, gains, strict=True)):
        receiver, transmitter = (end.astype(np.int64) for end in lists.ends(run))
        apart = receiver != transmitter
        one, other = np.append(receiver[apart], transmitter[apart]), np.append(transmitter[apart], receiver[apart])
        key, at = np.unique(one * agents + other, return_inverse=True)
        loudness = np.bincount(at, np.tile(gain[apart].astype(np.float64), 2), minlength=len(key)).astype(float)
        ends = messaging.graph.ends(agents, places, (*np.divmod(key, agents), loudness))
        refuse_unconnected(ends, agents)
        found.append(ends)
    return found
