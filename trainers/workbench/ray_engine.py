"""Engine on Ray: every item is a task of a cluster, and goes on elsewhere from its last checkpoint where its worker is lost."""

import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Self

from trainers.workbench.cluster import connected, refuse_impossible
from trainers.workbench.engines import Engine, Job
from trainers.workbench.progress import Reminder
from trainers.workbench.ray_task import Desk, Order, Report, perform, versions
from trainers.workbench.shipments import BASE, packed, unpack
from trainers.workbench.workers import LOOK_EVERY, Item, WorkerDied, WorkerRefused, processes
from wirelessenv.command_line import USAGE_ERROR, said
from wirelessenv.config import ConfigError

Results = Literal["store", "folder"]
TOLD_AFTER = 10.0
"""Seconds in which no task begins, after which the driver says what it waits for."""
LIVES = 3
"""Workers that an item may lose one after the other with nothing saved in between; then it is the item that kills them."""


class OnRay(Engine):
    """Tasks of a Ray cluster, or of Ray begun on this machine; a context, at whose end Ray is left or ended.

    Args:
        address: of a cluster; None: Ray is begun on this machine, once there is something to do.
        results: "store": files travel through Ray's object store; "folder": all machines see the directory under one path.

    Raises:
        ConfigError: where Ray is not installed, or nobody answers at the address.
    """

    devices = ("cpu",)

    def __init__(self, address: str | None = None, results: Results = "store") -> None:
        refuse_impossible(address)
        self._address, self._results = address, results
        self._processors = os.cpu_count() or 1
        self._left, self._ray = ExitStack(), None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray = None
        self._left.close()

    def workers(self, asked: int | None) -> int:
        if asked is not None or self._address is None:
            self._processors = processes(asked)
            return self._processors
        return max(1, _processors(self._connected()))

    def _connected(self) -> Any:
        if self._ray is None:
            self._ray = self._left.enter_context(connected(self._address, self._processors))
        return self._ray

    def work_off(
        self,
        job: Job[Item],
        items: Sequence[Item],
        folder: Path,
        workers: int,
        *,
        look: Callable[[], None],
        stop: list[int],
    ) -> bool:
        if not items:
            return True
        ray = self._connected()
        with _nonce(folder.resolve()) if self._results == "folder" else _none() as nonce:
            tasks = _Tasks(ray, job, items, folder.resolve(), nonce)
            try:
                tasks.work_off(workers, look, stop)
            finally:
                tasks.cancel()
        return tasks.finished


class _Tasks:
    """The tasks of a job, and what has come of them."""

    def __init__(self, ray: Any, job: Job[Item], items: Sequence[Item], folder: Path, nonce: str) -> None:
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._ray, self._folder, self._nonce = ray, folder, nonce
        self._desk = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here).remote()
        self._perform = ray.remote(perform).options(num_cpus=1, max_retries=0)
        self._job, self._items = job, items
        self._sent = ray.put(job)
        self._base = None if nonce else ray.put(packed(folder, BASE))
        self._waiting = list(range(len(items)))
        self._running: dict[Any, int] = {}
        self._attempts, self._lost = [0] * len(items), [0] * len(items)
        self._faults: list[Exception] = []
        self._stopping, self._done = False, 0

    @property
    def finished(self) -> bool:
        """True where all items are done."""
        return self._done == len(self._items)

    def work_off(self, workers: int, look: Callable[[], None], stop: list[int]) -> None:
        """Work on all items, until they are done or asked to stop; raises what has gone wrong with one."""
        waited = Reminder(TOLD_AFTER)
        while self._running or self._waiting:
            while self._waiting and len(self._running) < workers:
                self._submit(self._waiting.pop(0))
            ended, _ = self._ray.wait(list(self._running), timeout=LOOK_EVERY)
            self._collect()
            for task in ended:
                self._end(task, self._running.pop(task))
            look()
            if waited.due() and not self._ray.get(self._desk.begun.remote()):
                waited.say(_waiting(self._ray))
            if (stop or self._faults) and not self._stopping:
                self._stopping = True
                self._ask_to_stop()
            if self._stopping:
                self._waiting.clear()
            if len(stop) > 1:  # whoever asks twice does not want to wait
                break
        if self._faults and not stop:
            raise self._faults[0]

    def cancel(self) -> None:
        """End the tasks that are still running, and forget the desk."""
        for task in self._running:
            with suppress(Exception):  # the cluster may be gone
                self._ray.cancel(task, force=True)
        with suppress(Exception):
            self._ray.kill(self._desk)

    def _ask_to_stop(self) -> None:
        begun = self._ray.get(self._desk.stop.remote())
        for task, number in self._running.items():
            if (number, self._attempts[number]) not in begun:  # it waits for a processor, and has nothing to save
                self._ray.cancel(task, force=True)

    def _submit(self, number: int) -> None:
        self._attempts[number] += 1
        order = Order(number, self._attempts[number], self._folder, self._nonce, versions())
        shipments = [] if self._nonce else [self._base, packed(self._folder, self._job.inputs(self._items[number]))]
        self._running[self._perform.remote(self._sent, self._items[number], order, self._desk, *shipments)] = number

    def _collect(self) -> None:
        try:
            delivered = self._ray.get(self._desk.collect.remote())
        except self._ray.exceptions.RayError:
            raise WorkerDied from None
        for number, attempt, shipment in delivered:
            if attempt == self._attempts[number]:
                self._lost[number] = 0 if shipment.progress else self._lost[number]
                unpack(shipment, self._folder)

    def _end(self, task: Any, number: int) -> None:
        errors = self._ray.exceptions
        try:
            report = self._ray.get(task)
        except errors.RayTaskError as error:  # it has not even begun: nothing else gets out of `perform`
            first = str(error).strip().splitlines()[-1]
            self._faults.append(ConfigError(f"--engine: the workers of the cluster cannot run this wirelessenv ({first})"))
        except errors.RayError:  # its worker or its machine is gone, or what it has returned
            self._lost[number] += 1
            if self._lost[number] < LIVES:
                self._waiting.append(number)
            else:
                self._faults.append(WorkerDied())
        else:
            self._settle(report)

    def _settle(self, report: Report) -> None:
        unpack(report.shipment, self._folder)
        if report.remarks:
            print(report.remarks, end="", file=sys.stderr)
        match report.outcome:
            case "finished":
                self._done += 1
            case "refused":
                said(report.said, USAGE_ERROR)
                self._faults.append(WorkerRefused())
            case "unwritable":
                self._faults.append(OSError(report.status, report.said))
            case "failed":
                print(report.said, file=sys.stderr)
                self._faults.append(WorkerDied())
            case "other versions":
                told = f"--engine: the workers of the cluster run other versions than this machine ({report.said})"
                self._faults.append(ConfigError(f"{told}; numbers would not be the same to the last bit: install the same"))
            case "not shared":
                told = f"--results: folder is not valid: {self._folder} of this machine is not there on {report.said}"
                self._faults.append(ConfigError(f"{told}; share it, or use --results store"))


@contextmanager
def _nonce(folder: Path) -> Iterator[str]:
    """Name of a file that only those see who share the folder."""
    place = folder / f".shared-{uuid.uuid4().hex}"
    place.touch()
    try:
        yield place.name
    finally:
        place.unlink(missing_ok=True)


@contextmanager
def _none() -> Iterator[str]:
    yield ""


def _waiting(ray: Any) -> str:
    processors, free = _processors(ray), int(ray.available_resources().get("CPU", 0))
    if processors == 0:
        return "Waiting for processors: no machine of the cluster has one to give; tasks begin once one joins it."
    return f"Waiting for processors: {free} of the cluster's {processors} are free; tasks begin once others' work is over."


def _processors(ray: Any) -> int:
    return int(ray.cluster_resources().get("CPU", 0))
