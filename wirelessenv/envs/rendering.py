"""Pictures of the environment: the map, who interferes with whom, messages on their way, and powers.

matplotlib is imported when the first picture is drawn; no window system is needed but for `Window`.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wirelessenv import style
from wirelessenv.config import ConfigError
from wirelessenv.extras import missing
from wirelessenv.per_agent import PerAgent
from wirelessenv.text import drawn

Pixels = NDArray[np.uint8]

SIZE, DPI = (9.0, 6.0), 100  # inches, hence 900 x 600 pixels
DARKEST, LINK, INTERFERENCE, MESSAGE = style.DARK, "viridis_r", style.COLOURS[2], style.COLOURS[1]
PALEST = 0.25
"""Part of the colours of rates that is left out: yellow on white is not seen."""
BAR = "#8c8c8c"
GREYS = (BAR, "#c4c4c4")
"""Bars of bands, in turn."""
MAP = (0.02, 0.03, 0.62, 0.86)


class Message(NamedTuple):
    """A message between two transmitters."""

    sender: int
    receiver: int
    age: int
    """instants since it was sent"""
    progress: float
    """0: at the sender, 1: at the receiver"""


@dataclass(frozen=True)
class Scene:
    """Content of a picture: one slot of one network of m agents."""

    transmitters: NDArray[np.floating]
    """(m, 2); NaN where there is no geometry: then the pairs are put on a circle"""
    receivers: NDArray[np.floating]
    """(n, 2)"""
    serving: NDArray[np.intp]
    """the receiver of each transmitter, (m,)"""
    power: NDArray[np.floating]
    """(m,); of M bands (m, M)"""
    max_power: PerAgent
    """a number for all agents, or (m,)"""
    rate: NDArray[np.floating]
    """(m,), bit/s/Hz"""
    gain: NDArray[np.floating]
    """|h|^2 (m, m), [receiver of agent i, transmitter j], of M bands (M, m, m); where links are cut (links,), between `ends`"""
    messages: tuple[Message, ...] | None = None
    """messages on their way; None: there never are any"""
    slot: int = 0
    title: str = ""
    ends: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None
    """Receivers and transmitters of the links that are not cut, by receiver; None: none is."""
    cells: NDArray[np.floating] | None = None
    """Corners of cells, (cells, corners, 2); None: there are none."""

    @property
    def largest(self) -> float:
        """The power that a whole bar stands for: max_power, or 1 where bars are shares of each agent's own."""
        return self.max_power if isinstance(self.max_power, float) else 1.0

    @property
    def drawn(self) -> NDArray[np.floating]:
        """The powers as bars have them, like `power`."""
        if isinstance(self.max_power, float):
            return self.power
        return np.asarray((self.power.T / self.max_power).T)

    @property
    def total(self) -> NDArray[np.floating]:
        """Powers over all bands as bars have them, (m,)."""
        return self.drawn if self.power.ndim == 1 else np.asarray(self.drawn.sum(1))

    def loudest(self) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
        """The transmitter whose interference is strongest at each receiver, and its share of that and the wanted power."""
        if self.ends is None:
            arriving = self.gain * self.power.T[..., None, :] if self.power.ndim == 2 else self.gain * self.power
            arriving = arriving.sum(0) if arriving.ndim == 3 else arriving
            wanted = np.diag(arriving).copy()
            np.fill_diagonal(arriving, 0)
            source, strongest = arriving.argmax(1), arriving.max(1)
        else:
            receiver, transmitter = self.ends
            arriving = self.gain[: len(receiver)] * self.power[transmitter]
            wanted = arriving[direct := receiver == transmitter]
            order = np.lexsort((np.where(direct, 0, arriving), receiver))  # the last of each receiver is its strongest one
            last = order[np.append(np.flatnonzero(np.diff(receiver)), len(receiver) - 1)]
            source, strongest = transmitter[last], np.where(direct, 0, arriving)[last]
        return source, strongest / np.maximum(strongest + wanted, 1e-30)


MOST_NAMES = 60
"""Transmitters whose numbers stand on the map."""
MOST_BARS = 200
"""Transmitters whose powers have a bar each; of more, shares are drawn."""
CROWD = 2000
"""Most transmitters that are drawn with links; of more, each is a dot in the colour of its rate."""


class Bars:
    """The power of every transmitter, as a bar, of several bands with a part for each, in alternating greys."""

    def __init__(self, axes: Any, agents: int, bands: int, most: float) -> None:
        self.artists = [
            bar
            for band in range(bands)
            for bar in axes.barh(np.arange(agents), np.zeros(agents), height=0.75, color=GREYS[band % 2], animated=True)
        ]
        axes.set(xlim=(0, most), ylim=(agents - 0.5, -0.5))
        axes.set_xticks([0, most / 2, most], ["0", "0.5", "1"])
        named = range(0, agents, max(1, agents // 12))
        axes.set_yticks(named, [f"tx_{i}" for i in named])

    def show(self, power: NDArray[np.floating]) -> None:
        """Show the powers of a slot, (m,); of M bands (m, M)."""
        parts = power.reshape(len(power), -1).T
        begin = np.cumsum(parts, axis=0) - parts
        for bar, left, value in zip(self.artists, begin.ravel().tolist(), parts.ravel().tolist(), strict=True):
            bar.set_x(left)
            bar.set_width(value)


class Shares:
    """The shares of the transmitters whose powers are in each of 20 ranges, as bars."""

    def __init__(self, axes: Any, agents: int, most: float) -> None:
        self._edges = np.linspace(0, most, 21)
        low, height = self._edges[:-1], 0.9 * most / 20
        self.artists = list(axes.barh(low, np.zeros(20), height=height, align="edge", color=BAR, animated=True))
        axes.set(xlim=(0, 1), ylim=(0, most), xlabel="share of transmitters")
        axes.set_yticks([0, most / 2, most], ["0", "0.5", "1"])
        axes.xaxis.label.set_size(7)

    def show(self, power: NDArray[np.floating]) -> None:
        """Show the powers of a slot, (m,)."""
        counts, _ = np.histogram(np.clip(power, self._edges[0], self._edges[-1]), self._edges)
        for bar, share in zip(self.artists, (counts / len(power)).tolist(), strict=True):
            bar.set_width(share)


class Renderer:
    """Draws scenes of one network: the first one in full, of the others what changes."""

    def __init__(self, scene: Scene) -> None:
        with _matplotlib():
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        self._figure: Any = Figure(figsize=SIZE, dpi=DPI)
        self._canvas: Any = FigureCanvasAgg(self._figure)
        self._most_rate = 1.0
        self._fine = min(1.0, math.sqrt(MOST_BARS / len(scene.power)))
        """Times the usual sizes of dots and lines, which shrink where there are many."""
        self._crowded = len(scene.power) > CROWD
        self._low, self._high = np.zeros(2), np.zeros(2)
        self._background: Any = None
        self._cells = scene.cells
        self._make_artists(scene)

    def _make_artists(self, scene: Scene) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.collections import LineCollection
        from matplotlib.colors import PowerNorm

        self._map = self._figure.add_axes(MAP)
        self._map.set(xticks=[], yticks=[], facecolor="#fbfbfb")
        for side in self._map.spines.values():
            side.set_color("#cccccc")
        self._disturbed: Any = LineCollection([], colors=INTERFERENCE, zorder=2, animated=True, label="strongest interference")
        self._norm = PowerNorm(0.5, 0, self._most_rate)  # low rates differ most
        self._links: Any = LineCollection(
            [], cmap=_rates(), norm=self._norm, linewidths=2.5, zorder=3, animated=True, capstyle="round"
        )
        for lines in (self._disturbed, self._links):
            self._map.add_collection(lines, autolim=False)

        if scene.cells is not None:
            self._map.add_collection(LineCollection(list(_closed(scene.cells)), colors="#b5b5b5", linewidths=0.8, zorder=1))
        self._receivers = self._dots("o", 26, "white", DARKEST, "receiver", 4)
        self._transmitters = self._dots("^", 42, DARKEST, "white", "transmitter", 5)
        if self._crowded:
            self._transmitters = self._map.scatter([], [], s=5, c=DARKEST, edgecolors="none", zorder=5, animated=True)
            self._transmitters.set_label("transmitter, in the colour of its rate")
        self._messages = self._dots("s", 11, MESSAGE, "none", "message (fading with age)", 6)
        self._figure.legend(
            handles=[
                self._transmitters,
                *([] if self._crowded else [self._receivers, self._disturbed]),
                *([] if scene.messages is None else [self._messages]),
            ],
            loc="upper left",
            bbox_to_anchor=(0.02, 0.955),
            ncols=4,
            handletextpad=0.4,
            columnspacing=1.4,
            frameon=False,
            fontsize=8,
        )
        bar = self._figure.add_axes((0.66, 0.08, 0.014, 0.76))
        self._colours = ScalarMappable(cmap=_rates(), norm=self._norm)
        self._figure.colorbar(self._colours, cax=bar)
        bar.set_title("rate\nbit/s/Hz", fontsize=8, pad=6)
        bar.tick_params(labelsize=7)

        side = self._figure.add_axes((0.77, 0.08, 0.21, 0.76))
        side.set_title("power / largest power", fontsize=8, pad=6)
        side.tick_params(labelsize=7, length=2)
        side.spines[["top", "right"]].set_visible(False)
        agents = len(scene.power)
        self._bands = scene.power.ndim == 2 and scene.power.size <= 2 * MOST_BARS
        """Bars have a part for each band."""
        if agents <= MOST_BARS:
            self._powers: Bars | Shares = Bars(side, agents, scene.power.shape[1] if self._bands else 1, scene.largest)
        else:
            self._powers = Shares(side, agents, scene.largest)
        named = range(len(scene.power) if len(scene.power) <= MOST_NAMES else 0)
        look = {"textcoords": "offset points", "fontsize": 6.5, "color": DARKEST, "zorder": 7, "animated": True}
        self._names = [self._map.annotate(str(agent), (0, 0), xytext=(4, 3), **look) for agent in named]
        self._text = self._figure.text(0.02, 0.965, "", fontsize=10, animated=True, color=DARKEST)
        self._moving = [
            *([] if self._crowded else [self._disturbed, self._links, self._receivers]),
            self._transmitters,
            self._messages,
            *self._names,
            *self._powers.artists,
            self._text,
        ]

    def _dots(self, marker: str, size: float, face: str, edge: str, label: str, order: int) -> Any:  # noqa: PLR0917  # a style
        look = {
            "s": size * self._fine**2,
            "c": face,
            "edgecolors": edge,
            "linewidths": 0.8 * self._fine,
            "label": label,
            "zorder": order,
        }
        return self._map.scatter([], [], marker=marker, animated=True, **look)

    def frame(self, scene: Scene) -> Pixels:
        """The picture of a scene, (600, 900, 3)."""
        transmitters, receivers = _placed(scene)
        self._make_room(transmitters, receivers, float(np.max(scene.rate)))
        self._update(scene, transmitters, receivers)
        if self._background is None:
            self._canvas.draw()
            self._background = self._canvas.copy_from_bbox(self._figure.bbox)
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            self._figure.draw_artist(artist)
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _make_room(self, transmitters: Any, receivers: Any, rate: float) -> None:
        """Widen map and colour scale where the scene does not fit: then the whole picture is drawn anew."""
        cells = [] if self._cells is None else [self._cells.reshape(-1, 2)]
        everything = np.concatenate([transmitters, receivers, *cells])
        low, high = everything.min(0), everything.max(0)
        if self._background is None or (low < self._low).any() or (high > self._high).any():
            shape = np.array([MAP[2] * SIZE[0], MAP[3] * SIZE[1]])  # one unit is as long in both directions
            half = 0.54 * max(float(((high - low) / shape).max()), 1e-9) * shape
            self._low, self._high = (low + high) / 2 - half, (low + high) / 2 + half
            self._map.set(xlim=(self._low[0], self._high[0]), ylim=(self._low[1], self._high[1]))
            self._background = None
        if rate > self._most_rate:
            self._most_rate = float(np.ceil(1.3 * rate))
            self._norm.vmax = self._most_rate
            self._background = None

    def _update(self, scene: Scene, transmitters: Any, receivers: Any) -> None:
        self._transmitters.set_offsets(transmitters)
        if self._crowded:
            self._transmitters.set_facecolor(self._colours.to_rgba(scene.rate))
        else:
            self._update_links(scene, transmitters, receivers)
        alone = len(np.unique(transmitters, axis=0)) == len(transmitters)  # else links of one antenna are told by their users
        for name, place in zip(self._names, (transmitters if alone else receivers[scene.serving]).tolist(), strict=False):
            name.xy = place
        messages = scene.messages or ()
        ends = np.array([(m.sender, m.receiver) for m in messages], int).reshape(-1, 2)
        part = np.array([m.progress for m in messages]).reshape(-1, 1)
        self._messages.set_offsets(transmitters[ends[:, 0]] * (1 - part) + transmitters[ends[:, 1]] * part)
        self._messages.set_facecolor(_faded(MESSAGE, np.array([0.9 / max(m.age, 1) for m in messages])))
        self._powers.show(scene.drawn if self._bands else scene.total)
        shown = f"{drawn(scene.title)}   " if scene.title else ""
        self._text.set_text(f"{shown}slot {scene.slot}   mean rate {np.mean(scene.rate):.2f} bit/s/Hz")

    def _update_links(self, scene: Scene, transmitters: Any, receivers: Any) -> None:
        served = receivers[scene.serving]
        self._links.set_segments(np.stack([transmitters, served], axis=1))
        self._links.set_array(scene.rate)
        self._links.set_linewidths(self._fine * (1.2 + 2.4 * scene.total / scene.largest))
        self._receivers.set_offsets(receivers)

        source, strength = scene.loudest()
        self._disturbed.set_segments(np.stack([transmitters[source], served], axis=1))
        self._disturbed.set_linewidths(self._fine * (0.4 + 1.6 * strength))
        self._disturbed.set_color(_faded(INTERFERENCE, 0.7 * strength))


def _rates() -> Any:
    """The colours of rates: the slower, the paler, but seen on white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps[LINK](np.linspace(PALEST, 1, 256)), "rates")


def _closed(cells: NDArray[np.floating]) -> NDArray[np.floating]:
    """Outlines of cells, (cells, corners + 1, 2)."""
    return np.concatenate([cells, cells[:, :1]], axis=1)


def _faded(colour: str, alpha: NDArray[np.floating]) -> NDArray[np.float64]:
    """The colour with each alpha, (n, 4): numbers, because matplotlib keeps every pair of a name and an alpha for good."""
    from matplotlib.colors import to_rgb

    return np.column_stack([np.tile(to_rgb(colour), (len(alpha), 1)), alpha])


def _placed(scene: Scene) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Positions, or the pairs on a circle where there are none."""
    if np.isfinite(scene.transmitters).all() and np.isfinite(scene.receivers).all():
        return scene.transmitters, scene.receivers
    transmitters, receivers = (
        radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        for radius, angle in ((1.0, _angles(len(scene.transmitters))), (0.8, _angles(len(scene.receivers))))
    )
    return transmitters, receivers


def _angles(count: int) -> NDArray[np.float64]:
    return np.linspace(0, 2 * np.pi, count, endpoint=False)


@contextmanager
def _matplotlib() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise ConfigError(missing("render_mode: drawing", "matplotlib", "render")) from None


class Screen:
    """Draws what `render_mode` asks for, and is empty again in copies of an environment."""

    def __init__(self, mode: str | None) -> None:
        self.mode = mode
        self._absent = False
        """No screen was found: that is said once."""
        self._forget()

    def _forget(self) -> None:
        self._renderer: Renderer | None = None
        self._window: Window | None = None
        self._episode = 0

    def render(self, scene: Callable[[], Scene], episode: int) -> Pixels | None:
        """Draw or show the picture of a moment, as the mode says.

        Args:
            scene: makes the content of the picture.
            episode: its number: the axes of a new one may differ.

        Returns:
            The picture (height, width, 3) with "rgb_array"; None with "human", which shows it, and without a mode.
        """
        if self.mode is None:
            return None
        now = scene()
        if self.mode == "human" and self._window is None:
            self._open()
            if self._window is None:
                return None
        if self._renderer is None or episode != self._episode:
            self._renderer, self._episode = Renderer(now), episode
        frame = self._renderer.frame(now)
        if self._window is None:
            return frame
        self._window.show(frame)
        return None

    def _open(self) -> None:
        if self._absent:
            return
        try:
            self._window = Window()
        except NoScreen as error:
            self._absent = True
            warnings.warn(f'render_mode: "human" shows nothing: {error}; "rgb_array" works without a screen', stacklevel=2)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"mode": self.mode}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["mode"])  # type: ignore[misc]  # a new screen for the copy


class NoScreen(Exception):  # noqa: N818  # a state of the machine
    """Why no window can be opened."""


class Window:
    """Shows frames on the screen, through matplotlib's interactive backends; raises NoScreen where there is none."""

    def __init__(self) -> None:
        with _matplotlib():
            import matplotlib.pyplot as plt
        if plt.get_backend().lower() not in _interactive():
            raise NoScreen("there is no screen here")
        self._plt = plt
        try:
            self._figure = plt.figure(figsize=SIZE, dpi=DPI)
        except Exception as error:  # each window system has its own, where a chosen backend finds no screen
            raise NoScreen(f"matplotlib opens no window ({' '.join(str(error).split())})") from None
        self._image: Any = None

    def show(self, frame: Pixels) -> None:
        """Show a frame, (height, width, 3), in the window."""
        if self._image is None:
            axes = self._figure.add_axes((0, 0, 1, 1))
            axes.set_axis_off()
            self._image = axes.imshow(frame)
        self._image.set_data(frame)
        self._plt.pause(0.001)

    def close(self) -> None:
        """Close the window for good."""
        self._plt.close(self._figure)


def _interactive() -> set[str]:
    from matplotlib import backends

    registry: Any = backends
    return {name.lower() for name in registry.backend_registry.list_builtin(registry.BackendFilter.INTERACTIVE)}
