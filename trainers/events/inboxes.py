"""Events of decentralised asynchronous SGD (Tosi and Theobald, 2023, Algorithm 1): which node computes and applies what, when.

Line numbers are those of the listing at the head of `trainers.algorithms.dasgd`. Events depend on no iterate: a node that is
free applies what waits in its inbox, and computes a gradient when nothing does. Gradients are numbered as they are begun.
G_i, the set of gradients that node i has applied, is a whole number whose bit g says whether g belongs to it; so |S| is a
count of bits, for any order of delivery, and vector clocks are not needed.

What the paper leaves open: a node forwards a gradient when it applies it, to all its neighbours but the one it had it from,
and drops what it has already seen, so that on any connected graph every gradient reaches every node exactly once; applying
takes no time; of two things at the same time, the one that was set going first comes first.
"""

import heapq
import re
from collections import deque
from collections.abc import Iterable
from functools import reduce
from math import isfinite
from operator import and_, or_
from typing import Any, NamedTuple

import numpy as np

from trainers.events.durations import Constant, Duration
from wirelessenv.config import ConfigError, Model, NonNegative
from wirelessenv.messages.graph import CompleteGraph, Graph, checked
from wirelessenv.saved_state import refuse_misfit, refuse_outside, refuse_unsound
from wirelessenv.streams import generator_state, set_generator_state, stream

TRIM = 256  # gradients between two looks at what everybody has applied
COUNTS = ("seconds", "computed", "messages", "repeats", "closed", "_base", "_order")
"""Counts and clocks of `Inboxes`."""


class InboxesState(Model):
    """The part of a saved state of `Inboxes` whose length changes: messages, tasks and gradients on their way."""

    known: list[tuple[int, int, str]]
    inbox: list[list[tuple[int, int]]]
    computing: list[int | None]
    free: list[int]
    agenda: list[tuple[float, int, int, int, int]]


class Network(Model):
    """Graph of the nodes, and durations of computing and of messages.

    `links`: how long a message takes over one link, by its sender, times `link_scale`; a scale of 0 delivers at once.
    `staggered`: node i of n begins i / n of its first computation late, instead of all together (lockstep).
    """

    graph: Graph = CompleteGraph()
    computing: Duration = Constant()
    links: Duration = Constant()
    link_scale: NonNegative = 0.0
    staggered: bool = True


class Step(NamedTuple):
    """One step of one node: it applies a gradient."""

    node: int
    """i"""
    gradient: int
    """which one, by number"""
    origin: int
    """j, who computed it; i where the node computes it now"""
    stale: int
    """|S|, the size of the symmetric difference of what i has applied and what j had when it computed"""
    loose: int
    """|S^|, which adds, for every gradient that only j had, its own staleness to i (Equation 8)"""
    seconds: float


class Inboxes:
    """The nodes' steps, one after the other; they depend on the seed and the settings alone.

    Args:
        network: graph and durations.
        nodes: n.
        seed: of the graph and of random durations.

    `computed` counts gradients, `messages` those sent, `repeats` those dropped because their gradient had been seen.

    >>> nodes = Inboxes(Network(staggered=False), nodes=2, seed=0)
    >>> [(step.node, step.origin, step.stale) for step in (nodes.step() for _ in range(6))]
    [(0, 0, 0), (1, 1, 0), (0, 0, 0), (0, 1, 2), (1, 1, 0), (1, 0, 2)]
    """

    def __init__(self, network: Network, nodes: int, seed: int) -> None:
        links = checked(network.graph.build(nodes, stream(seed, "graph")))
        self.nodes, self._network = nodes, network
        self._neighbours = [np.flatnonzero(row).tolist() for row in links]
        self._means, self._travel = network.computing.means(nodes), network.links.means(nodes) * network.link_scale
        self._rngs = [stream(seed, "computing time", node) for node in range(nodes)]
        self._link_rngs = [stream(seed, "link delay", node) for node in range(nodes)]
        self.seconds, self.computed, self.messages, self.repeats, self.closed = 0.0, 0, 0, 0, False
        self._base = 0  # gradients below it are in every set, and have no bits
        self._applied, self._seen = [0] * nodes, [0] * nodes
        self._known: dict[int, tuple[int, int]] = {}  # gradient -> (origin j, G_j when it was computed), while it travels
        self._inbox: list[deque[tuple[int, int]]] = [deque() for _ in range(nodes)]  # (gradient, from whom)
        self._computing: list[int | None] = [None] * nodes
        self._free: deque[int] = deque()  # nodes that look into their inboxes now
        self._agenda: list[tuple[float, int, int, int, int]] = []  # (when, order, node, gradient, from whom or -1), a heap
        self._order = 0
        for node in range(nodes):
            self._compute(node, self._means[node] * node / nodes if network.staggered else 0.0)

    def step(self) -> Step | None:
        """The next step of any node; None where nothing is left to do, which can happen after `close` alone."""
        while True:
            if self._free:
                node = self._free[0]
                if self._inbox[node]:  # lines 6 and 7; 8 and 9 are the step
                    return self._apply(node, *self._inbox[node].popleft())
                self._free.popleft()
                if not self.closed:  # line 10; the gradient of 11 is there once the time for it has passed
                    self._compute(node, 0.0)
                continue
            if not self._agenda:
                return None
            self.seconds, _, node, gradient, sender = heapq.heappop(self._agenda)
            if sender < 0:
                self._computing[node] = None
                self._free.append(node)  # lines 11 to 14; then line 5 again
                return self._apply(node, gradient, node)
            self._receive(node, gradient, sender)

    def close(self) -> None:
        """No sample is left: nodes finish what they compute, and then only apply what comes."""
        self.closed = True

    def _compute(self, node: int, wait: float) -> None:
        law = self._network.computing
        taken = self._means[node] * (self._rngs[node].exponential() if law.random else 1.0)
        gradient, self.computed = self.computed, self.computed + 1
        self._known[gradient] = (node, self._applied[node])
        self._computing[node] = gradient
        self._put(self.seconds + wait + taken, node, gradient, -1)

    def _put(self, when: float, node: int, gradient: int, sender: int) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (when, self._order, node, gradient, sender))

    def _receive(self, node: int, gradient: int, sender: int) -> None:
        if gradient < self._base or self._seen[node] >> (gradient - self._base) & 1:
            self.repeats += 1
            return
        self._seen[node] |= 1 << (gradient - self._base)
        self._inbox[node].append((gradient, sender))
        if self.closed and self._computing[node] is None and node not in self._free:
            self._free.append(node)

    def _apply(self, node: int, gradient: int, sender: int) -> Step:
        origin, had = self._known[gradient]
        stale, loose = self._staleness(self._applied[node], had)
        bit = 1 << (gradient - self._base)
        self._applied[node] |= bit
        self._seen[node] |= bit
        for neighbour in self._neighbours[node]:
            if neighbour != sender:  # line 13, or forwarded
                self._send(node, neighbour, gradient)
        step = Step(node, gradient, origin, stale, loose, self.seconds)
        if node == origin and gradient % TRIM == 0:
            self._trim()
        return step

    def _send(self, node: int, neighbour: int, gradient: int) -> None:
        random = self._network.links.random and self._travel[node] > 0
        taken = self._travel[node] * (self._link_rngs[node].exponential() if random else 1.0)
        self.messages += 1
        self._put(self.seconds + taken, neighbour, gradient, node)

    def _staleness(self, mine: int, theirs: int) -> tuple[int, int]:
        """|S| and |S^| of two sets."""
        loose = stale = mine ^ theirs
        missing, looked_at = theirs & ~mine, 0
        while missing := missing & ~looked_at:
            lowest = missing & -missing
            looked_at |= lowest
            had = self._known[self._base + lowest.bit_length() - 1][1]
            loose |= mine ^ had
            missing |= had & ~mine
        return stale.bit_count(), loose.bit_count()

    def _trim(self) -> None:
        """Forget the bits of gradients that belong to every set that may still be compared."""
        everywhere = ~0
        for applied in self._applied:
            everywhere &= applied
        self._known = {
            gradient: known for gradient, known in self._known.items() if not everywhere >> (gradient - self._base) & 1
        }
        for _, had in self._known.values():
            everywhere &= had
        shift = (~everywhere & (everywhere + 1)).bit_length() - 1  # ones at the low end
        self._applied = [applied >> shift for applied in self._applied]
        self._seen = [seen >> shift for seen in self._seen]
        self._known = {gradient: (origin, had >> shift) for gradient, (origin, had) in self._known.items()}
        self._base += shift

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here. Sets are hexadecimal: their bits are too many for a file."""
        return {
            **{name: getattr(self, name) for name in COUNTS},
            "streams": [[generator_state(one) for one in streams] for streams in (self._rngs, self._link_rngs)],
            "sets": [[hex(one) for one in sets] for sets in (self._applied, self._seen)],
            "moving": {
                "known": [(gradient, origin, hex(had)) for gradient, (origin, had) in self._known.items()],
                "inbox": [list(own) for own in self._inbox],
                "computing": self._computing.copy(),
                "free": list(self._free),
                "agenda": self._agenda.copy(),
            },
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_misfit(state, self.state(), "inboxes")
        refuse_unsound("inboxes.seconds", state["seconds"])
        for name in ("computed", "messages", "repeats", "_order"):
            refuse_outside(f"inboxes.{name}", state[name], 0)
        refuse_outside("inboxes._base", state["_base"], 0, state["computed"])
        for name in COUNTS:
            setattr(self, name, state[name])
        for streams, saved in zip((self._rngs, self._link_rngs), state["streams"], strict=True):
            for generator, own in zip(streams, saved, strict=True):
                set_generator_state(generator, own)
        self._applied, self._seen = ([self._set(one) for one in sets] for sets in state["sets"])
        moving = InboxesState.parse(state["moving"], "state")
        self._known = {gradient: (origin, self._set(had)) for gradient, origin, had in moving.known}
        self._inbox = [deque(own) for own in moving.inbox]
        self._computing, self._free, self._agenda = moving.computing, deque(moving.free), moving.agenda
        heapq.heapify(self._agenda)
        if not self._sound():
            raise ConfigError("state: it belongs to other nodes or gradients")

    def _set(self, written: str) -> int:
        """A set of gradients as a state has it, in hexadecimal; raises ConfigError for one of gradients that there are not."""
        bits = self.computed - self._base
        digits = re.fullmatch("0x([0-9a-f]+)", written)
        if digits is None or len(digits[1]) > bits // 4 + 1 or int(digits[1], 16) >> bits:
            raise ConfigError("state: it belongs to other nodes or gradients")
        return int(digits[1], 16)

    def _sound(self) -> bool:
        """True where everything that waits or travels is of nodes and gradients that there are, and nothing else is missed."""
        nodes, known = range(self.nodes), self._known
        waiting = [{number for number, _ in own} for own in self._inbox]
        return (
            {len(self._inbox), len(self._computing)} == {self.nodes}
            and all(origin in nodes and self._base <= number < self.computed for number, (origin, _) in known.items())
            and all(number in known and sender in nodes for own in self._inbox for number, sender in own)
            and all(self._seen[node] == self._applied[node] | self._bits(waiting[node]) for node in nodes)
            and not self._compared() & ~self._bits(known)
            and self._occupied_or_free()
            and all(map(self._comes, self._agenda))
        )

    def _compared(self) -> int:
        """The set of the gradients whose own sets may be looked up."""
        somewhere = reduce(or_, [*self._applied, *(had for _, had in self._known.values())])
        return somewhere & ~reduce(and_, self._applied)

    def _occupied_or_free(self) -> bool:
        """True where nodes that compute have an end of it ahead, one each, and those that are free do not compute."""
        busy = {node: number for node, number in enumerate(self._computing) if number is not None}
        begun = sorted((node, number) for _, _, node, number, sender in self._agenda if sender == -1)
        known = all(number in self._known and self._known[number][0] == node for node, number in busy.items())
        free = {*self._free}
        return (
            known and begun == sorted(busy.items()) and len(free) == len(self._free) and free <= {*range(self.nodes)} - {*busy}
        )

    def _bits(self, numbers: Iterable[int]) -> int:
        """The set of gradients as a whole number, of their numbers."""
        return sum(1 << (number - self._base) for number in {*numbers})

    def _comes(self, entry: tuple[float, int, int, int, int]) -> bool:
        """True where an entry of the agenda is of a node, a gradient and a time that can be."""
        when, order, node, number, sender = entry
        if not (isfinite(when) and when >= 0 and 0 <= order <= self._order and node in range(self.nodes)):
            return False
        if sender != -1 and sender not in range(self.nodes):
            return False
        seen = number >= self._base and bool(self._seen[node] >> (number - self._base) & 1)
        return 0 <= number < self.computed and (number < self._base or seen or number in self._known)

    def applied(self, node: int) -> set[int]:
        """G_i as numbers of gradients."""
        bits = self._applied[node]
        return {*range(self._base), *(self._base + place for place in range(bits.bit_length()) if bits >> place & 1)}

    @property
    def on_their_way(self) -> set[int]:
        """Numbers of the gradients in `travelling` that have been computed."""
        return {*self.travelling} - {*self._computing}

    def missing(self) -> dict[int, int]:
        """Number of nodes that have yet to apply each gradient `on_their_way`."""
        places = {number: number - self._base for number in self.on_their_way}
        return {number: sum(not applied >> place & 1 for applied in self._applied) for number, place in places.items()}

    @property
    def travelling(self) -> list[int]:
        """Gradients that some node has not applied yet, those being computed included."""
        places = {gradient: gradient - self._base for gradient in self._known}
        return [one for one, place in places.items() if not all(applied >> place & 1 for applied in self._applied)]
