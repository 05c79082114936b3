"""Schedules of live runs as files: arrays without pickle, written whole or not at all, and checked when they are read."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from trainers.live.party import Arrays
from trainers.workbench.files import read_file, reading, write_atomically
from wirelessenv.config import ConfigError

COLUMNS: dict[str, dict[str, str]] = {
    "zeroth_order": {
        "post": "agents",  # (rounds, m): number of the post that an agent was on the air with
        "base": "agents",  # the round whose inputs that post was worked out of
        "seconds": "f",  # (rounds,)
        "update_round": "i",  # (updates,)
        "update_agent": "i",
        "update_heard": "agents",  # (updates, m): T of the entries that it used, -1 for none
    },
    "async_bc": {
        "first": "i",  # (tau_C,): clients of the first tasks
        "task": "i",  # (updates,): number of the task that was answered
        "next_client": "i",
        "seconds": "f",
    },
    "pars_push": {
        "woken_tick": "i",  # (times that a node woke up,)
        "woken_node": "i",
        "woken_seconds": "f",
        "taken_tick": "i",  # (messages that were taken in,): the receiver's tick, the link, and the sender's tick
        "taken_link": "i",
        "taken_sent": "i",
        "link_receiver": "i",  # (links,): the node that a link leads to
        "ticks": "n",
    },
}
"""Columns of a schedule by kind of learner: whole numbers, of one or two axes, or seconds."""
TOGETHER = {
    "zeroth_order": (("post", "base", "seconds"), ("update_round", "update_agent", "update_heard")),
    "async_bc": (("task", "next_client", "seconds"),),
    "pars_push": (("woken_tick", "woken_node", "woken_seconds"), ("taken_tick", "taken_link", "taken_sent")),
}
"""Columns that are of equal length."""


def write_schedule(path: str | Path, kind: str, schedule: Arrays) -> None:
    """Write a schedule to a file, atomically.

    Args:
        path: of the file, an .npz.
        kind: of the learner.
        schedule: by column.

    Raises:
        OSError: where the disk refuses.
    """
    buffer = io.BytesIO()
    columns: dict[str, Any] = {"kind": np.array(kind), **schedule}
    np.savez_compressed(buffer, **columns)
    write_atomically(path, buffer.getvalue())


def read_schedule(path: str | Path, kind: str) -> Arrays:
    """Read a schedule that `write_schedule` wrote.

    Args:
        path: of the file.
        kind: of the learner that is to follow it.

    Returns:
        The schedule, by column.

    Raises:
        ConfigError: where it is damaged, or of another kind; one sentence.
    """
    with reading(path):
        with np.load(io.BytesIO(read_file(path)), allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        held = str(found.pop("kind", "")) or "something else"
        if held != kind:
            raise ConfigError(f"is the schedule of {held}, not of {kind}")
        _refuse(kind, found)
    return found


def _refuse(kind: str, found: Arrays) -> None:
    """Raises ConfigError unless columns have the types and lengths of a schedule, and numbers that can be."""
    if set(found) != set(COLUMNS[kind]):
        raise ConfigError("is damaged: it lacks a column, or has one too many")
    for name, form in COLUMNS[kind].items():
        column, axes = found[name], {"agents": 2, "n": 0}.get(form, 1)
        if column.ndim != axes or column.dtype.kind != ("f" if form == "f" else "i"):
            raise ConfigError(f"is damaged: its column {name} is of another form")
        if form != "f" and column.size and column.min() < -1:
            raise ConfigError(f"is damaged: its column {name} holds {column.min()}")
    for names in TOGETHER[kind]:
        if len({len(found[name]) for name in names}) > 1:
            raise ConfigError(f"is damaged: its columns {', '.join(names)} differ in length")
