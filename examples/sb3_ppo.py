"""Train Stable-Baselines3's PPO, one policy for all transmitters, and measure it on networks that it has never seen.

python examples/sb3_ppo.py [--steps 1000000] [--networks 200] [--slots 50]   (pip install '.[sb3]')
"""

import argparse

import numpy as np
from stable_baselines3 import PPO

from wirelessenv.integrations.sb3 import LogSlots, PowerControlVecEnv

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=1_000_000, help="agent-steps of training")
parser.add_argument("--networks", type=int, default=200, help="networks that it is measured on")
parser.add_argument("--slots", type=int, default=50)
chosen = parser.parse_args()
options = {"scenario": "dense", "observation": "local", "reward": "sum", "max_cycles": chosen.slots}

envs = PowerControlVecEnv(16, seed=0, **options)  # a row for each of 16 networks x 24 agents
model = PPO("MlpPolicy", envs, n_steps=50, batch_size=2400, gamma=0.0, learning_rate=1e-3, seed=0, device="cpu")
model.learn(chosen.steps, callback=LogSlots())
model.save("ppo")


def play(decide):
    """The mean utility of each network, in bit/s/Hz an agent and slot."""
    envs = PowerControlVecEnv(chosen.networks, seed=1, **options)  # shares no network with seed 0
    observations = envs.reset()
    earned = 0.0
    for _ in range(chosen.slots):
        observations, rewards, _, _ = envs.step(decide(observations))
        earned = earned + rewards.reshape(chosen.networks, -1).mean(1) / chosen.slots
    return earned


learned = play(lambda observations: model.predict(observations, deterministic=True)[0])
full_power = play(lambda observations: np.ones((len(observations), 1), np.float32))
print(f"PPO earns {np.mean(learned / full_power):.2f} times what full power does, in the mean over {chosen.networks} networks")
