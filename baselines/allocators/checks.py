"""Arguments of the allocators, checked, and their objective."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from wirelessenv.arrays import ArrayLike, Doubles
from wirelessenv.config import ConfigError
from wirelessenv.per_agent import at_agents
from wirelessenv.physics import checks
from wirelessenv.physics.kernels import rate, sinr, split
from wirelessenv.scenario import Scenario
from wirelessenv.streams import run_seeds

ChannelGains = Float[Doubles, "*batch rx tx"] | ArrayLike
"""|h|^2 of each channel of a batch, or lists of such numbers."""
PerReceiver = Float[Doubles, "*batch rx"] | ArrayLike
"""A number for each receiver, or one for all."""
PerTransmitter = Float[Doubles, "*batch tx"] | ArrayLike
"""A number for each transmitter, or one for all."""
Powers = Float[Doubles, "*batch tx"]
"""Powers of all transmitters, of each channel of a batch."""
PerChannel = Float[Doubles, "*batch"]
"""One number for each channel of a batch."""
AllocatorInput = tuple[Float[Doubles, "n *bands m m"], Float[Doubles, "n m"], Float[Doubles, "n m"], Float[Doubles, "n m"]]
"""Gains, noise, largest powers and weights of n channels."""


def checked(
    gain: ChannelGains, noise: PerReceiver, p_max: PerTransmitter, weights: PerReceiver | None, bands: int = 1
) -> AllocatorInput:
    """The arguments of an allocator in double precision, with one leading axis for all n channels.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver, (..., m), or a number; in units of gain x power.
        p_max: largest power of each transmitter, (..., m), or a number.
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.

    Returns:
        (gain (n, m, m), noise (n, m), p_max (n, m), weights (n, m)); gain (n, M, m, m) of M > 1 bands.

    Raises:
        ConfigError: in one sentence, where an argument is not numbers of a shape that fits the gains.
    """
    gains = checks.numbers("gain", gain)
    checks.gains("gain", gains)
    before = _before_bands(gains, bands)
    shape = (*gains.shape[:before], gains.shape[-1])
    rows = []
    for name, value in {"noise": noise, "p_max": p_max, "weights": 1.0 if weights is None else weights}.items():
        found = row(name, value)
        if checks.fits(name, found, shape, f"gains {gains.shape}") != shape:
            raise ConfigError(f"{name}: the shape {found.shape} is not valid for gains {gains.shape}")
        rows.append(np.broadcast_to(found, shape).reshape(-1, gains.shape[-1]))
    noises, most, weight = rows
    return gains.reshape(-1, *gains.shape[before:]), noises, most, weight


def of_each_band(
    gain: ChannelGains, noise: PerReceiver, p_max: PerTransmitter, weights: PerReceiver | None, bands: int
) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """The arguments of an allocator of one band, for each of M bands with limits of its own.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number.
        p_max: largest power of each transmitter in each band, (..., M, m).
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.

    Returns:
        (gain (..., M, m, m), noise (..., M, m), p_max (..., M, m), weights (..., M, m)).

    Raises:
        ConfigError: in one sentence, where an argument is not numbers of a shape that fits the gains.
    """
    gains, most = checks.numbers("gain", gain), row("p_max", p_max)
    if most.ndim < 2 or most.shape[-2] != bands:
        told = "it should be (..., M, m), limits in each band: a budget for all together is not certified"
        raise ConfigError(f"p_max: the shape {most.shape} is not valid for {bands} bands: {told}")
    _, noises, _, weight = checked(gains, noise, 1.0, weights, bands)
    shape = gains.shape[:-1]
    noises, weight = (np.broadcast_to(one.reshape(*shape[:-2], 1, shape[-1]), shape) for one in (noises / bands, weight))
    return gains, noises, most, weight


def _before_bands(gains: Doubles, bands: int) -> int:
    """Place of the first axis of gains that is not one of a batch: of bands, where there are several, else of receivers."""
    if checks.count("bands", bands) == 1:
        return -2
    if gains.ndim < 3 or gains.shape[-3] != bands:
        raise ConfigError(f"bands: {bands} is not valid for gains {gains.shape}: these should be (..., M, m, m)")
    return -3


def row(name: str, value: ArrayLike) -> Float[Doubles, "*batch"]:
    """Numbers of transmitters or receivers, or one for all, in double precision.

    Args:
        name: of the argument, as a sentence names it; "weights" may be 0.
        value: the numbers.

    Returns:
        The numbers.

    Raises:
        ConfigError: where they cannot be used.
    """
    found: Doubles = checks.numbers(name, value)
    (checks.weights if name == "weights" else checks.positive)(name, found)
    return found


def for_network(allocator: Callable[..., Any], scenario: Scenario) -> Callable[..., Any]:
    """The allocator(gain, noise, p_max) of a scenario's bands, weights and bandwidths that an allocator is.

    Args:
        allocator: any, whose parameters `bands`, `weights` and `bandwidth`, where it has them, are the scenario's: the number
            of bands; weights w B of rates log2(1 + SINR); and B.
        scenario: of the network.

    Returns:
        The same allocator where it has no such parameters.

    Raises:
        ConfigError: for an allocator of this package that knows one band, or makes SINRs equal where rates count differently.
    """
    try:
        known = inspect.signature(allocator).parameters
    except (TypeError, ValueError):
        return allocator
    bands, ours = scenario.bands, getattr(allocator, "__module__", "").startswith("baselines.allocators.")
    if bands > 1 and ours and "bands" not in known:
        raise ConfigError(f"the allocator {allocator.__name__} is not valid with {bands} bands: it knows one")
    if ours and allocator.__name__ == "max_min":
        refuse_unequal_rates(scenario)
        return allocator
    given = {"bands": bands, "weights": scenario.rate_weights, "bandwidth": at_agents(scenario.bandwidth)}
    return partial(allocator, **{name: value for name, value in given.items() if name in known and value is not None})


def refuse_unequal_rates(scenario: Scenario) -> None:
    """Raises ConfigError where agents have weights or bandwidths of their own, and SINRs are made equal."""
    if isinstance(scenario.rate_weights, np.ndarray):
        raise ConfigError(
            "max_min: not valid where weights or bandwidth are each agent's own: it makes SINRs equal, and equal SINRs are "
            "then not equally good"
        )


def generator(seed: int | Sequence[int]) -> np.random.Generator:
    """The generator of a seed, or of several numbers that are one together; raises ConfigError where they are none."""
    return np.random.default_rng(run_seeds(seed))  # looked at before: numpy does not return from some that are none


def sum_rate(
    gain: ChannelGains, noise: PerReceiver, power: PerTransmitter, weights: PerReceiver | None = None, *, bands: int = 1
) -> PerChannel:
    """Weighted sum rate: sum_i w_i log2(1 + SINR_i), in bit/s/Hz, of M bands their mean. Leading axes broadcast.

    >>> float(sum_rate([[3.0, 1.0], [0.0, 7.0]], noise=1.0, power=[1.0, 0.0]))
    2.0

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power of each receiver over all bands, (..., m), or a number.
        power: of each transmitter, (..., m); of M bands (..., M, m).
        weights: of the rates, (..., m), or a number; None: 1.
        bands: M.

    Returns:
        Rates (...), one for each channel, in bit/s/Hz of the whole bandwidth.

    Raises:
        ConfigError: for gains, noise, powers or weights that cannot be used.
    """
    gains, powers = checks.numbers("gain", gain), checks.numbers("power", power)
    checks.gains("gain", gains)
    checks.powers("power", powers, gains.shape[-1])
    if _before_bands(gains, bands) == -3 and (powers.ndim < 2 or powers.shape[-2] != bands):
        raise ConfigError(f"power: the shape {powers.shape} is not valid for {bands} bands: it should be (..., M, m)")
    shape = checks.fits("power", powers, gains.shape[:-1], f"gains {gains.shape}")
    shape = shape if bands == 1 else (*shape[:-2], shape[-1])
    rows = {"noise": row("noise", noise), "weights": row("weights", 1.0 if weights is None else weights)}
    for name, found in rows.items():
        if found.ndim and found.shape[-1] not in (1, shape[-1]):
            raise ConfigError(f"{name}: the shape {found.shape} is not valid for gains {gains.shape}")
        shape = checks.fits(name, found, shape, f"gains {gains.shape} and powers {powers.shape}")
    return value_of(gains, rows["noise"], powers, None if weights is None else rows["weights"], bands)


def value_of(
    gain: Float[Doubles, "*#links m m"],
    noise: Float[Doubles, "*#batch m"] | Float[Doubles, "*#batch 1"] | Float[Doubles, ""] | float,
    power: Float[Doubles, "*#bands m"],
    weights: Float[Doubles, "*#batch m"] | Float[Doubles, "*#batch 1"] | Float[Doubles, ""] | None = None,
    bands: int = 1,
) -> Float[Doubles, "*#batch"]:
    """The sum rate of arrays that are known to be sound, in bit/s/Hz.

    Args:
        gain: |h|^2 as [receiver, transmitter], (..., m, m); of M bands (..., M, m, m).
        noise: noise power over all bands, (..., m), or a number.
        power: of each transmitter, (..., m); of M bands (..., M, m).
        weights: of the rates, (..., m); None: 1.
        bands: M.

    Returns:
        Rates (...), one for each channel, in bit/s/Hz.
    """
    if bands > 1:
        noise = np.asarray(noise)[..., None, :] / bands if np.ndim(noise) else np.asarray(noise) / bands
    rates = rate(sinr(*split(gain), power, noise))
    rates = rates if bands == 1 else rates.mean(-2)
    return np.asarray((rates if weights is None else rates * weights).sum(-1))
