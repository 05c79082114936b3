"""Environments of several bands: powers that actions stand for, what agents see and are paid, and all forms alike."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test

from wirelessenv import ConfigError, Scenario, WirelessNetwork, power_control_v0
from wirelessenv.clips import frames
from wirelessenv.envs.actions import Actions
from wirelessenv.envs.central import CentralPowerControlEnv
from wirelessenv.envs.moment import Moment, PastSlot
from wirelessenv.envs.observations import Observation
from wirelessenv.envs.rendering import Renderer, Scene
from wirelessenv.envs.settings import Settings
from wirelessenv.envs.vector import VectorPowerControlEnv

BANDS, AGENTS, CYCLES = 3, 4, 5
DENSE = {"preset": "dense", "transmitters": AGENTS, "bands": BANDS}
EVERYTHING = ["aggregation", "local", "gain", "incoming", "outgoing", "edges", "neighbours", "full"]
MEANS = [{"kind": kind, "source": "mean"} for kind in ("gain", "incoming", "outgoing", "edges")]
LOUDEST = {"kind": "edges", "strongest": 2}
RING = {"graph": "ring"}
OPTIONS = [
    {},
    {"actions": "power", "observation": EVERYTHING},
    {"actions": "simplex", "messages": "learned", "messaging": RING, "message_size": 2},
    {"actions": "discrete", "levels": 3, "messages": "utility", "messaging": RING, "reward": "known"},
]


def meant(chosen, **options):
    settings = Settings.of(DENSE, options)
    actions = Actions(settings)
    space = actions.joint_space(AGENTS)
    powers, messages = actions.of_array(np.broadcast_to(chosen, (2, *space.shape)), (2, *space.shape), AGENTS)
    assert powers.shape == (2, BANDS, AGENTS)
    assert powers.dtype == np.float32
    np.testing.assert_array_equal(powers[0], powers[1])
    return powers[0].T / settings.scenario.max_power, messages[0]


def test_powers_within_the_budget_are_what_was_chosen_and_others_are_scaled_down():
    shares, _ = meant([[-1, -1, -1], [-0.5, 0, -0.5], [1, 1, 0], [9, -1, -1]])
    np.testing.assert_allclose(shares, [[0, 0, 0], [0.25, 0.5, 0.25], [0.4, 0.4, 0.2], [1, 0, 0]], rtol=1e-6)
    most = Scenario(**DENSE).max_power
    shares, _ = meant(np.array([[0, 0, 0], [0.1, 0.2, 0.3], [1, 1, 2], [0, 3, -1]]) * most, actions="power")
    np.testing.assert_allclose(shares, [[0, 0, 0], [0.1, 0.2, 0.3], [1 / 3, 1 / 3, 1 / 3], [0, 1, 0]], rtol=1e-6)


def test_a_level_is_that_of_one_band():
    rows = [meant([k] * AGENTS, actions="discrete", levels=3)[0][0] for k in range(7)]
    expected = [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [0, 0.5, 0], [0, 1, 0], [0, 0, 0.5], [0, 0, 1]]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)
    many = Settings.of({**DENSE, "bands": 1000}, {"actions": "discrete", "levels": 100_000})
    power, _ = Actions(many).of_array(np.full((1, AGENTS), 1000 * 99_999), (1, AGENTS), AGENTS)
    assert power[0, -1, 0] == np.float32(many.scenario.max_power)
    assert (power[0, :-1] == 0).all()
    with pytest.raises(ValueError, match="a whole number from 0 to 6"):
        meant([7] * AGENTS, actions="discrete", levels=3)


def test_shares_of_a_simplex_divide_the_budget():
    chosen = [[1, 1, 1, 1, 0.5], [-1, -1, -1, 1, 0], [-1, -1, -1, -1, 0], [1, -1, -1, -1, 9]]
    shares, messages = meant(chosen, actions="simplex", messages="learned", messaging=RING)
    np.testing.assert_allclose(shares, [[0.25] * 3, [0] * 3, [0] * 3, [1, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(messages, [[0.5], [0], [0], [1]])


@pytest.mark.parametrize("actions", ["normalised", "power", "discrete", "simplex"])
def test_no_action_exceeds_the_budget(actions):
    settings = Settings.of({**DENSE, "bands": 7}, {"actions": actions})
    meaning = Actions(settings)
    space = meaning.joint_space(AGENTS)
    space.seed(1)
    for _ in range(50):
        power, _ = meaning.of_array(space.sample()[None], (1, *space.shape), AGENTS)
        assert (power >= 0).all()
        assert (power.sum(1) <= settings.scenario.max_power * (1 + 1e-6)).all()


def test_what_is_seen_in_a_band_is_what_it_would_show_alone():
    env = VectorPowerControlEnv(2, DENSE, observation=[*EVERYTHING, *MEANS, LOUDEST], actions="power")
    env.action_space.seed(0)
    seen, _ = env.reset(seed=[3, 5])
    for _ in range(3):
        seen, *_ = env.step(env.action_space.sample())
    now, one = env._batch._now, Scenario(**{**DENSE, "bands": 1, "noise": Scenario(**DENSE).noise / BANDS})
    begin = 0
    for part in env.settings.observation:
        size = part.size(one)
        for band in range(BANDS):
            past = [
                PastSlot(*(x[:, band] for x in slot[:4]), np.log2(1 + slot.sinr[:, band]), slot.utility)
                for slot in (now.last, now.before_last)
            ]
            hops = one.hops
            features = now.features[..., band * hops : (band + 1) * hops]
            alone = Moment(one, now.gain[:, band], features, *past, mean_gain=now.mean_gain, loudest=now.loudest)
            np.testing.assert_allclose(seen[..., begin : begin + size], part.observe(alone), rtol=2e-5, atol=1e-6)
            begin += size
    assert begin == seen.shape[-1] == env.single_observation_space.shape[-1]


class Loudness(Observation):
    """A user's own observation, which knows nothing of bands."""

    kind: str = "loudness_of_a_test"

    def size(self, scenario):
        return 1

    def observe(self, now):
        return now.gain.sum(-1)[..., None]


def test_an_observation_of_a_users_own_is_asked_for_each_band():
    env = VectorPowerControlEnv(2, DENSE, observation=Loudness())
    seen, _ = env.reset(seed=1)
    gain = env.state().reshape(2, BANDS, AGENTS, AGENTS)
    np.testing.assert_allclose(seen, gain.sum(-1).swapaxes(1, 2), rtol=1e-6)


@pytest.mark.parametrize("options", OPTIONS)
def test_all_forms_give_the_same_numbers_as_the_network(options):
    options = {"scenario": DENSE, "max_cycles": CYCLES, **options}
    parallel = power_control_v0.parallel_env(**options)
    central, vector = CentralPowerControlEnv(**options), VectorPowerControlEnv(2, **options)
    network = WirelessNetwork(DENSE, seed=7)
    block = network.block(CYCLES)
    seen, _ = parallel.reset(seed=7)
    joint, _ = central.reset(seed=7)
    batched, _ = vector.reset(seed=[6, 7])
    central.action_space.seed(0)
    for slot in range(CYCLES):
        np.testing.assert_array_equal(list(seen.values()), joint)
        np.testing.assert_array_equal(joint, batched[1])
        np.testing.assert_array_equal(parallel.state(), block.gain[0, slot].ravel())
        assert central.state_space.contains(central.state())
        action = central.action_space.sample()
        seen, rewards, _, _, infos = parallel.step(dict(zip(parallel.agents, action, strict=True)))
        joint, reward, _, _, told = central.step(action)
        batched, paid, _, _, many = vector.step(np.stack([action, action]))
        power = np.array(told["power"], np.float32).T[None, None]
        outcome = network.outcome(block.wanted[:, slot : slot + 1], block.cross[:, slot : slot + 1], power)
        np.testing.assert_allclose(told["rate"], outcome.rate[0, 0], rtol=1e-5)
        np.testing.assert_allclose(told["sinr_db"].T, 10 * np.log10(np.maximum(outcome.sinr[0, 0], 1e-20)), rtol=1e-4)
        if "reward" not in options:
            np.testing.assert_allclose(list(rewards.values()), outcome.utility[0, 0], rtol=1e-5)
        assert reward == paid[1] == pytest.approx(np.mean(list(rewards.values())), rel=1e-6)
        np.testing.assert_array_equal([info["power"] for info in infos.values()], told["power"])
        np.testing.assert_array_equal(many["sinr_db"][1], told["sinr_db"])


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.filterwarnings(
    "ignore:.*A Box observation space m[a-z]+ value is -?infinity",
    "ignore:.*we recommend using a symm",
    "ignore:Agent's minimum observation space value is -infinity",
)
def test_the_libraries_own_checks_pass(options, capsys):
    options = {"scenario": DENSE, **options}
    parallel_api_test(power_control_v0.parallel_env(**options), num_cycles=60)
    parallel_seed_test(lambda: power_control_v0.parallel_env(**options), num_cycles=10)
    api_test(power_control_v0.env(**options), num_cycles=20)
    check_env(gymnasium.make("wirelessenv:wirelessenv/PowerControl-v0", **options).unwrapped, skip_render_check=True)
    assert "Passed" in capsys.readouterr().out


def test_a_picture_has_a_part_of_a_bar_for_each_band():
    gain = np.array([[[1.0, 0.2], [0.1, 1.0]], [[1.0, 0.0], [0.5, 1.0]]])
    scene = Scene(
        transmitters=np.array([[0.0, 0.0], [10.0, 10.0]]),
        receivers=np.array([[10.0, 0.0], [0.0, 10.0]]),
        serving=np.array([0, 1]),
        power=np.array([[2.0, 3.0], [4.0, 0.0]]),  # agents, bands
        max_power=10.0,
        rate=np.array([0.5, 0.0]),
        gain=gain,
    )
    source, share = scene.loudest()
    np.testing.assert_array_equal(source, [1, 0])
    np.testing.assert_allclose(share, [0.8 / (0.8 + 5), (0.2 + 1.5) / (0.2 + 1.5 + 4)])
    renderer = Renderer(scene)
    assert renderer.frame(scene).std() > 10
    bars = [(bar.get_x(), bar.get_width()) for bar in renderer._powers.artists]
    assert bars == [(0, 2), (0, 4), (2, 3), (4, 0)]
    np.testing.assert_array_equal(scene.total, [5, 4])


@pytest.mark.parametrize("powers", ["full", "random"])
def test_clips_and_episodes_are_drawn(powers):
    env = power_control_v0.parallel_env(scenario=DENSE, render_mode="rgb_array", max_cycles=2, actions="power")
    pictures = list(frames(env, 1, powers))
    assert [picture.shape for picture in pictures] == [(600, 900, 3)] * 2
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scenario": {**DENSE, "bands": 1}, "actions": "simplex"}, '"simplex" is not valid for one band'),
        ({"scenario": {**DENSE, "bands": 0}}, "bands: 0"),
        ({"scenario": DENSE, "actions": "both"}, "actions"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(options, said):
    with pytest.raises(ConfigError, match=said) as raised:
        power_control_v0.parallel_env(**options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.zeros(2), "it should be 3 numbers in"), (np.full(3, np.nan), "it should be 3 numbers in"), (0.5, "3 numbers")],
)
def test_actions_of_other_numbers_of_bands_are_refused_in_a_sentence(value, said):
    env = power_control_v0.parallel_env(scenario=DENSE)
    env.reset(seed=0)
    actions = {agent: np.zeros(BANDS, np.float32) for agent in env.agents}
    with pytest.raises(ValueError, match=said) as raised:
        env.step({**actions, "tx_2": value})
    assert "tx_2" in str(raised.value) or "NaN" in str(raised.value)


def test_each_band_is_worked_out_once_for_all_parts(monkeypatch):
    asked, plainly = [], Moment.each_band
    monkeypatch.setattr(Moment, "each_band", lambda now: asked.append(1) or plainly(now))
    env = power_control_v0.parallel_env(scenario=DENSE, observation=["aggregation", "local", "gain", "incoming"])
    env.reset(seed=0)
    assert len(asked) == 1
