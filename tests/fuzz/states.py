"""Mutations of what files of tensors hold: states of learners, policies, pieces of comparisons."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Path = tuple[Any, ...]


def _deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


class StateMutator:
    """Changes one or some parts of nested dicts and lists of numbers, strings, arrays and tensors."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def changed(self, value: Any) -> Any:
        """A copy of `value` in which one to three parts are other ones."""
        for _ in range(self._rng.choice([1, 1, 1, 2, 3])):
            places = list(_places(value))
            place, part = self._rng.choice(places), _at(value, self._rng.choice(places))
            change = (lambda _, part=part: part) if self._rng.random() < 0.1 else self._other  # or a part that stands elsewhere
            value = _replaced(value, place, change)
        return value

    def _other(self, value: Any) -> Any:  # noqa: PLR0911  # a sort of value each
        rng = self._rng
        if rng.random() < 0.1:
            return rng.choice([None, {}, [], "x", 0, -1, 1.0, True, np.zeros(0), torch.zeros(2), _deep(60), {"kind": 1}])
        if isinstance(value, torch.Tensor):
            return torch.from_numpy(self._array(value.numpy())) if rng.random() < 0.9 else value.numpy()
        if isinstance(value, np.ndarray):
            return self._array(value) if rng.random() < 0.9 else torch.from_numpy(np.ascontiguousarray(value))
        if isinstance(value, dict):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return self._sequence(list(value))
        if isinstance(value, bool) or value is None:
            return rng.choice([not value, 1, None, "x"])
        if isinstance(value, int):
            return rng.choice(
                [-1, 0, 1, -value, value + 1, value - 1, 2**31 - 1, 2**40, 2**62, 2**63 - 1, 10**30, float(value)]
            )
        if isinstance(value, float):
            return rng.choice([float("nan"), float("inf"), -1.0, 1e308, 0.0, -value, int(1e9), str(value)])
        return rng.choice(["", "x", "0x", "-0x1", "0x" + "f" * 5000, "MT19937", "../../x", str(value)[::-1], 3])

    def _mapping(self, value: dict[Any, Any]) -> Any:
        key = self._rng.choice(list(value)) if value else "x"
        without = {name: one for name, one in value.items() if name != key}
        return self._rng.choice([without, {**value, "unheard_of": 1}, {**value, 7: 7}, {}, list(value.values())])

    def _sequence(self, value: list[Any]) -> Any:
        doubled = [*value, *value[-1:]]
        return self._rng.choice([value[:-1], doubled, value[::-1], [], value * 50, [value], [*value, "x"], [*value, 10**6]])

    def _array(self, value: Any) -> Any:
        rng, value = self._rng, np.ascontiguousarray(value)
        changes: list[Callable[[Any], Any]] = [
            lambda a: a.astype(
                rng.choice([np.float16, np.float32, np.float64, np.int8, np.int32, np.int64, bool, np.complex64])
            ),
            lambda a: a[..., :1],
            lambda a: a[:-1] if a.ndim else a,
            lambda a: a[None],
            lambda a: a.ravel(),
            lambda a: np.ascontiguousarray(a.T),
            lambda a: a * 0,
            lambda a: -a if a.dtype != bool else ~a,
            lambda a: _filled(a, rng.choice([-1, -2, 1, 10**6, 2**31 - 1, 2**62])),
            lambda a: _filled(a, rng.choice([float("nan"), float("inf"), 1e30])) if a.dtype.kind in "fc" else _one(a, -5),
            lambda a: _one(a, rng.choice([-1, -7, 1000, 10**9])),
            lambda a: _one(a, float("nan")) if a.dtype.kind in "fc" else _one(a, 10**8),
        ]
        with np.errstate(all="ignore"):  # NaN as a whole number
            return np.ascontiguousarray(rng.choice(changes)(value))


def _filled(array: Any, value: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.full_like(array, np.array(value).astype(array.dtype))


def _one(array: Any, value: Any) -> Any:
    changed = array.copy()
    if changed.size:
        with np.errstate(all="ignore"):
            changed.reshape(-1)[changed.size // 2] = np.array(value).astype(array.dtype)
    return changed


def _places(value: Any, at: Path = ()) -> Any:
    """The places of all parts, those that contain others included."""
    yield at
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _places(one, (*at, key))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value[:8]):
            yield from _places(one, (*at, number))


def _at(value: Any, at: Path) -> Any:
    for key in at:
        value = value[key]
    return value


def _replaced(value: Any, at: Path, change: Callable[[Any], Any]) -> Any:
    """`value` with another part at a place; where the place is gone, as it is."""
    if not at:
        return change(value)
    if isinstance(value, dict) and at[0] in value:
        return {**value, at[0]: _replaced(value[at[0]], at[1:], change)}
    if isinstance(value, list | tuple) and isinstance(at[0], int) and at[0] < len(value):
        return [*value[: at[0]], _replaced(value[at[0]], at[1:], change), *value[at[0] + 1 :]]
    return value
