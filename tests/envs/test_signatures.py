"""Signatures of the environment's forms: all options, with the types and defaults of `Settings`."""

import inspect

import gymnasium
import pytest
from gymnasium.envs.registration import load_env_creator

from wirelessenv import power_control_v0
from wirelessenv.envs.options import Options
from wirelessenv.envs.settings import Settings
from wirelessenv.integrations.sb3 import PowerControlVecEnv

SPEC = gymnasium.spec("wirelessenv/PowerControl-v0")
FORMS = [
    power_control_v0.parallel_env,
    power_control_v0.raw_env,
    power_control_v0.env,
    load_env_creator(SPEC.entry_point),
    load_env_creator(SPEC.vector_entry_point),
    PowerControlVecEnv,
]


@pytest.mark.parametrize("form", FORMS)
def test_a_signature_lists_every_option_with_its_default(form):
    told = inspect.signature(form).parameters
    assert all(one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in told.values())
    defaults = {name: field.default for name, field in Settings.model_fields.items()} | {"scenario": "dense"}
    assert {name: told[name].default for name in defaults} == defaults
    assert told["max_episode_steps"].default is None
    assert told["max_cycles"].annotation is int
    assert all(one.annotation is not inspect.Parameter.empty for one in told.values())


def test_editors_and_settings_know_the_same_options():
    assert set(Options.__annotations__) == set(Settings.model_fields) - {"scenario"} | {"max_episode_steps"}


@pytest.mark.parametrize("form", [power_control_v0.parallel_env, load_env_creator(SPEC.entry_point), power_control_v0.env])
def test_a_call_with_every_default_of_the_signature_that_has_an_effect_is_the_call_without(form):
    named = {"scenario", "render_mode", "max_cycles", "actions", "observation", "reward", "messages", "max_episode_steps"}
    defaults = {name: one.default for name, one in inspect.signature(form).parameters.items() if name in named}
    assert form(**defaults).unwrapped.settings == form().unwrapped.settings


def test_a_form_of_ones_own_keeps_its_own_signature():
    class Mine(power_control_v0.parallel_env):
        def __init__(self, transmitters: int = 3) -> None:
            super().__init__({"transmitters": transmitters})

    assert list(inspect.signature(Mine).parameters) == ["transmitters"]
