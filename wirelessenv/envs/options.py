"""The options of every form of the environment, as callers write them: for editors, type checkers and `inspect.signature`.

Defaults, bounds and meanings are declared in `Settings` alone; a test holds the names here to those there.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar, get_type_hints

from wirelessenv.envs.observations import Observation
from wirelessenv.envs.rewards import Reward
from wirelessenv.envs.settings import Settings
from wirelessenv.messages.messaging import Messaging
from wirelessenv.scenario import Scenario

AScenario = Scenario | Mapping[str, Any] | str
"""A scenario, its fields as a mapping, or a preset's name."""
AnObservation = Observation | Mapping[str, Any] | str
"""A part of an observation, its fields as a mapping, or its kind."""


class Options(TypedDict, total=False):
    """The keyword options of an environment; see `Settings` for what they mean."""

    max_cycles: int
    max_episode_steps: int | None
    actions: Literal["normalised", "power", "discrete", "simplex"]
    levels: int
    observation: AnObservation | Sequence[AnObservation]
    reward: Reward | Mapping[str, Any] | str
    messages: Literal["utility", "learned"] | None
    messaging: Messaging | Mapping[str, Any] | str
    message_interval: int
    message_size: int
    message_neighbours: int | None
    most_hops: int | None


Form = TypeVar("Form", bound=Callable[..., Any])


def tells_options(form: Form) -> Form:
    """Decorator: `inspect.signature` of a function with **options lists `Options`, each with its type and default."""
    signature = inspect.signature(form)
    defaults = {name: field.default for name, field in Settings.model_fields.items()} | {"max_episode_steps": None}
    listed = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind)
        for name, kind in get_type_hints(Options).items()
    ]
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    form.__signature__ = signature.replace(parameters=own + listed)  # type: ignore[attr-defined]  # functions may have one
    return form
