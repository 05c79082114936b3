"""Timetables of the methods with a server: which client's task arrives when, and how old it is.

It does not depend on the iterates, only on how fast clients compute and whom the server asks. So it is simulated first,
and a learner is a loop over arrays. Tasks are numbered: 0 ... tau_C - 1 leave at the start, task tau_C + u leaves after
update u. The server applies what arrives, then sends; a client that is busy queues its tasks and does them in turn, so that
it is known when a task is sent when it will be done. tau_C tasks are under way at any time, waiting ones included.
"""

import heapq
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.events.durations import Duration, Linear
from wirelessenv.config import ConfigError, Count, Model
from wirelessenv.saved_state import misfit, refuse_misfit, refuse_outside, refuse_unsound
from wirelessenv.streams import generator_state, set_generator_state, stream

CHUNK = 512  # updates simulated at once


class Server(Model):
    """Choice of the clients that a server asks, and durations of their tasks; n = all clients of a problem.

    `assignment`: "uniform": the next task goes to a client drawn uniformly from all n, busy or not (Gao et al., 2025, line 8);
    "inactive": to one drawn uniformly from those without a task, the greedy choice, which is biased towards fast clients;
    "same": to the client that has just answered, so that the same `concurrency` clients are busy all the time.
    `concurrency` is tau_C, the clients that get the first tasks: all n where it is not given, else drawn uniformly.
    """

    computing: Duration = Linear()
    assignment: Literal["uniform", "inactive", "same"] = "uniform"
    concurrency: Count | None = None

    def random(self, clients: int) -> bool:
        """True where two seeds have different timetables."""
        return self.computing.random or self.assignment != "same" or self.concurrency not in (None, clients)

    def timetable(self, clients: int, seed: int) -> "Timetable":
        """Timetable of the tasks of one run.

        Args:
            clients: n.
            seed: of the run.

        Returns:
            The timetable, from its beginning.

        Raises:
            ConfigError: where the settings do not fit the number of clients.
        """
        return Timetable(self, clients, seed)


def chosen(assignment: str, drawn: float, answered: int, tasks_of: Sequence[int]) -> int:
    """The client that gets the next task.

    Args:
        assignment: of `Server`.
        drawn: a number drawn from [0, 1).
        answered: the client that has just answered.
        tasks_of: how many tasks each client has.

    Returns:
        Its number.
    """
    if assignment == "same":
        return answered
    if assignment == "uniform":
        return int(drawn * len(tasks_of))
    inactive = [client for client, tasks in enumerate(tasks_of) if tasks == 0]
    return inactive[int(drawn * len(inactive))]


class Events(NamedTuple):
    """Events of some updates u, one row for each."""

    client: NDArray[np.intp]
    """j_u, the client whose answer the server applies"""
    sent_at: NDArray[np.intp]
    """number of updates done when that task left: it was computed with x_{sent_at}; 0 for the first tasks"""
    slot: NDArray[np.intp]
    """place among the tau_C tasks under way; the next task takes it"""
    next_client: NDArray[np.intp]
    """the client that gets the next task"""
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
    """The events of one run, chunk after chunk; they depend on the seed and the settings alone.

    It holds one chunk, and what going on from there needs: what is passed is let go, and simulated again where somebody asks.

    >>> table = Server(computing={"kind": "given", "seconds": [2, 3]}, assignment="same").timetable(clients=2, seed=0)
    >>> table.client(5).tolist(), table.seconds(5).tolist(), table.staleness(5).tolist()
    ([0, 1, 0, 1, 0], [2.0, 3.0, 4.0, 6.0, 6.0], [0, 1, 1, 1, 1])
    """

    def __init__(self, server: Server, clients: int, seed: int) -> None:
        concurrency = clients if server.concurrency is None else server.concurrency
        if concurrency > clients:
            raise ConfigError(f"concurrency: {concurrency} is not valid: there are only {clients} clients")
        self.clients, self.concurrency = clients, concurrency
        self._server, self._seed, self._means = server, seed, server.computing.means(clients).tolist()
        self._begin()

    def _begin(self) -> None:
        """Set out before the first chunk."""
        self._assignments, self._durations = stream(self._seed, "assignment"), stream(self._seed, "computing time")
        everybody = np.arange(self.clients)
        all_busy = self.concurrency == self.clients
        first = everybody if all_busy else self._assignments.permutation(everybody)[: self.concurrency]
        self.first: list[int] = first.tolist()
        """The clients that get the first tasks."""
        self._free_at, self._tasks_of = [0.0] * self.clients, [0] * self.clients
        self._under_way: list[tuple[float, int, int, int]] = []  # (done at, task, client, slot), a heap
        for slot, client in enumerate(self.first):
            self._send(0.0, slot, client, slot, self._factors(1)[0])
        self._number, self._totals = 0, Totals()  # of the chunk in hand, and before it
        self._events: Events | None = None  # None: not simulated yet
        self._before = self._now()

    @property
    def number(self) -> int:
        """Number of the chunk in hand."""
        return self._number

    def _now(self) -> dict[str, Any]:
        """State that the simulation needs to go on."""
        return {
            "chunk": self._number,
            "totals": list(self._totals),
            "streams": [generator_state(one) for one in (self._assignments, self._durations)],
            "free_at": self._free_at.copy(),
            "tasks_of": self._tasks_of.copy(),
            "under_way": self._under_way.copy(),
        }

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from the chunk in hand."""
        return deepcopy(self._before)

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_misfit(state, self._before, "timetable")
        self._refuse_tasks(state)
        self._number, self._totals, self._events = int(state["chunk"]), Totals(*state["totals"]), None
        for generator, saved in zip((self._assignments, self._durations), state["streams"], strict=True):
            set_generator_state(generator, saved)
        self._free_at, self._tasks_of = list(state["free_at"]), list(state["tasks_of"])
        self._under_way = [(done, task, client, slot) for done, task, client, slot in state["under_way"]]
        heapq.heapify(self._under_way)
        self._before = self._now()

    def _refuse_tasks(self, state: dict[str, Any]) -> None:
        """Raises ConfigError unless tau_C tasks are under way, in tau_C slots, of clients that know of them."""
        refuse_outside("timetable.chunk", state["chunk"], 0)
        refuse_outside("timetable.totals", state["totals"][:3], 0)
        refuse_unsound("timetable.totals.3", state["totals"][3])
        refuse_unsound("timetable.free_at", state["free_at"])
        done, tasks, clients, slots = (list(column) for column in zip(*state["under_way"], strict=True))
        refuse_unsound("timetable.under_way", done)
        refuse_outside("timetable.under_way", tasks, 0, self.concurrency + state["chunk"] * CHUNK - 1)
        refuse_outside("timetable.under_way", clients, 0, self.clients - 1)
        if sorted(slots) != [*range(self.concurrency)] or len({*tasks}) < len(tasks):
            raise misfit("timetable.under_way", "has two tasks in one place")
        if state["tasks_of"] != np.bincount(clients, minlength=self.clients).tolist():
            raise misfit("timetable.tasks_of", "does not count the tasks under way")

    def _factors(self, tasks: int) -> list[float]:
        random = self._server.computing.random
        return self._durations.exponential(size=tasks).tolist() if random else [1.0] * tasks

    def _send(self, now: float, task: int, client: int, slot: int, factor: float) -> None:
        start = max(now, self._free_at[client])
        self._free_at[client] = start + factor * self._means[client]
        self._tasks_of[client] += 1
        heapq.heappush(self._under_way, (self._free_at[client], task, client, slot))

    def chunk(self, number: int) -> Events:
        """The events of updates number * CHUNK to (number + 1) * CHUNK; earlier ones than those in hand from the start."""
        if number < self._number:
            self._begin()
        events = self._simulated()
        while self._number < number:
            self._totals, self._number, self._events = self._counted(events, CHUNK), self._number + 1, None
            self._before = self._now()
            events = self._simulated()
        return events

    def _simulated(self) -> Events:
        """Events of the chunk in hand."""
        self._events = self._simulate(self._number * CHUNK) if self._events is None else self._events
        return self._events

    def _simulate(self, start: int) -> Events:
        drawn = self._assignments.random(CHUNK).tolist()
        factors = self._factors(CHUNK)
        rows = []
        active = sum(count > 0 for count in self._tasks_of)
        for row in range(CHUNK):
            now, task, client, slot = heapq.heappop(self._under_way)
            self._tasks_of[client] -= 1
            following = chosen(self._server.assignment, drawn[row], client, self._tasks_of)
            self._send(now, self.concurrency + start + row, following, slot, factors[row])
            if following != client:  # one task ends, one begins: at most these two begin or cease to be active
                active += (self._tasks_of[following] == 1) - (self._tasks_of[client] == 0)
            rows.append((client, max(0, task - self.concurrency + 1), slot, following, now, active))
        columns = [np.asarray(column) for column in zip(*rows, strict=True)]
        return Events(*columns)

    def _column(self, name: str, updates: int) -> NDArray[Any]:
        again = Timetable(self._server, self.clients, self._seed)
        chunks = [getattr(again.chunk(number), name) for number in range(-(-updates // CHUNK))]
        return np.concatenate([np.empty(0, int), *chunks])[:updates]

    def client(self, updates: int) -> NDArray[np.intp]:
        """Clients j_u whose answers arrive at the first `updates` updates, (updates,)."""
        return self._column("client", updates)

    def next_client(self, updates: int) -> NDArray[np.intp]:
        """The clients that get the next task at the first `updates` updates, (updates,)."""
        return self._column("next_client", updates)

    def sent_at(self, updates: int) -> NDArray[np.intp]:
        """Updates done when the task that arrives at u left, (updates,)."""
        return self._column("sent_at", updates)

    def seconds(self, updates: int) -> NDArray[np.float64]:
        """Simulated time of the first `updates` updates in seconds, (updates,)."""
        return self._column("seconds", updates)

    def staleness(self, updates: int) -> NDArray[np.intp]:
        """tau_u = u - sent_at: updates that passed while a task was under way, (updates,)."""
        return np.asarray(np.arange(updates) - self.sent_at(updates))

    def summary(self, updates: int) -> dict[str, float]:
        """Summary: tau_C, and of the first `updates` updates tau_max, tau_avg, mean active clients (concurrency) and time.

        tau_avg counts what has arrived; a client is active while it has a task.
        """
        whole, rest = divmod(updates, CHUNK)
        if whole == self._number + 1 and rest == 0:
            whole, rest = self._number, CHUNK
        table = self if whole == self._number else Timetable(self._server, self.clients, self._seed)
        totals, count = table._counted(table.chunk(whole), rest), max(updates, 1)
        return {
            "tau_c": self.concurrency,
            "tau_max": totals.largest,
            "tau_avg": totals.staleness / count,
            "concurrency": totals.active / count,
            "seconds": totals.seconds,
        }

    def _counted(self, events: Events, rows: int) -> Totals:
        """Everything up to the first `rows` updates of the chunk in hand."""
        before = self._totals
        if rows == 0:
            return before
        ages = self._number * CHUNK + np.arange(rows) - events.sent_at[:rows]
        largest, seconds = max(before.largest, int(ages.max())), float(events.seconds[rows - 1])
        return Totals(largest, before.staleness + int(ages.sum()), before.active + int(events.active[:rows].sum()), seconds)
