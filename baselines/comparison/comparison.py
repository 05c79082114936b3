"""A comparison: a YAML file becomes a validated description of methods, scenarios, layouts and trainings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from baselines.comparison import allocation, floor, scheduling
from baselines.comparison.allocation import Custom, refuse_uncertifiable
from baselines.comparison.held_out import one_layout, refuse_repeated
from baselines.comparison.methods import Learned, Method, NeededKnowledge, refuse_without_lists
from baselines.learned import (
    aggregation_policy,
    gnn,
    message_policy,
    reinforcement,
    talking_ppo,
    trained_run,
)  # their kinds are known from here on
from wirelessenv import own_code
from wirelessenv.channel.fading import NoFading
from wirelessenv.config import (
    ConfigError,
    Count,
    CountOrZero,
    Document,
    Model,
    Number,
    Positive,
    assignment,
    merge,
    read_configuration,
)
from wirelessenv.imports import imported
from wirelessenv.scenario import Scenario
from wirelessenv.text import as_name

FULL_POWER, WMMSE = "full power", "WMMSE"
"""The methods that all others are relative to; they are always there."""
_REFERENCES: dict[str, type[Method]] = {FULL_POWER: allocation.FullPower, WMMSE: allocation.WMMSE}
Name = Annotated[str, AfterValidator(as_name), Field(min_length=1, max_length=60)]
"""Name of a method or a scenario: it stands in tables, and in the names of files."""


def _method(value: Any) -> Any:
    """The piece that a configuration means by a method.

    `method` is its kind, or module:name of an allocator or of a Method of a user's own.
    """
    value = {"method": value} if isinstance(value, str) else value
    if not isinstance(value, Mapping) or not isinstance(value.get("method"), str):
        raise ValueError(f"should be a method or a mapping with a method (known: {', '.join(sorted(Method.kinds))})")
    for key in ("kind", "allocator"):
        if key in value:
            raise ValueError(f'unknown key "{key}": "method" says what it is')
    name, options = value["method"], {key: option for key, option in value.items() if key != "method"}
    if ":" not in name:
        return {"kind": name, **options}
    found = imported(name)
    if isinstance(found, type) and issubclass(found, Method):
        return found.parse(options)
    return {"kind": "custom", "allocator": name, **options}


def _written(method: Method) -> dict[str, Any]:
    """The configuration of a method; undoes `_method`."""
    options, kind = method.dump(), type(method)
    name = options.pop("kind") if kind.__module__.startswith("baselines.") else f"{kind.__module__}:{kind.__qualname__}"
    options.pop("kind", None)
    return {"method": options.pop("allocator", name) if isinstance(method, Custom) else name, **options}


def _by_name(value: Any) -> Any:
    """A list of presets stands for scenarios of those names."""
    if isinstance(value, list | tuple):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("a list should hold names of presets alone; scenarios with changes go by name: {mine: {...}}")
        return {name: name for name in value}
    return value


class Optimum(Model):
    """The certified optimum, of networks with few pairs, or with interference that is not strong everywhere."""

    slots: Count = Field(1, description="slots of every layout that it is looked for in")
    gap: Positive = Field(0.01, description="how far from the bound it may be")
    seconds: Positive | None = Field(
        None, description="for each slot; then its best powers so far count, and the table says how near they are"
    )
    most_boxes: Count = Field(
        200_000, description="without seconds: after which a slot is given up, so that shares are those of the others"
    )


class Signalling(Model):
    """Rate at which agents can tell each other things: bits of a slot take their share of it, for slots of several lengths."""

    bits_per_second: Positive = Field(
        2e6, description="rate at which all agents of a network together can tell each other things"
    )
    slots: Annotated[tuple[Positive, ...], Field(min_length=1)] = Field(
        (0.005, 0.01, 0.02, 0.05, 0.1), description="lengths of a slot, seconds"
    )


class CurvePoint(Model):
    """A method's place on a curve: `method` alone stands at its bits a slot, `[x, method]` at x."""

    x: Number | None = Field(None, description="none: its bits a slot")
    method: Name

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"method": data}
        return dict(zip(("x", "method"), data, strict=True)) if isinstance(data, list | tuple) and len(data) == 2 else data


class Comparison(Document):
    """Methods on scenarios: everybody on the same held-out slots of the same layouts."""

    title: str = Field("", description="over the page and the figures")
    scenarios: Annotated[dict[Name, Scenario], BeforeValidator(_by_name), Field(min_length=1)] = Field(
        description="by name; a list of presets goes by their names"
    )
    layouts: Annotated[int, Field(ge=2, le=100_000, strict=True)] = Field(
        20, description="seeds 0, 1, ...: the unit of all statistics"
    )
    slots: Count = Field(200, description="held-out slots of every layout")
    warm_up: CountOrZero = Field(10, description="slots before them, which do not count")
    seeds: Annotated[Count, Field(le=100_000)] = Field(3, description="trainings of every method that learns")
    optimum: Optimum | None = Field(None, description="find the certified optimum, too")
    signalling: Signalling | None = Field(
        None, description="tell what is left when signalling takes its share of the slot, too"
    )
    methods: dict[Name, Annotated[Method, BeforeValidator(_method)]] = Field(
        {},
        validate_default=True,
        description="by name: a kind, a mapping or module:name; full power and WMMSE are always there",
    )
    relative_to: Name = Field(WMMSE, description="the method that curves are relative to")
    curves: dict[Name, dict[Name, Annotated[tuple[CurvePoint, ...], Field(min_length=1)]]] = Field(
        {}, description="by what stands below them and by line: [x, method], or a method, which stands at its bits a slot"
    )

    @field_validator("methods")
    @classmethod
    def _with_references(cls, methods: dict[str, Method]) -> dict[str, Method]:
        for name, kind in _REFERENCES.items():
            if type(methods.get(name, kind())) is not kind:
                raise ValueError(f'"{name}" is what all others are compared with: give your method another name')
        return {name: kind() for name, kind in _REFERENCES.items()} | methods

    @model_validator(mode="after")
    def _scenarios_can_be_compared_on(self) -> Self:
        for name, scenario in self.scenarios.items():
            zero = np.zeros(1, np.float32)
            if min(float(scenario.utility(zero, zero + power)[0]) for power in (0.0, scenario.most_power)) < 0:
                raise ValueError(
                    f'scenarios.{name}: the utility "{type(scenario.utility).__name__}" is not valid: it can be negative, and '
                    "utilities are divided by those of full power"
                )
            alike = one_layout(scenario) and isinstance(scenario.fading, NoFading) and scenario.mobility.interval() is None
            series = scenario.gains is not None and scenario.given_gains().shape[1] > 1
            if alike and (not series or scenario.layout == "fixed"):
                raise ValueError(f"scenarios.{name}: is not valid: without fading all its layouts are the same")
            try:
                refuse_repeated(scenario, self.layouts - 1, self.warm_up + self.slots)
            except ConfigError as error:
                raise ValueError(f"scenarios.{name}: {error}") from None
            if scenario.gains is not None:
                self._refuse_learning_from_what_is_compared(name, scenario)
        return self

    def _refuse_learning_from_what_is_compared(self, name: str, scenario: Scenario) -> None:
        """Refuse methods that would learn from the user's own gains on which they are compared."""
        assert scenario.gains is not None
        layouts, slots = scenario.given_gains().shape[:2]
        fades = not isinstance(scenario.fading, NoFading)
        for method_name, method in self.methods.items():
            if not isinstance(method, Learned) or (layouts == slots == 1 and fades) or method.elsewhere:
                continue
            told = f'methods.{method_name}: cannot learn on the scenario "{name}"'
            if scenario.gains.held_out == 0:
                raise ValueError(
                    f"{told}: gains.held_out should say what share of its gains is kept to compare on, such as 0.5"
                )
            if slots == 1 and not fades and (layouts == 1 or not method.across):
                raise ValueError(f"{told}: its layouts are of one slot, of which nothing else is left to learn from")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, method in self.methods.items():
            if method.knows not in get_args(NeededKnowledge):
                raise ValueError(
                    f"methods.{name}: knows: {method.knows!r} is not valid: it should be one of {get_args(NeededKnowledge)}"
                )
            if method.memory > self.warm_up:
                raise ValueError(f'warm_up: {self.warm_up} is not valid: the method "{name}" needs {method.memory} slots')
            for scenario_name, scenario in self.scenarios.items():
                try:
                    refuse_without_lists(method, scenario)
                    method.check_bands(scenario)
                    method.check(scenario)
                except ConfigError as error:
                    raise ValueError(f'methods.{name}: does not fit the scenario "{scenario_name}": {error}') from None
        for name, scenario in self.scenarios.items():
            if self.optimum is None:
                continue
            try:
                refuse_uncertifiable(scenario)
            except ConfigError as error:
                raise ValueError(f'optimum: is not valid for the scenario "{name}": {error}') from None
            if self.optimum.slots > self.slots:
                raise ValueError(f"optimum.slots: {self.optimum.slots} is not valid: there are {self.slots} slots")
        return self

    @model_validator(mode="after")
    def _curves_are_of_its_methods(self) -> Self:
        points = [
            (f"curves.{x}.{line}", one.method) for x, lines in self.curves.items() for line in lines for one in lines[line]
        ]
        for where, name in [("relative_to", self.relative_to), *points]:
            if name not in self.methods:
                raise ValueError(f'{where}: "{name}" is not valid: it is none of the methods')
        return self

    def trainings(self, method: Method) -> list[int | None]:
        """Seeds of the method's trainings; [None] for a method that does not learn."""
        return list(range(method.seeds or self.seeds)) if isinstance(method, Learned) else [None]

    def code(self, scenario: str, method: str = "") -> str:
        """Checksum of the user's own code on which a method's results on a scenario depend.

        Args:
            scenario: its name.
            method: its name; "": of results that belong to no method.

        Returns:
            The checksum; "" where no such code is used.
        """
        return own_code.checksum(self.scenarios[scenario], *([self.methods[method]] if method else []))

    def dump(self) -> dict[str, Any]:
        return super().dump() | {"methods": {name: _written(method) for name, method in self.methods.items()}}

    @classmethod
    def load(cls, path: str | Path, changes: Sequence[str] = ()) -> Self:
        """The comparison that a YAML file describes.

        Args:
            path: of the file.
            changes: of single values, such as "slots=50".

        Returns:
            The comparison, with these changes.

        Raises:
            ConfigError: with one sentence, where the file or a change cannot be used.
        """
        data = read_configuration(path)
        for change in changes:
            data = merge(data, assignment(change))
        return cls.parse(data)


__all__ = [
    "FULL_POWER",
    "WMMSE",
    "Comparison",
    "Optimum",
    "aggregation_policy",
    "floor",
    "gnn",
    "message_policy",
    "reinforcement",
    "scheduling",
    "talking_ppo",
    "trained_run",
]
