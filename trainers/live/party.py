"""The parties of a live run, as plain classes without any process: shards of many agents, and one hub that they all talk to.

A shard does a step, hands the hub a parcel, and gets a reply when the hub has one: the next tasks, or what was measured. Shards
send each other messages, which may come late, in any order, or not at all. Whoever carries replies and messages from one to
the other (`trainers.live.actors`, or a loop in the tests) decides nothing else. The hub keeps the newest snapshot of every
shard, which comes with each parcel: a shard that is lost begins again with it.
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wirelessenv.streams import stream

Arrays = dict[str, NDArray[Any]]
"""Arrays by name."""
Clock = Callable[[], float]
"""Returns the seconds since a live run began."""


class Mail(NamedTuple):
    """Message from one shard to another."""

    sender: int
    """number of the shard"""
    stamp: int
    """instant of what it tells of: a tick, or a round"""
    content: Arrays


class Parcel(NamedTuple):
    """Result of a step of a shard, for the hub."""

    number: int
    """its place among the shard's parcels: the hub drops one that it has seen"""
    content: Arrays
    snapshot: Arrays
    """all that the shard needs to begin again from here; empty for one that remembers nothing"""
    record: Arrays
    """rows for the schedule"""


class Kept(NamedTuple):
    """Solution at a moment of a live run."""

    iteration: int
    seconds: float
    solution: NDArray[Any]


class RecordPiece(NamedTuple):
    """Part of the record of a live run: what has happened since the piece before, and where that has led."""

    schedule: Arrays
    """rows since the piece before, by column"""
    kept: list[Kept]
    """solutions that were kept since then"""
    now: Kept
    """the solution at the end of these rows"""


class Welcome(NamedTuple):
    """All that a shard needs to begin, or to begin again."""

    life: int
    """number of times that it has begun"""
    snapshot: Arrays
    """its newest one, empty where there is none"""
    reply: Any
    """the first one of the hub"""


class Inbox:
    """Messages that wait; where there are too many, the oldest is dropped and counted.

    >>> inbox = Inbox(most=2)
    >>> for stamp in (1, 2, 3):
    ...     inbox.put(Mail(0, stamp, {}))
    >>> [message.stamp for message in inbox.take()], inbox.dropped, inbox.take()
    ([2, 3], 1, [])
    """

    def __init__(self, most: int) -> None:
        self._waiting: deque[Mail] = deque()
        self._held = threading.Lock()  # some threads put while another takes
        self.most = most
        self.came = self.dropped = 0
        """Messages that came so far, and those of them that were dropped."""

    def put(self, message: Mail) -> None:
        """Add a message at the end."""
        with self._held:
            self.came += 1
            while len(self._waiting) >= self.most:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(message)

    def take(self) -> list[Mail]:
        """Take all messages that wait, the oldest first."""
        with self._held:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken


class Outbox:
    """Messages that are about to leave: those for one shard leave together, not more often than is worth a call.

    Args:
        seconds: messages leave this long after the last ones did,
        numbers: or earlier, where there are so many numbers in them.
        clock: seconds since the run began.
    """

    def __init__(self, seconds: float, numbers: int, clock: Clock) -> None:
        self._seconds, self._most, self._clock = seconds, numbers, clock
        self._waiting: dict[int, list[Mail]] = {}
        self._left, self._numbers = -seconds, 0

    def put(self, told: Mapping[int, Mail]) -> None:
        """Add messages, by the number of the shard that each is for."""
        for receiver, mail in told.items():
            self._waiting.setdefault(receiver, []).append(mail)
            self._numbers += sum(values.size for values in mail.content.values())

    def take(self) -> dict[int, list[Mail]]:
        """Take all messages, if it is time for them to leave; otherwise none."""
        now = self._clock()
        if self._numbers < self._most and now - self._left < self._seconds:
            return {}
        leaving, self._waiting, self._numbers, self._left = self._waiting, {}, 0, now
        return leaving


class RecordedRows:
    """Rows of a schedule, which grow array by array.

    Args:
        form: an array without rows for each column.
    """

    def __init__(self, form: Arrays) -> None:
        self._parts = {name: [none] for name, none in form.items()}
        self._told = dict.fromkeys(form, 1)

    def add(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Append arrays of equal length, for some or all of the columns."""
        for name, values in rows.items():
            self._parts[name].append(values)

    def columns(self) -> Arrays:
        """All rows so far, by column."""
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}

    def fresh(self) -> Arrays:
        """The rows since the last call, by column."""
        found = {}
        for name, parts in self._parts.items():
            found[name] = np.concatenate([parts[0], *parts[self._told[name] :]])
            parts[self._told[name] :] = [found[name]]
            self._told[name] = len(parts)
        return found


class Shard(ABC):
    """Some agents of a method that live together."""

    persists_first: ClassVar[bool] = False
    """True where the hub has to hold a step's snapshot before the step's messages may leave."""

    @abstractmethod
    def begin(self, snapshot: Arrays) -> None:
        """Begin with a snapshot of an earlier life; empty for the first one."""

    @abstractmethod
    def step(self, reply: Any, messages: list[Mail]) -> Parcel:
        """Do what there is to do.

        Args:
            reply: of the hub, to the last parcel.
            messages: that have arrived since the last step.

        Returns:
            A parcel for the hub.
        """

    def tell(self) -> dict[int, Mail]:
        """Messages of the last step, by the number of the shard that each is for; worked out once the parcel is on its way."""
        return {}

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Draw for coming steps, while the hub is at work; what is drawn is the same without."""

    @property
    def pause(self) -> float:
        """Seconds until there is something to do, 0 where there is."""
        return 0.0

    def counts(self) -> dict[str, int]:
        """Numbers of what happened here, by name."""
        return {}


class Hub(ABC):
    """The party that all shards talk to, and the keeper of snapshots and of the schedule."""

    kind: ClassVar[str]
    """kind of the learner whose schedule is recorded"""

    def __init__(self, shards: int, clock: Clock, evaluate_every: int) -> None:
        """Begin with no snapshot of any shard.

        Args:
            shards: how many there are.
            clock: seconds since the run began.
            evaluate_every: iterations after which a solution is kept.
        """
        self.clock, self.evaluate_every = clock, evaluate_every
        self.snapshots: list[Arrays] = [{} for _ in range(shards)]
        self.numbers = [-1] * shards
        """Number of the last parcel of each shard."""
        self.lives = [0] * shards
        """Number of times that each shard has begun."""
        self.kept: list[Kept] = []
        self._kept_told = 0
        self._record: tuple[RecordedRows, ...] = ()
        self.duplicates = 0
        """Parcels or answers that came twice and were dropped."""

    def join(self, shard: int) -> "Welcome":
        """Take in a shard that begins, or begins again.

        Args:
            shard: its number.

        Returns:
            Everything that it needs to begin.
        """
        self.lives[shard] += 1
        return Welcome(self.lives[shard], self.snapshots[shard], self.reply(shard))

    def take(self, shard: int, life: int, parcel: Parcel) -> None:
        """Take a parcel, unless it was taken before, or comes from a life of the shard that is over.

        Args:
            shard: the number of the sender.
            life: of `join`.
            parcel: of its last step.
        """
        if life != self.lives[shard] or parcel.number <= self.numbers[shard]:
            self.duplicates += 1
            return
        self.numbers[shard] = parcel.number
        self.snapshots[shard] = parcel.snapshot
        self._take(shard, parcel)

    @abstractmethod
    def _take(self, shard: int, parcel: Parcel) -> None:
        """Take a parcel that is new."""

    @abstractmethod
    def ready(self, shard: int) -> bool:
        """Return True where there is a reply for a shard."""

    @abstractmethod
    def reply(self, shard: int) -> Any:
        """The reply to a shard's last parcel."""

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Draw for what comes, while shards are at work; what is drawn is the same without."""

    def act(self, *, patient: bool = True) -> float:
        """Do what is due, such as a measurement.

        Args:
            patient: wait for who is late as long as is usual; False: not at all.

        Returns:
            Seconds until something may be due.
        """
        return 1.0

    @property
    @abstractmethod
    def iteration(self) -> int:
        """Iterations so far, as the simulator counts them."""

    @property
    @abstractmethod
    def done(self) -> bool:
        """True once all iterations are over."""

    @abstractmethod
    def solution(self) -> NDArray[Any]:
        """The newest solution, in the form that the learner of the simulator has."""

    def schedule(self) -> Arrays:
        """Record of who did what when, so far."""
        return self._with_columns(*(rows.columns() for rows in self._record))

    def piece(self) -> RecordPiece:
        """The record since the last call, so that it can be kept elsewhere."""
        kept, self._kept_told = self.kept[self._kept_told :], len(self.kept)
        now = Kept(self.iteration, self.clock(), self.solution().copy())
        return RecordPiece(self._with_columns(*(rows.fresh() for rows in self._record)), kept, now)

    def _with_columns(self, *columns: Arrays) -> Arrays:
        together = dict(self._of_the_run())
        for one in columns:
            together |= one
        return together

    def remarks(self) -> list[str]:
        """Sentences on what has gone badly, for whoever reads the results."""
        return []

    def _of_the_run(self) -> Arrays:
        """Columns of the schedule that have no rows: they are the same in each piece, or the newest counts."""
        return {}

    def _keep(self) -> None:
        """Keep the solution, where it is time to."""
        due = (self.kept[-1].iteration if self.kept else -self.evaluate_every) + self.evaluate_every
        if self.iteration >= due:
            self.kept.append(Kept(self.iteration, self.clock(), self.solution().copy()))


def parts(agents: int, shards: int) -> list[NDArray[np.intp]]:
    """Agents of every shard: neighbours in number, as equal in size as can be.

    Args:
        agents: how many there are.
        shards: how many shards.

    Returns:
        The numbers of each shard's agents.
    """
    return np.array_split(np.arange(agents), shards)


def task_stream(seed: int, client: int, task: int) -> np.random.Generator:
    """Stream of the data of one task of one client, which do not depend on the order in which tasks are done.

    Args:
        seed: of the run.
        client: its number.
        task: number of the task, or the tick.

    Returns:
        A generator at the start of its stream.
    """
    return stream(seed, f"sample of client {client}", task)
