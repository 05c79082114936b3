"""Base class of PPO, SAC and DQN as methods of a comparison: budget, stages, evaluation, and the bits that must travel."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from gymnasium.spaces import Box, Space
from pydantic import BeforeValidator, Field, model_validator

from baselines.comparison.held_out import HeldOut
from baselines.comparison.methods import BITS, Learned, NeededKnowledge, Stage, training_layouts
from baselines.learned.seen import knowledge_for, sent_for
from trainers.problems.policies import Width
from wirelessenv.arrays import Doubles
from wirelessenv.config import ConfigError, Count, Piece, Positive, Probability
from wirelessenv.envs.actions import Actions
from wirelessenv.envs.batch import Batch
from wirelessenv.envs.observations import Local, Observation
from wirelessenv.envs.settings import Settings
from wirelessenv.extras import missing
from wirelessenv.layout import draw_layout
from wirelessenv.memory import check_room, part
from wirelessenv.messages.knowledge import entry_bits, message_graphs
from wirelessenv.saved_state import refuse_misfit
from wirelessenv.scenario import Messaging, Scenario
from wirelessenv.streams import stream

Parts = Annotated[
    tuple[Observation, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str | Mapping | Piece) else value),
    Field(min_length=1),
]
LEAST_RATE = 0.1
"""Share of the learning rate at the end, to which it falls linearly."""
SETTLING = 20
"""Delays of a message after which all have come round, and what agents remember of each other is as old as it will be."""


class AlgorithmSetup(NamedTuple):
    """Algorithm, policy and options as Stable-Baselines3 takes them."""

    algorithm: Any
    policy: Any
    policy_options: dict[str, Any]
    options: dict[str, Any]


class Reinforcement(Learned):
    """Base class of PPO, SAC and DQN: the environment, the budget, the stages of a training, and evaluation.

    One network serves all agents, and is trained in one place on `networks` networks side by side, whose layouts are drawn
    anew in every episode; none of them is compared on.
    """

    reward: Literal["own", "sum", "known"] = Field(
        "sum", description="own utility; the mean of all; or the mean of those heard of through messages, late"
    )
    observation: Parts = Field((Local(),), description="the parts that an observation is joined of")
    messaging: Messaging = Field(Messaging(), description="who tells whom its utility; reward known alone")
    slots: Count = Field(40_000, description="channel slots of training, over all networks; rounded down to whole updates")
    networks: Annotated[Count, Field(le=100_000)] = Field(16, description="networks side by side")
    max_cycles: Count = Field(50, description="slots in an episode; the next one has other layouts")
    hidden: tuple[Width, ...] = Field((128, 128), description="neurons of the hidden layers, of actor and critic alike")
    learning_rate: Positive = Field(1e-3, description="of Adam; falls to a tenth of it")
    gamma: Probability | None = Field(
        None,
        description="discount; none: 0, because powers act in their slot alone, and 0.5 for reward known, which comes late",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.reward != "known" and self.messaging != Messaging():
            raise ValueError('messaging: has no effect without reward: "known"')
        if self.slots < self._collected:
            raise ValueError(f"slots: {self.slots} is not valid: one update takes {self._collected} slots")
        return self

    @property
    def _collected(self) -> int:
        """Slots between two updates, over all networks."""
        return self.networks

    @property
    def _remembered(self) -> tuple[str, int]:
        """The setting that says how many slots are kept, and how many."""
        return "networks", self._collected

    @property
    def across(self) -> bool:
        return True

    @property
    def knows(self) -> NeededKnowledge:
        kinds = [knowledge_for(part) for part in self.observation] + ["neighbours"] * (self.reward == "known")
        for knowledge in ("everything", "neighbours"):
            if knowledge in kinds:
                return knowledge
        return "own channel"

    @property
    def knows_in_training(self) -> NeededKnowledge:
        return "everything"

    @property
    def memory(self) -> int:
        """The last two slots, or the time that messages take; slots before those act through the last powers alone."""
        return SETTLING * max(1, self.messaging.links.delay.largest) if self.reward == "known" else 2

    def bits(self, scenario: Scenario) -> float:
        """Bits that others must send for the observations, and for the messages."""
        return BITS * sum(sent_for(part, scenario) for part in self.observation) + self._message_bits(scenario)

    def _message_bits(self, scenario: Scenario) -> float:
        """Bits of a slot's messages: on every link one entry, or, relayed, the newest of every agent."""
        if self.reward != "known":
            return 0.0
        where = draw_layout(scenario, scenario.layout_seed).transmitters
        links = message_graphs(self.messaging, scenario.transmitters, [scenario.layout_seed], [where])
        entries = links.sum() * (scenario.transmitters if self.messaging.relay else 1)
        return float(entries * entry_bits(scenario.transmitters))

    def _bits_in_training(self, scenario: Scenario, observed: int) -> float:
        """Bits of a slot: every agent sends its observation, action and reward to the place where the network is trained."""
        chosen = Actions(self._settings(scenario)).numbers
        return self.bits(scenario) + BITS * scenario.transmitters * (observed + chosen + 1)

    def check(self, scenario: Scenario) -> None:
        stable_baselines3()
        settings = self._settings(scenario)
        Batch(settings, self.networks)
        observed = ("numbers in an observation", sum(one.width(scenario) for one in settings.observation))
        check_room(part(24, self._remembered, ("transmitters", scenario.transmitters), observed))

    def _settings(self, scenario: Scenario) -> Settings:
        told = {"messages": "utility", "messaging": self.messaging} if self.reward == "known" else {}
        return Settings.parse(
            {"scenario": scenario, "observation": self.observation, "reward": self.reward, "max_cycles": self.max_cycles}
            | told
            | self._actions()
        )

    def _actions(self) -> dict[str, Any]:
        return {"actions": "normalised"}

    @abstractmethod
    def _model(self, scenario: Scenario) -> AlgorithmSetup:
        """The algorithm for networks of a scenario."""

    @property
    def _discount(self) -> float:
        if self.gamma is None:
            return 0.5 if self.reward == "known" else 0.0
        return self.gamma

    @property
    def _numbered(self) -> bool:
        """True where rows show the policy the number of their agent."""
        return False

    def train(self, scenario: Scenario, seed: int, layout: int | None, folder: Path | None = None) -> Iterator[Stage]:
        """Train, and show `stages` points of the way, at equal numbers of updates.

        Args:
            scenario: of the comparison.
            seed: of the training.
            layout: seed of the layout that it learns on; None where it learns across layouts.
            folder: not used.

        Yields:
            Stages, in order.
        """
        library = stable_baselines3()
        settings, seeds = self._settings(_on(scenario, layout)), training_layouts(seed, self.networks)
        options = {name: getattr(settings, name) for name in settings.model_fields_set}
        env, agents = library.PowerControlVecEnv(self.networks, **options), scenario.transmitters
        bits = self._bits_in_training(scenario, env.observation_space.shape[0])
        kind, generators = self._model(scenario), library.Generators()
        updates = self.slots // self._collected
        with generators.in_use():
            model = kind.algorithm(
                kind.policy,
                library.Numbered(env, agents) if self._numbered else env,
                policy_kwargs=dict(kind.policy_options),
                learning_rate=self._rate,
                gamma=self._discount,
                seed=int(stream(seed, "Stable-Baselines3").integers(2**32)),
                device="cpu",
                **kind.options,
            )
            model.begin(updates * self._collected * agents)
            env.seed(seeds)  # after the model, which seeds its environment with the seed of its own
        for stage in range(self.stages):
            more = updates * (stage + 1) // self.stages - updates * stage // self.stages
            if more:
                relative = None
                try:
                    with generators.in_use():
                        model.learn(more * self._collected * agents, reset_num_timesteps=False)
                except ValueError as error:  # of a distribution, or of actions that are NaN
                    if "to satisfy the constraint" not in str(error) and "nan" not in str(error).lower():
                        raise
                    relative = np.nan
                state = {name: value.clone() for name, value in model.policy.state_dict().items()}
                yield Stage(env.slots, env.slots * bits, state, relative)

    def _rate(self, left: float) -> float:
        return self.learning_rate * (LEAST_RATE + (1 - LEAST_RATE) * left)

    def powers(self, held: HeldOut, state: dict[str, Any]) -> Doubles:
        """Deterministic actions of the network, all layouts side by side.

        Args:
            held: layouts with their slots.
            state: parameters of the policy.

        Returns:
            powers (layouts, warm_up + slots, m).
        """
        settings, library = self._settings(held.scenario), stable_baselines3()
        batch, actions = Batch(settings, len(held.layouts), network=held.network()), Actions(settings)
        space, agents = actions.shared_space(), batch.agents
        policy = self._policy(batch.observation_space(), space, held.scenario)
        refuse_misfit(state, dict(policy.state_dict()))
        policy.load_state_dict(state)
        batch.reset(held.layouts)
        powers = np.empty((held.block.wanted.shape[1], batch.environments, *held.block.wanted.shape[2:]))
        for slot in range(len(powers)):
            rows = batch.observations().reshape(batch.environments * agents, -1)
            chosen, _ = policy.predict(library.numbered(rows, agents) if self._numbered else rows, deterministic=True)
            power, messages = actions.of_array(chosen, (len(rows), *(space.shape or ())), agents)
            powers[slot] = power
            batch.step(power, messages)
        return powers.swapaxes(0, 1)

    def _policy(self, observations: Box, actions: Space[Any], scenario: Scenario) -> Any:
        """The policy of a model, without the model around it."""
        kind, library = self._model(scenario), stable_baselines3()
        seen = library.numbered_space(observations, scenario.transmitters) if self._numbered else observations
        with library.Generators().in_use():  # its first parameters, which are not kept, are drawn
            return kind.policy(seen, actions, self._rate, **kind.policy_options)


def _on(scenario: Scenario, layout: int | None) -> Scenario:
    """`scenario` on that layout alone: episode 0 of its seed, on which it is compared."""
    if layout is None or scenario.layout == "fixed":
        return scenario
    return scenario.model_copy(update={"layout": "fixed", "layout_seed": layout})


def stable_baselines3() -> Any:
    """The module that needs Stable-Baselines3; raises ConfigError where that is missing."""
    try:
        from baselines.learned import stable_baselines  # noqa: PLC0415  # the other methods do without Stable-Baselines3
    except ModuleNotFoundError as error:
        if error.name != "stable_baselines3":
            raise
        raise ConfigError(missing("ppo, sac or dqn", "stable_baselines3", "compare")) from None
    return stable_baselines
