"""SuperSuit's conversions and wrappers; the numbers must be those of the environment alone."""

import numpy as np
import pytest

from tests.clients.combinations import COMBINATIONS, CYCLES, options
from wirelessenv import power_control_v0
from wirelessenv.envs.central import CentralPowerControlEnv


def parallel(combination):
    return power_control_v0.parallel_env(**options(combination))


def sampled(env):
    env.action_space("tx_0").seed(0)
    return {agent: env.action_space("tx_0").sample() for agent in env.possible_agents}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_agents_become_the_rows_of_a_vector_environment(combination):
    import supersuit

    vector, alone = supersuit.pettingzoo_env_to_vec_env_v1(parallel(combination)), parallel(combination)
    seen, told = vector.reset(seed=3)[0], alone.reset(seed=3)[0]
    actions = sampled(alone)
    for cycle in range(1, CYCLES + 1):
        np.testing.assert_array_equal(seen, list(told.values()))
        seen, rewards, _, truncated, infos = vector.step(np.stack(list(actions.values())))
        told, paid, *_ = alone.step(actions)
        np.testing.assert_array_equal(rewards, np.array(list(paid.values()), np.float32))
        assert (np.asarray(truncated) == (cycle == CYCLES)).all()
    np.testing.assert_array_equal([info["terminal_observation"] for info in infos], list(told.values()))
    np.testing.assert_array_equal(seen, list(alone.reset()[0].values()))


@pytest.mark.parametrize("base", ["gymnasium", "stable_baselines3"])
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_several_are_concatenated(combination, base):
    import supersuit

    rows = supersuit.concat_vec_envs_v1(supersuit.pettingzoo_env_to_vec_env_v1(parallel(combination)), 2, 1, base_class=base)
    seen = rows.reset() if base == "stable_baselines3" else rows.reset()[0]
    assert rows.num_envs == 8
    for _ in range(CYCLES + 2):
        assert seen.shape == (8, *rows.observation_space.shape)
        assert np.isfinite(seen).all()
        seen, rewards, *_ = rows.step(np.stack([rows.action_space.sample() for _ in range(8)]))
        assert np.isfinite(rewards).all()
    assert not np.array_equal(seen[:4], seen[4:])  # copies of an environment without a seed are not alike


def test_ppo_trains_on_its_rows():
    import supersuit
    from stable_baselines3 import PPO

    rows = supersuit.pettingzoo_env_to_vec_env_v1(parallel({}))
    rows = supersuit.concat_vec_envs_v1(rows, 2, 1, base_class="stable_baselines3")
    model = PPO("MlpPolicy", rows, n_steps=20, batch_size=40, device="cpu")  # with a seed it crashes: SuperSuit has no seed()
    assert model.learn(320).num_timesteps == 320


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_wrappers_change_what_they_should_and_nothing_else(combination):
    import supersuit

    wrapped = supersuit.frame_stack_v1(supersuit.dtype_v0(supersuit.flatten_v0(parallel(combination)), np.float64), 2)
    wrapped = supersuit.agent_indicator_v0(supersuit.reward_lambda_v0(wrapped, lambda reward: 2 * reward))
    alone = parallel(combination)
    wrapped.reset(seed=3), alone.reset(seed=3)
    actions = sampled(alone)
    size = alone.observation_space("tx_0").shape[0]
    before = None
    while alone.agents:
        seen, rewards, *_ = wrapped.step(actions)
        told, paid, *_ = alone.step(actions)
        for i, agent in enumerate(alone.possible_agents):
            assert rewards[agent] == 2 * paid[agent]
            frames = seen[agent].reshape(-1)[: 2 * size].reshape(2, size)
            np.testing.assert_array_equal(frames[1], told[agent])
            np.testing.assert_array_equal(frames[0], before[agent] if before else frames[0])
            np.testing.assert_array_equal(seen[agent].reshape(-1)[2 * size :], np.eye(4)[i])
        before = told
    assert wrapped.agents == []


@pytest.mark.parametrize("form", [power_control_v0.parallel_env, CentralPowerControlEnv])
def test_frames_are_skipped_as_the_generator_of_the_environment_says(form):
    """A number of frames from a range, which SuperSuit draws from the environment's `np_random`."""
    import supersuit

    skipping, alone = supersuit.frame_skip_v0(form(**options({})), (1, 4)), form(**options({}))
    skipping.reset(seed=3), alone.reset(seed=3)
    actions = sampled(alone) if form is power_control_v0.parallel_env else np.zeros(4)
    generator = np.random.default_rng(3)
    for _ in range(2):
        skipping.step(actions)
        for _ in range(generator.integers(1, 5)):
            alone.step(actions)
        np.testing.assert_array_equal(skipping.unwrapped.state(), alone.state())
