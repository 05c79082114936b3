import numpy as np
import pytest

from wirelessenv.config import ConfigError
from wirelessenv.envs.parallel import PowerControlEnv

AGENTS = ["tx_0", "tx_1", "tx_2"]
SMALL = {"preset": "dense", "transmitters": 3}


def begun(**options):
    env = PowerControlEnv(**{"scenario": SMALL, **options})
    env.reset(seed=1)
    return env


def everybody(value):
    return dict.fromkeys(AGENTS, value)


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        ({}, "actions: there is none for tx_0"),
        ({"tx_0": np.zeros(1), "tx_2": np.zeros(1)}, "actions: there is none for tx_1: every one of the 3 agents needs one"),
        (None, "actions: None is not valid: it should map every agent to its action"),
        ([0.1, 0.2, 0.3], "actions: [0.1, 0.2, 0.3] is not valid: it should map every agent to its action"),
        (np.zeros(3), "actions: array([0., 0., 0.]) is not valid"),
        (everybody(np.zeros(2)), "actions['tx_0']: array([0., 0.]) is not valid: it should be one number in [-1, 1]"),
        (everybody(np.zeros((40, 50))), "actions['tx_0']: array([[0., 0., 0., "),
        (everybody(np.zeros(0)), "actions['tx_0']: array([], dtype=float64) is not valid"),
        ({**everybody(np.zeros(1)), "tx_1": np.zeros(2)}, "actions['tx_1']: array([0., 0.]) is not valid"),
        ({**everybody(np.zeros(1)), "tx_2": np.array([np.nan])}, "actions['tx_2']: array([nan]) is not valid"),
        ({**everybody(0.5), "tx_2": float("nan")}, "actions['tx_2']: nan is not valid"),
        (everybody("full"), "actions['tx_0']: 'full' is not valid"),
        (everybody("0.5"), "actions['tx_0']: '0.5' is not valid"),
        (everybody(None), "actions['tx_0']: None is not valid"),
        (everybody(1j), "actions['tx_0']: 1j is not valid"),
        (everybody({"power": 1}), "actions['tx_0']: {'power': 1} is not valid"),
        ({**everybody(0.5), "tx_1": [0, [1]]}, "actions['tx_1']: [0, [1]] is not valid"),
    ],
)
def test_actions_that_cannot_be_used_are_refused_in_one_sentence(actions, sentence):
    env, untouched = begun(), begun()
    with pytest.raises(ValueError, match=r"^actions") as caught:
        env.step(actions)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
    # The refusal uses up no slot.
    assert env.step(everybody(np.zeros(1)))[1] == untouched.step(everybody(np.zeros(1)))[1]


def test_numbers_and_arrays_of_one_mean_the_same():
    env, other = begun(), begun()
    mixed = {"tx_0": np.zeros(1), "tx_1": 0.5, "tx_2": np.inf}
    assert env.step(mixed)[1] == other.step({"tx_0": 0.0, "tx_1": 0.5, "tx_2": 1.0})[1]


@pytest.mark.parametrize("kind", ["normalised", "power"])
@pytest.mark.parametrize(
    ("outside", "inside"),
    [(np.array([7.0], np.float32), 1), (np.array([1e300]), 1), (10**18, 1), (-3.5, 0), (np.array([-1e300]), 0)],
)
def test_finite_actions_outside_their_space_are_clipped_to_it(kind, outside, inside):
    env, other = begun(actions=kind), begun(actions=kind)
    space = env.action_space("tx_0")
    if kind == "power":
        outside = outside * 10
    assert env.step(everybody(outside))[1] == other.step(everybody(space.high if inside else space.low))[1]


@pytest.mark.parametrize("number", [np.array([1], int), 1, True, np.float64(1), np.array([[1.0]]), [1.0]])
def test_one_number_in_any_dress_is_an_action(number):
    assert begun().step(everybody(number))[1] == begun().step(everybody(np.ones(1, np.float32)))[1]


def test_agents_may_come_in_any_order_and_in_strange_company():
    actions = {agent: np.array([0.1 * i], np.float32) for i, agent in enumerate(AGENTS)}
    expected = begun().step(actions)[1]
    assert begun().step(dict(reversed(actions.items())))[1] == expected
    assert begun().step({"someone": np.zeros(9), **actions})[1] == expected


@pytest.mark.parametrize("call", ["step", "state"])
def test_nothing_works_before_the_first_reset(call):
    env = PowerControlEnv()
    assert env.agents == []
    with pytest.raises(RuntimeError, match=f"^{call}: [^\n]*reset"):
        env.step({}) if call == "step" else env.state()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scenario": "dens"}, 'scenario: unknown preset "dens"'),
        ({"scenario": {"noise": -1}}, "scenario.noise: -1 is not valid"),
        ({"scenario": None}, "scenario: None is not valid"),
        ({"max_cycles": 0}, "max_cycles: 0 is not valid: it should be 1 or more"),
        ({"max_cycles": 2.5}, "max_cycles: 2.5 is not valid"),
        ({"max_cycles": True}, "max_cycles: True is not valid"),
        ({"max_cycles": None}, "max_cycles: None is not valid"),
        ({"actions": "dbm"}, "actions: 'dbm' is not valid: it should be 'normalised', 'power', 'discrete' or 'simplex'"),
        ({"max_cycle": 3}, 'unknown key "max_cycle" (did you mean "max_cycles"?)'),
        ({"render_mode": "rgb"}, 'render_mode: "rgb" is not valid (did you mean "rgb_array"?)'),
        ({"levels": 4}, 'levels: has no effect without actions="discrete"'),
        ({"message_interval": 4}, "message_interval: has no effect without messages"),
        ({"messages": "utility", "message_size": 4}, 'message_size: has no effect without messages="learned"'),
        ({"messages": "utility", "scenario": SMALL}, "graph.kappa: 6 is not valid: there are only 3 agents"),
        ({"reward": "known"}, 'reward: "known" is not valid without messages: "utility"'),
        ({"reward": "known", "messages": "learned"}, 'reward: "known" is not valid: learned messages hold no utilities'),
        ({"messages": "learned", "actions": "discrete"}, 'messages: "learned" is not valid with discrete actions'),
        ({"observation": []}, "observation: [] is not valid"),
        ({"observation": ["locals"]}, 'observation.0: unknown kind "locals" (did you mean "local"?)'),
    ],
)
def test_an_environment_that_cannot_be_is_refused_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        PowerControlEnv(**options)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 2.5, "1", True])
def test_a_bad_seed_is_refused_and_leaves_the_episode_as_it_was(seed):
    env, untouched = begun(), begun()
    with pytest.raises(ConfigError, match=r"^seed: "):
        env.reset(seed=seed)
    assert env.step(everybody(0.3))[1] == untouched.step(everybody(0.3))[1]
    with pytest.raises(ConfigError, match=r"^seed: "):
        PowerControlEnv().reset(seed=seed)


def test_spaces_are_the_same_objects_at_every_call_and_as_documented():
    env = begun(actions="power")
    for agent in AGENTS:
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.action_space(agent) is env.action_space(agent)
        assert (env.action_space(agent).low, env.action_space(agent).high) == (0, 10)
        assert env.observation_space(agent).shape == (5,)
    assert env.state_space.shape == env.state().shape == (9,)
    assert begun().action_space("tx_0").low == -1
    assert (env.metadata["name"], env.render_mode, env.render()) == ("power_control_v0", None, None)
    env.close()


def test_reset_accepts_options_and_numpy_seeds():
    env, other = PowerControlEnv(SMALL), begun()
    observations, _ = env.reset(seed=np.int64(1), options={"anything": 1})
    np.testing.assert_array_equal(observations["tx_0"], other.reset(seed=1)[0]["tx_0"])
