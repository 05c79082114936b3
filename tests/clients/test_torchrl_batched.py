"""`PowerControlTorchEnv`: TorchRL's own check, and the numbers of the other forms, whatever is reset when."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torchrl.envs import EnvBase, RewardSum, TransformedEnv
from torchrl.envs.utils import check_env_specs

from tests.clients.combinations import COMBINATIONS, CYCLES, DENSE, options
from wirelessenv import ConfigError
from wirelessenv.envs.central import CentralPowerControlEnv
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.integrations.torchrl import PowerControlTorchEnv

NETWORKS = 3
ACTION, SEEN, REWARD = ("tx", "action"), ("tx", "observation"), ("tx", "reward")


def make(combination=None, **more):
    return PowerControlTorchEnv(NETWORKS, **{"seed": 5, **options(combination or {}), **more})


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("more", [{}, {"return_state": True, "return_info": True}], ids=["", "all"])
def test_torchrl_accepts_it(combination, more):
    check_env_specs(make(combination, **more), break_when_any_done="both")
    check_env_specs(make(combination, max_cycles=2, **more), seed=0, break_when_any_done=False)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_a_rollout_has_the_numbers_of_the_vector_form(combination):
    """Two episodes and some steps: rewards of agents, what ends an episode and what the next one begins with."""
    played = make(combination, return_state=True, return_info=True).rollout(2 * CYCLES + 3, break_when_any_done=False)
    vector = VectorPowerControlEnv(NETWORKS, autoreset_mode="SameStep", **options(combination))
    seen, _ = vector.reset(seed=5)
    for row in played.unbind(1):
        assert_array_equal(row[SEEN], seen)
        assert_array_equal(row["state"], vector.state())
        action = row[ACTION].numpy()
        seen, _, _, over, infos = vector.step(action.reshape(vector.action_space.shape))
        last = {**infos["final_info"], "seen": infos["final_obs"]} if over.all() else {**infos, "seen": seen}
        assert_array_equal(row["next", *SEEN], last["seen"])
        assert_array_equal(row["next", *REWARD][..., 0], last["rewards"])
        for name, values in row["next", "tx", "info"].items():
            assert_array_equal(values[..., 0], last[name])
        for name, expected in (("done", over), ("truncated", over), ("terminated", np.zeros(NETWORKS, bool))):
            assert_array_equal(row["next", name][:, 0], expected)
    assert played["next", "done"].sum() == 2 * NETWORKS


def test_networks_that_are_reset_alone_play_what_they_would_play_alone():
    env, alone = make(), [CentralPowerControlEnv(**options({})) for _ in range(NETWORKS)]
    now = env.reset()
    for number, one in enumerate(alone):
        one.reset(seed=5 + number)
    generator = torch.Generator().manual_seed(0)
    ends = np.zeros(NETWORKS, int)
    for step in range(3 * CYCLES):
        now[ACTION] = 2 * torch.rand(NETWORKS, 4, 1, generator=generator) - 1
        after, now = env.step_and_maybe_reset(now)
        for number, one in enumerate(alone):
            told, _, _, over, infos = one.step(after[ACTION][number, :, 0].numpy())
            assert_array_equal(after["next", *SEEN][number], told)
            assert_array_equal(after["next", *REWARD][number, :, 0], infos["rewards"])
            assert after["next", "done"][number].item() is over
            ends[number] += over
            assert_array_equal(now[SEEN][number], one.reset()[0] if over else told)
        if step in (3, 7, 16):
            chosen = torch.tensor([[step == 7], [True], [False]])
            now = env.reset(now.set("_reset", chosen))
            for number in np.flatnonzero(chosen[:, 0].numpy()):
                assert_array_equal(now[SEEN][number], alone[number].reset()[0])
    assert ends.tolist() == [2, 1, 3]  # the second plays 4, 4, 9, 10 and 3 slots


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_short_way_is_that_of_torchrl(combination):
    """The own `step_and_maybe_reset` beside that of `EnvBase`, with entries that a policy has added."""
    envs, cycles = [make(combination, return_state=True) for _ in range(2)], 2 * CYCLES + 1
    ways = [envs[0].step_and_maybe_reset, partial(EnvBase.step_and_maybe_reset, envs[1])]
    nows = [env.reset() for env in envs]
    torch.manual_seed(0)
    for cycle in range(cycles):
        action = envs[0].rand_action()[ACTION]
        for now in nows:
            now[ACTION], now["tx", "value"], now["count"] = action, torch.full((NETWORKS, 4, 1), 1.0 * cycle), torch.ones(3, 1)
        (one, nows[0]), (other, nows[1]) = (way(now) for way, now in zip(ways, nows, strict=True))
        for ours, theirs in ((one, other), (nows[0], nows[1])):
            assert set(ours.keys(True, True)) == set(theirs.keys(True, True))
            assert (ours == theirs).all()
    assert nows[0][SEEN].data_ptr() != one[SEEN].data_ptr()


def test_seeds_say_which_networks_there_are():
    env = make()
    first, second = env.rollout(4)[SEEN], env.rollout(4)[SEEN]
    env.set_seed(5)
    assert_array_equal(env.rollout(4)[SEEN][:, 0], first[:, 0])
    assert (first[:, 0] != second[:, 0]).any()
    assert_array_equal(PowerControlTorchEnv(2, seed=[6, 5], **options({})).reset()[SEEN], first[:2, 0].flip(0))
    env.set_seed(105)
    assert (env.reset()[SEEN] != first[:, 0]).any()
    unseeded = [PowerControlTorchEnv(2, **options({})).reset()[SEEN] for _ in range(2)]
    assert (unseeded[0] != unseeded[1]).any()


def test_transforms_add_up_what_agents_have_earned():
    env = TransformedEnv(make(), RewardSum(in_keys=[REWARD], reset_keys=["_reset"]))
    check_env_specs(env)
    played = env.rollout(2 * CYCLES, break_when_any_done=False)
    earned = played["next", *REWARD].unflatten(1, (2, CYCLES)).sum(2)
    np.testing.assert_allclose(played["next", "tx", "episode_reward"][:, CYCLES - 1 :: CYCLES], earned, rtol=1e-5)


def test_what_cannot_be_used_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="num_envs: 0 is not valid"):
        PowerControlTorchEnv(0)
    with pytest.raises(ConfigError, match='unknown key "num_env"'):
        PowerControlTorchEnv(1, num_env=3)
    with pytest.raises(ConfigError, match=r"seed: .* it should hold 2, one for each network"):
        PowerControlTorchEnv(2, DENSE, seed=[1, 2, 3])
    env = PowerControlTorchEnv(2, DENSE)
    with pytest.raises(ConfigError, match=r"_reset: .* all environments have to begin"):
        env.reset(env.fake_tensordict().exclude("next").set("_reset", torch.tensor([[True], [False]])))
    now = env.reset()
    now[ACTION] = torch.full((2, 4, 1), float("nan"))
    with pytest.raises(ValueError, match="actions: NaN is not valid"):
        env.step(now)
