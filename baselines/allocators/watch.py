"""Time limit and progress bar of a call."""

import time
from contextlib import ExitStack
from typing import Any, Self

from wirelessenv.config import ConfigError
from wirelessenv.extras import missing
from wirelessenv.physics.checks import number
from wirelessenv.sentences import shown


class Watch:
    """Time that one call has, from now on, and its progress bar where one is asked for; used with `with`."""

    def __init__(self, what: str, channels: int, seconds: float | None, progress: bool) -> None:
        """Raises ConfigError for `seconds` that are no number above 0, and where there is nothing to show progress with."""
        self._end = None if seconds is None else time.monotonic() + number("seconds", seconds, finite=False)
        if not isinstance(progress, bool):
            raise ConfigError(f"progress: {shown(progress)} is not valid: it should be True or False")
        self._what, self._channels, self._shows = what, channels, progress
        self._bar: Any = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._shows:
            self._bar = self._open.enter_context(_bar())
            self._task = self._bar.add_task(self._what, total=self._channels, note="")
        return self

    def __exit__(self, *raised: object) -> None:
        self._open.close()

    def left(self) -> float | None:
        """Seconds that are left; None where there is no limit."""
        return None if self._end is None else self._end - time.monotonic()

    def over(self) -> bool:
        """True once the time has passed."""
        return self._end is not None and time.monotonic() > self._end

    def done(self, channels: int = 1) -> None:
        """Count so many more channels as done."""
        if self._bar is not None:
            self._bar.advance(self._task, channels)

    def note(self, said: str) -> None:
        """Show a few words beside the bar."""
        if self._bar is not None:
            self._bar.update(self._task, note=said)


def _bar() -> Any:
    try:
        from rich.console import Console  # noqa: PLC0415  # only who wants to see it needs it
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    except ImportError:
        raise ConfigError(missing("progress: True", "rich", "train")) from None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
