"""Speed with several bands: the vector environment beside its bare kernels, and WMMSE beside that of one band."""

import time
from collections.abc import Callable

import numpy as np
from rich.progress import Progress

from baselines.allocators import wmmse
from benchmarks.environments import AGENTS, Rate, per_second
from benchmarks.reporting import row, spread
from wirelessenv import WirelessNetwork
from wirelessenv.channel.sampling import NumpySampler
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.physics.kernels import aggregate, rate, sinr, split, visible_amplitude

BATCH, BANDS, LINKS = 256, 4, 20
CHANNELS = 100
"""Slots of each of two layouts that allocators get."""


def vector(steps: int) -> Rate:
    """Agent-steps a second of the vector environment with four bands."""
    envs = VectorPowerControlEnv(BATCH, {"preset": "dense", "bands": BANDS}, max_episode_steps=10**9)
    envs.reset(seed=0)
    actions = envs.action_space.sample()
    return per_second(lambda: envs.step(actions), steps, BATCH * AGENTS)


def kernels(steps: int) -> Rate:
    """Agent-steps a second of a slot's bare necessities in four bands: fading, aggregation, SINR and rate."""
    sampler = NumpySampler(range(BATCH), "fading")
    mean = np.stack([layout.mean_gain for layout in WirelessNetwork("dense", seed=range(BATCH)).layouts])[:, None, None]
    power = np.full((BATCH, BANDS, AGENTS), 1.6, np.float32)
    state = {"history": np.ones((BATCH, BANDS, AGENTS, 5), np.float32)}

    def slot() -> None:
        gain = sampler.exponential(1, BANDS, AGENTS, AGENTS)
        gain *= mean
        _, state["history"] = aggregate(visible_amplitude(gain, 0.01), state["history"])
        wanted, cross = split(gain)
        rate(sinr(wanted[:, 0], cross[:, 0], power, 1.0 / BANDS)).mean(-2)

    return per_second(slot, steps, BATCH * AGENTS)


def of_wmmse(bands: int) -> Callable[[], float]:
    """A function that measures the seconds in which WMMSE allocates some channels of `cellular` with 20 links."""
    network = WirelessNetwork({"preset": "cellular", "transmitters": LINKS, "bands": bands}, seed=[0, 1])
    gain, scenario = network.block(CHANNELS).gain.astype(float), network.scenario

    def seconds() -> float:
        started = time.process_time()
        wmmse(gain, scenario.noise_power, scenario.p_max, bands=bands)
        return time.process_time() - started

    return seconds


def table(rounds: int, bar: Progress) -> list[dict[str, str]]:
    """Each pair in turn in every round, so that a drift meets both alike.

    Args:
        rounds: of measurements.
        bar: shows progress.

    Returns:
        Rows of the printed table.
    """
    measures = {"kernels": kernels(10), "vector": vector(10), "one": of_wmmse(1), "several": of_wmmse(BANDS)}
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in bar.track(range(rounds), description="bands"):
        for name, measure in measures.items():
            found[name].append(measure())
    share = [ours / bare for ours, bare in zip(found["vector"], found["kernels"], strict=True)]
    times = [many / one for many, one in zip(found["several"], found["one"], strict=True)]
    each = [1e3 * seconds / (2 * CHANNELS) for seconds in found["several"]]
    name = f"M = {BANDS}"
    return [
        row(f"bare kernels, {name}, E = {BATCH}, m = {AGENTS}, agent-steps/s", spread(found["kernels"], ".3g")),
        row("vector environment, the same", spread(found["vector"], ".3g"), f"{spread(share, '.2f')} of them", "0.7"),
        row(f"WMMSE, {name}, m = {LINKS}, ms a channel", spread(each, ".3f"), f"{spread(times, '.1f')} times one band", "5"),
    ]
