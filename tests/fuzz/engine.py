"""Tries inputs in worker processes with a cap of memory and a limit of time."""

import multiprocessing
import os
import random
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

MEMORY = 6 * 2**30
"""Bytes of address space of a worker: torch alone maps two thirds of a GiB."""
SECONDS = 60.0
"""For one input, on a machine that may do other work as well."""
Input = tuple[str, int]


def tried(target: str, number: int, folder: Path) -> tuple[str, str]:
    """Outcome of one input: taken, refused, traceback or memory, and the text that goes with it."""
    from tests.fuzz.targets import TARGETS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return TARGETS[target][0](random.Random(f"{target} {number}"), folder), ""
        except MemoryError:
            return "memory", traceback.format_exc(limit=-4)
        except Exception:  # every one of them is a fault
            return "traceback", traceback.format_exc(limit=-4)


def _work(inbox: Connection, memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.environ["OMP_NUM_THREADS"] = "1"
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with suppress(EOFError):  # whoever gives inputs is gone
            while (given := inbox.recv()) is not None:
                inbox.send(tried(*given, Path(folder)))


class Worker:
    """A process that tries inputs one by one, and may hang or die over one."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, MEMORY))
        self.process.start()
        other.close()
        self.given: Input | None = None
        self.begun = 0.0
        self.first = True

    def give(self, one: Input | None) -> None:
        self.given, self.begun = one, time.monotonic()
        self.pipe.send(one)

    def late(self) -> bool:
        """True where it hangs; with its first input it also imports."""
        return time.monotonic() - self.begun > SECONDS + 60 * self.first

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def results(inputs: list[Input], processes: int) -> Iterator[tuple[Input, str, str]]:
    """Try all inputs in worker processes; hangs and deaths cost one worker each."""
    waiting = list(reversed(inputs))
    workers = [Worker() for _ in range(processes)]
    for worker in workers:
        worker.give(waiting.pop() if waiting else None)
    while any(worker.given for worker in workers):
        wait([worker.pipe for worker in workers if worker.given], timeout=1.0)
        for number, worker in enumerate(workers):
            if worker.given is None:
                continue
            found: tuple[str, str] | None = None
            if worker.pipe.poll():
                try:
                    found = worker.pipe.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    found = ("death", f"exit status {worker.process.exitcode}")
            elif worker.late():
                found = ("hang", f"more than {SECONDS:g} s")
            if found is None:
                continue
            yield worker.given, *found
            worker.first = False
            if found[0] in ("death", "hang"):
                worker.end()
                workers[number] = Worker()
            workers[number].give(waiting.pop() if waiting else None)
