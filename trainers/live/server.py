"""AsyncBC live: clients that answer tasks, and a server that applies each answer as it comes (Gao et al., 2025)."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.algorithms.async_bc import AsyncBC, AsyncBCSettings, apply, difference
from trainers.events.timetable import chosen
from trainers.live.party import Arrays, Clock, Hub, Mail, Parcel, RecordedRows, Shard, Welcome, task_stream
from trainers.problems.objective import NumpyArray, Objective
from wirelessenv.streams import stream


class Tasks(NamedTuple):
    """Tasks of some clients, in the order in which they were sent."""

    numbers: NDArray[np.intp]
    clients: NDArray[np.intp]
    points: NumpyArray
    """x_{t+1} and x_t of each, (tasks, 2, d)"""


class ClientShard(Shard):
    """Some clients, who remember nothing: the server issues again what they have not answered.

    Args:
        objective: the costs.
        settings: of the learner.
        seed: of the run.
        at_most: tasks that are answered in a step; the others wait for the next.
    """

    def __init__(self, objective: Objective, settings: AsyncBCSettings, seed: int, at_most: int = 32) -> None:
        self._objective, self._settings, self._seed, self._at_most = objective, settings, seed, at_most
        self._waiting: list[tuple[int, int, NumpyArray]] = []
        self._steps = -1

    def begin(self, snapshot: Arrays) -> None:
        self._steps = int(snapshot["steps"]) if snapshot else -1

    def step(self, reply: Tasks, messages: list[Mail]) -> Parcel:
        self._waiting += zip(reply.numbers.tolist(), reply.clients.tolist(), reply.points, strict=True)
        now, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
        answers = [self.answer(*task) for task in now]
        self._steps += 1
        content = {
            "numbers": np.array([number for number, *_ in now], np.int64),
            "answers": np.array(answers) if answers else np.zeros((0, self._objective.size)),
            "waiting": np.array(len(self._waiting)),
        }
        return Parcel(self._steps, content, {"steps": np.array(self._steps)}, {})

    def answer(self, number: int, client: int, points: NumpyArray) -> NumpyArray:
        """Answer a task, from data that depend on the client and the task alone.

        Args:
            number: of the task.
            client: its number.
            points: x_{t+1} and x_t, (2, d).

        Returns:
            grad f_k(x_{t+1}; xi) - grad f_k(x_t; xi), (d,).
        """
        samples = self.samples(self._objective, self._settings, self._seed, number, client)
        return np.asarray(difference(self._objective, client, points[:, None, None], samples)[0, 0])

    @staticmethod
    def samples(
        objective: Objective, settings: AsyncBCSettings, seed: int, number: int, client: int
    ) -> list[NumpyArray | None]:
        """Samples of a task: one, or one for each of its two gradients; None where gradients are exact.

        Args:
            objective: the costs.
            settings: of the learner.
            seed: of the run.
            number: of the task.
            client: its number.

        Returns:
            Samples with an axis for the runs, of which there is one: (1, ...).
        """
        draws = 1 if settings.same_sample else 2
        if settings.exact:
            return [None] * draws
        rng = task_stream(seed, client, number)
        return [objective.draw(np.array([client]), rng) for _ in range(draws)]


class AnswerServer(Hub):
    """The server of AsyncBC: it keeps every task until it is answered, so that m_t and the tasks under way stay right.

    A task whose client was lost is issued again when its shard is back; an answer that comes twice is dropped by its number.

    Args:
        learner: at its start, with one run and one variant.
        owners: the shard of each client.
        iterations: updates until the end.
        clock: seconds since the run began.
        evaluate_every: updates after which a solution is kept.
    """

    kind = "async_bc"

    def __init__(
        self, learner: AsyncBC, owners: NDArray[np.intp], iterations: int, clock: Clock, evaluate_every: int = 100
    ) -> None:
        super().__init__(int(owners.max()) + 1, clock, evaluate_every)
        self._owners, self._iterations, self._iteration = owners, iterations, 0
        self._assignment = learner.settings.server.assignment
        self._assignments = stream(learner.seeds[0], "next client")
        self._momentum, self._points = learner.momentum.copy(), learner._points.copy()  # lines 1
        self._eta = learner.step_size.astype(self._points.dtype)
        first = learner.timetables[0].first
        self.tau_c = len(first)
        self._busy = np.zeros(len(owners), int)
        self.under_way: dict[int, tuple[int, NumpyArray]] = {}
        """Client and points of every task that is not answered, by its number."""
        self._waiting: list[list[int]] = [[] for _ in self.snapshots]
        self._left_by_shard = [0] * len(self.snapshots)
        for number, client in enumerate(first):
            self._send(number, client)
        self._first = np.array(first)
        none = np.zeros(0, np.int64)
        self._rows = RecordedRows({"task": none, "next_client": none, "seconds": np.zeros(0)})
        self._record = (self._rows,)
        self._keep()

    @property
    def points(self) -> NumpyArray:
        """x_{t+1} and x_t, (2, d)."""
        return np.asarray(self._points[:, 0, 0])

    @property
    def momentum(self) -> NumpyArray:
        """Momentum m_t of the server, (d,)."""
        return np.asarray(self._momentum[0, 0])

    def _send(self, number: int, client: int) -> None:
        self.under_way[number] = client, self.points.copy()
        self._busy[client] += 1
        self._waiting[self._owners[client]].append(number)

    def join(self, shard: int) -> Welcome:
        self._waiting[shard] = [number for number, (client, _) in self.under_way.items() if self._owners[client] == shard]
        self._left_by_shard[shard] = 0
        return super().join(shard)

    def _take(self, shard: int, parcel: Parcel) -> None:
        self._left_by_shard[shard] = int(parcel.content["waiting"])
        for number, answer in zip(parcel.content["numbers"].tolist(), parcel.content["answers"], strict=True):
            if number not in self.under_way:
                self.duplicates += 1
            elif not self.done:
                self.apply(number, answer)

    def apply(self, number: int, answer: NumpyArray) -> None:
        """Apply an answer, and send the next task: lines 5 to 8.

        Args:
            number: of the task that it answers.
            answer: of the client, (d,).
        """
        client, _ = self.under_way.pop(number)
        self._busy[client] -= 1
        weighted = answer / self.tau_c if number < self.tau_c else answer  # 3
        apply(weighted, self._points, self._momentum, self._eta)  # 5, 6, 7
        following = chosen(self._assignment, self._assignments.random(), client, self._busy.tolist())  # 8
        self._send(self.tau_c + self._iteration, following)
        self._iteration += 1
        row = {"task": np.array([number]), "next_client": np.array([following]), "seconds": np.array([self.clock()])}
        self._rows.add(row)
        self._keep()

    def ready(self, shard: int) -> bool:
        return bool(self._waiting[shard] or self._left_by_shard[shard])

    def reply(self, shard: int) -> Tasks:
        numbers, self._waiting[shard] = [one for one in self._waiting[shard] if one in self.under_way], []
        tasks = [self.under_way[number] for number in numbers]
        points = np.array([points for _, points in tasks]) if tasks else np.zeros((0, *self.points.shape))
        return Tasks(np.array(numbers, np.intp), np.array([client for client, _ in tasks], np.intp), points)

    @property
    def iteration(self) -> int:
        return self._iteration

    @property
    def done(self) -> bool:
        return self._iteration >= self._iterations

    def solution(self) -> NDArray[Any]:
        return np.asarray(self._points[0])

    def _of_the_run(self) -> Arrays:
        return {"first": self._first}
