"""Shards: n commands share the items of one directory, on a folder that several machines see, with no lock among them.

shards/1-of-3.lock   held by the command of that shard
shards/1-of-3.done   it is at its end: whoever then finds all of these assembles what all have made
shards/assembly.lock held by whoever assembles: of several that are last at the same moment one does
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from trainers.workbench.files import opened_to_change
from trainers.workbench.workers import Item
from wirelessenv.command_line import Ended
from wirelessenv.config import ConfigError
from wirelessenv.sentences import shown

SHARDS = "shards"
"""Folder of their files, below the directory of the work."""
MOST = 10_000
_FILE = re.compile(r"(\d{1,5})-of-(\d{1,5})\.(lock|done)", re.ASCII)


class ShardFinished(Ended):
    """A shard is at its end, and others are not yet."""

    status = 0


class WorkShard(NamedTuple):
    """One of `of` commands that share the items of a directory: it takes every `of`-th, from `number` on."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a shard as it is written on the command line: 2/4; raises ConfigError where it is none."""
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text, re.ASCII)
        if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST:
            raise ConfigError(f"--shard: {shown(text)} is not valid: it should be I/N, with I from 1 to N, as in 2/4")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def mine(self, items: Sequence[Item]) -> list[Item]:
        """The shard's share of items, which all shards know in the same order."""
        return list(items[self.number - 1 :: self.of])

    @contextmanager
    def taken(self, directory: Path) -> Iterator[None]:
        """Context in which the shard is this command's, and its end is not noted.

        Args:
            directory: of the work.

        Raises:
            ConfigError: where another command has it, or the work is cut into another number of shards.
        """
        with opened_to_change(self._file(directory, "lock")) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"--shard: {self} of {directory} is in use: another command works on it; wait for it, or stop it"
                ) from None
            others = sorted({of for _, of, _ in _listed(directory) if of != self.of})
            if others:
                self._file(directory, "lock").unlink()
                raise ConfigError(
                    f"--shard: {self} is not valid: {directory} is worked on in {others[0]} shards; give one of these, or go "
                    "on with --resume instead once nobody works there"
                )
            self._file(directory, "done").unlink(missing_ok=True)
            yield

    def note_end(self, directory: Path) -> int:
        """Note that the shard is at its end; returns how many others are not: 0 for the last one.

        The file is made before the folder is listed, so that of two that end at once at least one sees both.
        """
        self._file(directory, "done").touch()
        return self.of - sum(what == "done" and of == self.of for _, of, what in _listed(directory))

    def assembling(self, directory: Path) -> AbstractContextManager[None]:
        """Context in which this command alone assembles a directory.

        Args:
            directory: of the work, whose shards are at their end.

        Raises:
            ShardFinished: where another one, that was last at the same moment, does so already.
        """
        return alone(directory / SHARDS / "assembly.lock", f"Shard {self} is finished; another one assembles {directory}")

    def _file(self, directory: Path, what: str) -> Path:
        return directory / SHARDS / f"{self.number}-of-{self.of}.{what}"


def _listed(directory: Path) -> list[tuple[int, int, str]]:
    found = (_FILE.fullmatch(name) for name in os.listdir(directory / SHARDS))
    return [(int(one[1]), int(one[2]), one[3]) for one in found if one]


@contextmanager
def alone(place: Path, told: str) -> Iterator[None]:
    """Context in which one command alone does what the last of several shards does.

    Args:
        place: file that it locks meanwhile.
        told: to the others.

    Raises:
        ShardFinished: where another command does it already.
    """
    with opened_to_change(place) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShardFinished(told) from None
        yield


def publish(prepared: Path, directory: Path, names: Iterable[str]) -> None:
    """Put files, whole, to where others may be putting theirs; of two of one name the first stays.

    Args:
        prepared: folder of the files.
        directory: where they go.
        names: their paths below the folder.
    """
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.link(prepared / name, directory / name)
