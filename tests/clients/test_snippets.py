"""The page about other people's libraries: what its files say is so."""

from tests.clients.snippets import FILES, run
from tests.clients.test_rllib import pytestmark, ray_on_one_core  # noqa: F401  # warnings and fixtures of RLlib

ELSEWHERE = {"benchmarl_mappo", "tianshou_ppo", "agilerl_ippo"}
"""Files whose library has an environment of its own; tests/clients/own runs them."""
HERE = {"torchrl_rollout", "rllib_ppo", "pufferlib_rows", "supersuit_rows", "gymnasium_ids"}


def test_every_file_of_the_page_is_run():
    assert set(FILES) == HERE | ELSEWHERE


def test_torchrl_plays_two_episodes():
    played = run("torchrl_rollout")["played"]
    assert played.shape == (16, 100)
    assert played["tx", "action"].shape == (16, 100, 24, 2)
    assert played["next", "done"].sum(1).flatten().tolist() == [2] * 16


def test_pufferlib_has_a_row_for_each_agent():
    made = run("pufferlib_rows")
    assert made["observations"].shape == (96, 5)
    assert made["rewards"].min() > 0


def test_supersuit_stacks_slots_of_many_networks():
    assert run("supersuit_rows")["observations"].shape == (96, 15)


def test_gymnasium_knows_the_presets():
    made = run("gymnasium_ids")
    assert made["env"].observation_space.shape == (24, 4)
    assert made["envs"].observation_space.shape == (100, 20, 5)


def test_rllib_trains_a_shared_policy(ray_on_one_core):  # noqa: F811  # the fixture that is imported
    algorithm = run("rllib_ppo")["algorithm"]
    assert set(algorithm.get_weights()) == {"shared"}
    algorithm.stop()
