"""An experiment: a YAML file becomes a validated description of curves, each a set of runs over the same seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from trainers.experiments.curves import Curve, build
from trainers.experiments.figures import Panel, Reached
from trainers.experiments.strided import AnyLearner
from trainers.workbench.kept_sources import named_as_yaml
from wirelessenv.config import Count, Document, Seed, assignment, merge, nearest, read_configuration
from wirelessenv.sentences import cut, shown
from wirelessenv.sources import with_sources
from wirelessenv.streams import MOST_SEEDS
from wirelessenv.text import as_name


def _seeds(value: Any) -> Any:
    """A number of seeds stands for 0, 1, ...."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_SEEDS:
        return tuple(range(value))
    if not isinstance(value, list | tuple) or not value or len(set(map(repr, value))) < len(value):
        raise ValueError(f"{shown(value)} is not valid: give how many seeds, 1 to {MOST_SEEDS}, or a list of different ones")
    return value


@named_as_yaml
class Experiment(Curve, Document):
    """A figure: a base, what each curve changes in it, and the seeds that all curves share.

    `curves` maps a name to changes of `scenario`, `messaging`, `problem`, `policy` and `learner`. Curves of one
    experiment share layouts, channels and initial policies, seed by seed. `reference` names the curve to which the
    others are compared.
    """

    title: str = Field("", description="over the figure")
    iterations: Count = Field(6000, description="of every curve")
    evaluate_every: Count = Field(100, description="iterations between two evaluations, which are the points of a curve")
    until: Reached | None = Field(None, description="runs that train side by side end once a column of all is small")
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_seeds)] = Field(tuple(range(10)), description="how many, or which")
    curves: dict[Annotated[str, AfterValidator(as_name)], dict[str, Any]] = Field(
        {"learned": {}},
        min_length=1,
        description="by name: what a curve changes of scenario, messaging, problem, policy and learner",
    )
    measure: str = Field("utility", description="the column of metrics.csv that curves are judged by")
    reference: str | None = Field(None, description="the curve with which the others are compared, layout by layout")
    panels: tuple[Panel, ...] = Field((Panel(),), min_length=1, description="of the figure")

    _curves: dict[str, Curve] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _resolve_curves(self) -> Self:
        base = {name: _part(self, name) for name in Curve.model_fields}
        for name, changes in self.curves.items():
            self._curves[name] = curve = Curve.parse(merge(base, _spelled_out(changes)), f"curves.{cut(name)}")
            self.curves[name] = with_sources(changes, curve.dump())
        if self.reference is not None and self.reference not in self.curves:
            raise ValueError(f'reference: "{cut(self.reference)}" is not a curve{nearest(self.reference, self.curves)}')
        for panel in self.panels:
            if panel.lacks_reference(self.reference):
                raise ValueError(f'panels: relative_to: "{panel.relative_to}" is not valid without a reference')
            for name in panel.named():
                if name not in self.curves:
                    raise ValueError(f'panels: "{cut(name)}" is not a curve{nearest(name, self.curves)}')
        return self

    def curve(self, name: str) -> Curve:
        """The curve of that name, complete."""
        return self._curves[name]

    def groups(self) -> list[list[str]]:
        """Names of curves that train side by side, in the order of the file."""
        found: dict[str, list[str]] = {}
        for name in self.curves:
            found.setdefault(self._curves[name].compatibility_key(), []).append(name)
        return list(found.values())

    def build(self, names: Sequence[str], seeds: Sequence[int], device: str = "cpu") -> AnyLearner:
        """Build a learner of some seeds; its variants are some curves.

        Args:
            names: of curves that train side by side (see `groups`).
            seeds: one for each run.
            device: "cpu" or "cuda".

        Returns:
            The learner, at its start.

        Raises:
            ConfigError: where settings do not fit each other.
        """
        return build([self._curves[name] for name in names], seeds, device)

    @classmethod
    def load(cls, path: str | Path, changes: Sequence[str] = ()) -> Self:
        """Read the experiment of a YAML file.

        Args:
            path: of the file.
            changes: such as "scenario.noise=0.5", laid over it in turn.

        Returns:
            The experiment.

        Raises:
            ConfigError: where it cannot be used; one sentence.
        """
        data = _spelled_out(read_configuration(path))
        for change in changes:
            data = merge(data, _spelled_out(assignment(change)))
        return cls.parse(data)


def _part(experiment: Experiment, name: str) -> dict[str, Any]:
    return dict(getattr(experiment, name).dump())


def _spelled_out(data: Mapping[str, Any]) -> dict[str, Any]:
    """Short forms as the mappings they stand for, so that changes can be laid over them."""
    key_of = {"scenario": "preset", "messaging": "preset", "problem": "kind", "learner": "kind"}
    return {key: {key_of[key]: value} if key in key_of and isinstance(value, str) else value for key, value in data.items()}
