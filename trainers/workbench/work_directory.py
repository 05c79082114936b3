"""Directory of one run or comparison: its configuration, where it began, and nobody else's files."""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

import wirelessenv
from trainers.workbench.files import opened_to_change, read_file, reading, refuse_links, write_atomically
from trainers.workbench.kept_sources import FOLDER, Sources, changed, keep
from trainers.workbench.shards import SHARDS, WorkShard, publish
from trainers.workbench.workers import refuse_unguarded
from wirelessenv import yaml_text
from wirelessenv.config import ConfigError, Document, read_configuration
from wirelessenv.sources import identity, standing_in

MUST_AGREE = ("wirelessenv", "python", "numpy", "torch", "device", "threads_a_worker")
"""Entries of the manifest that decide the last bits of the numbers."""
SAME_NUMBERS = ("0.1.0", "0.2.0")
"""Versions of wirelessenv that compute the same numbers to the last bit: what one has begun goes on with another."""


PACKAGES = ("numpy", "torch", "gymnasium", "pettingzoo", "pydantic", "scipy", "stable-baselines3")


Loaded = TypeVar("Loaded", bound=Document)


class Configuration(Protocol):
    """Configuration that a directory holds: an experiment or a comparison."""

    def dump(self) -> dict[str, Any]:
        """All of it as plain dicts, lists and numbers."""


class WorkDirectory(ABC):
    """Base class of run and comparison directories: config.yaml, manifest.json, a lock, and what the subclass adds."""

    what: ClassVar[str]
    """The work in one word, for sentences."""
    must_agree: ClassVar[tuple[str, ...]] = MUST_AGREE

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @abstractmethod
    def configuration(self) -> Configuration:
        """Read the configuration; raises ConfigError where there is none."""

    def code(self, configuration: Any) -> str:
        """Checksum of code of a user's own without which the work cannot go on; "" where there is none."""
        return ""

    def made_with_other_code(self, configuration: Configuration) -> bool:
        """True where the work was begun with other code of the user's own."""
        now = self.code(configuration)
        return bool(self._manifest().get("code", now) != now)

    @classmethod
    def below(cls, folder: Path) -> list[Self]:
        """The directories of this kind of work below a folder, in order."""
        found = [cls(path.parent) for path in sorted(folder.rglob("config.yaml"))]
        return [one for one in found if one._is_one()]

    def _is_one(self) -> bool:
        return self._held() == self.what

    def _held(self) -> str:
        """Kind of work that the directory holds; this one, where nothing says so."""
        manifest = self._manifest()
        return str(manifest.get("what", "run")) if manifest else self.what

    def _manifest(self) -> dict[str, Any]:
        """Read manifest.json; empty where it is missing or damaged."""
        path = self.path / "manifest.json"
        try:
            with reading(path):
                return dict(json.loads(read_file(path)))
        except ConfigError:
            return {}

    def _read_configuration(self, kind: type[Loaded]) -> Loaded:
        """The directory's config.yaml; raises ConfigError where there is none, or it is damaged.

        Its paths lead from here; those of a directory of old, which keeps no copies, from where it was begun.
        """
        with reading(self._config):
            if not self._config.exists():
                raise ConfigError(f"{self.path}: is not a {self.what} directory: it has no config.yaml")
            read_file(self._config)  # refuses what is no file, or endless
            keeps_sources = "sources" in self._manifest() or self._copies.is_dir()
            return kind.parse(read_configuration(self._config, self.path if keeps_sources else Path.cwd()))

    def standing_in(self) -> AbstractContextManager[None]:
        """Context in which sources that have gone away since the work began are taken from the copies that are here."""
        copies = {path: str(self.path.resolve() / one.place) for path, one in self._sources().items() if one.place}
        return standing_in(copies)

    def _sources(self) -> Sources:
        """Sources that the work was begun with; empty where the manifest says nothing sound."""
        try:
            return TypeAdapter(Sources).validate_python(self._manifest().get("sources", {}))
        except ValidationError:
            return {}

    @classmethod
    @contextmanager
    def opened(
        cls,
        path: str | Path,
        configuration: Configuration,
        *,
        resume: bool,
        device: str,
        force: bool = False,
        shard: WorkShard | None = None,
    ) -> Iterator[Self]:
        """Open a directory for a configuration, new or one that holds it already, and keep others out meanwhile.

        Args:
            path: of the directory.
            configuration: that it is to hold.
            resume: go on with the work that is there, if there is some.
            device: "cpu" or "cuda".
            force: go on also with other versions or on another device.
            shard: of the work; the others may work there, too. None: all of it.

        Yields:
            The directory.

        Raises:
            ConfigError: before anything is written, where the directory holds something else, is in use, or (unless
                `force`) was begun with other versions or on another device.
        """
        refuse_unguarded()
        directory = cls(path)
        shared = shard is not None
        directory._refuse_what_is_there(configuration, resume or shared, device, force, shared=shared)
        directory.path.mkdir(parents=True, exist_ok=True)
        refuse_links(directory.path)
        with opened_to_change(directory.path / ".lock") as lock:
            try:
                fcntl.flock(lock, (fcntl.LOCK_EX if shard is None else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"--out: {path} is in use: another process works there; wait for it, or stop it") from None
            if shard is None:
                shutil.rmtree(directory.path / SHARDS, ignore_errors=True)
                if not directory._config.exists():
                    directory._begin(configuration, device, directory.path)
                yield directory
                return
            (directory.path / SHARDS).mkdir(exist_ok=True)  # the first thing there: it tells other shards whose the rest is
            with shard.taken(directory.path):
                if not directory._config.exists():
                    directory._begin_together(configuration, device)
                directory._refuse_what_is_there(
                    configuration, True, device, force, shared=True
                )  # it may be new since we looked
                yield directory

    def _begin(self, configuration: Configuration, device: str, place: Path) -> None:
        """Write the configuration, copies of what it names, and the manifest."""
        sources: Sources = {}
        kept = yaml_text.write(keep(configuration.dump(), place, sources))
        begun_with = {
            "sources": {path: one.dump() for path, one in sources.items()},
            "code": self.code(configuration),
        }
        manifest = json.dumps({"what": self.what, **_manifest(device), **begun_with}, indent=2) + "\n"
        write_atomically(place / "manifest.json", manifest.encode())
        write_atomically(place / self._config.name, kept.encode())  # last: with it, it is a directory of ours

    def _begin_together(self, configuration: Configuration, device: str) -> None:
        """Begin a directory that other shards may be beginning at this moment: whoever is first does, the others find it."""
        with tempfile.TemporaryDirectory(prefix=".begun-", dir=self.path / SHARDS, ignore_cleanup_errors=True) as place:
            self._begin(configuration, device, Path(place))
            own = {path.relative_to(place).as_posix() for path in Path(place).rglob("*") if path.is_file()}
            publish(Path(place), self.path, sorted(own - {"manifest.json", self._config.name}))
            publish(Path(place), self.path, ["manifest.json"])
            ours, theirs = (json.loads(read_file(folder / "manifest.json")) for folder in (Path(place), self.path))
            if all(ours[name] == theirs.get(name) for name in ("sources", "code")):  # else it fits another configuration
                publish(Path(place), self.path, [self._config.name])

    def _refuse_what_is_there(
        self, configuration: Configuration, resume: bool, device: str, force: bool, *, shared: bool
    ) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"--out: {self.path} is not valid: it is a file; give a directory")
        if os.path.lexists(self._config):
            if self._held() != self.what:
                raise ConfigError(f"--out: {self.path} holds a {self._held()}, not a {self.what}; give another directory")
            if not resume:
                raise ConfigError(
                    f"--out: {self.path} holds a {self.what} already; add --resume to go on with it, or give another directory"
                )
            self._refuse_another(configuration)
            if not force:
                self._refuse_other_versions(device)
            return
        there = (
            {entry.name for entry in self.path.iterdir()} if self.path.exists() else set()
        )  # listed once: others may add to it
        begun_by_a_shard = shared and SHARDS in there
        if not begun_by_a_shard and there - {".lock", "manifest.json", FOLDER}:
            raise ConfigError(
                f"--out: {self.path} is not valid: it holds files that are not a {self.what}'s; give another directory"
            )

    def refuse_changed_sources(self, configuration: Configuration) -> None:
        """Raises ConfigError where something that the work was begun with is not what it was."""
        if (source := changed(configuration.dump(), self._sources())) is not None:
            raise ConfigError(
                f"--resume: {source} has changed since {self.path} was begun with it: put back what it was (a copy is in "
                f"{self._copies}), or give another directory"
            )

    def _refuse_another(self, configuration: Configuration) -> None:
        self.refuse_changed_sources(configuration)
        if self.made_with_other_code(configuration):
            raise ConfigError(
                f"--resume: the code of a piece of your own has changed since {self.path} was begun with it; "
                "give another directory"
            )
        there, here = identity(self.configuration().dump()), identity(configuration.dump())
        others = [key for key in here if here[key] != there.get(key)]
        if others:
            raise ConfigError(
                f"--out: {self.path} holds another {self.what}: its {others[0]} differs from this configuration's; "
                "give another directory"
            )

    def _refuse_other_versions(self, device: str) -> None:
        then, now = self._manifest(), _manifest(device)
        if not then:
            raise ConfigError(
                f"--resume: {self.path}/manifest.json is missing or damaged, so that nobody knows with which versions it was "
                "begun; add --force to go on all the same"
            )
        if then.get("wirelessenv") in SAME_NUMBERS and now["wirelessenv"] in SAME_NUMBERS:
            then = then | {"wirelessenv": now["wirelessenv"]}
        changed = [name for name in self.must_agree if then.get(name) != now[name]]
        if changed:
            name = changed[0]
            raise ConfigError(
                f"--resume: {self.path} was begun with {name} {then.get(name)} and this is {now[name]}: the numbers would not "
                "be the same to the last bit; add --force to go on all the same"
            )

    def in_use(self) -> bool:
        """True while a process works there; a lock that cannot be looked at is nobody's."""
        try:
            with (self.path / ".lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # shards hold it together
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @property
    def _config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def _copies(self) -> Path:
        return self.path / FOLDER


def safe(path: Path) -> str:
    """Remark that what was saved is safe, for a disk that refuses to take more; empty where nothing was saved."""
    return "; what was saved before is safe" if os.path.exists(path / "config.yaml") else ""  # which raises nothing


def _manifest(device: str) -> dict[str, Any]:
    return {
        "wirelessenv": wirelessenv.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "machine": platform.machine(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "threads_a_worker": 1,
        "device": device,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout that this code runs from, if it is one; "+" marks uncommitted changes."""
    here = Path(__file__).resolve().parent

    def git(*command: str) -> str:
        return subprocess.run(  # noqa: S603  # fixed arguments, no shell
            ["git", *command],  # noqa: S607  # whichever git the user has
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
