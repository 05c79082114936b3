"""Choice of an engine by options of a command line."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from trainers.workbench.engines import LOCAL, Engine
from trainers.workbench.ray_engine import OnRay
from wirelessenv.config import ConfigError


@contextmanager
def engine_chosen(chosen: Namespace) -> Iterator[Engine]:
    """Context in which the engine that options ask for is there.

    Args:
        chosen: with `engine`, `address` and `results`.

    Yields:
        The engine.

    Raises:
        ConfigError: where options do not fit each other, or the engine cannot be used.
    """
    if chosen.engine == "local":
        for name, usual in (("address", None), ("results", "store")):
            if getattr(chosen, name) != usual:
                raise ConfigError(f"--{name}: {getattr(chosen, name)} is not valid without --engine ray")
        yield LOCAL
        return
    with OnRay(chosen.address, chosen.results) as engine:
        yield engine
