"""Base of all command lines: options in full, one sentence for whatever goes wrong, and a quiet end on Ctrl-C.

A program is a `main` that is `guarded`; its module ends with `command(main)`, parses its options with a `Parser`, and imports
what is slow after that, within `importing()`. Here is the standard library alone: this is there before slow imports begin.
"""

import argparse
import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from itertools import pairwise, takewhile
from typing import Any, ClassVar, NoReturn

from wirelessenv.text import one_line

FAILED, USAGE_ERROR, INTERRUPTED = 1, 2, 130
"""Exit statuses; 0 is done."""
PROGRAMS = (
    "wirelessenv",
    "trainers",
    "baselines",
    "benchmarks",
    "tests.torture",
    "tests.soak",
    "tests.wheel",
    "tests.smoke",
    "tests.fuzz",
)
"""Programs that are started as `python -m`."""
CONSOLE_SCRIPT = "wirelessenv"
"""The first of them is installed under this name, too."""
_CANNOT_BE = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT, errno.EINVAL}
"""Error numbers of a path that cannot be used, whatever state the disk is in."""


class Ended(Exception):  # noqa: N818  # not every end is an error
    """An end of a program that is told in one sentence, its message, or was told already where that is empty."""

    status: ClassVar[int] = FAILED


class Refused(Ended):
    """A path that cannot be used."""

    status = USAGE_ERROR


class Parser(argparse.ArgumentParser):
    """A parser that takes options in full alone, and names the nearest one of those that it does not know."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        for one in given:
            if "\0" in one:
                self.error(f"{one}: is not valid: it holds a NUL character")
        options = given[: given.index("--")] if "--" in given else given
        if self._subparsers is not None:  # those of a command are its own parser's
            options = list(takewhile(lambda one: one.startswith("-"), options))
        self._refuse_unknown([one for one in options if re.match("--?[^-0-9.]", one)])  # before argparse says what is missing
        found, left = super().parse_known_args(given, namespace)
        self._refuse_unknown([one for one in left if one.startswith("-")])
        return found, left

    def _refuse_unknown(self, options: Sequence[str]) -> None:
        from wirelessenv.config import nearest

        known = self._option_string_actions
        for name in (option.partition("=")[0] for option in options):
            if name not in known:
                self.error(f"{name}: unknown option{nearest(name, [one for one in known if one.startswith('--')])}")

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))


def guarded(main: Callable[[Sequence[str]], int]) -> Callable[..., int]:
    """`main(arguments)` with arguments of the command line by default; whatever ends it is one sentence and an exit status."""

    @wraps(main)
    def status(arguments: Sequence[str] | None = None) -> int:
        from wirelessenv.config import ConfigError

        _take_any_text()
        try:
            done = main(sys.argv[1:] if arguments is None else list(arguments))
            sys.stdout.flush()
        except ConfigError as error:
            return said(error, USAGE_ERROR)
        except (Ended, KeyboardInterrupt, OSError, MemoryError) as end:
            return said(*_told(end))
        return done

    return status


def _told(end: BaseException) -> tuple[object, int]:
    """The sentence about an end, and its exit status."""
    match end:
        case Ended():
            return end, end.status
        case KeyboardInterrupt():
            return "Stopped.", INTERRUPTED
        case BrokenPipeError():  # whoever reads has read enough
            return "", FAILED
        case OSError():
            what = f"{end.filename}: cannot be used" if end.filename else "output: cannot be written"
            return f"{what} ({end.strerror or end})", _status(end)
    return "There is not enough memory for this.", FAILED


def said(what: object, status: int) -> int:
    """Print a sentence to standard error, on one line.

    Args:
        what: the sentence; empty: nothing is printed.
        status: the exit status.

    Returns:
        The status.
    """
    if line := one_line(what):
        with suppress(OSError):  # nobody hears it
            print(line, file=sys.stderr)
    return status


@contextmanager
def writing(place: object, added: Callable[[], str] = str) -> Iterator[None]:
    """Context for writing: one sentence where the disk refuses.

    Args:
        place: the file or folder, as the sentence names it.
        added: makes the end of the sentence.

    Raises:
        Refused, Ended: with the sentence.
    """
    try:
        yield
    except OSError as error:
        sort = Refused if _status(error) == USAGE_ERROR else Ended
        raise sort(f"{place}: cannot be written ({error.strerror or error}){added()}") from error


def _status(error: OSError) -> int:
    return USAGE_ERROR if error.errno in _CANNOT_BE else FAILED


def _take_any_text() -> None:
    """Streams that are there and fail on no text: a terminal that knows ASCII alone gets "?" for what it does not know."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started the program: its number must not become that of another file
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # as long as the program
        elif stream.errors == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def command(main: Callable[[], int]) -> NoReturn:
    """Run a guarded `main` as the program, and end with its status."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _end_where_it_would_be_ignored
    try:
        status: Any = main()
    except SystemExit as left:  # argparse, after its help or what is wrong
        status = left.code
    except KeyboardInterrupt:
        status = said("Stopped.", INTERRUPTED)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try again, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            status = status or FAILED
    sys.exit(status)


def _interrupt(*_: object) -> None:
    """Ctrl-C: leave by the usual way; a second one ends at once."""
    signal.signal(signal.SIGINT, _end)
    raise KeyboardInterrupt


def _end(*_: object) -> None:
    os.write(2, b"Stopped.\n")
    os._exit(INTERRUPTED)


def _end_where_it_would_be_ignored(fault: Any) -> None:
    """A KeyboardInterrupt in a callback, which Python would show and forget."""
    if fault.exc_type is KeyboardInterrupt:
        _end()
    sys.__unraisablehook__(fault)


@contextmanager
def importing() -> Iterator[None]:
    """Around slow imports: Ctrl-C ends the program at once, because libraries swallow a KeyboardInterrupt now and then."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before not in {signal.default_int_handler, _interrupt}:
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def begin() -> None:
    """Called before the package's own imports: where Python runs one of `PROGRAMS`, Ctrl-C ends it at once from here on."""
    if _program() in PROGRAMS and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _program() -> str:
    """The module that Python was started with -m for, or the console script; nothing where it was started in another way."""
    started = sys.modules["__main__"]
    spec = getattr(started, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    if os.path.basename(getattr(started, "__file__", None) or "") == CONSOLE_SCRIPT:
        return CONSOLE_SCRIPT
    looking = sys.argv[:1] == ["-m"]  # Python imports the package that holds it
    return next((name for flag, name in pairwise(sys.orig_argv) if looking and flag == "-m"), "")
