"""Shipments: files of a directory that travel to another machine and back, with what has changed since the last one."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from trainers.workbench.files import write_atomically

BASE = ("config.yaml", "manifest.json", "sources/**/*")
"""Patterns of the files that every item of work needs."""
_OWN = (".lock", ".stop")
_LAST = ".pt"


class Shipment(NamedTuple):
    """Files by path below the directory, and paths of those that are there no more."""

    files: dict[str, bytes]
    gone: tuple[str, ...] = ()

    @property
    def progress(self) -> bool:
        """True where it holds a state from which work goes on, or a result."""
        return any(path.endswith(_LAST) for path in self.files)


def packed(folder: Path, patterns: Iterable[str]) -> Shipment:
    """Pack the files of a directory that are there.

    Args:
        folder: the directory.
        patterns: of paths below it.

    Returns:
        The shipment.
    """
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern) if _travels(path)})
    return Shipment({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def unpack(shipment: Shipment, folder: Path) -> None:
    """Write the files of a shipment; tables come before the checkpoints that say how long they are, and what is gone goes last.

    Args:
        shipment: of another directory.
        folder: where they are put.

    Raises:
        OSError: where the disk refuses.
    """
    for path in sorted(shipment.files, key=lambda path: (path.endswith(_LAST), path)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / path, shipment.files[path])
    for path in shipment.gone:
        (folder / path).unlink(missing_ok=True)


class Changes:
    """Watch over a directory, which packs all that has changed since the last time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = self._stamps()

    def shipment(self) -> Shipment:
        """The files that are new or have changed, and those that are gone."""
        now = self._stamps()
        files = {path: (self._folder / path).read_bytes() for path, stamp in now.items() if self._known.get(path) != stamp}
        gone = tuple(path for path in self._known if path not in now)
        self._known = now
        return Shipment(files, gone)

    def _stamps(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        for path in self._folder.rglob("*"):
            if _travels(path):
                status = path.stat()
                found[path.relative_to(self._folder).as_posix()] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return found


def _travels(path: Path) -> bool:
    return path.is_file() and path.name not in _OWN and path.suffix != ".part"
