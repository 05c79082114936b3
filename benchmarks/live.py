"""Speed of agents that are really apart: rounds, messages, and the way back of a process that was killed."""

import os
import signal
import time
from typing import Any

import numpy as np

from benchmarks.reporting import row, spread
from trainers.experiments.experiment import Experiment
from trainers.live.actors import CarryLimits, LiveRun, live_run
from trainers.live.agents import AgentShard
from trainers.live.party import Mail
from trainers.live.plan import LivePlan
from trainers.live.radio import Radio
from trainers.live.sockets import Connection
from trainers.workbench.cluster import connected
from wirelessenv.shipped import configuration

ROUNDS, SHARDS, WITHOUT = 2000, 2, 300
MAILS, CALLS = 8, 500
ENTRIES = 12 * 24
"""Triples of a message in which 12 agents tell of 24."""


def plan() -> LivePlan:
    """Plan of Algorithm 2 with m = 24 in two shards, as long as it is asked."""
    experiment = Experiment.load(configuration("fig2", "experiment"), ["iterations=100000000", "evaluate_every=100000"])
    return LivePlan.of(experiment, "p=0.9", SHARDS)


def without_processes(rounds: int) -> float:
    """Run the same parties in this process, in turn.

    Returns:
        Rounds in a second.
    """
    asked, started = plan(), time.perf_counter()
    hub = asked.hub(lambda: 0.0)
    assert isinstance(hub, Radio)
    shards = [asked.shard(number, lambda: 0.0) for number in range(SHARDS)]
    welcomes = [hub.join(number) for number in range(SHARDS)]
    replies, waiting = [one.reply for one in welcomes], [list[Mail]() for _ in shards]
    for _ in range(rounds):
        for number, shard in enumerate(shards):
            parcel = shard.step(replies[number], waiting[number])
            waiting[number] = []
            hub.take(number, welcomes[number].life, parcel)
            for receiver, mail in shard.tell().items():
                waiting[receiver].append(mail)
        hub.act()
        replies = [hub.reply(number) for number in range(SHARDS)]
    return rounds / (time.perf_counter() - started)


def triples(ray: Any, run: LiveRun) -> float:
    """Send batches of messages to the process of a shard that works meanwhile.

    Args:
        ray: the package, connected.
        run: with its actors at work.

    Returns:
        Triples in a second.
    """
    content = {
        "agent": np.arange(12),
        "time": np.full((12, 24), 2**31 - 1, np.int32),
        "value": np.zeros((12, 24, 1), np.float32),
    }
    mails = [Mail(1, 2**31 - 1, content)] * MAILS
    shard = run.shards[0]
    connection, before = Connection.to(ray.get(shard.address.remote()), run.key), ray.get(shard.came.remote())
    started = time.perf_counter()
    for _ in range(CALLS):
        connection.send(mails)
    while ray.get(shard.came.remote()) < before + CALLS * MAILS:  # its peer's messages are some of a thousand
        time.sleep(0.001)
    connection.close()
    return CALLS * MAILS * ENTRIES / (time.perf_counter() - started)


def taken_in() -> float:
    """Let a shard take in messages of other agents.

    Returns:
        Triples in a second.
    """
    shard = plan().shard(0, lambda: 0.0)
    assert isinstance(shard, AgentShard)
    told = [
        {"agent": np.arange(12, 24), "time": np.full((12, 24), t, np.int32), "value": np.zeros((12, 24, 1), np.float32)}
        for t in range(500)
    ]
    started = time.perf_counter()
    for t, content in enumerate(told):
        shard.learn(content, t)
    return len(told) * ENTRIES / (time.perf_counter() - started)


def seconds_to_return(ray: Any, run: LiveRun) -> float:
    """Kill the process of a shard.

    Args:
        ray: the package, connected.
        run: with its actors at work.

    Returns:
        Seconds until it is at work again, from its snapshot.
    """
    lives = sum(run.ending().lives)
    os.kill(ray.get(run.shards[0].process.remote()), signal.SIGKILL)
    started = time.perf_counter()
    while sum(run.ending().lives) == lives:
        run.look()
        time.sleep(0.05)
    return time.perf_counter() - started


def table(rounds: int) -> list[dict[str, str]]:
    """Rows of the speeds of live runs.

    Args:
        rounds: of measuring.
    """
    apart = [without_processes(WITHOUT) for _ in range(rounds)]
    learned = [taken_in() for _ in range(rounds)]
    speeds, acts, sent = [], [], []
    with connected(None, SHARDS, "wirelessenv bench") as ray, live_run(ray, plan(), [CarryLimits()] * SHARDS) as run:
        while run.look()[0] < 100:
            time.sleep(0.1)
        for _ in range(rounds):
            before = run.ending()
            while run.look()[0] < before.iteration + ROUNDS / rounds:
                time.sleep(0.2)
            after = run.ending()
            passed = after.seconds - before.seconds
            speeds.append((after.iteration - before.iteration) / passed)
            updates = len(after.schedule["update_round"]) - len(before.schedule["update_round"])
            acts.append(updates / 24 / passed)
            sent.append(triples(ray, run))
        back = seconds_to_return(ray, run)
    return [
        row("live Algorithm 2, m = 24, 2 shards and a radio: rounds/s", spread(speeds, ".0f"), asked="250"),
        row("the same: updates of an agent/s", spread(acts, ".0f")),
        row("the same parties in one process: rounds/s", spread(apart, ".0f")),
        row("triples/s to a shard at work, 2304 together", spread(sent, ",.0f"), asked="100,000"),
        row("triples/s taken in by a shard", spread(learned, ",.0f"), asked="100,000"),
        row("killed shard: s until it is at work again", f"{back:.1f}", asked="30"),
    ]
