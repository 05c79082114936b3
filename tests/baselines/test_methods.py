"""Methods without training, the held-out slots, and what is measured on them."""

import numpy as np
import pytest

from baselines import allocators
from baselines.comparison.held_out import VALIDATION, HeldOut
from baselines.comparison.measures import Measured
from baselines.comparison.methods import TRAINING, Method, bits_to_know, training_layouts
from baselines.comparison.work import VALIDATION_LAYOUTS
from baselines.learned.central import Central
from wirelessenv import ConfigError, Scenario, WirelessNetwork
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.settings import Settings

SMALL = Scenario(preset="dense", transmitters=4)


def held_out(scenario=SMALL, layouts=(0, 1, 2), slots=6, warm_up=3):
    return HeldOut.draw(scenario, layouts, slots, warm_up)


@pytest.mark.parametrize("preset", ["dense", "cellular", "d2d"])
def test_a_layout_has_the_same_slots_whatever_is_beside_it_and_however_many_are_drawn(preset):
    scenario = Scenario(preset=preset)
    many, one = held_out(scenario), held_out(scenario, [1], slots=2)
    np.testing.assert_array_equal(many.block.gain[1:2, :5], one.block.gain)
    np.testing.assert_array_equal(many.some([1]).block.features[:, :5], one.block.features)


def test_what_is_compared_on_is_apart_from_what_is_trained_and_validated_on():
    held, trained = held_out(), WirelessNetwork(SMALL, [0, 1, 2]).block(9)
    validated = HeldOut.draw(SMALL, [0, 1, 2], 6, 3, VALIDATION)
    for other in (trained, validated.block):
        assert not np.isin(held.block.gain, other.gain).any()
    seeds = [set(training_layouts(seed, 16)) for seed in range(5)]
    assert sum(map(len, seeds)) == len(set.union(*seeds))
    assert min(set.union(*seeds)) >= TRAINING > max(VALIDATION_LAYOUTS) > 10**9


@pytest.mark.parametrize(
    ("method", "allocator"),
    [
        ({"kind": "full_power"}, allocators.full_power),
        ({"kind": "wmmse"}, allocators.wmmse),
        ({"kind": "fractional_programming"}, allocators.fractional_programming),
        ({"kind": "max_min"}, allocators.max_min),
        ({"kind": "on_off"}, allocators.on_off),
        pytest.param({"kind": "certified_optimum"}, allocators.certified_optimum, marks=pytest.mark.slow),
        ({"kind": "custom", "allocator": "baselines.allocators:wmmse"}, allocators.wmmse),
    ],
)
@pytest.mark.parametrize("delay", [0, 2])
def test_allocators_decide_by_the_gains_of_so_many_slots_before(method, allocator, delay):
    held = held_out()
    power = Method.parse({**method, "delay": delay}).powers(held)
    for layout in range(3):
        for slot in range(9):
            gain = held.block.gain[layout, max(slot - delay, 0)]
            np.testing.assert_allclose(power[layout, slot], allocator(gain, 1.0, 10.0), rtol=1e-9, atol=1e-12)


def test_options_reach_the_allocator():
    held, several = held_out(), {"kind": "wmmse", "starts": ["full", "random"], "tolerance": 0.0, "iterations": 7, "seed": 3}
    expected = allocators.wmmse(held.block.gain, 1.0, 10.0, starts=["full", "random"], tolerance=0.0, iterations=7, seed=3)
    np.testing.assert_allclose(Method.parse(several).powers(held), expected, rtol=1e-9)
    drawn = Method.parse({"kind": "random_power", "seed": 1}).powers(held)
    assert 0 <= drawn.min() < 1
    assert 9 < drawn.max() <= 10
    assert (drawn != Method.parse("random_power").powers(held)).any()


def test_measured_is_what_the_formulas_say():
    held = held_out()
    power = np.random.default_rng(0).uniform(0, 10, (3, 9, 4))
    measured = Measured.of(held, power, first=2)
    gain = held.block.gain[:, 3:].astype(float)
    received = gain * power[:, 3:, None, :]
    wanted = np.einsum("ltii->lti", received)
    rates = np.log2(1 + wanted / (received.sum(-1) - wanted + 1.0))
    np.testing.assert_allclose(measured.rates, rates.mean(1), rtol=1e-4)
    np.testing.assert_allclose(measured.utility, rates.sum(2).mean(1), rtol=1e-4)
    np.testing.assert_allclose(measured.first, rates.sum(2)[:, :2], rtol=1e-4)
    columns = measured.columns()
    users = measured.rates
    np.testing.assert_allclose(columns["jain"], users.sum(1) ** 2 / (4 * (users**2).sum(1)))
    np.testing.assert_allclose(columns["energy_efficiency"], rates.sum((1, 2)) / power[:, 3:].sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(columns["p5_rate"], np.sort(users)[:, 0] + 0.15 * np.diff(np.sort(users))[:, 0])
    silent = Measured.of(held, power * 0, first=0).columns()
    assert all((silent[name] == 0).all() for name in ("utility", "jain", "energy_efficiency"))


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf, 10.1])
def test_powers_that_are_none_are_refused(wrong):
    power = np.ones((3, 9, 4))
    power[1, 2, 3] = wrong
    with pytest.raises(ConfigError, match=r"^powers: \S+ at \[.*\] is not valid: it should be in \[0, 10\]$"):
        Measured.of(held_out(), power, 0)
    with pytest.raises(ConfigError, match=r"powers of the shape \(1, 9, 4\) are not valid"):
        Measured.of(held_out(), np.ones((1, 9, 4)), 0)


@pytest.mark.parametrize("rows", [[], [3], [-4], [0.5], ["0"], 1, None, "0"])
def test_layouts_that_are_not_there_are_refused(rows):
    with pytest.raises(ConfigError, match=r"^rows: .* is not valid: it should list places of layouts, 0 to 2$"):
        held_out().some(rows)


@pytest.mark.parametrize("values", [np.ones((3, 8)), np.ones(3), [1.0] * 3, None, 1.0])
def test_values_of_other_slots_are_not_counted(values):
    with pytest.raises(ConfigError, match=r"^values: .* is not valid: its shape should be \(3, 9\) and more axes$"):
        held_out().counted(values)


def test_random_powers_of_a_layout_do_not_depend_on_the_others():
    method, held = Method.parse("random_power"), held_out()
    np.testing.assert_array_equal(method.powers(held)[2], method.powers(held.some([2]))[0])
    assert (method.powers(held)[2] != method.powers(held)[1]).all()


def test_an_environment_on_held_out_slots_plays_just_these():
    held = held_out(slots=70)
    batch = Batch(Settings(scenario=SMALL, observation=["aggregation", "local"]), 3, network=held.network())
    batch.reset(held.layouts)
    power = np.random.default_rng(1).uniform(0, 10, (73, 3, 4)).astype(np.float32)
    rates = []
    for slot in range(73):
        np.testing.assert_array_equal(batch.observations()[..., :5], held.block.features[:, slot])
        np.testing.assert_array_equal(batch.state().reshape(3, 4, 4), held.block.gain[:, slot])
        batch.step(power[slot], np.zeros((3, 4, 0), np.float32))
        rates.append(batch.infos()["rate"])
    measured = Measured.of(held, power.swapaxes(0, 1), 0)
    np.testing.assert_allclose(np.mean(rates[3:], axis=0), measured.rates, rtol=1e-5)


def test_what_must_travel():
    assert bits_to_know("everything", SMALL) == 32 * (16 + 4)
    assert bits_to_know("neighbours", SMALL) == 32 * 4 * 4
    assert bits_to_know("own channel", SMALL) == bits_to_know("nothing", SMALL) == 0
    assert Method.parse("full_power").bits(SMALL) == 0 < Method.parse("wmmse").bits(SMALL)


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ("wmsse", 'unknown kind "wmsse" (did you mean "wmmse"?)'),
        ({"kind": "wmmse", "dealy": 1}, 'unknown key "dealy" (did you mean "delay"?)'),
        ({"kind": "wmmse", "delay": -1}, "delay: -1 is not valid"),
        ({"kind": "custom", "allocator": "no_such_module:f"}, '"no_such_module:f" is not valid: it should be module:function'),
        ({"kind": "custom", "allocator": "baselines.allocators:none"}, '"baselines.allocators:none" is not valid'),
        (
            {"kind": "custom", "allocator": "baselines.comparison.methods:BITS"},
            '"baselines.comparison.methods:BITS" is not valid: it is neither a function nor a class',
        ),
        ({"kind": "gnn", "layers": 0}, "layers: 0 is not valid"),
    ],
)
def test_methods_that_do_not_exist_or_fit_are_refused_in_one_sentence(method, sentence):
    with pytest.raises(ConfigError) as caught:
        Method.parse(method)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [(lambda gain: gain, "powers of the shape (3, 9, 4, 4) are not valid"), (lambda gain: gain[..., 0] * 0 + 11, "[0, 10]")],
)
def test_an_allocator_of_ones_own_that_returns_no_powers_is_refused(monkeypatch, returned, sentence):
    monkeypatch.setattr(allocators, "mine", lambda gain, noise, p_max: returned(gain), raising=False)
    method = Method.parse({"kind": "custom", "allocator": "baselines.allocators:mine"})
    with pytest.raises(ConfigError) as caught:
        method.powers(held_out())
    assert sentence in str(caught.value)


def test_on_off_is_refused_where_there_are_too_many_patterns():
    with pytest.raises(ConfigError, match="24 pairs are not valid"):
        Method.parse("on_off").check(Scenario(preset="dense"))
    assert issubclass(Method.kinds["gnn"], Central)
