"""Large-scale state: mean gains, positions and association, which change slowly, if at all, in blocks of slots."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from wirelessenv.channel.geometry import Positions
from wirelessenv.layout import Layout, antenna_gain, antenna_positions, with_direct_gain
from wirelessenv.saved_state import refuse_infinite, refuse_outside
from wirelessenv.scenario import Scenario
from wirelessenv.streams import generator_state, set_generator_state, stream

ToDevice = Callable[[NDArray[np.float32]], Any]


class Setting(NamedTuple):
    """The large-scale state of some consecutive slots."""

    mean_gain: Any
    """E|h|^2 before association (runs, 1 or slots, n, antennas), on the network's device; (runs, slots, M, m, m) where a user's
    own gains differ from band to band; where links are cut, of those that are left, (runs, 1, links), 0 in empty places"""
    transmitters: NDArray[np.float64]
    """(runs, slots, m, 2)"""
    receivers: NDArray[np.float64]
    """(runs, slots, n, 2)"""
    serving: NDArray[np.intp]
    """r(i) of each transmitter (runs, slots, m)"""


def filled_up(gains: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Mean gains of all layouts in one array; lists of links are filled up with 0 to the longest."""
    if gains[0].ndim > 1:
        return np.stack(gains)
    most = max(map(len, gains))
    return np.stack([np.pad(gain, (0, most - len(gain))) for gain in gains])


class LargeScale(Protocol):
    """The large-scale process of a batch of runs."""

    def block(self, slots: int) -> Setting:
        """The large-scale state of the next `slots` slots."""

    def present(self) -> Setting:
        """The large-scale state of the last slot so far, as one slot; of a series of gains that of the slot to come."""

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""


class StaticGains:
    """Nothing moves: every slot has the layout."""

    def __init__(self, scenario: Scenario, layouts: Sequence[Layout], to_device: ToDevice) -> None:
        self._places = [np.stack([getattr(x, name) for x in layouts]) for name in ("transmitters", "receivers", "serving")]
        antenna = scenario.placement.antennas(scenario.transmitters)
        gain = filled_up([layout.mean_gain for layout in layouts])
        if antenna is not None:
            gain = gain[:, :, np.unique(antenna, return_index=True)[1]]
        self._mean_gain = to_device(gain)[:, None]
        self._latest: Setting | None = None  # blocks are mostly of one size

    def block(self, slots: int) -> Setting:
        if self._latest is None or self._latest.serving.shape[1] != slots:
            views = [np.broadcast_to(x[:, None], (len(x), slots, *x.shape[1:])) for x in self._places]
            self._latest = Setting(self._mean_gain, *views)
        return self._latest

    def present(self) -> Setting:
        return Setting(self._mean_gain, *(place[:, None] for place in self._places))

    def state(self) -> dict[str, Any]:
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        pass


class RecordedGains(StaticGains):
    """A series of gains, slot by slot, and again from the first when it is at its end."""

    def __init__(
        self,
        scenario: Scenario,
        layouts: Sequence[Layout],
        seeds: Sequence[int],
        to_device: ToDevice,
        *,
        starts: NDArray[np.intp] | None,
    ) -> None:
        """A series for each run.

        Args:
            scenario: the radio network.
            layouts: the layout of each run.
            seeds: the seed of each run.
            to_device: moves an array to the network's device.
            starts: the slots in which the runs begin, (runs,); None: of evaluation, one block of what is held out after the
                other, by their seeds.
        """
        super().__init__(scenario, layouts, to_device)
        assert scenario.gains is not None
        own = np.arange(scenario.transmitters)
        self._direct = with_direct_gain(scenario, np.ones((own.size, own.size)), own, None).astype(np.float32)
        self._series, self._largest = scenario.given_gains(), scenario.largest_gain
        self._gains, self._seeds = scenario.gains, seeds
        self._layout = np.array([scenario.gains.layout_of(seed) for seed in seeds], np.intp)[:, None]
        self._window, self._begun = scenario.gains.window(evaluation=starts is None), starts is not None
        self._slots = np.zeros(len(seeds), np.intp) if starts is None else starts
        self._to_device = to_device

    def block(self, slots: int) -> Setting:
        if not self._begun:
            self._slots = np.array([self._gains.starts(seed, slots) for seed in self._seeds], np.intp)
            self._begun = True
        gain = self._to_come(slots)
        self._slots = (self._slots + slots) % self._window.slots
        return super().block(slots)._replace(mean_gain=gain)

    def present(self) -> Setting:
        return super().present()._replace(mean_gain=self._to_come(1))

    def _to_come(self, slots: int) -> Any:
        slot = self._window.first + (self._slots[:, None] + np.arange(slots)) % self._window.slots
        gain = self._series[self._layout, slot]
        with np.errstate(over="ignore"):
            gain *= self._direct
        np.minimum(gain, np.float32(self._largest), out=gain)
        return self._to_device(gain)

    def state(self) -> dict[str, Any]:
        return {"slots": self._slots}

    def set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("slots", state["slots"], 0, self._window.slots - 1)
        self._slots, self._begun = state["slots"], True


class MovingTerminals:
    """One run whose transmitters or receivers move."""

    def __init__(self, scenario: Scenario, layout: Layout, seed: int, episode: int, prefix: str) -> None:
        self._scenario = scenario
        self._antenna = scenario.placement.antennas(scenario.transmitters)
        self._rng = stream(seed, prefix + "mobility", episode)
        self._innovations = stream(seed, prefix + "shadowing innovations", episode)
        self.transmitters, self.receivers, self._shadowing = layout.transmitters, layout.receivers, layout.shadowing
        self._memory = {
            who: scenario.mobility.begin(self._rng, scenario.transmitters, self._waypoints(who))
            for who in scenario.mobility.who()
        }
        self._measure()

    def _waypoints(self, who: str) -> Callable[[int], Positions]:
        return lambda count: self._scenario.placement.waypoints(self._rng, who, count, self._scenario.transmitters)

    def _measure(self) -> None:
        with np.errstate(over="ignore"):
            gain, self.serving = antenna_gain(self._scenario, self.transmitters, self.receivers, self._shadowing)
        self.mean_gain = np.minimum(gain, self._scenario.largest_gain).astype(np.float32)

    def _walked(self, who: str, positions: Positions, seconds: float) -> Positions:
        if who not in self._memory:
            return positions
        positions, self._memory[who] = self._scenario.mobility.move(
            self._rng, positions, self._memory[who], seconds, self._waypoints(who)
        )
        return positions

    def move(self, seconds: float) -> None:
        """Go on for some seconds, and measure the mean gains there."""
        before = self.receivers, antenna_positions(self.transmitters, self._antenna)
        if self._scenario.association == "ad_hoc":  # a receiver moves relative to its transmitter, and goes along with it
            offsets = self._walked("receivers", self.receivers - self.transmitters, seconds)
            self.transmitters = self._walked("transmitters", self.transmitters, seconds)
            self.receivers = self.transmitters + offsets
        else:
            self.transmitters = self._walked("transmitters", self.transmitters, seconds)
        after = self.receivers, antenna_positions(self.transmitters, self._antenna)
        self._shadowing = self._scenario.shadowing.move(self._innovations, self._shadowing, before, after)
        self._measure()

    def state(self) -> dict[str, Any]:
        """Everything that `set_state` needs to go on from here."""
        return {
            "transmitters": self.transmitters,
            "receivers": self.receivers,
            "shadowing": self._shadowing,
            "memory": dict(self._memory),  # which changes as the walk goes on
            "streams": [generator_state(self._rng), generator_state(self._innovations)],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; raises ConfigError for one that cannot be."""
        refuse_infinite("walk", {name: state[name] for name in ("transmitters", "receivers", "shadowing", "memory")})
        self.transmitters, self.receivers, self._shadowing = state["transmitters"], state["receivers"], state["shadowing"]
        self._memory = dict(state["memory"])
        for generator, saved in zip((self._rng, self._innovations), state["streams"], strict=True):
            set_generator_state(generator, saved)
        self._measure()


class MovingGains:
    """Positions, and mean gains with them, change every `interval` slots."""

    def __init__(self, scenario: Scenario, walks: Sequence[MovingTerminals], interval: int, to_device: ToDevice) -> None:
        self._walks, self._interval, self._to_device = walks, interval, to_device
        self._seconds = interval * scenario.slot_seconds
        self._slot = self._moves = 0

    def block(self, slots: int) -> Setting:
        step = (self._slot + np.arange(slots)) // self._interval - self._moves  # changes of position until each slot
        seen = [self._seen()]
        for _ in range(step[-1]):
            for walk in self._walks:
                walk.move(self._seconds)
            seen.append(self._seen())
        self._slot += slots
        self._moves += int(step[-1])
        gain, *places = (np.stack(values, axis=1) for values in zip(*seen, strict=True))
        return Setting(self._to_device(gain if len(seen) == 1 else gain[:, step]), *(place[:, step] for place in places))

    def present(self) -> Setting:
        gain, *places = (value[:, None] for value in self._seen())
        return Setting(self._to_device(gain), *places)

    def _seen(self) -> list[NDArray[Any]]:
        """Setting of the present, without its slots."""
        return [np.stack([getattr(walk, name) for walk in self._walks]) for name in Setting._fields]

    def state(self) -> dict[str, Any]:
        return {"slot": self._slot, "moves": self._moves, "walks": [walk.state() for walk in self._walks]}

    def set_state(self, state: dict[str, Any]) -> None:
        refuse_outside("slot", state["slot"], 0)
        moves = max(state["slot"] - 1, 0) // self._interval
        refuse_outside("moves", state["moves"], moves, moves)
        self._slot, self._moves = state["slot"], state["moves"]
        for walk, saved in zip(self._walks, state["walks"], strict=True):
            walk.set_state(saved)


EVALUATION = "evaluation"
"""The stream of the slots that are compared on, which the trainers evaluate on, too."""


def _starts(scenario: Scenario, seeds: Sequence[int], episode: int, prefix: str) -> NDArray[np.intp]:
    """Slots of the series in which the runs of an episode begin."""
    assert scenario.gains is not None
    slots = scenario.gains.window(evaluation=False).slots
    if scenario.gains.start == "first":
        return np.zeros(len(seeds), np.intp)
    return np.array([stream(seed, prefix + "gains", episode).integers(slots) for seed in seeds], np.intp)


def large_scale(
    scenario: Scenario, layouts: Sequence[Layout], seeds: Sequence[int], episode: int, to_device: ToDevice, *, purpose: str = ""
) -> LargeScale:
    """The large-scale process that a scenario asks for.

    Args:
        scenario: the radio network.
        layouts: the first layout of each run.
        seeds: the seed of each run.
        episode: the episode of all.
        to_device: moves an array to the network's device.
        purpose: a use that has random streams of its own; empty: that of training.

    Returns:
        The process, at its first slot.
    """
    prefix = f"{purpose} " if purpose else ""
    if scenario.gains is not None and (scenario.gains.bands > 1 or scenario.given_gains().shape[1] > 1):
        evaluation = purpose == EVALUATION
        own = [scenario.layout_seed] * len(seeds) if scenario.layout == "fixed" else seeds
        starts = None if evaluation else _starts(scenario, seeds, episode, prefix)
        return RecordedGains(scenario, layouts, own, to_device, starts=starts)
    interval = scenario.mobility.interval()
    if interval is None:
        return StaticGains(scenario, layouts, to_device)
    walks = [MovingTerminals(scenario, layout, seed, episode, prefix) for layout, seed in zip(layouts, seeds, strict=True)]
    return MovingGains(scenario, walks, interval, to_device)
