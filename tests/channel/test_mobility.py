import numpy as np
import pytest
from scipy import stats

from wirelessenv.channel.mobility import RandomWaypoint
from wirelessenv.config import ConfigError
from wirelessenv.streams import stream


def walk(law, count, step, steps, side=100.0):
    """Positions (steps + 1, count, 2) of walkers in [0, side]^2, and the places they were sent to."""
    rng, sent = stream(1, "mobility"), []

    def waypoints(many):
        sent.append(rng.uniform(0, side, (many, 2)))
        return sent[-1]

    positions = [waypoints(count)]
    memory = law.begin(rng, count, waypoints)
    for _ in range(steps):
        before = positions[-1].copy(), {name: values.copy() for name, values in memory.items()}
        new, after = law.move(rng, positions[-1], memory, step, waypoints)
        np.testing.assert_array_equal(positions[-1], before[0])  # what was given is left as it is
        for name, values in memory.items():
            np.testing.assert_array_equal(values, before[1][name])
        positions.append(new)
        memory = after
    return np.array(positions), np.concatenate(sent)


def test_walkers_go_straight_at_speeds_within_bounds_and_stay_inside():
    positions, _ = walk(RandomWaypoint(slowest=1, fastest=3), 200, 0.5, 400)
    assert positions.min() >= 0
    assert positions.max() <= 100
    step = np.diff(positions, axis=0)
    speed = np.linalg.norm(step, axis=2) / 0.5
    assert speed.max() <= 3 + 1e-9
    turned = np.abs(np.diff(step, axis=0)).max(axis=2) > 1e-9
    legs = 1 - turned.mean()
    assert legs > 0.95  # a leg lasts about 26 s, 52 steps
    assert speed[:-1][~turned & (speed[:-1] > 0)].min() >= 1 - 1e-9


def test_speeds_and_places_are_uniform():
    law, rng = RandomWaypoint(slowest=1, fastest=3), stream(2, "mobility")
    memory = law.begin(rng, 20_000, lambda many: rng.uniform(0, 5, (many, 2)))
    assert stats.kstest(memory["speed"], stats.uniform(1, 2).cdf).pvalue > 1e-3
    _, sent = walk(law, 500, 1.0, 300)
    assert len(sent) > 3000
    assert stats.kstest(sent[:, 0], stats.uniform(0, 100).cdf).pvalue > 1e-3


def by_hand(start, places, speed, pause, seconds):
    """Place of one walker: along its legs, one after the other."""
    here, left = np.array(start, float), seconds
    for place in places:
        length = float(np.hypot(*(place - here)))
        if left < length / speed:
            return here + (place - here) / length * speed * left
        left -= length / speed
        here = np.array(place, float)
        if left <= pause:
            return here
        left -= pause
    raise AssertionError("more places are needed")


@pytest.mark.parametrize("step", [0.1, 0.7, 5.0, 60.0])
@pytest.mark.parametrize("pause", [0.0, 1.3])
def test_wherever_one_looks_a_walker_is_where_its_legs_take_it(step, pause):
    rng = stream(3, "mobility")
    places = rng.uniform(0, 10, (100, 2))
    law, order = RandomWaypoint(slowest=2, fastest=2, pause=pause), iter(places)
    position = np.array([[5.0, 5.0]])
    memory = law.begin(rng, 1, lambda many: np.array([next(order) for _ in range(many)]))
    for k in range(1, int(120 / step) + 1):
        position, memory = law.move(rng, position, memory, step, lambda many: np.array([next(order) for _ in range(many)]))
        np.testing.assert_allclose(position[0], by_hand((5, 5), places, 2.0, pause, k * step), atol=1e-8)


def test_those_who_would_be_everywhere_at_once_are_refused():
    with pytest.raises(ConfigError, match=r"mobility.fastest: 1000000000.0 is not valid: walkers reach 10000 places"):
        walk(RandomWaypoint(slowest=1e9, fastest=1e9), 2, 1.0, 1)
