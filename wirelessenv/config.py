"""What every configuration of the project shares: frozen models, pieces chosen by name, and errors of one sentence.

A configuration is a frozen pydantic model. A piece that a user may exchange (a fading law, a graph, a utility) is a
`Piece`: a small model that is registered under a `kind` when its class is defined, so that a new one, also from outside
the package, is usable from YAML at once.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, cast

import numpy as np
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator


class ConfigError(ValueError):
    """A configuration that cannot be used; its message is one sentence for the user."""


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{value} is not valid: input should be a number")
    return value


MOST = 10**9
"""No count is larger, so that instants and indices fit 32 bits."""
SMALLEST, LARGEST = 1e-30, 1e30
"""No number is larger, and no positive one smaller, so that it and its inverse are normal 32-bit numbers."""

Finite = Annotated[float, BeforeValidator(_no_truth_value), Field(allow_inf_nan=False)]
Number = Annotated[Finite, Field(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[Number, Field(gt=0), Field(ge=SMALLEST)]
NonNegative = Annotated[Number, Field(ge=0)]
Probability = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=MOST, strict=True)]
CountOrZero = Annotated[int, Field(ge=0, le=MOST, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]


def nearest(key: str, known: Iterable[str]) -> str:
    """' (did you mean "kappa"?)' for the known name that is nearest to `key`, or the known names where none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    return f' (did you mean "{close[0]}"?)' if close else f" (known: {', '.join(known)})"


@contextmanager
def _told_in_one_sentence(where: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ConfigError(one_sentence(error, where)) from None
    except UnicodeEncodeError as error:  # our own sentence, which pydantic does not take: it repeats half a surrogate pair
        said = str(error.object).encode("ascii", "backslashreplace").decode()
        raise ConfigError(f"{where}: {said}" if where else said) from None


class Model(BaseModel):
    """A frozen model that refuses unknown keys and names the nearest known one.

    Made from Python, with `parse` or from YAML, it raises ConfigError with one sentence for what it cannot use.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, /, **fields: Any) -> None:
        with _told_in_one_sentence(type(self).__name__):
            super().__init__(**fields)

    # Inner models are validated as ever, without this __init__, so that a fault keeps its whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own mark

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(f'unknown key "{key}"{nearest(key, cls.model_fields)}')
        return data

    @classmethod
    def parse(cls, data: Any, where: str = "") -> Self:
        """Validate `data` (a mapping, a short form, or a model); raises ConfigError with one sentence."""
        with _told_in_one_sentence(where):
            return cls.model_validate(data)

    def dump(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings: what `parse` takes and YAML writes."""
        return self.model_dump(mode="json", serialize_as_any=True)


class Document(Model):
    """A configuration that is a whole YAML file."""

    def text(self) -> str:
        """All of it as YAML, complete."""
        return yaml.safe_dump(self.dump(), sort_keys=False, allow_unicode=True, width=120)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Undo `text`."""
        return cls.parse(yaml.safe_load(text))


class Piece(Model):
    """One exchangeable part of a configuration, chosen by `kind`.

    A family is a direct subclass of Piece; a member names itself in its first field, `kind: Literal["rician"] = "rician"`,
    and is known from then on. In YAML it is `{kind: rician, k_factor: 4}`, or just `rician` where its defaults serve.
    """

    kinds: ClassVar[dict[str, type["Piece"]]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if Piece in cls.__bases__:
            cls.kinds = {}
        elif "kind" in cls.__annotations__:  # a subclass that keeps its parent's kind does not take its place
            kind = cls.model_fields["kind"].default
            taken = cls.kinds.get(kind, cls)
            if (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):  # who defines it again, may
                raise ConfigError(f'kind: "{kind}" of {cls.__qualname__} is not valid: {taken.__qualname__} has it already')
            cls.kinds[kind] = cls

    @model_validator(mode="wrap")
    @classmethod
    def _choose(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Where a family is asked for, the member that `value` describes: a piece, its kind, or a mapping with its kind."""
        if Piece not in cls.__bases__ or isinstance(value, cls):
            return validate(value)
        value = {"kind": value} if isinstance(value, str) else value
        if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
            raise ValueError(f"should be a kind or a mapping with a kind (known: {', '.join(sorted(cls.kinds))})")
        if value["kind"] not in cls.kinds:
            raise ValueError(f'unknown kind "{value["kind"]}"{nearest(value["kind"], cls.kinds)}')
        return cast(Self, cls.kinds[value["kind"]].model_validate(value))


def whole(name: str, value: Any) -> int:
    """`value` as a count, 1 to MOST; raises ConfigError where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a whole number, 1 or more")
    if value > MOST:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be at most {MOST}")
    return int(value)


def shown(value: Any) -> str:
    """`value` as an error shows it: one short line."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 60 else line[:57] + "..."


def one_sentence(error: ValidationError, where: str = "") -> str:
    """The first fault of a pydantic error as "field: value, and what would be right"."""
    fault = error.errors()[0]
    while isinstance(cause := fault.get("ctx", {}).get("error"), ValidationError):
        fault = {**cause.errors()[0], "loc": (*fault["loc"], *cause.errors()[0]["loc"])}
    path = ".".join(str(part) for part in ([where] if where else []) + list(fault["loc"]))
    said = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if fault["type"] == "missing":
        said = "missing: it has no default"
    elif fault["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        said = f"{shown(fault.get('input'))} is not valid: it should be a mapping of keys to values"
    elif fault["type"] != "value_error":
        said = f"{shown(fault.get('input'))} is not valid: {said[0].lower()}{said[1:]}"
    return " ".join((f"{path}: {said}" if path else said).split())


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping.

    A mapping that names another `kind` or `preset` replaces the old one whole: the keys of one fading law mean nothing
    to another.
    """
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        replaces = isinstance(value, Mapping) and any(
            isinstance(old, Mapping) and name in value and value[name] != old.get(name) for name in ("kind", "preset")
        )
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) and not replaces else value
    return merged


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML would take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, f'the key "{key.value}" is given twice', key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigError where there is no file, no YAML or no mapping."""
    path = Path(path)
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _EachKeyOnce)  # noqa: S506  # a SafeLoader
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid: it is nested too deeply") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: should hold a mapping of keys to values, and holds {type(data).__name__}")
    return data


def assignment(text: str) -> dict[str, Any]:
    """The mapping that "scenario.noise=0.5" stands for; raises ConfigError where it is none.

    >>> assignment("scenario.noise=0.5")
    {'scenario': {'noise': 0.5}}
    """
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set: {text!r} is not valid: write KEY=VALUE, as in scenario.noise=0.5")
    try:
        parsed: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"--set: {text!r} is not valid: the value is not YAML") from None
    for key in reversed(keys):
        parsed = {key: parsed}
    return dict(parsed)
