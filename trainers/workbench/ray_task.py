"""One item of work as a Ray task: it works in a copy of the directory, or in a folder that all machines share.

What it writes goes to a desk, an actor beside the driver, as it is made; the desk's answer says whether to stop.
"""

import atexit
import io
import shutil
import socket
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from trainers.workbench.engines import Job, OwnModules
from trainers.workbench.progress import Cadence
from trainers.workbench.shipments import Changes, Shipment, unpack
from wirelessenv.config import ConfigError
from wirelessenv.memory import lack_of_memory_told
from wirelessenv.sources import digest, standing_in

DELIVER_EVERY = 0.5
"""Seconds between two deliveries, at least."""
DECISIVE = ("numpy", "torch", "scipy", "stable-baselines3")
"""Packages that decide the last bits of numbers, besides our own."""
TaskOutcome = Literal["finished", "stopped", "refused", "unwritable", "failed", "other versions", "not shared"]


class Order(NamedTuple):
    """Everything that a task is told besides its job and its item."""

    number: int
    attempt: int
    folder: Path
    """The directory of the work, on the driver's machine."""
    nonce: str
    """Name of a file in the directory, where that is on a shared folder; "": files travel in shipments."""
    versions: dict[str, str]


class Report(NamedTuple):
    """End of a task, and files that it has written last."""

    outcome: TaskOutcome
    said: str
    """A sentence, or what was printed."""
    remarks: str = ""
    """Text that was printed to standard error meanwhile."""
    shipment: Shipment = Shipment({})
    status: int = 0
    """Number of the system's error."""


class Desk:
    """Actor that takes shipments of all tasks until the driver collects them, and passes on its request to stop."""

    def __init__(self) -> None:
        self._shipments: list[tuple[int, int, Shipment]] = []
        self._begun: set[tuple[int, int]] = set()
        self._asked = False

    def deliver(self, number: int, attempt: int, shipment: Shipment) -> bool:
        """Take a shipment of an item.

        Args:
            number: of the item.
            attempt: at it.
            shipment: what has changed since the last one.

        Returns:
            True once the item is to be saved and left.
        """
        self._begun.add((number, attempt))
        if shipment.files or shipment.gone:
            self._shipments.append((number, attempt, shipment))
        return self._asked

    def collect(self) -> list[tuple[int, int, Shipment]]:
        """Hand over what has come since the last call."""
        found, self._shipments = self._shipments, []
        return found

    def begun(self) -> int:
        """Number of attempts that have begun so far."""
        return len(self._begun)

    def stop(self) -> set[tuple[int, int]]:
        """Ask all tasks to save and stop; returns items and attempts of those that have begun."""
        self._asked = True
        return self._begun


def perform(job: Job[Any], item: Any, order: Order, desk: Any, *shipments: Shipment) -> Report:
    """Work on an item, and report how that has ended.

    Args:
        job: of the item.
        item: of work.
        order: the rest of what there is to know.
        desk: handle of the `Desk`.
        *shipments: files of the directory, where they travel.

    Returns:
        The report.
    """
    if (ours := versions()) != order.versions:
        name = next(name for name in order.versions | ours if ours.get(name) != order.versions.get(name))
        return Report("other versions", f"{name}: {order.versions.get(name)} here, {ours.get(name)} on {socket.gethostname()}")
    if order.nonce and not (order.folder / order.nonce).is_file():
        return Report("not shared", socket.gethostname())
    if (asking := _Asking(order, desk)).deliver(Shipment({})):
        return Report("stopped", "")
    remarks = io.StringIO()
    with _place(order, shipments) as folder, redirect_stderr(remarks), standing_in(_copies(job.modules, order.folder, folder)):
        asking.changes = None if order.nonce else Changes(folder)
        report = _told(job, item, folder, asking)
        return report._replace(remarks=remarks.getvalue(), shipment=asking.shipment())


class _Asking:
    """Delivers what has changed, now and then, and asks whether to stop."""

    def __init__(self, order: Order, desk: Any) -> None:
        self._order, self._desk = order, desk
        self.changes: Changes | None = None
        self._cadence, self._stop = Cadence(DELIVER_EVERY), False

    def __call__(self) -> bool:
        if not self._stop and self._cadence.due():
            with self._cadence.spending():
                self._stop = self.deliver(self.shipment())
        return self._stop

    def shipment(self) -> Shipment:
        """The files that have changed; none where all see the directory itself."""
        return self.changes.shipment() if self.changes else Shipment({})

    def deliver(self, shipment: Shipment) -> bool:
        """Bring a shipment to the desk; returns True once the item is to be left."""
        answer = self._desk.deliver.remote(self._order.number, self._order.attempt, shipment)
        return bool(answer.future().result())  # who waits in ray.get gives up the processor, and another task begins there


def _told(job: Job[Any], item: Any, folder: Path, asking: _Asking) -> Report:
    try:
        with lack_of_memory_told():
            return Report("finished" if job.work(item, folder, asking) else "stopped", "")
    except ConfigError as error:
        return Report("refused", str(error))
    except OSError as error:
        return Report("unwritable", f"{socket.gethostname()}: {error.strerror or error}", status=error.errno or 0)
    except (Exception, SystemExit):
        return Report("failed", traceback.format_exc())


@contextmanager
def _place(order: Order, shipments: tuple[Shipment, ...]) -> Iterator[Path]:
    """The directory itself, where it is shared, or a copy of what is needed."""
    if order.nonce:
        yield order.folder
        return
    with tempfile.TemporaryDirectory(prefix="wirelessenv-", ignore_cleanup_errors=True) as copy:
        for shipment in shipments:
            unpack(shipment, Path(copy))
        yield Path(copy)


def _copies(modules: OwnModules, there: Path, here: Path) -> dict[str, str]:
    """Places of what is not on this machine under the driver's path: modules by folder, and sources."""
    sources = {str(there / path.relative_to(here)): str(path) for path in (here / "sources").glob("*")} if here != there else {}
    return sources | {folder: str(_written(folder, modules[folder])) for folder in modules}


_PLACES: dict[str, Path] = {}
"""Folders of modules that this process has written: it imports each once, and may do several tasks."""


def _written(folder: str, texts: Mapping[str, str]) -> Path:
    named = digest(folder.encode(), *(f"\0{path}\0{text}".encode() for path, text in sorted(texts.items())))
    if named not in _PLACES:
        place = _PLACES[named] = Path(tempfile.mkdtemp(prefix="wirelessenv-modules-"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        for path, text in texts.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, encoding="utf-8")
    return _PLACES[named]


@cache
def versions() -> dict[str, str]:
    """Versions of what numbers depend on, and a checksum of our own code, which may be a checkout's."""
    found = {name: _version(name) for name in DECISIVE}
    root = Path(__file__).resolve().parents[2]
    files = sorted(path for name in ("wirelessenv", "trainers", "baselines") for path in (root / name).rglob("*.py"))
    text = (f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() for path in files)
    return found | {"code of wirelessenv": digest(*text)[:12]}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
