"""Mutations: valid inputs with something in them that a hurried or hostile user might hand in."""

import datetime
import math
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


_PLAIN: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -0.0,
    -1,
    1,
    2,
    3,
    7,
    30,
    1.5,
    -2.5,
    0.999,
    1e-3,
    1e-46,
    5e-324,
    1e30,
    1e38,
    1e39,
    1e308,
    -1e308,
    math.nan,
    math.inf,
    -math.inf,
    10**4,
    10**5,
    10**6,
    10**9,
    2**31 - 1,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    10**400,
    "",
    " ",
    "x",
    "1",
    "1.5",
    "1e3",
    "nan",
    "true",
    "null",
    "~",
    "none",
    "0x10",
    "010",
    "1:30",
    "2020-13-45",
    "../../x",
    "/",
    "a" * 300,
    "é",
    "ß漢字",
    "\x00",
    "a\nb",
    "\ud800",
    "$x^{$",
    "[bold]",
    "{0}",
    "%s",
    "dense",
    "paper",
    "ring",
    "full",
    "own",
    [],
    {},
    [[]],
    [{}],
    {"": 1},
    {"kind": "x"},
    {"kind": None},
    {"kind": ["ring"]},
    {"preset": "dense"},
    {"preset": 3},
    {1: 2},
    {None: 1},
    {"a": {"a": {"a": {}}}},
    [1],
    [1, 1],
    [0.5, 0.5],
    ["ring"],
    [None],
    list(range(50)),
    [1, [2, [3]]],
)
_PYTHON: tuple[Callable[[], Any], ...] = (
    lambda: np.int64(6),
    lambda: np.int8(-3),
    lambda: np.uint64(2**63),
    lambda: np.float32(0.5),
    lambda: np.float64("nan"),
    lambda: np.bool_(True),
    lambda: np.str_("dense"),
    lambda: np.array(5),
    lambda: np.array([1, 2]),
    lambda: np.zeros((0,)),
    lambda: np.array([1 + 2j]),
    lambda: np.array([object()]),
    lambda: np.datetime64("2020-01-01"),
    lambda: 1 + 2j,
    lambda: b"x",
    lambda: bytearray(b"x"),
    lambda: {1, 2},
    frozenset,
    lambda: (),
    lambda: (1, 2),
    lambda: range(3),
    object,
    lambda: type,
    lambda: len,
    lambda: lambda: 1,
    lambda: iter([1]),
    lambda: Decimal("0.1"),
    lambda: Fraction(1, 3),
    lambda: datetime.date(2020, 1, 1),
    lambda: Path("x"),
    lambda: ...,
    lambda: NotImplemented,
    lambda: ValueError("x"),
    lambda: _deep(200),
    lambda: _deep(3000),
    lambda: "x" * 100_000,
    lambda: list(range(5000)),
)


class Mutator:
    """Draws mutations of one input from a generator of random numbers.

    Args:
        rng: where all choices come from, so that a number stands for an input.
        python: whether values may be objects that no text file can hold.
    """

    def __init__(self, rng: random.Random, *, python: bool = True) -> None:
        self.rng, self._python = rng, python

    def odd(self) -> Any:
        """A value that is odd nearly everywhere."""
        if self._python and self.rng.random() < 0.3:
            return self.rng.choice(_PYTHON)()
        return self.rng.choice(_PLAIN)

    def near(self, value: Any) -> Any:
        """A value of the same sort that may be out of bounds."""
        if isinstance(value, bool):
            return self.rng.choice([not value, int(value), str(value)])
        if isinstance(value, int | float) and abs(value) < 1e300:  # what is larger is odd enough
            return self.rng.choice(
                [-value, value + 1, value - 1, value * 10, value * 1000, value * 1e6, value / 7, float(value), str(value)]
            )
        if isinstance(value, str):
            return self.rng.choice(
                [value[:-1], value + "s", value.upper(), value * 2, f" {value}", value[::-1], [value], {"kind": value}]
            )
        if isinstance(value, list):
            return self.rng.choice([value[:-1], value * 2, value[::-1], tuple(value), dict(enumerate(value))])
        if isinstance(value, dict):
            return self.rng.choice([list(value), list(value.items()), [value], dict(list(value.items())[:-1])])
        return self.odd()

    def changed(self, value: Any, depth: int = 0) -> Any:  # noqa: PLR0911  # a sort of change each
        """`value` with one change somewhere in it."""
        rng = self.rng
        if isinstance(value, dict) and value and (depth == 0 or rng.random() < 0.75):
            key = rng.choice(list(value))
            action = rng.random()
            if action < 0.7:
                return {**value, key: self.changed(value[key], depth + 1)}
            if action < 0.78:
                return {name: inner for name, inner in value.items() if name != key}
            if action < 0.86:
                typo = str(key)[:-1] + rng.choice(["", "x", "_"])
                return {typo if name == key else name: inner for name, inner in value.items()}
            if action < 0.93:
                return {**value, self._key(): self.odd()}
            return {**value, key: rng.choice(list(value.values()))}
        if isinstance(value, list) and value and rng.random() < 0.6:
            at = rng.randrange(len(value))
            return [*value[:at], self.changed(value[at], depth + 1), *value[at + 1 :]]
        return self.near(value) if rng.random() < 0.4 else self.odd()

    def _key(self) -> Any:
        key = self.odd()
        try:
            hash(key)
        except TypeError:
            return "unheard_of"
        return key

    def several(self, value: Any) -> Any:
        """`value` with one to three changes."""
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            value = self.changed(value)
        return value

    def bytes(self, content: bytes) -> bytes:
        """`content` damaged: cut, overwritten, doubled, with tokens put in."""
        rng, at = self.rng, self.rng.randrange(len(content) + 1)
        tokens = (
            b"",
            b"\x00",
            b"\xff\xfe",
            b"\t",
            b": ",
            b"- ",
            b"{",
            b"[" * rng.choice([1, 50, 5000]),
            b"&a ",
            b"*a",
            b"!!int ",
            b"!!python/object:os.system ",
            b"---\n",
            b"? ",
            b"'",
            b'"',
            b"#",
            b"|\n",
            b">",
            b"<<: ",
            b"%YAML 1.1\n",
            b"1e400",
            b"nan",
            b"-1",
            b"9" * 5000,
            b",",
            b"\r",
            "é\u2028\ufeff".encode(),
            b"\xed\xa0\x80",
        )
        action = rng.randrange(6)
        if action == 0:
            return content[:at]
        if action == 1:
            return content[:at] + bytes(rng.randrange(256) for _ in range(rng.choice([1, 4, 40]))) + content[at:]
        if action == 2:
            return content[:at] + content[at + rng.choice([1, 3, 30]) :]
        if action == 3:
            return content[:at] + content[: rng.randrange(len(content) + 1)]
        return content[:at] + rng.choice(tokens) + content[at + rng.choice([0, 0, 1, 5]) :]
