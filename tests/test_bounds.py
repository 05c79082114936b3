"""Every count and every number of every configuration has bounds, and within them observations and rewards are finite."""

import importlib
import pkgutil
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import baselines
import trainers
import wirelessenv
from trainers.events.inboxes import InboxesState
from trainers.workbench.intervals import Interval
from wirelessenv import Scenario
from wirelessenv.config import MOST, ConfigError, Count, Model, NonNegative, Positive, whole
from wirelessenv.envs.vector import VectorPowerControlEnv
from wirelessenv.physics.aggregation import aggregate


def _models(base: type[Model] = Model) -> Iterator[type[Model]]:
    for package in (wirelessenv, trainers, baselines):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                try:
                    importlib.import_module(module.name)
                except ModuleNotFoundError:  # an extra that is not installed
                    continue
    found, new = set(), {base}
    while new:
        found |= new
        new = {sub for one in new for sub in one.__subclasses__()} - found
    return iter(sorted(found, key=lambda one: (one.__module__, one.__qualname__)))


def _without_bounds(schema: Any) -> Iterator[str]:
    """Numbers in a JSON schema (le, ge: behind a validator of ours) that may be as large, or as small, as they like."""
    if isinstance(schema, dict):
        if schema.get("type") in {"integer", "number"} and not {"const", "enum"} & schema.keys():
            if not {"maximum", "exclusiveMaximum", "le", "lt"} & schema.keys():
                yield "no upper bound"
            if not {"minimum", "exclusiveMinimum", "ge", "gt"} & schema.keys():
                yield "no lower bound"
        for part in schema.values():
            yield from _without_bounds(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from _without_bounds(part)


def _faults(model: type[Model]) -> list[str]:
    return sorted(set(_without_bounds(model.model_json_schema())))


def test_every_number_of_every_model_has_bounds() -> None:
    others = (Interval, InboxesState)  # a result, and a saved state, whose numbers are compared with what else the state says
    models = [model for model in _models() if not model.__module__.startswith("tests.") and model not in others]
    assert len(models) > 60
    assert {model.__qualname__: faults for model in models if (faults := _faults(model))} == {}


def test_a_number_without_bounds_is_found() -> None:
    class Careless(Model):
        nested: dict[str, tuple[int | None, ...]]
        share: float = 0.5

    class Careful(Model):
        nested: dict[str, tuple[Count | None, ...]]
        share: Positive = 0.5

    assert _faults(Careless) == ["no lower bound", "no upper bound"]
    assert _faults(Careful) == []


@pytest.mark.parametrize("value", [2**31, 2**63, 10**30])
def test_a_count_beyond_all_bounds_is_refused(value: int) -> None:
    with pytest.raises(ConfigError, match=r"num_envs: .* is not valid: it should be at most 1000000000"):
        whole("num_envs", value)
    with pytest.raises(ConfigError, match=r"max_cycles: .* is not valid"):
        VectorPowerControlEnv(1, "dense", max_cycles=value)
    assert whole("num_envs", MOST) == MOST


def _finite_throughout(scenario: dict[str, Any], **options: Any) -> None:
    parts = ["aggregation", "local", "neighbours", "full"]
    env = VectorPowerControlEnv(2, scenario, observation=parts, max_cycles=8, **options)
    seen, _ = env.reset(seed=3)
    assert np.isfinite(seen).all()
    for step in range(17):
        seen, reward, _, _, infos = env.step(np.full(env.action_space.shape or (), (1.0, -1.0, 0.3)[step % 3], np.float32))
        assert np.isfinite(seen).all()
        assert np.isfinite(reward).all()
        assert all(np.isfinite(values).all() for values in infos.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"hops": 50},
        {"hops": 120, "observation_scale": "raw"},
        {"hops": 60, "observation_scale": "log1p_snr", "threshold": 0.0},
        {"preset": "d2d", "hops": 50},
        {"noise": 1.2e-38, "max_power": 1e-8},
        {"noise": 1e-29},
        {"noise": 3e38},
        {"max_power": 1e30},
        {"sinr_cap_db": 1000},
        {"path_loss": {"kind": "power_law", "amplitude_exponent": 16, "smallest_distance": 0.01}},
        {"shadowing": {"kind": "log_normal", "std_db": 50}},
        {"fading": {"kind": "real_ar1", "memory": 1 - 1e-16, "innovation": 1e6}},
        {"placement": {"kind": "uniform", "half_width": 1e-30, "receiver_offset": 1e30}},
        {"mobility": {"kind": "random_waypoint", "pause": 1e30}, "slot_seconds": 1e30},
        {"utility": {"kind": "energy_efficiency", "amplifier_efficiency": 1e-6, "circuit_power": 1e-30}, "max_power": 1e30},
        {"utility": {"kind": "latency", "packet": 1e10, "longest": 1e10}},
        {"utility": {"kind": "minimum_rate", "minimum": 1e6, "weight": 1e30}},
    ],
)
@pytest.mark.filterwarnings("ignore:scenario.threshold:UserWarning")  # where gains are next to nothing
def test_observations_and_rewards_are_finite(changes: dict[str, Any]) -> None:
    _finite_throughout({"preset": "dense", **changes})


def test_where_nothing_overflows_the_sequence_is_what_it_was() -> None:
    rng = np.random.default_rng(0)
    amplitude = rng.random((1, 6, 5, 5), np.float32) * np.float32(2e9)
    sequence, _ = aggregate(amplitude, np.ones((1, 5, 8), np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        for slot, hop in product(range(6), range(1, 8)):
            before = sequence[0, slot - 1, :, hop - 1] if slot else np.ones(5, np.float32)
            plain = (amplitude[0, slot] @ before[:, None])[:, 0]
            expected = np.minimum(plain, np.finfo(np.float32).max)
            assert np.array_equal(sequence[0, slot, :, hop], expected)
    assert (sequence == np.finfo(np.float32).max).any()
    assert (sequence < np.finfo(np.float32).max).any()


def test_gains_are_bounded_so_that_received_powers_and_sinrs_are_finite() -> None:
    scenario = Scenario(preset="dense", noise=1e-20, max_power=100.0)
    largest = scenario.largest_gain
    received = np.float32(largest) * np.float32(100.0) * 24
    assert np.isfinite(received)
    assert np.isfinite(received * np.float32(1 / 1e-20))
    assert Scenario(preset="d2d").largest_gain > 1e20


@pytest.mark.parametrize("value", [1e-46, 1e46, 1e31, float("inf"), float("nan")])
def test_numbers_beyond_32_bits_are_refused(value: float) -> None:
    class Held(Model):
        positive: Positive = 1.0
        other: NonNegative = 1.0

    with pytest.raises(ConfigError, match=r"Held.positive: .* is not valid"):
        Held(positive=value)
