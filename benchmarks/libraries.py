"""Speed of the environment within TorchRL, beside the vector form and the PettingZoo form, in turn on one thread.

`python -m benchmarks.libraries` prints it: TorchRL is in the environment of `make clients`, not in that of `make bench`.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from tensordict import TensorDictBase
from torchrl.collectors import Collector
from torchrl.envs.libs.pettingzoo import PettingZooWrapper

from benchmarks.rates import Rate, per_second
from benchmarks.reporting import row, spread
from wirelessenv import power_control_v0
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.integrations.torchrl import PowerControlTorchEnv

MANY, LONG = 256, 10**9
FRAMES = 20
"""Slots in a batch of the collector."""


def vector(networks: int, steps: int) -> Rate:
    """Slots a second of all networks together in the vector form; the actions stay the same.

    Args:
        networks: side by side.
        steps: in a measurement.

    Returns:
        The measurement.
    """
    envs = VectorPowerControlEnv(networks, "dense", max_episode_steps=LONG)
    envs.reset(seed=0)
    actions = envs.action_space.sample()
    return per_second(lambda: envs.step(actions), steps, networks)


def stepped(env: Any, networks: int, steps: int) -> Rate:
    """The same of TorchRL's `step_and_maybe_reset`.

    Args:
        env: of TorchRL.
        networks: in it.
        steps: in a measurement.

    Returns:
        The measurement.
    """
    now = [env.reset()]
    action = env.rand_action(now[0])["tx", "action"]

    def step() -> None:
        now[0]["tx", "action"] = action
        _, now[0] = env.step_and_maybe_reset(now[0])

    return per_second(step, steps, networks)


def collected(networks: int, batches: int) -> Rate:
    """The same of TorchRL's collector, whose policy gives the same actions again and again.

    Args:
        networks: side by side.
        batches: in a measurement.

    Returns:
        The measurement.
    """
    env = PowerControlTorchEnv(networks, "dense", seed=0, max_cycles=LONG)
    action = env.rand_action(env.reset())["tx", "action"]

    def policy(now: TensorDictBase) -> TensorDictBase:
        return now.set(("tx", "action"), action)

    collector = Collector(env, policy, frames_per_batch=FRAMES * networks, total_frames=-1)
    found = iter(collector)
    return per_second(lambda: next(found), batches, FRAMES * networks)


def pettingzoo(steps: int) -> Rate:
    """Slots a second of one network in the PettingZoo form; the actions stay the same."""
    env = power_control_v0.parallel_env("dense", max_cycles=LONG)
    env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    return per_second(lambda: env.step(actions), steps)


def wrapped(steps: int) -> Rate:
    """The same through TorchRL's own wrapper."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says which PettingZoo it is tested with
        env = PettingZooWrapper(power_control_v0.parallel_env("dense", max_cycles=LONG), seed=0)
    return stepped(env, 1, steps)


def table(rounds: int, scale: float = 1.0) -> list[dict[str, str]]:
    """Speeds in every round, one after the other, so that a drift meets all alike.

    Args:
        rounds: of measurements.
        scale: share of the steps of a measurement that are made.

    Returns:
        Rows of the printed table.
    """
    torch.set_num_threads(1)

    def steps(full: int) -> int:
        return max(1, round(full * scale))

    one = PowerControlTorchEnv(1, "dense", seed=0, max_cycles=LONG)
    many = PowerControlTorchEnv(MANY, "dense", seed=0, max_cycles=LONG)
    measured: dict[str, Callable[[], float]] = {
        "vector": vector(MANY, steps(100)),
        "many": stepped(many, MANY, steps(100)),
        "collector": collected(MANY, steps(5)),
        "one": stepped(one, 1, steps(2000)),
        "pettingzoo": pettingzoo(steps(2000)),
        "wrapper": wrapped(steps(100)),
    }
    found: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, measure in measured.items():
            found[name].append(measure())

    def times(name: str, other: str) -> str:
        return spread([a / b for a, b in zip(found[name], found[other], strict=True)], ".2f")

    return [
        row(f"vector form, {MANY} networks, slots/s", spread(found["vector"], ".0f")),
        row(
            "TorchRL's step_and_maybe_reset, the same", spread(found["many"], ".0f"), f"{times('many', 'vector')} of it", "0.75"
        ),
        row("TorchRL's collector, the same", spread(found["collector"], ".0f"), f"{times('collector', 'vector')} of it", "0.4"),
        row("PettingZoo form, one network, slots/s", spread(found["pettingzoo"], ".0f")),
        row("TorchRL, one network", spread(found["one"], ".0f"), f"{times('one', 'pettingzoo')} of it", "8000"),
        row(
            "TorchRL's own wrapper of the PettingZoo form",
            spread(found["wrapper"], ".0f"),
            f"{times('wrapper', 'one')} of ours",
        ),
    ]


if __name__ == "__main__":
    for line in table(rounds=7):
        print(" | ".join(line.values()))
