"""The options that all forms of the environment share."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from wirelessenv.config import ConfigError, Count, Model, Piece, nearest
from wirelessenv.envs.observations import Aggregation, Observation, refuse_without_lists
from wirelessenv.envs.rewards import Own, Reward
from wirelessenv.messages.messaging import Messaging
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown


def _as_tuple(value: Any) -> Any:
    """One part stands for a list of one."""
    return (value,) if isinstance(value, str | Mapping | Piece) else value


Observed = Annotated[tuple[Observation, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
"""Parts that an observation is joined of; one stands for a list of one."""


class Settings(Model):
    """Configuration of an environment. Every field is an option of every form; in YAML and Python they mean the same.

    >>> Settings(scenario="dense", observation=["aggregation", "local"], reward="sum").messages is None
    True
    """

    scenario: Scenario = Field(Scenario(preset="dense"), description="a preset's name, a mapping, or a Scenario")
    max_cycles: Count = Field(200, description="slots in an episode, which is then truncated; nothing terminates")
    actions: Literal["normalised", "power", "discrete", "simplex"] = Field(
        "normalised",
        description="[-1, 1], mapped to [0, p_max]; powers in [0, p_max]; or one of `levels` powers. Of M bands: M numbers, "
        "scaled down where they add up to more than p_max; one band and its level; or simplex, M + 1 shares of p_max, the last "
        "of what is not used",
    )
    levels: Annotated[int, Field(ge=2, le=100_000, strict=True)] = Field(
        10,
        description="discrete actions: level k of 0 ... levels - 1 is the power k p_max / (levels - 1); of M bands 0 is "
        "silence, and the levels above it follow band by band",
    )
    observation: Observed = Field((Aggregation(),), description="the parts that an observation is joined of")
    reward: Reward = Field(Own(), description="what an agent is paid for a slot")
    messages: Literal["utility", "learned"] | None = Field(
        None,
        description="what agents tell each other: nothing; their mean utility over an interval; or numbers that they choose "
        "with their actions",
    )
    messaging: Messaging = Field(Messaging(), description="who talks to whom, when, how late and how lossily")
    message_interval: Count = Field(1, description="slots between two instants of messages")
    message_size: Annotated[Count, Field(le=10_000)] = Field(1, description="learned messages: numbers in one")
    message_neighbours: Annotated[Count, Field(le=10_000)] | None = Field(
        None,
        description="an observation shows messages of the agent itself and of so many others, those with the loudest mean "
        "gains both ways, loudest first; none: of all, in its own order; needed where the scenario cuts links",
    )
    most_hops: Count | None = Field(
        None,
        description="where the scenario cuts links and agents relay, which needs it: they keep and pass on what agents at most "
        "so many hops away have said",
    )

    @model_validator(mode="after")
    def _cut_has_lists_of_neighbours(self) -> Self:
        refuse_without_lists(self.scenario, self.observation)
        if self.scenario.cut is None or self.messages is None:
            return self
        if self.message_neighbours is None:
            raise ValueError("message_neighbours: missing: with scenario.cut an observation shows messages of so many others")
        if self.messaging.relay and self.most_hops is None:
            raise ValueError(
                "most_hops: missing: with scenario.cut agents keep and pass on what agents at most so many hops away have "
                "said; or let nobody pass anything on, messaging.relay: false"
            )
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.actions == "simplex" and self.scenario.bands == 1:
            raise ValueError('actions: "simplex" is not valid for one band, where there is nothing to divide: use "normalised"')
        if self.messages is None and self.reward.needs_utilities:
            raise ValueError(f'reward: "{self.reward.kind}" is not valid without messages: "utility"')  # type: ignore[attr-defined]  # every reward has a kind
        if self.messages == "learned" and self.reward.needs_utilities:
            raise ValueError(f'reward: "{self.reward.kind}" is not valid: learned messages hold no utilities')  # type: ignore[attr-defined]  # every reward has a kind
        if self.messages == "learned" and self.actions == "discrete":
            raise ValueError('messages: "learned" is not valid with discrete actions: a message is made of numbers')
        idle = {"levels": self.actions != "discrete", "message_size": self.messages != "learned"}
        idle |= dict.fromkeys(("messaging", "message_interval", "message_neighbours"), self.messages is None)
        idle["most_hops"] = self.messages is None or self.scenario.cut is None or not self.messaging.relay
        for name in sorted(self.model_fields_set):
            if idle.get(name):
                needs = {"levels": 'actions="discrete"', "message_size": 'messages="learned"'}
                needs["most_hops"] = "messages that are relayed where scenario.cut cuts links"
                needed = needs.get(name, "messages")
                raise ValueError(f"{name}: has no effect without {needed}")
        return self

    @classmethod
    def of(cls, scenario: Any, options: Mapping[str, Any], *others: str) -> Self:
        """The settings that a form of the environment is called with.

        Args:
            scenario: a preset's name, a mapping, or a Scenario.
            options: the other fields; `max_episode_steps`, Gymnasium's name for `max_cycles`, means the same, and, as there,
                None and -1 say nothing.
            others: names of the form's own options, among which the nearest to an unknown one is looked for, too.

        Raises:
            ConfigError: for an unknown option, a value that cannot be used, or two lengths of an episode.
        """
        known, options = {*cls.model_fields, "max_episode_steps", *others}, dict(options)
        for name in options:
            if name not in known:
                raise ConfigError(f'unknown key "{name}"{nearest(name, known)}')
        length = options.pop("max_episode_steps", None)
        is_given = length is not None and not np.array_equal(length, -1)
        if is_given and not np.array_equal(options.setdefault("max_cycles", length), length):
            raise ConfigError(
                f"max_cycles: {shown(options['max_cycles'])} is not valid beside max_episode_steps {shown(length)}: "
                "they mean the same, give one of them"
            )
        return cls.parse({"scenario": scenario, **options})

    @property
    def message_width(self) -> int:
        """The numbers in a message; 0 without messages."""
        return {None: 0, "utility": 1, "learned": self.message_size}[self.messages]

    @property
    def chosen_width(self) -> int:
        """The numbers in a message that an action chooses; 0 where it chooses none."""
        return self.message_size if self.messages == "learned" else 0


RENDER_MODES = ("human", "rgb_array")


def checked_render_mode(mode: Any) -> str | None:
    """`mode`; raises ConfigError where there is no such mode."""
    if mode is None or (isinstance(mode, str) and mode in RENDER_MODES):
        return mode
    name = mode if isinstance(mode, str) else shown(mode)
    told = f'"{mode}"' if shown(mode) == f"'{mode}'" else shown(mode)
    raise ConfigError(f"render_mode: {told} is not valid{nearest(name, RENDER_MODES)}; leave it out to draw nothing")


def not_drawn(mode: Any) -> None:
    """Raises ConfigError where a batch of environments is asked to draw itself."""
    if mode is not None:
        raise ConfigError(f"render_mode: {shown(mode)} is not valid: only single environments are drawn; leave it out")
