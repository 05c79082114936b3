"""Joint allocation of bands and powers (Nasir and Guo, 2021, Table I): bit/s/Hz of one band, a link."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from baselines.allocators import fractional_programming, random_band
from baselines.comparison.held_out import HeldOut
from benchmarks.published.as_published import one_band, several_bands
from benchmarks.published.rows import PublishedRow, known, row
from wirelessenv import Scenario
from wirelessenv.arrays import Doubles
from wirelessenv.presets import SCENARIOS

DEPLOYMENTS = 10
"""Layouts of the published means; the same ones for all numbers of bands."""


def case_of(cells: int, links: int, bands: int) -> tuple[str, Scenario]:
    """The name and the scenario of a case.

    Args:
        cells: the number of base stations.
        links: the number of users, in all cells together.
        bands: M.

    Returns:
        Both; the noise is that of each band.
    """
    noise = bands * SCENARIOS["cellular_bands"]["noise"]
    changed = {"transmitters": links, "placement": {"cells": cells}, "bands": bands, "noise": noise}
    return f"{cells} cells, {links} links, M = {bands}", Scenario(preset="cellular_bands", **changed)


def rates(held: HeldOut, power: Doubles) -> Doubles:
    """Mean rates of powers after the warm-up.

    Args:
        held: deployments with their slots.
        power: transmit powers, (layouts, warm_up + slots, m); of M bands (layouts, warm_up + slots, M, m).

    Returns:
        bit/s for each Hz of one band, a link, (layouts,).
    """
    network = held.network()(held.scenario)
    rate = network.outcome(held.block.wanted, held.block.cross, power.astype(np.float32)).rate[:, held.warm_up :]
    return np.asarray(held.scenario.bands * rate.mean((1, 2), dtype=float))


def band_rows(cells: int, links: int, bands: int, layouts: int | None = None, slots: int = 25) -> Iterator[PublishedRow]:
    """The rows of a case.

    Args:
        cells: the number of base stations.
        links: the number of users, in all cells together.
        bands: M.
        layouts: the number of them; None: 1000 divided by the number of links.
        slots: of each layout.

    Yields:
        "FP", that of the authors' code, with one band for each link; with several bands "one band", fractional programming of
        which each link keeps the band of its largest power; "ours", which divides powers over bands; all a slot late, too; a
        random band and power.
    """
    case, scenario = case_of(cells, links, bands)
    held = HeldOut.draw(scenario, range(layouts or 1000 // links), slots, warm_up=1)
    gain, noise, most, theirs = held.block.gain.astype(float), scenario.least_noise, scenario.most_power, known("bands")[case]
    over_bands = fractional_programming(gain, noise, most, bands=bands)
    flat = gain.reshape(-1, *gain.shape[2:])
    published = one_band(flat, noise, most) if bands == 1 else several_bands(flat, noise / bands, most)
    powers = {"FP": published.reshape(over_bands.shape)}
    if bands > 1:
        powers["one band"] = fractional_programming(strongest_band_alone(gain, over_bands), noise, most, bands=bands)
    powers["ours"] = over_bands
    # the first slot, whose powers would be the last one's, does not count
    powers = {
        name: one
        for now, power in powers.items()
        for name, one in ((now, power), (f"{now}, a slot late", np.roll(power, 1, axis=1)))
    }
    drawn = np.random.default_rng(0).random((*gain.shape[:2], *[1] * (bands > 1), links))
    powers["random"] = drawn * random_band(gain, noise, most, bands=bands, idle=1 / (bands + 1))
    for name, power in powers.items():
        yield row(case, name, rates(held, power), theirs.get(name), DEPLOYMENTS)


def strongest_band_alone(
    gain: Float[Doubles, "layouts slots M m m"], power: Float[Doubles, "layouts slots M m"]
) -> Float[Doubles, "layouts slots M m m"]:
    """Gains with direct ones in the band of a link's largest power alone, so that it gets no power in others.

    Args:
        gain: |h|^2, linear.
        power: transmit powers.

    Returns:
        Gains of the same shape.
    """
    agents, left = np.arange(gain.shape[-1]), gain.copy()
    left[..., agents, agents] *= np.arange(gain.shape[2])[:, None] == power.argmax(2)[:, :, None]
    return left


CASES = tuple(
    (cells, links, bands) for cells, links, most in ((5, 20, (1, 2, 4)), (10, 50, (1, 2, 4, 5, 10))) for bands in most
)
"""Cells, links and bands of the published cases."""
