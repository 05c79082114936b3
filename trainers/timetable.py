"""The order of events of the methods with a server: which client's task arrives when, and how old it is.

It does not depend on the iterates, only on how fast clients compute and whom the server asks. So it is simulated first,
and a learner is a loop over arrays. Tasks are numbered: 0 ... tau_C - 1 leave at the start, task tau_C + u leaves after
update u. The server applies what arrives, then sends; a client that is busy queues its tasks and does them in turn, so that
it is known when a task is sent when it will be done. tau_C tasks are under way at any time, waiting ones included.
"""

import heapq
from abc import abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wirelessenv.config import ConfigError, Count, Model, Piece, Positive
from wirelessenv.streams import stream

CHUNK = 512  # updates simulated at once


class Duration(Piece):
    """How long a task of client i takes, or a message of node i travels."""

    random: ClassVar[bool] = False

    @abstractmethod
    def means(self, clients: int) -> NDArray[np.float64]:
        """The mean duration for each of n clients, (n,)."""


class Constant(Duration):
    """The same for all clients, always."""

    kind: Literal["constant"] = "constant"
    seconds: Positive = 1.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.full(clients, float(self.seconds))


class Linear(Duration):
    """i tau / n for client i = 1 ... n, so that the slowest needs tau (papers/004, Appendix D.1)."""

    kind: Literal["linear"] = "linear"
    slowest: Positive = 10.0

    def means(self, clients: int) -> NDArray[np.float64]:
        return np.arange(1, clients + 1) * self.slowest / clients


class Given(Duration):
    """One number for each client."""

    kind: Literal["given"] = "given"
    seconds: tuple[Positive, ...]

    def means(self, clients: int) -> NDArray[np.float64]:
        if len(self.seconds) != clients:
            raise ConfigError(f"seconds: {len(self.seconds)} numbers are not valid: there should be one for each of {clients}")
        return np.asarray(self.seconds, float)


class Exponential(Duration):
    """Exponentially distributed, drawn anew for each task, around the `mean` of another law."""

    kind: Literal["exponential"] = "exponential"
    mean: Duration = Constant()
    random: ClassVar[bool] = True

    def means(self, clients: int) -> NDArray[np.float64]:
        return self.mean.means(clients)


class Server(Model):
    """Whom a server asks, and how long they take; n = all clients of a problem.

    `assignment`: "uniform": the next task goes to a client drawn uniformly from all n, busy or not (papers/004, line 8);
    "same": to the client that has just answered, so that the same `concurrency` clients are busy all the time.
    `concurrency` is tau_C, the clients that get the first tasks: all n where it is not given, else drawn uniformly.
    """

    computing: Duration = Linear()
    assignment: Literal["uniform", "same"] = "uniform"
    concurrency: Count | None = None

    def random(self, clients: int) -> bool:
        """Whether two seeds have different timetables."""
        return self.computing.random or self.assignment == "uniform" or self.concurrency not in (None, clients)

    def timetable(self, clients: int, seed: int) -> "Timetable":
        """The timetable of one run; raises ConfigError where the settings do not fit the number of clients."""
        return Timetable(self, clients, seed)


class Events(NamedTuple):
    """What happens at some updates u, one row for each."""

    client: NDArray[np.intp]
    """j_u, whose answer the server applies"""
    sent_at: NDArray[np.intp]
    """how many updates were done when that task left: it was computed with x_{sent_at}; 0 for the first tasks"""
    slot: NDArray[np.intp]
    """which of the tau_C tasks under way that is; the next task takes its place"""
    next_client: NDArray[np.intp]
    """who gets the next task"""
    seconds: NDArray[np.float64]
    """simulated time"""
    active: NDArray[np.intp]
    """clients with a task, once the next one has left"""


class Totals(NamedTuple):
    """Sums over the updates so far, so that a summary costs no more late than early."""

    largest: int = 0
    staleness: int = 0
    active: int = 0
    seconds: float = 0.0


class Timetable:
    """The events of one run, simulated as far as somebody asks; they depend on the seed and the settings alone.

    >>> table = Server(computing={"kind": "given", "seconds": [2, 3]}, assignment="same").timetable(clients=2, seed=0)
    >>> table.client(5).tolist(), table.seconds(5).tolist(), table.staleness(5).tolist()
    ([0, 1, 0, 1, 0], [2.0, 3.0, 4.0, 6.0, 6.0], [0, 1, 1, 1, 1])
    """

    def __init__(self, server: Server, clients: int, seed: int) -> None:
        concurrency = clients if server.concurrency is None else server.concurrency
        if concurrency > clients:
            raise ConfigError(f"concurrency: {concurrency} is not valid: there are only {clients} clients")
        self.clients, self.concurrency = clients, concurrency
        self._server, self._means = server, server.computing.means(clients).tolist()
        self._assignments, self._durations = stream(seed, "assignment"), stream(seed, "computing time")
        everybody = np.arange(clients)
        first = everybody if concurrency == clients else self._assignments.permutation(everybody)[:concurrency]
        self.first: list[int] = first.tolist()
        """Who gets the first tasks."""
        self._free_at, self._tasks_of = [0.0] * clients, [0] * clients
        self._under_way: list[tuple[float, int, int, int]] = []  # (done at, task, client, slot), a heap
        for slot, client in enumerate(self.first):
            self._send(0.0, slot, client, slot, self._factors(1)[0])
        self._chunks: list[Events] = []
        self._totals = [Totals()]  # before each chunk

    def _factors(self, tasks: int) -> list[float]:
        random = self._server.computing.random
        return self._durations.exponential(size=tasks).tolist() if random else [1.0] * tasks

    def _send(self, now: float, task: int, client: int, slot: int, factor: float) -> None:
        start = max(now, self._free_at[client])
        self._free_at[client] = start + factor * self._means[client]
        self._tasks_of[client] += 1
        heapq.heappush(self._under_way, (self._free_at[client], task, client, slot))

    def chunk(self, number: int) -> Events:
        """The events of updates number * CHUNK to (number + 1) * CHUNK."""
        while len(self._chunks) <= number:
            self._chunks.append(self._simulate(len(self._chunks) * CHUNK))
            self._totals.append(self._counted(len(self._chunks) - 1, CHUNK))
        return self._chunks[number]

    def _simulate(self, start: int) -> Events:
        drawn = (self._assignments.random(CHUNK) * self.clients).astype(int).tolist()
        factors = self._factors(CHUNK)
        rows = []
        active = sum(count > 0 for count in self._tasks_of)
        for row in range(CHUNK):
            now, task, client, slot = heapq.heappop(self._under_way)
            self._tasks_of[client] -= 1
            chosen = drawn[row] if self._server.assignment == "uniform" else client
            self._send(now, self.concurrency + start + row, chosen, slot, factors[row])
            if chosen != client:  # one task ends, one begins: at most these two begin or cease to be active
                active += (self._tasks_of[chosen] == 1) - (self._tasks_of[client] == 0)
            rows.append((client, max(0, task - self.concurrency + 1), slot, chosen, now, active))
        columns = [np.asarray(column) for column in zip(*rows, strict=True)]
        return Events(*columns)

    def _column(self, name: str, updates: int) -> NDArray[Any]:
        chunks = [getattr(self.chunk(number), name) for number in range(-(-updates // CHUNK))]
        return np.concatenate([np.empty(0, int), *chunks])[:updates]

    def client(self, updates: int) -> NDArray[np.intp]:
        """j_u of the first `updates` updates."""
        return self._column("client", updates)

    def sent_at(self, updates: int) -> NDArray[np.intp]:
        """When the task of update u left, in updates; it is received at u."""
        return self._column("sent_at", updates)

    def seconds(self, updates: int) -> NDArray[np.float64]:
        """Simulated time of the first `updates` updates."""
        return self._column("seconds", updates)

    def staleness(self, updates: int) -> NDArray[np.intp]:
        """tau_u = u - sent_at: how many updates passed while a task was under way."""
        return np.asarray(np.arange(updates) - self.sent_at(updates))

    def summary(self, updates: int) -> dict[str, float]:
        """tau_C, and over the first `updates` updates tau_max, tau_avg, mean active clients (concurrency), and the time.

        tau_avg counts what has arrived; a client is active while it has a task.
        """
        whole, rest = divmod(updates, CHUNK)
        self.chunk(whole)
        totals, count = self._counted(whole, rest), max(updates, 1)
        return {
            "tau_c": self.concurrency,
            "tau_max": totals.largest,
            "tau_avg": totals.staleness / count,
            "concurrency": totals.active / count,
            "seconds": totals.seconds,
        }

    def _counted(self, number: int, rows: int) -> Totals:
        """Everything up to the first `rows` updates of a chunk."""
        before, events = self._totals[number], self._chunks[number]
        if rows == 0:
            return before
        ages = number * CHUNK + np.arange(rows) - events.sent_at[:rows]
        largest, seconds = max(before.largest, int(ages.max())), float(events.seconds[rows - 1])
        return Totals(largest, before.staleness + int(ages.sum()), before.active + int(events.active[:rows].sum()), seconds)
