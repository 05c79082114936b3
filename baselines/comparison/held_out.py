"""The channels on which methods are compared: the same slots for everybody, apart from all that anybody trains on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from wirelessenv.arrays import Doubles
from wirelessenv.channel.fading import NoFading
from wirelessenv.config import ConfigError
from wirelessenv.large_scale import EVALUATION
from wirelessenv.memory import check_room
from wirelessenv.network import Block, NearBlock, WirelessNetwork, block_parts
from wirelessenv.physics.checks import count
from wirelessenv.scenario import Scenario
from wirelessenv.sentences import shown
from wirelessenv.streams import run_seeds

Element = TypeVar("Element", bound=np.generic)
VALIDATION = "validation"
"""The stream of the slots that learning curves are measured on."""


def one_layout(scenario: Scenario) -> bool:
    """True where the layouts of all seeds are the same one, which then differ in their fading alone."""
    return scenario.layout == "fixed" or (scenario.gains is not None and _own_layouts(scenario) == 1)


def _own_layouts(scenario: Scenario) -> int:
    """Number of a user's own layouts that are compared on."""
    assert scenario.gains is not None
    layouts = len(scenario.given_gains())
    return scenario.gains.kept(layouts) or layouts


def refuse_repeated(scenario: Scenario, last: int, slots: int) -> None:
    """Refuse layouts of a user's own gains that would show the same slots as others: blocks of a series count as layouts.

    Args:
        scenario: of the network.
        last: largest seed of a layout.
        slots: of each, with those before that do not count.

    Raises:
        ConfigError: where there are not so many.
    """
    if scenario.gains is None or not isinstance(scenario.fading, NoFading):
        return
    own, window = _own_layouts(scenario), scenario.gains.window(evaluation=True).slots
    needed = slots + scenario.hops - 1
    there = own * (1 if scenario.given_gains().shape[1] == 1 else window // needed)
    if scenario.layout == "fixed" or last < there:
        return
    raise ConfigError(
        f"layouts: {last + 1} are not valid: the gains hold {own} layouts of {window} slots to evaluate on, which make {there} "
        f"blocks of {needed} slots (slots, warm_up, and {scenario.hops - 1} for the aggregation sequence)"
    )


class HeldOut(NamedTuple):
    """Some layouts, and the slots of each of them that are kept for evaluation."""

    scenario: Scenario
    layouts: tuple[int, ...]
    """Seeds of the layouts, in order."""
    warm_up: int
    """Slots before those that count: a method may need to have seen some."""
    block: Block
    """(layouts, warm_up + slots, ...)"""
    purpose: str = EVALUATION

    @classmethod
    def draw(cls, scenario: Scenario, layouts: Sequence[int], slots: int, warm_up: int, purpose: str = EVALUATION) -> "HeldOut":
        """Draw the first `warm_up` + `slots` slots of the layouts' streams.

        Args:
            scenario: of the network, or its name.
            layouts: their seeds.
            slots: that count, of every layout, at least 1.
            warm_up: slots before these, which do not count.
            purpose: name of the random stream.

        Returns:
            The layouts with their slots.

        Raises:
            ConfigError: for layouts or slots that cannot be used, or do not fit the memory.
        """
        scenario, layouts = Scenario.of(scenario), run_seeds(layouts)
        slots, warm_up = count("slots", slots), count("warm_up", warm_up, 0)
        if purpose == EVALUATION:
            refuse_repeated(scenario, max(layouts), warm_up + slots)
        of = "slots" if slots >= warm_up else "warm_up"
        check_room(*block_parts(scenario, len(layouts), warm_up + slots + scenario.hops, of=of, each="layouts"))
        block = WirelessNetwork(scenario, layouts).bank(warm_up + slots, purpose)
        return cls(scenario, layouts, warm_up, block, purpose)

    def some(self, rows: Sequence[int]) -> "HeldOut":
        """The layouts at some places alone; raises ConfigError where there are none."""
        known = range(len(self.layouts))
        try:
            places = [known[row] for row in rows]
        except (IndexError, TypeError):
            places = []
        if not places:
            raise ConfigError(f"rows: {shown(rows)} is not valid: it should list places of layouts, 0 to {len(known) - 1}")
        block, parts = self.block, {name: getattr(self.block, name)[places] for name in Block.__dataclass_fields__}
        chosen = Block(**parts)
        if isinstance(block, NearBlock):
            lists = block.lists.some(places)
            trimmed = {name: parts[name][..., : lists.links] for name in ("gain", "cross")}
            chosen = NearBlock(**parts | trimmed, lists=lists, noise=block.noise[places])
        return self._replace(layouts=tuple(self.layouts[place] for place in places), block=chosen)

    def rated_gain(self, first: int | None = None) -> Doubles:
        """Gains |h|^2 that allocators get, in double precision.

        Direct gains are divided by the scenario's SNR gap, so that log2(1 + SINR) of them are the rates that count.

        Args:
            first: of so many slots, the first that count; None: of all, with those of the warm-up.

        Returns:
            Gains (layouts, slots, links).
        """
        slots = slice(None) if first is None else slice(self.warm_up, self.warm_up + first)
        gain: Doubles = self.block.gain[:, slots].astype(float)
        near = self.block.near
        if self.scenario.snr_gap != 1:
            if near is not None:
                wanted = np.take_along_axis(gain, near.own[:, None], -1)
                np.put_along_axis(gain, near.own[:, None], wanted / self.scenario.snr_gap, -1)
            else:
                agents = np.arange(gain.shape[-1])
                gain[..., agents, agents] /= self.scenario.snr_gap
        return gain

    def network(self) -> type[WirelessNetwork]:
        """A class of networks that play these slots in order, for environments to be made on."""
        held = self

        class Replayed(WirelessNetwork):
            _played = 0

            def block(self, slots: int) -> Block:
                """The next `slots` slots; beyond the last one, that one again."""
                at = np.minimum(np.arange(self._played, self._played + slots), held.block.gain.shape[1] - 1)
                self._played += slots
                return replace(held.block, **{name: getattr(held.block, name)[:, at] for name in Block.__dataclass_fields__})

        return Replayed

    def counted(self, values: NDArray[Element]) -> NDArray[Element]:
        """The part of `values` (layouts, warm_up + slots, ...) in the slots that count; raises ConfigError for other shapes."""
        shape, right = getattr(values, "shape", None), tuple(self.block.wanted.shape[:2])
        if shape is None or tuple(shape[:2]) != right:
            raise ConfigError(f"values: {shown(values)} is not valid: its shape should be {right} and more axes")
        return values[:, self.warm_up :]
