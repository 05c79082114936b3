"""Beginning of an episode of the Gymnasium and PettingZoo forms, and their `np_random`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium.utils.seeding import np_random

from wirelessenv.config import ConfigError
from wirelessenv.envs.batch import Batch
from wirelessenv.sentences import shown


class Seeded(Protocol):
    """The attributes that Gymnasium keeps for `np_random` and `np_random_seed`."""

    _np_random: np.random.Generator | None
    _np_random_seed: int | None


def begin(env: Seeded, batch: Batch, seed: int | Sequence[int] | None, options: Any) -> None:
    """Begin an episode of `batch` as the reset of `env` asks for.

    Gymnasium's contract: `reset(seed=s)` seeds `env.np_random` with s, of several seeds the first, too. Without any seed the
    first reset takes a random one, which is `np_random_seed` then, or one of `np_random` where there is one already. The
    environment itself draws nothing else from it: wrappers may.

    Args:
        env: the form of the environment, whose `np_random` is seeded.
        batch: its environments.
        seed: a whole number, or one for each environment; None: the next episodes.
        options: a mapping or None; not looked into.

    Raises:
        ConfigError: for a seed that is none, or options that are no mapping; nothing has changed then.
    """
    if options is not None and not isinstance(options, Mapping):
        raise ConfigError(f"options: {shown(options)} is not valid: it should be a mapping, or None")
    if seed is None and batch.never_begun:
        drawn = np_random()[0] if env._np_random is None else env._np_random
        first = int(drawn.integers(2**32))
        batch.reset(first)
        if env._np_random is None:
            env._np_random, env._np_random_seed = np_random(first)
        return
    batch.reset(seed)
    if seed is not None:
        env._np_random, env._np_random_seed = np_random(batch.network.seeds[0])
