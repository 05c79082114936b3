"""PettingZoo's own checks; what they leave unchecked is in test_parallel.py."""

import pytest
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test
from pettingzoo.test.state_test import state_test

from wirelessenv import power_control_v0

DENSE = {"preset": "dense", "transmitters": 4}
UPLINK = {"preset": "dense", "association": "uplink", "transmitters": 6, "receivers": 2}
OPTIONS = [
    {"scenario": DENSE},
    {"scenario": DENSE, "actions": "power"},
    {"scenario": UPLINK, "max_cycles": 70},
    {"scenario": {"preset": "authors", "transmitters": 3, "utility": "latency"}},
    {"scenario": {"preset": "gaussian", "utility": "energy_efficiency"}},
    {"scenario": {"transmitters": 1}},
    {"scenario": DENSE, "messages": "utility", "messaging": {"graph": "ring"}, "reward": "known", "message_interval": 3},
    {"scenario": DENSE, "messages": "learned", "messaging": {"graph": "ring"}, "message_size": 2},
    {"scenario": UPLINK, "actions": "discrete", "levels": 3, "observation": ["local", "full"], "reward": "sum"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_pettingzoo_accepts_the_parallel_environment(options, capsys):
    parallel_api_test(power_control_v0.parallel_env(**options), num_cycles=300)
    parallel_seed_test(lambda: power_control_v0.parallel_env(**options), num_cycles=20)
    assert "Passed" in capsys.readouterr().out


# Messages may hold any number.
@pytest.mark.filterwarnings("ignore:Agent's minimum observation space value is -infinity")
@pytest.mark.parametrize("options", OPTIONS)
def test_pettingzoo_accepts_the_aec_environment(options, capsys):
    api_test(power_control_v0.env(**options), num_cycles=100)
    api_test(power_control_v0.raw_env(**options), num_cycles=100)
    seed_test(lambda: power_control_v0.env(**options), num_cycles=20)
    assert "Passed" in capsys.readouterr().out


# The gains have no bound, and one pair has one gain.
@pytest.mark.filterwarnings("ignore:Environment's maximum state space value is infinity", "ignore:State is a single number")
@pytest.mark.parametrize("options", OPTIONS)
def test_pettingzoo_accepts_the_state(options):
    state_test(power_control_v0.env(**options), power_control_v0.parallel_env(**options), num_cycles=100)


def test_pettingzoo_sees_max_cycles_kept():
    max_cycles_test(power_control_v0)


@pytest.mark.filterwarnings("ignore:Agent's minimum observation space value is -infinity")
def test_pettingzoo_sees_what_is_drawn(monkeypatch):
    monkeypatch.setitem(power_control_v0.parallel_env.metadata, "render_modes", ["rgb_array"])  # there is no screen for "human"
    render_test(lambda render_mode=None: power_control_v0.env(scenario=DENSE, render_mode=render_mode))
