import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.config import ConfigError
from wirelessenv.messages.activity import Activity, Chance, Trials


@given(
    probability=st.floats(0, 1),
    longest=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_in_every_window_of_the_longest_silence_there_is_an_event(probability, longest, seed):
    trials = Trials(Chance(probability=probability, longest_silence=longest), [seed, seed + 1], "query", (3,))
    happened = trials.draw(40)
    for start in range(40 - longest + 1):
        assert happened[start : start + longest].any(axis=0).all()


def test_a_silence_as_long_as_allowed_occurs():
    trials = Trials(Chance(probability=0, longest_silence=3), [0], "query", ())
    assert trials.draw(7)[:, 0].tolist() == [False, False, True, False, False, True, False]


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_events_have_their_probability_and_are_independent(probability):
    happened = Trials(Chance(probability=probability), [0, 1], "query", (5, 5)).draw(400).astype(float)
    error = np.sqrt(probability * (1 - probability) / happened.size)
    assert abs(happened.mean() - probability) < 4 * error
    centred = happened - probability
    for pair in (centred[1:] * centred[:-1], centred[:, 0] * centred[:, 1], centred[..., 0] * centred[..., 1]):
        assert abs(pair.mean()) < 4 * pair.std() / np.sqrt(pair.size)


def test_a_longest_silence_leaves_the_law_of_shorter_ones_alone():
    free = Trials(Chance(probability=0.3), [0], "query", (4,)).draw(60)
    bounded = Trials(Chance(probability=0.3, longest_silence=5), [0], "query", (4,)).draw(60)
    assert (bounded >= free).all()
    for agent in range(4):
        silent = 0
        for one, other in zip(free[:, 0, agent], bounded[:, 0, agent], strict=True):
            assert other == (one or silent == 4)
            silent = 0 if other else silent + 1


@pytest.mark.parametrize("longest", [None, 3])
def test_a_certain_event_draws_nothing(longest):
    trials = Trials(Chance(probability=1, longest_silence=longest), [0], "query", (3,))
    before = trials.state()["streams"]
    assert trials.draw(5).all()
    assert trials.state()["streams"] == before


def test_only_real_trials_lengthen_or_break_a_silence():
    trials = Trials(Chance(probability=0, longest_silence=2), [0], "loss", (2,))
    only_first = np.broadcast_to([True, False], (4, 1, 2))
    assert trials.draw(4, only_first)[:, 0].tolist() == [[False, False], [True, False], [False, False], [True, False]]
    assert trials.draw(2)[:, 0].tolist() == [[False, False], [True, True]]


def test_a_run_does_not_depend_on_what_else_is_in_the_batch():
    chance = Chance(probability=0.4, longest_silence=4)
    together = Trials(chance, [3, 8, 5], "query", (4,)).draw(30)
    np.testing.assert_array_equal(together[:, 1], Trials(chance, [8], "query", (4,)).draw(30)[:, 0])


@given(cuts=st.lists(st.integers(1, 5), min_size=1, max_size=5), longest=st.none() | st.integers(1, 4))
def test_events_do_not_depend_on_how_many_are_drawn_at_a_time(cuts, longest):
    chance, where = Chance(probability=0.3, longest_silence=longest), np.random.default_rng(0).random((sum(cuts), 2, 3)) < 0.7
    trials = Trials(chance, [3, 8], "query", (3,))
    parts = [trials.draw(len(part), part) for part in np.split(where, np.cumsum(cuts)[:-1])]
    np.testing.assert_array_equal(np.concatenate(parts), Trials(chance, [3, 8], "query", (3,)).draw(sum(cuts), where))


@given(before=st.integers(1, 7))
def test_trials_go_on_from_a_saved_state(before):
    chance = Chance(probability=0.2, longest_silence=4)
    trials = Trials(chance, [3, 8], "query", (4,))
    trials.draw(before)
    saved = trials.state()
    expected = trials.draw(12)
    other = Trials(chance, [0, 1], "query", (4,))
    other.set_state(saved)
    np.testing.assert_array_equal(other.draw(12), expected)


def test_a_number_is_short_for_a_probability():
    activity = Activity.parse({"update": 0.9, "transmit": {"probability": 0.5, "longest_silence": 3}})
    assert activity.update == Chance(probability=0.9)
    assert activity.transmit == Chance(probability=0.5, longest_silence=3)
    assert activity.query.probability == 1


@pytest.mark.parametrize(
    ("written", "fragment"),
    [
        (1.5, "probability: 1.5 is not valid"),
        (-0.1, "probability: -0.1 is not valid"),
        (0, "probability 0 is not valid: it would never happen"),
        (True, "True is not valid"),
        ("often", "probability: 'often' is not valid"),
        ({"longest_silence": 0}, "longest_silence: 0 is not valid"),
        ({"longest_silence": 2.5}, "longest_silence: 2.5 is not valid"),
        ({"probabilty": 0.5}, 'did you mean "probability"'),
    ],
)
def test_what_is_no_chance_is_refused(written, fragment):
    with pytest.raises(ConfigError, match=fragment):
        Chance.parse(written)
