"""E environments side by side: all that the forms of the environment share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space
from gymnasium.utils.seeding import np_random

from wirelessenv.arrays import Floats
from wirelessenv.config import ConfigError, whole
from wirelessenv.envs.hearing import Shown, message_channel, refuse_unfit
from wirelessenv.envs.moment import Moment, PastSlot
from wirelessenv.envs.observations import seen_by
from wirelessenv.envs.rendering import Message, Scene
from wirelessenv.envs.settings import Settings
from wirelessenv.large_scale import filled_up
from wirelessenv.layout import refused_with_cut
from wirelessenv.memory import Part, check_room, part
from wirelessenv.messages.channel import MessageChannel
from wirelessenv.network import NEIGHBOURS, WirelessNetwork, block_parts
from wirelessenv.physics.loudest import loudest
from wirelessenv.sentences import shown
from wirelessenv.streams import MOST_SEEDS, run_seeds

MOST_SLOTS, MOST_LINKS = 64, 2**18
"""Slots that are made at once, and links in them."""
HEARD = 32
"""Agents near each, of whom it hears where links are cut, before their layout is drawn."""
FAINTEST = 1e-20
"""SINR that is shown for less: -200 dB."""


class Batch:
    """Environments with the same settings, one for each seed, stepped together; episodes begin and end together.

    Random numbers are drawn from the first reset on, so that copies of a batch that was never reset differ.
    """

    def __init__(
        self, settings: Settings, num_envs: int, *, drawn: bool = False, network: type[WirelessNetwork] = WirelessNetwork
    ) -> None:
        """A batch that is `drawn` works out messages instant by instant, so that it knows which are on their way.

        `network` is where its slots come from.
        """
        self.settings = settings
        self.environments = whole("num_envs", num_envs)
        self.agents = settings.scenario.transmitters
        self.cycle = -1
        """Slots played in this episode; -1 before the first reset."""
        met = self.agents if settings.scenario.cut is None else NEIGHBOURS
        links = self.environments * settings.scenario.bands * self.agents * met
        self._slots_at_once = max(1, min(MOST_SLOTS, MOST_LINKS // links))
        check_room(*self._parts())
        if self.environments > MOST_SEEDS:
            raise ConfigError(f"num_envs: {self.environments} is not valid: it should be at most {MOST_SEEDS}")
        self._network: WirelessNetwork | None = None
        self._network_type = network
        self._channel: MessageChannel | None = None
        if settings.messages is not None:  # refuse a messaging that does not fit now, and not at the first reset
            refuse_unfit(settings)
        self._instants_at_once = 1 if drawn else 32
        self.episodes = 0
        """Episodes begun."""

    def _parts(self) -> tuple[Part, ...]:
        """The memory that it and its spaces take, with the names of the settings that say how much."""
        settings, each, agents = self.settings, ("num_envs", self.environments), ("transmitters", self.agents)
        seen = ("numbers in an observation", sum(one.width(settings.scenario) for one in settings.observation))
        heard = agents if settings.scenario.cut is None else ("agents near each, of which a smaller most_hops leaves", HEARD)
        told = () if settings.messages is None else (part(20, each, agents, heard, ("message_size", settings.message_width)),)
        slots = self._slots_at_once
        return (*block_parts(settings.scenario, self.environments, slots, each="num_envs"), part(24, each, agents, seen), *told)

    def observation_space(self) -> Box:
        """The observation space of one agent, (size,)."""
        parts = [np.full(part.width(self.settings.scenario), part.lowest) for part in self.settings.observation]
        if self.settings.messages is not None:
            most = self.settings.message_neighbours
            shown = self.agents if most is None else 1 + most
            parts += [np.full(shown * self.settings.message_width, -np.inf), np.full(shown, -1.0)]
        low = np.concatenate(parts).astype(np.float32)
        return Box(low, np.full_like(low, np.inf))

    def joint_observation_space(self) -> Space[Any]:
        """The observation space of all agents, (m, size)."""
        one = self.observation_space()
        return Box(np.tile(one.low, (self.agents, 1)), np.tile(one.high, (self.agents, 1)))

    def state_space(self) -> Box:
        """The state space of one network, (m * m,), of M bands (M * m * m,); empty where links are cut: there is no state."""
        scenario = self.settings.scenario
        return Box(0.0, np.inf, (scenario.bands * self.agents**2 if scenario.cut is None else 0,), np.float32)

    @property
    def network(self) -> WirelessNetwork:
        """The simulator, from the first reset on."""
        assert self._network is not None
        return self._network

    @property
    def never_begun(self) -> bool:
        """True where there was no reset yet, and hence no seed."""
        return self._network is None

    def reset(self, seed: int | Sequence[int] | None = None, episode: int = 0) -> None:
        """Begin an episode in every environment: one of new seeds, or the next of the seeds there are.

        Args:
            seed: one for each environment, or s for s, s + 1, ...; None: the next episode.
            episode: with new seeds, which of theirs; the first by default.

        Raises:
            ConfigError: for seeds that are none.
        """
        seeds = None if seed is None else self._seeds(seed)
        if self._network is None:
            first = np_random()[0].integers(2**32, size=self.environments).tolist() if seeds is None else seeds
            self._network = self._network_type(self.settings.scenario, first)
            if episode:
                self._network.reset(first, episode)
        else:
            self._network.reset(seeds, episode)
        self.cycle, self.episodes = -1, self.episodes + 1  # not begun, if what follows fails
        self._last = self._before_last = PastSlot.never(self.environments, self.settings.scenario, self._network.near)
        self._paid = self._last.utility
        self._look_at_means(self._network)
        self._next_block(self._network)
        self._seen = (self._block, 0)
        self._start_messages(self._network)
        self.cycle = 0
        self._now = self._moment()

    def _look_at_means(self, network: WirelessNetwork) -> None:
        """Take the mean gains of the layouts, and the neighbours that are loudest, where somebody looks at them."""
        observation, near = self.settings.observation, network.near
        most = max(self.settings.message_neighbours or 0, *(part.loudest for part in observation))
        self._mean_gain = self._loudest = None
        if most or any(part.needs_mean_gain for part in observation):
            layouts = network.layouts
            self._mean_gain = filled_up([layout.link_gain if near is None else layout.mean_gain for layout in layouts])
            self._loudest = loudest(self._mean_gain, most, near) if most else None

    def _seeds(self, seed: int | Sequence[int]) -> tuple[int, ...]:
        seeds = run_seeds(seed)
        if isinstance(seed, int | np.integer):
            seeds = tuple(range(seeds[0], seeds[0] + self.environments))
        self.check_seeds(seeds)
        return seeds

    def check_seeds(self, seeds: Sequence[int]) -> None:
        """Raises ConfigError unless there is one for each environment."""
        if len(seeds) != self.environments:
            raise ConfigError(
                f"seed: {shown(list(seeds))} is not valid: it should hold {self.environments}, one for each network"
            )

    def _start_messages(self, network: WirelessNetwork) -> None:
        if self.settings.messages is None:
            return
        self._channel = message_channel(self.settings, network, self._instants_at_once)
        if (most := self.settings.message_neighbours) is not None:
            assert self._loudest is not None
            self._shown = Shown.of(self._channel, self._loudest, most)
        self._utility = np.zeros((self.environments, self.agents), np.float32)

    def step(self, power: Floats, messages: Floats) -> Floats:
        """Use powers in the current slot, and messages at its end.

        Args:
            power: transmit powers in [0, p_max], (E, m); of M bands (E, M, m), which add up to p_max at most.
            messages: numbers (E, m, size); size 0 where agents choose none.

        Returns:
            The rewards of all agents, (E, m).
        """
        cross = self._block.cross[:, self._slot]
        outcome = self.network.outcome_unchecked(self._block.wanted[:, self._slot], cross, power)
        self._before_last, self._seen = self._last, (self._block, self._slot)
        self._last = PastSlot(self._block.gain[:, self._slot], cross, power, *outcome)
        self.cycle += 1
        self._slot += 1
        if self._slot == self._slots_at_once:
            self._next_block(self.network)
        if self._channel is not None:
            self._talk(self._channel, messages)
        self._now = self._moment()
        self._paid = self.settings.reward.pay(self._now)
        return self._paid

    def _talk(self, channel: MessageChannel, messages: Floats) -> None:
        interval = self.settings.message_interval
        self._utility += self._last.utility
        if self.cycle % interval == 0:
            utility = self.settings.messages == "utility"
            channel.instant((self._utility / np.float32(interval))[..., None] if utility else messages)
            self._utility = np.zeros_like(self._utility)

    def _next_block(self, network: WirelessNetwork) -> None:
        self._block = network.block(self._slots_at_once)
        self._slot = 0

    def _moment(self) -> Moment:
        block, slot, channel = self._block, self._slot, self._channel
        seen = (block.gain[:, slot], block.features[:, slot], self._last, self._before_last)
        known, ages = (None, None) if channel is None else (channel.values, self._in_slots(channel.ages))
        return Moment(self.settings.scenario, *seen, known, ages, self._mean_gain, block.near, self._loudest)

    def _in_slots(self, ages: Floats) -> Floats:
        """Slots since the interval of which something is known ended, from ages in instants; -1 stays."""
        interval = self.settings.message_interval
        return ages if interval == 1 else np.where(ages < 0, ages, ages * np.float32(interval) + self.cycle % interval)

    def observations(self) -> Floats:
        """The observations before the coming slot, a new array (E, m, size)."""
        now = self._now
        parts = seen_by(self.settings.observation, now)
        if now.known is not None:
            assert now.ages is not None
            known, ages = now.known, now.ages
            if self.settings.message_neighbours is not None:
                known, ages = self._shown.messages(known), self._shown.ages(ages)
            parts += [known.reshape(self.environments, self.agents, -1), ages]
        return np.array(parts[0], np.float32) if len(parts) == 1 else np.concatenate(parts, axis=-1, dtype=np.float32)

    def rewards(self) -> Floats:
        """The rewards of the last slot, a new array (E, m); 0 before the first."""
        return self._paid.copy()

    def infos(self) -> dict[str, Floats]:
        """Numbers about the last slot, new arrays (E, m): rate in bit/s/Hz, SINR in dB (at least -200), power.

        Of M bands SINRs and powers are (E, m, M). With messages also the largest and the mean age of what the agent knows of
        others, in slots, -1 where it knows nothing.
        """
        last = self._last
        sinr_db = 10 * np.log10(np.maximum(last.sinr, FAINTEST))
        told = {"rate": last.rate.copy(), "sinr_db": sinr_db, "power": last.power.copy()}
        if self.settings.scenario.bands > 1:
            told |= {name: np.ascontiguousarray(told[name].swapaxes(1, 2)) for name in ("sinr_db", "power")}
        if self._channel is not None:
            told["largest_age"] = self._in_slots(self._channel.largest_age).copy()
            told["mean_age"] = self._in_slots(self._channel.mean_age).copy()
        return told

    def scene(self) -> Scene:
        """The scene of the first environment for a picture: the last slot, and the messages that are on their way after it."""
        if self.cycle < 0:
            raise RuntimeError("render: there is nothing to draw before the first reset()")
        block, slot = self._seen
        scenario, last = self.settings.scenario, self._last
        places = (block.transmitters[0, slot], block.receivers[0, slot], block.serving[0, slot])
        return Scene(
            *places,
            last.power[0].T,
            scenario.p_max,
            last.rate[0],
            last.gain[0],
            self._messages(),
            self.cycle,
            scenario.preset,
            None if block.near is None else block.near.ends(0),
            scenario.placement.outlines(),
        )

    def _messages(self) -> tuple[Message, ...] | None:
        if self._channel is None:
            return None
        now = self._channel.time
        under_way = [message[1:] for message in self._channel.knowledge.on_their_way() if message[0] == 0]
        return tuple(Message(i, j, now - sent, (now - sent - 0.5) / delay) for i, j, sent, delay in under_way)

    def state(self) -> Floats:
        """|h|^2 of the coming slot, [receiver, transmitter], flattened, a new array (E, m * m); of M bands (E, M * m * m)."""
        if self.cycle < 0:
            raise RuntimeError("state: there is none before the first reset()")
        if self._block.near is not None:
            raise ConfigError(refused_with_cut("the state holds the gains of all links"))
        return np.array(self._block.gain[:, self._slot].reshape(self.environments, -1))
