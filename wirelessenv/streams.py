"""Random streams: one for each seed, purpose and episode, independent of everything else.

A stream depends on (seed, purpose, episode) alone: not on what else is in a batch, nor on the size of the blocks in
which numbers are drawn. On the CPU all draws for the channel come from numpy's generator, whose sequences do not depend
on how they are cut into calls; the environment and the trainers therefore see the same channels.
"""

import zlib
from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

import numpy as np

from wirelessenv.config import ConfigError, plain
from wirelessenv.saved_state import misfit, refuse_misfit, refuse_outside
from wirelessenv.sentences import shown


def stream(seed: int, purpose: str, episode: int = 0) -> np.random.Generator:
    """The random generator of a seed, purpose and episode.

    Args:
        seed: a whole number, 0 or more.
        purpose: the use of the numbers.
        episode: a whole number, 0 or more.

    Returns:
        A new generator, at the start of its stream.

    >>> stream(3, "fading").random() == stream(3, "fading").random()
    True
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), episode])


MOST_SEEDS = 100_000
"""Most seeds of a batch: more take minutes to begin."""
MOST_BITS = 1024
"""Most bits of a seed: numpy works for minutes on one of a million."""
_BYTES = str | bytes | bytearray | memoryview


def run_seeds(seed: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds of a batch of runs: a sequence as it is, one number as a batch of one."""
    several = isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, _BYTES) and getattr(seed, "ndim", 1) > 0
    given = list(islice(cast(Sequence[int], seed), MOST_SEEDS + 1)) if several else [seed]
    if len(given) > MOST_SEEDS:
        raise ConfigError(f"seed: {shown(seed)} is not valid: give at most {MOST_SEEDS} seeds")
    seeds: list[Any] = [plain(value) if isinstance(value, np.generic | np.ndarray) else value for value in given]
    for value in seeds:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"seed: {shown(value)} is not valid: a seed is a whole number, 0 or more")
        if value.bit_length() > MOST_BITS:
            raise ConfigError(f"seed: {shown(value)} is not valid: a seed is below 2**{MOST_BITS}")
    if not seeds:
        raise ConfigError("seed: an empty sequence is not valid: give at least one seed")
    return tuple(seeds)


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """A generator's whole state as plain numbers and strings."""
    return dict(generator.bit_generator.state)


def set_generator_state(generator: np.random.Generator, state: dict[str, Any]) -> None:
    """Set a generator to a saved state.

    Args:
        generator: the generator, changed in place.
        state: what `generator_state` returned.

    Raises:
        ConfigError: for what is no state of such a generator.
    """
    own = generator_state(generator)
    refuse_misfit(state, own, "generator")
    if state["bit_generator"] != own["bit_generator"]:
        raise misfit("generator", f"is one of another kind than {own['bit_generator']}")
    refuse_outside("generator.has_uint32", state["has_uint32"], 0, 1)
    refuse_outside("generator.uinteger", state["uinteger"], 0, 2**32 - 1)
    if not all(0 <= state["state"][name] < 2**128 for name in own["state"]) or state["state"]["inc"] % 2 == 0:
        raise misfit("generator.state", "is none that such a generator can have")
    generator.bit_generator.state = state
