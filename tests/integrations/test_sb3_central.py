"""Stable-Baselines3 on the central environment, one controller for all; rows of agents are in test_sb3.py."""

import gymnasium
import numpy as np
import pytest

from tests.clients.combinations import COMBINATIONS, options


def central(combination):
    return gymnasium.make("wirelessenv:wirelessenv/PowerControl-v0", **options(combination))


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_stable_baselines_accepts_the_central_environment(combination):
    from stable_baselines3.common.env_checker import check_env

    check_env(central(combination), warn=False)  # its warnings are advice: a matrix (m, size) may want to be flattened


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_ppo_trains_one_controller(combination):
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", central(combination), n_steps=20, batch_size=20, n_epochs=2, seed=0, device="cpu").learn(40)
    returns = [episode["r"] for episode in model.ep_info_buffer]
    assert len(returns) == 4
    assert np.isfinite(returns).all()
    assert model.action_space.contains(model.predict(central(combination).reset(seed=0)[0])[0])


@pytest.mark.parametrize("combination", COMBINATIONS[:4])  # SAC has no discrete actions
def test_sac_trains_one_controller(combination):
    from stable_baselines3 import SAC

    model = SAC("MlpPolicy", central(combination), learning_starts=10, batch_size=8, buffer_size=100, seed=0, device="cpu")
    model.learn(30)
    assert model._n_updates == 20
    assert (np.flatnonzero(model.replay_buffer.timeouts[:30]) == [9, 19, 29]).all()
    assert model.action_space.contains(model.predict(central(combination).reset(seed=0)[0])[0])
