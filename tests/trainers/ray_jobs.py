"""Jobs of the tests of engines, which workers of Ray import from here."""

import os
import time
from pathlib import Path
from typing import ClassVar

from trainers.workbench.engines import OwnModules
from trainers.workbench.files import write_atomically
from wirelessenv.config import ConfigError

LAST = 30


class Counting:
    """Counts to LAST, ten a second, and saves each number; tells which process has begun where."""

    modules: ClassVar[OwnModules] = {}

    def work(self, item, folder, asked):
        place, told = folder / f"{item}.pt", folder / f"{item}.begun"
        number = int(place.read_bytes()) if place.exists() else 0
        before = told.read_bytes() if told.exists() else b""
        write_atomically(told, before + f"{os.getpid()} {number}\n".encode())
        while number < LAST:
            time.sleep(0.1)
            number += 1
            write_atomically(place, str(number).encode())
            if asked():
                return False
        return True

    def inputs(self, item):
        return [f"{item}.*"]


class Failing(Counting):
    """Fails as its items say."""

    def work(self, item, folder, asked):
        if item == "dies":
            os._exit(1)
        if item == "refuses":
            raise ConfigError("learner: is not valid")
        if item == "full":
            raise OSError(28, "No space left on device")
        raise RuntimeError("a fault of ours")


def begun(folder: Path, item: str) -> list[tuple[int, int]]:
    """Process and number of each attempt at counting."""
    told = folder / f"{item}.begun"
    lines = told.read_text().splitlines() if told.exists() else []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]
