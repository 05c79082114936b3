"""Play one network with PettingZoo: every transmitter sends at full power, at random, or where its own channel is good.

python examples/environment_loop.py [--slots 200] [--seed 0]
"""

import argparse

import numpy as np

from wirelessenv import power_control_v0

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--slots", type=int, default=200)
parser.add_argument("--seed", type=int, default=0)
chosen = parser.parse_args()
random = np.random.default_rng(chosen.seed)

RULES = {  # an observation is (own channel, last interference, last power, last rate); an action in [-1, 1] is a power
    "full power": lambda observation: 1.0,
    "random power": lambda observation: random.uniform(-1, 1),
    "where the channel is good": lambda observation: 1.0 if observation[0] > 1 else -1.0,
}

for name, rule in RULES.items():
    env = power_control_v0.parallel_env(scenario="dense", observation="local", max_cycles=chosen.slots)
    observations, infos = env.reset(seed=chosen.seed)  # the same network and fading for every rule
    earned, silent = 0.0, 0
    while env.agents:
        actions = {agent: np.array([rule(observations[agent])], np.float32) for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        earned += sum(rewards.values())
        silent += sum(info["power"] == 0 for info in infos.values())
    share = silent / (chosen.slots * len(rewards))
    print(f"{name:26} {earned / chosen.slots:6.2f} bit/s/Hz a slot; silent {share:.0%} of the time")
