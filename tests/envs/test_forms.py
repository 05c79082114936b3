"""PettingZoo, AEC, Gymnasium and its vectors: the same numbers, and what each library asks of its own form."""

import copy
import multiprocessing
import pickle
import subprocess
import sys

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.testing import assert_array_equal

from wirelessenv import ConfigError, Scenario, power_control_v0
from wirelessenv.envs.central import CentralPowerControlEnv
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.presets import SCENARIOS

DENSE = {"preset": "dense", "transmitters": 4}
LATE = {"graph": "ring", "activity": {"query": 0.7}, "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}}}
OPTIONS = [
    pytest.param({"scenario": DENSE}, id="plain"),
    pytest.param({"scenario": DENSE, "actions": "discrete", "levels": 3, "observation": ["local", "full"]}, id="discrete"),
    pytest.param({"scenario": DENSE, "messages": "utility", "messaging": LATE, "reward": "known"}, id="utility"),
    pytest.param({"scenario": DENSE, "messages": "learned", "messaging": LATE, "message_size": 2}, id="learned"),
    pytest.param({"scenario": {"preset": "drifting", "transmitters": 3}, "reward": "sum"}, id="drifting"),
]
CYCLES = 12


def actions_of(env, steps):
    env.action_space.seed(0)
    return [env.action_space.sample() for _ in range(steps)]


@pytest.mark.parametrize("options", OPTIONS)
def test_all_forms_give_the_same_numbers(options):
    options = {**options, "max_cycles": CYCLES}
    parallel, aec = power_control_v0.parallel_env(**options), power_control_v0.env(**options)
    central, vector = CentralPowerControlEnv(**options), VectorPowerControlEnv(3, **options)
    batched, _ = vector.reset(seed=[6, 7, 8])
    for episode in range(2):
        seed = 7 if episode == 0 else None
        seen, infos = parallel.reset(seed=seed)
        joint, joint_infos = central.reset(seed=seed)
        aec.reset(seed=seed)
        assert_array_equal(list(seen.values()), joint)
        for action in actions_of(central, CYCLES):
            assert_array_equal(joint, batched[1])
            assert_array_equal(parallel.state(), central.state())
            assert central.state_space == parallel.state_space
            assert central.state_space.contains(central.state())
            assert_array_equal(parallel.state(), vector.state()[1])
            for agent in parallel.agents:
                aec_seen, reward, *_ = aec.last()
                assert_array_equal(aec_seen, seen[agent])
                aec.step(np.reshape(action[parallel.agents.index(agent)], aec.action_space(agent).shape))
            seen, rewards, _, truncated, infos = parallel.step(dict(zip(parallel.agents, action, strict=True)))
            joint, reward, terminated, over, joint_infos = central.step(action)
            batched, paid, _, ended, many = vector.step(np.stack([action] * 3))
            assert_array_equal(list(seen.values()), joint)
            assert reward == pytest.approx(np.mean(list(rewards.values())), rel=1e-6)
            assert reward == paid[1]
            assert (terminated, over) == (False, all(truncated.values()))
            assert ended.tolist() == [over] * 3
            assert_array_equal(joint_infos["rewards"], many["rewards"][1])
            assert_array_equal(joint_infos.pop("rewards"), np.float32(list(rewards.values())))
            for name, values in joint_infos.items():
                assert_array_equal(values, many[name][1])
                np.testing.assert_allclose([infos[agent][name] for agent in seen], values, rtol=1e-6)
        batched, *_ = vector.step(np.stack([action] * 3))  # next-step autoreset: the next episode


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_the_vector_is_what_gymnasium_makes_of_single_environments(options, mode):
    options = {**options, "max_cycles": CYCLES}
    native = VectorPowerControlEnv(2, autoreset_mode=mode, **options)
    made = SyncVectorEnv([lambda: CentralPowerControlEnv(**options)] * 2, autoreset_mode=mode)
    assert native.metadata["autoreset_mode"] == made.metadata["autoreset_mode"] == mode
    for ours, theirs in (
        (native.observation_space, made.observation_space),
        (native.action_space, made.action_space),
        (native.single_observation_space, made.single_observation_space),
    ):
        assert ours == theirs
    (seen, infos), (expected, others) = native.reset(seed=5), made.reset(seed=5)
    native.action_space.seed(1)
    for _ in range(3 * CYCLES):
        assert_array_equal(seen, expected)
        assert seen.dtype == np.float32
        assert set(infos) == set(others)
        for name in set(others) - {"final_obs", "final_info"}:
            assert_array_equal(infos[name], others[name])
        if "final_obs" in others:
            assert_array_equal(infos["final_obs"], np.stack(list(others["final_obs"])))
            assert set(infos["final_info"]) == set(others["final_info"])
            for name, values in others["final_info"].items():
                assert_array_equal(infos["final_info"][name], values)
        action = native.action_space.sample()
        (seen, *told, infos), (expected, *wanted, others) = native.step(action), made.step(action)
        for one, other in zip(told, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
            assert one.dtype == other.dtype


def test_a_discrete_action_is_the_power_it_means():
    env = CentralPowerControlEnv(DENSE, max_cycles=CYCLES, actions="discrete", levels=5)
    powers = CentralPowerControlEnv(DENSE, max_cycles=CYCLES, actions="power")
    env.reset(seed=1)
    powers.reset(seed=1)
    for action in actions_of(env, CYCLES):
        one, other = env.step(action), powers.step(action * np.float32(2.5))
        assert_array_equal(one[0], other[0])
        assert one[1] == other[1]


def test_registered_names_make_the_environment():
    env = gymnasium.make("wirelessenv/PowerControl-v0", scenario="paper", max_cycles=7)
    assert isinstance(env.unwrapped, CentralPowerControlEnv)
    assert env.reset(seed=1)[0].shape == (24, 5)
    many = gymnasium.make_vec("wirelessenv/PowerControl-v0", num_envs=5, scenario="dense", max_episode_steps=3)
    assert isinstance(many, VectorPowerControlEnv)
    many.reset(seed=0)
    ended = [many.step(many.action_space.sample())[3].tolist() for _ in range(3)]
    assert ended == [[False] * 5, [False] * 5, [True] * 5]
    same_step = gymnasium.make_vec("wirelessenv/PowerControl-v0", num_envs=2, autoreset_mode="SameStep")
    assert same_step.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    sync = gymnasium.make_vec("wirelessenv/PowerControl-v0", num_envs=2, vectorization_mode="sync")
    assert isinstance(sync, SyncVectorEnv)
    if hasattr(pettingzoo, "make"):
        assert pettingzoo.make("parallel", "wirelessenv/PowerControl-v0", scenario=DENSE).num_agents == 0
        assert pettingzoo.make("aec", "wirelessenv/PowerControl-v0", scenario=DENSE).max_num_agents == 4


@pytest.mark.parametrize("preset", SCENARIOS)
def test_every_preset_has_a_name_of_its_own(preset):
    known = f"wirelessenv/PowerControl-{preset}-v0"
    agents = Scenario(preset=preset).transmitters
    env = gymnasium.make(known, max_episode_steps=2)
    assert env.unwrapped.settings.scenario == Scenario(preset=preset)
    seen, _ = env.reset(seed=3)
    assert_array_equal(seen, gymnasium.make("wirelessenv/PowerControl-v0", scenario=preset).reset(seed=3)[0])
    many = gymnasium.make_vec(known, num_envs=2, max_episode_steps=2)
    assert_array_equal(many.reset(seed=3)[0][0], seen)
    if hasattr(pettingzoo, "make"):
        told = pettingzoo.make("parallel", known).reset(seed=3)[0]
        assert_array_equal(list(told.values()), seen)
        assert pettingzoo.make("aec", known).max_num_agents == agents


def test_options_stand_before_those_of_a_name():
    smaller = gymnasium.make("wirelessenv/PowerControl-dense-v0", scenario=DENSE, observation="local")
    assert smaller.observation_space.shape == (4, 4)


def test_gymnasium_makes_it_without_an_import():
    code = """
import gymnasium
env = gymnasium.make("wirelessenv:wirelessenv/PowerControl-dense-v0")
print(env.reset(seed=0)[0].shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "(24, 5)"


SINGLE, VECTOR = (lambda: CentralPowerControlEnv(DENSE)), (lambda: VectorPowerControlEnv(2, DENSE))


@pytest.mark.parametrize(
    ("make", "action", "sentence"),
    [
        (SINGLE, np.zeros(3), "actions: shape (3,) is not valid: it should be (4,)"),
        (SINGLE, [0, 0, 0, np.nan], "actions: NaN is not valid: it should be one number in [-1, 1]"),
        (SINGLE, "full", "actions: shape () is not valid: it should be (4,)"),
        (SINGLE, [None] * 4, "actions: [None, None, None, None] is not valid: it should be numbers, shape (4,)"),
        (VECTOR, np.zeros(4), "actions: shape (4,) is not valid: it should be (2, 4)"),
        (
            lambda: CentralPowerControlEnv(DENSE, actions="discrete", levels=3),
            [0, 1, 2, 3],
            "actions: array([0, 1, 2, 3]) is not valid: it should be a whole number from 0 to 2",
        ),
        (
            lambda: CentralPowerControlEnv(DENSE, actions="discrete", levels=3),
            [0.5] * 4,
            "actions: array([0.5, 0.5, 0.5, 0.5]) is not valid: it should be a whole number from 0 to 2",
        ),
        (
            lambda: CentralPowerControlEnv(DENSE, messages="learned", messaging=LATE),
            np.zeros(4),
            "actions: shape (4,) is not valid: it should be (4, 2)",
        ),
    ],
)
def test_actions_that_cannot_be_used_are_refused_and_use_up_no_slot(make, action, sentence):
    env, untouched = make(), make()
    env.reset(seed=0)
    untouched.reset(seed=0)
    with pytest.raises(ValueError, match=r"^actions") as caught:
        env.step(action)
    assert str(caught.value) == sentence
    sound = env.action_space.sample()
    assert_array_equal(env.step(sound)[0], untouched.step(sound)[0])


def test_levels_that_do_not_exist_are_refused_for_agents_too():
    env = power_control_v0.parallel_env(DENSE, actions="discrete", levels=3)
    env.reset(seed=0)
    for wrong in (3, -1, 0.5):
        with pytest.raises(ValueError, match=r"actions\['tx_2'\]: .* is not valid: it should be a whole number from 0 to 2"):
            env.step({**dict.fromkeys(env.agents, 1), "tx_2": wrong})
    env.step(dict.fromkeys(env.agents, np.int64(2)))


def test_nothing_works_before_the_first_reset_or_after_the_end():
    for make, space in ((SINGLE, (4,)), (VECTOR, (2, 4))):
        env = make()
        with pytest.raises(RuntimeError, match=r"^step: .*call reset\(\) first"):
            env.step(np.zeros(space))
        with pytest.raises(RuntimeError, match=r"^state: there is none before the first reset\(\)"):
            env.state()
    env = CentralPowerControlEnv(DENSE, max_cycles=1)
    env.reset(seed=0)
    env.step(np.zeros(4))
    with pytest.raises(RuntimeError, match=r"^step: the episode is over or was never begun: call reset\(\) first"):
        env.step(np.zeros(4))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_envs": 0}, "num_envs: 0 is not valid: it should be a whole number, 1 or more"),
        ({"num_envs": 2.0}, "num_envs: 2.0 is not valid"),
        ({"render_mode": "rgb_array"}, "render_mode: 'rgb_array' is not valid: only single environments are drawn"),
        ({"autoreset_mode": "Disabled"}, 'autoreset_mode: \'Disabled\' is not valid: it should be "NextStep" or "SameStep"'),
        ({"autoreset_mode": "soon"}, "autoreset_mode: 'soon' is not valid"),
        ({"scenario": "dens"}, 'scenario: unknown preset "dens" (did you mean "dense"?)'),
        ({"max_episode_steps": 0}, "max_cycles: 0 is not valid"),
    ],
)
def test_vectors_that_cannot_be_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ConfigError) as caught:
        VectorPowerControlEnv(**options)
    assert str(caught.value).startswith(sentence)


def test_seeds_of_vectors():
    env, other = VectorPowerControlEnv(3, DENSE), VectorPowerControlEnv(3, DENSE)
    assert_array_equal(env.reset(seed=4)[0], other.reset(seed=[4, 5, 6])[0])
    assert_array_equal(env.reset()[0], other.reset()[0])
    for wrong in ([1, 2], [], [1, -2, 3], -1, 0.5):
        with pytest.raises(ConfigError, match=r"^seed: "):
            env.reset(seed=wrong)
    assert not np.array_equal(VectorPowerControlEnv(1, DENSE).reset()[0], VectorPowerControlEnv(1, DENSE).reset()[0])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])  # noqa: S301  # our own
@pytest.mark.parametrize("make", [SINGLE, VECTOR, lambda: CentralPowerControlEnv(DENSE, messages="utility", messaging=LATE)])
def test_copies_go_on_as_their_originals(make, copied):
    env = make()
    env.reset(seed=3)
    for action in actions_of(env, 70):
        env.step(action)
    other = copied(env)
    for action in actions_of(env, 70):
        assert_array_equal(env.step(action)[0], other.step(action)[0])
    assert_array_equal(env.reset()[0], other.reset()[0])
    fresh = make()
    assert not np.array_equal(copied(fresh).reset()[0], fresh.reset()[0])


def played(_):
    env = VectorPowerControlEnv(2, DENSE, messages="utility", messaging=LATE)
    env.reset(seed=1)
    return [env.step(action)[0].tobytes() for action in actions_of(env, 30)][-1]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # this test is about it
def test_other_processes_give_the_same_numbers(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.map(played, [0]) == [played(0)]


def test_forms_that_take_turns_do_not_disturb_each_other():
    alone = []
    for make in (SINGLE, VECTOR):
        env = make()
        env.reset(seed=2)
        alone.append([env.step(action)[0] for action in actions_of(env, 70)])
    envs = [make() for make in (SINGLE, VECTOR)]
    for env in envs:
        env.reset(seed=2)
    chosen = [actions_of(env, 70) for env in envs]
    for step in range(70):
        for env, action, expected in zip(envs, chosen, alone, strict=True):
            assert_array_equal(env.step(action[step])[0], expected[step])


@pytest.mark.parametrize("form", ["central", "vector"])
def test_what_a_caller_does_to_infos_changes_nothing(form):
    options = {"scenario": DENSE, "observation": "neighbours", "messages": "utility", "messaging": LATE}
    envs = [CentralPowerControlEnv(**options) if form == "central" else VectorPowerControlEnv(2, **options) for _ in range(2)]
    for env in envs:
        env.reset(seed=0)
    for action in actions_of(envs[0], 5):
        seen, *_, infos = envs[0].step(action)
        same, *_, kept = envs[1].step(action)
        assert_array_equal(seen, same)
        for name, values in infos.items():
            assert_array_equal(values, kept[name])
            values[:] = 0 if values.dtype == bool else -99


def test_agents_are_paid_the_same_in_any_batch_and_after_pickling():
    options = {"scenario": "dense", "messages": "utility", "reward": "known", "message_interval": 3, "max_cycles": 30}
    options["messaging"] = {"graph": "ring", "links": {"delay": {"kind": "uniform", "shortest": 1, "longest": 3}, "loss": 0.2}}
    alone, many = (VectorPowerControlEnv(number, **options) for number in (1, 4))
    alone.reset(seed=2)
    many.reset(seed=0)
    for action in actions_of(alone, 17):
        assert alone.step(action)[1] == many.step(np.repeat(action, 4, axis=0))[1][2]
    again = pickle.loads(pickle.dumps(many))  # noqa: S301  # our own
    for action in actions_of(many, 12):
        assert_array_equal(many.step(action)[1], again.step(action)[1])


def test_a_reset_that_fails_leaves_no_episode_half_begun(monkeypatch):
    env = CentralPowerControlEnv(scenario=DENSE, messages="utility", messaging=LATE)
    env.reset(seed=0)
    monkeypatch.setattr("wirelessenv.envs.hearing.message_graphs", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        env.reset(seed=1)
    with pytest.raises(RuntimeError, match="was never begun"):
        env.step(np.zeros(4))
