"""Activity of agents: random events with an optional longest silence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from wirelessenv.config import Count, Model, Probability
from wirelessenv.saved_state import refuse_outside
from wirelessenv.streams import generator_state, set_generator_state, stream


class Chance(Model):
    """An event that happens with `probability` at each instant, and at least once in any `longest_silence` instants.

    A number is short for the probability alone. The longest silence is D of Behmandpoor et al. (2024), Assumption III.
    """

    probability: Probability = 1.0
    longest_silence: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _number_is_probability(cls, data: Any) -> Any:
        return {"probability": data} if isinstance(data, int | float | str) and not isinstance(data, bool) else data

    @model_validator(mode="after")
    def _can_happen(self) -> "Chance":
        if self.probability == 0 and self.longest_silence is None:
            raise ValueError("probability 0 is not valid: it would never happen; use more than 0, or a longest_silence")
        return self


class Activity(Model):
    """The instants in which agents query (T_q), update (T_u) and transmit (T_tx, drawn separately for every neighbour)."""

    query: Chance = Field(default_factory=Chance)
    update: Chance = Field(default_factory=Chance)
    transmit: Chance = Field(default_factory=Chance)


class Trials:
    """Draws a chance for all runs of a batch, instant after instant; one random stream a run.

    A certain event draws nothing.
    """

    def __init__(self, chance: Chance, seeds: Sequence[int], purpose: str, shape: tuple[int, ...], episode: int = 0) -> None:
        self._chance = chance
        self._generators = [stream(seed, purpose, episode) for seed in seeds]
        self._shape = shape
        self._silent = np.zeros((len(seeds), *shape), np.int32)

    def draw(self, instants: int, where: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """The events of the next instants.

        Args:
            instants: their number.
            where: the trials that lengthen or break a silence, (instants, runs, *shape); None: all.

        Returns:
            True where the event happens, (instants, runs, *shape).
        """
        if self._chance.probability == 1:
            return np.broadcast_to(True, (instants, *self._silent.shape))
        drawn = np.stack([generator.random((instants, *self._shape)) for generator in self._generators], axis=1)
        happened = drawn < self._chance.probability
        if self._chance.longest_silence is not None:
            for instant in range(instants):
                happened[instant] |= self._silent >= self._chance.longest_silence - 1
                silent = np.where(happened[instant], 0, self._silent + 1)
                self._silent = silent if where is None else np.where(where[instant], silent, self._silent)
        return happened

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {"streams": [generator_state(generator) for generator in self._generators], "silent": self._silent.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_outside("silent", state["silent"], 0, (self._chance.longest_silence or 1) - 1)
        for generator, saved in zip(self._generators, state["streams"], strict=True):
            set_generator_state(generator, saved)
        self._silent = np.array(state["silent"])
