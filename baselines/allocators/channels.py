"""Channels as the iterative allocators work on them, of one band or several: channels are the last axis.

Sums over transmitters are then sums of long rows.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from wirelessenv.arrays import Doubles
from wirelessenv.physics.kernels import split

Rows = Float[Doubles, "*bands m n"]
"""A number of each of m pairs in each of n channels; of M bands (M, m, n)."""
MOST_STEPS = 60
"""Newton steps to a price of power, of which 1 to 8 are taken."""
CLOSE = 1e-7
"""Relative distance from the square root of a budget at which its price is found; powers are then scaled to it."""
TINY = float(np.finfo(float).tiny)


class Channels(NamedTuple):
    """Some channels, channels last, gains split as (m, n) and (m, m, n), the latter 0 on its diagonal; the others (m, n).

    Of M bands, gains are (M, m, n) and (M, m, m, n), and the noise is that of each band.
    """

    wanted: Rows
    cross: Float[Doubles, "*bands m m n"]
    noise: Float[Doubles, "m n"]
    most: Float[Doubles, "m n"]
    weights: Float[Doubles, "m n"]

    @classmethod
    def of(cls, gain: Float[Doubles, "n *bands m m"], noise: Doubles, most: Doubles, weights: Doubles) -> "Channels":
        """Turn arrays with channels first into ones with channels last.

        Args:
            gain: |h|^2 as [receiver, transmitter], (n, m, m); of M bands (n, M, m, m).
            noise: of all bands together, (n, m).
            most: p_max, likewise.
            weights: of the rates, (n, m).

        Returns:
            The n channels.
        """
        noise, most, weights = (np.ascontiguousarray(part.T) for part in (noise, most, weights))
        wanted, cross = split(gain)
        wanted, cross = (np.ascontiguousarray(np.moveaxis(part, 0, -1)) for part in (wanted, cross))
        return cls(wanted, cross, noise if gain.ndim == 3 else noise / gain.shape[1], most, weights)

    def interference(self, power: Rows) -> Rows:
        """Power that receivers get from others, and noise, (m, n): added up, for a difference would lose strong SINRs."""
        return np.asarray(np.einsum("...ijn,...jn->...in", self.cross, power) + self.noise)

    def value(self, power: Rows) -> Float[Doubles, " n"]:
        """Weighted sum rate of powers (m, n) in bit/s/Hz, (n,); of M bands their mean."""
        rates = (self.weights * np.log2(1 + self.wanted * power / self.interference(power))).sum(-2)
        return np.asarray(rates if rates.ndim == 1 else rates.mean(0))

    def pull(self, prices: Rows) -> Rows:
        """sum_k g_ki x_k of prices x (m, n): the price that each transmitter pays for a unit of power."""
        return np.asarray(np.einsum("...kin,...kn->...in", self.cross, prices) + self.wanted * prices)

    def powers(self, worth: Rows, pull: Rows, before: Rows) -> Rows:
        """The powers v^2 with the largest 2 worth v - pull v^2 that a transmitter has.

        Args:
            worth: of an amplitude v = sqrt(p), (m, n).
            pull: price of a unit of power, (m, n).
            before: powers of the last iteration, (m, n).

        Returns:
            Powers, at most p_max together, (m, n).
        """
        return up_to(worth, pull, self.most) if worth.ndim == 2 else divided(worth, pull, self.most, before)

    def start(self, rng: np.random.Generator | None) -> Rows:
        """Powers to begin with: p_max, split evenly; with a generator uniform among those that are allowed."""
        if self.wanted.ndim == 2:
            return self.most.copy() if rng is None else rng.random(self.most.shape) * self.most
        bands = len(self.wanted)
        share = (
            np.full(bands, 1 / bands)[:, None, None] if rng is None else np.moveaxis(shares(rng, self.most.shape, bands), -1, 0)
        )
        return np.asarray(share * self.most)

    def some(self, which: Int[np.ndarray, " some"]) -> "Channels":
        """The channels of some places alone."""
        return Channels(*(part[..., which] for part in self))


def shares(rng: np.random.Generator, shape: tuple[int, ...], bands: int) -> Doubles:
    """Shares of a budget in each of M bands, uniform among all that add up to 1 or less.

    Args:
        rng: the source of random numbers.
        shape: of the draws.
        bands: M.

    Returns:
        Shares (*shape, M); the M + 1 shares with the one that is left have Dirichlet's law with all parameters 1.
    """
    drawn = rng.exponential(size=(*shape, bands + 1))
    return np.asarray(drawn[..., :bands] / drawn.sum(-1, keepdims=True))


def up_to(worth: Rows, pull: Rows, most: Rows) -> Rows:
    """Powers (worth / pull)^2, at most `most`: those of one band.

    Args:
        worth: of an amplitude, (m, n).
        pull: price of a unit of power, (m, n); where it is 0 nobody transmits.
        most: p_max, (m, n).

    Returns:
        Powers (m, n).
    """
    with np.errstate(over="ignore"):  # what is too much is p_max
        best = np.divide(worth, pull, out=np.zeros_like(pull), where=pull > 0)
        return np.asarray(np.minimum(best**2, most))


def divided(
    worth: Float[Doubles, "M m n"], pull: Float[Doubles, "M m n"], most: Float[Doubles, "m n"], before: Float[Doubles, "M m n"]
) -> Float[Doubles, "M m n"]:
    """Powers (worth_b / (pull_b + mu))^2 of M bands, with the smallest mu >= 0 for which their sum is at most `most`.

    mu is the multiplier of the budget. With f(mu) the sum of the powers, 1 / sqrt(f) is concave and increasing: Newton's steps
    on 1 / sqrt(f(mu)) = 1 / sqrt(most) converge quadratically, from below without passing the solution, and from above they
    end below it (Conn, Gould and Toint, Trust-Region Methods, 2000, Section 7.3). They begin at the mu that the powers before
    would have in the least squares' sense, but where the strongest band alone takes the budget at least.

    Args:
        worth: of an amplitude in each band, (M, m, n).
        pull: price of a unit of power, (M, m, n); where it is 0 nobody transmits.
        most: p_max of all bands together, (m, n).
        before: powers of an iteration before, (M, m, n).

    Returns:
        Powers (M, m, n).
    """
    bands = len(worth)
    worth, pull, before = (part.reshape(bands, -1) for part in (worth, np.maximum(pull, TINY), before))
    root = np.sqrt(most).ravel()
    least = np.maximum((worth / root - pull).max(0), 0.0)
    guess = np.einsum("bl,bl->l", worth, np.sqrt(before)) - np.einsum("bl,bl->l", pull, before)
    price = np.maximum(least, guess / np.maximum(before.sum(0), TINY))
    some: list[Doubles] = [worth, pull, root, least]
    going = np.arange(root.size)
    for _ in range(MOST_STEPS):
        step, moves = _newton(some, price[going])
        place = np.flatnonzero(moves)  # the others are found
        going = going[place]
        price[going] = step[place]
        if not going.size:
            break
        some = [part.take(place, -1) for part in some]
    power = worth / (pull + price)
    power *= power
    power /= np.maximum(power.sum(0) / root**2, 1.0)
    return np.asarray(power.reshape(bands, *most.shape))


def _newton(some: list[Doubles], price: Float[Doubles, " some"]) -> tuple[Float[Doubles, " some"], NDArray[np.bool_]]:
    """Prices of `divided` after one more step, and True where one was needed; `some` are worth, pull, root and least."""
    worth, pull, root, least = some
    inverse = 1 / (pull + price)
    power = worth * inverse
    power *= power
    total = power.sum(0)
    over = np.sqrt(total) / root - 1
    moves = (over > CLOSE) | ((over < -CLOSE) & (price > least))
    falls = np.maximum(np.einsum("bl,bl->l", power, inverse), TINY)
    return np.maximum(price + total * over / falls, least), moves
