"""Settings of the algorithms, each declared once in a frozen model that serves Python, YAML, help and documentation."""

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args

import numpy as np
from pydantic import Field
from pydantic.fields import FieldInfo

from trainers.events.plan import Steps
from wirelessenv.config import ConfigError, Count, Model, NonNegative, Number, Piece, Positive, nearest


class Mark:
    """Says something about a field of settings, inside `Annotated`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


VARIES = Mark("VARIES")
"""Variants that train side by side may have different values: in Python, a sequence gives one value for each."""
LINKS = Mark("LINKS")
"""In Python this field is the learner's second argument, `links`."""
OF_CURVES = Mark("OF_CURVES")
"""Only a curve of an experiment has this; a learner built in Python does not."""

StepSize = Annotated[NonNegative, VARIES]


class LearnerSettings(Piece):
    """The settings of an algorithm. A subclass declares each one with its type, bounds, default and description."""

    kind: str
    learner: ClassVar[type[Any]]
    """The class of the learner; known once that class is defined."""
    seeds_together: ClassVar[int] = 1
    """Number of seeds that train side by side in an experiment."""

    @classmethod
    def of_code(cls, found: Any) -> Any:
        """The settings that a user's class stands for: of a learner, its own; raises ValueError where it has none."""
        settings = getattr(found, "Settings", found)
        if settings is not found and settings.learner is not found:
            raise ValueError(f"{found.__name__} is not valid: it has no Settings of its own, with a kind that is new")
        return settings

    def made_of(self) -> tuple[Any, ...]:
        return (self.learner,)

    @classmethod
    def marked(cls, mark: Mark) -> list[str]:
        """The names of the fields that carry a mark."""
        return [name for name, field in cls.model_fields.items() if mark in field.metadata]

    def compatibility_key(self) -> dict[str, Any]:
        """Settings that must be equal for two curves to train side by side: all that may not vary between variants."""
        return self.model_dump(mode="json", exclude=set(self.marked(VARIES)), serialize_as_any=True)

    def for_clients(self, clients: int) -> Self:
        """These settings, completed with what follows from the number of a problem's clients."""
        return self

    @classmethod
    def variants(cls, given: Mapping[str, Any], count: int = 1) -> list[Self]:
        """Settings for each variant, from keyword arguments; sequences give one value for each.

        Args:
            given: settings by name; those that vary may be sequences (of length 1, or of the number of variants).
            count: how many variants there are at least.

        Returns:
            One settings object for each variant.

        Raises:
            ConfigError: for an unknown name, a value that cannot be used, or sequences of different lengths.
        """
        known = [name for name in cls.model_fields if name != "kind" and name not in cls.marked(OF_CURVES)]
        for name in given:
            if name not in known:
                raise ConfigError(f'unknown setting "{name}"{nearest(name, known)}')
        several = {name: _values(name, given[name]) for name in cls.marked(VARIES) if name in given}
        count = max(count, *map(len, several.values()), 1)
        for name, values in several.items():
            if len(values) not in (1, count):
                raise ConfigError(f"{name}: {len(values)} values are not valid: there are {count} variants")
        each = [{name: values[variant % len(values)] for name, values in several.items()} for variant in range(count)]
        return [cls.parse({**given, **one}) for one in each]


def _values(name: str, value: Any) -> Sequence[Any]:
    """List of the values that were given, be it one or several."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, list | tuple):
        return [value]
    if not value:
        raise ConfigError(f"{name}: an empty list is not valid: it should be a value, or one for each variant")
    return value


class MessagePassingSettings(LearnerSettings):
    """Settings of the message-passing learners alike."""

    seeds_together: ClassVar[int] = 5  # measured: with 4 curves, the memory of more than about 5 falls out of the cache

    batch: Count = Field(20, description="B, samples of a measurement")
    step_size: StepSize = Field(0.5, description="gamma_t = step_size / (t + 1)^decay")
    decay: Annotated[Number, VARIES] = Field(0.25, description="how fast the step size falls; 0: not at all")
    agent_steps: Annotated[tuple[NonNegative, ...], Field(min_length=1)] | None = Field(
        None, description="factors of gamma_t, one for each agent, which may have a step size of its own; none: 1"
    )
    restart: Annotated[Count | None, VARIES] = Field(
        None, description="instants after which t of gamma_t begins anew with 0, and steps are large again; none: it never does"
    )
    learn_for: Annotated[Count | None, VARIES] = Field(
        None,
        description="agents update while t of gamma_t is below it, and then keep their policies, though messages go on; none: "
        "always",
    )
    memory: Count = Field(40, description="instants that an agent remembers")
    cooperative: Annotated[bool, Field(strict=True), VARIES] = Field(
        True, description="false: agents use what they measure themselves only, and send nothing"
    )

    @property
    def steps(self) -> Steps:
        """Schedule of the step size."""
        return Steps(self.step_size, self.decay, self.restart, self.learn_for, self.agent_steps)


class Target(Model):
    """Target of a run: the mean of ||grad f(x)||^power over the last `window` iterations is at most `below`."""

    below: Positive = 0.01
    power: Literal[1, 2] = 1
    window: Annotated[Count, Field(le=1_000_000)] = 20


class GradientSettings(LearnerSettings):
    """Settings of the gradient methods alike. Curves that differ in `step_size` alone train side by side."""

    step_size: StepSize = Field(0.01, description="eta, or theta(1)")
    target: Target | None = Field(None, description="report when a run arrives there, and end it then")
    stride: Annotated[Count, OF_CURVES] = Field(1, description="updates that are one iteration of the experiment")
    most: Annotated[Count | None, OF_CURVES] = Field(
        None, description="iterations after which the curve ends, if before the experiment does"
    )


class SampledSettings(GradientSettings):
    """Settings of the methods that take gradients of samples, or exact ones."""

    exact: bool = Field(False, strict=True, description="exact gradients instead of those of samples")


def signature_of(learner: type[Any], settings: type[LearnerSettings]) -> inspect.Signature:
    """Signature of a learner's constructor: (problem, links, *, its settings, seed).

    Args:
        learner: the class.
        settings: the class of its settings.

    Returns:
        The signature that help and editors show.
    """
    first = inspect.signature(learner.__init__).parameters
    parameters = [first["problem"], first["links"]]
    linked, hidden = settings.marked(LINKS), {"kind", *settings.marked(OF_CURVES)}
    if linked:
        field = settings.model_fields[linked[0]]
        parameters[1] = parameters[1].replace(default=field.default, annotation=field.annotation | dict[str, Any] | None)
    for name, field in settings.model_fields.items():
        if name not in hidden and name not in linked:
            parameters.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=_annotation(field))
            )
    return inspect.Signature([*parameters, first["seed"]], return_annotation=None)


def _annotation(field: FieldInfo) -> Any:
    """The type of a setting in Python, without pydantic's bounds."""
    plain = field.annotation
    while get_args(plain) and hasattr(plain, "__metadata__"):
        plain = get_args(plain)[0]
    return Union[plain, Sequence[plain]] if VARIES in field.metadata else plain  # type: ignore[valid-type]  # noqa: UP007  # made at run time


def described(settings: type[LearnerSettings]) -> str:
    """The settings as the end of a docstring: a name, its meaning and its default on each line."""
    lines = []
    for name, field in settings.model_fields.items():
        if name != "kind" and OF_CURVES not in field.metadata and LINKS not in field.metadata:
            several = ", or one for each variant" if VARIES in field.metadata else ""
            meaning = f"{field.description or name}{several} (default: {field.default})."
            lines += textwrap.wrap(f"{name}: {meaning}", 100, initial_indent="    ", subsequent_indent="        ")
    return "\n".join(["Settings:", *lines])
