"""BenchMARL, in an environment of its own: the page's MAPPO, for a short while, and what the task says of itself."""

import csv

import pytest

from tests.clients.snippets import run
from wirelessenv import ConfigError

SMALL = {"preset": "dense", "transmitters": 3}

pytestmark = [
    # TorchRL and BenchMARL say so of themselves.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_mappo_leaves_a_curve(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fewer = "config.on_policy_collected_frames_per_batch, config.on_policy_minibatch_size = 500, 250"
    smaller = {
        "= 30, 5, 1e-3": "= 2, 1, 1e-3",
        'scenario="dense"': 'scenario={"preset": "dense", "transmitters": 3}',
        "config.evaluation_interval =": f"{fewer}\nconfig.evaluation_episodes = 2\nconfig.evaluation_interval =",
    }
    run("benchmarl_mappo", smaller.items())
    (curve,) = tmp_path.rglob("eval_reward_episode_reward_mean.csv")
    rows = list(csv.reader(curve.open()))
    assert len(rows) >= 2
    assert all(float(value) > 0 for _, value in rows)


@pytest.mark.parametrize(
    ("options", "both"),
    [
        ({}, (True, True)),
        ({"actions": "power"}, (True, False)),
        ({"actions": "discrete", "levels": 4}, (False, True)),
        ({"messages": "learned", "messaging": {"graph": "ring"}}, (True, False)),
    ],
)
def test_a_task_knows_its_actions(options, both):
    from torchrl.data import Categorical
    from torchrl.envs.utils import check_env_specs

    from wirelessenv.integrations.benchmarl import PowerControlTask

    task = PowerControlTask(SMALL, max_cycles=4, **options)
    assert (task.supports_continuous_actions(), task.supports_discrete_actions()) == both
    for continuous in {both[0], not both[1]}:
        env = task.get_env_fun(num_envs=2, continuous_actions=continuous, seed=0, device="cpu")()
        check_env_specs(env)
        assert task.max_steps(env) == 4
        assert task.group_map(env) == {"tx": ["tx_0", "tx_1", "tx_2"]}
        assert set(task.observation_spec(env).keys(True, True)) == {("tx", "observation")}
        assert isinstance(task.action_spec(env)["tx", "action"], Categorical) is not continuous


def test_options_are_those_of_the_environment():
    from wirelessenv.integrations.benchmarl import PowerControlTask

    with pytest.raises(ConfigError, match=r'unknown key "observations" \(did you mean "observation"\?\)'):
        PowerControlTask(SMALL, observations="local")


def test_the_number_of_levels_counts_where_the_algorithm_wants_levels():
    from wirelessenv.integrations.benchmarl import PowerControlTask

    task = PowerControlTask(SMALL, levels=5, max_episode_steps=4)
    assert task.supports_continuous_actions()
    assert task.supports_discrete_actions()
    task.get_env_fun(2, continuous_actions=True, seed=0, device="cpu")()
    levels = task.get_env_fun(2, continuous_actions=False, seed=0, device="cpu")()
    assert levels.full_action_spec["tx", "action"].space.n == 5
