"""Random numbers for a batch of runs: one stream a run, numpy on the CPU and torch on a GPU.

The two samplers offer the same draws with the same distributions; on the CPU the numbers do not depend on how the slots
are cut into blocks.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wirelessenv.streams import generator_state, set_generator_state, stream

PAIRS_AT_ONCE = 2**15
"""Pairs of normal variables of a slot that are made together: what fits the cache."""

WORDS_AT_ONCE = 2**13
"""Words of 64 bits that are drawn together, likewise. Fewer numbers than fill them are drawn in numpy's own way."""


def fill_uniform(generator: np.random.Generator, target: NDArray[np.float32]) -> None:
    """Fill an array with the numbers of `generator.random(dtype=np.float32)`, in two thirds of its time.

    A word of 64 bits gives two numbers, its lower half first. An odd number of draws leaves half a word to the next call, for
    which numpy keeps it.

    Args:
        generator: of numpy, with a bit generator of 64 bits.
        target: float32, in C order, changed in place.
    """
    assert target.flags.c_contiguous
    flat = target.reshape(-1)
    whole = flat.size - flat.size % (2 * WORDS_AT_ONCE)
    if whole and (sys.byteorder != "little" or generator.bit_generator.state["has_uint32"]):
        whole = 0
    for first in range(0, whole, 2 * WORDS_AT_ONCE):
        words = generator.bit_generator.random_raw(WORDS_AT_ONCE).view(np.uint32)
        part = flat[first : first + 2 * WORDS_AT_ONCE]
        np.right_shift(words, 8, out=words)
        np.copyto(part, words.view(np.int32), casting="unsafe")  # exact: 24 bits
        part *= np.float32(2**-24)
    if whole < flat.size:
        generator.random(out=flat[whole:], dtype=np.float32)


def _to_normal(pairs: Any, values: Any) -> None:
    """Turn pairs of uniform variables, (slots, 2, n), into as many normal ones in `values`, which may be the same array."""
    radius = np.negative(pairs[:, 0])
    np.log1p(radius, out=radius)
    radius *= np.float32(-2)
    np.sqrt(radius, out=radius)
    angle = pairs[:, 1] * np.float32(2 * math.pi)
    np.cos(angle, out=values[:, 0])
    np.sin(angle, out=values[:, 1])
    values *= radius[:, None]


class Sampler(Protocol):
    """Draws for all runs of a batch at once, shape (runs, slots, ...), float32."""

    def uniform(self, slots: int, *shape: int) -> Any:
        """Draw uniform variables in [0, 1).

        Args:
            slots: their number, the second axis.
            shape: the axes after it.

        Returns:
            Variables (runs, slots, *shape), float32.
        """

    def exponential(self, slots: int, *shape: int) -> Any:
        """Draw exponential variables of mean 1.

        Args:
            slots: their number, the second axis.
            shape: the axes after it.

        Returns:
            Variables (runs, slots, *shape), float32.
        """

    def normal(self, slots: int, *shape: int) -> Any:
        """Draw normal variables of mean 0 and variance 1.

        Args:
            slots: their number, the second axis.
            shape: the axes after it.

        Returns:
            Variables (runs, slots, *shape), float32.
        """

    def fill_normal(self, target: Any) -> None:
        """Standard normal variables into an array (runs, slots, ...) of the sampler's kind."""

    def ones(self, slots: int, *shape: int) -> Any:
        """An array of ones, without any draw.

        Args:
            slots: their number, the second axis.
            shape: the axes after it.

        Returns:
            Ones (runs, slots, *shape), float32.
        """

    def state(self) -> list[Any]:
        """Everything that `set_state` needs to go on from here."""

    def set_state(self, state: list[Any]) -> None:
        """Go on from a saved state."""


class NumpySampler(Sampler):
    """Sampler with one numpy generator a run."""

    def __init__(self, seeds: Sequence[int], purpose: str, episode: int = 0) -> None:
        self._generators = [stream(seed, purpose, episode) for seed in seeds]

    def uniform(self, slots: int, *shape: int) -> Any:
        drawn = np.empty((len(self._generators), slots, *shape), np.float32)
        for row, generator in zip(drawn, self._generators, strict=True):
            fill_uniform(generator, row)
        return drawn

    def exponential(self, slots: int, *shape: int) -> Any:
        # -log(1 - u), u uniform in [0, 1): faster than the ziggurat, and never the logarithm of 0
        drawn = self.uniform(slots, *shape)
        np.negative(drawn, out=drawn)
        np.log1p(drawn, out=drawn)
        return np.negative(drawn, out=drawn)

    def normal(self, slots: int, *shape: int) -> Any:
        drawn = np.empty((len(self._generators), slots, *shape), np.float32)
        self.fill_normal(drawn)
        return drawn

    def fill_normal(self, target: Any) -> None:
        """Box and Muller's pairs, made slot by slot so that cutting the slots elsewhere gives the same numbers.

        Three times as fast as numpy's ziggurat. With uniforms of 24 bits no value exceeds sqrt(48 ln 2) = 5.8.
        """
        slots, size = target.shape[1], math.prod(target.shape[2:])
        in_place = size % 2 == 0 and target.flags.c_contiguous
        drawn = None if in_place else np.empty((slots, 2, (size + 1) // 2), np.float32)
        for row, generator in zip(target, self._generators, strict=True):
            pairs = row.reshape(slots, 2, -1) if drawn is None else drawn
            fill_uniform(generator, pairs)
            for first in range(0, pairs.shape[2], PAIRS_AT_ONCE):
                some = pairs[..., first : first + PAIRS_AT_ONCE]
                _to_normal(some, some)
            if drawn is not None:
                row[...] = drawn.reshape(slots, -1)[:, :size].reshape(row.shape)

    def ones(self, slots: int, *shape: int) -> Any:
        return np.ones((len(self._generators), slots, *shape), np.float32)

    def state(self) -> list[Any]:
        return [generator_state(generator) for generator in self._generators]

    def set_state(self, state: list[Any]) -> None:
        for generator, saved in zip(self._generators, state, strict=True):
            set_generator_state(generator, saved)


class TorchSampler(Sampler):
    """Sampler with one torch generator a run, on the device where the numbers are used."""

    def __init__(self, seeds: Sequence[int], purpose: str, device: str, episode: int = 0) -> None:
        import torch

        self._torch = torch
        self._device = device
        self._generators = []
        for seed in seeds:
            generator = torch.Generator(device=device)
            generator.manual_seed(int(stream(seed, purpose, episode).integers(2**63)))
            self._generators.append(generator)

    def uniform(self, slots: int, *shape: int) -> Any:
        drawn = self._torch.empty((len(self._generators), slots, *shape), device=self._device)
        for row, generator in zip(drawn, self._generators, strict=True):
            row.uniform_(generator=generator)
        return drawn

    def exponential(self, slots: int, *shape: int) -> Any:
        return self.uniform(slots, *shape).neg_().log1p_().neg_()

    def normal(self, slots: int, *shape: int) -> Any:
        drawn = self._torch.empty((len(self._generators), slots, *shape), device=self._device)
        self.fill_normal(drawn)
        return drawn

    def fill_normal(self, target: Any) -> None:
        for row, generator in zip(target, self._generators, strict=True):
            row.normal_(generator=generator)

    def ones(self, slots: int, *shape: int) -> Any:
        return self._torch.ones((len(self._generators), slots, *shape), device=self._device)

    def state(self) -> list[Any]:
        return [generator.get_state() for generator in self._generators]

    def set_state(self, state: list[Any]) -> None:
        for generator, saved in zip(self._generators, state, strict=True):
            generator.set_state(saved.cpu())


def sampler(seeds: Sequence[int], purpose: str, episode: int = 0, device: str | None = None) -> Sampler:
    """The sampler of a device.

    Args:
        seeds: one for each run.
        purpose: the purpose of the numbers, which has streams of its own.
        episode: the episode, likewise.
        device: a torch device; None: numpy's sampler.

    Returns:
        The sampler, at the start of its streams.
    """
    return NumpySampler(seeds, purpose, episode) if device is None else TorchSampler(seeds, purpose, device, episode)
