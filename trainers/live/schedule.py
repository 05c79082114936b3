"""Schedules of live runs as files: arrays without pickle, written whole or not at all, and checked when they are read.

schedule.npz          all of it, once the run is over
schedule/000000.npz   a piece, while it goes on: what is there when a run is lost can be replayed
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.live.party import Arrays, Kept, RecordPiece
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
        "shard": "each",  # (m,): of each agent
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
"""Columns of a schedule by kind of learner: whole numbers, of one or two axes, the last one that of agents, or seconds."""
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
    _write(path, kind, schedule)


def _write(path: str | Path, kind: str, columns: Arrays) -> None:
    buffer = io.BytesIO()
    named: dict[str, Any] = {"kind": np.array(kind), **columns}
    np.savez_compressed(buffer, **named)
    write_atomically(path, buffer.getvalue())


def read_schedule(path: str | Path, kind: str) -> Arrays:
    """Read a schedule that `write_schedule` wrote; of a run that was lost, the pieces that are there.

    Args:
        path: of the file.
        kind: of the learner that is to follow it.

    Returns:
        The schedule, by column.

    Raises:
        ConfigError: where it is damaged, or of another kind; one sentence.
    """
    pieces = read_pieces(Path(path).with_suffix(""), kind) if not Path(path).exists() else []
    if pieces:
        return joined(kind, pieces).schedule
    found = _read(path, kind)
    with reading(path):
        _refuse(kind, found)
    return found


def write_piece(folder: Path, number: int, kind: str, piece: RecordPiece) -> None:
    """Write a piece of the record of a run that goes on.

    Args:
        folder: of its pieces.
        number: of this one, from 0.
        kind: of the learner.
        piece: of `Hub.piece`.

    Raises:
        OSError: where the disk refuses.
    """
    folder.mkdir(exist_ok=True)
    kept = [*piece.kept, piece.now]
    columns = {
        "kept_iteration": np.array([one.iteration for one in kept]),
        "kept_seconds": np.array([one.seconds for one in kept], float),
        "kept_solution": np.array([one.solution for one in kept]),
    }
    _write(folder / f"{number:06d}.npz", kind, piece.schedule | columns)


def read_pieces(folder: Path, kind: str) -> list[RecordPiece]:
    """Read the pieces of a run that was lost, from the first on as far as none is missing.

    Args:
        folder: of the pieces.
        kind: of the learner.

    Returns:
        The pieces, in order.

    Raises:
        ConfigError: where one is damaged, or of another kind; one sentence.
    """
    pieces: list[RecordPiece] = []
    while (path := folder / f"{len(pieces):06d}.npz").exists():
        found = _read(path, kind)
        with reading(path):
            columns = [found.pop(f"kept_{name}") for name in ("iteration", "seconds", "solution")]
            *kept, now = (Kept(int(one[0]), float(one[1]), one[2]) for one in zip(*columns, strict=True))
            _refuse(kind, found)
        pieces.append(RecordPiece(found, kept, now))
    return pieces


def joined(kind: str, pieces: Sequence[RecordPiece]) -> RecordPiece:
    """Join the pieces of a record to one.

    Args:
        kind: of the learner.
        pieces: in order, at least one.

    Returns:
        The piece that is all of them.
    """
    rows = {name for names in TOGETHER[kind] for name in names}
    schedule = pieces[-1].schedule | {name: np.concatenate([one.schedule[name] for one in pieces]) for name in sorted(rows)}
    return RecordPiece(schedule, [kept for one in pieces for kept in one.kept], pieces[-1].now)


def _read(path: str | Path, kind: str) -> Arrays:
    with reading(path):
        with np.load(io.BytesIO(read_file(path)), allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        held = str(found.pop("kind", "")) or "something else"
        if held != kind:
            raise ConfigError(f"is the schedule of {held}, not of {kind}")
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
    if len({found[name].shape[-1] for name, form in COLUMNS[kind].items() if form in {"agents", "each"}}) > 1:
        raise ConfigError("is damaged: its columns differ in the number of agents")
    for names in TOGETHER[kind]:
        if len({len(found[name]) for name in names}) > 1:
            raise ConfigError(f"is damaged: its columns {', '.join(names)} differ in length")
