"""Environments whose links are cut, beside those with all links."""

import numpy as np
import pytest

from wirelessenv import power_control_v0
from wirelessenv.config import ConfigError
from wirelessenv.envs.rendering import Scene
from wirelessenv.envs.vector import VectorPowerControlEnv

NOTHING = {"preset": "dense", "cut": 1e-12}
LARGE = {"preset": "dense", "transmitters": 300, "cut": 0.01, "placement": {"density": 1 / 6}}
OBSERVED = [
    "aggregation",
    "local",
    {"kind": "gain"},
    {"kind": "gain", "source": "mean"},
    *({"kind": kind, "source": source} for kind in ("incoming", "outgoing") for source in ("powers", "pilots", "mean")),
    {"kind": "neighbours", "strongest": 4},
]


@pytest.mark.parametrize("reward", ["own", "sum"])
def test_where_nothing_is_cut_environments_are_those_without_a_cut(reward):
    whole, near = (VectorPowerControlEnv(2, scenario, observation=OBSERVED, reward=reward) for scenario in ("dense", NOTHING))
    np.testing.assert_allclose(near.reset(seed=3)[0], whole.reset(seed=3)[0], rtol=1e-5)
    rng = np.random.default_rng(0)
    for _ in range(3):
        actions = rng.uniform(-1, 1, whole.action_space.shape)
        expected, found = whole.step(actions), near.step(actions)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)
        for name, values in expected[4].items():
            np.testing.assert_allclose(found[4][name], values, rtol=1e-5, atol=4.3e-5)  # dB are a logarithm


def test_observations_of_lists_are_those_of_matrices_with_zeros():
    """A network of which a cut leaves some links, against the formulas on a matrix that is 0 elsewhere."""
    env = VectorPowerControlEnv(2, LARGE, observation=["local", {"kind": "outgoing"}, {"kind": "neighbours", "strongest": 3}])
    env.reset(seed=3)
    batch = env._batch
    before, slot = batch._block, batch._slot
    actions = np.random.default_rng(0).uniform(-1, 1, env.action_space.shape)
    observed = env.step(actions)[0]
    power = (actions + 1) * 5
    for run in range(2):
        receiver, transmitter = before.near.ends(run)
        gain = np.zeros((300, 300))
        gain[receiver, transmitter] = before.gain[run, slot, : len(receiver)]
        arriving = gain * power[run]
        own = np.diag(arriving).copy()
        np.fill_diagonal(arriving, 0)
        noise = 1 + 10 * env._batch.network.layouts[run].near.cut_gain
        np.testing.assert_allclose(observed[run, :, 1], np.log1p(arriving.sum(1)), rtol=1e-4)
        np.testing.assert_allclose(observed[run, :, 3], np.log2(1 + own / (noise + arriving.sum(1))), rtol=1e-3)
        np.testing.assert_allclose(observed[run, :, 4], np.log1p(arriving.sum(0)), rtol=1e-4)
        now = np.zeros((300, 300))
        now[receiver, transmitter] = batch._block.gain[run, batch._slot, : len(receiver)]
        np.fill_diagonal(now, 0)
        strongest = np.sort(now * power[run], axis=1)[:, ::-1][:, :3]
        np.testing.assert_allclose(observed[run, :, 11:14], np.log1p(strongest), rtol=1e-4)
        share = arriving / (arriving.sum(1, keepdims=True) + 1)
        np.testing.assert_allclose(observed[run, :, -3:], np.sort(share, axis=0)[::-1][:3].T, rtol=1e-4)


def test_what_looks_at_all_links_is_refused_in_one_sentence():
    with pytest.raises(ConfigError, match=r'"full" is not valid with scenario.cut: .* use aggregation, edges, gain'):
        power_control_v0.parallel_env(LARGE, observation="full")
    env = power_control_v0.parallel_env(LARGE)
    env.reset(seed=0)
    with pytest.raises(ConfigError, match=r"^cut: not valid here: the state holds the gains of all links"):
        env.state()


def test_the_strongest_interferer_is_that_of_the_matrix():
    rng = np.random.default_rng(0)
    gain, power = rng.random((5, 5)), rng.random(5)
    places = (np.zeros((5, 2)), np.zeros((5, 2)), np.arange(5), power, 1.0, power)
    whole, near = Scene(*places, gain), Scene(*places, gain.ravel(), ends=tuple(np.indices((5, 5)).reshape(2, -1)))
    for expected, found in zip(whole.loudest(), near.loudest(), strict=True):
        np.testing.assert_allclose(found, expected)


def test_many_transmitters_are_drawn_with_shares_of_powers():
    pytest.importorskip("matplotlib")
    env = power_control_v0.parallel_env(LARGE, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (600, 900, 3)
    assert picture.std() > 10
    env.step({agent: np.array([1.0], np.float32) for agent in env.agents})
    assert (env.render() != picture).any()
