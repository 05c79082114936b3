"""Milliseconds an agent that decisions of a policy that talks take, from observations, on the preset `dense`."""

import time

import numpy as np
import torch
from rich.progress import Progress

from baselines.learned.message_policy import MessagePolicy
from baselines.learned.talker import Talker
from benchmarks.reporting import row, spread
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.scenario import Scenario

CALLS = 20
ASKED = {1: "", 50: "0.1"}


def talker() -> Talker:
    """The policy of comparisons with parameters at random, which take as long as trained ones."""
    method = MessagePolicy(pace="round_a_slot")
    torch.manual_seed(0)
    return Talker(method, "dense", method.network(Scenario.of("dense")).state_dict())


def table(rounds: int, bar: Progress) -> list[dict[str, str]]:
    """One network, and many in a batch.

    Args:
        rounds: of measurements.
        bar: shows progress.

    Returns:
        Rows of the printed table.
    """
    policy, rows = talker(), []
    for networks in bar.track(ASKED, description="a policy that talks"):
        env = VectorPowerControlEnv(networks, scenario=policy.scenario, **policy.options)
        seen = env.reset(seed=list(range(networks)))[0]
        each = [_milliseconds(policy, seen) for _ in range(rounds)]
        what = f"decision of a policy that talks, m = 24, {networks} in a batch, ms an agent"
        rows.append(row(what, spread(each, ".4f"), asked=ASKED[networks]))
    return rows


def _milliseconds(policy: Talker, seen: np.ndarray) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        policy.predict(seen)
    return 1e3 * (time.perf_counter() - started) / (CALLS * seen.shape[0] * seen.shape[1])
