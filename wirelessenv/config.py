"""Base of all configurations of the project: frozen models, pieces chosen by name, and errors of one sentence.

A configuration is a frozen pydantic model. A piece that a user may exchange (a fading law, a graph, a utility) is a
`Piece`: a small model that is registered under a `kind` when its class is defined, so that a new one, also from outside
the package, is usable from YAML at once.
"""

import difflib
import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar, cast

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler  # pydantic 2.10.0 has it here alone

from wirelessenv import yaml_text
from wirelessenv.imports import import_module, imported, noting
from wirelessenv.sentences import EACH, ONE, cut, one_sentence, shown
from wirelessenv.sources import PATHS, SourcePath, written
from wirelessenv.text import one_line


class ConfigError(ValueError):
    """A configuration that cannot be used; its message is one sentence for the user, on one line that any terminal can show."""

    def __init__(self, said: object) -> None:
        super().__init__(one_line(" ".join(str(said).split())))


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{value} is not valid: it should be a number")
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

SettingValue = TypeVar("SettingValue")


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _one_or_each(value: Any) -> str:
    return EACH if isinstance(value, list | tuple) else ONE


OneOrEach = Annotated[
    Annotated[SettingValue, Tag(ONE)] | Annotated[tuple[SettingValue, ...], Tag(EACH), Field(min_length=1)],
    Discriminator(_one_or_each),
    BeforeValidator(_listed),
]
"""One value for all agents, or a list with each agent's own."""


def each(value: SettingValue | tuple[SettingValue, ...]) -> tuple[SettingValue, ...]:
    """The values of a setting that is one value for all agents, or a tuple of their own."""
    return value if isinstance(value, tuple) else (value,)


def nearest(key: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one.

    Args:
        key: the unknown name.
        known: the known ones.

    Returns:
        ' (did you mean "kappa"?)', or the known names where none is near.
    """
    known = sorted(known)
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(cut(key).lower(), lower, n=1, cutoff=0.5)
    return f' (did you mean "{lower[close[0]]}"?)' if close else f" (known: {', '.join(known)})"


def plain(value: Any, depth: int = 0) -> Any:
    """A value with Python's own types in place of numpy's, and of other mappings.

    Args:
        value: any value.
        depth: how deep it stands in another one.

    Returns:
        Numbers, truth values, text, dicts and lists; other objects as they are.

    Raises:
        RecursionError: where it is nested too deep.
    """
    if depth > yaml_text.MOST_DEEP:
        raise RecursionError
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufU" and value.size <= yaml_text.MOST_VALUES:
        with np.errstate(over="ignore"):  # what a long double holds beyond is infinite
            return value.tolist() if value.dtype != np.longdouble else value.astype(float).tolist()
    if isinstance(value, Mapping):
        return {plain(key, depth + 1): plain(inner, depth + 1) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain(inner, depth + 1) for inner in value)
    return value


@contextmanager
def _told_in_one_sentence(where: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ConfigError(one_sentence(error, where)) from None
    except RecursionError:
        said = f"not valid: it is nested more than {yaml_text.MOST_DEEP} deep"
        raise ConfigError(f"{where}: {said}" if where else said) from None
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
            super().__init__(**plain(fields))

    # Inner models are validated as ever, without this __init__, so that a fault keeps its whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own mark

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(f'unknown key "{cut(key)}"{nearest(key, cls.model_fields)}')
        return data

    @classmethod
    def parse(cls, data: Any, where: str = "") -> Self:
        """A validated model from what a user wrote.

        Args:
            data: a mapping, a short form, or a model.
            where: the path of the model for the sentence, as in "scenario".

        Returns:
            The model, frozen.

        Raises:
            ConfigError: with one sentence, for a value that cannot be used.
        """
        with _told_in_one_sentence(where):
            return cls.model_validate(plain(data))

    def dump(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings: what `parse` takes and YAML writes."""
        return self.model_dump(mode="json", serialize_as_any=True)


class Module(Model):
    """A Python module of a user's own: short, its name."""

    name: str
    folder: SourcePath | None = Field(None, description="where it is; none: beside the file, else where Python looks")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) else data

    @model_validator(mode="wrap")
    @classmethod
    def _import(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        module = validate(data)
        name = data.get("name") if isinstance(data, Mapping) else data
        import_module(name if isinstance(name, str) else module.name, module.folder)  # text of a file knows its folder
        return module


class Document(Model):
    """A configuration that is a whole YAML file."""

    # The first field: it is read, and thereby imported, before the others.
    modules: list[Module] = Field(default_factory=list, description="modules of a user's own, whose kinds the file may name")

    @model_validator(mode="wrap")
    @classmethod
    def _with_modules(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Say in `modules` where each module was found, also those of references such as "module:Class"."""
        with noting() as found:
            document = validate(data)
        known = {name: Module.model_construct(name=name, folder=folder) for name, folder in found.items()}
        document.modules[:] = ({one.name: one for one in document.modules} | known).values()
        return document

    @model_serializer(mode="wrap")
    def _without_no_modules(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in write(self).items() if key != "modules" or value}

    def text(self) -> str:
        """All of it as YAML, complete."""
        return yaml_text.write(self.dump())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A model from its YAML text."""
        try:
            data = yaml_text.read(text)
        except yaml_text.YAMLTextError as fault:
            raise ConfigError(str(fault)) from None
        return cls.parse(data)


_REFERENCES: dict[type, str] = {}
"""Names by which configurations ask for classes: "module:Class"."""


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

    @classmethod
    def of_code(cls, found: Any) -> Any:
        """The member of this family that a user's class stands for: the class itself."""
        return found

    @model_validator(mode="wrap")
    @classmethod
    def _choose(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """For a family, the member that `value` describes: a piece, its kind, or a mapping with its kind."""
        if Piece not in cls.__bases__ or isinstance(value, cls):
            return validate(value)
        value = {"kind": value} if isinstance(value, str) else value
        if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
            raise ValueError(f"should be a kind or a mapping with a kind (known: {', '.join(sorted(cls.kinds))})")
        if ":" in value["kind"]:
            return cast(Self, cls._of_reference(value["kind"]).model_validate({k: v for k, v in value.items() if k != "kind"}))
        if value["kind"] not in cls.kinds:
            raise ValueError(f'unknown kind "{cut(value["kind"])}"{nearest(value["kind"], cls.kinds)}')
        return cast(Self, cls.kinds[value["kind"]].model_validate(value))

    @classmethod
    def _of_reference(cls, reference: str) -> type["Piece"]:
        """The member that "module:Class" names; raises ValueError where there is none."""
        member = cls.of_code(imported(reference))
        if not isinstance(member, type) or not issubclass(member, cls) or member is cls:
            raise ValueError(f'"{cut(reference)}" is not valid: it should be a class derived from {cls.__name__}')
        if inspect.isabstract(member):
            missing = ", ".join(sorted(member.__abstractmethods__))
            raise ValueError(f'"{cut(reference)}" is not valid: {member.__name__} does not define {missing}')
        _REFERENCES[member] = str(reference)
        return member

    def made_of(self) -> tuple[Any, ...]:
        """Functions, classes and modules, besides its own class, that results depend on where they are a user's own."""
        return ()

    @model_serializer(mode="wrap")
    def _as_named(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        reference = _REFERENCES.get(type(self))
        return written if reference is None else {"kind": reference} | written | {"kind": reference}


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number from `least` to MOST, also of numpy's types.

    Args:
        name: the argument, as a sentence names it.
        value: the number.
        least: the smallest one that is allowed.

    Returns:
        The number.

    Raises:
        ConfigError: where it is another value.
    """
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a whole number, {least} or more")
    if number > MOST:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be at most {MOST}")
    return number


def finite(name: str, value: Any, least: int = 0) -> float:
    """A finite number, `least` or more, also of numpy's types.

    Args:
        name: the argument, as a sentence names it.
        value: the number.
        least: the smallest one that is allowed.

    Returns:
        The number.

    Raises:
        ConfigError: where it is another value.
    """
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number < math.inf:
        raise ConfigError(f"{name}: {shown(value)} is not valid: it should be a finite number, {least} or more")
    return number


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with changes laid over it, mapping by mapping.

    A mapping that names another `kind` or `preset` replaces the old one whole: the keys of one fading law mean nothing
    to another. The checksum of a file says nothing of another one.

    Args:
        base: the settings before.
        changes: the keys that differ.

    Returns:
        New settings; both arguments stay as they are.
    """
    merged = {key: value for key, value in base.items() if key != "sha256" or not any(path in changes for path in PATHS)}
    for key, value in changes.items():
        old = merged.get(key)
        replaces = isinstance(value, Mapping) and any(
            isinstance(old, Mapping) and name in value and value[name] != old.get(name) for name in ("kind", "preset")
        )
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) and not replaces else value
    return merged


def read_configuration(path: str | Path, folder: str | Path | None = None) -> dict[str, Any]:
    """The mapping in a YAML file, whose strings know where relative paths start.

    Args:
        path: the file.
        folder: where relative paths start; None: at the file.

    Returns:
        The mapping.

    Raises:
        ConfigError: where there is no file, no YAML or no mapping.
    """
    return dict(written(read_yaml(path), Path(path).parent if folder is None else Path(folder)))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigError where there is no file, no YAML or no mapping."""
    shown_path = cut(path, 500)
    try:
        with Path(path).open("rb") as file:
            text = file.read(4 * yaml_text.MOST_CHARACTERS).decode("utf-8-sig")
        data = yaml_text.read(text)
    except FileNotFoundError:
        raise ConfigError(f"{shown_path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown_path}: cannot be read (it is not UTF-8 text: {error.reason})") from None
    except yaml_text.YAMLTextError as fault:
        raise ConfigError(f"{shown_path}: {fault}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(f"{shown_path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not isinstance(data, dict):
        held = "nothing" if data is None else shown(data)
        raise ConfigError(f"{shown_path}: should hold a mapping of keys to values, and holds {held}")
    return data


def assignment(text: str) -> dict[str, Any]:
    """The mapping that "scenario.noise=0.5" stands for; raises ConfigError where it is none.

    >>> assignment("scenario.noise=0.5")
    {'scenario': {'noise': 0.5}}
    """
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys) or len(keys) > yaml_text.MOST_DEEP:
        raise ConfigError(f"--set: {shown(text)} is not valid: write KEY=VALUE, as in scenario.noise=0.5")
    try:
        parsed: Any = yaml_text.read(value, keys)
    except yaml_text.YAMLTextError as fault:
        raise ConfigError(f"--set: {shown(text)}: {fault}") from None
    for key in reversed(keys):
        parsed = {key: parsed}
    return dict(parsed)
