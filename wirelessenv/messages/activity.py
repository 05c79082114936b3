"""Activity of agents: random events with an optional longest silence, stays in two states, or instants that are given."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import ConfigError, Count, CountOrZero, Model, OneOrEach, Probability, each
from wirelessenv.messages.stays import Stays, StaysDrawn
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import generator_state, set_generator_state, stream

OwnInstants = Annotated[tuple[CountOrZero, ...], Field(min_length=1)]


class Chance(Model):
    """An event that happens with `probability` at each instant, and at least once in any `longest_silence` instants.

    A number is short for the probability alone, a list for one probability of each agent. The longest silence is D of
    Behmandpoor et al. (2024), Assumption III. In place of both, `at` gives the sets T of instants themselves.
    """

    probability: OneOrEach[Probability] = Field(1.0, description="of all agents, or a list of each agent's own")
    longest_silence: OneOrEach[Count] | None = Field(None, description="of all agents, or a list of each agent's own")
    at: Annotated[tuple[OwnInstants, ...], Field(min_length=1)] | None = Field(
        None, description="in place of a probability: the instants, from 0, of each agent; one list is that of all"
    )
    period: Count | None = Field(None, description="number of instants after which those of `at` come again; none: never")

    stays: Stays | None = Field(
        None,
        description="agents that are on and off for a while: the probability is that of an instant while on; none: always on",
    )

    @model_validator(mode="before")
    @classmethod
    def _number_is_probability(cls, data: Any) -> Any:
        short = isinstance(data, int | float | str | list | tuple) and not isinstance(data, bool)
        return {"probability": data} if short else data

    @model_validator(mode="after")
    def _can_happen(self) -> "Chance":
        silences = each(self.longest_silence)
        if self.stays is not None and self.longest_silence is not None:
            raise ValueError("longest_silence: is not valid beside stays, which may be off for longer")
        if any(one == 0 for one in each(self.probability)) and None in silences:
            raise ValueError("probability 0 is not valid: it would never happen; use more than 0, or a longest_silence")
        if self.at is None:
            if self.period is not None:
                raise ValueError(f"period: {self.period} is not valid without at, whose instants come again")
            return self
        for name in ("probability", "longest_silence", "stays"):
            if name in self.model_fields_set:
                raise ValueError(f"{name}: is not valid beside at, which says when the event happens")
        last = max(map(max, self.at))
        if self.period is not None and last >= self.period:
            raise ValueError(
                f"at: {last} is not valid: instants that come again after {self.period} are 0 to {self.period - 1}"
            )
        return self

    @property
    def certain(self) -> bool:
        """True where the event happens at every instant."""
        return self.at is None and self.stays is None and set(each(self.probability)) == {1}

    @property
    def share(self) -> float:
        """Share of the instants in which it happens, mean over agents, longest silences aside; of `at`, until the last one."""
        if self.at is None:
            on = float(np.mean(each(self.probability)))
            return on if self.stays is None else self.stays.share * on + (1 - self.stays.share) * self.stays.probability_off
        instants = self.period or max(map(max, self.at)) + 1
        return float(np.mean([len(set(own)) / instants for own in self.at]))

    @property
    def longest(self) -> float:
        """Largest number of instants from one event to the next, of any agent; infinite where there is no bound."""
        if self.certain:
            return 1.0
        if self.stays is not None:
            return np.inf
        if self.at is None:
            return float(max(np.inf if one is None else one for one in each(self.longest_silence)))
        if self.period is None:
            return np.inf
        return float(max(np.diff([*sorted(own), min(own) + self.period]).max() for own in self.at))

    def check_agents(self, name: str, agents: int) -> None:
        """Refuse lists that are not of one value for each agent.

        Args:
            name: of the event, for the sentence.
            agents: their number m.

        Raises:
            ConfigError: where a list has another length.
        """
        lists = {"probability": self.probability, "longest_silence": self.longest_silence, "at": self.at}
        if self.stays is not None:
            self.stays.check_agents(name, agents)
        for field, values in lists.items():
            if isinstance(values, tuple) and len(values) != agents and not (field == "at" and len(values) == 1):
                raise ConfigError(
                    f"{name}.{field}: {len(values)} values are not valid for {agents} agents: give one, or one for each"
                )


class Activity(Model):
    """The instants in which agents query (T_q), update (T_u) and transmit (T_tx, drawn separately for every neighbour).

    An agent that has left (`presence`) does none of these, and messages that are sent to it meanwhile are lost; it keeps what
    it knows, and goes on with that when it joins again.
    """

    query: Chance = Field(default_factory=Chance)
    update: Chance = Field(default_factory=Chance)
    transmit: Chance = Field(default_factory=Chance)
    presence: Chance = Field(
        default_factory=Chance, description="the instants in which agents are there: with stays they leave and join"
    )


class Trials:
    """Draws a chance for all runs of a batch, instant after instant; one random stream a run.

    A certain event draws nothing, nor does one whose instants are given.
    """

    def __init__(  # noqa: PLR0917  # as a chance is drawn: whose, for which trials
        self,
        chance: Chance,
        seeds: Sequence[int],
        purpose: str,
        shape: tuple[int, ...],
        episode: int = 0,
        senders: NDArray[np.integer] | None = None,
    ) -> None:
        """Begin before the first instant.

        Args:
            chance: of every trial.
            seeds: one for each run.
            purpose: name of the random streams.
            shape: of the trials of a run, agents (or senders) first.
            episode: the episode whose streams these are.
            senders: number of the agent of each trial, where the shape is that of a list; None: the first axis numbers them.
        """
        self._chance = chance
        self._generators = [stream(seed, purpose, episode) for seed in seeds]
        self._shape = shape
        self._silent = np.zeros((len(seeds), *shape), np.int32)
        self._instant = 0
        stays = chance.stays
        self._stays = None if stays is None else StaysDrawn(stays, seeds, f"{purpose} stays", shape, episode, senders)
        self._own = senders if senders is not None or not shape else np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1))

    def _of_agents(self, value: Any) -> Any:
        """A setting of the chance: the same for all trials, or each agent's own at its trials."""
        return np.asarray(value)[self._own] if isinstance(value, tuple) else value

    def draw(self, instants: int, where: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """The events of the next instants.

        Args:
            instants: their number.
            where: the trials that lengthen or break a silence, (instants, runs, *shape); None: all.

        Returns:
            True where the event happens, (instants, runs, *shape).
        """
        if self._chance.at is not None:
            return self._given(self._chance.at, instants)
        if self._chance.certain:
            return np.broadcast_to(True, (instants, *self._silent.shape))
        drawn = np.stack([generator.random((instants, *self._shape)) for generator in self._generators], axis=1)
        probability = self._of_agents(self._chance.probability)
        if self._stays is not None:
            probability = np.where(self._stays.draw(instants), probability, self._stays.stays.probability_off)
        happened: NDArray[np.bool_] = drawn < probability
        if self._chance.longest_silence is not None:
            longest = self._of_agents(self._chance.longest_silence)
            for instant in range(instants):
                happened[instant] |= self._silent >= longest - 1
                silent = np.where(happened[instant], 0, self._silent + 1)
                self._silent = silent if where is None else np.where(where[instant], silent, self._silent)
        return happened

    def _given(self, at: tuple[tuple[int, ...], ...], instants: int) -> NDArray[np.bool_]:
        times = np.arange(self._instant, self._instant + instants)
        times = times if self._chance.period is None else times % self._chance.period
        self._instant += instants
        own = np.array([np.isin(times, instants_of) for instants_of in at])  # (agents, or 1, instants)
        happened = own[self._own if len(own) > 1 else np.zeros_like(self._own)]
        return np.broadcast_to(np.moveaxis(happened, -1, 0)[:, None], (instants, *self._silent.shape))

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        given: dict[str, Any] = {} if self._chance.at is None else {"instant": self._instant}
        given |= {} if self._stays is None else {"stays": self._stays.state()}
        return {
            "streams": [generator_state(generator) for generator in self._generators],
            "silent": self._silent.copy(),
        } | given

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        most = max((one or 1) - 1 for one in each(self._chance.longest_silence))
        refuse_outside("silent", state["silent"], 0, most)
        for generator, saved in zip(self._generators, state["streams"], strict=True):
            set_generator_state(generator, saved)
        self._silent = np.array(state["silent"])
        if self._stays is not None:
            self._stays.set_state(state["stays"])
        if self._chance.at is not None:
            refuse_outside("instant", state["instant"], 0)
            self._instant = int(state["instant"])
