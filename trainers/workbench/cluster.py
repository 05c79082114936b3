"""Ray, which runs work on other machines: begun here, or met at an address, and what goes wrong with it in one sentence."""

import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from wirelessenv.config import ConfigError
from wirelessenv.extras import missing

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nobody is told that it runs
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # no advice about graphics cards that are not asked for
}
"""Settings of Ray in the environment; what a user has set stays."""
ANSWER_WITHIN = 5.0
"""Seconds in which somebody has to answer at the address of a cluster; Ray itself would ask for minutes."""


@contextmanager
def connected(address: str | None = None, processors: int = 2, user: str = "--engine ray") -> Iterator[Any]:
    """Context in which Ray is there: one that was begun before, that of a cluster, or a small one that lives as long.

    Args:
        address: HOST:PORT of a cluster that this machine belongs to, or "auto"; None: Ray is begun on this machine.
        processors: that Ray shares out, where it is begun here.
        user: the option or command that needs Ray, as sentences name it.

    Yields:
        The package `ray`.

    Raises:
        ConfigError: where Ray is not installed, nobody answers at the address, or the cluster runs other versions.
    """
    refuse_impossible(address, user)
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    ray = importlib.import_module("ray")
    if ray.is_initialized():
        yield ray
        return
    try:
        with _own_handlers():
            _begin(ray, address, processors, user)
        yield ray
    finally:
        with _own_handlers():
            ray.shutdown()


def refuse_impossible(address: str | None, user: str = "--engine ray") -> None:
    """Refuse at once, without a wait, what `connected` could not do.

    Args:
        address: of a cluster, if any.
        user: the option or command that needs Ray.

    Raises:
        ConfigError: where Ray is not installed, or nobody answers at the address.
    """
    if sys.modules.get("ray", ...) is None or find_spec("ray") is None:
        raise ConfigError(missing(user, "ray", "ray"))
    if address is not None:
        _refuse_nobody(address)


def _begin(ray: Any, address: str | None, processors: int, user: str) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options |= {"num_cpus": processors, "include_dashboard": False}
    try:
        ray.init(address=address or "local", **options)  # "local": also where RAY_ADDRESS names a cluster
    except Exception as error:  # Ray raises what it likes: ConnectionError, RuntimeError, ValueError, errors of its own
        raise ConfigError(_told(address, str(error), user)) from None


def _told(address: str | None, said: str, user: str) -> str:
    first = next(iter(filter(None, map(str.strip, said.splitlines()))), "it does not say why").rstrip(".")
    if address is None:
        return f"{user}: Ray cannot be started on this machine ({first})"
    if "Version mismatch" in said:
        told = " ".join(said.partition("Version mismatch:")[2].split()).rstrip(".")
        return (
            f"--address: the cluster at {address} runs another version of Ray or Python than this machine, and both have to be "
            f"the same ({told})"
        )
    if address == "auto":
        return "--address: auto is not valid: no cluster runs on this machine; start one with: ray start --head"
    return f"--address: {address} is not valid: no cluster can be joined there ({first})"


def _refuse_nobody(address: str) -> None:
    """Raises ConfigError for an address that is none, or where nobody answers."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 2**16) or "/" in address:
        raise ConfigError(
            f'--address: "{address}" is not valid: it should be HOST:PORT, as "ray start --head" prints it, or auto for the '
            "cluster that this machine belongs to"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_WITHIN).close()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"--address: {address} is not valid: nobody answers there ({why}); is the cluster running?") from None


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Keep the handlers of signals that are there: Ray sets one of its own for SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # None: it was not set from Python
                signal.signal(number, handler)
