"""Stable-Baselines3's PPO, SAC and DQN: every agent of many networks is a row of one `PowerControlVecEnv`."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from baselines.comparison.methods import BITS, NeededKnowledge
from baselines.learned.rows import AlgorithmSetup, Reinforcement, stable_baselines3
from wirelessenv.config import ConfigError, Count, CountOrZero, NonNegative, Number, Positive, Probability
from wirelessenv.scenario import Scenario

ADAM_EPS = 1e-5
"""Stable-Baselines3's, for PPO."""
MinibatchSize = Annotated[Count, Field(le=100_000)]
"""Number of rows of a minibatch."""
Passes = Annotated[Count, Field(le=1000)]
"""Number of passes between two steps in the channel."""


class Proximal(Reinforcement):
    """Base class of PPO's forms: what is collected, and how it is passed over."""

    n_steps: Count = Field(50, description="slots of each network between two updates")
    n_epochs: Passes = Field(10, description="passes over them in an update")
    minibatches: Count = Field(8, description="in a pass")
    gae_lambda: Probability = 0.95
    clip_range: Positive = 0.2
    ent_coef: NonNegative = 0.0
    log_std_init: Annotated[Number, Field(ge=-20, le=20)] = Field(
        0.0, description="log of the standard deviation of actions, which are in [-1, 1], at first"
    )

    @model_validator(mode="after")
    def _minibatches_are_alike(self) -> Self:
        if self._collected % self.minibatches:
            raise ValueError(
                f"minibatches: {self.minibatches} is not valid: it should divide networks x n_steps, {self._collected}"
            )
        return self

    def check(self, scenario: Scenario) -> None:
        if self._collected * scenario.transmitters == self.minibatches:
            raise ConfigError(f"minibatches: {self.minibatches} is not valid: each would be one row, of no spread")
        super().check(scenario)

    @property
    def _collected(self) -> int:
        return self.networks * self.n_steps

    def _options(self, scenario: Scenario) -> dict[str, Any]:
        options = {name: getattr(self, name) for name in ("n_steps", "n_epochs", "gae_lambda", "clip_range", "ent_coef")}
        return options | {"batch_size": self._collected * scenario.transmitters // self.minibatches}


class PPO(Proximal):
    """Proximal policy optimisation (Schulman et al., 2017), Gaussian policies, of one network for all agents or of m.

    With `policies: own` every agent has an actor, a critic and a standard deviation of its own and learns them on one
    layout, from its own rows alone. Stable-Baselines3's minibatches mix the rows of all agents; so that they learn as m
    learners would, which draw minibatches each by itself, advantages are normalised for each agent before they are mixed,
    gradients are not clipped, because Stable-Baselines3 clips the norm of all agents' together, and Adam's eps is m times
    smaller, because the loss is the mean over the rows of m agents.
    """

    kind: Literal["ppo"] = "ppo"
    with_bands = True
    policies: Literal["shared", "own"] = Field(
        "shared", description="one network, trained across layouts; or one for each agent, trained on each layout"
    )

    @property
    def across(self) -> bool:
        return self.policies == "shared"

    @property
    def knows_in_training(self) -> NeededKnowledge:
        return "everything" if self.across or self.reward == "sum" else self.knows

    def _bits_in_training(self, scenario: Scenario, observed: int) -> float:
        """Bits of a slot: as ever where one network is trained; else every utility to all others, or just the messages."""
        if self.across:
            return super()._bits_in_training(scenario, observed)
        agents = scenario.transmitters
        return self.bits(scenario) + BITS * agents * (agents - 1) * (self.reward == "sum")

    @property
    def _numbered(self) -> bool:
        return self.policies == "own"

    def _model(self, scenario: Scenario) -> AlgorithmSetup:
        library, agents = stable_baselines3(), scenario.transmitters
        policy_options = {"net_arch": list(self.hidden), "log_std_init": self.log_std_init}
        options = self._options(scenario)
        if self.across:
            return AlgorithmSetup(library.StagedPPO, library.ActorCriticPolicy, policy_options, options)
        alone = {
            "max_grad_norm": np.inf,
            "normalize_advantage": False,
            "rollout_buffer_class": library.PerAgentAdvantages,
            "rollout_buffer_kwargs": {"agents": agents},
        }
        policy_options |= {"agents": agents, "optimizer_kwargs": {"eps": ADAM_EPS / agents}}
        return AlgorithmSetup(library.StagedPPO, library.PerAgentPolicy, policy_options, options | alone)


class Replaying(Reinforcement):
    """Base class of the algorithms with a replay buffer: SAC and DQN."""

    buffer_slots: Count = Field(8000, description="slots, over all networks, that are remembered")
    batch_size: MinibatchSize = Field(512, description="agent-steps in a minibatch")
    updates: Annotated[Count, Field(le=1000)] = Field(
        1, description="gradient steps after each slot, which all networks play at once"
    )
    first: CountOrZero = Field(800, description="slots of random actions before the first update")

    @property
    def _remembered(self) -> tuple[str, int]:
        return "buffer_slots", max(self.buffer_slots, self.networks)

    def _options(self, agents: int) -> dict[str, Any]:
        return {
            "buffer_size": max(self.buffer_slots, self.networks) * agents,
            "batch_size": self.batch_size,
            "train_freq": 1,
            "gradient_steps": self.updates,
            "learning_starts": self.first * agents,
        }


class SAC(Replaying):
    """Soft actor-critic (Haarnoja et al., 2018): one network for all agents."""

    kind: Literal["sac"] = "sac"
    with_bands = True
    updates: Passes = 4
    tau: Probability = Field(0.005, description="share of the critics that goes into their targets in an update")
    temperature: Positive = Field(0.01, description="weight of the entropy at first; it is learned")
    target_entropy: Annotated[Number, Field(ge=-1e6, le=1e6)] = Field(
        -6.0, description="of the policy, nats; low, because the best powers are often 0 or p_max"
    )

    def _model(self, scenario: Scenario) -> AlgorithmSetup:
        library = stable_baselines3()
        options = self._options(scenario.transmitters) | {"tau": self.tau, "target_entropy": self.target_entropy}
        options["ent_coef"] = f"auto_{self.temperature}"
        return AlgorithmSetup(library.StagedSAC, library.SACPolicy, {"net_arch": list(self.hidden)}, options)


class DQN(Replaying):
    """Deep Q-learning (Mnih et al., 2015): one network for all agents, which choose among `levels` powers."""

    kind: Literal["dqn"] = "dqn"
    with_bands = True
    batch_size: MinibatchSize = 1024
    levels: Annotated[int, Field(ge=2, le=10_000, strict=True)] = Field(
        10, description="level k is the power k p_max / (levels - 1)"
    )
    exploration: Probability = Field(0.05, description="share of random actions at the end")
    exploration_fraction: Probability = Field(0.3, description="of the training; so long it falls to that share, from 1")
    target_slots: Count = Field(1600, description="slots, over all networks, between two copies of the network to its target")

    def _actions(self) -> dict[str, Any]:
        return {"actions": "discrete", "levels": self.levels}

    def _model(self, scenario: Scenario) -> AlgorithmSetup:
        library = stable_baselines3()
        options = self._options(scenario.transmitters) | {
            "exploration_final_eps": self.exploration,
            "exploration_fraction": self.exploration_fraction,
            "target_update_interval": max(self.target_slots, self.networks) * scenario.transmitters,
        }
        return AlgorithmSetup(library.StagedDQN, library.DQNPolicy, {"net_arch": list(self.hidden)}, options)
