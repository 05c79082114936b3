"""TorchRL's PettingZooWrapper: its own check, and rollouts with the environment's numbers."""

import numpy as np
import pytest

from tests.clients.combinations import COMBINATIONS, CYCLES, options
from wirelessenv import power_control_v0

pytestmark = [
    # It says so of every PettingZoo but the one that it is tested with.
    pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using version"),
]


def parallel(combination):
    return power_control_v0.parallel_env(**options(combination))


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_torchrl_accepts_the_environment(combination):
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper
    from torchrl.envs.utils import check_env_specs

    check_env_specs(PettingZooWrapper(parallel(combination), return_state=True, seed=0))


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_a_rollout_has_the_numbers_of_the_environment(combination):
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper

    discrete = combination.get("actions") == "discrete"
    env = PettingZooWrapper(parallel(combination), return_state=True, categorical_actions=True)
    assert env.group_map == {"tx": ["tx_0", "tx_1", "tx_2", "tx_3"]}
    env.set_seed(7)
    played = env.rollout(2 * CYCLES + 3, break_when_any_done=False)
    alone = parallel(combination)
    alone.reset(seed=7)  # TorchRL's set_seed resets; the rollout begins with the next episode
    told, state = alone.reset()[0], alone.state()
    for row in played:
        np.testing.assert_array_equal(row["tx", "observation"].numpy(), list(told.values()))
        np.testing.assert_array_equal(row["state"].numpy(), state)
        chosen = row["tx", "action"].numpy()
        told, paid, _, truncated, infos = alone.step(dict(zip(alone.agents, chosen, strict=True)))
        state = alone.state()
        after = row["next"]
        np.testing.assert_array_equal(after["tx", "observation"].numpy(), list(told.values()))
        np.testing.assert_array_equal(after["tx", "reward"].numpy()[:, 0], np.array(list(paid.values()), np.float32))
        assert after["truncated"].item() == any(truncated.values())
        for name in infos["tx_0"]:
            expected = np.array([infos[agent][name] for agent in told], np.float32)
            np.testing.assert_array_equal(after["tx", "info", name].numpy().reshape(4), expected)
        if not alone.agents:
            told, state = alone.reset()[0], alone.state()
    assert played["tx", "action"].shape == ((23, 4) if discrete else (23, 4, env.action_spec["tx", "action"].shape[-1]))
