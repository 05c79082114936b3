"""YAML as configurations use it: the core schema of YAML 1.2, read strictly and within bounds, and written to be read back.

Values are null, true and false, decimal numbers (1e-3 and .inf among them) and text; 1:30, 0x10, yes and 2020-01-01 are text.
Keys are text as they are written. There are no tags; aliases and the merge key << are followed as far as bounds allow.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import yaml

from wirelessenv.sentences import cut, shown

MOST_CHARACTERS = 2_500_000
MOST_VALUES = 150_000
"""In a text, with everything that its aliases repeat."""
MOST_DEEP = 64
"""Mappings and lists inside each other."""
MOST_DIGITS = 1000

_NULL, _TRUE, _FALSE = {"", "~", "null", "Null", "NULL"}, {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"([-+]?)0[0-9_]*[0-9]")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMERIC = re.compile("|".join(f"(?:{one.pattern})" for one in (_WHOLE, _FLOAT, _LEADING_ZERO, _NOT_FINITE)))


class YAMLTextError(ValueError):
    """A text that cannot be used; says what, and where in the text."""


def read(text: str, above: Iterable[str] = ()) -> Any:
    """The value that a YAML document stands for, None where there is none.

    Args:
        text: one document.
        above: the keys that the value will stand under.

    Raises:
        YAMLTextError: where it is no YAML, or more than the bounds or the core schema allow.
    """
    if len(text) > MOST_CHARACTERS:
        raise YAMLTextError(f"not valid: it is longer than {MOST_CHARACTERS} characters")
    return _Reader(text, above).document()


def write(data: Any) -> str:
    """`data` (mappings, lists, numbers, text) as a document that `read`, and any other reader of YAML, takes for the same."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Quotes text that looks like a number to YAML 1.2, too, and repeats what is there twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _name, _pattern in (("int", _WHOLE), ("float", _FLOAT)):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern.pattern})$"), list("-+.0123456789"))


class _Kept(NamedTuple):
    """The node that an anchor names."""

    value: Any
    values: int
    height: int


class _Reader:
    """Builds a value from the events of a text, counting as it goes, so that nothing large is built before it is refused."""

    def __init__(self, text: str, above: Iterable[str]) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._path = [*above]
        self._values = 0
        self._kept: dict[str, _Kept] = {}
        self._at: Any = None

    def document(self) -> Any:
        """The only document of the text."""
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value, _ = self._value(self._next(), len(self._path))
        self._next()
        if not isinstance(self._next(), yaml.StreamEndEvent):
            self._refuse("there should be one document alone")
        return value

    def _next(self) -> Any:
        try:
            event = next(self._events)
        except yaml.reader.ReaderError as error:
            raise YAMLTextError(f"not valid YAML (the character U+{error.character:04X} should not be there)") from None
        except yaml.MarkedYAMLError as error:
            self._at = error.problem_mark or error.context_mark
            self._refuse(" ".join(filter(None, (error.context, error.problem))))
        except Exception as error:  # PyYAML lets through what Python says of an escape like "\U00110000", for one
            self._refuse(str(error))
        self._at = event.start_mark
        return event

    def _refuse(self, problem: str) -> NoReturn:
        at = f", line {self._at.line + 1}, column {self._at.column + 1}" if self._at else ""
        raise YAMLTextError(f"not valid YAML ({cut(' '.join(problem.split()), 200)}{at})")

    def _value(self, event: Any, depth: int) -> tuple[Any, int]:
        """A value, and how many mappings and lists are inside each other in it."""
        if getattr(event, "tag", None) is not None:
            self._refuse(f'the tag "{cut(event.tag)}" is not taken: leave it out')
        if isinstance(event, yaml.AliasEvent):
            return self._repeated(str(event.anchor), depth)
        before = self._values
        self._count(1)
        if isinstance(event, yaml.ScalarEvent):
            value, height = self._scalar(event), 0
        elif depth >= MOST_DEEP:
            self._refuse(f"it is nested more than {MOST_DEEP} deep")
        else:
            self._kept.pop(event.anchor, None)  # until it is built
            value, height = (self._mapping if isinstance(event, yaml.MappingStartEvent) else self._list)(depth + 1)
        if event.anchor is not None:
            self._kept[event.anchor] = _Kept(value, self._values - before, height)
        return value, height

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            self._refuse(f"it holds more than {MOST_VALUES} values")

    def _repeated(self, anchor: str, depth: int) -> tuple[Any, int]:
        kept = self._kept.get(anchor)
        if kept is None:
            self._refuse(f'the alias "{cut(anchor)}" names nothing above it')
        self._count(kept.values)
        if depth + kept.height > MOST_DEEP:
            self._refuse(f"it is nested more than {MOST_DEEP} deep")
        return kept.value, kept.height

    def _list(self, depth: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        highest = 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            value, height = self._under(str(len(values)), event, depth)
            values.append(value)
            highest = max(highest, height)
        return values, highest + 1

    def _mapping(self, depth: int) -> tuple[dict[str, Any], int]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        highest, seen = 0, set()
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, plain = self._key(event)
            if key in seen:
                self._refuse(f'the key "{cut(key)}" is given twice')
            seen.add(key)
            value, height = self._under(key, self._next(), depth)
            highest = max(highest, height)
            if plain and key == "<<":
                merged = self._to_merge(value)
            else:
                values[key] = value
        return merged | values, highest + 1

    def _key(self, event: Any) -> tuple[str, bool]:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._refuse("a key should be text")
        if event.implicit[0] and not event.value:
            self._refuse("a key is missing")
        return self._text(event.value), bool(event.implicit[0])

    def _under(self, key: str, event: Any, depth: int) -> tuple[Any, int]:
        self._path.append(key)
        built = self._value(event, depth)
        self._path.pop()
        return built

    def _to_merge(self, value: Any) -> dict[str, Any]:
        """The keys that << lays under the other keys of its mapping; of several mappings, the first counts."""
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in several):
            self._refuse('the key "<<" takes a mapping, or a list of them')
        return {key: inner for one in reversed(several) for key, inner in one.items()}

    def _scalar(self, event: Any) -> Any:
        written: str = event.value
        if not event.implicit[0]:  # in quotes, or a block of text
            return self._text(written)
        if written in _NULL:
            return None
        if written in _TRUE | _FALSE:
            return written in _TRUE
        return self._number(written) if _NUMERIC.fullmatch(written) else self._text(written)

    def _number(self, written: str) -> int | float:
        if zero := _LEADING_ZERO.fullmatch(written):
            raise YAMLTextError(
                f"{self._where()}{cut(written)} is not valid: a number with a leading zero means one thing to some and "
                f'another to others: write {cut(zero[1] + (written.lstrip("+-0_") or "0"))}, or "{cut(written)}" for text'
            )
        if not _WHOLE.fullmatch(written):
            return float(written.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if len(written) > MOST_DIGITS:
            raise YAMLTextError(f"{self._where()}{cut(written)} is not valid: it has more than {MOST_DIGITS} digits")
        return int(written)

    def _where(self) -> str:
        return f"{cut('.'.join(self._path), 200)}: " if self._path else ""

    def _text(self, written: str) -> str:
        """Text as it is, with the two halves of a character put together, as JSON writes what is beyond 16 bits."""
        try:
            return written.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._refuse(f"{shown(written)} holds half a character")
