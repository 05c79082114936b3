"""Gymnasium's contract, in every way of making the environment: lengths, masks, generators, options."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RenderCollection, TimeLimit

from wirelessenv import ConfigError, power_control_v0
from wirelessenv.envs.central import CentralPowerControlEnv
from wirelessenv.envs.parallel import PowerControlEnv
from wirelessenv.envs.vector import VectorPowerControlEnv

ID = "wirelessenv/PowerControl-v0"
DENSE = {"preset": "dense", "transmitters": 4}


def vectorised(mode):
    def make(**options):
        return gymnasium.make_vec(ID, num_envs=2, vectorization_mode=mode, **options)

    return make


def single(**options):
    return gymnasium.make(ID, **options)


WAYS = {
    "make": single,
    "its spec": lambda **options: gymnasium.make(gymnasium.make(ID, **options).spec),
    "unwrapped": lambda **options: gymnasium.make(ID, **options).unwrapped,
    "unchecked": lambda **options: gymnasium.make(ID, disable_env_checker=True, **options),
    "default": vectorised(None),
    "its vector spec": lambda **options: gymnasium.make_vec(vectorised(None)(**options).spec),
    "sync": vectorised("sync"),
    "vector_entry_point": vectorised("vector_entry_point"),
    "central": CentralPowerControlEnv,
    "vector": lambda **options: VectorPowerControlEnv(2, **options),
}
LENGTHS = [({}, 200), ({"max_episode_steps": 230}, 230), ({"max_cycles": 230}, 230), ({"max_episode_steps": 3}, 3)]
LENGTHS += [({"max_cycles": 3}, 3), ({"max_cycles": 4, "max_episode_steps": 4}, 4), ({"max_episode_steps": -1}, 200)]


def slots(env):
    """Steps until the first truncation."""
    env.reset(seed=0)
    action = env.action_space.sample()
    return next(step for step in range(1, 500) if np.all(env.step(action)[3]))


@pytest.mark.parametrize("way", WAYS)
def test_an_episode_is_as_long_as_either_name_says(way):
    assert [slots(WAYS[way](scenario=DENSE, **options)) for options, _ in LENGTHS] == [length for _, length in LENGTHS]


def test_other_processes_play_as_many_slots():
    env = vectorised("async")(scenario=DENSE, max_episode_steps=230)
    assert slots(env) == 230
    env.close()


def test_pettingzoo_knows_both_names():
    env = power_control_v0.parallel_env(DENSE, max_episode_steps=3)
    env.reset(seed=0)
    for _ in range(3):
        assert env.agents
        env.step(dict.fromkeys(env.agents, 0.0))
    assert env.agents == []


def test_a_time_limit_of_ones_own_shortens_as_ever():
    assert slots(TimeLimit(CentralPowerControlEnv(DENSE), 5)) == 5


@pytest.mark.parametrize("way", [*WAYS, "parallel"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"max_cycles": 5, "max_episode_steps": 9},
            "max_cycles: 5 is not valid beside max_episode_steps 9: they mean the same",
        ),
        ({"max_episode_steps": 0}, "max_cycles: 0 is not valid"),
        ({"max_episode_steps": "5"}, "max_cycles: '5' is not valid"),
        ({"max_episode_steps": True}, "max_cycles: True is not valid"),
        ({"max_episode_step": 3}, 'unknown key "max_episode_step" (did you mean "max_episode_steps"?)'),
        ({"render_modes": "human"}, 'unknown key "render_modes" (did you mean "render_mode"?)'),
        ({"render_mode": 5}, "render_mode: 5 is not valid"),
        ({"render_mode": ["human"]}, "render_mode: ['human'] is not valid"),
        ({"render_mode": b"human"}, "render_mode: b'human' is not valid"),
        ({"render_mode": np.array(["human"])}, "render_mode: array(['human'], dtype='<U5') is not valid"),
        ({"render_mode": {}}, "render_mode: {} is not valid"),
        ({"render_mode": "x\ny" * 100}, r"render_mode: 'x\nyx\nyx\ny"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_by_every_way(way, options, sentence):
    """Warnings are errors here: Gymnasium has none of its own to add."""
    with pytest.raises(ConfigError) as caught:
        {**WAYS, "parallel": PowerControlEnv}[way](**options)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_single_environment_has_no_autoreset():
    with pytest.raises(ConfigError, match=r"^autoreset_mode: one environment has none; .* vector_kwargs"):
        vectorised("sync")(autoreset_mode="SameStep")


def test_gymnasium_still_collects_frames():
    env = single(scenario=DENSE, render_mode="rgb_array_list", max_episode_steps=3)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert [frame.shape for frame in env.render()] == [(600, 900, 3)] * 2
    assert isinstance(env.unwrapped, CentralPowerControlEnv)
    again = gymnasium.make(env.spec)
    assert slots(again) == 3
    assert sum(isinstance(layer, RenderCollection) for layer in (again, again.env, again.env.env, again.env.env.env)) == 1


def test_a_mask_that_is_all_true_is_a_reset_and_others_are_refused():
    masked, plain = (VectorPowerControlEnv(3, DENSE, max_cycles=2) for _ in range(2))
    for env in (masked, plain):
        env.reset(seed=4)
        env.step(np.zeros((3, 4)))
    options = {"reset_mask": np.ones(3, bool), "anything": 1}
    np.testing.assert_array_equal(masked.reset(options=options)[0], plain.reset()[0])
    assert set(options) == {"reset_mask", "anything"}
    for wrong in (
        np.array([True, False, True]),
        np.zeros(3, bool),
        np.ones(2, bool),
        np.ones((3, 1), bool),
        np.ones(3),
        [True] * 3,
        1,
        None,
    ):
        with pytest.raises(ConfigError, match=r"^reset_mask: [^\n]* is not valid: "):
            masked.reset(seed=1, options={"reset_mask": wrong})
    np.testing.assert_array_equal(masked.step(np.zeros((3, 4)))[0], plain.step(np.zeros((3, 4)))[0])  # nothing has changed


def test_a_vector_draws_nothing():
    env = vectorised(None)(scenario=DENSE)
    env.reset(seed=0)
    assert env.render() is None


FORMS = {
    "central": lambda: CentralPowerControlEnv(DENSE),
    "made": lambda: single(scenario=DENSE).unwrapped,
    "vector": lambda: VectorPowerControlEnv(3, DENSE),
    "parallel": lambda: power_control_v0.parallel_env(DENSE),
    "raw": lambda: power_control_v0.raw_env(DENSE),
    "aec": lambda: power_control_v0.env(DENSE),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_reset_seeds_the_generator_as_gymnasium_says(form):
    env = FORMS[form]()
    for seed in (5, np.int64(5), 5):
        env.reset(seed=seed)
        assert env.np_random_seed == 5
        assert env.np_random.random() == np.random.default_rng(5).random()
    env.reset()
    assert env.np_random.random() == np.random.default_rng(5).random(2)[1]  # goes on


@pytest.mark.parametrize("form", FORMS)
def test_what_wrappers_draw_changes_no_episode(form):
    drawn, plain = FORMS[form](), FORMS[form]()
    for env in (drawn, plain):
        env.reset(seed=1)
    drawn.np_random.random(100)
    drawn.reset(), plain.reset()
    np.testing.assert_array_equal(drawn.state(), plain.state())


@pytest.mark.parametrize("form", ["central", "vector", "parallel"])
def test_a_first_reset_without_a_seed_can_be_repeated(form):
    env, other = FORMS[form](), FORMS[form]()
    env.reset()
    other.reset(seed=env.np_random_seed)
    np.testing.assert_array_equal(env.state(), other.state())
    assert env.np_random.random() == other.np_random.random()
    fresh, twin = FORMS[form](), FORMS[form]()
    fresh.reset()
    assert not np.array_equal(fresh.state(), env.state())
    fresh, twin = FORMS[form](), FORMS[form]()
    for one in (fresh, twin):
        one.np_random = np.random.default_rng(9)  # a user's own
        one.reset()
        assert one.np_random_seed == -1
    np.testing.assert_array_equal(fresh.state(), twin.state())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", [-1, 2.5, "1", True, np.float64(1), {1: 2}, [1, 2], [[1], [2, 3]], [], "x" * 500, 1 + 0j])
def test_a_wrong_seed_or_wrong_options_change_nothing(form, seed):
    env, other = FORMS[form](), FORMS[form]()
    env.reset(seed=3), other.reset(seed=3)
    for wrong in ({"seed": seed}, {"options": 5}, {"seed": 1, "options": "mask"}):
        with pytest.raises(ConfigError, match=r"^(seed|options): ") as caught:
            env.reset(**wrong)
        assert len(str(caught.value)) < 150
    np.testing.assert_array_equal(env.state(), other.state())
    assert env.np_random.random() == other.np_random.random()


@pytest.mark.parametrize("make", [power_control_v0.env, power_control_v0.raw_env, power_control_v0.parallel_env])
def test_the_scenario_may_come_first_in_every_pettingzoo_form(make):
    env = make("gaussian", max_cycles=3)
    other = make(scenario="gaussian", max_cycles=3)
    env.reset(seed=1), other.reset(seed=1)
    assert env.possible_agents == other.possible_agents
    np.testing.assert_array_equal(env.state(), other.state())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])  # noqa: S301  # our own
@pytest.mark.parametrize("form", FORMS)
def test_copies_have_a_generator_of_their_own(form, copied):
    env = FORMS[form]()
    env.reset(seed=3)
    env.np_random.random()
    other = copied(env)
    assert other.np_random is not env.np_random
    assert other.np_random.random() == env.np_random.random()
    env.reset(), other.reset()
    np.testing.assert_array_equal(env.state(), other.state())
    other.close(), other.close()


@pytest.mark.parametrize("reward", ["own", "sum"])
def test_infos_hold_what_each_agent_is_paid(reward):
    env = vectorised(None)(scenario=DENSE, reward=reward, max_episode_steps=2, autoreset_mode="SameStep")
    alone = [power_control_v0.parallel_env(DENSE, reward=reward, max_cycles=2) for _ in range(2)]
    assert env.reset(seed=4)[1]["rewards"].tolist() == [[0] * 4] * 2
    for number, single_env in enumerate(alone):
        single_env.reset(seed=4 + number)
    for step in range(2):
        action = env.action_space.sample()
        _, mean, *_, infos = env.step(action)
        paid = [list(one.step(dict(zip(one.agents, a, strict=True)))[1].values()) for one, a in zip(alone, action, strict=True)]
        told = infos if step == 0 else infos["final_info"]
        np.testing.assert_array_equal(told["rewards"], np.float32(paid))
        np.testing.assert_allclose(mean, np.mean(paid, 1), rtol=1e-6)
        assert told["_rewards"].all()
    assert infos["rewards"].tolist() == [[0] * 4] * 2  # those of the next episodes, where nothing was paid yet


# Powers are not in [-1, 1] where that is asked for; gains have no bound; there is no screen.
@pytest.mark.filterwarnings("ignore:.*A Box observation space m[a-z]+ value is -?infinity")
@pytest.mark.filterwarnings('ignore:render_mode. "human" shows nothing')
def test_gymnasium_checks_rendering_on_a_machine_without_a_screen(monkeypatch):
    monkeypatch.setattr("wirelessenv.envs.rendering._interactive", set)
    check_env(single(scenario=DENSE).unwrapped)
