"""Allocation with a rate floor (Naderializadeh et al., 2022): mean and 5th percentile of users' mean rates, bit/s/Hz.

Layouts are drawn as the authors' code draws them: receivers anew, with their shadowing, until every transmitter is the
strongest of one of them, which it serves. Placements of scenarios know nothing of shadowing, so the gains are given to one.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from baselines.allocators import fractional_programming, full_power, itlinq, rate_floor
from benchmarks.published.rows import PublishedRow, known
from wirelessenv.arrays import Doubles
from wirelessenv.channel.fading import Jakes, Span
from wirelessenv.channel.geometry import distances
from wirelessenv.channel.sampling import NumpySampler
from wirelessenv.physics.kernels import rate, sinr, split

PAIRS, SIDE, APART, LINKS = 6, 500.0, 35.0, (10.0, 50.0)
"""Pairs; side of the square, smallest distance between transmitters, lengths of links, m."""
NOISE, POWER = 10 ** (-17.4 - 3) * 10e6, 10**-2
"""-174 dBm/Hz over 10 MHz, and 10 dBm."""
WARM_UP, SLOTS, FLOOR = 50, 100, 0.75
"""Slots before those that count, these, and the floor of a user's mean rate over them."""


def mean_gains(rng: np.random.Generator) -> Float[Doubles, "m m"]:
    """Mean gains of a layout, [receiver, transmitter], receiver i served by transmitter i.

    Losses are 39 dB + 20 log10(d) up to 100 m, and 40 dB a decade beyond, with 7 dB of shadowing.
    """
    while True:
        placed = rng.uniform(0, SIDE, (PAIRS, 2))
        if (distances(placed, placed) + APART * np.eye(PAIRS)).min() >= APART:
            break
    while True:
        angle = rng.uniform(0, 2 * np.pi)  # the same of all, as in the authors' code
        length = np.sqrt(rng.uniform(LINKS[0] ** 2, LINKS[1] ** 2, PAIRS))
        users = np.clip(placed + length[:, None] * [np.cos(angle), np.sin(angle)], 0, SIDE)
        apart = distances(users, placed)
        if apart.min() < LINKS[0]:
            continue
        loss = 39 + np.where(apart <= 100, 20, 40) * np.log10(apart) - np.where(apart <= 100, 0, 40)
        gain = 10 ** (-(loss + 7 * rng.standard_normal(loss.shape)) / 10)
        serving = gain.argmax(1)
        if len(set(serving)) == PAIRS:
            return np.asarray(gain[np.argsort(serving)])


def drawn(layouts: int) -> Float[Doubles, "layouts slots m m"]:
    """Gains of all slots: Jakes fading of 1 m/s at 2.4 GHz, in slots of a millisecond."""
    mean = np.array([mean_gains(np.random.default_rng([17, layout])) for layout in range(layouts)])
    span = Span(WARM_UP + SLOTS, PAIRS, PAIRS, 1e-3)
    fading, _ = Jakes(speed=1.0, carrier=2.4e9, sinusoids=25).block(NumpySampler(range(layouts), "fading"), span, None)
    return np.asarray(mean[:, None] * fading, float)


def floor_rows(layouts: int = 200) -> Iterator[PublishedRow]:
    """The rows of all methods: mean over users, and the 5th percentile of users.

    Args:
        layouts: the number of them.

    Yields:
        Rows of full power, ITLinQ, fractional programming without a floor and with one. Errors are those of a bootstrap over
        layouts; of the published values, of 100 layouts.
    """
    gain, theirs = drawn(layouts), known("floor")
    methods = {
        "full power": full_power(gain, NOISE, POWER),
        "ITLinQ": itlinq(gain, NOISE, POWER),
        "fractional programming": fractional_programming(gain, NOISE, POWER),
        "with a floor": rate_floor(gain, NOISE, POWER, floor=FLOOR),
    }
    again = np.random.default_rng(0).integers(0, layouts, (1000, layouts))
    for name, power in methods.items():
        rates = rate(sinr(*split(gain), power, NOISE))[:, WARM_UP:].mean(1)
        for case, values in _statistics(rates[again].reshape(len(again), -1)).items():
            error, value = float(values.std()), theirs[case].get(name)
            ours = float(_statistics(rates.reshape(1, -1))[case][0])
            yield PublishedRow(case, name, ours, error, value, error * (layouts / 100) ** 0.5)


def _statistics(rates: Float[Doubles, "draws users"]) -> dict[str, Float[Doubles, " draws"]]:
    return {"mean": rates.mean(1), "5th percentile": np.percentile(rates, 5, axis=1)}
