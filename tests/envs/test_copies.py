"""A copy of an environment, by deepcopy or pickle, goes on with the same numbers, in every form, and disturbs nobody."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest

from wirelessenv import power_control_v0
from wirelessenv.envs.central import CentralPowerControlEnv
from wirelessenv.envs.vector import VectorPowerControlEnv

SMALL = {"preset": "dense", "transmitters": 4}
FORMS = {
    "parallel": power_control_v0.parallel_env,
    "raw AEC": power_control_v0.raw_env,
    "AEC": power_control_v0.env,
    "central": CentralPowerControlEnv,
    "gymnasium.make": lambda scenario, **options: gymnasium.make("wirelessenv/PowerControl-v0", scenario=scenario, **options),
    "vector": lambda scenario, **options: VectorPowerControlEnv(2, scenario, **options),
    "gymnasium.make_vec": lambda scenario, **options: gymnasium.make_vec(
        "wirelessenv/PowerControl-v0", 2, scenario=scenario, **options
    ),
}
OPTIONS = [
    {},
    {"observation": "full", "reward": "own"},
    {"scenario": {"preset": "paper", "transmitters": 4, "mobility": "random_waypoint"}},
    {"render_mode": "rgb_array"},
]


def flat(value):
    """The numbers in nested dicts and tuples, one after the other."""
    if isinstance(value, dict):
        return np.concatenate([np.zeros(0), *(flat(value[key]) for key in sorted(value, key=str))])
    if isinstance(value, tuple | list):
        return np.concatenate([np.zeros(0), *map(flat, value)])
    return np.asarray(value, float).ravel()


def played(env, steps):
    """Observations of some steps of fixed actions; an agent after the other where they take turns."""
    seen = []
    for step in range(steps):
        if hasattr(env, "agent_selection"):
            for agent in list(env.agents):
                seen.append(flat(env.last()))
                env.step(np.full(env.action_space(agent).shape, 0.1 * step, np.float32))
        elif hasattr(env, "possible_agents"):
            seen.append(flat(env.step({agent: np.full(1, 0.1 * step, np.float32) for agent in env.agents})))
        else:
            seen.append(flat(env.step(np.full(env.action_space.shape, 0.1 * step, np.float32))))
    return seen


MANY = {"vector", "gymnasium.make_vec"}  # many networks are not drawn
CASES = [(form, options) for form in FORMS for options in OPTIONS if not ("render_mode" in options and form in MANY)]


@pytest.mark.parametrize(("form", "options"), CASES, ids=str)
def test_copies_go_on_with_the_same_numbers(form, options):
    def made():
        env = FORMS[form](**{"scenario": SMALL, **options})
        env.reset(seed=3)
        return env

    alone, first = made(), made()
    expected = [played(alone, 3), played(alone, 4)][1]
    played(first, 3)
    picture = first.render() if "render_mode" in options else None
    copies = [copy.deepcopy(first), pickle.loads(pickle.dumps(first))]  # noqa: S301  # our own bytes
    if picture is not None:
        np.testing.assert_array_equal(copies[0].render(), picture)
        np.testing.assert_array_equal(copies[1].render(), picture)
    for env in (copies[0], first, copies[1]):
        for found, right in zip(played(env, 4), expected, strict=True):
            np.testing.assert_array_equal(found, right)
    again = [env.reset(seed=None) for env in (alone, first, *copies)]
    for other in again[1:]:
        if other is not None:
            np.testing.assert_array_equal(flat(other), flat(again[0]))
