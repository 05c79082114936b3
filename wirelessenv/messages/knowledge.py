"""Knowledge of agents: the newest query time of every agent that every agent has heard of.

A table entry needs no value. That agent i knows agent l's query of time T[i, l] determines its payload, which is what l
measured at T[i, l]; whoever needs it looks it up as history[T[i, l], l]. So only T is simulated here, and because T does
not depend on what is learned, ages and delays are known before any training.
"""

from collections.abc import Sequence
from copy import copy
from math import ceil, log2
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int32, Int64
from numpy.typing import NDArray

from wirelessenv.memory import Part, check_room, part, room_for
from wirelessenv.messages.activity import Trials
from wirelessenv.messages.graph import StrongestGraph, checked, diameter
from wirelessenv.messages.messaging import Messaging
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import generator_state, set_generator_state, stream

Counts = Int64[np.ndarray, "instants runs"]
"""A number for each instant of each run."""
UNKNOWN = -1
LAST_INSTANT = 2**31 - 2**20
"""Last instant that 32 bits hold, with room for instants that are worked out ahead."""


class Instants(NamedTuple):
    """Record of consecutive instants of global time, for all runs of a batch."""

    times: Int32[np.ndarray, " instants"]
    """(instants,)"""
    queried: Bool[np.ndarray, "instants runs m"]
    """(instants, runs, m): True for agents that measured."""
    updating: Bool[np.ndarray, "instants runs m"]
    """(instants, runs, m): True for agents that update."""
    newest: Int32[np.ndarray, "instants runs m m"]
    """T (instants, runs, m, m): [i, l] is the newest query time of l that i knows at the end of the instant; -1: none."""
    oldest: Int32[np.ndarray, "instants runs"]
    """(instants, runs): the largest age t - T[i, l] among the entries that are known; -1 where none is."""
    messages: Counts
    """(instants, runs): messages sent, one for each link used, those that are lost included."""
    entries: Counts
    """(instants, runs): table entries in them."""
    changed_entries: Counts
    """(instants, runs): entries that are new since the last message over the same link."""


def message_graphs(
    messaging: Messaging,
    agents: int,
    seeds: Sequence[int],
    positions: Sequence[Float[np.ndarray, "m 2"]] | Float[np.ndarray, "runs m 2"] | None = None,
    episode: int = 0,
    *,
    mean_gains: Sequence[Float[np.ndarray, "m m"]] | None = None,
) -> Bool[np.ndarray, "runs m m"]:
    """The strongly connected message graph of every run.

    Args:
        messaging: the configuration, of which the graph counts here.
        agents: the number m.
        seeds: one for each run.
        positions: the transmitters', (runs, m, 2), or None.
        episode: the episode whose random stream is drawn from.
        mean_gains: of every run's layout, (m, m), or None where nobody knows them.

    Returns:
        The links (runs, m, m), [sender, receiver].

    Raises:
        ConfigError: where there is none, or lists of the configuration are not one value for each agent.
    """
    messaging.check_agents(agents)
    graphs: list[NDArray[np.bool_]] = []
    for run, seed in enumerate(seeds):
        where = None if positions is None else np.asarray(positions[run])
        if isinstance(messaging.graph, StrongestGraph) and mean_gains is not None:
            graph = messaging.graph.of_gains(mean_gains[run])
        else:
            graph = messaging.graph.build(agents, stream(seed, "graph", episode), where)
        graphs.append(graph if graphs and np.array_equal(graph, graphs[-1]) else checked(graph))  # most laws have one graph
    return np.stack(graphs)


def entry_bits(agents: int, value_bits: int = 32) -> int:
    """Bits of one entry of a message: its value, its agent's number, and 32 for its time.

    Args:
        agents: the number m.
        value_bits: bits of a value.

    Returns:
        The number of bits.
    """
    return value_bits + ceil(log2(max(agents, 2))) + 32


def needed_memory(messaging: Messaging, links: Bool[np.ndarray, "runs m m"], most_hops: int | None = None) -> int:
    """Number of perturbations that an agent keeps when all probabilities are 1: diameter times largest delay, plus one.

    Args:
        messaging: the configuration.
        links: the graph of every run, (runs, m, m).
        most_hops: entries of agents farther away are not used; None: those of all agents are.

    Returns:
        The number, of instants.

    Raises:
        ConfigError: where a graph is not strongly connected.
    """
    hops = max(diameter(graph) for graph in np.unique(links, axis=0)) if messaging.relay else 1
    used = hops if most_hops is None else min(hops, most_hops)
    return int(used * messaging.links.delay.largest) + 1


class Knowledge:
    """Evolves T for a batch of runs.

    In an instant t, in this order: agents query (T[i, i] = t); messages that were sent d >= 1 instants ago over a link
    of delay d arrive, carrying what the sender held at the end of instant t - d; messages of delay 0 arrive, carrying
    what the sender holds now. A newer time replaces an older one, never the reverse. With `relay` a message carries all
    that the sender knows (Behmandpoor et al., 2024, Algorithm 2), else its own newest query, sent when it queries (Algorithm
    1). Numbers in comments are lines of Algorithm 2.
    """

    def __init__(
        self,
        messaging: Messaging,
        links: Bool[np.ndarray, "runs m m"],
        seeds: Sequence[int],
        *,
        episode: int = 0,
        counting: bool = True,
    ) -> None:
        """`links` (runs, m, m) are those of `message_graphs`; all False: nobody hears anybody.

        Without `counting` the numbers of messages and entries stay 0, and the rest comes twice as fast.
        """
        runs, agents = links.shape[:2]
        activity = messaging.activity
        self.links = links
        self.time = 0
        self.max_age = np.full(runs, -1)
        """The largest age of an entry so far, (runs,)."""
        self.messages = np.zeros(runs, np.int64)
        self.entries = np.zeros(runs, np.int64)
        self.changed_entries = np.zeros(runs, np.int64)
        self._relay, self._counting = messaging.relay, counting
        self._delay = messaging.links.delay
        self._query = Trials(activity.query, seeds, "query", (agents,), episode)
        self._update = Trials(activity.update, seeds, "update", (agents,), episode)
        self._transmit = Trials(activity.transmit, seeds, "transmit", (agents, agents), episode)
        self._presence = None if activity.presence.certain else Trials(activity.presence, seeds, "presence", (agents,), episode)
        self._arrive = Trials(messaging.links.loss.arrival(), seeds, "loss", (agents, agents), episode)
        self._delay_streams = [stream(seed, "delay", episode) for seed in seeds]
        # The past that the next instants need: the tables at the end of the last instants, and the delay of every message
        # that was sent then and will arrive (-1: none).
        past = max(self._delay.largest, 1)
        check_room(*self._parts(1))
        self._tables = np.full((past, runs, agents, agents), UNKNOWN, np.int32)
        self._travels = np.full((past, runs, agents, agents), -1, np.int32)
        self._changed_at = np.full((runs, agents, agents), -1, np.int32)
        self._last_sent = np.full((runs, agents, agents), -1, np.int32)
        # The senders that each receiver has, padded to the largest number: (runs, m, most).
        most = max(int(links.sum(1).max()), 1)
        order = np.argsort(~links, axis=1, kind="stable")[:, :most]
        self._senders = np.ascontiguousarray(order.swapaxes(1, 2))
        self._run_index = np.arange(runs)[:, None, None]
        self._receiver_index = np.arange(agents)[None, :, None]

    def steps(self, instants: int) -> Instants:
        """The next instants of global time: some at a time are quicker than one after the other, and the same."""
        with room_for(*self._parts(instants)):
            return self._steps(instants)

    def _steps(self, instants: int) -> Instants:
        past = len(self._tables)
        queried, updating = self._query.draw(instants), self._update.draw(instants)
        there = None if self._presence is None else self._presence.draw(instants)
        if there is not None:
            queried, updating = queried & there, updating & there
        # 2. Algorithm 1 sends when it queries, so that only then there is something to be silent about.
        may_send = np.broadcast_to(True if self._relay else queried[..., None], (instants, *self.links.shape))
        if there is not None:
            may_send = may_send & there[..., None]
        sent = self.links & may_send & self._transmit.draw(instants, where=may_send)
        arrives = sent & self._arrive.draw(instants, where=sent)
        if there is not None:
            arrives &= there[:, :, None]
        delays = self._delay.draw(self._delay_streams, instants, self.links.shape[1])
        travels = np.concatenate([self._travels, np.where(arrives, delays, -1)])
        tables = np.concatenate([self._tables, np.empty((instants, *self.links.shape), np.int32)])
        held = tables[past:] if self._delay.smallest else tables[past:].copy()
        self._evolve(tables, held, travels, queried)

        times = np.arange(self.time, self.time + instants, dtype=np.int32)
        if self._counting:
            messages, entries, changed = self._count(sent, tables, held, times[:, None, None, None])
        else:
            messages = entries = changed = np.zeros((instants, len(self.links)), np.int64)
        self._tables, self._travels = tables[-past:].copy(), travels[-past:].copy()
        newest = tables[past:]
        oldest = np.where(newest == UNKNOWN, -1, times[:, None, None, None] - newest).max((2, 3))
        self.time += instants
        np.maximum(self.max_age, oldest.max(0), out=self.max_age)
        self.messages += messages.sum(0)
        self.entries += entries.sum(0)
        self.changed_entries += changed.sum(0)
        return Instants(times, queried, updating, newest, oldest, messages, entries, changed)

    def _parts(self, instants: int) -> tuple[Part, ...]:
        """The memory that the next instants take: tables of all of them and of the past, and who has heard which delay."""
        runs, agents = self.links.shape[:2]
        links = ("seeds", runs), ("transmitters", agents), ("transmitters", agents)
        past, delays = max(self._delay.largest, 1), self._delay.largest - self._delay.smallest + 1
        return (
            part(64, ("instants", instants), *links),
            part(24, ("links.delay", past), *links),
            part(2, ("links.delay", past + instants), ("links.delay", delays), *links),
        )

    def horizon(self) -> int:
        """The oldest query time that somebody holds, or that is on its way; `time` where there is none."""
        known = self._tables[self._tables != UNKNOWN]
        return int(known.min()) if known.size else self.time

    def on_their_way(self) -> list[tuple[int, int, int, int, int]]:
        """The messages that have not arrived: (run, sender, receiver, instant in which it was sent, delay) of each."""
        ago = np.arange(len(self._travels), 0, -1).reshape(-1, 1, 1, 1)  # how long ago, seen from the next instant
        when, *ends = np.nonzero(self._travels >= ago)
        delays = self._travels[(when, *ends)]
        sent = self.time - len(self._travels) + when
        return [tuple(map(int, row)) for row in zip(*ends, sent, delays, strict=True)]  # type: ignore[misc]  # five, as zipped

    def _evolve(
        self,
        tables: Int32[np.ndarray, "slots runs m m"],
        held: Int32[np.ndarray, "instants runs m m"],
        travels: Int[np.ndarray, "slots runs m m"],
        queried: Bool[np.ndarray, "instants runs m"],
    ) -> None:
        """Fill in `tables`, the past followed by the new instants; and `held`, what agents hold when messages leave."""
        past = len(tables) - len(held)
        index = (slice(None), self._run_index, self._senders, self._receiver_index)
        unheard = {delay: (travels != delay)[index] for delay in range(self._delay.smallest, self._delay.largest + 1)}
        for new in range(len(held)):
            now = past + new
            tables[now] = tables[now - 1]  # 5
            np.copyto(np.einsum("rii->ri", tables[now]), self.time + new, where=queried[new])  # 1: {r_i^t, i, t} is kept
            for delay in reversed(unheard):  # the longest travelled first, so that those of delay 0 come last
                if delay == 0:
                    held[new] = tables[now]
                sender = held[new] if delay == 0 else tables[now - delay]
                self._receive(tables[now], sender, unheard[delay][now - delay])  # 3

    def _receive(
        self,
        table: Int32[np.ndarray, "runs m m"],
        sender: Int32[np.ndarray, "runs m m"],
        unheard: Bool[np.ndarray, "runs m senders"],
    ) -> None:
        """Messages with what the senders' tables held arrive, except over the links where `unheard` is True."""
        if self._relay:
            told = sender[self._run_index, self._senders]
            told[unheard] = UNKNOWN
            np.maximum(table, told.max(axis=2), out=table)  # 4; 5 where no entry told is newer
        else:
            told = np.where(unheard, UNKNOWN, np.einsum("rii->ri", sender)[self._run_index, self._senders])
            index = (self._run_index, self._receiver_index, self._senders)
            table[index] = np.maximum(table[index], told)  # 4, 5

    def _count(
        self,
        sent: Bool[np.ndarray, "instants runs m m"],
        tables: Int32[np.ndarray, "slots runs m m"],
        held: Int32[np.ndarray, "instants runs m m"],
        times: Int32[np.ndarray, "instants 1 1 1"],
    ) -> tuple[Counts, Counts, Counts]:
        """(messages, entries, changed entries) of every instant, each (instants, runs); who knows nothing sends nothing."""
        # An entry is new to a link if it changed after the last message there. What arrives without delay leaves with
        # the next instant's messages, so that is when it counts as changed.
        before, after = tables[-len(held) - 1 : -1], tables[-len(held) :]
        on_time, late = held != before, after != held
        changed_at = _latest(self._changed_at, np.where(late, times + 1, np.where(on_time, times, -1)))
        last_sent = _latest(self._last_sent, np.where(sent, times, -1))
        self._changed_at, self._last_sent = changed_at[-1].copy(), last_sent[-1].copy()
        if not self._relay:
            messages = np.count_nonzero(sent, axis=(2, 3))
            return messages, messages, messages
        known = np.count_nonzero(held != UNKNOWN, axis=3)
        messages = np.count_nonzero(sent & (known > 0)[..., None], axis=(2, 3))
        entries = np.einsum("trij,tri->tr", sent, known)
        instant, run, sender, _ = used = np.nonzero(sent)
        since = np.maximum(changed_at[:-1], np.where(on_time, times, -1))[instant, run, sender]
        new = np.count_nonzero(since > last_sent[:-1][used][:, None], axis=1)
        changed = np.bincount(instant * sent.shape[1] + run, new, minlength=messages.size).astype(np.int64)
        return messages, entries, changed.reshape(messages.shape)

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here, messages on their way included."""
        return {
            "query": self._query.state(),
            "update": self._update.state(),
            "transmit": self._transmit.state(),
            "loss": self._arrive.state(),
            "delay": [generator_state(generator) for generator in self._delay_streams],
            **({} if self._presence is None else {"presence": self._presence.state()}),
            **{name: copy(getattr(self, name)) for name in self._STATE},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_outside("time", time := state["time"], 0, LAST_INSTANT)
        for name in ("max_age", "_tables", "_changed_at", "_last_sent"):
            refuse_outside(name, state[name], -1, time)
        for name in ("messages", "entries", "changed_entries"):
            refuse_outside(name, state[name], 0)
        refuse_outside("_travels", state["_travels"], -1, self._delay.largest)
        self._query.set_state(state["query"])
        self._update.set_state(state["update"])
        self._transmit.set_state(state["transmit"])
        self._arrive.set_state(state["loss"])
        if self._presence is not None:
            self._presence.set_state(state["presence"])
        for generator, saved in zip(self._delay_streams, state["delay"], strict=True):
            set_generator_state(generator, saved)
        for name in self._STATE:
            setattr(self, name, copy(state[name]))

    _STATE = (
        "time",
        "max_age",
        "messages",
        "entries",
        "changed_entries",
        "_tables",
        "_travels",
        "_changed_at",
        "_last_sent",
    )


def _latest(
    start: Int32[np.ndarray, "runs m m"], stamps: Int[np.ndarray, "instants runs m m"]
) -> Int32[np.ndarray, "_ runs m m"]:
    """The newest stamp so far, (instants + 1, ...), beginning with `start`; -1 is no stamp."""
    return np.maximum.accumulate(np.concatenate([start[None], stamps.astype(np.int32)]), axis=0)


def ages(instants: Instants) -> Int32[np.ndarray, "instants runs m m"]:
    """Age of each entry in instants, t - T[i, l] (instants, runs, m, m); -1 where nothing is known."""
    times = instants.times[:, None, None, None]
    return np.where(instants.newest == UNKNOWN, -1, times - instants.newest).astype(np.int32)
