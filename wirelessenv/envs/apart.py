"""Environments side by side whose episodes may begin apart: batches of those that began together."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.settings import Settings
from wirelessenv.sentences import shown

Mask = NDArray[np.bool_]


class Fellows:
    """A batch whose row i is the environment `where[i]`, until that begins another episode elsewhere: then it is not `live`."""

    def __init__(self, batch: Batch, where: NDArray[np.intp]) -> None:
        self.batch, self.where, self.live = batch, where, np.ones(len(where), bool)


class BatchesApart:
    """E environments with the same settings; a reset may begin the next episode of some of them alone.

    All begin together, as one batch. Those that are reset alone leave it for a batch of their own, and the rows that they leave
    are computed on and not looked at, until none is left. Numbers of an environment do not depend on who else is in its batch,
    so that each plays what it would play by itself.

    Args:
        settings: of the environments.
        num_envs: the number E.

    Raises:
        ConfigError: for a number that cannot be used.
    """

    def __init__(self, settings: Settings, num_envs: int) -> None:
        self.settings, self.whole = settings, Batch(settings, num_envs)
        self.environments, self.agents = self.whole.environments, self.whole.agents
        self._groups = [Fellows(self.whole, np.arange(self.environments))]

    def over(self) -> bool | Mask:
        """Tell whose episode is over: one truth value where all began together, else (E,)."""
        if len(self._groups) == 1:
            return self._groups[0].batch.cycle >= self.settings.max_cycles
        found = np.empty(self.environments, bool)
        for group in self._groups:
            found[group.where[group.live]] = group.batch.cycle >= self.settings.max_cycles
        return found

    def reset(self, seed: int | Sequence[int] | None = None, mask: Mask | None = None) -> None:
        """Begin an episode in all environments or in some.

        Args:
            seed: s for the seeds s, s + 1, ..., or one for each environment; None: each goes on to its next episode.
            mask: which of them begin, (E,); None: all.

        Raises:
            ConfigError: for seeds that are none, or for some environments alone where all have to begin.
        """
        if seed is not None or self.whole.never_begun:
            if mask is not None and not mask.all():
                raise ConfigError(f"_reset: {shown(mask)} is not valid: all environments have to begin before some begin again")
            self.whole.reset(seed)
            self._groups = [Fellows(self.whole, np.arange(self.environments))]
            return
        begin, groups = np.ones(self.environments, bool) if mask is None else mask, self._groups
        self._groups = []
        for group in groups:
            leaving = group.live & begin[group.where]
            if leaving.all():
                group.batch.reset()
                self._groups.append(group)
                continue
            group.live = group.live & ~leaving
            if group.live.any():
                self._groups.append(group)
            if leaving.any():
                self._groups.append(self._next_episode(group, np.flatnonzero(leaving)))

    def _next_episode(self, group: Fellows, rows: NDArray[np.intp]) -> Fellows:
        """A group of some rows of `group`, in their next episode."""
        network, batch = group.batch.network, Batch(self.settings, len(rows))
        batch.reset([network.seeds[row] for row in rows], network.episode + 1)
        return Fellows(batch, group.where[rows])

    def step(self, power: Floats, messages: Floats, mask: Mask | None = None) -> None:
        """Use powers in the current slot, and messages at its end.

        Args:
            power: transmit powers in [0, p_max], (E, m); of M bands (E, M, m).
            messages: numbers (E, m, size); size 0 where agents choose none.
            mask: which environments play, (E,): those whose episodes began together all or none; None: all.

        Raises:
            ConfigError: for a mask that cannot be used.
            RuntimeError: where an episode is over or was never begun.
        """
        playing = [group for group in self._groups if mask is None or self._plays(group, mask)]
        if any(not 0 <= group.batch.cycle < self.settings.max_cycles for group in playing):
            raise RuntimeError("step: the episode is over or was never begun: call reset() first")
        if len(self._groups) == 1:
            for group in playing:
                group.batch.step(power, messages)
            return
        for group in playing:
            group.batch.step(power[group.where], messages[group.where])

    def _plays(self, group: Fellows, mask: Mask) -> bool:
        chosen = mask[group.where[group.live]]
        if chosen.any() and not chosen.all():
            raise ConfigError(f"_step: {shown(mask)} is not valid: environments whose episodes began together step together")
        return bool(chosen.any())

    def read(self, what: Callable[[Batch], Floats]) -> Floats:
        """Read an array of all environments.

        Args:
            what: reads a new array from a batch, with a row for each of its environments.

        Returns:
            One array, (E, ...), in the order of the environments.
        """
        return self._joined([what(group.batch) for group in self._groups])

    def infos(self) -> dict[str, Floats]:
        """Numbers about the last slot of each environment, as `Batch.infos` has them."""
        parts = [group.batch.infos() for group in self._groups]
        return {name: self._joined([part[name] for part in parts]) for name in parts[0]}

    def _joined(self, parts: list[Floats]) -> Floats:
        """One array of those of all groups."""
        if len(parts) == 1:
            return parts[0]
        together = np.empty((self.environments, *parts[0].shape[1:]), parts[0].dtype)
        for group, part in zip(self._groups, parts, strict=True):
            together[group.where[group.live]] = part[group.live]
        return together
