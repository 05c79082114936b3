"""A comparison: a YAML file becomes a validated description of methods, scenarios, layouts and trainings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from baselines.allocation import Custom, imported
from baselines.learned import aggregation_policy, gnn, reinforcement, trained_run  # their kinds are known from here on
from baselines.methods import Learned, Method
from wirelessenv.config import ConfigError, Count, Document, Model, Positive, assignment, merge, read_yaml
from wirelessenv.physics.utilities import Rate
from wirelessenv.scenario import Scenario

FULL_POWER, WMMSE = "full power", "WMMSE"
"""The methods that all others are relative to; they are always there."""
MOST_PAIRS = 30
"""Of a certified optimum."""


def _method(value: Any) -> Any:
    """What a configuration says of a method, as the piece that it means.

    `method` is its kind, or module:name of an allocator or of a Method of a user's own.
    """
    value = {"method": value} if isinstance(value, str) else value
    if not isinstance(value, Mapping) or not isinstance(value.get("method"), str):
        raise ValueError(f"should be a method or a mapping with a method (known: {', '.join(sorted(Method.kinds))})")
    name, options = value["method"], {key: option for key, option in value.items() if key != "method"}
    if ":" not in name:
        return {"kind": name, **options}
    found = imported(name)
    if isinstance(found, type) and issubclass(found, Method):
        return found.parse(options)
    return {"kind": "custom", "allocator": name, **options}


def _written(method: Method) -> dict[str, Any]:
    """Undo `_method`."""
    options, kind = method.dump(), type(method)
    name = options.pop("kind") if kind.__module__.startswith("baselines.") else f"{kind.__module__}:{kind.__qualname__}"
    options.pop("kind", None)
    return {"method": options.pop("allocator", name) if isinstance(method, Custom) else name, **options}


def _by_name(value: Any) -> Any:
    """A list of presets stands for scenarios of those names."""
    return {name: name for name in value} if isinstance(value, list | tuple) else value


class Optimum(Model):
    """The certified optimum, of networks with few pairs, or with interference that is not strong everywhere."""

    slots: Count = Field(1, description="slots of every layout that it is looked for in")
    gap: Positive = Field(0.01, description="how far from the bound it may be")
    most_boxes: Count = Field(200_000, description="after which a slot is given up: shares are those of the others")


class Comparison(Document):
    """Methods on scenarios: everybody on the same held-out slots of the same layouts."""

    title: str = ""
    scenarios: Annotated[dict[str, Scenario], BeforeValidator(_by_name), Field(min_length=1)] = Field(
        description="by name; a list of presets goes by their names"
    )
    layouts: Annotated[int, Field(ge=2, strict=True)] = Field(20, description="seeds 0, 1, ...: the unit of all statistics")
    slots: Count = Field(200, description="held-out slots of every layout")
    warm_up: Annotated[int, Field(ge=0, strict=True)] = Field(10, description="slots before them, which do not count")
    seeds: Count = Field(3, description="trainings of every method that learns")
    optimum: Optimum | None = Field(None, description="find the certified optimum, too")
    methods: dict[str, Annotated[Method, BeforeValidator(_method)]] = Field({}, validate_default=True)

    @field_validator("methods")
    @classmethod
    def _with_references(cls, methods: dict[str, Method]) -> dict[str, Method]:
        always = {FULL_POWER: Method.parse("full_power"), WMMSE: Method.parse("wmmse")}
        return always | methods

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, method in self.methods.items():
            if method.memory > self.warm_up:
                raise ValueError(f'warm_up: {self.warm_up} is not valid: the method "{name}" needs {method.memory} slots')
            for scenario_name, scenario in self.scenarios.items():
                try:
                    method.check(scenario)
                except ConfigError as error:
                    raise ValueError(f'methods.{name}: does not fit the scenario "{scenario_name}": {error}') from None
        for name, scenario in self.scenarios.items():
            if self.optimum is None:
                continue
            if scenario.transmitters > MOST_PAIRS or scenario.sinr_cap_db is not None or not isinstance(scenario.utility, Rate):
                raise ValueError(
                    f'optimum: is not valid for the scenario "{name}": it is found for the sum of rates without a cap, of at '
                    f"most {MOST_PAIRS} pairs"
                )
            if self.optimum.slots > self.slots:
                raise ValueError(f"optimum.slots: {self.optimum.slots} is not valid: there are {self.slots} slots")
        return self

    def trainings(self, method: Method) -> list[int | None]:
        """The seeds of its trainings; of a method that does not learn, none."""
        return list(range(method.seeds or self.seeds)) if isinstance(method, Learned) else [None]

    def dump(self) -> dict[str, Any]:
        return super().dump() | {"methods": {name: _written(method) for name, method in self.methods.items()}}

    @classmethod
    def load(cls, path: str | Path, changes: Sequence[str] = ()) -> Self:
        """The comparison of a YAML file with changes such as "slots=50"; raises ConfigError with one sentence."""
        data = read_yaml(path)
        for change in changes:
            data = merge(data, assignment(change))
        return cls.parse(data)


__all__ = ["FULL_POWER", "WMMSE", "Comparison", "Optimum", "aggregation_policy", "gnn", "reinforcement", "trained_run"]
