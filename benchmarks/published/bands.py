"""Joint allocation of bands and powers (Nasir and Guo, 2021, Table I): bit/s/Hz of one band, a link."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from baselines.allocators import fractional_programming, random_band
from baselines.comparison.held_out import HeldOut
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
        "FP", which uses one band for each link and, where there is one alone, is that of the authors' code; "ours", which
        divides powers over bands; both a slot late, too; a random band and power.
    """
    case, scenario = case_of(cells, links, bands)
    held = HeldOut.draw(scenario, range(layouts or 1000 // links), slots, warm_up=1)
    gain, noise, most, theirs = held.block.gain.astype(float), scenario.least_noise, scenario.most_power, known("bands")[case]
    over_bands = fractional_programming(gain, noise, most, bands=bands)
    if bands == 1:
        same = as_published(gain.reshape(-1, links, links), noise, most).reshape(over_bands.shape)
    else:
        same = fractional_programming(strongest_band_alone(gain, over_bands), noise, most, bands=bands)
    # the first slot, whose powers would be the last one's, does not count
    powers = {"FP": same, "FP, a slot late": np.roll(same, 1, axis=1)}
    powers |= {"ours": over_bands, "ours, a slot late": np.roll(over_bands, 1, axis=1)}
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


def as_published(gain: Float[Doubles, "n m m"], noise: float, most: float) -> Float[Doubles, "n m"]:
    """Fractional programming of one band as the authors' code has it.

    y is worked out with the SINRs of an iteration before, and the iterations end as soon as a part of the surrogate, without
    its logarithms, grows by 0.001 or less, which it need not do on the way.

    Args:
        gain: |h|^2 as [receiver, transmitter], (n, m, m).
        noise: noise power.
        most: p_max.

    Returns:
        Powers (n, m).
    """
    own = np.einsum("nii->ni", gain)
    power, going, before = np.full(own.shape, most), np.ones(len(gain), bool), np.zeros(len(gain))

    def heard() -> Doubles:
        return np.asarray(np.einsum("nij,nj->ni", gain, power) + noise)

    ratio = own * power / (heard() - own * power)
    for _ in range(100):
        auxiliary = np.sqrt((1 + ratio) * own * power) / heard()
        ratio = own * power / (heard() - own * power)
        best = (auxiliary * np.sqrt((1 + ratio) * own) / np.einsum("ni,nij->nj", auxiliary**2, gain)) ** 2
        power = np.where(going[:, None], np.minimum(best, most), power)
        part = (2 * auxiliary * np.sqrt((1 + ratio) * own * power) - auxiliary**2 * heard()).sum(1)
        going &= part - before > 1e-3
        before = part
        if not going.any():
            break
    return power


CASES = tuple(
    (cells, links, bands) for cells, links, most in ((5, 20, (1, 2, 4)), (10, 50, (1, 2, 4, 5, 10))) for bands in most
)
"""Cells, links and bands of the published cases."""
