import math

import numpy as np
import pytest
from scipy import stats

from wirelessenv.channel.shadowing import LogNormalShadowing, NoShadowing
from wirelessenv.config import ConfigError
from wirelessenv.streams import stream

RECEIVERS = np.array([[0.0, 0.0], [6.0, 8.0], [100.0, 0.0]])  # 10 apart, and far
TRANSMITTERS = np.array([[50.0, 50.0], [53.0, 54.0]])  # 5 apart


def drawn(law, many=20_000, receivers=RECEIVERS, transmitters=TRANSMITTERS):
    rng = stream(1, "shadowing")
    return np.stack([law.draw(rng, receivers, transmitters) for _ in range(many)])


def correlation(one, other):
    return stats.pearsonr(one, other).statistic


def test_shadowing_is_gaussian_in_db_with_its_standard_deviation_and_not_normalised():
    values = drawn(LogNormalShadowing(std_db=8.0, correlation_distance=7.0))
    for index in np.ndindex(3, 2):
        assert stats.kstest(values[(slice(None), *index)] / 8, "norm").pvalue > 1e-3
    mean = (10 ** (drawn(LogNormalShadowing(std_db=4.0)) / 10)).mean()
    assert mean == pytest.approx(math.exp((4 * math.log(10) / 10) ** 2 / 2), rel=0.03)  # not 1


def test_independent_links_without_a_correlation_distance():
    values = drawn(LogNormalShadowing(std_db=8.0), transmitters=TRANSMITTERS[[0, 0]])
    flat = values.reshape(len(values), -1)
    for i in range(6):
        for j in range(i):
            assert abs(correlation(flat[:, i], flat[:, j])) < 4 / math.sqrt(len(flat))


@pytest.mark.parametrize(
    "distance", [pytest.param(5.0, marks=pytest.mark.slow), 10.0, pytest.param(40.0, marks=pytest.mark.slow)]
)
def test_links_are_correlated_as_their_ends_are_near(distance):
    values = drawn(LogNormalShadowing(std_db=6.0, correlation_distance=distance))
    bound = 4 / math.sqrt(len(values))
    assert correlation(values[:, 0, 0], values[:, 1, 0]) == pytest.approx(math.exp(-10 / distance), abs=bound)
    assert correlation(values[:, 0, 0], values[:, 2, 0]) == pytest.approx(math.exp(-100 / distance), abs=bound)
    assert correlation(values[:, 0, 0], values[:, 0, 1]) == pytest.approx(math.exp(-5 / distance), abs=bound)
    assert correlation(values[:, 0, 0], values[:, 1, 1]) == pytest.approx(math.exp(-15 / distance), abs=bound)


def test_receivers_may_stand_on_one_another():
    values = LogNormalShadowing(correlation_distance=10.0).draw(stream(0, "x"), np.zeros((30, 2)), TRANSMITTERS)
    np.testing.assert_allclose(values, np.broadcast_to(values[0], values.shape), atol=0.01)


@pytest.mark.slow
def test_along_a_moving_link_it_is_gudmundsons_autoregression():
    law, rng = LogNormalShadowing(std_db=8.0, correlation_distance=10.0), stream(2, "shadowing")
    after_rx, after_tx = RECEIVERS + np.array([[3, 4], [0, 0], [0, 0]]), TRANSMITTERS + np.array([[0, 0], [1, 0]])
    before, after = [], []
    for _ in range(20_000):
        old = law.draw(rng, RECEIVERS, TRANSMITTERS)
        new = law.move(rng, old, (RECEIVERS, TRANSMITTERS), (after_rx, after_tx))
        np.testing.assert_array_equal(new[1:, 0], old[1:, 0])  # neither end of these moved
        before.append(old)
        after.append(new)
    one, other, bound = np.array(before), np.array(after), 4 / math.sqrt(20_000)
    for (i, j), moved in {(0, 0): 5, (0, 1): 6, (1, 1): 1}.items():
        assert correlation(one[:, i, j], other[:, i, j]) == pytest.approx(math.exp(-moved / 10), abs=bound)
        assert stats.kstest(other[:, i, j] / 8, "norm").pvalue > 1e-3  # stationary
    # All that move alike stay correlated in space as at first.
    law, rng = LogNormalShadowing(std_db=1.0, correlation_distance=10.0), stream(3, "shadowing")
    moved = np.stack(
        [
            law.move(rng, law.draw(rng, RECEIVERS, TRANSMITTERS), (RECEIVERS, TRANSMITTERS), (RECEIVERS + 4, TRANSMITTERS))
            for _ in range(20_000)
        ]
    )
    assert correlation(moved[:, 0, 0], moved[:, 1, 0]) == pytest.approx(math.exp(-1), abs=bound)


def test_without_a_correlation_distance_a_link_whose_ends_moved_is_drawn_anew():
    law, rng = LogNormalShadowing(std_db=8.0), stream(4, "shadowing")
    old = law.draw(rng, RECEIVERS, TRANSMITTERS)
    new = law.move(rng, old, (RECEIVERS, TRANSMITTERS), (RECEIVERS + np.array([[1e-3, 0], [0, 0], [0, 0]]), TRANSMITTERS))
    np.testing.assert_array_equal(new[1:], old[1:])
    assert (new[0] != old[0]).all()


def test_no_shadowing_is_0_db_and_draws_nothing():
    rng = stream(5, "shadowing")
    before = rng.bit_generator.state
    values = NoShadowing().draw(rng, RECEIVERS, TRANSMITTERS)
    np.testing.assert_array_equal(values, np.zeros((3, 2)))
    assert NoShadowing().move(rng, values, (RECEIVERS, TRANSMITTERS), (RECEIVERS, TRANSMITTERS)) is values
    assert rng.bit_generator.state == before


def test_correlated_shadowing_of_too_many_places_is_refused():
    places = np.zeros((4001, 2))
    with pytest.raises(ConfigError, match=r"^shadowing.correlation_distance: 7.0 is not valid for 4001 transmitters"):
        LogNormalShadowing(correlation_distance=7.0).draw(stream(0, "x"), places[:1], places)
