"""Sentences of errors: a value on one short line, and a fault that pydantic found as one sentence of ours."""

import reprlib
from typing import Any

from pydantic import ValidationError

ONE, EACH = "[one]", "[each]"
"""Marks of the branches of a setting that is one value for all agents, or each agent's own; no part of its name."""
MOST_SHOWN = 60
"""Characters of a value, or of a name, that an error repeats."""
MOST_SAID = 1000
"""Characters of a whole sentence."""


class _Short(reprlib.Repr):
    """A repr that looks at no more of a value than it shows: what is large, deep or tangled is cut before it is formatted."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = 2 * MOST_SHOWN
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = 20

    def repr_int(self, x: int, level: int) -> str:
        """Python writes no more than some thousand digits, and refuses the rest."""
        return repr(x) if x.bit_length() < 1000 else f"a number of {x.bit_length()} bits"

    def repr_bytes(self, x: bytes, level: int) -> str:
        """Bytes as the same text without its prefix."""
        return repr(x[: self.maxstring])


_SHORT = _Short()


def shown(value: Any) -> str:
    """`value` as an error shows it: one short line."""
    return cut(" ".join(_SHORT.repr(value).split()))


def cut(text: object, most: int = MOST_SHOWN) -> str:
    """A text, with dots in place of its end where it is long.

    Args:
        text: anything, taken as text.
        most: the largest number of characters.

    Returns:
        At most so many characters.
    """
    text = str(text)
    return text if len(text) <= most else text[: most - 3] + "..."


_NUMBER, _WHOLE, _MAPPING, _LIST = "a number", "a whole number", "a mapping of keys to values", "a list"
_RIGHT = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "a finite number",
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "bytes_type"), "text"),
    "string_unicode": "text of whole characters",
    "string_too_short": "text of {min_length} characters or more",
    "string_too_long": "text of {max_length} characters or fewer",
    **dict.fromkeys(("literal_error", "enum"), "{expected}"),
    "none_required": "null",
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"), _MAPPING),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "iterable_type", "iteration_error"), _LIST),
    "invalid_key": "a mapping whose keys are text",
    **dict.fromkeys(("recursion_loop", "recursion_depth_exceeded"), "nothing that holds itself"),
    "callable_type": "a function",
}
"""The right form of a value, "it should be ...", by pydantic's name of the fault."""


def one_sentence(error: ValidationError, where: str = "") -> str:
    """The first fault of a pydantic error as one sentence.

    Args:
        error: what pydantic found.
        where: the path of the model, as in "scenario"; empty: none.

    Returns:
        The sentence: "field: value, and what would be right".
    """
    fault: Any = error.errors(include_url=False)[0]
    while isinstance(cause := fault.get("ctx", {}).get("error"), ValidationError):
        inner = cause.errors(include_url=False)[0]
        fault = {**inner, "loc": (*fault["loc"], *inner["loc"])}
    loc, value = [part for part in fault["loc"] if part not in {ONE, EACH}], shown(fault["input"])
    if loc and loc[-1] == "[key]":  # pydantic's mark for a key of a mapping that is wrong itself
        loc, value = loc[:-1], "this key"
    path = ".".join(([where] if where else []) + [cut(part) for part in loc])
    said = _said(fault, value)
    return cut(" ".join((f"{path}: {said}" if path else said).split()), MOST_SAID)


def _said(fault: Any, value: str) -> str:
    if fault["type"] in {"value_error", "assertion_error"}:
        return str(fault["ctx"]["error"])
    if fault["type"] == "missing":
        return "missing: it has no default" if isinstance(fault["loc"][-1], str) else "missing: the list is too short"
    if fault["type"] in {"too_short", "too_long"}:
        bound = "{min_length} or more, and is {actual_length}" if fault["type"] == "too_short" else "{max_length} or less"
        return f"{value} is not valid: its length should be {bound.format(**fault['ctx'])}"
    facts = {name: f"{fact:g}" if isinstance(fact, float) else fact for name, fact in fault.get("ctx", {}).items()}
    right = f"it should be {_RIGHT[fault['type']].format(**facts)}" if fault["type"] in _RIGHT else "it cannot be used here"
    return f"{value} is not valid: {right}"
