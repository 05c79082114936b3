"""Base class of the methods with a server that does not treat all answers alike: ledgers beside timetables."""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from trainers.algorithms.base.answer_learner import AnswerLearner, AnswerSettings
from trainers.algorithms.base.server_learner import Event
from trainers.algorithms.base.settings import LINKS
from trainers.events.ledger import ALL, Ledger, beside
from trainers.events.timetable import CHUNK, Server
from trainers.problems.objective import NumpyArray
from wirelessenv.config import ConfigError


def _same(server: Any) -> Any:
    """Let clients go on by themselves where nobody says whom the server asks."""
    if isinstance(server, Server):
        return server if "assignment" in server.model_fields_set else server.model_copy(update={"assignment": "same"})
    return {"assignment": "same", **server} if isinstance(server, dict) else server


class LedgerSettings(AnswerSettings):
    """Settings of the methods with a server whose clients go on as soon as they have answered."""

    server: Annotated[Server, BeforeValidator(_same), LINKS] = Field(
        Server(assignment="same"), description="how long clients take; `assignment` is `same`, where nothing else is asked for"
    )


class LedgerLearner(AnswerLearner):
    """Server that looks at the age of an answer, or whose it is, before x moves; `_update` is one answer.

    `_ledger` makes the ledger of a timetable: one for all runs, or one for each.
    """

    settings: LedgerSettings
    every_client: ClassVar[bool] = False
    """True where every client has one task, always, so that a slot is a client"""

    @abstractmethod
    def _ledger(self, tasks: int) -> Ledger:
        """Make a ledger for so many tasks under way."""

    def _begin(self) -> None:
        server, clients = self.settings.server, self.problem.clients
        if self.every_client and (server.assignment != "same" or server.concurrency not in (None, clients)):
            given = f"server: assignment {server.assignment}, concurrency {server.concurrency or clients}"
            raise ConfigError(f"{given} is not valid for {self.settings.kind}: all {clients} clients work always, use same")
        super()._begin()
        self._ledgers = [self._ledger(table.concurrency) for table in self.timetables]
        self._before: list[dict[str, Any]] = []  # their states before the chunk that is loaded

    def _next_entry(self) -> tuple[Event, Any]:
        """Event of this update, and the ledgers' decision about it."""
        row = self._row()  # first: it loads them
        return self._decided[row]

    def _load(self, chunk: int, fresh: bool) -> None:
        super()._load(chunk, fresh)
        self._before = [ledger.state() for ledger in self._ledgers]
        slots = np.array(self._slots).reshape(CHUNK, len(self._ledgers)).T.tolist()
        columns = [ledger.chunk(own) for ledger, own in zip(self._ledgers, slots, strict=True)]
        self._moves = np.array([[entry.moves for entry in own] for own in columns])
        alone = len(columns) == 1
        entries = columns[0] if alone else [beside(row) for row in zip(*columns, strict=True)]
        self._decided = list(zip(self._events, entries, strict=True))

    def _move(self, runs: Any, change: NumpyArray) -> None:
        """Subtract a change (variants, runs, d) from x in the runs of an index that `runs_where` gave."""
        if runs is ALL:
            self._x -= change  # half the calls of the line below
        else:
            self._x[:, runs] -= change[:, runs]

    def steps(self) -> NumpyArray:
        """Steps that x has made, one number or (runs,)."""
        chunk, row = divmod(self.iteration, CHUNK)
        if chunk != self._loaded:
            if row == 0:
                return np.array([ledger.version for ledger in self._ledgers])
            self._load(chunk, fresh=False)
        before = np.array([state["version"] for state in self._before])
        return np.asarray(before + self._moves[:, :row].sum(1))

    def measures(self) -> dict[str, NumpyArray]:
        """Measures of `AnswerLearner`, and `steps`: how often x has moved."""
        known = super().measures()
        return known | {"steps": np.broadcast_to(self.steps(), (self.variants, len(self.seeds)))}

    def state(self) -> dict[str, Any]:
        here = self._loaded == self.iteration // CHUNK
        ledgers = self._before if here else [ledger.state() for ledger in self._ledgers]
        return {"ledgers": ledgers, **super().state()}

    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state(state)
        for ledger, saved in zip(self._ledgers, state["ledgers"], strict=True):
            ledger.set_state(saved)
