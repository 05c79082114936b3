"""Saving and reporting of long work, rarely enough that they cost little of its time."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE = 0.02
"""The largest share of the time that goes into checkpoints, and of the main process's into tables."""


class Cadence:
    """Timer of something costly: due after so many seconds, and later if it has cost more than its share of the time."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._cost, self._ended = seconds, 0.0, time.perf_counter()

    def due(self) -> bool:
        """Return True once the time has come again."""
        return time.perf_counter() - self._ended > self._seconds + self._cost / SHARE

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Measure the cost of what is done inside, and begin to wait anew."""
        started = time.perf_counter()
        yield
        self._ended = time.perf_counter()
        self._cost = self._ended - started


class Reminder:
    """Says once what is waited for, where that takes long.

    Args:
        seconds: after which it is said.
    """

    def __init__(self, seconds: float) -> None:
        self._from, self._said = time.monotonic() + seconds, False

    def due(self) -> bool:
        """Return True where it has taken long, and nothing was said yet."""
        return not self._said and time.monotonic() > self._from

    def say(self, sentence: str) -> None:
        """Print a sentence to standard error."""
        self._said = True
        print(sentence, file=sys.stderr, flush=True)
