"""Speed of the environment within TorchRL, beside the vector form and the PettingZoo form, in turn on one thread.

`python -m benchmarks.libraries FILE` prints it and writes its rows as JSON, which docs/write_results.py puts into a page: see
`make libraries`. TorchRL is in the environment of `make clients`, not in that of `make bench`.
"""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tensordict import TensorDictBase
from torchrl.collectors import Collector
from torchrl.envs import EnvBase
from torchrl.envs.libs.pettingzoo import PettingZooWrapper

from benchmarks.rates import Rate, per_second
from benchmarks.reporting import row, spread
from wirelessenv import power_control_v0
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.integrations.torchrl import PowerControlTorchEnv

MANY, LONG = 256, 10**9
FRAMES = 20
"""Slots in a batch of the collector; of 100 its slots take as long. All its other settings are TorchRL's own."""
ROUNDS = 7


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


class Plain(PowerControlTorchEnv):
    """The environment in TorchRL's own way."""

    step_and_maybe_reset = EnvBase.step_and_maybe_reset


class Still(EnvBase):
    """An EnvBase with the specs of another that tells the same constants at every step: the floor of TorchRL's own way."""

    def __init__(self, like: EnvBase) -> None:
        super().__init__(device=like.device, batch_size=like.batch_size)
        for name in ("observation_spec", "action_spec", "reward_spec", "done_spec"):
            setattr(self, name, getattr(like, name).clone())
        told = self.fake_tensordict()
        self._begun, self._after = told.exclude("next", ("tx", "action")), told["next"]

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDictBase:
        return self._begun.copy()

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        return self._after.copy()

    def _set_seed(self, seed: int | None) -> None: ...


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
        "plain": stepped(Plain(1, "dense", seed=0, max_cycles=LONG), 1, steps(500)),
        "still": stepped(Still(one), 1, steps(500)),
        "pettingzoo": pettingzoo(steps(2000)),
        "wrapper": wrapped(steps(100)),
    }
    found: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, measure in measured.items():
            found[name].append(measure())

    def times(name: str, other: str) -> str:
        return spread([a / b for a, b in zip(found[name], found[other], strict=True)], ".2f")

    slots = {name: spread(values, ".0f") for name, values in found.items()}
    ours = "PowerControlTorchEnv's step_and_maybe_reset"
    return [
        row(f"vector form, {MANY} networks, slots/s", slots["vector"]),
        row(ours, slots["many"], f"{times('many', 'vector')} of it", "0.75"),
        row("TorchRL's Collector", slots["collector"], f"{times('collector', 'vector')} of it", "0.4"),
        row("PettingZoo form, one network, slots/s", slots["pettingzoo"]),
        row(ours, slots["one"], f"{times('one', 'pettingzoo')} of it", "8000"),
        row("the same in EnvBase's own way", slots["plain"], f"{times('plain', 'one')} of ours"),
        row("EnvBase's own way where a step computes nothing", slots["still"], f"{times('still', 'one')} of ours"),
        row("TorchRL's own wrapper of the PettingZoo form", slots["wrapper"], f"{times('wrapper', 'one')} of ours"),
    ]


def main(out: Path) -> None:
    """Measure all of it, print the table, and write its rows to `out`."""
    rows = table(ROUNDS)
    for line in rows:
        print(" | ".join(line.values()))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
