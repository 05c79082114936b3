"""Pictures: what they show is where it should be, and drawing changes nothing."""

import copy
import pickle
import subprocess
import sys
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from wirelessenv import power_control_v0
from wirelessenv.channel.geometry import HexagonalPlacement
from wirelessenv.envs import rendering
from wirelessenv.envs.rendering import Message, Renderer, Scene, Screen
from wirelessenv.presets import SCENARIOS

QUIET = Scene(
    transmitters=np.array([[0.0, 0.0], [10.0, 10.0]]),
    receivers=np.array([[10.0, 0.0], [0.0, 10.0]]),
    serving=np.array([0, 1]),
    power=np.array([5.0, 0.0]),
    max_power=10.0,
    rate=np.array([0.5, 0.0]),
    gain=np.array([[1.0, 0.2], [0.1, 1.0]]),
)


def pixel(renderer, x, y):
    """Row and column of the picture where the map's point (x, y) is."""
    column, up = renderer._map.transData.transform((x, y))
    return int(600 - up), int(column)


def changed(first, second):
    return (first.astype(int) != second.astype(int)).any(-1)


def test_a_picture_is_a_fresh_array_of_colours():
    renderer = Renderer(QUIET)
    first, again = renderer.frame(QUIET), renderer.frame(QUIET)
    assert first.shape == (600, 900, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    again[:] = 0
    assert first.std() > 10


def test_the_wanted_link_is_drawn_where_it_is_in_the_colour_of_its_rate():
    renderer = Renderer(QUIET)
    slow, fast = renderer.frame(QUIET), renderer.frame(replace(QUIET, rate=np.array([1.0, 0.0])))
    row, column = pixel(renderer, 5, 0)
    assert changed(slow, fast)[row, column]
    for picture, rate in ((slow, 0.5), (fast, 1.0)):
        expected = np.array(renderer._colours.to_rgba(rate)[:3]) * 255
        assert np.abs(picture[row, column] - expected).max() < 12


def test_the_strongest_interference_joins_its_source_and_its_victim():
    renderer = Renderer(QUIET)
    with_it, without = renderer.frame(QUIET), renderer.frame(replace(QUIET, power=np.array([0.0, 0.0])))
    row, column = pixel(renderer, 0, 5)  # transmitter 0 disturbs receiver 1, at (0, 10)
    assert changed(with_it, without)[row - 2 : row + 3, column - 2 : column + 3].any()


def test_messages_are_where_they_have_got_to():
    renderer = Renderer(replace(QUIET, messages=()))
    none = renderer.frame(replace(QUIET, messages=()))
    for progress in (0.25, 0.5, 0.75):
        one = renderer.frame(replace(QUIET, messages=(Message(0, 1, 1, progress),)))
        rows, columns = np.nonzero(changed(none, one))
        row, column = pixel(renderer, 10 * progress, 10 * progress)
        assert abs(rows.mean() - row) < 2
        assert abs(columns.mean() - column) < 2


def test_bars_are_as_long_as_powers():
    renderer = Renderer(QUIET)
    lengths = []
    for power in (0.0, 2.5, 5.0, 10.0):
        picture = renderer.frame(replace(QUIET, power=np.array([power, 0.0]), gain=np.eye(2)))
        lengths.append((picture[150, 690:890] == 0x8C).all(-1).sum())
    assert lengths[0] == 0
    np.testing.assert_allclose(lengths[1:], np.array([0.25, 0.5, 1]) * lengths[3], atol=3)


def test_numbers_stand_beside_transmitters_on_the_map():
    few, many = Renderer(QUIET), Renderer(QUIET)
    many._names = []
    many._moving = [artist for artist in many._moving if artist not in few._names and type(artist).__name__ != "Annotation"]
    rows, columns = np.nonzero(changed(few.frame(QUIET), many.frame(QUIET)))
    for x, y in QUIET.transmitters:
        row, column = pixel(few, x, y)
        assert (np.hypot(rows - row, columns - column) < 25).sum() > 5


def test_cells_are_drawn_and_fit_on_the_map():
    cells = np.array([[[-20.0, -20.0], [30.0, -20.0], [30.0, 30.0], [-20.0, 30.0]]])
    renderer = Renderer(replace(QUIET, cells=cells))
    picture = renderer.frame(replace(QUIET, cells=cells))
    for x, y in ((5, -20), (30, 5)):
        row, column = pixel(renderer, x, y)
        assert (picture[row - 2 : row + 3, column - 2 : column + 3] < 220).any()


def test_hexagons_touch_their_neighbours_halfway():
    placement = HexagonalPlacement(cells=7, inner_radius=400)
    outlines = placement.outlines()
    assert outlines.shape == (7, 6, 2)
    middles = (outlines[0] + np.roll(outlines[0], -1, axis=0)) / 2
    halfway = placement.stations()[1:] / 2
    assert np.linalg.norm(middles[:, None] - halfway, axis=-1).min(axis=0).max() < 1e-9


def test_the_slowest_links_are_seen_on_white():
    assert Renderer(QUIET)._colours.to_rgba(0.0)[:3] @ np.array([0.2126, 0.7152, 0.0722]) < 0.75


def test_the_map_grows_where_somebody_leaves_it():
    renderer = Renderer(QUIET)
    renderer.frame(QUIET)
    renderer.frame(replace(QUIET, transmitters=np.array([[0.0, 0.0], [40.0, 10.0]])))
    row, column = pixel(renderer, 40, 10)
    assert 0 <= row < 600
    assert 0 <= column < 580


QUICK = {"dense", "uplink", "drifting"}
"""A plain one, one with base stations, and one that moves."""


@pytest.mark.parametrize("preset", [pytest.param(one, marks=[pytest.mark.slow] * (one not in QUICK)) for one in SCENARIOS])
@pytest.mark.parametrize(
    "messages",
    [pytest.param({}, marks=pytest.mark.slow), {"messages": "utility", "messaging": {"graph": "ring", "links": {"delay": 3}}}],
)
def test_every_preset_can_be_drawn_and_drawing_changes_nothing(preset, messages):
    scenario = {"preset": preset, "transmitters": 8} if preset != "uplink" else preset
    drawn, plain = (
        power_control_v0.parallel_env(scenario=scenario, render_mode=mode, max_cycles=9, **messages)
        for mode in ("rgb_array", None)
    )
    told = [env.reset(seed=1) for env in (drawn, plain)]
    assert drawn.render().shape == (600, 900, 3)
    assert plain.render() is None
    for _ in range(8):
        actions = {agent: np.array([0.3], np.float32) for agent in drawn.agents}
        told = [env.step(actions) for env in (drawn, plain)]
        frame = drawn.render()
        assert frame.std() > 5
    for agent in drawn.possible_agents:
        np.testing.assert_array_equal(told[0][0][agent], told[1][0][agent])
    assert told[0][1] == told[1][1]
    drawn.close()
    drawn.reset()
    assert drawn.render().shape == (600, 900, 3)


def test_messages_under_way_are_those_that_were_sent_and_have_not_arrived():
    env = power_control_v0.parallel_env(
        scenario={"transmitters": 3}, messages="utility", render_mode="rgb_array",
        messaging={"graph": {"kind": "ring", "both_ways": False}, "links": {"delay": 2}},
    )  # fmt: skip
    env.reset(seed=0)
    assert env._batch.scene().messages == ()
    actions = {agent: np.zeros(1, np.float32) for agent in env.agents}
    env.step(actions)
    ring = [(0, 1), (1, 2), (2, 0)]
    assert sorted(env._batch.scene().messages) == [Message(i, j, 1, 0.25) for i, j in ring]
    env.step(actions)
    both = [Message(i, j, age, part) for i, j in ring for age, part in ((1, 0.25), (2, 0.75))]
    assert sorted(env._batch.scene().messages) == both


def test_gymnasium_draws_too():
    env = gymnasium.make("wirelessenv/PowerControl-v0", scenario="dense", render_mode="rgb_array")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert env.render().shape == (600, 900, 3)


def test_copies_of_a_drawn_environment_draw_themselves():
    env = power_control_v0.parallel_env(scenario={"transmitters": 3}, render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):  # noqa: S301  # our own
        np.testing.assert_array_equal(other.render(), frame)


def test_before_the_first_reset_there_is_nothing_to_draw():
    env = power_control_v0.parallel_env(render_mode="rgb_array")
    with pytest.raises(RuntimeError, match=r"render: there is nothing to draw before the first reset\(\)"):
        env.render()


def no_window(*_args, **_options):
    raise ImportError("Cannot load backend 'TkAgg' which requires the 'tk' interactive framework, as 'headless' is running")


@pytest.mark.parametrize("why", ["backend", "window"])
def test_human_mode_without_a_screen_warns_once_and_plays_on(monkeypatch, why):
    env, alone = (power_control_v0.parallel_env(scenario={"transmitters": 3}, render_mode=mode) for mode in ("human", None))
    monkeypatch.setattr(rendering, "_interactive", set if why == "backend" else lambda: {"agg"})
    monkeypatch.setattr("matplotlib.pyplot.get_backend", lambda: "agg")
    monkeypatch.setattr("matplotlib.pyplot.figure", no_window)
    sentence = {
        "backend": 'render_mode: "human" shows nothing: there is no screen here; "rgb_array" works without a screen',
        "window": 'render_mode: "human" shows nothing: matplotlib opens no window (Cannot load backend',
    }[why]
    with pytest.warns(UserWarning, match="render_mode") as caught:
        env.reset(seed=0)
    assert [str(warning.message)[: len(sentence)] for warning in caught] == [sentence]
    alone.reset(seed=0)
    actions = {agent: np.zeros(1, np.float32) for agent in env.agents}
    for _ in range(3):  # warnings are errors here: there is no second one
        assert env.step(actions)[1] == alone.step(actions)[1]
        assert env.render() is None
    env.close()
    env.reset()
    assert env.render() is None


def test_human_mode_shows_every_step(monkeypatch):
    env = power_control_v0.parallel_env(scenario={"transmitters": 3}, render_mode="human")
    shown, closed = [], []

    class Window:
        show, close = staticmethod(shown.append), staticmethod(lambda: closed.append(1))

    monkeypatch.setattr(rendering, "Window", Window)
    env.reset(seed=0)
    env.step({agent: np.zeros(1, np.float32) for agent in env.agents})
    assert len(shown) == 2
    assert changed(*shown).any()
    env.close()
    assert closed == [1]


def test_a_window_shows_frames_through_matplotlib(monkeypatch):
    monkeypatch.setattr(rendering, "_interactive", lambda: {"agg"})
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    window = rendering.Window()
    frame = Renderer(QUIET).frame(QUIET)
    window.show(frame)
    window.show(255 - frame)
    np.testing.assert_array_equal(window._image.get_array(), 255 - frame)
    window.close()


def test_without_matplotlib_there_is_one_sentence():
    code = """
import sys
sys.modules["matplotlib"] = None
from wirelessenv import power_control_v0
env = power_control_v0.parallel_env(render_mode="rgb_array")
env.reset(seed=0)
try:
    env.render()
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    sentence = "ConfigError render_mode: drawing needs matplotlib, which is not installed: pip install 'wirelessenv[render]'"
    assert done.stdout.strip() == sentence


def test_a_screen_without_a_mode_asks_for_no_scene():
    assert Screen(None).render(lambda: pytest.fail("no scene is needed"), 1) is None
