"""Compressed messages: what is left of a vector, and in how many bits."""

from abc import abstractmethod
from collections.abc import Sequence
from math import ceil, log2, sqrt
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from wirelessenv.config import ConfigError, Count, Piece
from wirelessenv.streams import generator_state, set_generator_state, stream

Uncompressed = Float[np.ndarray, "... d"]


class Compression(Piece):
    """Base class of compressions: C(v) of a vector v of d numbers, what a receiver makes of a message."""

    random: ClassVar[bool] = True
    """True where C draws."""
    unbiased: ClassVar[bool] = True
    """True where E C(v) = v."""

    @abstractmethod
    def compress(self, vectors: Uncompressed, drawn: Uncompressed) -> Uncompressed:
        """C(v) of vectors side by side.

        Args:
            vectors: v, (..., d).
            drawn: numbers that are uniform in [0, 1), broadcast to them; not read unless `random`.

        Returns:
            C(v), (..., d).
        """

    @abstractmethod
    def bits(self, size: int) -> int:
        """Bits of a message with C(v), of d = `size` numbers."""

    @abstractmethod
    def error(self, size: int) -> float:
        """Factor of ||v||^2 that E ||C(v) - v||^2 never exceeds, for d = `size` numbers."""

    def check(self, size: int) -> None:  # most serve any size
        """Raise ConfigError where vectors of so many numbers cannot be compressed."""


class Sparsification(Compression):
    """Base class of compressions that keep k of d numbers."""

    keep: Count = Field(1, description="k, numbers that are kept")

    def check(self, size: int) -> None:
        if self.keep > size:
            raise ConfigError(f"compression.keep: {self.keep} is not valid: vectors have {size} numbers")


class TopK(Sparsification):
    """The k numbers of largest magnitude, each sent with its place (Stich et al., 2018): biased."""

    kind: Literal["top_k"] = "top_k"
    random = False
    unbiased = False

    def compress(self, vectors: Uncompressed, drawn: Uncompressed) -> Uncompressed:
        return _only(vectors, np.argpartition(-np.abs(vectors), self.keep - 1, axis=-1)[..., : self.keep])

    def bits(self, size: int) -> int:
        return self.keep * (32 + _places(size))

    def error(self, size: int) -> float:
        return 1 - self.keep / size


class RandK(Sparsification):
    """k numbers at places that are drawn uniformly, times d / k (Stich et al., 2018): unbiased.

    A message has the numbers and the seed of the places, of 32 bits.
    """

    kind: Literal["rand_k"] = "rand_k"

    def compress(self, vectors: Uncompressed, drawn: Uncompressed) -> Uncompressed:
        places = np.argpartition(drawn, self.keep - 1, axis=-1)[..., : self.keep]
        size = vectors.shape[-1]
        kept = _only(vectors, np.broadcast_to(places, (*vectors.shape[:-1], self.keep)))
        return np.asarray(kept * (size / self.keep))

    def bits(self, size: int) -> int:
        return 32 * (self.keep + 1)

    def error(self, size: int) -> float:
        return size / self.keep - 1


class Quantised(Compression):
    """Magnitudes in s levels of the norm, rounded up or down at random (QSGD; Alistarh et al., 2017): unbiased.

    C(v)_i = ||v|| sign(v_i) floor(s |v_i| / ||v|| + u_i) / s with u_i uniform. A message has the norm in 32 bits and, of each
    number, the sign and the level.
    """

    kind: Literal["quantised"] = "quantised"
    levels: Annotated[Count, Field(le=2**16)] = Field(4, description="s, levels above 0")

    def compress(self, vectors: Uncompressed, drawn: Uncompressed) -> Uncompressed:
        norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
        level = np.floor(self.levels * np.abs(vectors) / np.where(norm > 0, norm, 1) + drawn)
        return np.asarray(norm * np.sign(vectors) * level / self.levels)

    def bits(self, size: int) -> int:
        return 32 + size * (1 + ceil(log2(self.levels + 1)))

    def error(self, size: int) -> float:
        return min(size / self.levels**2, sqrt(size) / self.levels)


class Compressor:
    """A compression at work: one random stream a run, which the variants of a run share.

    Args:
        compression: C.
        size: d.
        seeds: one for each run.
    """

    def __init__(self, compression: Compression, size: int, seeds: Sequence[int]) -> None:
        compression.check(size)
        self.compression, self.bits = compression, compression.bits(size)
        self._streams = [stream(seed, "compression") for seed in seeds]

    def __call__(self, vectors: np.ndarray, runs: slice = slice(None)) -> np.ndarray:
        """C of vectors (variants, runs, ..., d) of some runs, the same shape."""
        drawn = vectors
        if self.compression.random:
            drawn = np.stack([generator.random(vectors.shape[2:]) for generator in self._streams[runs]])
        return self.compression.compress(vectors, drawn).astype(vectors.dtype, copy=False)

    def state(self) -> list[Any]:
        """Everything that `set_state` needs to go on from here."""
        return [generator_state(generator) for generator in self._streams]

    def set_state(self, state: list[Any]) -> None:
        """Go on from a saved state."""
        for generator, saved in zip(self._streams, state, strict=True):
            set_generator_state(generator, saved)


def _only(vectors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Vectors that are 0 but at some places, (..., k)."""
    left = np.zeros_like(vectors)
    np.put_along_axis(left, places, np.take_along_axis(vectors, places, -1), -1)
    return left


def _places(size: int) -> int:
    """Bits of the number of a place."""
    return ceil(log2(size)) if size > 1 else 0
