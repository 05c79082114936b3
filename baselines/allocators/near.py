"""WMMSE and fractional programming over lists of neighbours: networks whose faint links are cut."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from baselines.allocators.channels import Rows, up_to
from baselines.allocators.checks import PerReceiver, PerTransmitter, row
from baselines.allocators.iterative import Limits, fractional_step, settled, wmmse_step
from baselines.allocators.watch import Watch
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError
from wirelessenv.physics import checks
from wirelessenv.physics.neighbours import NeighbourLists
from wirelessenv.sentences import shown


@dataclass(frozen=True)
class ListedChannels:
    """Channels of one network, as `Channels`, whose cross gains are those of its list of links, (n, links)."""

    near: NeighbourLists
    wanted: Rows
    cross: Float[Doubles, "n links"]
    noise: Rows
    most: Rows
    weights: Rows

    def interference(self, power: Rows) -> Rows:
        """Power that receivers get from others, and noise, (m, n)."""
        return np.asarray(self.near.received(self.cross[None], power.T[None])[0].T + self.noise)

    def value(self, power: Rows) -> Float[Doubles, " n"]:
        """Weighted sum rate of powers (m, n) in bit/s/Hz, (n,)."""
        return np.asarray((self.weights * np.log2(1 + self.wanted * power / self.interference(power))).sum(0))

    def pull(self, prices: Rows) -> Rows:
        """sum_k g_ki x_k of prices x (m, n): the price that each transmitter pays for a unit of power."""
        return np.asarray(self.near.collected(self.cross[None], prices.T[None])[0].T + self.wanted * prices)

    def powers(self, worth: Rows, pull: Rows, before: Rows) -> Rows:
        """The powers p with the largest 2 worth sqrt(p) - pull p that a transmitter has; see `Channels.powers`.

        Args:
            worth: of an amplitude, (m, n).
            pull: price of a unit of power, (m, n).
            before: powers of the last iteration, (m, n), of which one band makes no use.

        Returns:
            Powers, at most p_max, (m, n).
        """
        return up_to(worth, pull, self.most)

    def some(self, which: NDArray[np.intp]) -> "ListedChannels":
        """The channels of some places alone."""
        rows = {name: getattr(self, name)[:, which] for name in ("wanted", "noise", "most", "weights")}
        return replace(self, cross=self.cross[which], **rows)


def wmmse_over_lists(
    near: NeighbourLists,
    gain: Float[np.ndarray, "runs slots links"],
    noise: Any,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    tolerance: float = 1e-3,
    iterations: int = 100,
) -> Float[Doubles, "runs slots m"]:
    """WMMSE, from full power, on the links of networks that are not cut; see `wmmse`.

    Args:
        near: the links, of `WirelessNetwork.near`.
        gain: |h|^2 of these, linear, as in a block.
        noise: of all receivers, (runs, m), of `WirelessNetwork.noise`, or a number; in units of gain x power.
        p_max: largest power of every transmitter, (m,), or a number.
        weights: of the rates, (m,), or a number; None: 1.
        tolerance: a channel stands still when its sum rate changes by at most this times m in an iteration, bit/s/Hz.
        iterations: at most.

    Returns:
        Powers (runs, slots, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    return _over_lists(wmmse_step, "WMMSE", near, gain, noise, p_max, weights, Limits.of(("full",), tolerance, iterations, 0))


def fractional_programming_over_lists(
    near: NeighbourLists,
    gain: Float[np.ndarray, "runs slots links"],
    noise: Any,
    p_max: PerTransmitter,
    weights: PerReceiver | None = None,
    *,
    tolerance: float = 1e-3,
    iterations: int = 100,
) -> Float[Doubles, "runs slots m"]:
    """Fractional programming, from full power, on the links of networks that are not cut; see `fractional_programming`.

    Args:
        near: the links, of `WirelessNetwork.near`.
        gain: |h|^2 of these, linear, as in a block.
        noise: of all receivers, (runs, m), of `WirelessNetwork.noise`, or a number; in units of gain x power.
        p_max: largest power of every transmitter, (m,), or a number.
        weights: of the rates, (m,), or a number; None: 1.
        tolerance: a channel stands still when its sum rate changes by at most this times m in an iteration, bit/s/Hz.
        iterations: at most.

    Returns:
        Powers (runs, slots, m).

    Raises:
        ConfigError: for gains, powers or settings that cannot be used.
    """
    limits = Limits.of(("full",), tolerance, iterations, 0)
    return _over_lists(fractional_step, "fractional programming", near, gain, noise, p_max, weights, limits)


def _over_lists(  # noqa: PLR0917  # two functions call it
    update: Callable[[Any, Rows], Rows],
    name: str,
    near: NeighbourLists,
    gain: NDArray[Any],
    noise: Any,
    p_max: PerTransmitter,
    weights: PerReceiver | None,
    limits: Limits,
) -> Doubles:
    if not isinstance(near, NeighbourLists):
        raise ConfigError(f"near: {shown(near)} is not valid: it should be the `near` of a network with a cut")
    values, level = checks.numbers("gain", gain), checks.numbers("noise", noise)
    most, weight = (_per_agent(near, *one) for one in (("p_max", p_max), ("weights", 1.0 if weights is None else weights)))
    if values.ndim != 3 or (len(values), values.shape[-1]) != (near.runs, near.links):
        right = f"(runs, slots, links), ({near.runs}, slots, {near.links})"
        raise ConfigError(f"gain: the shape {values.shape} is not valid: it should be {right}")
    checks.within("gain", values, 0, checks.LARGEST, checks.POWER_GAINS)
    checks.positive("noise", level)
    if level.shape not in ((), (near.runs, near.agents)):
        raise ConfigError(f"noise: the shape {level.shape} is not valid: it should be (runs, m), or a number")
    level = np.broadcast_to(level, (near.runs, near.agents))
    limits = limits._replace(tolerance=limits.tolerance * near.agents)
    found = np.empty((near.runs, values.shape[1], near.agents))
    with Watch(name, near.runs * values.shape[1], None, False) as watch:
        for run in range(near.runs):
            alone = NeighbourLists(near.agents, [near.ends(run)])
            wanted, cross = alone.split(values[run, None, :, : alone.links])
            own = wanted[0].T.copy()
            noises, ones = np.broadcast_to(level[run][:, None], own.shape), np.ones(own.shape)
            channels = ListedChannels(alone, own, cross[0], noises, most[:, None] * ones, weight[:, None] * ones)
            found[run] = settled(update, channels, channels.most.copy(), limits, watch).T
            watch.done(values.shape[1])
    return found


def _per_agent(near: NeighbourLists, name: str, value: Any) -> Doubles:
    """Numbers of all agents, (m,); raises ConfigError where they cannot be used."""
    given = row(name, value)
    if given.shape not in ((), (near.agents,)):
        raise ConfigError(f"{name}: the shape {given.shape} is not valid: it should be (m,), or a number")
    return np.broadcast_to(given, near.agents)
