"""Memory that is about to be allocated, compared with the memory that there is, before it is allocated."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from wirelessenv.config import ConfigError

GIB = 2**30
BASE = 2**26
"""Bytes that are granted without a question."""


class Part(NamedTuple):
    """Arrays whose size is a product: `bytes` times all of `factors`, each with the name of the setting that says it."""

    bytes: float
    factors: tuple[tuple[str, int], ...]

    @property
    def size(self) -> float:
        """In bytes; a float, which no product makes overflow."""
        return math.prod((float(count) for _, count in self.factors), start=float(self.bytes))

    def said(self) -> str:
        """'hops: 1000000 with 24 transmitters and 64 slots': the setting that contributes most, then the others."""
        counts = dict(self.factors)
        weight = {name: math.prod(float(count) for one, count in self.factors if one == name) for name in counts}
        first = max(weight, key=weight.__getitem__)
        others = [f"{count} {name}" for name, count in counts.items() if name != first and count > 1]
        return f"{first}: {counts[first]}" + (f" with {' and '.join(others)}" if others else "")

    def most(self) -> str:
        """The name of the setting that contributes most."""
        return self.said().partition(":")[0]


def part(size: float, *factors: tuple[str, int]) -> Part:
    """Arrays whose size is a product of settings.

    Args:
        size: bytes for each element.
        factors: settings and their values, such as ("hops", 5); one that enters twice is given twice.

    Returns:
        The part of the memory that they take.
    """
    return Part(size, factors)


def check_room(*parts: Part, device: str | None = None) -> None:
    """Check that the memory has room for some arrays.

    Args:
        parts: the arrays.
        device: the torch device that holds them; None: the memory of the machine, its control group and the process.

    Raises:
        ConfigError: with the setting to change, where there is no room.
    """
    needed = sum(one.size for one in parts)
    if needed > BASE and needed > (limit := memory(device)):
        raise ConfigError(_refusal(parts, f"and this machine has {_gib(limit)} for it"))


@contextmanager
def room_for(*parts: Part, device: str | None = None) -> Iterator[None]:
    """Context for an allocation: `check_room`, and the same sentence where the system refuses all the same.

    Args:
        parts: the arrays.
        device: the torch device that holds them, or None.

    Raises:
        ConfigError: with the setting to change, where there is no room.
    """
    check_room(*parts, device=device)
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _of_memory(error):
            raise
        raise ConfigError(_refusal(parts, "more than is free here")) from None


@contextmanager
def lack_of_memory_told() -> Iterator[None]:
    """Turns a lack of memory, wherever it shows, into a ConfigError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _of_memory(error):
            raise
        raise ConfigError(
            f"memory: it does not suffice for these settings ({' '.join(str(error).split())[:120] or 'out of memory'}): choose "
            "fewer seeds, slots, transmitters or workers, or smaller batches and buffers"
        ) from None


def _of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "memory" in str(error)  # torch's own is a RuntimeError


def _refusal(parts: tuple[Part, ...], why: str) -> str:
    largest = max(parts, key=lambda one: one.size)
    needed = sum(one.size for one in parts)
    return f"{largest.said()} is not valid: it needs about {_gib(needed)} of memory, {why}: choose fewer {largest.most()}"


def _gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB" if size < 1e6 * GIB else f"{size / GIB:.0e} GiB"


def memory(device: str | None = None) -> float:
    """Bytes that this process, or a torch device, can have; infinite where nobody says."""
    if device is not None and device.startswith("cuda"):
        import torch  # noqa: PLC0415  # only who has a device has torch

        return float(torch.cuda.get_device_properties(device).total_memory)
    return min(_machine(), _group(), _process())


@lru_cache
def _machine() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return math.inf


@lru_cache
def _group() -> float:
    """The smallest limit of the control groups that the process is in (Linux: containers, batch systems)."""
    root = Path("/sys/fs/cgroup")
    files = [root / "memory.max", root / "memory" / "memory.limit_in_bytes"]
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            folder, name = (root, "memory.max") if not controllers else (root / "memory", "memory.limit_in_bytes")
            own = Path(path.lstrip("/"))
            files += [folder / one / name for one in (own, *own.parents)]
    return min(map(_limit, files), default=math.inf)


def _limit(file: Path) -> float:
    try:
        said = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return math.inf
    return float(said) if said.isdecimal() else math.inf


def _process() -> float:
    """The memory that the limit of the address space leaves."""
    try:
        import resource  # noqa: PLC0415  # Windows has none, and no such limits
    except ModuleNotFoundError:
        return math.inf
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return math.inf
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        pages = 0
    return float(max(most - pages * os.sysconf("SC_PAGE_SIZE"), 0))
