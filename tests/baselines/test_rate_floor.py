"""Sum rates with a floor: prices against a plain loop, and what they do."""

import numpy as np
import pytest

from baselines.allocators import fractional_programming, rate_floor
from baselines.comparison.comparison import Comparison
from baselines.comparison.held_out import HeldOut
from wirelessenv import ConfigError, Scenario
from wirelessenv.physics.rates import rate, sinr, split


def series(slots, pairs=4, seed=0):
    return np.random.default_rng(seed).exponential(size=(slots, pairs, pairs))


def test_prices_are_those_of_a_plain_loop():
    gain, floor, step, every = series(12), 1.2, 0.7, 3
    price, rates = np.zeros(4), []
    found = rate_floor(gain, 0.1, 1.0, floor=floor, step=step, every=every)
    for slot, one in enumerate(gain):
        power = fractional_programming(one, 0.1, 1.0, 1 + price)
        np.testing.assert_allclose(found[slot], power, atol=1e-9)
        rates.append(rate(sinr(*split(one), power, 0.1)))
        if slot % every == every - 1:
            price = np.maximum(0, price - step * (np.mean(rates[-every:], axis=0) - floor))
    assert price.any()


def test_without_a_floor_it_is_fractional_programming():
    gain = series(30).reshape(2, 15, 4, 4)
    np.testing.assert_allclose(
        rate_floor(gain, 0.1, 1.0, floor=0.0), fractional_programming(gain, 0.1, 1.0), rtol=0, atol=1e-12
    )


def test_a_link_that_would_be_silent_gets_its_floor_and_no_other_batch_matters():
    gain = np.broadcast_to([[9.0, 6.0], [6.0, 4.0]], (400, 2, 2))
    np.testing.assert_allclose(fractional_programming(gain[0], 0.1, 1.0), [1, 0], rtol=0, atol=1e-6)
    power = rate_floor(gain, 0.1, 1.0, floor=0.5)
    rates = rate(sinr(*split(gain), power, 0.1))[200:].mean(0)
    assert (rates > 0.45).all()
    both = rate_floor(np.stack([series(400, 2), gain]), 0.1, 1.0, floor=0.5)
    np.testing.assert_allclose(both[1], power, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{"floor": -1}, {"step": 0}, {"every": 0}, {"every": 1.5}, {"bandwidth": -1}, {"bandwidth": [1, 2, 3]}],
)
def test_what_is_no_floor_step_or_period_is_refused(options):
    (name,) = options
    with pytest.raises(ConfigError, match=rf"^{name}: "):
        rate_floor(series(3), 1.0, 1.0, **options)
    with pytest.raises(ConfigError, match=r"^gain: the shape \(2, 2\)"):
        rate_floor(np.ones((2, 2)), 1.0, 1.0)


def test_comparisons_know_it_and_the_schedulers():
    kinds = {name: name for name in ("rate_floor", "greedy_scheduling", "itlinq", "fplinq")}
    chosen = Comparison.parse({"scenarios": ["d2d_links"], "layouts": 2, "slots": 1, "methods": kinds}).methods
    held = HeldOut.draw(Scenario(preset="gaussian", transmitters=3), range(2), slots=4, warm_up=1)
    for name, method in chosen.items():
        assert method.powers(held).shape == (2, 5, 3), name


def test_gains_that_are_no_array_are_one_sentence():
    with pytest.raises(ConfigError, match="gain"):
        rate_floor([[1, 2], [3]], 1.0, 1.0)
