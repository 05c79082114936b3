"""Base class of the methods with a server: timetables, samples drawn ahead, tasks under way, counts."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from trainers.algorithms.base.gradient_learner import GradientLearner
from trainers.algorithms.base.settings import LINKS, SampledSettings
from trainers.events.timetable import CHUNK, Server
from trainers.problems.objective import Clients, NumpyArray
from wirelessenv.config import ConfigError, Seed
from wirelessenv.saved_state import refuse_infinite, refuse_length, refuse_misfit, refuse_outside
from wirelessenv.streams import stream

SUMMARY = ("tau_c", "tau_max", "tau_avg", "concurrency", "seconds")


class ServerSettings(SampledSettings):
    """Settings of the methods with a server."""

    server: Annotated[Server, LINKS] = Field(Server(), description="whom the server asks, and how long they take")
    timetable_seed: Seed | None = Field(None, description="the seed of one timetable for all runs, which is faster")


class Event(NamedTuple):
    """One update of the server, in the runs' timetables."""

    arrived: Any
    """place of the answer among the tasks under way: a slot, or an index of one slot for each run"""
    next_client: Clients
    """the client that gets the next task, or one for each run"""
    samples: Sequence[NumpyArray | None]
    """the samples of that client, one for each point that needs a sample of its own"""


class ServerLearner(GradientLearner):
    """A server and n clients, for runs and variants side by side: `_update` is one update of the server.

    Each run has a timetable of its own, from its seed, unless `timetable_seed` gives one to all of them, which is faster:
    then all runs deal with the same client at the same time. A client answers at once in this program; that its answer
    waits among the tasks under way (`_under_way`) until the timetable lets it arrive makes it a stale one.
    """

    settings: ServerSettings
    STATE: ClassVar[tuple[str, ...]] = (*GradientLearner.STATE, "_under_way", "_ahead")
    VECTORS: ClassVar[int] = 2
    """vectors of R^d that travel at an update, both ways together"""

    def _begin(self) -> None:
        super()._begin()
        server, clients, one_seed = self.settings.server, self.problem.clients, self.settings.timetable_seed
        shared = one_seed is not None or len(self.seeds) == 1 or not server.random(clients)
        owners = self.seeds[:1] if one_seed is None else (one_seed,)
        self.timetables = [server.timetable(clients, seed) for seed in (owners if shared else self.seeds)]
        """One for all runs, or one for each."""
        self._x = self._start()
        self._eta = self.step_size.astype(self._x.dtype)
        self._form = self._x.shape, self._x.dtype
        self._ahead: list[NumpyArray] = []  # samples of the tasks that leave in this chunk, (CHUNK, runs, ...)
        self._exact: list[None] = [None] * self.draws  # in the place of samples
        self._loaded = -1
        every = np.arange(self.variants)[:, None], np.arange(len(self.seeds))
        self._places: tuple[NumpyArray, ...] = () if len(self.timetables) == 1 else every  # of a run's variants in `_under_way`
        with np.errstate(over="ignore", invalid="ignore"):
            self._first_tasks()

    @abstractmethod
    def _first_tasks(self) -> None:
        """The lines before the loop."""

    @property
    def draws(self) -> int:
        """Number of samples that a task draws."""
        return 1

    @property
    def solution(self) -> NumpyArray:
        return self._x

    def _iteration(self) -> None:
        super()._iteration()
        if self.iteration % CHUNK == 1 and (self._x.shape, self._x.dtype) != self._form:
            (shape, dtype), now = self._form, f"{self._x.dtype} of the shape {self._x.shape}"
            right = f"it should stay {dtype} of the shape {shape} (step sizes, runs, d)"
            raise ConfigError(f"{type(self).__name__}._update: {now} is not valid for x: {right}")

    def _client(self, clients: NumpyArray) -> Clients:
        """One client for each timetable, as an objective takes them."""
        return int(clients[0]) if len(self.timetables) == 1 else clients

    def _draw(self, clients: NumpyArray) -> list[NumpyArray]:
        """Samples (tasks, runs, ...) for tasks of `clients` (tasks, timetables); none where gradients are exact."""
        if self.settings.exact:
            return []
        columns = np.broadcast_to(clients, (len(clients), len(self.seeds))).T
        return [
            np.stack([self.problem.draw(own, rng) for own, rng in zip(columns, self._samples, strict=True)], axis=1)
            for _ in range(self.draws)
        ]

    def _first(self) -> list[tuple[Clients, Sequence[NumpyArray | None]]]:
        """The tau_C clients that get the first tasks, with their samples."""
        clients = np.stack([table.first for table in self.timetables], axis=1)
        drawn = self._draw(clients)
        return [(self._client(row), self._task(drawn, place)) for place, row in enumerate(clients)]

    def _task(self, drawn: list[NumpyArray], place: int) -> Sequence[NumpyArray | None]:
        return [samples[place] for samples in drawn] if drawn else self._exact

    def _next(self) -> Event:
        """Event of this update, from the timetables."""
        row = self._row()  # first: it loads them
        return self._events[row]

    def _row(self) -> int:
        """Place of this update in its chunk, which is loaded if it is not yet."""
        chunk, row = divmod(self.iteration, CHUNK)
        if chunk != self._loaded:
            self._load(chunk, fresh=row == 0)
        return row

    def _load(self, chunk: int, fresh: bool) -> None:
        events = [table.chunk(chunk) for table in self.timetables]
        slots = np.stack([one.slot for one in events], axis=1)
        clients = np.stack([one.next_client for one in events], axis=1)
        alone = len(events) == 1
        self._slots: list[Any] = slots[:, 0].tolist() if alone else list(slots)
        asked: list[Any] = clients[:, 0].tolist() if alone else list(clients)
        if fresh:  # else they come from a saved state
            self._ahead = self._draw(clients)
        self._events = [
            Event((slot, *self._places) if self._places else slot, client, self._task(self._ahead, row))
            for row, (slot, client) in enumerate(zip(self._slots, asked, strict=True))
        ]
        self._loaded = chunk

    def measures(self) -> dict[str, NumpyArray]:
        """Measures by name, each (variants, runs): the problem's, staleness, simulated time, messages and bits so far.

        The first tasks, and at each update what arrives and what leaves, are `messages`; `entries` are their numbers,
        which have 32 bits each. The exact gradient at x_0 that AsyncBC begins with, to which all clients contribute once, is
        not counted.
        """
        known = [table.summary(self.iteration) for table in self.timetables]
        rows = {name: np.array([one[name] for one in known]) for name in SUMMARY}
        leaving = self.VECTORS - 1
        vectors = leaving * rows["tau_c"] + self.VECTORS * self.iteration
        rows |= {"messages": rows["tau_c"] + 2 * self.iteration, "entries": vectors * self.problem.size}
        return self._measures_beside(rows)

    def state(self) -> dict[str, Any]:
        for table in self.timetables:
            if table.number > self.iteration // CHUNK:  # somebody has looked ahead
                table.chunk(self.iteration // CHUNK)
        return {"timetables": [table.state() for table in self.timetables], **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        chunk, row = divmod(state["iteration"], CHUNK)
        for saved in state["timetables"]:
            refuse_outside("timetables.chunk", saved["chunk"], max(chunk - (row == 0), 0), chunk)
        self._refuse_samples(state["_ahead"], row)
        super()._set_state(state)
        for table, saved in zip(self.timetables, state["timetables"], strict=True):
            table.set_state(saved)
        self._loaded = -1

    def _refuse_samples(self, ahead: Any, row: int) -> None:
        """Raises ConfigError unless they are samples for the rest of a chunk of which `row` updates are done."""
        count = 0 if self.settings.exact else self.draws
        samples = refuse_length("_ahead", ahead, count if row else 0, count)
        if not samples:
            return
        one = self.problem.draw(np.zeros(1, int), stream(0, "sample"))
        shape = (CHUNK, len(self.seeds), *one.shape[1:])
        refuse_misfit(samples, [np.broadcast_to(one, shape)] * count, "_ahead")
        if one.dtype.kind in "iu":
            refuse_outside("_ahead", samples, 0, self.problem.rows - 1)
        refuse_infinite("_ahead", samples)

    _under_way: NumpyArray
    """Answers of clients that the server has not received, (tau_C, variants, runs, d)."""
