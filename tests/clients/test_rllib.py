"""RLlib's ParallelPettingZooEnv: one iteration of PPO with a policy that all agents share, in this process."""

import pytest

from tests.clients.combinations import COMBINATIONS, CYCLES, options
from wirelessenv import power_control_v0

pytestmark = [
    # Ray calls what it deprecated itself, and so do the libraries below it.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    # Every algorithm registers its environment under the same name again.
    pytest.mark.filterwarnings("ignore:.*Overriding environment rllib-multi-agent-env-v0"),
    # Ray leaves files and sockets to the interpreter's end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def ray_on_one_core(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else it leaves a token in the home directory
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=str(tmp_path_factory.mktemp("ray")))
        yield
        ray.shutdown()


@pytest.mark.usefixtures("ray_on_one_core")
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_ppo_trains_a_shared_policy_for_one_iteration(combination):
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
    from ray.tune.registry import register_env

    register_env("power_control", lambda _: ParallelPettingZooEnv(power_control_v0.parallel_env(**options(combination))))
    algorithm = (
        PPOConfig()
        .environment("power_control")
        .env_runners(num_env_runners=0)
        .learners(num_learners=0)
        .multi_agent(policies={"shared"}, policy_mapping_fn=lambda *_, **__: "shared")
        .training(train_batch_size_per_learner=10 * CYCLES, minibatch_size=20, num_epochs=1)
        .build_algo()
    )
    before = algorithm.get_weights()["shared"]
    found = algorithm.train()
    after = algorithm.get_weights()["shared"]
    algorithm.stop()
    runners = found["env_runners"]
    assert runners["num_episodes"] == 10
    assert runners["episode_len_mean"] == CYCLES
    assert set(runners["agent_episode_returns_mean"]) == {"tx_0", "tx_1", "tx_2", "tx_3"}
    assert all(value > 0 for value in runners["agent_episode_returns_mean"].values())
    assert any((before[name] != after[name]).any() for name in before)
