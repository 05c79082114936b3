"""Ledgers of servers that treat answers differently: which count, with what weight, and after which of them x moves.

As with timetables, this does not depend on the iterates: a server looks at versions alone. A version is the number of steps
that x has made; a task carries the version that it was sent, and its age is the number of steps since. So a ledger works out
a chunk of decisions from a chunk of a timetable, and a learner is a loop over both.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wirelessenv.saved_state import refuse_misfit, refuse_outside

ALL = slice(None)
"""All runs, as an index of their axis."""


class AnswerEntry(NamedTuple):
    """Decision about one answer, or about one in each run.

    Then numbers are arrays, (runs, 1), and flags the numbers of the runs in which they are true.
    """

    weight: Any
    """factor of the answer; 0: it is ignored"""
    moves: Any
    """true where x moves once the answer is in"""


class Ledger(ABC):
    """Decisions of one run's server about its answers, one after the other.

    Args:
        tasks: tau_C, tasks under way at a time.
    """

    COUNTS: ClassVar[tuple[str, ...]] = ()
    """attributes, counts or lists of counts, that change beside the versions"""

    def __init__(self, tasks: int) -> None:
        self.version = 0
        """Steps that x has made."""
        self.sent = [0] * tasks
        """Version that each task under way has been sent, by slot."""

    @abstractmethod
    def decide(self, slot: int, age: int) -> Any:
        """Decide about an answer, and count it.

        Args:
            slot: of the answer.
            age: steps of x since its task was sent.

        Returns:
            An `AnswerEntry`, or a named tuple that has more than its fields.
        """

    def chunk(self, slots: Sequence[int]) -> list[Any]:
        """Decisions about a chunk of answers, which arrive from these slots; each slot then gets the newest version."""
        entries = []
        for slot in slots:
            entry = self.decide(slot, self.version - self.sent[slot])
            self.version += entry.moves
            self.sent[slot] = self.version
            entries.append(entry)
        return entries

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {name: deepcopy(getattr(self, name)) for name in ("version", "sent", *self.COUNTS)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_misfit(state, self.state(), "ledger")
        refuse_outside("ledger.version", state["version"], 0)
        refuse_outside("ledger.sent", state["sent"], 0, state["version"])
        for name in self.COUNTS:
            refuse_outside(f"ledger.{name}", state[name], 0)
        for name, saved in state.items():
            setattr(self, name, deepcopy(saved))


def beside(entries: Sequence[Any]) -> Any:
    """Join the entries of several runs about one update.

    Args:
        entries: one for each run, of one type.

    Returns:
        An entry of that type: flags as numbers of runs, numbers as (runs, 1), and arrays as (runs, ...).
    """
    fields = []
    for column in zip(*entries, strict=True):
        values = np.array(column)
        fields.append(np.flatnonzero(values) if values.dtype == bool else values.reshape(len(values), -1))
    return type(entries[0])(*fields)


def weighed(weight: Any, answer: np.ndarray) -> np.ndarray:
    """Answer times the weight of an entry, which costs nothing where that is the number 1.

    Args:
        weight: a number, or one for each run, (runs, 1).
        answer: (..., runs, d).

    Returns:
        Of the shape of the answer; the answer itself where the weight is the number 1.
    """
    return answer if isinstance(weight, float) and weight == 1 else np.asarray(weight * answer)


def some(numbers: Any) -> bool:
    """True where a number of an entry is not 0 in some run."""
    return numbers != 0 if isinstance(numbers, float) else bool(numbers.any())


def runs_where(flag: Any) -> Any:
    """Index of the runs in which a flag of an entry is true, for the axis of runs; None where there is none."""
    if isinstance(flag, bool):
        return ALL if flag else None
    return flag if flag.size else None
