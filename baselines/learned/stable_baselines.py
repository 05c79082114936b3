"""Algorithms of Stable-Baselines3 for reinforcement.py: trained in stages, on generators of their own, row by row."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy

from baselines.learned.per_agent import Numbered, PerAgentAdvantages, PerAgentPolicy, numbered, numbered_space
from baselines.learned.talking_actor import TalkingActorCritic
from wirelessenv.integrations.sb3 import PowerControlVecEnv


class Staged(BaseAlgorithm):
    """Schedules that run over all stages, where Stable-Baselines3's begin anew with every `learn`."""

    whole = 0
    """Number of time steps of all stages."""

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        super()._update_current_progress_remaining(num_timesteps, self.whole)

    def begin(self, whole: int) -> None:
        """Log nothing, not even an empty directory; `whole` time steps will follow."""
        self.set_logger(Logger(None, []))
        self.whole = whole


class StagedPPO(Staged, stable_baselines3.PPO):
    """Proximal policy optimisation (Schulman et al., 2017)."""


class StagedSAC(Staged, stable_baselines3.SAC):
    """Soft actor-critic (Haarnoja et al., 2018)."""


class StagedDQN(Staged, stable_baselines3.DQN):
    """Deep Q-learning (Mnih et al., 2015), where every row explores by itself.

    Stable-Baselines3 lets either all rows of a step explore or none: no agent would ever see what its own exploring does
    while the others do as they have learned.
    """

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Greedy actions; unless they are to be deterministic, uniform ones in a share `exploration_rate` of the rows.

        Args:
            observation: of all rows, (rows, size).
            state: of a recurrent policy; not used.
            episode_start: of a recurrent policy; not used.
            deterministic: without exploring.

        Returns:
            (actions (rows,), state).
        """
        chosen, state = self.policy.predict(observation, state, episode_start, deterministic)
        if not deterministic:
            draws, space = self.action_space.np_random, self.action_space
            explores = draws.random(chosen.shape) < self.exploration_rate
            chosen = np.where(explores, draws.integers(space.n, size=chosen.shape), chosen)  # type: ignore[attr-defined]  # Discrete
        return chosen, state


class Generators:
    """The global generators that Stable-Baselines3 draws from, as one training's own: others' draws leave it as it is."""

    def __init__(self) -> None:
        self._own = _generators()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """This training's generators inside, and what was there before afterwards."""
        others = _generators()
        _set_generators(self._own)
        try:
            yield
        finally:
            self._own = _generators()
            _set_generators(others)


def _generators() -> tuple[Any, ...]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002  # what Stable-Baselines3 draws from


def _set_generators(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002  # what Stable-Baselines3 draws from
    torch.set_rng_state(states[2])


__all__ = [
    "ActorCriticPolicy",
    "DQNPolicy",
    "Generators",
    "Numbered",
    "PerAgentAdvantages",
    "PerAgentPolicy",
    "PowerControlVecEnv",
    "SACPolicy",
    "StagedDQN",
    "StagedPPO",
    "StagedSAC",
    "TalkingActorCritic",
    "numbered",
    "numbered_space",
]
