"""Engines: where the tasks of long work run. This machine's processes are one; `ray_engine` has another."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from trainers.workbench.workers import Item, in_workers, processes
from wirelessenv.config import ConfigError

Item_contra = TypeVar("Item_contra", contravariant=True)
OwnModules = Mapping[str, Mapping[str, str]]
"""Texts of a user's own modules, by the folder that each was imported from and by path below it."""


class Job(Protocol[Item_contra]):
    """Work that is done item by item, maybe on another machine: it is sent there whole."""

    @property
    def modules(self) -> OwnModules:
        """Modules that the job imports, besides those that are installed."""

    def work(self, item: Item_contra, folder: Path, asked: Callable[[], bool]) -> bool:
        """Work on an item until it is done or is asked to stop.

        Args:
            item: of the work.
            folder: the directory of the work, or a copy that has what `inputs` names.
            asked: called now and then, where files are whole; returns True once the item is to be saved and left.

        Returns:
            True where the item is done.
        """

    def inputs(self, item: Item_contra) -> Sequence[str]:
        """Patterns of the files below the directory that an item needs, or goes on from."""


class Engine(ABC):
    """Base class of engines: they work off the items of a job, each in a process, and all numbers are the same on each."""

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    @abstractmethod
    def workers(self, asked: int | None) -> int:
        """Number of items that are worked on at a time: as many as asked for, by default one for each processor.

        Raises:
            ConfigError: for less than 1, or where the engine cannot be begun.
        """

    def check(self, device: str) -> None:
        """Raises ConfigError where the engine does not compute on the device, "cpu" or "cuda"."""
        if device not in self.devices:
            raise ConfigError(f"--device: {device} is not valid: the engine computes on {' and '.join(self.devices)}")

    def fitting(self, workers: int, device: str) -> "Engine":
        """The engine to take for so few.

        Args:
            workers: items at a time.
            device: "cpu" or "cuda".

        Returns:
            This engine, or a simpler one.
        """
        return self

    @abstractmethod
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
        """Work on items; once `stop` is not empty, or one has failed, all are asked to save and stop.

        Args:
            job: of the items.
            items: in any order.
            folder: the directory of the work, in which all files are in the end.
            workers: items at a time.
            look: called now and then.
            stop: filled from outside, such as by `stop_request`.

        Returns:
            True where all items are done.

        Raises:
            OSError: once, where files could not be written.
            ConfigError, WorkerRefused: where an item meets what it cannot use; the latter has been told already.
            WorkerDied: where a worker ended by itself.
        """


class InWorkers(Engine):
    """Processes of this machine, one for each item."""

    def workers(self, asked: int | None) -> int:
        return processes(asked)

    def fitting(self, workers: int, device: str) -> Engine:
        return self if workers > 1 and device == "cpu" else InThisProcess()

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
        return in_workers(job.work, items, workers, folder, look=look, stop=stop)


class InThisProcess(InWorkers):
    """This process itself, which does one item after the other."""

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
        def asked() -> bool:
            look()
            return bool(stop)

        return all(job.work(item, folder, asked) for item in items)


LOCAL = InWorkers()
"""The engine that is taken where none is asked for."""
