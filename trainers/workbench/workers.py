"""Worker processes, one for each item of work: whatever kills one leaves no pool or queue in disorder."""

import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import current_process, get_context, parent_process, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from wirelessenv.command_line import INTERRUPTED, USAGE_ERROR, Ended, said
from wirelessenv.config import ConfigError
from wirelessenv.memory import lack_of_memory_told

LOOK_EVERY = 0.5
"""Seconds between two looks at what the workers have done."""
STOP = ".stop"
"""A file in the directory that asks the workers to save and stop. A file, because no kill can leave it half locked."""
FINISHED, FAILED, REFUSED, STOPPED = 0, 1, 2, 3
LONGEST_PLACE = 60
"""Bytes of the path of temporary files; a socket there has a name of its own, and the system takes 108 in all."""
UNWRITTEN = 100
"""Exit statuses of a worker. From UNWRITTEN on it is the number of an OSError; anything else is a kill."""

Item = TypeVar("Item")
Work = Callable[[Item, Path, Callable[[], bool]], bool]
"""Works on an item in a folder, until it is done or is asked to stop; returns True where it is done."""


class Interrupted(Ended):
    """The work was asked to stop; what was done is saved."""

    status = INTERRUPTED


class WorkerDied(Ended):
    """A worker process ended by itself; what was saved before is safe."""


class WorkerRefused(Ended):
    """A worker met what it cannot use, and has said so in a sentence."""

    status = USAGE_ERROR


def processes(workers: int | None) -> int:
    """Number of workers: as many as asked for, by default one for each core; raises ConfigError below 1."""
    if workers is not None and workers < 1:
        raise ConfigError(f"--workers: {workers} is not valid: it should be 1 or more")
    return workers or os.cpu_count() or 1


def in_workers(
    work: Work[Item], items: Sequence[Item], workers: int, folder: Path, *, look: Callable[[], None], stop: list[int]
) -> bool:
    """Work on items in processes of their own.

    Once `stop` is not empty, or a worker has failed, all are asked to save and stop.

    Args:
        work: called in a worker with an item.
        items: of work.
        workers: processes at a time.
        folder: of the work, where the request to stop is put, too.
        look: called now and then.
        stop: filled from outside, such as by `stop_request`.

    Returns:
        True where all items are done.

    Raises:
        OSError: once, where workers could not write.
        WorkerRefused: where a worker met what it cannot use.
        WorkerDied: where a worker ended by itself.
    """
    context, asked = _context(work.__module__), folder / STOP
    asked.unlink(missing_ok=True)
    waiting, ended = list(items), list[int | None]()
    running: list[ForkServerProcess | SpawnProcess] = []
    try:
        while running or waiting:
            while waiting and len(running) < workers:
                process = context.Process(target=_worker, args=(work, waiting.pop(0), folder))
                with _no_interrupt():
                    process.start()
                running.append(process)
            wait([process.sentinel for process in running], timeout=LOOK_EVERY)
            gone = [process for process in running if not process.is_alive()]  # asked once: another may end meanwhile
            ended += [process.exitcode for process in gone]
            running = [process for process in running if process not in gone]
            look()
            if stop or not set(ended) <= {FINISHED}:
                asked.touch()
                waiting.clear()
            if len(stop) > 1:  # whoever asks twice does not want to wait
                for process in running:
                    process.kill()
    except BaseException:
        for process in running:
            process.terminate()  # which saves, where it can
        raise
    finally:
        for process in running:
            process.join()
        asked.unlink(missing_ok=True)
    _refuse_faults(ended, stop)
    return ended == [FINISHED] * len(items)


def _context(module: str) -> Any:
    """Forks of a server that has imported `module` once; new processes where there is no place for its socket."""
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:
        return get_context("spawn")
    if len(os.fsencode(place)) > LONGEST_PLACE:
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Start processes within that never see Ctrl-C, not even while they import; here it waits until afterwards."""
    resource_tracker.ensure_running()  # it opens the mask again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _refuse_faults(ended: list[int | None], stop: list[int]) -> None:
    """Raises what the exit statuses of workers tell."""
    if REFUSED in ended:
        raise WorkerRefused
    for status in ended:
        if status is not None and status - UNWRITTEN in errno.errorcode:  # not 255, with which a lost process may end
            raise OSError(status - UNWRITTEN, os.strerror(status - UNWRITTEN))
    if not set(ended) <= {FINISHED, STOPPED} and not stop:  # who stops the main process may stop the workers, too
        raise WorkerDied


def refuse_unguarded() -> None:
    """End a worker that comes to this work while it imports the main script, as every worker does; says what would be right."""
    if getattr(current_process(), "_inheriting", False):  # as multiprocessing marks a process that is not ready yet
        told = 'worker processes import the script that starts them: what it does should stand under if __name__ == "__main__":'
        os._exit(said(ConfigError(told), REFUSED))


def _worker(work: Work[Item], item: Item, folder: Path) -> None:
    """In a process of its own: work until done, or until the main process, SIGTERM or SIGHUP asks to stop.

    Leaves Ctrl-C to the main process, and does not outlive it. The exit status tells how it ended.
    """
    asked: list[int] = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in _gentle():
        if number != signal.SIGINT:
            signal.signal(number, lambda number, frame: asked.append(number))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stop = folder / STOP
    try:
        with lack_of_memory_told():
            finished = work(item, folder, lambda: bool(asked) or stop.exists())
    except ConfigError as error:
        sys.exit(said(error, REFUSED))
    except OSError as error:
        if error.errno is None:
            sys.exit(said(f"{folder}: cannot be written ({error})", FAILED))
        sys.exit(UNWRITTEN + error.errno)  # the main process says it, once for all workers
    except (Exception, SystemExit):
        traceback.print_exc()
        sys.exit(FAILED)
    sys.exit(FINISHED if finished else STOPPED)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(FAILED)


def _gentle() -> list[int]:
    """The signals that ask to save and stop; not SIGHUP where it is ignored, as under nohup."""
    asking: list[int] = [signal.SIGINT, signal.SIGTERM]
    return asking if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [*asking, signal.SIGHUP]


@contextmanager
def stop_request() -> Iterator[list[int]]:
    """Turn SIGINT, SIGTERM and SIGHUP into a list that is not empty, so that work stops where its state is whole."""
    received: list[int] = []
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if number == signal.SIGHUP:
            for terminal in terminals:  # it is closed: what is still said must not end the work
                os.dup2(os.open(os.devnull, os.O_WRONLY), terminal)

    before = {number: signal.signal(number, note) for number in _gentle()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
