"""PPO of your own in plain torch, on the vector form: all transmitters share one policy and the mean of their rewards.

python examples/own_ppo.py [--updates 40] [--networks 16] [--slots 50]
"""

import argparse

import gymnasium
import torch
from torch import nn
from torch.distributions import Bernoulli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
for name, default in (("updates", 40), ("networks", 16), ("slots", 50)):
    parser.add_argument(f"--{name}", type=int, default=default)
chosen = parser.parse_args()
torch.manual_seed(0)
torch.set_num_threads(1)  # the arrays are small

ENVIRONMENT = "wirelessenv:wirelessenv/PowerControl-v0"
options = {"scenario": "dense", "observation": "local", "actions": "power", "max_cycles": chosen.slots}
envs = gymnasium.make_vec(ENVIRONMENT, num_envs=chosen.networks, **options)
p_max = float(envs.single_action_space.high[0])
actor, critic = (nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1)) for _ in range(2))
optimiser = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=3e-3)


def play(envs, seed):
    """Play the slots of all networks: observations (T, E, m, 4), on or off (T, E, m), rewards (T, E)."""
    seen, sent, paid = [], [], []
    observations, _ = envs.reset(seed=seed)
    for _ in range(chosen.slots):
        seen.append(torch.as_tensor(observations).clone())
        with torch.no_grad():
            sent.append(Bernoulli(logits=actor(seen[-1])[..., 0]).sample())
        observations, rewards, *_ = envs.step(p_max * sent[-1].numpy())
        paid.append(torch.as_tensor(rewards, dtype=torch.float32))
    return torch.stack(seen), torch.stack(sent), torch.stack(paid)


for update in range(chosen.updates):
    seen, sent, paid = play(envs, seed=1000 + update * chosen.networks)  # other networks in every update, and in `evaluate`
    target = paid[..., None].expand_as(sent)  # powers do not change the channels to come: a bandit, no discounted return
    with torch.no_grad():
        before = Bernoulli(logits=actor(seen)[..., 0]).log_prob(sent)
        advantage = target - critic(seen)[..., 0]
        advantage = (advantage - advantage.mean()) / advantage.std()
    for _ in range(4):
        policy = Bernoulli(logits=actor(seen)[..., 0])
        ratio = (policy.log_prob(sent) - before).exp()
        clipped = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
        error = (critic(seen)[..., 0] - target).square().mean()
        optimiser.zero_grad()
        (error - clipped - 0.001 * policy.entropy().mean()).backward()
        optimiser.step()
    if update % 10 == 0 or update == chosen.updates - 1:
        print(f"update {update:3}: {paid.mean():.3f} bit/s/Hz an agent and slot; sends {sent.mean():.0%} of the time")
