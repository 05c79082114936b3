"""PARS-Push live: nodes that wake up with the clock; push sums survive loss, delay and death (Toghani et al., 2023)."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.algorithms.pars_push import PARSPushLearner, PARSPushSettings, take_in, take_step
from trainers.live.party import Arrays, Clock, Hub, Mail, Parcel, RecordedRows, Shard, task_stream
from trainers.problems.objective import NumpyArray, Objective

LAST_TICK = 2**31 - 1
SMALL_WEIGHT = 1e-3
"""Weight y of a node below which a run is remarked on: its z = x / y makes steps that are a thousand times as large."""


class Ticks(NamedTuple):
    """Ticks t = 0, 1, ... of a clock, in which every node wakes up once at most."""

    clock: Clock
    seconds: float
    """length of a tick"""
    last: int = LAST_TICK

    def now(self) -> int:
        """Return the tick that it is."""
        return int(self.clock() / self.seconds)

    def until(self, tick: int) -> float:
        """Return the seconds until a tick begins."""
        return max(0.0, tick * self.seconds - self.clock())


class Neighbourhood(NamedTuple):
    """Links of a graph, in the order of their receivers, as `LinkEvents` has them."""

    sender: NDArray[np.intp]
    receiver: NDArray[np.intp]
    out_degree: NDArray[np.intp]

    @classmethod
    def of(cls, graph: NDArray[np.bool_]) -> "Neighbourhood":
        """The links of a graph (n, n), [sender, receiver]."""
        receiver, sender = np.nonzero(graph.T)
        return cls(sender, receiver, graph.sum(1))


def batches(
    objective: Objective, settings: PARSPushSettings, seed: int, nodes: NDArray[np.intp], tick: int
) -> list[NumpyArray | None]:
    """Batches of some nodes in a tick, which depend on the node and the tick alone.

    Args:
        objective: the costs.
        settings: of the learner.
        seed: of the run.
        nodes: their numbers.
        tick: t.

    Returns:
        As many as an estimate needs, each (1, nodes, ...), or None where gradients are exact.
    """
    count = settings.batches
    if settings.exact:
        return [None] * count
    drawn = [objective.draw(np.full(count, node), task_stream(seed, int(node), tick)) for node in nodes]
    return list(np.stack(drawn, axis=1)[:, None])


class NodeShard(Shard):
    """Some nodes of PARS-Push, which all wake up in each tick that their shard does not miss.

    In a tick they do lines 4 to 15 of Algorithm 1; they take in what has arrived (lines 16 to 24) right before the next one,
    in the same tick's name. A message of a later tick than that waits. So every order of events is one that the simulator
    has, too: in a tick all send before any looks at what has arrived.

    Args:
        learner: at its start, with one run and one variant; of the graph, the costs and the settings.
        owners: the shard of each node.
        own: number of this shard.
        ticks: that the nodes live by.
    """

    persists_first = True

    def __init__(self, learner: PARSPushLearner, owners: NDArray[np.intp], own: int, ticks: Ticks) -> None:
        self._objective, self._settings, self._seed = learner.problem, learner.settings, learner.seeds[0]
        self._schedule, self._step_size = learner.step_schedule, learner.step_size[..., None]
        self._own, self.ticks = own, ticks
        self._nodes = np.flatnonzero(owners == own)
        links = Neighbourhood.of(learner.link_events.graphs[0])
        self._links = np.flatnonzero(owners[links.receiver] == own)
        self._sender, receiver = links.sender[self._links], links.receiver[self._links]
        self._first_link = np.searchsorted(receiver, self._nodes)
        self._inside = np.flatnonzero(owners[self._sender] == own)
        self._out_degree = links.out_degree[self._nodes][None, None, :, None]
        leaving = owners[links.sender] == own
        self._speakers = {  # the nodes whose sums each other shard hears
            int(peer): np.unique(links.sender[leaving & (owners[links.receiver] == peer)])
            for peer in np.unique(owners[links.receiver[leaving]])
            if peer != own
        }
        self._early: list[Mail] = []
        self.tick = -1
        """The last one in which the nodes woke up."""
        self.pairs = learner.pairs[:, :, self._nodes].copy()
        self.phi = np.zeros_like(self.pairs)
        self.rho = np.zeros((1, len(self._links), self.pairs.shape[-1]))
        self.newest = np.zeros_like(self.rho)
        self.newest_sent = np.full(len(self._links), -1)

    _STATE = ("pairs", "phi", "rho", "newest", "newest_sent")

    def begin(self, snapshot: Arrays) -> None:
        if snapshot:
            self.tick = int(snapshot["tick"])
            for name in self._STATE:
                setattr(self, name, snapshot[name].copy())

    def step(self, reply: Any, messages: list[Mail]) -> Parcel:
        taken = self._take_in(messages) if self.tick >= 0 else {}
        before, self.tick = self.tick, max(self.ticks.now(), self.tick + 1)
        if self.tick > self.ticks.last:
            self.tick = before
            return Parcel(before, {}, {}, {})  # nothing new: the hub drops it
        self._wake(before)
        woken = {"woken_tick": np.full(len(self._nodes), self.tick), "woken_node": self._nodes}
        woken["woken_seconds"] = np.full(len(self._nodes), self.ticks.clock())
        snapshot = {"tick": np.array(self.tick), **{name: getattr(self, name).copy() for name in self._STATE}}
        return Parcel(self.tick, {}, snapshot, woken | taken)

    def tell(self) -> dict[int, Mail]:
        """Line 15: sums of own nodes, for the shards where somebody hears them."""
        return {
            peer: Mail(self._own, self.tick, {"node": nodes, "phi": self.phi[0, 0, np.searchsorted(self._nodes, nodes)]})
            for peer, nodes in self._speakers.items()
        }

    def _wake(self, before: int) -> None:
        """Lines 4 to 14 of Algorithm 1."""
        eta = 0.0
        for tick in range(before + 1, self.tick + 1):  # 4
            eta += self._schedule(tick)
        with np.errstate(all="ignore"):
            z = self.pairs[..., :-1] / self.pairs[..., -1:]
            drawn = batches(self._objective, self._settings, self._seed, self._nodes, self.tick)  # 7, 10
            gradient = self._settings.estimate(self._objective, self._nodes, z, drawn)  # 5 to 11
            everybody = np.ones((1, 1, 1, 1), bool)
            out_degree = self._out_degree
            take_step(self.pairs, self.phi, gradient, self._step_size * eta, out_degree=out_degree, awake=everybody)

    def _take_in(self, messages: list[Mail]) -> Arrays:
        """Lines 16 to 24 of the tick that was the last; returns what was taken in, for the schedule."""
        before = self.newest_sent.copy()
        waiting, self._early = [*self._early, *messages], []
        for message in waiting:
            if message.stamp > self.tick:
                self._early.append(message)
            else:
                heard = np.flatnonzero(np.isin(self._sender, message.content["node"]))
                rows = message.content["phi"][np.searchsorted(message.content["node"], self._sender[heard])]
                self._hear(heard, rows, message.stamp)
        inside = self._inside
        self._hear(inside, self.phi[0, 0, np.searchsorted(self._nodes, self._sender[inside])], self.tick)
        with np.errstate(all="ignore"):
            everybody = np.ones(1, bool)
            arrived = np.add.reduceat(self.newest - self.rho, self._first_link, axis=-2)[:, None]
            take_in(self.pairs, self.rho, self.newest, arrived, awake=everybody, by_awake=everybody)
        new = np.flatnonzero(self.newest_sent > before)
        times = {"taken_tick": np.full(len(new), self.tick), "taken_sent": self.newest_sent[new]}
        return {"taken_link": self._links[new], **times}

    def _hear(self, links: NDArray[np.intp], rows: NumpyArray, stamp: int) -> None:
        """Lines 17 to 19 of Algorithm 1."""
        newer = stamp > self.newest_sent[links]
        self.newest[0, links[newer]] = rows[newer]
        self.newest_sent[links[newer]] = stamp

    @property
    def pause(self) -> float:
        return self.ticks.until(self.tick + 1)


class Keeper(Hub):
    """Keeper of the nodes' snapshots, which persist before their messages leave, so that the mass of push-sum is conserved.

    Args:
        learner: at its start, with one run and one variant.
        owners: the shard of each node.
        ticks: that the nodes live by.
        evaluate_every: ticks after which a solution is kept.
    """

    kind = "pars_push"

    def __init__(self, learner: PARSPushLearner, owners: NDArray[np.intp], ticks: Ticks, evaluate_every: int = 100) -> None:
        super().__init__(int(owners.max()) + 1, ticks.clock, evaluate_every)
        self._owners, self._ticks = owners, ticks
        self._links = Neighbourhood.of(learner.link_events.graphs[0])
        self._start = learner.pairs.copy()
        whole = ("woken_tick", "woken_node", "taken_tick", "taken_link", "taken_sent")
        self._rows = RecordedRows({**{name: np.zeros(0, np.int64) for name in whole}, "woken_seconds": np.zeros(0)})
        self._record = (self._rows,)
        self._smallest, self._away, self._longest = 1.0, -1, 0
        """Smallest weight y of a node so far; the shard that was away the longest, and for how many ticks."""
        self._keep()

    def take(self, shard: int, life: int, parcel: Parcel) -> None:
        missed = parcel.number - self.numbers[shard] - 1
        if life == self.lives[shard] and missed > self._longest:
            self._longest, self._away = missed, shard
        super().take(shard, life, parcel)

    def _take(self, shard: int, parcel: Parcel) -> None:
        self._smallest = min(self._smallest, float(parcel.snapshot["pairs"][..., -1].min()))
        self._rows.add(parcel.record)
        self._keep()

    def remarks(self) -> list[str]:
        """One sentence where a shard was away for longer than the method bears, and why."""
        if self._smallest >= SMALL_WEIGHT or self._longest == 0:
            return []
        away = f"Shard {self._away} was away for {self._longest} ticks"
        why = f"mass flowed to the links to it, weights y fell to {self._smallest:.1g}, and steps of z = x / y grew by as much"
        return [f"{away}: {why}; PARS-Push bears silences of bounded length alone, so give longer ticks (--tick)."]

    def ready(self, shard: int) -> bool:
        return True

    def reply(self, shard: int) -> None:
        return None

    @property
    def iteration(self) -> int:
        """Ticks that all shards have done."""
        return min(self.numbers) + 1

    @property
    def done(self) -> bool:
        return self._ticks.now() > self._ticks.last

    def solution(self) -> NDArray[Any]:
        """(x_i, y_i) of all nodes, (1, 1, n, d + 1), as they were persisted."""
        pairs = self._start.copy()
        for shard, snapshot in enumerate(self.snapshots):
            if snapshot:
                pairs[:, :, self._owners == shard] = snapshot["pairs"]
        return pairs

    def on_links(self) -> NumpyArray:
        """Sums phi_j - rho_ij that are on each link, (links, d + 1), of what was persisted."""
        size = self._start.shape[-1]
        phi, rho = np.zeros((len(self._owners), size)), np.zeros((len(self._links.sender), size))
        for shard, snapshot in enumerate(self.snapshots):
            if snapshot:
                phi[self._owners == shard] = snapshot["phi"][0, 0]
                rho[self._owners[self._links.receiver] == shard] = snapshot["rho"][0]
        return np.asarray(phi[self._links.sender] - rho)

    def total(self) -> NumpyArray:
        """The sum of (x, y) over nodes and links, (d + 1,): that of y is n, whatever happens."""
        return np.asarray(self.solution()[0, 0].sum(0) + self.on_links().sum(0))

    def _of_the_run(self) -> Arrays:
        return {"link_receiver": self._links.receiver, "ticks": np.array(max(self.numbers) + 1)}
