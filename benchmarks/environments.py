"""Speed of the environment's forms, beside the bare kernels and beside other environments, in turn on one thread."""

import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
from rich.progress import Progress

from benchmarks.rates import Rate, per_second
from benchmarks.reporting import row, spread
from wirelessenv import WirelessNetwork, power_control_v0
from wirelessenv.channel.sampling import NumpySampler
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.physics.kernels import aggregate, rate, sinr, split, visible_amplitude

BATCH, AGENTS = 1024, 24


def pettingzoo(steps: int, **options: Any) -> Rate:
    """Environment steps a second within one long episode; the actions stay the same.

    Args:
        steps: in a measurement.
        **options: of the environment.

    Returns:
        The measurement.
    """
    env = power_control_v0.parallel_env(max_cycles=10**9, **options)
    env.reset(seed=0)
    actions = {agent: np.array([0.3], np.float32) for agent in env.agents}
    return per_second(lambda: env.step(actions), steps)


def vector(steps: int) -> Rate:
    """Agent-steps a second of the vector environment."""
    envs = VectorPowerControlEnv(BATCH, "dense", max_episode_steps=10**9)
    envs.reset(seed=0)
    actions = envs.action_space.sample()
    return per_second(lambda: envs.step(actions), steps, BATCH * AGENTS)


def kernels(steps: int) -> Rate:
    """Agent-steps a second of a slot's bare necessities: fading, aggregation, SINR and rate of arrays of the same size."""
    sampler = NumpySampler(range(BATCH), "fading")
    mean = np.stack([layout.mean_gain for layout in WirelessNetwork("dense", seed=range(BATCH)).layouts])[:, None]
    power = np.full((BATCH, AGENTS), 6.5, np.float32)
    state = {"history": np.ones((BATCH, AGENTS, 5), np.float32)}

    def slot() -> None:
        gain = sampler.exponential(1, AGENTS, AGENTS)
        gain *= mean
        _, state["history"] = aggregate(visible_amplitude(gain, 0.01), state["history"])
        wanted, cross = split(gain)
        rate(sinr(wanted[:, 0], cross[:, 0], power, 1.0))

    return per_second(slot, steps, BATCH * AGENTS)


def simple_spread(steps: int) -> Rate:
    """MPE2's three agents, environment steps a second, resets every 10^6 steps."""
    from mpe2 import simple_spread_v3  # noqa: PLC0415  # only where it is installed

    env = simple_spread_v3.parallel_env(continuous_actions=True, max_cycles=10**6)
    env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    return per_second(lambda: env.step(actions), steps)


def mobile(size: str, steps: int) -> Rate:
    """mobile-env, one controller for all users, environment steps a second, resets among them.

    Args:
        size: "small" or "large".
        steps: in a measurement.

    Returns:
        The measurement.
    """
    import mobile_env  # noqa: F401, PLC0415  # only where it is installed; it registers its environments

    env = gymnasium.make(f"mobile-{size}-central-v0")
    env.reset(seed=0)
    actions = env.action_space.sample()

    def step() -> None:
        _, _, ended, truncated, _ = env.step(actions)
        if ended or truncated:
            env.reset()

    return per_second(step, steps)


def import_seconds() -> float:
    """Seconds that `import wirelessenv` takes in a fresh interpreter; torch must not come with it."""
    code = (
        "import sys, time; t = time.perf_counter(); import wirelessenv; print(time.perf_counter() - t, 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603  # our own code
    if told[1] != "False":
        raise AssertionError("importing wirelessenv imports torch")
    return float(told[0])


def share_of_ppo() -> float:
    """The share of Stable-Baselines3's PPO's time that four networks of m = 24 take; all agents share a policy."""
    from stable_baselines3 import PPO  # noqa: PLC0415  # only where it is installed

    from wirelessenv.integrations.sb3 import PowerControlVecEnv  # noqa: PLC0415  # it needs Stable-Baselines3

    class Timed(PowerControlVecEnv):
        seconds = 0.0

        def step_wait(self) -> Any:
            started = time.perf_counter()
            told = super().step_wait()
            self.seconds += time.perf_counter() - started
            return told

    env = Timed(4, "dense", seed=0)
    model = PPO("MlpPolicy", env, n_steps=200, batch_size=2400, seed=0, device="cpu")
    started = time.perf_counter()
    model.learn(2 * 200 * env.num_envs)
    return env.seconds / (time.perf_counter() - started)


def table(rounds: int, bar: Progress) -> list[dict[str, str]]:
    """Speeds of each environment in every round, one after the other, so that a drift meets all alike.

    Args:
        rounds: of measurements.
        bar: shows progress.

    Returns:
        Rows of the printed table.
    """
    measured: dict[str, Rate] = {
        "ours": pettingzoo(5000),
        "messages": pettingzoo(2500, messages="utility"),
        "ten": pettingzoo(5000, scenario={"preset": "dense", "transmitters": 10}),
        "kernels": kernels(20),
        "vector": vector(20),
        "import": import_seconds,
    }
    if find_spec("stable_baselines3"):
        measured["ppo"] = share_of_ppo
    if find_spec("mpe2"):
        measured["mpe2"] = simple_spread(2000)
    if find_spec("mobile_env"):
        measured |= {"mobile-small": mobile("small", 300), "mobile-large": mobile("large", 20)}
    found: dict[str, list[float]] = {name: [] for name in measured}
    for _ in bar.track(range(rounds), description="environments"):
        for name, measure in measured.items():
            found[name].append(measure())

    def times(name: str, other: str) -> str:
        ratios = [a / b for a, b in zip(found[name], found[other], strict=True)]
        return spread(ratios, ".2f")

    rows = [
        row("PettingZoo, m = 24, steps/s", spread(found["ours"], ".0f"), asked="30000"),
        row(
            'the same with messages="utility"', spread(found["messages"], ".0f"), f"{times('messages', 'ours')} of it", "12000"
        ),
        row("PettingZoo, m = 10, steps/s", spread(found["ten"], ".0f"), asked="50000"),
        row(f"bare kernels, E = {BATCH}, m = 24, agent-steps/s", spread(found["kernels"], ".3g")),
        row("vector environment, the same", spread(found["vector"], ".3g"), f"{times('vector', 'kernels')} of them", "0.6"),
        row("import wirelessenv, s", spread(found["import"], ".2f"), "without torch", "0.5"),
    ]
    others = {
        "ppo": ("share of PPO's time, 4 networks of m = 24", ".1%", "", "stable-baselines3", "20%"),
        "mpe2": ("MPE2 simple_spread, m = 3, steps/s", ".0f", "ours", "mpe2", ""),
        "mobile-small": ("mobile-env, 5 users, steps/s", ".0f", "ours", "--no-deps mobile-env shapely svgpath2mpl", ""),
        "mobile-large": ("mobile-env, 30 users, steps/s", ".0f", "ours", "--no-deps mobile-env shapely svgpath2mpl", ""),
    }
    for name, (what, form, other, package, asked) in others.items():
        if name in found:
            against = f"ours, m = 24, {times(other, name)} times as fast" if other else ""
            rows.append(row(what, spread(found[name], form), against, asked))
        else:
            rows.append(row(what, "not measured", f"pip install {package}"))
    return rows
