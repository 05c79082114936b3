"""Gymnasium's own check of the central environment, and its wrappers of single and vector environments."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics
from gymnasium.wrappers import vector as wrappers

from tests.clients.combinations import COMBINATIONS, CYCLES, DENSE, options

ID = "wirelessenv:wirelessenv/PowerControl-v0"
MODES = ["NextStep", "SameStep"]
# Gymnasium makes its float32 spaces of float64 bounds and warns of it.
own_spaces = pytest.mark.filterwarnings("ignore:.*precision lowered by casting", "ignore:overflow encountered in cast")


def many(mode="NextStep", **combination):
    return gymnasium.make_vec(ID, num_envs=3, max_episode_steps=CYCLES, scenario=DENSE, autoreset_mode=mode, **combination)


def play(envs, steps=2 * CYCLES + 3, chosen=None):
    """Results of reset and steps; the actions are `chosen`, or the space's."""
    envs.action_space.seed(0)
    first = envs.reset(seed=4)
    return [first] + [envs.step(envs.action_space.sample() if chosen is None else chosen[step]) for step in range(steps)]


# The aggregation sequence, messages and gains have no bound; powers are not in [-1, 1].
@pytest.mark.filterwarnings(
    "ignore:.*A Box observation space m[a-z]+ value is -?infinity", "ignore:.*we recommend using a symm"
)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_gymnasium_accepts_the_central_environment(combination):
    # Drawing is PettingZoo's check's (test_pettingzoo_checks.py): this one would open a window.
    check_env(gymnasium.make(ID, **options(combination)).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_wrappers_of_single_environments_work_on_it(combination):
    wrapped = RecordEpisodeStatistics(FlattenObservation(gymnasium.make(ID, **options(combination))))
    alone = gymnasium.make(ID, **options(combination))
    seen, told = wrapped.reset(seed=1)[0], alone.reset(seed=1)[0]
    rewards, over = [], False
    while not over:
        np.testing.assert_array_equal(seen, told.ravel())
        action = alone.action_space.sample()
        seen, _, _, over, infos = wrapped.step(action)
        told, reward, *_ = alone.step(action)
        rewards.append(reward)
    assert len(rewards) == infos["episode"]["l"] == CYCLES
    assert infos["episode"]["r"] == pytest.approx(sum(rewards))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_episode_statistics_are_recorded(combination, mode):
    bare, wrapped = play(many(mode, **combination)), play(wrappers.RecordEpisodeStatistics(many(mode, **combination)))
    rewards = np.array([step[1] for step in bare[1:]])
    between = 1 if mode == "NextStep" else 0  # the step that begins the next episode
    for last in (CYCLES, 2 * CYCLES + between):
        episode = wrapped[last][4]["episode"]
        np.testing.assert_allclose(episode["r"], rewards[last - CYCLES : last].sum(0), rtol=1e-5)
        np.testing.assert_array_equal(episode["l"], [CYCLES] * 3)
    assert sum("episode" in step[4] for step in wrapped[1:]) == 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_wrappers_of_rewards_and_infos_see_the_same_numbers(combination, mode):
    bare = play(many(mode, **combination))
    clipped = play(wrappers.ClipReward(many(mode, **combination), 1.0, 1.5))
    listed = play(wrappers.DictInfoToList(many(mode, **combination)))
    scaled = wrappers.NormalizeReward(many(mode, **combination), gamma=0.0)
    normal = play(scaled)
    rewards = np.array([step[1] for step in bare[1:]])
    np.testing.assert_array_equal([step[1] for step in clipped[1:]], rewards.clip(1.0, 1.5))
    ratios = rewards[-1] / normal[-1][1]  # one standard deviation for all
    np.testing.assert_allclose(ratios, np.sqrt(scaled.return_rms.var), rtol=1e-3)
    assert ratios[0] > 0
    for before, after in zip(bare[1:], listed[1:], strict=True):
        np.testing.assert_array_equal([info["rate"] for info in after[4]], before[4]["rate"])


@own_spaces
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_wrappers_of_observations_see_the_same_numbers(combination):
    """These refuse same-step autoreset themselves."""
    bare = np.array([step[0] for step in play(many(**combination))])
    flat = play(wrappers.FlattenObservation(many(**combination)))
    double = play(wrappers.DtypeObservation(many(**combination), np.float64))
    normal = wrappers.NormalizeObservation(many(**combination))
    play(normal)
    np.testing.assert_array_equal([step[0] for step in flat], bare.reshape(len(bare), 3, -1))
    np.testing.assert_array_equal([step[0] for step in double], bare)
    assert double[0][0].dtype == np.float64
    np.testing.assert_allclose(normal.obs_rms.mean, bare.mean((0, 1)), rtol=1e-3, atol=1e-4)


@own_spaces
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_wrappers_of_actions_reach_the_environment(combination, mode):
    plain, rng = many(mode, **combination), np.random.default_rng(0)
    shape, steps = plain.action_space.shape, CYCLES + 2
    if combination.get("actions") == "discrete":
        import torch

        chosen = rng.integers(0, 4, (steps, *shape))
        other = play(wrappers.NumpyToTorch(many(mode, **combination)), steps, torch.as_tensor(chosen))
        assert isinstance(other[1][0], torch.Tensor)
    else:
        low, high = plain.action_space.low, plain.action_space.high
        chosen = rng.uniform(-1.5, 1.5, (steps, *shape)).astype(np.float32)
        rescaled = wrappers.RescaleAction(many(mode, **combination), np.float32(-1), np.float32(1))
        other = play(wrappers.ClipAction(rescaled), steps, chosen)
        chosen = low + (chosen.clip(-1, 1) + 1) / 2 * (high - low)
    for one, two in zip(play(plain, steps, chosen), other, strict=True):
        for a, b in zip(one[:-1], two[:-1], strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)
