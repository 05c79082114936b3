import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirelessenv.config import ConfigError
from wirelessenv.messages.activity import Trials
from wirelessenv.messages.links import ConstantDelay, Delay, Links, Loss, UniformDelay
from wirelessenv.streams import stream


@given(
    probability=st.floats(0, 1, exclude_max=True),
    longest_run=st.integers(1, 5),
    busy=st.floats(0.1, 1),
    seed=st.integers(0, 99),
)
def test_losses_in_a_row_on_a_link_never_exceed_the_longest_run(probability, longest_run, busy, seed):
    arrival = Loss(probability=probability, longest_run=longest_run).arrival()
    trials, rng = Trials(arrival, [seed], "loss", (3, 3)), np.random.default_rng(seed)
    lost_in_a_row = np.zeros((1, 3, 3), int)
    sent = rng.random((60, 1, 3, 3)) < busy
    for used, arrives in zip(sent, trials.draw(60, where=sent), strict=True):
        lost_in_a_row[used & arrives] = 0
        lost_in_a_row[used & ~arrives] += 1
        assert lost_in_a_row.max() <= longest_run


def test_a_run_of_losses_as_long_as_allowed_occurs():
    trials = Trials(Loss(probability=0.999999, longest_run=2).arrival(), [0], "loss", ())
    assert trials.draw(7)[:, 0].tolist() == [False, False, True, False, False, True, False]


def test_messages_are_lost_with_their_probability():
    trials = Trials(Loss(probability=0.2).arrival(), [0], "loss", (200, 200))
    assert 1 - trials.draw(1).mean() == pytest.approx(0.2, abs=4 * 0.4 / 200)
    assert Loss().arrival().probability == 1


@given(shortest=st.integers(0, 4), extra=st.integers(0, 4))
def test_uniform_delays_keep_their_bounds_and_reach_them(shortest, extra):
    delay = UniformDelay(shortest=shortest, longest=shortest + extra)
    drawn = delay.draw([stream(0, "delay"), stream(1, "delay")], 3, 9)
    assert drawn.shape == (3, 2, 9, 9)
    assert set(np.unique(drawn).tolist()) == set(range(delay.smallest, delay.largest + 1))
    assert (delay.smallest, delay.largest) == (shortest, shortest + extra)


def test_uniform_delays_are_drawn_for_every_message_and_equally_often():
    drawn = UniformDelay(shortest=1, longest=4).draw([stream(0, "delay")], 1, 200)[0, 0]
    assert np.bincount(drawn.ravel())[1:] / drawn.size == pytest.approx([0.25] * 4, abs=4 * 0.433 / 200)
    centred = drawn - 2.5
    assert abs((centred * centred.T)[np.triu_indices(200, 1)].mean()) < 4 * 1.25 / np.sqrt(200 * 199 / 2)


@given(cuts=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_delays_do_not_depend_on_how_many_instants_are_drawn_at_a_time(cuts):
    delay, streams = UniformDelay(shortest=1, longest=4), [stream(0, "delay"), stream(1, "delay")]
    parts = [delay.draw(streams, instants, 3) for instants in cuts]
    whole = delay.draw([stream(0, "delay"), stream(1, "delay")], sum(cuts), 3)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("instants", [0, 1, 5])
def test_a_constant_delay_is_constant(instants):
    delay = ConstantDelay(instants=instants)
    assert (delay.smallest, delay.largest) == (instants, instants)
    assert (np.broadcast_to(delay.draw([stream(0, "delay")], 3, 4), (3, 1, 4, 4)) == instants).all()


def test_numbers_are_short_forms():
    assert Links.parse({"delay": 3, "loss": 0.1}) == Links(delay=ConstantDelay(instants=3), loss=Loss(probability=0.1))
    assert Links.parse({}) == Links(delay=ConstantDelay(instants=1), loss=Loss())
    assert Links.parse({"delay": "uniform"}).delay == Delay.parse({"kind": "uniform", "shortest": 1, "longest": 3})


@pytest.mark.parametrize(
    ("written", "fragment"),
    [
        ({"delay": -1}, "links.delay.instants: -1 is not valid"),
        ({"delay": 1.5}, "links.delay: should be a kind"),
        ({"delay": True}, "links.delay: should be a kind"),
        ({"delay": {"kind": "constant", "instants": 1.0}}, "links.delay.instants: 1.0 is not valid"),
        ({"delay": {"kind": "uniform", "shortest": 4}}, "longest 3 is not valid: it is below shortest 4"),
        ({"loss": 1}, "links.loss.probability: 1 is not valid"),
        ({"loss": False}, "links.loss: False is not valid"),
        ({"loss": {"probability": 0.1, "longest_run": 0}}, "links.loss.longest_run: 0 is not valid"),
        ({"dealy": 1}, 'did you mean "delay"'),
        (3, "links: 3 is not valid"),
    ],
)
def test_what_is_no_link_is_refused(written, fragment):
    with pytest.raises(ConfigError, match=fragment) as caught:
        Links.parse(written, "links")
    assert "\n" not in str(caught.value)
