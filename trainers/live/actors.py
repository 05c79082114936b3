"""Live parties as actors of Ray: a process for the hub and one for each shard, and a driver that begins lost ones again.

All that a party decides is in its plain class; here are threads, connections and sleep. Ray itself starts a lost process
again, on another machine where its own is gone; the driver then asks it to work, and it begins with the snapshot that the hub
holds.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.live.party import Arrays, Inbox, Kept, Mail, Outbox, Parcel, RecordPiece, Shard, Welcome
from trainers.live.plan import LivePlan
from trainers.live.sockets import KEY_BYTES, Address, Connection, Listener, Peers
from trainers.workbench.progress import Reminder
from trainers.workbench.ray_task import versions
from wirelessenv.command_line import Ended
from wirelessenv.config import ConfigError

WAIT = 0.5
"""Seconds after which the hub answers a shard for which there is nothing to do."""
TOLD_AFTER = 10.0
"""Seconds without the first iteration after which a driver says what it waits for."""
UNREACHED = 25
"""Times that a shard finds no way to the hub, without an iteration in between, until the run is given up: some 10 seconds."""
PIECE_EVERY = 2.0
"""Seconds between two pieces of the record that the driver keeps, in case that the hub is lost."""


class CarryLimits(NamedTuple):
    """Bounds of how messages are carried."""

    flush_seconds: float = 0.002
    flush_numbers: int = 20_000
    inbox: int = 64
    """messages that wait in a shard"""
    sleep: float = 0.0
    """seconds that a slow shard sleeps in each step"""


class Stopwatch:
    """Clock of a live run: 0 until it begins."""

    def __init__(self) -> None:
        self._began: float | None = None

    def __call__(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def begin(self, elapsed: float = 0.0) -> None:
        """Begin to run, with so many seconds gone."""
        self._began = time.monotonic() - elapsed


class Ending(NamedTuple):
    """Everything that a run leaves."""

    iteration: int
    seconds: float
    solution: NDArray[Any]
    kept: list[Kept]
    schedule: Arrays
    duplicates: int
    lives: list[int]
    remarks: list[str]
    """sentences on what has gone badly"""


class Joined(NamedTuple):
    """All that a shard's process needs to begin."""

    welcome: Welcome
    seconds: float
    """since the run began"""
    hub: Address
    """address at which the hub takes parcels"""


class HubActor:
    """Process of the hub; a shard that has handed in a parcel waits until there is a reply.

    Args:
        plan: of the run.
        host: address of this machine for the others.
        key: of the run.
    """

    def __init__(self, plan: LivePlan, host: str, key: bytes) -> None:
        torch.set_num_threads(1)
        self.clock = Stopwatch()
        self.hub = plan.hub(self.clock)
        self._changed = threading.Condition()
        self._here: dict[int, int] = {}
        """Number of times that each shard has asked to join."""
        self._addresses: dict[int, Address] = {}
        """Address of each shard for messages; another dictionary after each change."""
        self._listener = Listener(host, key, self._serve)

    def join(self, shard: int, address: Address) -> Joined | None:
        """Take in a shard, once all are there for the first time.

        Args:
            shard: its number.
            address: where it takes messages.

        Returns:
            Everything that it needs to begin; None where it has begun again meanwhile, and this is an earlier life of it that
            asks.
        """
        with self._changed:
            asked = self._here[shard] = self._here.get(shard, 0) + 1
            if len(self._here) == len(self.hub.snapshots) and self.clock() == 0:
                self.clock.begin()
            self._changed.notify_all()
            while self.clock() == 0 and self._here[shard] == asked:
                self._changed.wait(WAIT)
            if self._here[shard] != asked:
                return None
            self._addresses = {**self._addresses, shard: address}
            return Joined(self.hub.join(shard), self.clock(), self._listener.address)

    def _serve(self, connection: Connection) -> None:
        """Take parcels of a shard and give replies, until the run, or this life of the shard, is over."""
        going, told = True, None
        while going:
            shard, life, parcel = connection.receive()
            try:
                going, reply = self._exchange(shard, life, parcel)
            except Exception as error:  # the shard raises it, so that the driver hears of it
                going, reply = False, error
            addresses = self._addresses
            connection.send((going, reply, None if addresses is told else addresses))
            told = addresses
            with self._changed:
                self.hub.prepare()

    def _exchange(self, shard: int, life: int, parcel: Parcel) -> tuple[bool, Any]:
        """Take a parcel; returns True and a reply, or False and None where the run, or this life of the shard, is over."""
        hub = self.hub
        with self._changed, np.errstate(over="ignore", invalid="ignore"):
            hub.take(shard, life, parcel)
            rest = hub.act()
            self._changed.notify_all()
            while not (hub.done or hub.lives[shard] != life or hub.ready(shard)):
                self._changed.wait(min(rest, WAIT))
                before = hub.iteration
                rest = hub.act()
                if hub.iteration > before:
                    self._changed.notify_all()
            if hub.done or hub.lives[shard] != life:
                return False, None
            return True, hub.reply(shard)

    def progress(self) -> tuple[int, bool]:
        """Iterations so far, and whether that is all of them."""
        return self.hub.iteration, self.hub.done

    def address(self) -> Address:
        """Address at which the hub takes parcels."""
        return self._listener.address

    def process(self) -> int:
        """Number of the process that the hub lives in."""
        return os.getpid()

    def here(self) -> int:
        """Number of shards that have begun."""
        return len(self._here)

    def piece(self) -> RecordPiece:
        """The record since the last call."""
        with self._changed:
            return self.hub.piece()

    def ending(self) -> Ending:
        """All that the run leaves, or has left so far."""
        with self._changed:
            hub, now = self.hub, self.clock()
            results = hub.solution().copy(), list(hub.kept), hub.schedule()
            return Ending(hub.iteration, now, *results, hub.duplicates, list(hub.lives), hub.remarks())


class ShardActor:
    """Process of a shard: one thread works, others take messages in.

    Args:
        plan: of the run.
        number: of the shard.
        limits: of how messages are carried.
        key: of the run.
        theirs: versions of the driver.
    """

    def __init__(self, plan: LivePlan, number: int, limits: CarryLimits, key: bytes, theirs: dict[str, str]) -> None:
        import ray  # noqa: PLC0415  # an extra

        torch.set_num_threads(1)
        _refuse_other_versions(theirs)
        self._get, self._number, self._limits, self._key = ray.get, number, limits, key
        self._clock = Stopwatch()
        self._plan, self._inbox = plan, Inbox(limits.inbox)
        _ = plan.learner  # built now, while others begin, too
        self._outbox = Outbox(limits.flush_seconds, limits.flush_numbers, self._clock)
        host = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]  # Ray gives it no types
        self._peers, self._listener = Peers(key), Listener(host, key, self._serve)

    def _serve(self, connection: Connection) -> None:
        """Take messages from another shard."""
        while True:
            for mail in connection.receive():
                self._inbox.put(mail)

    def address(self) -> Address:
        """Address under which this shard takes messages."""
        return self._listener.address

    def came(self) -> int:
        """Number of messages that have come so far."""
        return self._inbox.came

    def process(self) -> int:
        """Number of the process that this shard lives in."""
        return os.getpid()

    def node(self) -> str:
        """Name of the machine that this shard lives on, as Ray has it."""
        import ray  # noqa: PLC0415  # an extra

        return str(ray.get_runtime_context().get_node_id())

    def work(self, hub: Any) -> dict[str, int] | None:
        """Step until the run is over.

        Args:
            hub: handle of the hub's actor.

        Returns:
            Numbers of what happened here, by name; None where the hub could not be reached any more.
        """
        joined: Joined | None = self._get(hub.join.remote(self._number, self._listener.address))
        if joined is None:
            return {}
        self._clock.begin(joined.seconds)
        party = self._plan.shard(self._number, self._clock)  # a life of its own: an earlier one here may not be over yet
        party.begin(joined.welcome.snapshot)
        try:
            connection = Connection.to(joined.hub, self._key)
            with closing(connection), np.errstate(over="ignore", invalid="ignore"):
                self._step_with(party, joined.welcome, connection)
        except (OSError, EOFError):
            return None
        return {**party.counts(), "messages dropped": self._inbox.dropped, "messages that found no way": self._peers.lost}

    def _step_with(self, party: Shard, welcome: Welcome, connection: Connection) -> None:
        """Step, and talk to the hub over a connection."""
        going, reply = True, welcome.reply
        while going:
            if (pause := party.pause) > 0:
                time.sleep(pause)
            parcel = party.step(reply, self._inbox.take())
            if self._limits.sleep:  # a sleep of 0 would give the processor away
                time.sleep(self._limits.sleep)
            connection.send((self._number, welcome.life, parcel))
            if not party.persists_first:
                self._send(party.tell())
            party.prepare()
            going, reply, addresses = connection.receive()
            self._peers.addresses = addresses or self._peers.addresses
            if party.persists_first and going:
                self._send(party.tell())
        if reply is not None:
            raise reply

    def _send(self, told: dict[int, Mail]) -> None:
        self._outbox.put(told)
        for receiver, mails in self._outbox.take().items():
            self._peers.send(receiver, mails)


class HubLost(Ended):
    """The hub's process is gone, and with it the run."""


def _refuse_other_versions(theirs: dict[str, str]) -> None:
    if (ours := versions()) != theirs:
        name = next(name for name in theirs | ours if ours.get(name) != theirs.get(name))
        raise ConfigError(f"{name}: {theirs.get(name)} here, {ours.get(name)} on {socket.gethostname()}")


def _refuse_what_cannot_begin(error: Exception) -> None:
    """Raises ConfigError for a process that has failed in its beginning, which Ray does not try again."""
    if getattr(error, "_actor_init_failed", False):
        last = str(error).strip().splitlines()[-1]
        raise ConfigError(f"--address: the machines of the cluster cannot run this live run ({last})") from None


class LiveRun:
    """Actors of a live run, and the calls that keep them at work.

    Args:
        ray: the package, connected.
        plan: of the run.
        limits: of each shard.
    """

    def __init__(self, ray: Any, plan: LivePlan, limits: list[CarryLimits]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415  # an extra

        self._ray, self.key = ray, secrets.token_bytes(KEY_BYTES)
        here = ray.get_runtime_context().get_node_id()
        hub = ray.remote(num_cpus=0, max_concurrency=plan.shards + 4)(HubActor)
        self.hub = hub.options(scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False)).remote(
            plan, ray.util.get_node_ip_address(), self.key
        )
        shard = ray.remote(num_cpus=0, max_concurrency=4, max_restarts=-1)(ShardActor)
        # In turn: Ray's own SPREAD now and then puts all on one node. Soft: a shard whose node is lost may go elsewhere.
        nodes = sorted(node["NodeID"] for node in ray.nodes() if node["Alive"])
        places = [NodeAffinitySchedulingStrategy(nodes[number % len(nodes)], soft=True) for number in range(len(limits))]
        self.shards = [
            shard.options(scheduling_strategy=place).remote(plan, number, one, self.key, versions())
            for number, (place, one) in enumerate(zip(places, limits, strict=True))
        ]
        self._working = [self._work(one) for one in self.shards]
        self._unreached = [0 for _ in self.shards]
        self._iteration = 0
        self.counts: list[dict[str, int]] = [{} for _ in self.shards]
        """Numbers that each shard has told of itself at its end."""

    def _work(self, shard: Any) -> Any:
        return shard.work.remote(self.hub)

    def look(self) -> tuple[int, bool]:
        """Ask shards that were lost to work again; returns the iterations so far, and whether that is all of them.

        Raises:
            HubLost: where the hub is lost; one sentence.
            ConfigError: where a shard cannot begin, or has no way to the hub.
        """
        for number, working in enumerate(self._working):
            if working is None or not self._ray.wait([working], timeout=0)[0]:
                continue
            try:
                told = self._ray.get(working)
                self.counts[number], self._working[number] = told or {}, None
                if told is None:  # the hub, too, may be gone: then nobody can join
                    self._unreached[number] += 1
                    self._working[number] = self._work(self.shards[number])
            except self._ray.exceptions.RayActorError as error:  # Ray starts its process again; what it is asked waits for it
                _refuse_what_cannot_begin(error)
                self._working[number] = self._work(self.shards[number])
        iteration, done = self._asked(self.hub.progress.remote())
        if iteration > self._iteration:
            self._iteration, self._unreached = iteration, [0 for _ in self.shards]
        if max(self._unreached) >= UNREACHED:
            host, port = self._asked(self.hub.address.remote())
            shard = self._unreached.index(max(self._unreached))
            raise ConfigError(
                f"--address: shard {shard} cannot reach the hub at {host}:{port}: the machines of the cluster should let each "
                "other in over TCP on all ports"
            )
        return iteration, done

    def ending(self) -> Ending:
        """All that the run leaves, or has left so far; raises HubLost where the hub is lost."""
        return Ending(*self._asked(self.hub.ending.remote()))

    def _asked(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            _refuse_what_cannot_begin(error)
            raise HubLost("The process of the hub was killed: this live run cannot go on") from None

    def run(
        self,
        shown: Callable[[int], None] = lambda done: None,
        every: float = 0.2,
        keep: Callable[[RecordPiece], None] = lambda piece: None,
    ) -> Ending:
        """Wait until the run is over.

        Args:
            shown: called with the iterations so far now and then.
            every: seconds between two looks.
            keep: called with pieces of the record as they come.

        Returns:
            All that it leaves.

        Raises:
            HubLost: where the hub is lost; one sentence.
            ConfigError: where a shard cannot begin, or has no way to the hub.
        """
        done, waited, kept = False, Reminder(TOLD_AFTER), time.monotonic()
        while not done:
            time.sleep(every)
            iteration, done = self.look()
            shown(iteration)
            if iteration == 0 and waited.due():
                here = self._asked(self.hub.here.remote())
                waited.say(f"Waiting for processes of the cluster: {here} of {len(self.shards)} shards have begun.")
            if time.monotonic() - kept >= PIECE_EVERY:
                keep(self._asked(self.hub.piece.remote()))
                kept = time.monotonic()
        until = time.monotonic() + 5 * WAIT
        while any(one is not None for one in self._working) and time.monotonic() < until:
            time.sleep(every / 10)
            self.look()  # what shards tell of themselves
        return self.ending()

    def close(self) -> None:
        """End all processes of the run."""
        for actor in [*self.shards, self.hub]:
            with suppress(Exception):  # it has ended already
                self._ray.kill(actor)


@contextmanager
def live_run(ray: Any, plan: LivePlan, limits: list[CarryLimits]) -> Iterator[LiveRun]:
    """Context in which the actors of a live run are at work.

    Args:
        ray: the package, connected.
        plan: of the run.
        limits: of each shard.

    Yields:
        The run.
    """
    run = LiveRun(ray, plan, limits)
    try:
        yield run
    finally:
        run.close()
